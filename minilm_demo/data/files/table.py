"""A file as a table, and the limits of what is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ...errors import DataError

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
    rows: Sequence[Mapping],
    label_names: Mapping[str, Sequence[str]] | None = None,
    notes: Sequence[str] = (),
    columns: Sequence[str] = (),
) -> Table:
    """The table of rows that may lack some of the columns, in the order of `columns`, then of first appearance."""
    columns = tuple(dict.fromkeys([*columns, *(str(column) for row in rows for column in row)]))
    complete = [dict.fromkeys(columns) | {str(column): value for column, value in row.items()} for row in rows]
    return Table(columns, complete, label_names or {}, tuple(notes))


def require_plain(table: Table, column_of: Mapping[str, str], name: str, text_fields: Sequence[str]) -> None:
    """Raise `DataError` if a column to be read as text holds lists or objects. `column_of`: field -> its column."""
    for text_field in text_fields:
        column = column_of.get(text_field)
        nested = [number for number, row in enumerate(table.rows, 1) if isinstance(row.get(column), list | dict)]
        if nested:
            raise DataError(
                f"{name}: the column {column} holds {counted(len(nested), 'list or object', 'lists or objects')} (the "
                f"first: row {nested[0]}); {text_field} must be text."
            )


def counted(number: int, noun: str) -> str:
    """ "1 row", "2,000 rows"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def listed(names: Sequence[object], most: int = 8) -> str:
    """ "a, b and c"; of many names the first ones, and how many more."""
    shown = list(map(str, names[:most]))
    if len(names) > most:
        return f"{', '.join(shown)} and {len(names) - most:,} more"
    return " and ".join(filter(None, (", ".join(shown[:-1]), *shown[-1:])))
