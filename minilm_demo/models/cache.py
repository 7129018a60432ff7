"""The last few loaded checkpoints, kept in memory for a server."""

from __future__ import annotations

import threading
from collections import OrderedDict
from pathlib import Path

from ..tasks import Task
from .loading import Checkpoint, load_checkpoint
from .location import locate

MAX_CACHED = 8  # checkpoints kept in memory, about 90 MB each for 6 x 384: the shipped skills and a few more
_cached: OrderedDict[tuple, Checkpoint] = OrderedDict()
_cache_lock = threading.Lock()
_loading: dict[tuple, threading.Lock] = {}  # two visitors asking for the same checkpoint must not load it twice


def cached_checkpoint(checkpoint: str, task: Task | None = None) -> Checkpoint:
    """`load_checkpoint`, keeping the last few in memory. A folder that was written anew is loaded anew."""
    key = cache_key(checkpoint, task)
    if found := _look_up(key):
        return found
    with _cache_lock:
        loading = _loading.setdefault(key, threading.Lock())
    with loading:  # held for minutes by a download; other checkpoints go on answering
        if found := _look_up(key):
            return found
        try:
            loaded = load_checkpoint(checkpoint, task)
            with _cache_lock:
                _cached[key] = loaded
                while len(_cached) > MAX_CACHED:
                    _cached.popitem(last=False)
            return loaded
        finally:
            with _cache_lock:
                _loading.pop(key, None)


def cache_key(checkpoint: str, task: Task | None = None) -> tuple:
    """What makes a loaded checkpoint the same one: where it is, when that was written, and its output layer."""
    location = locate(checkpoint)
    weights = Path(location.place) / "config.json"
    changed = weights.stat().st_mtime_ns if weights.is_file() else 0
    return location, changed, task.name if task else None


def _look_up(key: tuple) -> Checkpoint | None:
    with _cache_lock:
        if key not in _cached:
            return None
        _cached.move_to_end(key)
        return _cached[key]
