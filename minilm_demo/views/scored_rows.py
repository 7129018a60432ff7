"""Scored rows of a validation set as the payload of the `rows` component: scores, a table of counts, and the rows
behind each of its cells.

Every text here is final; the JavaScript only places it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..results import ScoredRow, ScoredRows
from ..tasks import Task
from . import words
from .kinds import kind_of
from .payloads import CellTable, ScoredRowsPayload
from .result import BASELINE, baseline_text, source_sentence, verdict

LISTED = 50  # rows of one list
ANSWER_LENGTH = 100  # characters of an answer


def scored_rows_payload(task: Task, result: ScoredRows, *, seen: str = "") -> ScoredRowsPayload:
    """The payload of the `rows` component. `seen`: what the base of the checkpoint had seen of this data.

    Keys: title str, headline {value, label}, verdicts [str], source str, notes [str], scores table | None,
    matrix {title, labels [str], columns [str], rows [[{count, share, text, list int | None}]]} | None, lists [list];
    `list` is the index in `lists` of a cell's rows; without a matrix there is one list.
    A list is {title, note, rows [{fields [[name, text]], said [[name, text]], texts [str]}]}; `texts` are the whole
    texts in the order of the task's fields."""
    evaluation, split, metric = result.evaluation, result.split, task.metrics[0]
    score, interval = evaluation.metrics[split][metric], evaluation.intervals[split][metric]
    return {
        "title": f"{task.title.split(':')[0]}, {words.counted(len(result.rows), 'row')} of {words.split_name(split)}",
        "headline": {
            "value": words.score(metric, score),
            "label": f"{words.metric_name(metric)} on {words.counted(len(result.rows), 'row')} of "
            f"{words.split_name(split)}; 95 % interval: {words.between(metric, interval)}",
        },
        "verdicts": [verdict(task, evaluation, split)],
        "source": source_sentence(task, evaluation.data_source),
        "notes": list(_notes(result, seen)),
        "scores": _scores(task, result),
        **_table_and_lists(task, result),
    }


def _notes(result: ScoredRows, seen: str) -> Iterator[str]:
    yield from result.evaluation.data_source.notes
    yield f"Answered by {result.evaluation.checkpoint} in {words.duration(result.evaluation.seconds)}."
    if seen:
        yield f"The bundled checkpoint's own training had seen {seen}."


def _scores(task: Task, result: ScoredRows) -> dict | None:
    """Every metric with its interval and the baseline; None for a single metric, which the headline has."""
    evaluation, split = result.evaluation, result.split
    rows = [
        [
            words.metric_name(metric),
            words.score(metric, value),
            words.between(metric, evaluation.intervals[split][metric]),
            baseline_text(task, evaluation, split, metric),
        ]
        for metric, value in evaluation.metrics[split].items()
    ]
    headings = ["Metric", "Score", "95 % interval", BASELINE]
    return {"title": "Scores", "headings": headings, "rows": rows} if len(rows) > 1 else None


# -- the table and its rows ----------------------------------------------------------------------------------------


def _table_and_lists(task: Task, result: ScoredRows) -> dict:
    if not result.table:
        return {"matrix": None, "lists": [_list(task, "The rows", result.rows, len(result.rows))]}
    return cell_table(task, result.table, result.rows)


def cell_table(task: Task, table: Sequence[Sequence[int]], scored: Sequence[ScoredRow], split: str = "") -> CellTable:
    """The counts of a table [true][predicted], and the rows behind each of its cells; `scored` may lack some."""
    cells = kind_of(task).cells(task)
    lists, rows = [], []
    for i, counts in enumerate(table):
        row = []
        for j, count in enumerate(counts):
            share = count / sum(counts) if count else 0.0
            place = len(lists) if count else None
            row.append(
                {"count": words.thousands(count), "share": share, "text": words.percent(share, 0), "list": place}
            )
            if count:
                members = [row_of_cell for row_of_cell in scored if row_of_cell.cell == (i, j)]
                title = cells.cell.format(true=cells.rows[i], predicted=cells.columns[j])
                lists.append(_list(task, title, members, count))
        rows.append(row)
    title = f"{cells.title} on {split}" if split else cells.title
    matrix = {"title": title, "labels": list(cells.rows), "columns": list(cells.columns), "rows": rows}
    return {"matrix": matrix, "lists": lists}


def _list(task: Task, title: str, rows: Sequence[ScoredRow], number: int) -> dict:
    """The rows to show of `number` rows."""
    kind = kind_of(task)
    listed = sorted(rows, key=kind.place)[:LISTED]
    limit = f"; {len(listed)} of them here" if len(listed) < number else ""
    order = f", {kind.first_rows}" if len({row.value for row in rows}) > 1 else ""
    return {
        "title": title,
        "note": f"{words.counted(number, 'row')}{limit}{order}.",
        "rows": [_row(task, row) for row in listed],
    }


def _row(task: Task, row: ScoredRow) -> dict:
    kind = kind_of(task)
    return {
        "fields": [
            [words.capital(task.words_for(field)), words.shorten(row.fields[field])] for field in task.text_fields
        ],
        "said": [
            ["Expected", kind.answer_text(task, row.expected, ANSWER_LENGTH)],
            ["Predicted", kind.answer_text(task, row.predicted, ANSWER_LENGTH)],
            [kind.value_name, kind.measured(row.value)],
        ],
        "texts": [row.fields[field] for field in task.text_fields],
    }
