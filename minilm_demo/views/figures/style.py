"""Parts that all figures share: colours, template, labels, and the table that each figure carries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import plotly.graph_objects as go

# Each has a contrast of at least 3 : 1 to a white and to a dark page.
TEACHER, STUDENT, PROBABILITY = "#2563eb", "#c2410c", "#0f766e"
NEUTRAL = "#71717a"  # baselines and published scores
FAINT = "rgba(128, 128, 128, 0.3)"  # grid lines
RUN_COLOURS = (STUDENT, TEACHER, PROBABILITY, "#9333ea", "#be185d", NEUTRAL, "#a16207")  # of several runs, in order
DASHES = ("solid", "dash", "dashdot")  # the colours repeat with the next dash
SCALE = [[0.0, "#e6f4f1"], [0.25, "#4fa79c"], [1.0, "#0b5d56"]]  # over the square root: most values are small
SCALE_UNDER_TEXT = [[0.0, "#f0f7f6"], [1.0, "#7cc4ba"]]  # light enough for text on it
INK = "#18181b"  # text on SCALE_UNDER_TEXT
TITLE_HEIGHT = 52  # pixels
LONGEST_NAME = 80  # characters


def text(words: object) -> str:
    """Escape a name for a figure. Plotly reads `<b>`, `<a href>` and `&amp;` in texts as markup, and `%{…}` as a
    placeholder."""
    escaped = str(words).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return escaped.replace("%{", "% {")


def faded(colour: str, opacity: float) -> str:
    """("#c2410c", 0.3) -> "rgba(194, 65, 12, 0.3)"."""
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, {opacity})"


def table(title: str, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> dict:
    """A table: {title, headings [str], rows [[str]]}."""
    return {"title": title, "headings": list(headings), "rows": [list(row) for row in rows]}


def figure(*, title: str, name: str, about: str, table: dict, height: int, **layout) -> go.Figure:
    """An empty figure. `layout.meta` has `title`, `about` (a sentence on what it shows), `name` (of files) and `table`,
    unescaped. `height` is in pixels, without the title."""
    import plotly.graph_objects as go

    return go.Figure(
        layout={
            "template": _template(),
            "title": {"text": text(title)},
            "height": height + TITLE_HEIGHT,
            "margin": {"t": TITLE_HEIGHT, "r": 12, "b": 48, "l": 8},
            "meta": {"title": title, "about": about, "name": name, "table": table},
            **layout,
        }
    )


def _template() -> dict:
    """The template. The page replaces its neutral colours with its own."""
    axis = {
        "gridcolor": FAINT,
        "linecolor": NEUTRAL,
        "zeroline": False,
        "automargin": True,
        "ticklabelstandoff": 6,
        "fixedrange": False,
        "title": {"font": {"size": 14}, "standoff": 10},
    }
    return {
        "layout": {
            "font": {"family": "ui-sans-serif, system-ui, sans-serif", "size": 14, "color": NEUTRAL},
            "title": {"x": 0, "xref": "paper", "xanchor": "left", "font": {"size": 16}},
            "paper_bgcolor": "rgba(0, 0, 0, 0)",
            "plot_bgcolor": "rgba(0, 0, 0, 0)",
            "hovermode": "closest",
            "hoverlabel": {"align": "left", "font": {"size": 14}},
            "xaxis": axis,
            "yaxis": axis,
        },
        "data": {"scatter": [{"marker": {"line": {"color": NEUTRAL}}}]},
    }


# -- rows of dots --------------------------------------------------------------------------------------------------

ROW = 54  # pixels of a row: its label above its marks
AXIS_HEIGHT = 66  # pixels: ticks and title of the axis


def row_labels(row: float, name: str, value: str, *, bold: bool = False) -> list[dict]:
    """The labels of a row, name and value, above its marks: beside them they would take too much room on a phone."""
    shared = {"y": row, "yref": "y", "yshift": 19}
    return [label(name, bold=bold) | shared, label(value, bold=bold) | shared | {"x": 1, "xanchor": "right"}]


def heading(words: str, at: float) -> dict:
    """The heading of a panel whose top is at the share `at` of the height."""
    return label(words, bold=True) | {"y": at, "yref": "paper", "yanchor": "bottom", "yshift": 6}


def label(words: str, *, bold: bool = False) -> dict:
    """A text at the left edge."""
    return {
        "x": 0,
        "xref": "paper",
        "xanchor": "left",
        "showarrow": False,
        "borderpad": 1,
        "font": {"size": 13},
        "text": f"<b>{text(words)}</b>" if bold else text(words),
    }


def row_axis(rows: float) -> dict:
    """The vertical axis of rows 0, 1, …, the first at the top."""
    return {"range": [rows - 0.5, -0.75], "showticklabels": False, "showgrid": False, "fixedrange": True}


MARKS = (-0.16, 0.46)  # of a row: from below its label to above the next one


def baseline_lines(at: float, rows: Sequence[float]) -> list[dict]:
    """A dashed line through the marks of these rows, with a gap at every label."""
    line = {"color": NEUTRAL, "width": 1.5, "dash": "dash"}
    start, end = MARKS
    return [
        {"type": "line", "layer": "below", "x0": at, "x1": at, "y0": row + start, "y1": row + end, "line": line}
        for row in rows
    ]


def interval_bar(lows: Sequence[float], highs: Sequence[float], values: Sequence[float]) -> dict:
    """95 % intervals as thick pale bars around `values`."""
    return {
        "type": "data",
        "symmetric": False,
        "array": [high - value for high, value in zip(highs, values, strict=True)],
        "arrayminus": [value - low for low, value in zip(lows, values, strict=True)],
        "thickness": 11,
        "width": 0,
        "color": faded(STUDENT, 0.38),
    }
