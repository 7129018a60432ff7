"""Excel workbooks (.xlsx): the first sheet that holds a table."""

from __future__ import annotations

import datetime
import io
import re
import warnings
import zipfile
from collections.abc import Iterator

from ...errors import DataError
from .grid import Grid, is_blank, table_of_grid
from .table import CELLS_PER_ROW, EXPANSION, MAX_FILE_BYTES, MAX_FILE_ROWS, Table, counted, listed

MAX_CELLS = CELLS_PER_ROW * MAX_FILE_ROWS // 2
FORMULA = re.compile(rb"<f[ >/]")


def read_workbook(name: str, data: bytes, *, every_row: bool = False) -> Table:
    """The table of the first visible sheet that has one; a note names the others. Cells keep their kind: numbers,
    truth values; dates become ISO text, and formulas their stored value. Raises `DataError`."""
    import openpyxl

    has_formulas = _check_size(name, data)
    try:
        with warnings.catch_warnings():  # of styles and extensions that do not concern the cells
            warnings.simplefilter("ignore")
            workbook = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
            grids = [
                _grid(name, sheet.title, sheet)
                for sheet in workbook.worksheets
                if sheet.sheet_state == "visible" and hasattr(sheet, "iter_rows")
            ]
            empty_formulas = _empty_formulas(data) if has_formulas else 0
    except DataError:
        raise
    except Exception as error:  # openpyxl raises whatever the broken part of a workbook leads to
        message = " ".join(str(error).split())[:200] or type(error).__name__
        raise DataError(f"{name} cannot be read as an Excel workbook: {message}") from error
    filled = [(title, grid) for title, grid in grids if sum(not is_blank(row) for row in grid.rows) > 1]
    if not filled:
        return Table((), [])
    title, grid = next(((title, grid) for title, grid in filled if _width(grid) > 1), filled[0])
    notes = []
    if len(grids) > 1:
        others = [other for other, _ in grids if other != title]
        notes.append(f"The sheet {title} was read; there {'is' if len(others) == 1 else 'are'} also {listed(others)}.")
    if empty_formulas:
        notes.append(
            f"{counted(empty_formulas, 'formula')} without a stored value, empty here: open the workbook in a "
            "spreadsheet program and save it."
        )
    grid = Grid(name, grid.rows, grid.lines, "row", "", tuple(notes))
    return table_of_grid(grid, every_row=every_row)


def _check_size(name: str, data: bytes) -> bool:
    """Refuse a workbook that unfolds to more than may be read; returns whether a sheet has formulas."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            size = sum(member.file_size for member in archive.infolist())
            limit = EXPANSION * MAX_FILE_BYTES
            if size > limit:
                raise DataError(
                    f"{name} unfolds to {size / 1e6:,.0f} MB; at most {limit / 1e6:,.0f} MB can be read. Save the "
                    "sheet as CSV without what is not needed."
                )
            sheets = [member for member in archive.namelist() if member.startswith("xl/worksheets/")]
            return any(FORMULA.search(archive.read(sheet)) for sheet in sheets)
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, EOFError, ValueError) as error:
        raise DataError(f"{name} cannot be read as an Excel workbook: {error}") from error


def _grid(name: str, title: str, sheet) -> tuple[str, Grid]:
    """The cells of a sheet, every row as wide as the widest."""
    sheet.reset_dimensions()  # what the workbook says of its size may be wrong
    rows, cells, last = [], 0, 0
    for number, row in enumerate(sheet.iter_rows(values_only=True), 1):
        values = [_value(cell) for cell in row]
        while values and (values[-1] is None or values[-1] == ""):
            values.pop()
        cells += max(1, len(row))
        last = number if values else last
        if cells > MAX_CELLS or number > MAX_FILE_ROWS + 1:
            raise DataError(
                f"{name}: the sheet {title} has more than {min(MAX_CELLS, MAX_FILE_ROWS):,} rows or cells that can be "
                "read. Save what is needed as CSV."
            )
        rows.append(values)
    rows = rows[:last]
    width = max(map(len, rows), default=0)
    if width * len(rows) > MAX_CELLS:
        raise DataError(f"{name}: the sheet {title} has {len(rows):,} rows of up to {width:,} cells; that is too many.")
    filled = [[*row, *[""] * (width - len(row))] for row in rows]
    filled = [["" if cell is None else cell for cell in row] for row in filled]
    return title, Grid(name, filled, list(range(1, len(filled) + 1)), "row")


def _value(cell: object) -> object:
    if isinstance(cell, datetime.datetime):
        at_midnight = cell.time() == datetime.time()
        return cell.date().isoformat() if at_midnight else cell.isoformat(" ", "seconds")
    if isinstance(cell, datetime.date | datetime.time | datetime.timedelta):
        return str(cell)
    return cell


def _width(grid: Grid) -> int:
    """The number of columns that have cells."""
    return sum(any(not is_blank([row[column]]) for row in grid.rows) for column in range(len(grid.rows[0])))


def _empty_formulas(data: bytes) -> int:
    """How many formulas have no stored value, as where a program and not a spreadsheet wrote them."""
    import openpyxl

    books = [openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=stored) for stored in (True, False)]
    return sum(
        stored is None and formula is not None
        for stored_rows, rows in zip(*map(_rows, books), strict=True)
        for stored, formula in zip(stored_rows, rows, strict=True)
    )


def _rows(workbook) -> Iterator[tuple]:
    for sheet in workbook.worksheets:
        sheet.reset_dimensions()
        yield from sheet.iter_rows(values_only=True)
