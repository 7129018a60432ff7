"""Scores with their 95 % intervals, beside the baseline and the paper's models."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...results import Evaluation, FinetuneResult
from ...tasks import Task, get_task
from .. import words
from ..result import baseline_name, paper_scores, rows_seen
from . import style

if TYPE_CHECKING:
    import plotly.graph_objects as go

HEADINGS = ("Scored", "Model", "Score", "95 % interval")
HEADING_ROWS = 0.75  # the height of a group's heading, in rows


@dataclass(frozen=True)
class _Row:
    """One mark: a model and its score. Only this model's score has an interval."""

    kind: str  # "run" | "baseline" | "paper"
    label: str
    value: float
    value_text: str
    interval: tuple[float, float] | None = None


@dataclass(frozen=True)
class _Group:
    """One metric on one split."""

    heading: str  # "Accuracy on validation"
    title: str  # the same, with the number of rows
    metric: str
    rows: tuple[_Row, ...]


def scores_figure(evaluation: Evaluation, training: FinetuneResult | None = None) -> go.Figure:
    """One row for each model, score as a mark and interval as a bar; one group of rows for each metric and split.

    `training` is the fine-tune before the evaluation; beside the paper's scores the figure says how much it saw."""
    task = get_task(evaluation.task)
    groups = [
        _group(task, evaluation, split, metric, training) for split in evaluation.metrics for metric in task.metrics
    ]
    several = len(groups) > 1
    places, end = _places(groups, several)
    title = f"Scores: {task.title.split(':')[0]}" if several else groups[0].title
    drawn = style.figure(
        title=title,
        name=f"{task.name}-scores",
        about=f"{title}. {' '.join(_sentence(group) for group in groups)}",
        table=_table(title, groups),
        height=round(style.ROW * (end + 0.25)) + style.AXIS_HEIGHT,
        showlegend=False,
        xaxis=_axis(groups),
        yaxis=style.row_axis(end),
        annotations=list(_labels(groups, places, several)),
        shapes=[
            style.baseline_line(_of(group, "baseline")[0].value, rows[0], rows[-1])
            for group, rows in zip(groups, places, strict=True)
        ],
    )
    marked = [pair for group, rows in zip(groups, places, strict=True) for pair in zip(group.rows, rows, strict=True)]
    for kind in ("baseline", "paper", "run"):
        if marks := [(row, place) for row, place in marked if row.kind == kind]:
            drawn.add_scatter(**_marks(kind, *zip(*marks, strict=True)))
    return drawn


def _group(task: Task, evaluation: Evaluation, split: str, metric: str, training: FinetuneResult | None) -> _Group:
    value, baseline = evaluation.metrics[split][metric], evaluation.baseline[split][metric]
    interval = tuple(evaluation.intervals[split][metric])
    name = baseline_name(task, evaluation, split, metric)
    paper = [
        _Row("paper", f"paper: {model}", at, words.score(metric, at, digits=3))
        for model, at in paper_scores(task, evaluation, split, metric).items()
    ]
    own = _own_label(training) if paper else "this model"
    heading = f"{words.metric_name(metric)} on {words.split_name(split)}"
    return _Group(
        heading,
        f"{heading}, {words.counted(evaluation.examples[split], 'row')}",
        metric,
        (
            _Row(
                "run",
                own,
                value,
                words.score_and_range(metric, value, interval),
                interval,
            ),
            _Row("baseline", name, baseline, words.score(metric, baseline)),
            *paper,
        ),
    )


def _own_label(training: FinetuneResult | None) -> str:
    """This model, and beside the paper's scores what it learned from."""
    return f"this model, which saw {rows_seen(training)}" if training else "this model"


def _of(group: _Group, kind: str) -> list[_Row]:
    return [row for row in group.rows if row.kind == kind]


def _places(groups: Sequence[_Group], headed: bool) -> tuple[list[list[float]], float]:
    """The position of each row, counted from the top, and the end of the last one."""
    places, at = [], 0.0
    for group in groups:
        at += HEADING_ROWS if headed else 0
        places.append([at + number for number in range(len(group.rows))])
        at += len(group.rows)
    return places, at


def _labels(groups: Sequence[_Group], places: Sequence[Sequence[float]], headed: bool):
    for group, rows in zip(groups, places, strict=True):
        if headed:
            yield style.row_labels(rows[0] - HEADING_ROWS + 0.1, group.heading, "", bold=True)[0]
        for row, place in zip(group.rows, rows, strict=True):
            yield from style.row_labels(place, row.label, row.value_text, bold=row.kind == "run")


_LOOKS = {
    "run": {"symbol": "circle", "size": 13, "color": style.STUDENT, "line": {"width": 0}},
    "baseline": {"symbol": "line-ns", "size": 18, "color": style.NEUTRAL, "line": {"width": 4, "color": style.NEUTRAL}},
    "paper": {"symbol": "diamond-open", "size": 12, "color": style.NEUTRAL, "line": {"width": 2}},
}


def _marks(kind: str, rows: Sequence[_Row], places: Sequence[float]) -> dict:
    values = [row.value for row in rows]
    marks = {
        "mode": "markers",
        "name": {"run": "this model", "baseline": "baseline", "paper": "paper"}[kind],
        "x": values,
        "y": list(places),
        "marker": _LOOKS[kind],
        "customdata": [[style.text(row.label), style.text(row.value_text)] for row in rows],
        "hovertemplate": "%{customdata[0]}: %{customdata[1]}<extra></extra>",
    }
    if kind != "run":
        return marks
    lows, highs = zip(*(row.interval for row in rows), strict=True)
    return marks | {"error_x": style.interval_bar(lows, highs, values)}


def _axis(groups: Sequence[_Group]) -> dict:
    percent = all(words.is_percent(group.metric) for group in groups)
    names = {words.metric_name(group.metric) for group in groups}
    name = names.pop() if len(names) == 1 else "Score"
    values = [end for group in groups for row in group.rows for end in (row.value, *(row.interval or ()))]
    return {
        "title": {"text": style.text(f"{name}{' in %' if percent else ''}; the bar is its 95 % interval")},
        "range": [axis_start(values), 1.005],
        "tickformat": ".0%" if percent else ".1f",
        "nticks": 7,
    }


def axis_start(values: Sequence[float]) -> float:
    """The start of the axis: the tenth below the smallest value, so that close marks are distinct.

    It is at most 0.9, and below 0 only for negative values."""
    lowest = min(values)
    start = math.floor(10 * lowest - 0.2) / 10
    return round(min(0.9, max(0.0 if lowest >= 0 else -1.0, start)), 1)


def _sentence(group: _Group) -> str:
    references = "; ".join(f"{row.label} {row.value_text}" for row in group.rows[1:])
    return f"{group.title}: {group.rows[0].value_text}; {references}."


def _table(title: str, groups: Sequence[_Group]) -> dict:
    rows = [
        [
            group.title,
            row.label,
            words.score(group.metric, row.value, digits=3 if row.kind == "paper" else 2),
            words.between(group.metric, row.interval) if row.interval else "",
        ]
        for group in groups
        for row in group.rows
    ]
    return style.table(title, HEADINGS, rows)
