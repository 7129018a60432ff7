"""Scores of a checkpoint on the splits of a task, with an interval, the majority baseline and the worst mistakes; or
on rows of one split, each kept with its answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np

from ..data import Source, draw, open_source, require_rows
from ..models import Checkpoint, load_checkpoint, pick_precision, seen_by_base
from ..results import Evaluation, Mistake, Prediction, ScoredRow, SliceResult
from ..tasks import Task, get_task
from . import metrics
from .kinds import kind_of
from .prediction import predict_rows

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
    started = time.perf_counter()
    task, checkpoint, source = _opened(task, checkpoint, data, splits)
    parts = [
        evaluate_rows(task, checkpoint, data=source, split=split, limit=limit, seed=seed, on_rows=on_rows).evaluation
        for split in splits or source.eval_splits
    ]

    def by_split(name: str) -> dict:
        return {split: value for part in parts for split, value in getattr(part, name).items()}

    used = by_split("examples")
    mistakes = [mistake for part in parts for mistake in part.mistakes]
    return Evaluation(
        task=task.name,
        checkpoint=checkpoint.name,
        data_source=source.describe(used),
        metrics=by_split("metrics"),
        intervals=by_split("intervals"),
        baseline=by_split("baseline"),
        examples=used,
        labels=task.labels,
        confusion=by_split("confusion"),
        mistakes=_worst(mistakes),
        seconds=time.perf_counter() - started,
        seen_by_base=seen_by_base(checkpoint.location, task),
    )


def evaluate_rows(
    task: Task | str,
    checkpoint: Checkpoint | str,
    *,
    data: str | Source = "auto",
    split: str = "",
    limit: int | None = None,
    seed: int = 0,
    on_rows: Callable[[str, int, int], None] | None = None,
) -> SliceResult:
    """Score `checkpoint` on one split (the task's first validation split) and keep every row with its answer.

    The options are those of `evaluate`, and so are the numbers."""
    started = time.perf_counter()
    task, checkpoint, source = _opened(task, checkpoint, data, [split] if split else ())
    split = split or source.eval_splits[0]
    rows, _ = draw(source.read(split), limit, seed)
    require_rows(task, rows, split)
    report = on_rows and partial(_report, on_rows, split, len(rows))
    predictions = predict_all(task, checkpoint, rows, report)
    given, expected = outcome(task, predictions), references(task, rows)
    scores = {
        "metrics": metrics.score(task, given, expected),
        "intervals": metrics.intervals(task, given, expected),
        "baseline": metrics.baseline(task, expected),
    }
    scored = score_rows(task, rows, predictions)
    table = _table(task, scored)
    evaluation = Evaluation(
        task=task.name,
        checkpoint=checkpoint.name,
        data_source=source.describe({split: len(rows)}),
        examples={split: len(rows)},
        labels=task.labels,
        confusion={split: table} if task.labels else {},
        mistakes=find_mistakes(task, split, scored),
        seconds=time.perf_counter() - started,
        seen_by_base=seen_by_base(checkpoint.location, task),
        **{name: {split: values} for name, values in scores.items()},
    )
    return SliceResult(evaluation, split, scored, table)


def _opened(task, checkpoint, data, splits: Sequence[str]) -> tuple[Task, Checkpoint, Source]:
    """The three themselves, wherever a name or a place was given for one."""
    task = get_task(task) if isinstance(task, str) else task
    source = data if isinstance(data, Source) else open_source(task, str(data), splits or task.eval_splits)
    checkpoint = checkpoint if isinstance(checkpoint, Checkpoint) else load_checkpoint(str(checkpoint), task)
    return task, checkpoint, source


def _report(on_rows: Callable[[str, int, int], None], split: str, of: int, done: int) -> None:
    on_rows(split, min(done, of), of)  # a row of a span task may be several windows


def predict_all(task: Task, checkpoint: Checkpoint, rows: Sequence[Mapping], on_batch=None) -> list[Prediction]:
    """Predictions for scoring: in bf16 where the machine has it, in batches by length, so always the same numbers."""
    precision = pick_precision()
    return predict_rows(task, checkpoint, rows, batch_size=BATCH_SIZE, precision=precision, on_batch=on_batch)


def references(task: Task, rows: Sequence[Mapping]):
    """What is right: class ids or scores [rows], or the gold answers of each row."""
    return kind_of(task).references(task, rows)


def outcome(task: Task, predictions: Sequence[Prediction]):
    """What was said, in the shape of `references`."""
    return kind_of(task).outcome(task, predictions)


# -- the no-answer threshold ---------------------------------------------------------------------------------------


def best_threshold(predictions: Sequence[Prediction], golds: Sequence[Sequence[str]]) -> float:
    """The no-answer threshold with the best F1, in logits: the middle one of the tenths that tie.

    Sorted by no-answer score, a threshold gives the rows up to it their best span and the rest no answer; the sums of
    F1 of all thresholds come from two cumulative sums. Rows whose text has no span at all do not depend on it. Of
    scores that are no numbers nothing can be learned: 0."""
    found = [(one, answers) for one, answers in zip(predictions, golds, strict=True) if one.candidates]
    scores = np.array([one.no_answer_score for one, _ in found])
    if not found or not np.isfinite(scores).all():
        return 0.0
    spans = np.array([metrics.answer_f1(one.candidates[0].text, answers) for one, answers in found])
    nothing = np.array([metrics.answer_f1("", answers) for _, answers in found])
    order = np.argsort(scores)
    answered = np.concatenate([[0.0], np.cumsum(spans[order])])  # the first n rows get their span …
    left = np.concatenate([[0.0], np.cumsum(nothing[order][::-1])])[::-1]  # … and the others no answer
    around = [np.floor(10 * scores) - 1, np.floor(10 * scores), np.ceil(10 * scores), np.ceil(10 * scores) + 1]
    thresholds = np.unique(around) / 10
    sums = (answered + left)[np.searchsorted(scores[order], thresholds, side="right")]
    best = np.flatnonzero(np.isclose(sums, sums.max(), rtol=0, atol=1e-12))
    return round(float(thresholds[best[len(best) // 2]]), 1)


def answers_at(predictions: Sequence[Prediction], threshold: float) -> list[str]:
    """What the same predictions answer at another threshold; "" for no answer."""
    answered = [one.candidates and one.no_answer_score <= threshold for one in predictions]
    return [one.candidates[0].text if said else "" for one, said in zip(predictions, answered, strict=True)]


# -- row by row ----------------------------------------------------------------------------------------------------


def score_rows(task: Task, rows: Sequence[Mapping], predictions: Sequence[Prediction]) -> tuple[ScoredRow, ...]:
    """Every row beside its prediction, in order."""
    judge = kind_of(task).judge
    return tuple(
        ScoredRow({field: row[field] for field in task.text_fields}, *judge(task, row[task.label_field], prediction))
        for row, prediction in zip(rows, predictions, strict=True)
    )


def _table(task: Task, rows: Sequence[ScoredRow]) -> list[list[int]]:
    """How many rows there are in each cell; [] for a task without cells."""
    cells = [row.cell for row in rows if row.cell]
    if not cells:
        return []
    true, said = zip(*cells, strict=True)
    return metrics.confusion(said, true, kind_of(task).table_size(task))


def find_mistakes(task: Task, split: str, rows: Sequence[ScoredRow]) -> tuple[Mistake, ...]:
    """The rows that came out wrong, the most confident first; what counts as wrong depends on the kind of task."""
    confidence = kind_of(task).mistake
    mistakes = [
        Mistake(split, index, row.fields, row.expected, row.predicted, sure)
        for index, row in enumerate(rows)
        if (sure := confidence(row)) is not None
    ]
    return _worst(mistakes)


def _worst(mistakes: Sequence[Mistake]) -> tuple[Mistake, ...]:
    return tuple(sorted(mistakes, key=lambda one: -one.confidence)[:MISTAKES_KEPT])
