"""Rows of cells, as a text file or a sheet has them, become a table."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ...errors import DataError
from .header import column_of, has_known_name, is_number, is_vocabulary, names_columns, names_of_unnamed
from .table import Table, counted, listed

PREAMBLE_ROWS = 5  # lines above the header that may hold a title
MANY_ROWS = 200  # from which a few rows that do not fit are left out
FEW_BENT = 0.01
DECIMAL_COMMA = re.compile(r"[-+]?\d+,\d+")


@dataclass(frozen=True)
class Grid:
    """Rows of cells, before it is known what they mean. `lines`: where each row stands in the file."""

    name: str
    rows: list[list]
    lines: list[int]
    unit: str  # of `lines`: "line" | "row"
    separator: str = ""
    notes: tuple[str, ...] = ()

    def keep(self, wanted: Sequence[bool], *notes: str) -> Grid:
        """The wanted rows, and further notes."""
        rows = [row for row, is_wanted in zip(self.rows, wanted, strict=True) if is_wanted]
        lines = [line for line, is_wanted in zip(self.lines, wanted, strict=True) if is_wanted]
        return replace(self, rows=rows, lines=lines, notes=(*self.notes, *notes))


def is_blank(row: Sequence) -> bool:
    return all(cell is None or not str(cell).strip() for cell in row)


def table_of_grid(grid: Grid, *, every_row: bool = False) -> Table:
    """The table of a grid. Raises `DataError` for rows that fit the header neither as they are nor plainly repaired.

    With `every_row`, blank rows below the header and repetitions of it stay, and no cell is rewritten. Of a sheet,
    blank rows at the end are none of its rows: a spreadsheet keeps some that were never filled."""
    grid = _without_title(_trimmed(grid, keeps_end=every_row and bool(grid.separator)))
    if not grid.rows:
        return Table((), [], {}, grid.notes)
    header, grid = _header(grid)
    if not every_row:
        grid = _without_repetitions(_without_blank_rows(grid), header)
    header, grid = _fitted(header, grid, every_row)
    positions, names, words = _names(header, grid)
    grid = replace(grid, notes=(*grid.notes, *words))
    rows = [{name: row[position] for position, name in zip(positions, names, strict=True)} for row in grid.rows]
    notes = grid.notes if every_row else (*grid.notes, *_decimal_points(names, rows))
    return Table(tuple(names), rows, {}, notes)


def _trimmed(grid: Grid, keeps_end: bool) -> Grid:
    """Without blank rows before the first and, unless `keeps_end`, after the last."""
    filled = [position for position, row in enumerate(grid.rows) if not is_blank(row)]
    if not filled:
        return replace(grid, rows=[], lines=[])
    first, last = filled[0], len(grid.rows) if keeps_end else filled[-1] + 1
    return replace(grid, rows=grid.rows[first:last], lines=grid.lines[first:last])


def _without_title(grid: Grid) -> Grid:
    """Without a title above the header: rows with a first cell only, before a row with names of columns."""
    first_rows = grid.rows[: PREAMBLE_ROWS + 1]
    position = next((i for i, row in enumerate(first_rows) if has_known_name(row) or not is_blank(row[1:])), 0)
    if not position or not has_known_name(grid.rows[position]) or is_blank(grid.rows[position][1:]):
        return grid
    title = str(grid.rows[0][0]).strip()[:60]
    note = f"What stands above the names of the columns was left out (“{title}”)."
    return grid.keep([index >= position for index in range(len(grid.rows))], note)


def _header(grid: Grid) -> tuple[list[str], Grid]:
    """The names of the columns, and the rows below them."""
    filled = [row for row in grid.rows if not is_blank(row)]
    if names_columns(filled):
        names = ["" if cell is None else " ".join(str(cell).lstrip("\ufeff").split()) for cell in grid.rows[0]]
        return names, grid.keep([False, *[True] * (len(grid.rows) - 1)])
    width = Counter(map(len, filled)).most_common(1)[0][0]
    names = names_of_unnamed(filled, width)
    note = f"The first {grid.unit} is a row like the others and names no columns; they are called {listed(names)} here."
    return list(names), replace(grid, notes=(*grid.notes, note))


def _without_blank_rows(grid: Grid) -> Grid:
    blank = [is_blank(row) for row in grid.rows]
    if not any(blank):
        return grid
    was, first = "was" if sum(blank) == 1 else "were", grid.lines[blank.index(True)]
    note = f"{counted(sum(blank), 'blank row')} {was} passed over (the first: {grid.unit} {first})."
    return grid.keep([not row for row in blank], note)


def _without_repetitions(grid: Grid, header: Sequence[str]) -> Grid:
    names = [name.strip() for name in header]
    again = [[str(cell).strip() for cell in row[: len(names)]] == names for row in grid.rows]
    if not any(again):
        return grid
    times = "once" if sum(again) == 1 else f"{sum(again):,} times"
    note = (
        f"The names of the columns stand between the rows {times} more (the first: {grid.unit} "
        f"{grid.lines[again.index(True)]}); these rows were left out."
    )
    return grid.keep([not row for row in again], note)


# -- rows of another width -------------------------------------------------------------------------------------------


def _fitted(header: list[str], grid: Grid, every_row: bool) -> tuple[list[str], Grid]:
    """Every row as wide as the header. Raises `DataError`."""
    width = len(header)
    rows = [[""] * width if is_blank(row) else row for row in grid.rows]
    rows = [row[:width] if is_blank(row[width:]) else row for row in rows]
    misfits = [position for position, row in enumerate(rows) if len(row) != width]
    grid = replace(grid, rows=rows)
    if not misfits:
        return header, grid
    if width == 1 and grid.separator:
        joined = [[grid.separator.join(row)] for row in rows]
        return header, replace(grid, rows=joined)
    if len(misfits) == len(rows) and all(len(row) == width + 1 for row in rows) and _is_running(column_of(rows, 0)):
        return ["", *header], grid  # R names its rows, and not their column
    if not _are_short(rows, misfits, width):
        return header, _repaired(header, grid, misfits, every_row)
    filled = [[*row, *[""] * (width - len(row))] for row in rows]
    rows_short = counted(len(misfits), "row")
    note = f"{rows_short} without the last cells (the first: {_place(grid, misfits)}); they are empty here."
    return header, replace(grid, rows=filled, notes=(*grid.notes, note))


def _place(grid: Grid, positions: Sequence[int]) -> str:
    return f"{grid.unit} {grid.lines[positions[0]]}"


def _is_running(values: Sequence[str]) -> bool:
    return all(value.isdecimal() for value in values) and len(set(values)) == len(values) > 1


def _are_short(rows: Sequence[Sequence], misfits: Sequence[int], width: int) -> bool:
    """Whether rows only lack last cells, of columns that are empty in other rows too."""
    shortest = min(len(rows[position]) for position in misfits)
    if max(len(rows[position]) for position in misfits) > width:
        return False
    full_rows = [row for row in rows if len(row) == width]
    return all(any(is_blank([row[column]]) for row in full_rows) for column in range(shortest, width))


def _repaired(header: Sequence[str], grid: Grid, misfits: Sequence[int], every_row: bool) -> Grid:
    """The rows with surplus separators put back into the column to which they belong, if only one is possible."""
    width, full_rows = len(header), [row for row in grid.rows if len(row) == len(header)]
    too_wide = all(len(grid.rows[position]) > width for position in misfits)
    candidates = [
        column
        for column in range(width)
        if too_wide and full_rows and all(_joins(grid.rows[position], column, width, full_rows) for position in misfits)
    ]
    if len(candidates) == 1:
        column, rows = candidates[0], list(grid.rows)
        for position in misfits:
            rows[position] = _joined(rows[position], column, width, grid.separator)
        verb = "has" if len(misfits) == 1 else "have"
        note = (
            f"{counted(len(misfits), 'row')} {verb} a '{grid.separator}' without quotation marks (the first: "
            f"{_place(grid, misfits)}); it is read as part of the column {header[column]}."
        )
        return replace(grid, rows=rows, notes=(*grid.notes, note))
    if every_row or len(grid.rows) < MANY_ROWS or len(misfits) > FEW_BENT * len(grid.rows):
        raise _refusal(header, grid, misfits)
    verb = "does" if len(misfits) == 1 else "do"
    note = (
        f"{counted(len(misfits), 'row')} of {len(grid.rows):,} {verb} not have the {width} cells of the header (first: "
        f"{_place(grid, misfits)}); {'it was' if len(misfits) == 1 else 'they were'} left out."
    )
    return grid.keep([len(row) == width for row in grid.rows], note)


def _joined(row: Sequence[str], column: int, width: int, separator: str) -> list[str]:
    surplus = len(row) - width
    return [*row[:column], separator.join(row[column : column + surplus + 1]), *row[column + surplus + 1 :]]


def _joins(row: Sequence[str], column: int, width: int, full_rows: Sequence[Sequence[str]]) -> bool:
    """Whether the row, its surplus cells joined in this column, is like the whole rows in the others. At least one
    other column must be one of numbers or of few values."""
    joined, compared = _joined(row, column, width, ","), 0
    for position in range(width):
        values = column_of(full_rows, position)
        if position == column or not values:
            continue
        cell = str(joined[position]).strip()
        if all(map(is_number, values)):
            compared += 1
            if not is_number(cell):
                return False
        elif is_vocabulary(values):
            compared += 1
            if cell not in values:
                return False
    texts = column_of(full_rows, column)
    return compared > 0 and not all(map(is_number, texts)) and not is_vocabulary(texts)


def _refusal(header: Sequence[str], grid: Grid, misfits: Sequence[int]) -> DataError:
    """All widths that do not fit, with their numbers and first places."""
    first = {}
    for position in misfits:
        first.setdefault(len(grid.rows[position]), position)
    widths = Counter(len(grid.rows[position]) for position in misfits)
    reasons = []
    for width, number in sorted(widths.items()):
        verb = "has" if number == 1 else "have"
        place = _place(grid, [first[width]])
        where = f"({place})" if number == 1 else f"(the first: {place})"
        reasons.append(f"{counted(number, 'row')} {verb} {counted(width, 'cell')} {where}")
    mark = {"\t": "a tab", "": "a separator"}.get(grid.separator, f"'{grid.separator}'")
    return DataError(
        f"{grid.name} names {counted(len(header), 'column')} ({listed(header)}), but "
        f"{listed(reasons)}, of {len(grid.rows):,} in all. A text that holds {mark} must "
        "stand in double quotes, and those inside it doubled."
    )


# -- names of columns, numbers ---------------------------------------------------------------------------------------


def _names(header: Sequence[str], grid: Grid) -> tuple[list[int], list[str], list[str]]:
    """Positions and names of the columns, and notes. A column without a name is left out if it is empty, else it is
    named by its position. Names that stand there twice get numbers, so that none is taken for the other."""
    positions = [
        position
        for position, name in enumerate(header)
        if name.strip() or any(not is_blank([row[position]]) for row in grid.rows)
    ]
    names = [header[position] if header[position].strip() else f"column {position + 1}" for position in positions]
    numbers = Counter(name.strip() for name in names)
    twice = [name for name, number in numbers.items() if number > 1]
    if not twice:
        return positions, names, []
    seen: Counter = Counter()
    numbered = []
    for name in map(str.strip, names):
        seen[name] += 1
        numbered.append(f"{name} ({seen[name]})" if numbers[name] > 1 else name)
    note = (
        f"Several columns are called {listed(twice)}; they are numbered here: "
        f"{listed([name for name in numbered if name.rpartition(' (')[0] in twice])}."
    )
    return positions, numbered, [note]


def _decimal_points(names: Sequence[str], rows: list[dict]) -> list[str]:
    """Write the numbers of a column with decimal commas with points; returns a sentence on each."""
    notes = []
    for name in names:
        cells = [row[name].strip() for row in rows if isinstance(row[name], str) and row[name].strip()]
        commas = [cell for cell in cells if "," in cell]
        if not commas or not all(map(DECIMAL_COMMA.fullmatch, commas)) or not all(map(is_number, cells)):
            continue
        if all(len(cell.partition(",")[2]) == 3 for cell in commas) and not any(cell[:2] == "0," for cell in commas):
            notes.append(f"The commas in the numbers of the column {name} may separate thousands; they stay.")
            continue
        for row in rows:
            if isinstance(row[name], str):
                row[name] = row[name].strip().replace(",", ".")
        notes.append(f"The comma in the numbers of the column {name} is read as the decimal point ({commas[0]}).")
    return notes
