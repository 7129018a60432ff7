"""Files as rows: CSV, TSV, JSON lines and parquet, read with limits before they are parsed."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ..errors import DataError

FILE_KINDS = (".csv", ".tsv", ".jsonl", ".json", ".parquet")
MAX_FILE_BYTES = 50_000_000
MAX_FILE_ROWS = 1_000_000  # of a parquet file; no other kind packs more into so few bytes
UNFOLDED, CELLS_PER_ROW = 4, 10  # times MAX_FILE_BYTES, and times MAX_FILE_ROWS: what a parquet file may unfold to
BATCH_BYTES = 1_000_000_000  # what the rows of one batch could take while that is found out, at the very worst


def read_rows(file: Path) -> tuple[list[dict], dict[str, Sequence[str]]]:
    """The rows of a file as they stand, and the label names of the columns that have some (parquet)."""
    kind = file.suffix.lower()
    if kind == ".parquet":
        return _read_parquet(file)
    return (read_jsonl(file) if kind in (".jsonl", ".json") else _read_separated(file)), {}


def _read_parquet(file: Path) -> tuple[list[dict], dict[str, Sequence[str]]]:
    """Rows and label names of a parquet file; `datasets` keeps the names in the schema's metadata."""
    import pyarrow.parquet

    with _as_parquet(file):
        table = pyarrow.parquet.read_table(file)
        return table.to_pylist(), _label_names(file, (table.schema.metadata or {}).get(b"huggingface", b"{}"))


@contextmanager
def _as_parquet(file: Path) -> Iterator[None]:
    """One sentence for whatever is wrong inside; text that is not UTF-8 or a date no calendar has is a ValueError."""
    import pyarrow

    try:
        yield
    except (pyarrow.ArrowException, OSError, ValueError, OverflowError) as error:
        said = " ".join(str(error).replace(str(file), file.name).split())
        raise DataError(f"{file.name} cannot be read as parquet: {said}") from error


def _label_names(file: Path, metadata: bytes) -> dict[str, Sequence[str]]:
    """Column -> its label names, from what `datasets` wrote into the file."""
    try:
        features = json.loads(metadata).get("info", {}).get("features", {})
        described = {
            column: one["names"] for column, one in features.items() if isinstance(one, dict) and "names" in one
        }
    except (ValueError, AttributeError, RecursionError) as error:
        raise DataError(f"{file.name}: its metadata named 'huggingface', with the label names, is broken.") from error
    return {column: names for column, names in described.items() if isinstance(names, list)}


def _check_unfolded(file: Path) -> None:
    """Refuse a parquet file that holds far more than its size says, before its rows are made: what repeats takes hardly
    any room in it. Its own counts come first; a text that stands in it once, for many rows, is only seen on a walk."""
    import pyarrow.parquet

    most = UNFOLDED * MAX_FILE_BYTES
    with _as_parquet(file), pyarrow.parquet.ParquetFile(file) as parquet:
        groups = [parquet.metadata.row_group(index) for index in range(parquet.num_row_groups)]
        columns = [group.column(index) for group in groups for index in range(group.num_columns)]
        rows, size = parquet.metadata.num_rows, sum(group.total_byte_size for group in groups)
        cells = sum(column.num_values for column in columns)
        if rows <= MAX_FILE_ROWS and cells <= CELLS_PER_ROW * MAX_FILE_ROWS and size <= most:
            largest = max((column.total_uncompressed_size for column in columns), default=1)
            size = 0
            at_once = max(1, min(1000, BATCH_BYTES // max(1, largest)))  # no value is larger than its whole column
            for batch in parquet.iter_batches(batch_size=at_once):
                size += sum(map(_unfolded_bytes, batch.columns))
                if size > most:
                    break
            else:
                return
    raise DataError(
        f"{file.name} unfolds to {rows:,} rows with {cells:,} values and at least {size / 1e6:,.0f} MB; at most "
        f"{MAX_FILE_ROWS:,} rows with {CELLS_PER_ROW * MAX_FILE_ROWS:,} values and {most / 1e6:,.0f} MB can be read."
    )


def _unfolded_bytes(column) -> int:
    """Of an Arrow array, with every text counted in every row, also where the array itself keeps it once."""
    return (column.dictionary_decode() if hasattr(column, "dictionary_decode") else column).nbytes


def read_text(file: Path) -> str:
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise DataError(f"{file.name} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise DataError(
            f"{file.name} is not UTF-8 text (byte {error.start}). Save it as UTF-8 and try again."
        ) from error
    if "\0" in text:
        raise DataError(f"{file.name} is not UTF-8 text (it holds zero bytes). Save it as UTF-8 and try again.")
    return text


def read_jsonl(file: Path) -> list[dict]:
    """One JSON object a line, or one array of objects. Only "\\n" ends a line: JSON may hold U+2028 and its kin."""
    text = read_text(file)
    if text.lstrip().startswith("["):
        values = list(enumerate(_parse(text, file.name), 1))
    else:
        lines = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
        hint = " One JSON object a line."
        values = [(number, _parse(line, f"{file.name}, line {number}", hint)) for number, line in lines]
    for number, value in values:
        if not isinstance(value, dict):
            raise DataError(f"{file.name}, line {number} is not a JSON object: {str(value)[:60]}")
    return [value for _, value in values]


def _parse(text: str, where: str, hint: str = ""):
    """The value of a JSON text. Python also refuses what is nested a thousand deep, and numbers of 4,300 digits."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise DataError(f"{where} is not JSON: {error.msg} at character {error.pos + 1}.{hint}") from error
    except (RecursionError, ValueError) as error:
        raise DataError(f"{where} is nested too deeply, or holds a number with too many digits.") from error


def _read_separated(file: Path) -> list[dict]:
    """A CSV or TSV as text: "NA" and "" stay what they are. A row of another length than the first line is an error,
    for a text with an unquoted comma would otherwise land in the wrong column. Columns without a name, which
    spreadsheets leave behind, are left out where they are empty, else called by their place."""
    text = read_text(file).lstrip("\r\n")
    header = text.partition("\n")[0]
    separator = "\t" if file.suffix.lower() == ".tsv" else max(",;\t|", key=header.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    rows = []
    try:
        header = next(reader, [])
        for row in reader:
            if not any(map(str.strip, row)):
                continue  # spreadsheets leave lines of separators behind
            if len(row) != len(header):
                raise DataError(
                    f"{file.name}, line {reader.line_num} has {len(row)} fields, the first line names "
                    f"{len(header)} columns. Text that holds '{separator}' must stand in double quotes."
                )
            rows.append(row)
    except csv.Error as error:
        raise DataError(
            f"{file.name} cannot be read as a table: line {reader.line_num}: {error}. The first line must name the "
            "columns; a text with double quotes in it must stand in double quotes, with those inside doubled."
        ) from error
    names = {
        place: name if name.strip() else f"column {place + 1}"
        for place, name in enumerate(header)
        if name.strip() or any(row[place].strip() for row in rows)
    }
    if twice := [name for name, number in Counter(names.values()).items() if number > 1]:
        raise DataError(f"{file.name} names the column '{twice[0]}' twice. Rename one of them.")
    return [{name: row[place] for place, name in names.items()} for row in rows]


def read_table(path: Path) -> tuple[list[dict], dict[str, Sequence[str]]]:
    """The rows of somebody's own file as they stand, and label names where it has some; a huge one is refused."""
    check_kind(path)
    if path.stat().st_size > MAX_FILE_BYTES:
        raise DataError(f"{path.name} has {path.stat().st_size / 1e6:.0f} MB; at most {MAX_FILE_BYTES / 1e6:.0f} MB.")
    if path.suffix.lower() == ".parquet":
        _check_unfolded(path)
    return read_rows(path)


def check_kind(path: Path) -> None:
    if path.suffix.lower() not in FILE_KINDS:
        raise DataError(f"{path.name}: files may be {', '.join(FILE_KINDS)}.")
