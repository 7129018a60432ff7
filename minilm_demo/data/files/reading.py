"""Any file as a table: the reader for its content, and for archives the file inside."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath

from ...errors import DataError
from .archives import COMPRESSED, Archive, unpacked
from .arrow import read_arrow, read_parquet
from .encodings import read_bytes
from .json_rows import read_json
from .separated import read_lines, read_separated
from .splits import files_of_splits, is_description
from .table import MAX_FILE_BYTES, Table, listed
from .workbook import read_workbook

Reader = Callable[..., Table]  # (name, bytes, *, every_row) -> Table
READERS: Mapping[str, Reader] = {
    ".csv": read_separated,
    ".tsv": read_separated,
    ".tab": read_separated,
    ".jsonl": read_json,
    ".ndjson": read_json,
    ".json": read_json,
    ".xlsx": read_workbook,
    ".xlsm": read_workbook,
    ".txt": read_lines,
}
WITHOUT_LINES: Mapping[str, Reader] = {".parquet": read_parquet, ".arrow": read_arrow, ".feather": read_arrow}
ARCHIVE = ".zip"
FILE_KINDS = (".csv", ".tsv", ".jsonl", ".json", ".parquet", ".xlsx", ".txt", ".zip", ".gz")  # said to people
ALL_KINDS = (*FILE_KINDS, *READERS, *WITHOUT_LINES, *COMPRESSED)
ADVICE = {  # for what people try
    ".xls": "Save it as .xlsx or CSV.",
    ".ods": "Save it as .xlsx or CSV.",
    ".numbers": "Export it as .xlsx or CSV.",
    ".tar": "Unpack it, or pack it as .zip.",
    ".tgz": "Unpack it, or pack it as .zip.",
    ".docx": "Save its table as CSV.",
    ".pdf": "Save its table as CSV.",
    ".pkl": "It could run a program while it is read: save the table as CSV or parquet.",
    ".pickle": "It could run a program while it is read: save the table as CSV or parquet.",
}
WEB_PAGES = (b"<!doctype html", b"<html")
POINTER = b"version https://git-lfs.github.com/spec/"


def check_kind(path: Path) -> None:
    """Raise `DataError` for a file that no reader knows by its name."""
    kind = path.suffix.lower()
    if kind not in ALL_KINDS:
        advice = f" {ADVICE[kind]}" if kind in ADVICE else ""
        raise DataError(f"{path.name}: files may be {', '.join(FILE_KINDS)}.{advice}")


def read_table(path: Path, *, every_row: bool = False) -> Table:
    """The table of a user's own file. Raises `DataError` for a file that is too large or cannot be read.

    Blank rows, and repetitions of the header, are left out, which a note says. With `every_row` they stay, so that
    answers can stand beside the rows of the file."""
    path = Path(path)
    check_kind(path)
    check_size(path)
    return table_of_bytes(path.name, read_bytes(path), every_row=every_row)


def check_size(path: Path) -> None:
    if path.stat().st_size > MAX_FILE_BYTES:
        raise DataError(f"{path.name} has {path.stat().st_size / 1e6:.0f} MB; at most {MAX_FILE_BYTES / 1e6:.0f} MB.")


def read_rows(path: Path) -> Table:
    """The table of a file of any size, for the rows of a mirror."""
    return table_of_bytes(path.name, read_bytes(path), is_limited=False)


def table_of_bytes(name: str, data: bytes, *, every_row: bool = False, is_limited: bool = True) -> Table:
    """The table of a file by its content, and by its name where the content does not tell."""
    kind = PurePosixPath(name).suffix.lower()
    if kind == ARCHIVE:
        archive = Archive(name, data)
        member, notes = _member(archive)
        table = table_of_bytes(PurePosixPath(member).name, archive.read(member), every_row=every_row)
        return replace(table, notes=(*notes, *table.notes))
    if kind in COMPRESSED:
        return table_of_bytes(*unpacked(name, data), every_row=every_row)
    if kind in WITHOUT_LINES:
        return WITHOUT_LINES[kind](name, data, is_limited=is_limited)
    if kind in READERS or not kind:
        return _reader(name, kind, data)(name, data, every_row=every_row)
    raise DataError(f"{name}: files may be {', '.join(FILE_KINDS)}.")


def _reader(name: str, kind: str, data: bytes) -> Reader:
    """The reader for a file's content, which may be other than its name says."""
    start = data[:200].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith(WEB_PAGES):
        raise DataError(f"{name} holds a web page and no table. Download the file itself (often called “raw”).")
    if start.startswith(POINTER):
        raise DataError(f"{name} only names a file that Git LFS keeps elsewhere. Fetch it with: git lfs pull")
    if data.startswith(b"PK\x03\x04"):
        return read_workbook
    if data.startswith(b"PAR1"):
        return read_parquet_rows
    if data.startswith(b"\xd0\xcf\x11\xe0"):
        raise DataError(f"{name} is a workbook of an old Excel, or one with a password. Save it as .xlsx or CSV.")
    if not kind or READERS[kind] is read_workbook:  # a text that was only given the name of a workbook
        return read_json if start.startswith((b"{", b"[")) else read_separated
    return READERS[kind]


def read_parquet_rows(name: str, data: bytes, *, every_row: bool = False) -> Table:
    return read_parquet(name, data)


# -- a zip -----------------------------------------------------------------------------------------------------------


def _member(archive: Archive) -> tuple[str, list[str]]:
    """The path of the table to read in an archive, and a sentence where there were others: the train split, or else the
    only table."""
    tables = table_paths(archive.paths)
    splits = files_of_splits(tables)
    if splits and (len(tables) > 1 or not splits.get("train")):
        split = "train" if "train" in splits else next(iter(splits))
        member = archive.require_one(splits[split])
        others = [path for path in tables if path != member]
        if others:
            return member, [f"Of the archive, {member} was read here; it also holds {listed(others)}."]
        return member, [f"Of the archive, {member} was read."]
    member = archive.require_one(tables)
    return member, [f"Of the archive, {member} was read."]


def table_paths(paths: list[str]) -> list[str]:
    """The paths that may be tables. Plain text is only one where nothing else is."""
    tables = [path for path in paths if PurePosixPath(path).suffix.lower() in ALL_KINDS and not is_description(path)]
    tables = [path for path in tables if PurePosixPath(path).suffix.lower() != ARCHIVE]
    return [path for path in tables if PurePosixPath(path).suffix.lower() != ".txt"] or tables


def zip_splits(path: Path) -> dict[str, list[Callable[[], Table]]]:
    """Split -> what reads its tables, of a .zip with files named after several splits; empty for any other file."""
    if path.suffix.lower() != ARCHIVE:
        return {}
    check_size(path)
    archive = Archive(path.name, read_bytes(path))
    splits = files_of_splits(table_paths(archive.paths))
    if len(splits) < 2:
        return {}
    return {
        split: [functools.partial(_read_member, archive, member) for member in members]
        for split, members in splits.items()
    }


def _read_member(archive: Archive, member: str) -> Table:
    return table_of_bytes(PurePosixPath(member).name, archive.read(member))
