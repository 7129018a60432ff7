"""Which head learns when: how far each head of a student is from its teacher's, over the steps of a distillation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...errors import DataError
from ...results import Probed, TrainingEvent
from .. import words
from ..distillation import RELATIONS
from . import style

if TYPE_CHECKING:
    import plotly.graph_objects as go

HEAD = 20  # pixels
APART = 46  # pixels above each map: its heading
FOOT = 132  # pixels: ticks and title of the steps, the scale
TITLE = "Which head learns when"


def divergence_figure(events: Sequence[TrainingEvent]) -> go.Figure:
    """A map for each relation: rows are heads (from 1), columns the steps at which the watched text was read, colour is
    KL(teacher ‖ student) in nats, the mean over its tokens.

    For a run with an assistant: only the student's steps. Raises `DataError` for a run that watched no text."""
    pictures = last_learner([event for event in events if isinstance(event, Probed)])
    if not pictures:
        raise DataError(
            "This distillation watched no text, so what each head learned is not known. Distil again with a sentence "
            "to watch."
        )
    relations = list(pictures[0].divergence)
    steps = [picture.step for picture in pictures]
    inner = HEAD * pictures[0].heads
    total = (inner + APART) * len(relations)
    drawn = style.figure(
        title=TITLE,
        name="heads-over-steps",
        about=f"{TITLE}. {' '.join(_sentence(name, pictures) for name in relations)}",
        table=_table(relations, pictures),
        height=total + FOOT,
        coloraxis={
            "cmin": 0,
            "cmax": max(value for one in pictures for values in one.divergence.values() for value in values),
            "colorscale": style.SCALE,
            "colorbar": {
                "orientation": "h",
                "thickness": 12,
                "outlinewidth": 0,
                "x": 0,
                "xanchor": "left",
                "y": 0,
                "yref": "container",
                "yanchor": "bottom",
                "title": {"text": "KL in nats; 0: as the teacher", "side": "bottom", "font": {"size": 14}},
                "nticks": 6,
            },
        },
    )
    drawn.update_layout(margin={"b": FOOT})
    for number, name in enumerate(relations):
        top = total - number * (inner + APART) - APART
        _add(drawn, name, pictures, "" if number == 0 else str(number + 1), [(top - inner) / total, top / total])
    last = "" if len(relations) == 1 else str(len(relations))
    drawn.layout[f"xaxis{last}"].update(showticklabels=True, title={"text": "Step of the distillation"})
    drawn.update_xaxes(range=_span(steps))
    return drawn


def last_learner(pictures: Sequence[Probed]) -> Sequence[Probed]:
    """The pictures of the last learner; the first picture of each learner has the tokens."""
    firsts = [place for place, picture in enumerate(pictures) if picture.tokens]
    return pictures[firsts[-1] :] if firsts else pictures


def _add(drawn: go.Figure, name: str, pictures: Sequence[Probed], number: str, domain: Sequence[float]) -> None:
    heads = list(range(1, pictures[0].heads + 1))
    drawn.add_heatmap(
        x=[picture.step for picture in pictures],
        y=heads,
        z=[[picture.divergence[name][head - 1] for picture in pictures] for head in heads],
        coloraxis="coloraxis",
        xaxis=f"x{number}",
        yaxis=f"y{number}",
        hovertemplate="Head %{y}, step %{x}: %{z:.3f} nats<extra></extra>",
        ygap=1,
    )
    drawn.layout[f"xaxis{number}"] = {
        "anchor": f"y{number}",
        "showticklabels": False,
        "showgrid": False,
        "matches": "x" if number else None,
    }
    drawn.layout[f"yaxis{number}"] = {
        "anchor": f"x{number}",
        "domain": list(domain),
        "title": {"text": "Head"},
        "range": [pictures[0].heads + 0.5, 0.5],
        "showgrid": False,
        "fixedrange": True,
        "dtick": 1 if pictures[0].heads <= 6 else 2,
        "tick0": 1,
    }
    drawn.add_annotation(style.heading(_title(name), domain[1]))


def _span(steps: Sequence[int]) -> list[float]:
    """From the left edge of the first column to the right edge of the last."""
    if len(steps) == 1:
        return [steps[0] - 0.5, steps[0] + 0.5]
    return [steps[0] - (steps[1] - steps[0]) / 2, steps[-1] + (steps[-1] - steps[-2]) / 2]


def _title(name: str) -> str:
    return RELATIONS[name][0] if name in RELATIONS else name


def _sentence(name: str, pictures: Sequence[Probed]) -> str:
    """ "Attention: in the mean 0.79 nats at step 0 and 0.13 at step 300; head 4 came nearest, head 7 is farthest." """
    first, last = (picture.divergence[name] for picture in (pictures[0], pictures[-1]))
    mean = [sum(values) / len(values) for values in (first, last)]
    nearest, farthest = (values.index(end(values)) + 1 for values, end in ((last, min), (last, max)))
    return (
        f"{_title(name)}: in the mean {words.number(mean[0])} nats at step {pictures[0].step} and "
        f"{words.number(mean[1])} at step {pictures[-1].step}; head {nearest} came nearest to the teacher, head "
        f"{farthest} is farthest."
    )


def _table(relations: Sequence[str], pictures: Sequence[Probed]) -> dict:
    rows = [
        [_title(name), str(head + 1), *(f"{picture.divergence[name][head]:.3f}" for picture in pictures)]
        for name in relations
        for head in range(pictures[0].heads)
    ]
    steps = [f"Step {picture.step}" for picture in pictures]
    return style.table(f"{TITLE}: KL(teacher ‖ student) in nats", ("Relation", "Head", *steps), rows)
