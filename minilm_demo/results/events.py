"""The events of a long job, and their encoding as JSON lines.

    {"event": "stepped", "step": 7, "loss": 0.69, …}

A run on disk, the page, the command line and a notebook all read this stream. The key "event" names the class of an
event, "job" the class of the settings in `Started`, and "kind" the class of the result in `Finished`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar, get_args

from .answers import DataSource, Metrics, Prediction
from .encoding import from_dict, to_dict
from .jobs import RESULTS, SETTINGS, Scored

# The states of a run: before its end, and at its end.
AT_WORK = ("queued", "starting", "running", "stopping")
FINAL = ("completed", "stopped", "failed", "interrupted")

AnySettings = TypeVar("AnySettings")  # one of `jobs.Settings`
AnyResult = TypeVar("AnyResult")  # one of `jobs.Result`


@dataclass(frozen=True)
class Fetching:
    """A checkpoint is being downloaded from the Hub: `done` of `total` bytes (0 while the total is unknown)."""

    checkpoint: str
    done: int
    total: int


@dataclass(frozen=True)
class Started(Generic[AnySettings]):
    """The job has its data and its model. `parameters` counts all weights, `trainable` those that are trained."""

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
    settings: AnySettings | None = None  # as resolved before the job began
    curve_rows: int = 0  # rows scored along the way
    curve_split: str = ""  # the validation split they are of; "": they are the held-back rows
    baseline: float | None = None  # the score in `metric` of a constant answer to them
    precision_reason: str = ""  # "it was asked for", or what made the machine choose it
    seen_by_base: str = ""  # the data that the bundled checkpoint was trained on, if the job is based on it


@dataclass(frozen=True)
class Planned:
    """The plan of a job, measured on a few real steps. `seconds` is the expected time to the end of training.

    `batch_size` is smaller than `asked_batch_size` if too few updates of that size fit into the time budget."""

    steps: int
    epochs: float
    seconds: float
    seconds_per_step: float
    warmup_steps: int
    evaluate_every: int
    batch_size: int | None = None  # rows or texts per update and process; None: an older run did not record it
    asked_batch_size: int | None = None

    @property
    def slow_update(self) -> float | None:
        """The seconds of one update of the size that was asked for, if the batches became smaller."""
        if not self.batch_size or self.batch_size == self.asked_batch_size:
            return None
        return self.seconds_per_step * self.asked_batch_size / self.batch_size


@dataclass(frozen=True)
class Stepped:
    """One or more optimiser updates were made.

    `loss` is their mean; if the loss is a sum, `losses` has its terms by name. `train_score` is the share of their rows
    that the model answered correctly just before the update (None for regression). It includes rows of earlier epochs
    and is no measure of quality."""

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
    """Scores on the held-back rows during the run. `best`: they are the best so far.

    Where no row is held back, the scores are of rows of a validation split: before the first step, along the way, and
    after the last one. They choose nothing: the last weights are kept, and `best` is always false."""

    step: int
    metrics: Metrics
    examples: int
    best: bool
    split: str = ""  # of the rows; "": held back from the train split


@dataclass(frozen=True)
class Traced:
    """The attention of the watched text was saved: the file at `path` is a trace (`tokens, segment_ids,
    attentions`)."""

    step: int
    path: str
    prediction: Prediction  # of the watched text, with the weights of this step


@dataclass(frozen=True)
class Probed:
    """The student's relations of the watched text at this step, by name ("QK", "VV", …).

    Weights are quantised (`attention_weights.quantised`): base64 of [heads, num_tokens, num_tokens], the first few
    relation heads if there are many. Only the first such event of a learner has the tokens, their words (None: a
    special token) and the teacher's relations."""

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
    """The progress of an experiment: the current student, and the current step of it."""

    arm: str
    seed: int
    part: str  # "distilling" | "fine-tuning"
    step: int  # of this part
    steps: int
    student: int  # its number, from 1
    students: int  # of the whole experiment
    seconds_left: float | None  # of the whole experiment; None until every part was done or planned once


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
    """The event of a JSON line of `to_json`. Raises `ValueError` for a line that is no event.

    `job` is the job of a `Finished` of an older program, whose lines do not name the kind of the result."""
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
