"""The last traces and distillation targets, kept in memory: whoever looks at another head of the same text does not
wait for the models.

Keyed by plain arguments and bounded by bytes (a trace of 512 tokens has 75 MB, one of 20 has 115 kB). Nothing is kept
by visitor: only who sends the text again finds what was made of it.
"""

from __future__ import annotations

import threading

import cachetools
import numpy as np

from ..jobs import distillation_targets, explain, trace_attention
from ..models import Location, cache_key, cached_checkpoint
from ..results import AttentionExplanation, AttentionTrace, DistillationTargets
from ..tasks import Task

MAX_BYTES = 400_000_000  # of all arrays together
AT_ONCE = 2  # traces being made: as many as there are cores on the smallest machine

_working = threading.Semaphore(AT_ONCE)


def _bytes(result: AttentionTrace | DistillationTargets) -> int:
    """Of the arrays in its fields, and in the mappings among them. What is larger than the whole cache counts as the
    whole cache, so that it is kept alone."""
    values = [
        value for part in vars(result).values() for value in (part.values() if isinstance(part, dict) else [part])
    ]
    return min(MAX_BYTES, sum(value.nbytes for value in values if isinstance(value, np.ndarray)))


_results = cachetools.LRUCache(MAX_BYTES, getsizeof=_bytes)  # traces and targets share its room
_results_changed = threading.Condition()


def _trace_key(checkpoint, texts, task=None, masked_tokens=(), ablated_heads=()) -> tuple:
    return cache_key(checkpoint, task), texts, masked_tokens, ablated_heads


@cachetools.cached(_results, key=_trace_key, condition=_results_changed)
def cached_trace(
    checkpoint: str | Location,
    texts: tuple[str, ...],
    task: Task | None = None,
    masked_tokens: tuple[int, ...] = (),
    ablated_heads: tuple[tuple[int, int], ...] = (),
) -> AttentionTrace:
    """`trace_attention` with queries, keys and values, from memory if it is there. Raises what that raises."""
    loaded = cached_checkpoint(checkpoint, task)
    with _working:
        return trace_attention(
            loaded, *texts, task=task, with_qkv=True, masked_tokens=masked_tokens, ablated_heads=ablated_heads
        )


def _targets_key(teacher, student, texts, recipe) -> tuple:
    return cache_key(teacher), cache_key(student), texts, recipe


@cachetools.cached(_results, key=_targets_key, condition=_results_changed)
def cached_targets(
    teacher: str | Location, student: str | Location, texts: tuple[str, ...], recipe: str
) -> DistillationTargets:
    """`distillation_targets` from memory if it is there. Raises what that raises."""
    loaded = cached_checkpoint(teacher), cached_checkpoint(student)
    with _working:
        return distillation_targets(*loaded, *texts, recipe=recipe)


def explained_answer(task: Task, checkpoint: str | Location, texts: tuple[str, ...]) -> AttentionExplanation:
    """`explain`, at most as many at once as there are traces being made; it is not kept."""
    loaded = cached_checkpoint(checkpoint, task)
    with _working:
        return explain(task, loaded, *texts)
