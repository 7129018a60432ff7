"""The last few loaded checkpoints, kept in memory for a server."""

from __future__ import annotations

import threading
from pathlib import Path

import cachetools

from ..tasks import Task
from .loading import Checkpoint, load_checkpoint
from .location import Location, locate

MAX_CACHED = 8  # checkpoints kept in memory, about 90 MB each for 6 x 384: the shipped skills and a few more


def cache_key(checkpoint: str | Location, task: Task | None = None) -> tuple:
    """What makes a loaded checkpoint the same one: where it is, when that was written, and its output layer."""
    location = locate(checkpoint)
    weights = Path(location.place) / "config.json"
    changed = weights.stat().st_mtime_ns if weights.is_file() else 0
    return location, changed, task.name if task else None


@cachetools.cached(cachetools.LRUCache(MAX_CACHED), key=cache_key, condition=threading.Condition())
def cached_checkpoint(checkpoint: str | Location, task: Task | None = None) -> Checkpoint:
    """`load_checkpoint`, keeping the `MAX_CACHED` used last in memory. A folder that was written anew is loaded anew.

    Threads that want the same checkpoint wait for one load, which may be a download of minutes; other checkpoints go
    on answering meanwhile. A load that failed is tried again by the next who asks."""
    return load_checkpoint(checkpoint, task)
