"""Any result as plain JSON values, and back."""

from __future__ import annotations

from typing import TypeVar

import msgspec
import numpy as np

Kind = TypeVar("Kind")


def to_dict(result) -> dict:
    """A dataclass as plain JSON values; numpy numbers become Python's."""
    return msgspec.to_builtins(result, enc_hook=_plain)


def _plain(value):
    """The plain value of a type that msgspec does not support: a numpy number, or a mapping that is no `dict`."""
    return value.item() if isinstance(value, np.generic) else dict(value)


def from_dict(kind: type[Kind], values) -> Kind:
    """`values` (plain JSON) as an instance of the dataclass `kind`, nested dataclasses and tuples included.

    Unknown keys are ignored, so that an older program reads a newer run. Missing fields get their default. Raises
    `ValueError` for values of another type."""
    try:
        return msgspec.convert(values, kind)
    except msgspec.ValidationError as error:
        raise ValueError(f"These values do not fit: {error}.") from error
