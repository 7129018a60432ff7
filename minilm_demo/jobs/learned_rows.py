"""The rows that a fine-tune learned from, kept beside its checkpoint as numbers that stand for their texts.

Whoever scores the checkpoint later, on a file of all rows for example, is told how many of them it knows by heart."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from ..data import twin_numbers
from ..models import Location
from ..tasks import Task

FILE = "learned_rows.npy"  # in the folder of the run


def keep_learned(folder: Path, task: Task, rows: Sequence[dict]) -> None:
    """Write the numbers of the rows' texts, uint64 [number of different texts], to the folder of a run."""
    np.save(folder / FILE, np.array(sorted(twin_numbers(task, rows)), dtype=np.uint64))


def learned_by(location: Location) -> frozenset[int]:
    """The numbers of the texts that a checkpoint of a run on this machine learned from; empty if that is not known."""
    file = Path(location.place).parent / FILE
    if location.on_hub or not file.is_file():
        return frozenset()
    with suppress(OSError, ValueError):  # damaged, or half copied
        return frozenset(np.load(file, allow_pickle=False).tolist())
    return frozenset()
