"""The figure of the experiment "Does it help?": every student as a dot, and the baseline."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...results import AblationResult, ArmScores, Scored
from .. import words
from . import style

if TYPE_CHECKING:
    import plotly.graph_objects as go

AXIS_STEP, AXIS_MARGIN = 0.05, 0.01
LANE = 0.11  # rows between two of the three lanes of an arm's dots, which keep equal scores apart
ALWAYS = "Always the same answer"
HEADINGS = ("How it began", "One score a seed", "Mean", "95 % interval (of)", "Losses before", "A student took")


def experiment_figure(result: AblationResult) -> go.Figure:
    """One row for each arm: a dot for each student (one seed), a line at their mean, a bar for its 95 % interval. The
    dashed line is the baseline. Bars are clipped to the axis."""
    title = (
        f"{words.metric_name(result.metric)} on {words.split_name(result.split)}, "
        f"{words.counted(result.examples, 'row')}"
    )
    titles = [arm.title for arm in result.arms]
    means = [_mean_text(result.metric, arm) for arm in result.arms]
    baseline = words.score(result.metric, result.baseline)
    percent = words.is_percent(result.metric)
    rows = len(result.arms) + 1
    drawn = style.figure(
        title=title,
        name=f"{result.task}-experiment",
        about=f"{title}. {'; '.join(f'{name}: {mean}' for name, mean in zip(titles, means, strict=True))}; "
        f"{ALWAYS.lower()}: {baseline}.",
        table=_table(title, result),
        height=round(style.ROW * (rows + 0.25)) + style.AXIS_HEIGHT,
        showlegend=False,
        xaxis={
            "title": {"text": style.text(f"{words.metric_name(result.metric)}{' in %' if percent else ''}")},
            "range": axis_range([result.baseline, *(mark for arm in result.arms for mark in (*arm.scores, arm.mean))]),
            "tickformat": ".0%" if percent else ".2f",
            "nticks": 7,
        },
        yaxis=style.row_axis(rows),
        annotations=[
            label
            for row, (name, score) in enumerate([*zip(titles, means, strict=True), (ALWAYS, baseline)])
            for label in style.row_labels(row, name, score)
        ],
        shapes=[style.baseline_line(result.baseline, 0, rows - 1)],
    )
    drawn.add_scatter(**_means(result, means))
    drawn.add_scatter(**_dots(result))
    drawn.add_scatter(
        mode="markers",
        name="baseline",
        x=[result.baseline],
        y=[rows - 1],
        marker={"symbol": "line-ns", "size": 18, "line": {"width": 4, "color": style.NEUTRAL}},
        hovertemplate=f"{ALWAYS}: {style.text(baseline)}<extra></extra>",
    )
    return drawn


def axis_range(values: Sequence[float]) -> list[float]:
    """The ends of the axis: just outside all marks, within -1 and 1."""
    low = math.floor((min(values) - AXIS_MARGIN) / AXIS_STEP) * AXIS_STEP
    high = math.ceil((max(values) + AXIS_MARGIN) / AXIS_STEP) * AXIS_STEP
    return [round(max(-1.0, low), 2), round(min(1.0, high), 2)]


def _mean_text(metric: str, arm: ArmScores) -> str:
    return words.score_and_range(metric, arm.mean, arm.interval)


def _means(result: AblationResult, means: Sequence[str]) -> dict:
    values = [arm.mean for arm in result.arms]
    lows, highs = zip(*(arm.interval for arm in result.arms), strict=True)
    return {
        "mode": "markers",
        "name": "mean",
        "x": values,
        "y": list(range(len(values))),
        "error_x": style.interval_bar(lows, highs, values),
        "marker": {"symbol": "line-ns", "size": 24, "line": {"width": 3}},
        "customdata": [
            [style.text(arm.title), style.text(mean), arm.interval_of]
            for arm, mean in zip(result.arms, means, strict=True)
        ],
        "hovertemplate": "%{customdata[0]}: mean %{customdata[1]} (95 % interval of the %{customdata[2]})"
        "<extra></extra>",
    }


def _dots(result: AblationResult) -> dict:
    students = {(student.arm, student.seed): student for student in result.students}
    dots = [
        (score, row + (LANE * (place % 3 - 1) if len(arm.scores) > 1 else 0), arm, students[arm.arm, seed])
        for row, arm in enumerate(result.arms)
        for place, (seed, score) in enumerate(zip(arm.seeds, arm.scores, strict=True))
    ]
    return {
        "mode": "markers",
        "name": "one student",
        "x": [score for score, *_ in dots],
        "y": [row for _, row, *_ in dots],
        "marker": {"size": 10, "color": style.STUDENT, "line": {"width": 0}},
        "customdata": [_about(result.metric, arm, student) for *_, arm, student in dots],
        "hovertemplate": "%{customdata[0]}, seed %{customdata[1]}: %{customdata[2]}<br>%{customdata[3]}<extra></extra>",
    }


def _about(metric: str, arm: ArmScores, student: Scored) -> list:
    """The hover texts of a dot: arm, seed, score, and time with losses."""
    parts = [
        f"took {words.duration(sum(student.seconds.values()))}",
        *(f"{name.replace('_', ' ')} loss {loss:.3f}" for name, loss in student.losses.items()),
    ]
    return [
        style.text(arm.title),
        student.seed,
        style.text(words.score(metric, student.score)),
        style.text(", ".join(parts)),
    ]


# -- as a table ----------------------------------------------------------------------------------------------------


def _table(title: str, result: AblationResult) -> dict:
    baseline = [ALWAYS, "", words.score(result.metric, result.baseline), "", "", ""]
    return style.table(title, HEADINGS, [*(_row(result, arm) for arm in result.arms), baseline])


def _row(result: AblationResult, arm: ArmScores) -> list[str]:
    metric = result.metric
    scores = [words.number(100 * score, 1) if words.is_percent(metric) else words.number(score) for score in arm.scores]
    students = [student for student in result.students if student.arm == arm.arm]
    return [
        arm.title,
        ", ".join(scores),
        words.score(metric, arm.mean),
        f"{words.between(metric, arm.interval)} ({arm.interval_of})",
        _distance(students),
        words.duration(_mean([sum(student.seconds.values()) for student in students])),
    ]


def _distance(students: Sequence[Scored]) -> str:
    """The mean losses before the fine-tune: "attention 0.15, value relation 0.09"."""
    names = students[0].losses
    means = [f"{name.replace('_', ' ')} {_mean([student.losses[name] for student in students]):.3f}" for name in names]
    return ", ".join(means) or "not asked"


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
