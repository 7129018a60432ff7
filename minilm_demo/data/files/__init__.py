"""How bytes become a table: one reader a format. Limits are checked before a file is parsed."""

from __future__ import annotations

from pathlib import Path

from ...errors import DataError
from .arrow import check_expansion, read_parquet
from .encodings import read_text
from .json_rows import read_jsonl
from .separated import read_separated
from .table import MAX_FILE_BYTES, Table, table_of

__all__ = [
    "FILE_KINDS",
    "MAX_FILE_BYTES",
    "Table",
    "check_kind",
    "read_rows",
    "read_table",
    "read_text",
]
FILE_KINDS = (".csv", ".tsv", ".jsonl", ".json", ".parquet")


def read_rows(file: Path) -> Table:
    """The table of a file of any size, for the rows of a mirror."""
    kind = file.suffix.lower()
    if kind == ".parquet":
        return table_of(*read_parquet(file))
    return table_of(read_jsonl(file) if kind in (".jsonl", ".json") else read_separated(file))


def read_table(path: Path, *, every_row: bool = False) -> Table:
    """The table of a user's own file. Raises `DataError` for a file that is too large or cannot be read.

    Blank rows, and repetitions of the header, are left out, which a note says. With `every_row` they stay, so that
    answers can stand beside the rows of the file."""
    check_kind(path)
    if path.stat().st_size > MAX_FILE_BYTES:
        raise DataError(f"{path.name} has {path.stat().st_size / 1e6:.0f} MB; at most {MAX_FILE_BYTES / 1e6:.0f} MB.")
    if path.suffix.lower() == ".parquet":
        check_expansion(path)
    return read_rows(path)


def check_kind(path: Path) -> None:
    if path.suffix.lower() not in FILE_KINDS:
        raise DataError(f"{path.name}: files may be {', '.join(FILE_KINDS)}.")
