"""How bytes become a table: one reader a format. Limits are checked before a file is parsed, and what was decided in
the reading is said in the notes of the table."""

from .encodings import read_text, read_text_and_notes
from .header import is_text_column
from .reading import FILE_KINDS, check_kind, read_rows, read_table, table_paths, zip_splits
from .splits import files_of_splits, is_shard
from .table import MAX_FILE_BYTES, Table, counted, listed, require_plain

__all__ = [
    "FILE_KINDS",
    "MAX_FILE_BYTES",
    "Table",
    "check_kind",
    "counted",
    "files_of_splits",
    "is_shard",
    "is_text_column",
    "listed",
    "read_rows",
    "read_table",
    "read_text",
    "read_text_and_notes",
    "require_plain",
    "table_paths",
    "zip_splits",
]
