"""Scores of a checkpoint on the splits of a task, with an interval, the majority baseline and the worst mistakes."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np

from . import metrics
from .data import Source, draw, open_source, require_rows
from .models import Checkpoint, load_checkpoint, pick_precision
from .prediction import predict_rows
from .results import Evaluation, Mistake, Prediction
from .tasks import Task, get_task

BATCH_SIZE = 64
MISTAKES_KEPT = 20


def evaluate(
    task: Task | str,
    checkpoint: Checkpoint | str,
    *,
    splits: Sequence[str] = (),
    data: str | Source = "auto",
    limit: int | None = None,
    seed: int = 0,
    on_rows: Callable[[str, int, int], None] | None = None,
) -> Evaluation:
    """Score `checkpoint` on `splits` (the task's validation splits), `limit` rows of each at most, drawn by `seed`.

    `on_rows(split, done, of)` is called as the work goes on."""
    task = get_task(task) if isinstance(task, str) else task
    source = data if isinstance(data, Source) else open_source(task, str(data), splits or task.eval_splits)
    checkpoint = checkpoint if isinstance(checkpoint, Checkpoint) else load_checkpoint(str(checkpoint), task)
    started = time.perf_counter()
    used: dict[str, int] = {}
    scores: dict[str, dict] = {"metrics": {}, "intervals": {}, "baseline": {}, "confusion": {}}
    mistakes: list[Mistake] = []
    for split in splits or source.eval_splits:
        rows, _ = draw(source.read(split), limit, seed)
        require_rows(task, rows, split)
        report = on_rows and partial(_report, on_rows, split, len(rows))
        predictions = predict_all(task, checkpoint, rows, report)
        given, expected = outcome(task, predictions), references(task, rows)
        used[split] = len(rows)
        scores["metrics"][split] = metrics.score(task, given, expected)
        scores["intervals"][split] = metrics.intervals(task, given, expected)
        scores["baseline"][split] = metrics.baseline(task, expected)
        if task.labels:
            scores["confusion"][split] = metrics.confusion(given, expected, len(task.labels))
        mistakes += find_mistakes(task, split, rows, predictions)
    return Evaluation(
        task=task.name,
        checkpoint=checkpoint.name,
        data_source=source.describe(used),
        examples=used,
        labels=task.labels,
        mistakes=tuple(sorted(mistakes, key=lambda one: -one.confidence)[:MISTAKES_KEPT]),
        seconds=time.perf_counter() - started,
        **scores,
    )


def _report(on_rows: Callable[[str, int, int], None], split: str, of: int, done: int) -> None:
    on_rows(split, min(done, of), of)  # a row of a span task may be several windows


def predict_all(task: Task, checkpoint: Checkpoint, rows: Sequence[Mapping], on_batch=None) -> list[Prediction]:
    """Predictions for scoring: in bf16 where the machine has it, in batches by length, so always the same numbers."""
    precision = pick_precision()
    return predict_rows(task, checkpoint, rows, batch_size=BATCH_SIZE, precision=precision, on_batch=on_batch)


def references(task: Task, rows: Sequence[Mapping]):
    """What is right: class ids or scores [rows], or the gold answers of each row."""
    if task.kind == "span":
        return [row[task.label_field]["text"] for row in rows]
    return np.array([row[task.label_field] for row in rows])


def outcome(task: Task, predictions: Sequence[Prediction]):
    """What was said, in the shape of `references`."""
    if task.kind == "span":
        return [prediction.answer for prediction in predictions]
    if task.kind == "regression":
        return np.array([prediction.score for prediction in predictions])
    return np.array([task.label2id[prediction.label] for prediction in predictions])


def find_mistakes(task: Task, split: str, rows: Sequence[Mapping], predictions: Sequence[Prediction]) -> list[Mistake]:
    """The rows that came out wrong, the most confident first."""
    judge = {"classification": _wrong_class, "regression": _far_score, "span": _wrong_answer}[task.kind]
    mistakes = []
    for index, (row, prediction) in enumerate(zip(rows, predictions, strict=True)):
        if (wrong := judge(task, row[task.label_field], prediction)) is not None:
            fields = {field: row[field] for field in task.text_fields}
            mistakes.append(Mistake(split, index, fields, *wrong))
    return sorted(mistakes, key=lambda one: -one.confidence)[:MISTAKES_KEPT]


def _wrong_class(task: Task, expected: int, prediction: Prediction) -> tuple[str, str, float] | None:
    if prediction.label == task.labels[expected]:
        return None
    return task.labels[expected], prediction.label, prediction.probabilities[prediction.label]


def _far_score(task: Task, expected: float, prediction: Prediction) -> tuple[str, str, float] | None:
    return f"{expected:.1f}", f"{prediction.score:.1f}", abs(expected - prediction.score)


def _wrong_answer(task: Task, expected: Mapping, prediction: Prediction) -> tuple[str, str, float] | None:
    golds = expected["text"]
    f1 = metrics.answer_f1(prediction.answer, golds)
    if f1 > 0.5:
        return None
    return golds[0] if golds else "(no answer)", prediction.answer or "(no answer)", 1.0 - f1
