"""Arguments of the command line: flags made from the fields of a configuration, and one sentence for a wrong word."""

from __future__ import annotations

import argparse
import typing
from collections.abc import Sequence
from dataclasses import fields

from ..errors import DemoError


class UsageError(Exception):
    """The words of the command line do not fit."""


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> typing.NoReturn:
        raise UsageError(f"{message[:1].upper()}{message[1:]}. `{self.prog} --help` shows what is allowed.")


def positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a positive whole number")
    return int(text)


RENAMED = {"output_dir": "output"}  # flags whose name is not the field's own
METAVARS = {"probe": "TEXT"}  # of repeatable flags that take no path


def add_config(parser: argparse.ArgumentParser, config: type, but: Sequence[str] = ()) -> None:
    """One flag per field of a configuration, its help and choices read from there."""
    kinds = typing.get_type_hints(config)
    for one in fields(config):
        if one.name in but:
            continue
        options = {"help": one.metadata["help"], "dest": one.name, "default": argparse.SUPPRESS}
        flag = f"--{RENAMED.get(one.name, one.name).replace('_', '-')}"
        if one.name == "time_budget":
            parser.add_argument(flag, type=_duration, metavar="60s", **options)
        elif kinds[one.name] is bool:
            parser.add_argument(flag, action="store_true", **options)
        elif typing.get_origin(kinds[one.name]) is tuple:
            parser.add_argument(flag, action="append", metavar=METAVARS.get(one.name, "PATH"), **options)
        else:
            kind = next(k for k in (float, int, str) if k in (kinds[one.name], *typing.get_args(kinds[one.name])))
            parser.add_argument(flag, type=kind, choices=one.metadata.get("choices"), **options)


def _duration(text: str) -> float:
    """Seconds of "60s", "2m", "1h" or a plain number."""
    units = {"s": 1, "m": 60, "h": 3600}
    try:
        return float(text[:-1]) * units[text[-1]] if text[-1:] in units else float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is no duration; write 30s, 2m or 1h") from None


def read_config(args: argparse.Namespace, config: type):
    given = {one.name: getattr(args, one.name) for one in fields(config) if hasattr(args, one.name)}
    given |= {name: tuple(value) for name, value in given.items() if isinstance(value, list)}
    try:
        return config(**given)
    except DemoError as error:
        raise UsageError(str(error)) from error
