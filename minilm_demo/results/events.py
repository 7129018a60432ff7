"""The events of a long job, and how each becomes one JSON line and comes back.

    {"event": "stepped", "step": 7, "loss": 0.69, …}

A run on disk, the page, the command line and a notebook all read this one stream. The class of an event is named under
"event", that of the settings in `Started` by its "job", that of the result in `Finished` under "kind".
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar, get_args

from .answers import DataSource, Metrics, Prediction
from .encoding import from_dict, to_dict
from .jobs import RESULTS, SETTINGS, Scored

# Where a run is: still going on, or at its end.
AT_WORK = ("queued", "starting", "running", "stopping")
FINAL = ("completed", "stopped", "failed", "interrupted")

AnySettings = TypeVar("AnySettings")  # one of `jobs.Settings`
AnyResult = TypeVar("AnyResult")  # one of `jobs.Result`


@dataclass(frozen=True)
class Fetching:
    """A checkpoint is on its way from the Hub; bytes so far and in all (0 while that is not known)."""

    checkpoint: str
    done: int
    total: int


@dataclass(frozen=True)
class Started(Generic[AnySettings]):
    """The job has its data and its model. `parameters` counts all weights, `trainable` those that will move."""

    job: str  # one of `jobs.SETTINGS`
    task: str
    checkpoint: str
    data_source: DataSource
    examples: int  # rows trained on, after the held-back rows were taken out
    held_back: int  # rows of the train split kept for choosing the best checkpoint
    parameters: int
    trainable: int
    device: str
    precision: str  # "bf16" | "fp32"
    processes: int
    seed: int
    metric: str  # the metric that chooses the best checkpoint
    settings: AnySettings | None = None  # what was left open, as it was resolved
    seen_by_base: str = ""  # what the bundled checkpoint's own training had seen of the data, if it stands behind this


@dataclass(frozen=True)
class Planned:
    """How long it will take, measured on a few real steps. `seconds` is the expected time to the end of training."""

    steps: int
    epochs: float
    seconds: float
    seconds_per_step: float
    warmup_steps: int
    evaluate_every: int


@dataclass(frozen=True)
class Stepped:
    """One or more optimiser updates were made; `loss` is their mean, `train_score` the share of their rows that came
    out right just before the update (None for regression). Rows seen before count too: it is no measure of quality.
    Of a loss that is a sum, `losses` has the terms by name."""

    step: int
    epoch: float
    loss: float
    learning_rate: float
    train_score: float | None
    examples_per_second: float
    seconds: float  # since training began
    seconds_left: float
    losses: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Evaluated:
    """Scores on the held-back rows during the run; `best` says whether these are the best so far."""

    step: int
    metrics: Metrics
    examples: int
    best: bool


@dataclass(frozen=True)
class Traced:
    """The attention of the watched text was kept: `path` is a trace (`tokens, segment_ids, attentions`)."""

    step: int
    path: str
    prediction: Prediction  # of the watched text, with the weights of this step


@dataclass(frozen=True)
class Probed:
    """The relations of the watched text, as the student has them at this step, by name ("QK", "VV", …).

    Weights are quantised (`attention_weights.quantised`): base64 of [heads, num_tokens, num_tokens]; of many relation
    heads the first few. The tokens, the words they belong to (None: a special token) and what the teacher has come with
    the first one of a learner only."""

    step: int
    heads: int
    student: Mapping[str, str]
    divergence: Mapping[str, tuple[float, ...]]  # KL(teacher ‖ student) of each of these heads, mean over the tokens
    tokens: tuple[str, ...] = ()
    teacher: Mapping[str, str] = field(default_factory=dict)
    words: tuple[str, ...] = ()
    word_ids: tuple[int | None, ...] = ()  # of each token


@dataclass(frozen=True)
class Saved:
    """A checkpoint folder was written."""

    step: int
    path: str


@dataclass(frozen=True)
class Working:
    """Where an experiment is: which student it is at, and how far with it."""

    arm: str
    seed: int
    part: str  # "distilling" | "fine-tuning"
    step: int  # of this part
    steps: int
    student: int  # its number, from 1
    students: int  # that are to be
    seconds_left: float | None  # of the whole experiment; None before every part was done or planned once


@dataclass(frozen=True)
class Finished(Generic[AnyResult]):
    """The last event of every job."""

    status: str  # "completed" | "stopped" | "failed"
    message: str
    result: AnyResult | None = None


TrainingEvent = (
    Fetching | Started | Planned | Stepped | Evaluated | Traced | Probed | Saved | Working | Scored | Finished
)
EVENTS = {kind.__name__.lower(): kind for kind in get_args(TrainingEvent)}
KINDS = {result: kind for kind, result in RESULTS.items()}


# -- JSON lines ----------------------------------------------------------------------------------------------------


def to_json(event: TrainingEvent) -> str:
    """One event as one JSON line."""
    values = {"event": type(event).__name__.lower(), **to_dict(event)}
    if isinstance(event, Finished) and event.result is not None:
        values["kind"] = KINDS[type(event.result)]
    return json.dumps(values, ensure_ascii=False)


def from_json(line: str, job: str = "") -> TrainingEvent:
    """The event a JSON line of `to_json` came from. `job`: what has ended in a `Finished` of an older program, whose
    lines do not name the kind of the result. Raises `ValueError` for a line that is no event."""
    values = json.loads(line)
    name = values.pop("event", None)
    if name not in EVENTS:
        raise ValueError(f"'{name}' is no event; known are {', '.join(EVENTS)}.")
    kind = EVENTS[name]
    if kind is Started:
        return from_dict(Started[SETTINGS[values["job"]]], values)
    if kind is Finished:
        return from_dict(Finished[RESULTS.get(values.get("kind", job))], values)
    return from_dict(kind, values)


def read_lines(lines: Iterable[str]) -> tuple[TrainingEvent, ...]:
    """The events of one run, in order."""
    events, job = [], ""
    for line in lines:
        event = from_json(line, job)
        job = event.job if isinstance(event, Started) else job
        events.append(event)
    return tuple(events)
