"""Files as rows: CSV, TSV, JSON lines and parquet. Limits are checked before a file is parsed."""

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
MAX_FILE_ROWS = 1_000_000  # of a parquet file; the other kinds cannot hold more in MAX_FILE_BYTES
EXPANSION = 4  # a parquet file may expand to this many times MAX_FILE_BYTES
CELLS_PER_ROW = 10  # a parquet file may have this many times MAX_FILE_ROWS values
BATCH_BYTES = 1_000_000_000  # upper bound for one batch of rows while the expanded size is measured


def read_rows(file: Path) -> tuple[list[dict], dict[str, Sequence[str]]]:
    """The rows of a file unchanged, and column -> label names where the file has them (parquet)."""
    kind = file.suffix.lower()
    if kind == ".parquet":
        return _read_parquet(file)
    return (read_jsonl(file) if kind in (".jsonl", ".json") else _read_separated(file)), {}


def _read_parquet(file: Path) -> tuple[list[dict], dict[str, Sequence[str]]]:
    """Rows and label names of a parquet file. `datasets` stores the names in the schema's metadata."""
    import pyarrow.parquet

    with _as_parquet(file):
        table = pyarrow.parquet.read_table(file)
        return table.to_pylist(), _label_names(file, (table.schema.metadata or {}).get(b"huggingface", b"{}"))


@contextmanager
def _as_parquet(file: Path) -> Iterator[None]:
    """Turn any error inside a parquet file into a `DataError`. Text that is not UTF-8, and an impossible date, raise
    `ValueError`."""
    import pyarrow

    try:
        yield
    except (pyarrow.ArrowException, OSError, ValueError, OverflowError) as error:
        message = " ".join(str(error).replace(str(file), file.name).split())
        raise DataError(f"{file.name} cannot be read as parquet: {message}") from error


def _label_names(file: Path, metadata: bytes) -> dict[str, Sequence[str]]:
    """Column -> its label names, from the metadata that `datasets` writes."""
    try:
        features = json.loads(metadata).get("info", {}).get("features", {})
        names_of = {
            column: feature["names"]
            for column, feature in features.items()
            if isinstance(feature, dict) and "names" in feature
        }
    except (ValueError, AttributeError, RecursionError) as error:
        raise DataError(f"{file.name}: its metadata named 'huggingface', with the label names, is broken.") from error
    return {column: names for column, names in names_of.items() if isinstance(names, list)}


def _check_expansion(file: Path) -> None:
    """Reject decompression bombs before rows are built: highly repetitive parquet expands far beyond its file size.

    The counts in the metadata are checked first. A text that is stored once for many rows does not count there, so the
    expanded size is then measured batch by batch."""
    import pyarrow.parquet

    limit = EXPANSION * MAX_FILE_BYTES
    with _as_parquet(file), pyarrow.parquet.ParquetFile(file) as parquet:
        groups = [parquet.metadata.row_group(index) for index in range(parquet.num_row_groups)]
        columns = [group.column(index) for group in groups for index in range(group.num_columns)]
        rows, size = parquet.metadata.num_rows, sum(group.total_byte_size for group in groups)
        cells = sum(column.num_values for column in columns)
        if rows <= MAX_FILE_ROWS and cells <= CELLS_PER_ROW * MAX_FILE_ROWS and size <= limit:
            largest = max((column.total_uncompressed_size for column in columns), default=1)
            size = 0
            batch_rows = max(1, min(1000, BATCH_BYTES // max(1, largest)))  # no value is larger than its whole column
            for batch in parquet.iter_batches(batch_size=batch_rows):
                size += sum(map(_expanded_bytes, batch.columns))
                if size > limit:
                    break
            else:
                return
    raise DataError(
        f"{file.name} unfolds to {rows:,} rows with {cells:,} values and at least {size / 1e6:,.0f} MB; at most "
        f"{MAX_FILE_ROWS:,} rows with {CELLS_PER_ROW * MAX_FILE_ROWS:,} values and {limit / 1e6:,.0f} MB can be read."
    )


def _expanded_bytes(column) -> int:
    """Bytes of an Arrow array with a copy of its text in every row, also where the array stores a text once."""
    return (column.dictionary_decode() if hasattr(column, "dictionary_decode") else column).nbytes


def read_text(file: Path) -> str:
    """The text of a UTF-8 file. Raises `DataError`."""
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
    """The rows of a file with one JSON object per line, or with one array of objects. Raises `DataError`.

    Only "\\n" ends a line: JSON may hold U+2028 and similar characters."""
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
    """The value of a JSON text. Python also refuses a nesting of a thousand levels, and numbers of 4,300 digits."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise DataError(f"{where} is not JSON: {error.msg} at character {error.pos + 1}.{hint}") from error
    except (RecursionError, ValueError) as error:
        raise DataError(f"{where} is nested too deeply, or holds a number with too many digits.") from error


def _read_separated(file: Path) -> list[dict]:
    """The rows of a CSV or TSV as text: "NA" and "" are not converted.

    A row that is longer or shorter than the header is an error, because an unquoted comma shifts the columns. Columns
    without a name, which spreadsheets leave behind, are dropped if they are empty, else named by their position."""
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
        position: name if name.strip() else f"column {position + 1}"
        for position, name in enumerate(header)
        if name.strip() or any(row[position].strip() for row in rows)
    }
    if duplicates := [name for name, count in Counter(names.values()).items() if count > 1]:
        raise DataError(f"{file.name} names the column '{duplicates[0]}' twice. Rename one of them.")
    return [{name: row[position] for position, name in names.items()} for row in rows]


def read_table(path: Path) -> tuple[list[dict], dict[str, Sequence[str]]]:
    """The rows of a user's own file unchanged, and column -> label names where it has them. Raises `DataError` for a
    file that is too large or cannot be read."""
    check_kind(path)
    if path.stat().st_size > MAX_FILE_BYTES:
        raise DataError(f"{path.name} has {path.stat().st_size / 1e6:.0f} MB; at most {MAX_FILE_BYTES / 1e6:.0f} MB.")
    if path.suffix.lower() == ".parquet":
        _check_expansion(path)
    return read_rows(path)


def check_kind(path: Path) -> None:
    if path.suffix.lower() not in FILE_KINDS:
        raise DataError(f"{path.name}: files may be {', '.join(FILE_KINDS)}.")
