"""The nouns of the program: frozen dataclasses, plain values and numpy arrays, nothing that computes.

A long job yields `TrainingEvent`s. Each becomes one JSON line (`to_json`) and comes back the same (`from_json`), so
that a run on disk, the page, the command line and a notebook all read one stream.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field

Metrics = Mapping[str, float]  # metric name -> value
SplitMetrics = Mapping[str, Metrics]  # split -> metric name -> value


@dataclass(frozen=True)
class DataSource:
    """Where rows came from, in words a person can check."""

    kind: str  # "hub" | "mirror" | "sample" | "file"
    description: str  # "local mirror, 2,000 of 12,925 local rows (official split: 392,702)"
    splits: Mapping[str, int]  # split -> rows used

    @property
    def is_official(self) -> bool:
        """Whether scores on these rows may stand beside published ones: not on a sample or somebody's own file."""
        return self.kind in ("hub", "mirror")


@dataclass(frozen=True)
class Mistake:
    """One row the model got wrong, worst first: `confidence` is the probability given to the wrong answer, 0..1
    (regression: the absolute error in points)."""

    split: str
    index: int
    fields: Mapping[str, str]
    expected: str
    predicted: str
    confidence: float


@dataclass(frozen=True)
class Evaluation:
    """Scores of one checkpoint on one or more splits; `confusion[split][true id][predicted id]` counts rows."""

    task: str
    checkpoint: str
    data_source: DataSource
    metrics: SplitMetrics
    intervals: Mapping[str, Mapping[str, tuple[float, float]]]  # 95 %
    baseline: SplitMetrics  # always answering the majority class (regression: the mean; span: no answer)
    examples: Mapping[str, int]  # split -> rows scored
    labels: tuple[str, ...] = ()
    confusion: Mapping[str, list[list[int]]] = field(default_factory=dict)
    mistakes: tuple[Mistake, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True)
class ScoredRow:
    """One row with what is right and what was said, in words.

    `value` is, by the kind of task, the probability of the label that was given, the error in points, or the answer's
    F1. `cell` is the row's place (true, predicted) in the table of its `SliceResult`, None where there is no table."""

    fields: Mapping[str, str]
    expected: str
    predicted: str
    value: float
    cell: tuple[int, int] | None = None


@dataclass(frozen=True)
class SliceResult:
    """An evaluation of rows of one split, and every row of it.

    `table[true][predicted]` counts rows, by label; where questions may have no answer, by (has one, has none) and
    (answered, not answered); for other tasks there is none."""

    evaluation: Evaluation
    split: str
    rows: tuple[ScoredRow, ...]
    table: list[list[int]] = field(default_factory=list)


@dataclass(frozen=True)
class Prediction:
    """What a checkpoint says about one input. Which fields are filled depends on the kind of task:

    classification: `label`, `probabilities` (label name -> 0..1, sums to 1); regression: `score`;
    span: `answer` ("" = no answer), `start`/`end` (character offsets into the context, end exclusive, None without
    an answer), `score` (answer logits minus no-answer logits of the best span), `no_answer_score` (null score minus
    best span score; no answer wins when it is above the threshold), `candidates` (the best spans, the best first).
    """

    task: str
    checkpoint: str
    milliseconds: float
    label: str | None = None
    probabilities: Mapping[str, float] | None = None
    score: float | None = None
    answer: str | None = None
    start: int | None = None
    end: int | None = None
    no_answer_score: float | None = None
    threshold: float | None = None
    candidates: tuple[Candidate, ...] = ()
    num_windows: int = 1
    truncated: bool = False


@dataclass(frozen=True)
class Candidate:
    """One possible answer span: text, character offsets into the context (end exclusive), summed logits."""

    text: str
    start: int
    end: int
    score: float


@dataclass(frozen=True)
class WordWeight:
    """What one word did for an answer, positive where it speaks for it; `start`, `end`: characters of the field's text,
    end exclusive. The units are those of `WordImportance`."""

    field: str
    word: str
    start: int
    end: int
    left_out: float | None  # value with the word minus value without it; None: it was not left out
    gradient: float  # gradient times word embedding, summed over the word's pieces


@dataclass(frozen=True)
class WordImportance:
    """Which words of one input mattered, by leave-one-out and by gradient × input. By kind of task:

    classification: `target` is the predicted label, `value` its probability (0..1), `left_out` in probability,
    `gradient` in the label's logit; regression: `value` is the score, both in its points; span: `value` is start plus
    end logit of the best span, characters `start`..`end` of the context, both in logits.
    """

    task: str
    checkpoint: str
    milliseconds: float
    fields: Mapping[str, str]  # the texts that were read
    target: str  # label name; "" for regression and span
    value: float
    words: tuple[WordWeight, ...]  # those the model read, in order of the texts
    rank_correlation: float | None  # Spearman, -1..1, over the words that were left out; None for fewer than three
    start: int | None = None
    end: int | None = None
    no_answer: bool = False  # span: "no answer" won over the span that is explained
    truncated: bool = False
    num_windows: int = 1  # span: of the context; only the one with the answer is explained


# -- events of a long job ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fetching:
    """A checkpoint is on its way from the Hub; bytes so far and in all (0 while that is not known)."""

    checkpoint: str
    done: int
    total: int


@dataclass(frozen=True)
class Started:
    """The job has its data and its model. `parameters` counts all weights, `trainable` those that will move."""

    job: str  # "finetune" | "distill"
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
    settings: Mapping[str, object] = field(default_factory=dict)  # what was left open, as it was resolved
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
    out right just before the update (None for regression). Rows seen before count too: it is no measure of quality."""

    step: int
    epoch: float
    loss: float
    learning_rate: float
    train_score: float | None
    examples_per_second: float
    seconds: float  # since training began
    seconds_left: float


@dataclass(frozen=True)
class Evaluated:
    """Scores on the held-back rows during the run; `best` says whether these are the best so far."""

    step: int
    metrics: Metrics
    examples: int
    best: bool


@dataclass(frozen=True)
class Saved:
    """A checkpoint folder was written."""

    step: int
    path: str


@dataclass(frozen=True)
class FinetuneResult:
    """What a fine-tune ends with: the saved best checkpoint, scored once on the validation splits."""

    evaluation: Evaluation
    output_dir: str
    step: int  # the step whose weights were kept
    steps: int  # the steps that were made
    examples: int  # rows trained on
    examples_seen: int  # rows trained on times epochs, all processes together
    seconds: float  # of training, evaluations during the run included
    examples_per_second: float  # of the optimiser steps alone
    splits: Mapping[str, int]  # split or extra set -> rows used
    settings: Mapping[str, object] = field(default_factory=dict)  # as in `Started`


@dataclass(frozen=True)
class Finished:
    """The last event of every job."""

    status: str  # "completed" | "stopped" | "failed"
    message: str
    result: FinetuneResult | None = None


TrainingEvent = Fetching | Started | Planned | Stepped | Evaluated | Saved | Finished
EVENTS = {kind.__name__.lower(): kind for kind in typing.get_args(TrainingEvent)}


def to_json(event: TrainingEvent) -> str:
    """One event as one JSON line, its kind under "event"."""
    return json.dumps({"event": type(event).__name__.lower(), **to_dict(event)}, ensure_ascii=False)


def from_json(line: str) -> TrainingEvent:
    """The event a JSON line of `to_json` came from."""
    values = json.loads(line)
    return from_dict(EVENTS[values.pop("event")], values)


def to_dict(result) -> dict:
    """Any result as plain JSON values."""
    return dataclasses.asdict(result)


def from_dict(kind, values):
    """`values` (plain JSON) as an instance of the dataclass `kind`, nested dataclasses and tuples included.

    Keys that `kind` does not have are passed over, so that an older program reads a newer run."""
    hints = _hints(kind)
    return kind(**{name: _revive(hints[name], value) for name, value in values.items() if name in hints})


@functools.cache  # looking them up takes longer than all the rest, and a long run is read again with every poll
def _hints(kind) -> dict[str, object]:
    return typing.get_type_hints(kind)


def _revive(hint, value):
    if dataclasses.is_dataclass(hint):
        return from_dict(hint, value)
    if value is None:
        return None
    arguments = typing.get_args(hint)
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return _revive(next(kind for kind in arguments if kind is not types.NoneType), value)
    if typing.get_origin(hint) is tuple:
        if arguments[-1] is Ellipsis:
            return tuple(_revive(arguments[0], one) for one in value)
        return tuple(value)
    if typing.get_origin(hint) is Mapping:
        return {key: _revive(arguments[1], one) for key, one in value.items()}
    return value
