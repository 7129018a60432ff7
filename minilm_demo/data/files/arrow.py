"""Parquet. Decompression bombs are refused before rows are built."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ...errors import DataError
from .table import CELLS_PER_ROW, EXPANSION, MAX_FILE_BYTES, MAX_FILE_ROWS

BATCH_BYTES = 1_000_000_000  # upper bound for one batch of rows while the expanded size is measured


def read_parquet(file: Path) -> tuple[list[dict], dict[str, Sequence[str]]]:
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


def check_expansion(file: Path) -> None:
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
