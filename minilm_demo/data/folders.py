"""A folder or archive of one's own: its tables, by the splits that their files are named after."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import DataError
from .files import FILE_KINDS, Table, files_of_splits, is_shard, listed, read_rows, read_table, table_paths, zip_splits

WHOLE = "all"  # split of a folder with one table that is named after none
DISK_FILES = ("state.json", "dataset_dict.json")  # of a data set as `datasets` saves it


@dataclass(frozen=True)
class Part:
    """A table that is not read yet."""

    name: str
    read: Callable[[], Table]


def find_parts(place: Path) -> Mapping[str, Sequence[Part]]:
    """Split -> its tables, of a folder, of a .zip with a file for each split, or of any other file: `WHOLE`. Empty for
    a folder without tables. Raises `DataError` for several tables of which it is not plain what they are."""
    if place.is_file():
        splits = zip_splits(place)
        if not splits:
            return {WHOLE: [Part(place.name, functools.partial(read_table, place))]}
        return {split: [Part(f"{place.name}, {split}", read) for read in readers] for split, readers in splits.items()}
    if any((place / name).is_file() for name in DISK_FILES):
        return _saved(place)
    files = _files(place)
    if not files and len(folders := [child for child in place.iterdir() if child.is_dir()]) == 1:
        files = _files(folders[0])
    return _named(place, files)


def _files(folder: Path) -> list[Path]:
    names = [child.name for child in sorted(folder.iterdir()) if child.is_file() and not child.name.startswith(".")]
    return [folder / name for name in table_paths(names)]


def _saved(place: Path) -> Mapping[str, Sequence[Part]]:
    """A data set that `save_to_disk` of `datasets` wrote: a folder of .arrow files, or one for each split."""
    if (place / DISK_FILES[0]).is_file():
        return {WHOLE: _parts(sorted(place.glob("*.arrow")))}
    folders = sorted(child for child in place.iterdir() if (child / DISK_FILES[0]).is_file())
    return {folder.name: _parts(sorted(folder.glob("*.arrow"))) for folder in folders}


def _parts(files: Sequence[Path]) -> list[Part]:
    return [Part(file.name, functools.partial(read_rows, file)) for file in files]


def _named(place: Path, files: Sequence[Path]) -> Mapping[str, Sequence[Part]]:
    by_name = {file.name: file for file in files}
    if len(files) == 1:
        return {WHOLE: _parts(files)}
    splits = files_of_splits(list(by_name))
    if files and not splits:
        raise DataError(
            f"{place.name} holds {len(files):,} tables: {listed(list(by_name))}. Name them train, validation and test, "
            "or give one of them."
        )
    for split, names in splits.items():
        if len(names) > 1 and not all(map(is_shard, names)):
            raise DataError(f"{place.name} holds several files for {split}: {listed(names)}. Keep one of them.")
    return {split: _parts([by_name[name] for name in names]) for split, names in splits.items()}


def nothing_found(place: Path, task_name: str, expected: str) -> DataError:
    return DataError(
        f"{place} has no data for {task_name}: expected {expected}/<split>-*.parquet below it, or files named train, "
        f"validation and test ({', '.join(FILE_KINDS)})."
    )
