"""Rows of a validation set and what a checkpoint said of each: scores, a table to click in, and the rows behind it.

Every text here is final; the JavaScript places it and computes nothing but positions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..results import ScoredRow, SliceResult
from ..tasks import Task
from . import words
from .payloads import SlicePayload
from .result import source_sentence, verdict

SHOWN = 50  # rows of one list
ORDER = {  # kind of task -> (what the value of a row is called, the sort key, how the first rows are called)
    "classification": ("Probability", lambda row: -row.value, "the surest first"),
    "regression": ("Off by", lambda row: -row.value, "the largest error first"),
    "span": ("F1", lambda row: row.value, "the lowest F1 first"),
}
ANSWERABLE, ANSWERED = ("has an answer", "has none"), ("answered", "“no answer”")  # rows and columns of a span's table


def slice_payload(task: Task, result: SliceResult, *, seen: str = "") -> SlicePayload:
    """A scored slice -> what to draw. `seen`: what the base of the checkpoint had seen of this data.

    Keys: title str, headline {value, label}, verdicts [str], source str, notes [str], scores table | None,
    matrix {title, labels [str], columns [str], rows [[{count, share, text, list int | None}]]} | None, lists [list];
    `list` is the place in `lists` of a cell's rows, and without a matrix there is one list.
    A list is {title, note, rows [{fields [[name, text]], said [[name, text]], texts [str]}]}; `texts` are the whole
    texts in the order of the task's fields."""
    evaluation, split, metric = result.evaluation, result.split, task.metrics[0]
    score, interval = evaluation.metrics[split][metric], evaluation.intervals[split][metric]
    return {
        "title": f"{task.title.split(':')[0]}, {words.counted(len(result.rows), 'row')} of {words.split_name(split)}",
        "headline": {
            "value": words.plus_minus(metric, score, interval),
            "label": f"{words.metric_name(metric)} on {words.counted(len(result.rows), 'row')} of "
            f"{words.split_name(split)}, with its 95 % interval",
        },
        "verdicts": [verdict(task, evaluation, split)],
        "source": source_sentence(task, evaluation.data_source),
        "notes": list(_notes(result, seen)),
        "scores": _scores(task, result),
        **_table_and_lists(task, result),
    }


def _notes(result: SliceResult, seen: str) -> Iterator[str]:
    yield f"Answered by {result.evaluation.checkpoint} in {words.duration(result.evaluation.seconds)}."
    if seen:
        yield f"The bundled checkpoint's own training had seen {seen}."


def _scores(task: Task, result: SliceResult) -> dict | None:
    """Every metric with its interval and the baseline, where there is more than the headline says."""
    evaluation, split = result.evaluation, result.split
    rows = [
        [
            words.metric_name(metric),
            words.score(metric, value),
            words.between(metric, evaluation.intervals[split][metric]),
            words.score(metric, evaluation.baseline[split][metric]),
        ]
        for metric, value in evaluation.metrics[split].items()
    ]
    headings = ["Metric", "Score", "95 % interval", "Baseline"]
    return {"title": "Scores", "headings": headings, "rows": rows} if len(rows) > 1 else None


# -- the table and its rows ----------------------------------------------------------------------------------------


def _table_and_lists(task: Task, result: SliceResult) -> dict:
    if not result.table:
        return {"matrix": None, "lists": [_list(task, "The rows", result.rows)]}
    true, said = _names(task)
    lists, rows = [], []
    for i, counts in enumerate(result.table):
        cells = []
        for j, count in enumerate(counts):
            share = count / sum(counts) if count else 0.0
            place = len(lists) if count else None
            cells.append(
                {"count": words.thousands(count), "share": share, "text": words.percent(share, 0), "list": place}
            )
            if count:
                members = [row for row in result.rows if row.cell == (i, j)]
                lists.append(_list(task, _cell_title(task, true[i], said[j]), members))
        rows.append(cells)
    title = "Questions and answers" if task.kind == "span" else "Predicted classes"
    return {"matrix": {"title": title, "labels": true, "columns": said, "rows": rows}, "lists": lists}


def _names(task: Task) -> tuple[list[str], list[str]]:
    """What the rows and the columns of the table are called."""
    if task.kind == "span":
        return list(ANSWERABLE), list(ANSWERED)
    labels = [words.label_name(label) for label in task.labels]
    return labels, labels


def _cell_title(task: Task, true: str, said: str) -> str:
    return f"The text {true}; the model said: {said}" if task.kind == "span" else f"True: {true}, predicted: {said}"


def _list(task: Task, title: str, rows: Sequence[ScoredRow]) -> dict:
    _, key, first = ORDER[task.kind]
    shown = sorted(rows, key=key)[:SHOWN]
    kept = f"; {len(shown)} of them here" if len(shown) < len(rows) else ""
    order = f", {first}" if len({row.value for row in rows}) > 1 else ""
    return {
        "title": title,
        "note": f"{words.counted(len(rows), 'row')}{kept}{order}.",
        "rows": [_row(task, row) for row in shown],
    }


def _row(task: Task, row: ScoredRow) -> dict:
    name = ORDER[task.kind][0]
    value = words.number(row.value, 1) if task.kind == "regression" else words.percent(row.value, 0)
    return {
        "fields": [[field.capitalize(), words.shorten(row.fields[field])] for field in task.text_fields],
        "said": [["Expected", _said(task, row.expected)], ["Predicted", _said(task, row.predicted)], [name, value]],
        "texts": [row.fields[field] for field in task.text_fields],
    }


def _said(task: Task, answer: str) -> str:
    if task.kind == "regression":
        return words.number(float(answer), 1)
    return words.label_name(answer) if task.labels else words.shorten(answer, 100)
