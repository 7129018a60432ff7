"""A cache of traces and distillation targets, so that another head of the same text needs no forward pass.

The cache is bounded by bytes: a trace of 512 tokens has 75 MB, one of 20 tokens 115 kB. The keys are the arguments,
without the visitor: a request reaches a cached result only if it contains the same text.
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
AT_ONCE = 2  # traces computed at the same time, one per core of the smallest supported machine

_slots = threading.Semaphore(AT_ONCE)


def _bytes(result: AttentionTrace | DistillationTargets) -> int:
    """The size of the arrays in the fields of a result, and in the dicts among them, at most `MAX_BYTES`: a result
    larger than the cache is cached alone."""
    values = [
        value for field in vars(result).values() for value in (field.values() if isinstance(field, dict) else [field])
    ]
    return min(MAX_BYTES, sum(value.nbytes for value in values if isinstance(value, np.ndarray)))


_results = cachetools.LRUCache(MAX_BYTES, getsizeof=_bytes)  # of traces and targets together
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
    """`trace_attention` with queries, keys and values, from the cache if possible. Raises the same errors."""
    model = cached_checkpoint(checkpoint, task)
    with _slots:
        return trace_attention(
            model, *texts, task=task, with_qkv=True, masked_tokens=masked_tokens, ablated_heads=ablated_heads
        )


def _targets_key(teacher, student, texts, recipe) -> tuple:
    return cache_key(teacher), cache_key(student), texts, recipe


@cachetools.cached(_results, key=_targets_key, condition=_results_changed)
def cached_targets(
    teacher: str | Location, student: str | Location, texts: tuple[str, ...], recipe: str
) -> DistillationTargets:
    """`distillation_targets` from the cache if possible. Raises the same errors."""
    models = cached_checkpoint(teacher), cached_checkpoint(student)
    with _slots:
        return distillation_targets(*models, *texts, recipe=recipe)


def explained_answer(task: Task, checkpoint: str | Location, texts: tuple[str, ...]) -> AttentionExplanation:
    """`explain` under the same limit of `AT_ONCE` as the traces. The result is not cached."""
    model = cached_checkpoint(checkpoint, task)
    with _slots:
        return explain(task, model, *texts)
