"""The card of a fine-tune or an evaluation: the score with its interval, the worst mistakes, and a verdict.

Every text here is final; the JavaScript only places it. `figures` draws the card's figures.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..results import DataSource, Evaluation, FinetuneResult, Mistake
from ..tasks import Task
from . import words
from .kinds import kind_of
from .payloads import ResultCard

BASELINE = "Best constant answer"  # heading of a column
PAPER = "Wang et al., 2020"


def result_card(
    task: Task, evaluation: Evaluation, training: FinetuneResult | None = None, *, seen: str = ""
) -> ResultCard:
    """The card of an evaluation, and of the training before it if there was one.

    `seen` says what the base of the checkpoint had already seen of this data, if the evaluation does not say it.
    Keys: headline {value, label}, verdicts [str], source str, extra table | None, figures [[name, text]],
    mistakes table | None, notes [str]; a table is {title, headings [str], rows [[str]]}."""
    splits = list(evaluation.metrics)
    first, metric = splits[0], task.metrics[0]
    return {
        "headline": {
            "value": words.score(metric, evaluation.metrics[first][metric]),
            "label": f"{words.metric_name(metric)} on {words.split_name(first)}; 95 % interval: "
            f"{words.between(metric, evaluation.intervals[first][metric])}",
        },
        "verdicts": [verdict(task, evaluation, split) for split in splits],
        "source": source_sentence(task, evaluation.data_source),
        "extra": _extra(task, evaluation),
        "figures": _figures(evaluation, training),
        "mistakes": _mistakes(task, evaluation.mistakes, several_splits=len(splits) > 1),
        "notes": list(_notes(task, evaluation, training, seen)),
    }


# -- words ---------------------------------------------------------------------------------------------------------


def verdict(task: Task, evaluation: Evaluation, split: str) -> str:
    """One sentence that compares the first metric with the baseline, the same answer to every row.

    "Clearly" means that the whole 95 % interval lies on one side of the baseline."""
    metric = task.metrics[0]
    low, high = evaluation.intervals[split][metric]
    baseline = evaluation.baseline[split][metric]
    hint = baseline_hint(task, evaluation, split)
    relation = "clearly above" if low > baseline else "clearly below" if high < baseline else "not clearly above"
    return (
        f"{words.metric_name(metric)} on {words.split_name(split)}: {_score(evaluation, split, metric)}, {relation} "
        f"{baseline_text(task, evaluation, split, metric)}."
        f"{' ' if hint else ''}{hint}"
    )


def baseline_name(task: Task, evaluation: Evaluation, split: str, metric: str) -> str:
    """The best constant answer for a metric, in words: "always answering 'negative'"."""
    return kind_of(task).constant_name(task, evaluation.baseline_answers.get(split, {}).get(metric))


def baseline_text(task: Task, evaluation: Evaluation, split: str, metric: str) -> str:
    """ "always answering 'negative' (50.0 %)"."""
    score = words.score(metric, evaluation.baseline[split][metric])
    return f"{baseline_name(task, evaluation, split, metric)} ({score})"


def source_sentence(task: Task, source: DataSource) -> str:
    """The source of the rows in a sentence; it says if they are not the official ones."""
    if source.kind == "sample":
        rows = ", ".join(f"{words.counted(rows, 'row')} of {split}" for split, rows in source.splits.items())
        return f"Scored on the bundled sample, not {task.benchmark}: {rows}."
    if source.kind == "file":
        return f"Scored on {source.description}, not {task.benchmark}."
    return f"Scored on {source.description}."


def _notes(task: Task, evaluation: Evaluation, training, seen: str) -> Iterator[str]:
    yield from evaluation.data_source.notes
    if seen := seen or evaluation.seen_by_base:
        yield f"The bundled checkpoint's own training had seen {seen}."
    if any(paper_scores(task, evaluation, split, metric) for split in evaluation.metrics for metric in task.metrics):
        yield f"Hollow marks are the paper's development scores ({PAPER}): {paper_rows(task)}."
        yield f"{run_rows(task, evaluation, training)}."


def _figures(evaluation: Evaluation, training: FinetuneResult | None) -> list[list[str]]:
    scored = ", ".join(
        f"{words.thousands(rows)} of {words.split_name(split)}" for split, rows in evaluation.examples.items()
    )
    if training is None:
        return [["Rows scored", scored], ["Scoring took", words.duration(evaluation.seconds)]]
    read = ", ".join(f"{words.thousands(rows)} of {words.split_name(split)}" for split, rows in training.splits.items())
    return [
        ["Training took", words.duration(training.seconds)],
        ["Speed", words.speed(training.examples_per_second)],
        ["Rows seen", rows_seen(training)],
        *([["Rows to learn from", read]] if len(training.splits) > 1 else []),
        ["Rows scored", scored],
        ["Weights kept", f"step {training.step} of {training.steps}"],
    ]


def rows_seen(training: FinetuneResult) -> str:
    """ "3,264 of 66,349 rows, 0.05 epochs". A run of an older program counted its rows with their repetitions."""
    different, of, in_all = training.rows_seen, training.examples, training.examples_seen
    times = in_all / of if training.epochs is None else training.epochs
    return words.seen(min(in_all, of) if different is None else different, of, in_all, times)


def paper_rows(task: Task) -> str:
    """The rows behind the paper's scores."""
    learned, scored = task.official_rows["train"], task.official_rows[task.eval_splits[0]]
    return f"learned from all {words.thousands(learned)} rows, scored on all {words.thousands(scored)}"


def run_rows(task: Task, evaluation: Evaluation, training: FinetuneResult | None) -> str:
    """The rows behind a score that stands beside the paper's."""
    split = task.eval_splits[0]
    scored, of = evaluation.examples[split], task.official_rows[split]
    part = "on all" if scored >= of else f"on {words.thousands(scored)} of the"
    learned = f"This run saw {rows_seen(training)}" if training else "What this model learned from is not known here"
    return f"{learned}; it was scored {part} {words.counted(of, 'row')} of {words.split_name(split)}"


def baseline_hint(task: Task, evaluation: Evaluation, split: str) -> str:
    """What may be wrong, if the first metric is below that of one answer to every row; else ""."""
    metric = task.metrics[0]
    if evaluation.metrics[split][metric] >= evaluation.baseline[split][metric]:
        return ""
    return f"One answer to every row would have scored more: {kind_of(task).below_constant}"


# -- tables --------------------------------------------------------------------------------------------------------


def paper_scores(task: Task, evaluation: Evaluation, split: str, metric: str) -> dict[str, float]:
    """The paper's scores of this metric, model -> score; empty for a sample or an uploaded file."""
    comparable = metric == task.paper_metric and split == task.eval_splits[0]
    return dict(task.paper) if comparable and evaluation.data_source.is_official else {}


def _score(evaluation: Evaluation, split: str, metric: str) -> str:
    return words.score_and_range(metric, evaluation.metrics[split][metric], evaluation.intervals[split][metric])


def _extra(task: Task, evaluation: Evaluation) -> dict | None:
    """Metrics beyond the task's own, such as `has_answer_f1`, as a table."""
    rows = [
        [
            words.metric_name(metric),
            words.split_name(split),
            words.score(metric, value),
            words.between(metric, evaluation.intervals[split][metric]),
            baseline_text(task, evaluation, split, metric),
        ]
        for split, values in evaluation.metrics.items()
        for metric, value in values.items()
        if metric not in task.metrics
    ]
    headings = ["Metric", "Split", "Score", "95 % interval", BASELINE]
    return {"title": "Other scores", "headings": headings, "rows": rows} if rows else None


def _mistakes(task: Task, mistakes: Sequence[Mistake], several_splits: bool) -> dict | None:
    """The worst mistakes as a table; what `confidence` means depends on the kind of task."""
    if not mistakes:
        return None
    kind, split = kind_of(task), ["Split"] if several_splits else []
    rows = [
        [
            *([words.split_name(mistake.split)] if several_splits else []),
            *(words.shorten(str(mistake.fields.get(field, ""))) for field in task.text_fields),
            kind.answer_text(task, mistake.expected),
            kind.answer_text(task, mistake.predicted),
            kind.measured(mistake.confidence),
        ]
        for mistake in mistakes
    ]
    fields = [words.capital(task.words_for(field)) for field in task.text_fields]
    return {
        "title": f"The worst {words.counted(len(rows), 'mistake')}" if len(rows) > 1 else "The worst mistake",
        "headings": [*split, *fields, "Expected", "Predicted", kind.confidence_name],
        "rows": rows,
        "texts": [[str(mistake.fields.get(field, "")) for field in task.text_fields] for mistake in mistakes],
        "column": len(split),
    }
