"""Parquet and Arrow. Decompression bombs are refused before rows are built."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ...errors import DataError
from .table import CELLS_PER_ROW, EXPANSION, MAX_FILE_BYTES, MAX_FILE_ROWS, Table, table_of

BATCH_BYTES = 1_000_000_000  # upper bound for one batch of rows while the expanded size is measured


def read_parquet(name: str, data: bytes, *, is_limited: bool = True) -> Table:
    """The table of a parquet file. `datasets` stores the names of labels in the schema's metadata. Raises `DataError`,
    also for a file that unfolds too far if `is_limited`."""
    import pyarrow
    import pyarrow.parquet

    if is_limited:
        _check_expansion(name, data)
    with _as_arrow(name, "parquet"):
        table = pyarrow.parquet.read_table(pyarrow.BufferReader(data))
        return table_of(table.to_pylist(), _label_names(name, table.schema.metadata), columns=table.column_names)


def read_arrow(name: str, data: bytes, *, is_limited: bool = True) -> Table:
    """The table of an Arrow file, as `datasets` and Feather write it. Raises `DataError`, also for a file that unfolds
    too far if `is_limited`."""
    import pyarrow

    with _as_arrow(name, "Arrow"):
        source = pyarrow.BufferReader(data)
        is_file = data.startswith(b"ARROW1")
        reader = pyarrow.ipc.open_file(source) if is_file else pyarrow.ipc.open_stream(source)
        batches, size, rows = [], 0, 0
        for batch in (reader.get_batch(i) for i in range(reader.num_record_batches)) if is_file else reader:
            size, rows = size + sum(map(_expanded_bytes, batch.columns)), rows + batch.num_rows
            if is_limited and (size > EXPANSION * MAX_FILE_BYTES or rows > MAX_FILE_ROWS):
                raise DataError(
                    f"{name} unfolds to more than {EXPANSION * MAX_FILE_BYTES / 1e6:,.0f} MB or {MAX_FILE_ROWS:,} "
                    "rows, which is the most that can be read."
                )
            batches.append(batch)
        table = pyarrow.Table.from_batches(batches, reader.schema)
        return table_of(table.to_pylist(), _label_names(name, table.schema.metadata), columns=table.column_names)


@contextmanager
def _as_arrow(name: str, kind: str) -> Iterator[None]:
    """Turn any error inside a file into a `DataError`. Text that is not UTF-8, and an impossible date, raise
    `ValueError`."""
    import pyarrow

    try:
        yield
    except (pyarrow.ArrowException, OSError, ValueError, OverflowError) as error:
        raise DataError(f"{name} cannot be read as {kind}: {' '.join(str(error).split())}") from error


def _label_names(name: str, metadata: dict[bytes, bytes] | None) -> dict[str, Sequence[str]]:
    """Column -> its label names, from the metadata that `datasets` writes."""
    try:
        features = json.loads((metadata or {}).get(b"huggingface", b"{}")).get("info", {}).get("features", {})
        names_of = {
            column: feature["names"]
            for column, feature in features.items()
            if isinstance(feature, dict) and "names" in feature
        }
    except (ValueError, AttributeError, RecursionError) as error:
        raise DataError(f"{name}: its metadata named 'huggingface', with the label names, is broken.") from error
    return {column: names for column, names in names_of.items() if isinstance(names, list)}


def _check_expansion(name: str, data: bytes) -> None:
    """Reject decompression bombs before rows are built: highly repetitive parquet expands far beyond its file size.

    The counts in the metadata are checked first. A text that is stored once for many rows does not count there, so the
    expanded size is then measured batch by batch."""
    import pyarrow
    import pyarrow.parquet

    limit = EXPANSION * MAX_FILE_BYTES
    with _as_arrow(name, "parquet"), pyarrow.parquet.ParquetFile(pyarrow.BufferReader(data)) as parquet:
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
        f"{name} unfolds to {rows:,} rows with {cells:,} values and at least {size / 1e6:,.0f} MB; at most "
        f"{MAX_FILE_ROWS:,} rows with {CELLS_PER_ROW * MAX_FILE_ROWS:,} values and {limit / 1e6:,.0f} MB can be read."
    )


def _expanded_bytes(column) -> int:
    """Bytes of an Arrow array with a copy of its text in every row, also where the array stores a text once."""
    return (column.dictionary_decode() if hasattr(column, "dictionary_decode") else column).nbytes
