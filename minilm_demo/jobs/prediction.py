"""Predictions from texts, for every kind of task.

`predict` answers one input, `predict_rows` many. Each input takes one forward pass (span tasks: one per window), in
float32 by default.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from ..data import Reading, ReadInput, check_row, features, reading_of
from ..models import Checkpoint, cached_checkpoint
from ..results import Prediction
from ..tasks import Task, get_task
from .forward import forward
from .kinds import kind_of


def predict(
    task: Task | str,
    checkpoint: Checkpoint | str,
    fields: Mapping[str, str],
    *,
    threshold: float | None = None,
) -> Prediction:
    """The checkpoint's answer for one input; `fields` holds the task's text fields, as in a row of the data set.

    `checkpoint` may be a name or a path; the last few loaded ones are cached. Raises `DataError` for a missing, empty
    or too long text, `UnknownName` and `Unavailable` for a checkpoint that cannot be found."""
    task = get_task(task) if isinstance(task, str) else task
    check_row(task, fields)  # fails before the checkpoint is loaded
    if not isinstance(checkpoint, Checkpoint):
        checkpoint = cached_checkpoint(checkpoint, task)
    (prediction,) = predict_rows(task, checkpoint, [fields], threshold=threshold)
    return prediction


def predict_rows(
    task: Task,
    checkpoint: Checkpoint,
    rows: Sequence[Mapping[str, str]],
    *,
    threshold: float | None = None,
    batch_size: int = 32,
    precision: str = "fp32",
    on_batch: Callable[[int], None] | None = None,
) -> list[Prediction]:
    """One `Prediction` per row, in order; `on_batch(rows_done)` is called after each batch.

    `threshold` (span tasks): "no answer" wins if its score is above it; default: the checkpoint's own, else 0. Raises
    `DataError` for a missing, empty or too long text."""
    rows = [check_row(task, row) for row in rows]
    started = time.perf_counter()
    length = features.input_length(task, checkpoint.model.config)
    row_windows: list[list[int]] = [[] for _ in rows]  # row -> indices of its windows
    with checkpoint.lock:
        windows = features.encode(task, checkpoint.tokenizer, rows, length, min(task.doc_stride, length // 3))
        for index, window in enumerate(windows):
            row_windows[window.row].append(index)
        readings = [
            reading_of(task, checkpoint.tokenizer, row, [windows[index] for index in indices], length)
            for row, indices in zip(rows, row_windows, strict=True)
        ]
    report = on_batch and (lambda windows_done: on_batch(windows_done * len(rows) // len(windows)))
    inputs = [window.inputs for window in windows]
    outputs = forward(checkpoint, inputs, batch_size=batch_size, precision=precision, on_batch=report)
    if threshold is None:
        threshold = no_answer_threshold(checkpoint)
    answers = [
        kind_of(task).decode(task, row, [windows[i] for i in indices], [outputs[i] for i in indices], threshold)
        for row, indices in zip(rows, row_windows, strict=True)
    ]
    milliseconds = (time.perf_counter() - started) * 1000 / max(1, len(rows))
    common = {"task": task.name, "checkpoint": checkpoint.name, "milliseconds": milliseconds}
    common["assumed_outputs"] = checkpoint.assumed_outputs
    return [
        Prediction(**{**common, **answer, **what_was_read(reading, answer)})
        for answer, reading in zip(answers, readings, strict=True)
    ]


def what_was_read(reading: Reading | ReadInput, answer: Mapping) -> dict[str, object]:
    """The fields of `Prediction` on what the model read; an answer to a text without a known word is unsure."""
    return {
        "truncated": reading.truncated,
        "tokens_total": reading.tokens_total,
        "tokens_read": reading.tokens_read,
        "unknown_words": reading.unknown_words,
        "nothing_read": reading.nothing_read,
        "unsure": reading.nothing_read or answer.get("unsure", False),
    }


def no_answer_threshold(checkpoint: Checkpoint) -> float:
    """The checkpoint's own threshold, 0 without one: "no answer" wins if its score is above it."""
    return float(getattr(checkpoint.model.config, "no_answer_threshold", 0.0))
