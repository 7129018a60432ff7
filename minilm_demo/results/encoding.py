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
    """What msgspec does not know: numpy numbers, and mappings that are no `dict`."""
    return value.item() if isinstance(value, np.generic) else dict(value)


def from_dict(kind: type[Kind], values) -> Kind:
    """`values` (plain JSON) as an instance of the dataclass `kind`, nested dataclasses and tuples included.

    Keys that `kind` does not have are passed over, so that an older program reads a newer run; for fields that are not
    there the default is taken. Raises `ValueError` for values of another type."""
    try:
        return msgspec.convert(values, kind)
    except msgspec.ValidationError as error:
        raise ValueError(f"These values do not fit: {error}.") from error
