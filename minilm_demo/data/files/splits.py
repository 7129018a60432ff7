"""Splits by the names of files: train, dev or validation, test, in a folder or an archive."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

ALIASES = {
    "train": "train",
    "training": "train",
    "dev": "validation",
    "development": "validation",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
    "testing": "test",
}
SHARD = re.compile(r"-\d+-of-\d+$")
DESCRIPTIONS = ("readme", "license", "licence", "citation", "dataset_info", "state", "dataset_dict", "metadata")


def stem(path: str) -> str:
    """The name of a file without its suffixes and the number of its shard."""
    return SHARD.sub("", PurePosixPath(path).name.split(".")[0].lower())


def is_shard(path: str) -> bool:
    """Whether a file is one of several of a split, by its name: `train-00000-of-00002.parquet`."""
    return bool(SHARD.search(PurePosixPath(path).name.split(".")[0]))


def is_description(path: str) -> bool:
    """Whether a file stands beside tables to describe them."""
    return stem(path) in DESCRIPTIONS


def split_of(path: str) -> str:
    """The split that a file is named after; "" if none. `dev_matched.tsv` is validation_matched, `train_more.csv` stays
    train_more, and `my-reviews-train.csv` is train."""
    name = stem(path)
    parts = re.split(r"[-_ ]+", name)
    if parts[0] in ALIASES:
        return "_".join([ALIASES[parts[0]], *parts[1:]])
    named = [part for part in parts if part in ALIASES]
    return ALIASES[named[0]] if len(named) == 1 else ""


def files_of_splits(paths: Sequence[str]) -> dict[str, list[str]]:
    """Split -> its files, in the order of their names, from the folder nearest to the top that has some; empty if no
    file is named after a split."""
    by_folder: dict[PurePosixPath, list[str]] = {}
    for path in sorted(paths):
        by_folder.setdefault(PurePosixPath(path).parent, []).append(path)
    for folder in sorted(by_folder, key=lambda folder: (len(folder.parts), str(folder))):
        splits: dict[str, list[str]] = {}
        for path in by_folder[folder]:
            if split := split_of(path):
                splits.setdefault(split, []).append(path)
        if splits:
            return _plainly_named(splits)
    return {}


def _plainly_named(splits: dict[str, list[str]]) -> dict[str, list[str]]:
    """`train_reviews` is called train where nothing else is."""
    names = {}
    for split in splits:
        base = split.partition("_")[0]
        alone = base not in splits and sum(other.startswith(f"{base}_") for other in splits) == 1
        names[split] = base if alone else split
    return {names[split]: files for split, files in splits.items()}
