"""The confusion matrix: the classes that were predicted for the rows of each true class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...errors import DataError
from ...results import Evaluation, ScoredRows
from ...tasks import get_task
from .. import words
from ..scored_rows import scored_rows_payload
from . import style

if TYPE_CHECKING:
    import plotly.graph_objects as go

CELL = 58  # pixels of a row of cells
HEADING = 34  # pixels above each of several tables
FOOT = 62  # pixels below the cells: the names of the columns


@dataclass(frozen=True)
class _Matrix:
    title: str
    true: Sequence[str]
    predicted: Sequence[str]
    counts: Sequence[Sequence[int]]  # [true][predicted]

    def shares(self) -> list[list[float]]:
        """Counts as shares of each true class, [true][predicted]."""
        return [[count / max(1, sum(row)) for count in row] for row in self.counts]


def confusion_figure(result: Evaluation | ScoredRows) -> go.Figure:
    """One matrix for each split: rows are true classes, columns predicted ones, colour is the share of the true class.

    Raises `DataError` for a result without classes."""
    matrices = _matrices(result)
    if not matrices:
        raise DataError("There are no classes in this result, so there is nothing to confuse.")
    task = get_task((result.evaluation if isinstance(result, ScoredRows) else result).task)
    title = "Predicted classes" if task.labels else "Questions and answers"
    title = f"{title} on {matrices[0].title}" if len(matrices) == 1 else title
    above = HEADING if len(matrices) > 1 else 0
    heights = [CELL * len(matrix.true) + above + FOOT for matrix in matrices]
    drawn = style.figure(
        title=title,
        name=f"{task.name}-classes",
        about=f"{title}. {' '.join(_sentence(matrix) for matrix in matrices)}",
        table=_table(title, matrices),
        height=sum(heights),
        coloraxis={"cmin": 0, "cmax": 1, "showscale": False, "colorscale": style.SCALE_UNDER_TEXT},
    )
    drawn.update_layout(margin={"b": 4})
    top = sum(heights)
    for number, (matrix, height) in enumerate(zip(matrices, heights, strict=True), start=1):
        cells = [(top - height + FOOT) / sum(heights), (top - above) / sum(heights)]
        _add(drawn, matrix, "" if number == 1 else str(number), cells)
        if above:
            drawn.add_annotation(style.heading(matrix.title.capitalize(), cells[1]))
        top -= height
    return drawn


def _matrices(result: Evaluation | ScoredRows) -> list[_Matrix]:
    if isinstance(result, ScoredRows):
        matrix = scored_rows_payload(get_task(result.evaluation.task), result)["matrix"]
        split = words.split_name(result.split)
        return [_Matrix(split, matrix["labels"], matrix["columns"], result.table)] if matrix else []
    task = get_task(result.task)
    labels = [task.words_for(label) for label in result.labels]
    return [
        _Matrix(words.split_name(split), labels, labels, counts) for split, counts in result.confusion.items() if counts
    ]


def _add(drawn: go.Figure, matrix: _Matrix, number: str, domain: Sequence[float]) -> None:
    """Add a matrix in `domain`, a range of the height; `number` is the number of its axes."""
    shares = matrix.shares()
    drawn.add_heatmap(
        x=list(range(len(matrix.predicted))),
        y=list(range(len(matrix.true))),
        z=shares,
        text=[
            [f"{words.thousands(count)}<br>{words.percent(share, 0)}" for count, share in zip(*cells, strict=True)]
            for cells in zip(matrix.counts, shares, strict=True)
        ],
        texttemplate="%{text}",
        textfont={"size": 14, "color": style.INK},
        customdata=[
            [
                style.text(f"True: {true}, predicted: {predicted}: {words.counted(count, 'row')}, ")
                + f"{words.percent(share, 0)} of the true class"
                for predicted, count, share in zip(matrix.predicted, counts, shares_of_row, strict=True)
            ]
            for true, counts, shares_of_row in zip(matrix.true, matrix.counts, shares, strict=True)
        ],
        hovertemplate="%{customdata}<extra></extra>",
        coloraxis="coloraxis",
        xgap=3,
        ygap=3,
        xaxis=f"x{number}",
        yaxis=f"y{number}",
    )
    side = {"showgrid": False, "ticks": "", "fixedrange": True}
    drawn.layout[f"xaxis{number}"] = side | {
        **_ticks(matrix.predicted),
        "tickangle": 0,
        "title": {"text": "Predicted class"},
        "anchor": f"y{number}",
    }
    drawn.layout[f"yaxis{number}"] = side | {
        **_ticks(matrix.true),
        "title": {"text": "True class", "standoff": 6},
        "anchor": f"x{number}",
        "domain": list(domain),
        "autorange": "reversed",
    }


def _ticks(names: Sequence[str]) -> dict:
    return {
        "tickfont": {"size": 13},
        "tickvals": list(range(len(names))),
        "ticktext": [style.text(name) for name in names],
    }


def _sentence(matrix: _Matrix) -> str:
    right = sum(row[place] for place, row in enumerate(matrix.counts) if place < len(row))
    total = sum(map(sum, matrix.counts))
    return f"On {matrix.title} {words.thousands(right)} of {words.counted(total, 'row')} lie on the diagonal."


def _table(title: str, matrices: Sequence[_Matrix]) -> dict:
    rows = [
        [matrix.title, true, predicted, words.thousands(count), words.percent(share, 0)]
        for matrix in matrices
        for true, counts, shares in zip(matrix.true, matrix.counts, matrix.shares(), strict=True)
        for predicted, count, share in zip(matrix.predicted, counts, shares, strict=True)
    ]
    return style.table(title, ("Split", "True class", "Predicted class", "Rows", "Share of the true class"), rows)
