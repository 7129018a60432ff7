"""The last traces and distillation targets, kept in memory: whoever looks at another head of the same text does not
wait for the models.

Keyed by plain arguments and bounded by bytes (a trace of 512 tokens has 75 MB, one of 20 has 115 kB). Nothing is kept
by visitor: only who sends the text again finds what was made of it.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable

import numpy as np

from ..jobs import distillation_targets, explain, trace_attention
from ..models import cache_key, cached_checkpoint
from ..results import AttentionExplanation, AttentionTrace, DistillationTargets
from ..tasks import Task

MAX_BYTES = 400_000_000  # of all arrays together
AT_ONCE = 2  # traces being made: as many as there are cores on the smallest machine

_traces: OrderedDict[tuple, AttentionTrace | DistillationTargets] = OrderedDict()
_lock = threading.Lock()
_working = threading.Semaphore(AT_ONCE)


def cached_trace(
    checkpoint: str,
    texts: tuple[str, ...],
    task: Task | None = None,
    masked_tokens: tuple[int, ...] = (),
    ablated_heads: tuple[tuple[int, int], ...] = (),
) -> AttentionTrace:
    """`trace_attention` with queries, keys and values, from memory if it is there. Raises what that raises."""

    def trace() -> AttentionTrace:
        loaded = cached_checkpoint(checkpoint, task)
        with _working:
            return trace_attention(
                loaded, *texts, task=task, with_qkv=True, masked_tokens=masked_tokens, ablated_heads=ablated_heads
            )

    return _kept((cache_key(checkpoint, task), texts, masked_tokens, ablated_heads), trace)


def cached_targets(teacher: str, student: str, texts: tuple[str, ...], recipe: str) -> DistillationTargets:
    """`distillation_targets` from memory if it is there. Raises what that raises."""

    def targets() -> DistillationTargets:
        loaded = cached_checkpoint(teacher), cached_checkpoint(student)
        with _working:
            return distillation_targets(*loaded, *texts, recipe=recipe)

    return _kept((cache_key(teacher), cache_key(student), texts, recipe), targets)


def explained_answer(task: Task, checkpoint: str, texts: tuple[str, ...]) -> AttentionExplanation:
    """`explain`, at most as many at once as there are traces being made; it is not kept."""
    loaded = cached_checkpoint(checkpoint, task)
    with _working:
        return explain(task, loaded, *texts)


def _kept(key: tuple, make: Callable):
    with _lock:
        if key in _traces:
            _traces.move_to_end(key)
            return _traces[key]
    made = make()
    with _lock:
        _traces[key] = made
        while len(_traces) > 1 and sum(map(_bytes, _traces.values())) > MAX_BYTES:
            _traces.popitem(last=False)
    return made


def _bytes(made: AttentionTrace | DistillationTargets) -> int:
    """Of the arrays in its fields, and in the mappings among them."""
    values = [one for part in vars(made).values() for one in (part.values() if isinstance(part, dict) else [part])]
    return sum(value.nbytes for value in values if isinstance(value, np.ndarray))
