"""Figures: statistics of finished results as `plotly.graph_objects.Figure`, each with its table in words.

A figure is a pure function of a result. Only the functions that draw import plotly, so the views load without it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from ...results import AblationResult, DistillResult, Evaluation, FinetuneResult, ScoredRows, TrainingEvent
from ..payloads import FigurePayload
from .confusion import confusion_figure
from .curves import learning_curves
from .divergence import divergence_figure
from .experiment import experiment_figure
from .scores import scores_figure

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = [
    "card_figures",
    "confusion_figure",
    "divergence_figure",
    "experiment_figure",
    "figure",
    "figure_payload",
    "figure_table",
    "learning_curves",
    "scores_figure",
]

Events = Sequence[TrainingEvent]
Drawable = FinetuneResult | DistillResult | Evaluation | ScoredRows | AblationResult | Mapping[str, Events]


def figure(result: Drawable, *, events: Events = (), kind: str | None = None) -> go.Figure:
    """A result as a plotly figure, for notebooks. `kind` is one of its type's kinds, by default the first:

    FinetuneResult: "curves" (of its `events`), "scores", "confusion"; DistillResult: "divergence", "curves" (both of
    its `events`); Evaluation: "scores", "confusion"; ScoredRows: "confusion", "scores"; AblationResult: "experiment";
    {name: events} of several runs: "curves". Without `events` a fine-tune's first kind is "scores".

    Raises TypeError for a result without a figure, ValueError for an unknown kind or one that needs events,
    `DataError` if the result has no data of that kind."""
    kinds = next((kinds for type_, kinds in _FIGURES.items() if isinstance(result, type_)), None)
    if kinds is None:
        types = ", ".join(type_.__name__ for type_ in _FIGURES)
        raise TypeError(f"figure() draws one of {types}, not a {type(result).__name__}.")
    needs_events = ("curves", "divergence") if not isinstance(result, Mapping) else ()
    possible = [name for name in kinds if events or name not in needs_events]
    if kind is not None and kind not in kinds:
        raise ValueError(f"kind is '{kind}'; a {type(result).__name__} has {', '.join(kinds)}.")
    if not possible or (kind is not None and kind not in possible):
        raise ValueError(f"A figure of the kind '{kind or next(iter(kinds))}' needs the run's events: events=[…].")
    return kinds[kind or possible[0]](result, events)


def figure_table(drawn: go.Figure | Drawable, **options) -> dict:
    """The numbers of a figure as a table, {title, headings [str], rows [[str]]}: of a figure of this module, or of a
    result with the options of `figure`."""
    import plotly.graph_objects as go

    return (drawn if isinstance(drawn, go.Figure) else figure(drawn, **options)).layout.meta["table"]


def figure_payload(drawn: go.Figure) -> FigurePayload:
    """The payload of the `figure` component.

    Keys: figure {data, layout}: plotly's JSON; title str; about: a sentence on what it shows; name: of files; table
    {title, headings [str], rows [[str]]}."""
    figure = json.loads(drawn.to_json())
    return {"figure": figure, **figure["layout"].pop("meta")}


def card_figures(evaluation: Evaluation, training: FinetuneResult | None = None) -> dict:
    """The figures of the card of an evaluation and of the training before it, as payloads: {scores, classes | None}."""
    classes = figure_payload(confusion_figure(evaluation)) if any(evaluation.confusion.values()) else None
    return {"scores": figure_payload(scores_figure(evaluation, training)), "classes": classes}


Draw = Callable[[Drawable, Events], "go.Figure"]
_FIGURES: Mapping[type, Mapping[str, Draw]] = {
    FinetuneResult: {
        "curves": lambda _, events: learning_curves([("", events)]),
        "scores": lambda result, _: scores_figure(result.evaluation, result),
        "confusion": lambda result, _: confusion_figure(result.evaluation),
    },
    DistillResult: {
        "divergence": lambda _, events: divergence_figure(events),
        "curves": lambda _, events: learning_curves([("", events)]),
    },
    Evaluation: {
        "scores": lambda result, _: scores_figure(result),
        "confusion": lambda result, _: confusion_figure(result),
    },
    ScoredRows: {
        "confusion": lambda result, _: confusion_figure(result),
        "scores": lambda result, _: scores_figure(result.evaluation),
    },
    AblationResult: {"experiment": lambda result, _: experiment_figure(result)},
    Mapping: {"curves": lambda runs, _: learning_curves(list(runs.items()))},
}
