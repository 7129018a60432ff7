"""A file as a table, and the limits of what is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

MAX_FILE_BYTES = 50_000_000  # of a user's own file, as it stands on the disk
EXPANSION = 4  # a packed file may expand to this many times MAX_FILE_BYTES
MAX_FILE_ROWS = 1_000_000
CELLS_PER_ROW = 10  # a packed file may have this many times MAX_FILE_ROWS values


@dataclass(frozen=True)
class Table:
    """The rows of a file. Every row has every column; a cell that is not there is None, or "" in a text format.

    `label_names`: column -> the names of its numbers, where the file has them. `notes`: full sentences for people on
    what was decided in the reading and what was left out, for example the encoding, or blank rows."""

    columns: tuple[str, ...]
    rows: list[dict[str, object]]
    label_names: Mapping[str, Sequence[str]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def table_of(
    rows: Sequence[Mapping], label_names: Mapping[str, Sequence[str]] | None = None, notes: Sequence[str] = ()
) -> Table:
    """The table of rows that may lack some of the columns, in the order in which the columns first appear."""
    columns = tuple(dict.fromkeys(str(column) for row in rows for column in row))
    complete = [dict.fromkeys(columns) | {str(column): value for column, value in row.items()} for row in rows]
    return Table(columns, complete, label_names or {}, tuple(notes))
