"""Scores of a checkpoint on the splits of a task, with intervals, the best constant answers and the worst mistakes.

`evaluate` scores whole splits; `evaluate_rows` scores rows of one split and returns each with its answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from ..data import AS_SAID, LabelMeaning, Source, draw, features, open_source, require_rows, split_facts
from ..models import Checkpoint, load_checkpoint, pick_precision, seen_by_base
from ..results import (
    CutRows,
    Evaluation,
    Mistake,
    Prediction,
    RowFacts,
    ScoredRow,
    ScoredRows,
    joined_facts,
    outputs_note,
)
from ..tasks import Task, get_task
from . import metrics
from .kinds import kind_of
from .label_order import order_hint
from .prediction import predict_rows

BATCH_SIZE = 64
MISTAKES_KEPT = 20  # in an `Evaluation`, the worst ones
CELLS_WITH_SEVERAL = 25  # up to so many cells keep several rows each
ROWS_OF_A_CELL = 5
CHARACTERS_KEPT = 2_000  # of one row; longer rows stay out of an `Evaluation`


def evaluate(
    task: Task | str,
    checkpoint: Checkpoint | str,
    *,
    splits: Sequence[str] = (),
    data: str | Source = "auto",
    meaning: LabelMeaning = AS_SAID,
    limit: int | None = None,
    seed: int = 0,
    learned: Sequence[Mapping] = (),
    on_rows: Callable[[str, int, int], None] | None = None,
) -> Evaluation:
    """Score `checkpoint` on `splits` (default: the task's validation splits, and of a file all rows), on at most
    `limit` rows of each, drawn with `seed`.

    `meaning` is what is said of the label column of own rows. `learned` are the rows that the checkpoint learned from,
    as far as they are known: the result counts how many are scored. `on_rows(split, rows_done, num_rows)` is called
    after each batch. Raises `DataError` for data without labelled rows, and what opening the data and loading the
    checkpoint raise."""
    started = time.perf_counter()
    task, checkpoint, source = _resolve(task, checkpoint, data, splits, meaning)
    options = {"limit": limit, "seed": seed, "learned": learned, "on_rows": on_rows}
    parts = [
        evaluate_rows(task, checkpoint, data=source, split=split, **options).evaluation
        for split in splits or source.scored_splits
    ]

    def by_split(name: str) -> dict:
        return {split: value for part in parts for split, value in getattr(part, name).items()}

    examples = by_split("examples")
    mistakes = [mistake for part in parts for mistake in part.mistakes]
    return Evaluation(
        task=task.name,
        checkpoint=checkpoint.name,
        data_source=source.describe(examples, joined_facts([part.data_source.facts for part in parts])),
        metrics=by_split("metrics"),
        intervals=by_split("intervals"),
        baseline=by_split("baseline"),
        baseline_answers=by_split("baseline_answers"),
        examples=examples,
        labels=task.labels,
        confusion=by_split("confusion"),
        cell_rows=by_split("cell_rows"),
        mistakes=_worst(mistakes),
        seconds=time.perf_counter() - started,
        seen_by_base=seen_by_base(checkpoint.location, task),
    )


def evaluate_rows(
    task: Task | str,
    checkpoint: Checkpoint | str,
    *,
    data: str | Source = "auto",
    meaning: LabelMeaning = AS_SAID,
    split: str = "",
    limit: int | None = None,
    seed: int = 0,
    learned: Sequence[Mapping] = (),
    on_rows: Callable[[str, int, int], None] | None = None,
) -> ScoredRows:
    """Score `checkpoint` on one split (default: the first that `evaluate` scores), and return every row with its
    answer. Options, numbers and errors are those of `evaluate`."""
    started = time.perf_counter()
    task, checkpoint, source = _resolve(task, checkpoint, data, [split] if split else (), meaning)
    split = split or source.scored_splits[0]
    rows, _ = draw(source.read(split), limit, seed)
    require_rows(task, rows, split)
    report = on_rows and (lambda rows_done: on_rows(split, rows_done, len(rows)))
    predictions = predict_all(task, checkpoint, rows, report)
    outcomes, golds = outcome(task, predictions), references(task, rows)
    constants = metrics.best_constant(task, golds)
    scores = {
        "metrics": metrics.score(task, outcomes, golds),
        "intervals": metrics.intervals(task, outcomes, golds),
        "baseline": {metric: constant.score for metric, constant in constants.items()},
        "baseline_answers": {metric: constant.answer for metric, constant in constants.items()},
    }
    scored_rows = score_rows(task, rows, predictions)
    table = _table(task, scored_rows)
    facts = source.facts([split])
    cut = _cut_rows(task, checkpoint, predictions)
    facts = facts.with_splits(**{split: replace(split_facts(task, rows, learned), cut=cut)})
    facts = facts.with_hints(_hints(task, checkpoint, table, facts))
    evaluation = Evaluation(
        task=task.name,
        checkpoint=checkpoint.name,
        data_source=source.describe({split: len(rows)}, facts),
        examples={split: len(rows)},
        labels=task.labels,
        confusion={split: table} if task.labels else {},
        cell_rows={split: cell_rows(scored_rows)} if task.labels else {},
        mistakes=find_mistakes(task, split, scored_rows),
        seconds=time.perf_counter() - started,
        seen_by_base=seen_by_base(checkpoint.location, task),
        **{name: {split: values} for name, values in scores.items()},
    )
    return ScoredRows(evaluation, split, scored_rows, table)


def _resolve(task, checkpoint, data, splits: Sequence[str], meaning: LabelMeaning) -> tuple[Task, Checkpoint, Source]:
    """Task, checkpoint and source as objects; each may come as a name or a path."""
    task = get_task(task) if isinstance(task, str) else task
    source = data if isinstance(data, Source) else open_source(task, str(data), splits or task.eval_splits, meaning)
    checkpoint = checkpoint if isinstance(checkpoint, Checkpoint) else load_checkpoint(checkpoint, task)
    return task, checkpoint, source


def _cut_rows(task: Task, checkpoint: Checkpoint, predictions: Sequence[Prediction]) -> CutRows | None:
    """How many of the scored rows the checkpoint read only in part."""
    config = checkpoint.model.config
    most = features.window_size(task, config, features.LENGTHS[-1])
    lengths = [prediction.tokens_total for prediction in predictions]
    return features.cut_rows(task, lengths, features.input_length(task, config), most)


def _hints(task: Task, checkpoint: Checkpoint, table: Sequence[Sequence[int]], facts: RowFacts) -> list[str]:
    """Sentences on what may be wrong with the meaning of the labels, of the rows or of the checkpoint."""
    order = order_hint(task, table, facts.values, "The model") if table else ""
    return [hint for hint in (outputs_note(checkpoint.assumed_outputs), order) if hint]


def predict_all(task: Task, checkpoint: Checkpoint, rows: Sequence[Mapping], on_batch=None) -> list[Prediction]:
    """Predictions for scoring, in bf16 if the machine has it. Precision and batch size are fixed, so that scores of the
    same rows are the same everywhere in the program."""
    precision = pick_precision()
    return predict_rows(task, checkpoint, rows, batch_size=BATCH_SIZE, precision=precision, on_batch=on_batch)


def references(task: Task, rows: Sequence[Mapping]):
    """The right answers: class ids or scores [num_rows], or the gold answers of each row."""
    return kind_of(task).references(task, rows)


def outcome(task: Task, predictions: Sequence[Prediction]):
    """The predicted answers, in the shape that the metrics compare with `references`."""
    return kind_of(task).outcome(task, predictions)


# -- the no-answer threshold ---------------------------------------------------------------------------------------


def best_threshold(predictions: Sequence[Prediction], golds: Sequence[Sequence[str]]) -> float:
    """The no-answer threshold with the best F1, in logits; of several equally good tenths, the middle one.

    In order of the no-answer score, the rows up to a threshold get their best span and the rest get no answer. Two
    cumulative sums therefore give the sum of F1 at every threshold. Rows whose text has no span do not depend on the
    threshold. The threshold is 0 if no row does, or if a score is infinite or nan."""
    pairs = [(prediction, texts) for prediction, texts in zip(predictions, golds, strict=True) if prediction.candidates]
    scores = np.array([prediction.no_answer_score for prediction, _ in pairs])
    if not pairs or not np.isfinite(scores).all():
        return 0.0
    span_f1 = np.array([metrics.answer_f1(prediction.candidates[0].text, texts) for prediction, texts in pairs])
    no_answer_f1 = np.array([metrics.answer_f1("", texts) for _, texts in pairs])
    order = np.argsort(scores)
    span_sums = np.concatenate([[0.0], np.cumsum(span_f1[order])])  # [n]: the first n rows get their span …
    no_answer_sums = np.concatenate([[0.0], np.cumsum(no_answer_f1[order][::-1])])[::-1]  # … the others no answer
    tenths = [np.floor(10 * scores) - 1, np.floor(10 * scores), np.ceil(10 * scores), np.ceil(10 * scores) + 1]
    thresholds = np.unique(tenths) / 10
    sums = (span_sums + no_answer_sums)[np.searchsorted(scores[order], thresholds, side="right")]
    best = np.flatnonzero(np.isclose(sums, sums.max(), rtol=0, atol=1e-12))
    return round(float(thresholds[best[len(best) // 2]]), 1)


def answers_at(predictions: Sequence[Prediction], threshold: float) -> list[str]:
    """The answers of the same predictions at another threshold; "" for no answer."""
    return [
        prediction.candidates[0].text if prediction.candidates and prediction.no_answer_score <= threshold else ""
        for prediction in predictions
    ]


# -- row by row ----------------------------------------------------------------------------------------------------


def score_rows(task: Task, rows: Sequence[Mapping], predictions: Sequence[Prediction]) -> tuple[ScoredRow, ...]:
    """Every row with its reference and prediction in words, in order."""
    judge = kind_of(task).judge
    return tuple(
        ScoredRow({field: row[field] for field in task.text_fields}, *judge(task, row[task.label_field], prediction))
        for row, prediction in zip(rows, predictions, strict=True)
    )


def _table(task: Task, rows: Sequence[ScoredRow]) -> list[list[int]]:
    """The number of rows in each cell, [size, size]; [] for a task without cells."""
    cells = [row.cell for row in rows if row.cell]
    if not cells:
        return []
    true, predicted = zip(*cells, strict=True)
    return metrics.confusion(predicted, true, kind_of(task).table_size(task))


def cell_rows(rows: Sequence[ScoredRow]) -> tuple[ScoredRow, ...]:
    """A few rows of each cell of the table, those with the highest value first."""
    by_cell: dict[tuple[int, int], list[ScoredRow]] = {}
    for row in sorted(rows, key=lambda row: -row.value):
        if row.cell and sum(map(len, row.fields.values())) <= CHARACTERS_KEPT:
            by_cell.setdefault(row.cell, []).append(row)
    number = ROWS_OF_A_CELL if len(by_cell) <= CELLS_WITH_SEVERAL else 1
    return tuple(row for cell in sorted(by_cell) for row in by_cell[cell][:number])


def find_mistakes(task: Task, split: str, rows: Sequence[ScoredRow]) -> tuple[Mistake, ...]:
    """The wrong rows, the most confident first, `MISTAKES_KEPT` at most; the kind of task decides what is wrong."""
    mistake_confidence = kind_of(task).mistake
    mistakes = [
        Mistake(split, index, row.fields, row.expected, row.predicted, confidence)
        for index, row in enumerate(rows)
        if (confidence := mistake_confidence(row)) is not None
    ]
    return _worst(mistakes)


def _worst(mistakes: Sequence[Mistake]) -> tuple[Mistake, ...]:
    return tuple(sorted(mistakes, key=lambda mistake: -mistake.confidence)[:MISTAKES_KEPT])
