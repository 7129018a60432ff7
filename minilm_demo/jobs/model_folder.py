"""The folder that a job writes its model to."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from ..data import require_free
from ..models import read_origin
from .learned_rows import FILE as LEARNED_ROWS

REPLACED = ("checkpoint", "adapter", "probe", LEARNED_ROWS)  # by a new model
WHILE_WRITING = ("checkpoint.new", "checkpoint.old")


def claim_folder(folder: Path, *, overwrite: bool) -> None:
    """Raise `DataError` unless a job may write its model to `folder`: nothing of what it writes is there, or with
    `overwrite` only what an earlier job wrote. The new checkpoint replaces the earlier one when it is complete."""
    if int(os.environ.get("RANK", 0)):  # torchrun: the main process alone writes
        return
    require_free(folder, WHILE_WRITING)
    if not overwrite or read_origin(folder / "checkpoint") is None:
        return require_free(folder, REPLACED)
    for place in (folder / name for name in REPLACED[1:]):
        shutil.rmtree(place) if place.is_dir() else place.unlink(missing_ok=True)
