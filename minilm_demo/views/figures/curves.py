"""Learning curves of one or several runs in one figure: loss, training score and held-back score by step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...errors import DataError
from ...results import Evaluated, Planned, Started, Stepped, TrainingEvent
from .. import words
from . import style

if TYPE_CHECKING:
    import plotly.graph_objects as go

SMOOTHING = 0.9  # share of the past in the smoothed lines, as in the live curves
PANEL = 250  # pixels
HEADING = 26  # pixels above each panel
BETWEEN = 40 + HEADING  # pixels: ticks of the panel above, heading of the one below
FOOT = 66  # pixels: ticks and title of the steps
LEGEND_ROW = 24  # pixels

Points = list[tuple[int, float]]  # step, value


@dataclass(frozen=True)
class _Run:
    """The data of one run. `held` are scores of a fine-tune, losses of a distillation; `rows` says of which rows.
    `baseline` is the score of a constant answer to them, None if it is not known."""

    name: str
    learns_relations: bool  # a distillation: its loss is a sum of terms, and the validation texts have losses too
    metric: str
    settings: str
    loss: Points
    train: Points
    held: Points
    rows: str
    baseline: float | None


def learning_curves(runs: Sequence[tuple[str, Sequence[TrainingEvent]]]) -> go.Figure:
    """The curves of `runs`, (name, events) each, all of one job. An empty name becomes checkpoint and seed.

    Raises `DataError` if no run made a step."""
    drawn_runs = [run for run in (_run(name, events) for name, events in runs) if run.loss]
    if not drawn_runs:
        raise DataError("There is no learning curve: no run made a step.")
    scored = not drawn_runs[0].learns_relations and any(run.held or run.train for run in drawn_runs)
    several = len(drawn_runs) > 1
    panels = 2 if scored else 1
    inner = PANEL * panels + BETWEEN * (panels - 1) + HEADING
    legend = LEGEND_ROW * (len(drawn_runs) if several else 3) + 16
    title = f"Learning curves of {len(drawn_runs)} runs" if several else "Learning curves"
    drawn = style.figure(
        title=title,
        name="learning-curves",
        about=f"{title}. {' '.join(_sentence(run) for run in drawn_runs)}",
        table=_table(title, drawn_runs),
        height=inner + FOOT + legend,
        margin={"t": style.TITLE_HEIGHT, "r": 16, "b": FOOT + legend, "l": 16},
        legend={
            "orientation": "v" if several else "h",
            "x": 0,
            "y": 0,
            "yref": "container",
            "yanchor": "bottom",
            "groupclick": "togglegroup",
        },
    )
    _axes(drawn, drawn_runs, scored, inner)
    for number, run in enumerate(drawn_runs):
        look = {
            "color": style.RUN_COLOURS[number % len(style.RUN_COLOURS)],
            "dash": style.DASHES[number // len(style.RUN_COLOURS) % len(style.DASHES)],
        }
        for trace in _traces(run, look, several):
            drawn.add_scatter(**trace, legendgroup=str(number))
    return drawn


# -- of events -----------------------------------------------------------------------------------------------------


def _run(name: str, events: Sequence[TrainingEvent]) -> _Run:
    started = next((event for event in events if isinstance(event, Started)), None)
    planned = next((event for event in events if isinstance(event, Planned)), None)
    steps = [event for event in events if isinstance(event, Stepped)]
    scores = [event for event in events if isinstance(event, Evaluated)]
    metric = started.metric if started else ""
    terms = list(steps[0].losses) if steps else []  # the learned terms: a distillation's loss is their sum
    if terms:
        held = [(event.step, sum(event.metrics[term] for term in terms)) for event in scores]
    else:
        held = [(event.step, event.metrics[metric]) for event in scores if metric]
    return _Run(
        name=words.shorten(name, style.LONGEST_NAME) or _name(started),
        learns_relations=bool(terms),
        metric=metric,
        settings=_settings(started, planned, "text" if terms else "row"),
        loss=[(event.step, event.loss) for event in steps],
        train=[(event.step, event.train_score) for event in steps if event.train_score is not None],
        held=held,
        rows="validation texts" if terms else words.curve_rows(started),
        baseline=started.baseline if started else None,
    )


def _name(started: Started | None) -> str:
    return f"{words.shorten(started.checkpoint, style.LONGEST_NAME)}, seed {started.seed}" if started else "a run"


def _settings(started: Started | None, planned: Planned | None, example: str) -> str:
    """ "1,800 rows, learning rate 5e-05, batch size 32, 189 steps, seed 0"."""
    if started is None:
        return ""
    rate, size = (getattr(started.settings, name, None) for name in ("learning_rate", "batch_size"))
    size = (planned and planned.batch_size) or size
    parts = [
        words.counted(started.examples, example),
        *([f"learning rate {rate:g}"] if rate else []),
        *([f"batch size {size}"] if size else []),
        *([words.counted(planned.steps, "step")] if planned else []),
        f"seed {started.seed}",
    ]
    return ", ".join(parts)


def smoothed(points: Points) -> Points:
    """Exponential moving average, divided by the sum of its weights to correct the bias of the first values."""
    average, weight, line = 0.0, 0.0, []
    for step, value in points:
        average = SMOOTHING * average + (1 - SMOOTHING) * value
        weight = SMOOTHING * weight + (1 - SMOOTHING)
        line.append((step, average / weight))
    return line


# -- what is drawn -------------------------------------------------------------------------------------------------


def _traces(run: _Run, look: Mapping[str, str], several: bool) -> Iterator[dict]:
    """The lines of a run. With one run the legend has an entry for each line, with several one for each run."""
    nats = " in nats" if run.learns_relations else ""
    line, colour = {"width": 2.5, **look}, look["color"]
    held = {"mode": "lines+markers", "marker": {"size": 8, "color": colour, "line": {"width": 0}}}
    if not several:
        raw = {"mode": "lines", "line": {"width": 1, "color": style.faded(colour, 0.55)}}
        yield _trace(run, run.loss, f"loss{nats}, each step", "loss", ".3f", "", several, **raw)
    yield _trace(run, smoothed(run.loss), f"loss{nats}, smoothed", "loss", ".3f", "", several, mode="lines", line=line)
    if run.learns_relations:
        tint = colour if several else style.NEUTRAL  # the teacher's colour would suggest a teacher
        held["marker"] |= {"color": tint}
        dotted = {"width": 1.5, "color": tint, "dash": "dot"}
        yield _trace(run, run.held, run.rows, "loss", ".3f", "", several, line=dotted, **held)
        return
    unit = ".1%" if words.is_percent(run.metric) else ".2f"
    dotted = {"mode": "lines", "line": {"width": 1.5, "color": style.faded(colour, 0.7), "dash": "dot"}}
    yield _trace(run, smoothed(run.train), "training batches, smoothed", "score", unit, "2", several, **dotted)
    yield _trace(run, run.held, run.rows, "score", unit, "2", several, line=line, **held)
    if run.baseline is not None and (run.held or run.train) and not several:
        ends = [(0, run.baseline), (run.loss[-1][0], run.baseline)]
        dashed = {"mode": "lines", "line": {"width": 1.5, "color": style.NEUTRAL, "dash": "dash"}}
        yield _trace(run, ends, "best constant answer", "score", unit, "2", several, **dashed)


def _trace(run: _Run, points: Points, line_name: str, value: str, unit: str, axis: str, several: bool, **look) -> dict:
    return {
        "x": [step for step, _ in points],
        "y": [at for _, at in points],
        "name": style.text(run.name if several else line_name),
        "showlegend": bool(points) and (not several or line_name.startswith("loss")),
        "meta": [style.text(run.name), style.text(run.settings), line_name],
        "hovertemplate": f"%{{meta[0]}}<br>step %{{x}}: %{{meta[2]}}, {value} %{{y:{unit}}}<br>%{{meta[1]}}"
        "<extra></extra>",
        "xaxis": f"x{axis}",
        "yaxis": f"y{axis}",
        **look,
    }


def _axes(drawn: go.Figure, runs: Sequence[_Run], scored: bool, inner: int) -> None:
    distilled = runs[0].learns_relations
    steps = {"title": {"text": "Step"}, "rangemode": "tozero"}
    loss = {"title": {"text": "Loss in nats" if distilled else "Loss"}, "rangemode": "tozero"}
    dotted = "Loss (dotted: on validation texts)" if distilled else "Loss, smoothed"
    top = 1 - HEADING / inner
    headings = [(top, dotted if len(runs) > 1 else "Loss")]
    drawn.layout.yaxis = loss | {"anchor": "x", "domain": [top - PANEL / inner, top]}
    if not scored:
        drawn.layout.xaxis = steps | {"anchor": "y"}
    else:
        metric = next(run.metric for run in runs)
        name, lower = words.metric_name(metric), PANEL / inner
        drawn.layout.xaxis = {"anchor": "y", "rangemode": "tozero"}
        drawn.layout.xaxis2 = steps | {"anchor": "y2", "matches": "x"}
        drawn.layout.yaxis2 = {
            "anchor": "x2",
            "domain": [0, lower],
            "title": {"text": style.text(name)},
            "tickformat": ".0%" if words.is_percent(metric) else ".1f",
        }
        held = any(run.held for run in runs)
        headings.append((lower, f"{name} (dotted: in training)" if held else f"{name} in training"))
    for top, words_above in headings:
        drawn.add_annotation(style.heading(words_above, top))


# -- in words ------------------------------------------------------------------------------------------------------


def _sentence(run: _Run) -> str:
    """ "SST-2 run: loss 1.04 at step 1, 0.31 at step 189; held-back rows 81.0 % at the end." """
    (first, begin), (last, end) = run.loss[0], smoothed(run.loss)[-1]
    losses = f"{run.name}: loss {words.number(begin)} at step {first}, {words.number(end)} at step {last}, smoothed"
    if not run.held:
        return f"{losses}."
    at_last = words.number(run.held[-1][1]) if run.learns_relations else words.score(run.metric, run.held[-1][1])
    return f"{losses}; {run.rows} {at_last} at the end."


def _table(title: str, runs: Sequence[_Run]) -> dict:
    """Every step with its measured values, without the smoothed ones."""
    rows = []
    for run in runs:
        loss, train, held = dict(run.loss), dict(run.train), dict(run.held)
        for step in sorted({*loss, *train, *held}):
            rows.append(
                [
                    run.name,
                    str(step),
                    f"{loss[step]:.4f}" if step in loss else "",
                    words.score(run.metric, train[step]) if step in train else "",
                    _held(run, held[step]) if step in held else "",
                ]
            )
    measured = " or ".join(dict.fromkeys(run.rows for run in runs)).capitalize()
    return style.table(title, ("Run", "Step", "Loss", "Training batches", measured), rows)


def _held(run: _Run, value: float) -> str:
    return f"{value:.4f}" if run.learns_relations else words.score(run.metric, value)
