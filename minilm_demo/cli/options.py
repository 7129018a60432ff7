"""Arguments of the command line: flags from the fields of a configuration, and one sentence for a wrong argument."""

from __future__ import annotations

import argparse
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import TypeVar

from ..data import parse_labels, parse_range
from ..errors import DataError, DemoError

T = TypeVar("T")


class UsageError(Exception):
    """A wrong argument on the command line."""


class Parser(argparse.ArgumentParser):
    """A parser that raises `UsageError` instead of printing the usage and exiting."""

    def error(self, message: str) -> typing.NoReturn:
        raise UsageError(f"{message[:1].upper()}{message[1:]}. `{self.prog} --help` shows what is allowed.")


class CommandParser(Parser):
    """The parser of one command. Its options may stand anywhere: before, between and after the texts."""

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self._is_mixing = False

    def parse_known_args(self, args=None, namespace=None):
        if self._is_mixing:  # `parse_known_intermixed_args` parses twice, by this method
            return super().parse_known_args(args, namespace)
        self._is_mixing = True
        try:
            return self.parse_known_intermixed_args(args, namespace)
        finally:
            self._is_mixing = False


def positive(text: str) -> int:
    """A whole number from 1, as the `type` of a flag."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a positive whole number")
    return int(text)


RENAMED = {"output_dir": "output"}  # field -> flag, where the names differ
PAIRS = {"columns": "column"}  # field -> flag of a mapping that is given pair by pair, as names may hold commas
METAVARS = {"probe": "TEXT"}  # of repeatable flags; the others take a path


def add_config(
    parser: argparse.ArgumentParser, config: type, exclude: Sequence[str] = (), only: Sequence[str] = ()
) -> None:
    """Add one flag per field of the configuration dataclass, or for those in `only`, with the help and choices of the
    field's metadata. A flag that is not on the command line leaves no attribute in the parsed arguments."""
    types = typing.get_type_hints(config)
    for field in fields(config):
        if field.name in exclude or (only and field.name not in only):
            continue
        options = {"help": field.metadata["help"], "dest": field.name, "default": argparse.SUPPRESS}
        flag = f"--{RENAMED.get(field.name, field.name).replace('_', '-')}"
        if field.name == "time_budget":
            parser.add_argument(flag, type=_duration, metavar="60s", **options)
        elif field.name in PAIRS:
            parser.add_argument(f"--{PAIRS[field.name]}", action=_StorePair, metavar="NAME=COLUMN", **options)
        elif types[field.name] == Mapping[str, str] | None:
            parser.add_argument(flag, type=mapping, metavar="VALUE=LABEL,…", **options)
        elif types[field.name] == tuple[float, float] | None:
            parser.add_argument(flag, type=_range, metavar="LOW,HIGH", **options)
        elif types[field.name] is bool:
            parser.add_argument(flag, action="store_true", **options)
        elif typing.get_origin(types[field.name]) is tuple:
            parser.add_argument(flag, action="append", metavar=METAVARS.get(field.name, "PATH"), **options)
        else:
            allowed_types = (types[field.name], *typing.get_args(types[field.name]))
            value_type = next(candidate for candidate in (float, int, str) if candidate in allowed_types)
            parser.add_argument(flag, type=value_type, choices=field.metadata.get("choices"), **options)


class _StorePair(argparse.Action):
    """Adds "NAME=COLUMN" to the mapping of a repeatable flag."""

    def __call__(self, parser, namespace, value, option_string=None):
        name, separator, column = value.partition("=")
        if not separator or not name.strip():
            raise argparse.ArgumentError(self, f"'{value}' is no pair; write NAME=COLUMN")
        pairs = getattr(namespace, self.dest, None) or {}
        setattr(namespace, self.dest, {**pairs, name.strip(): column})


def add_overwrite(parser: argparse.ArgumentParser) -> None:
    """Add the flag that lets `--output` replace a file. Runs have the same flag from their configuration."""
    parser.add_argument("--overwrite", action="store_true", help="replace the file at --output")


def _duration(text: str) -> float:
    """Seconds of "60s", "2m", "1h" or a plain number."""
    units = {"s": 1, "m": 60, "h": 3600}
    try:
        return float(text[:-1]) * units[text[-1]] if text[-1:] in units else float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is no duration; write 30s, 2m or 1h") from None


def mapping(text: str) -> dict[str, str]:
    """The mapping of "0=negative,1=positive"."""
    return _argument(parse_labels, text)


def _range(text: str) -> tuple[float, float]:
    """The two numbers of "0,1"."""
    return _argument(parse_range, text)


def _argument(parse: Callable[[str], T], text: str) -> T:
    try:
        return parse(text)
    except DataError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def read_config(args: argparse.Namespace, config: type):
    """An instance of the dataclass `config` with the flags of `add_config`. Raises `UsageError` for a value that it
    refuses."""
    values = {field.name: getattr(args, field.name) for field in fields(config) if hasattr(args, field.name)}
    values |= {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
    try:
        return config(**values)
    except DemoError as error:
        raise UsageError(str(error)) from error
