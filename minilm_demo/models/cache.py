"""The cache of loaded checkpoints of a server."""

from __future__ import annotations

import threading
from pathlib import Path

import cachetools

from ..tasks import Task
from .loading import Checkpoint, load_checkpoint
from .location import Location, locate

MAX_CACHED = 8  # checkpoints, about 90 MB each for 6 x 384: the shipped skills and a few more


def cache_key(checkpoint: str | Location, task: Task | None = None) -> tuple:
    """The cache key of a loaded checkpoint: its location, when its folder was written, and the task of its output
    layer."""
    location = locate(checkpoint)
    config = Path(location.place) / "config.json"
    modified = config.stat().st_mtime_ns if config.is_file() else 0
    return location, modified, task.name if task else None


@cachetools.cached(cachetools.LRUCache(MAX_CACHED), key=cache_key, condition=threading.Condition())
def cached_checkpoint(checkpoint: str | Location, task: Task | None = None) -> Checkpoint:
    """`load_checkpoint` with an LRU cache of `MAX_CACHED` checkpoints. A rewritten folder is loaded again.

    Threads that need the same checkpoint wait for one load, which may be a download of minutes. Other checkpoints
    answer meanwhile. A failed load is not cached."""
    return load_checkpoint(checkpoint, task)
