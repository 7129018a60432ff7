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

import numpy as np

Metrics = Mapping[str, float]  # metric name -> value
SplitMetrics = Mapping[str, Metrics]  # split -> metric name -> value

# Where a run is: still going on, or at its end.
AT_WORK = ("queued", "starting", "running", "stopping")
FINAL = ("completed", "stopped", "failed", "interrupted")


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


@dataclass(frozen=True)
class WordSpan:
    """A word of an input: characters start..end (end exclusive) of text number `segment`."""

    segment: int  # 0 | 1
    start: int
    end: int
    text: str


@dataclass(frozen=True, eq=False)
class AttentionTrace:
    """What every head of a checkpoint looked at in one input, from one forward pass.

    Row = query (from), column = key (to); a row of `attentions` sums to 1. Layers and heads count from 0. Words count
    over both texts. [CLS] and the separator after the first text belong to segment 0, the last separator of a pair to
    1, also where the model itself has no token types."""

    checkpoint: str
    texts: tuple[str, ...]  # one or two, as read
    tokens: tuple[str, ...]  # as the tokenizer spells them: "##ing", "[CLS]"
    segment_ids: tuple[int, ...]
    special_tokens_mask: tuple[bool, ...]
    separators: tuple[bool, ...]  # which of the special tokens stand behind a text
    word_ids: tuple[int | None, ...]  # index into `words`; None for special tokens and those of nothing but space
    words: tuple[WordSpan, ...]  # those the model read
    attentions: np.ndarray  # float32 [num_layers, num_heads, num_tokens, num_tokens]
    queries: np.ndarray | None  # float32 [num_layers, num_heads, num_tokens, head_dim], on request
    keys: np.ndarray | None
    values: np.ndarray | None
    prediction: Prediction | None  # of the task's output layer
    milliseconds: float
    truncated: bool
    masked_tokens: tuple[int, ...] = ()  # keys nobody could attend to
    ablated_heads: tuple[tuple[int, int], ...] = ()  # (layer, head)
    offsets: tuple[tuple[int, int] | None, ...] = ()  # characters of each token in its text, None for special tokens

    @property
    def num_layers(self) -> int:
        return self.attentions.shape[0]

    @property
    def num_heads(self) -> int:
        return self.attentions.shape[1]

    @property
    def num_tokens(self) -> int:
        return len(self.tokens)

    @property
    def is_pair(self) -> bool:
        return len(self.texts) == 2

    def head(self, layer: int, head: int) -> np.ndarray:
        """The weights of one head, [num_tokens, num_tokens]."""
        return self.attentions[layer, head]


@dataclass(frozen=True)
class HeadBehaviour:
    """What one head did on one input: the score of each behaviour (0..1, None where it cannot be measured), and the
    name of the one that stands out, "mixed" if none does."""

    label: str
    scores: Mapping[str, float | None]


@dataclass(frozen=True)
class ExplainedWord:
    """One word's three numbers. `left_out` and `gradient` are those of `WordWeight`, None where there is none."""

    index: int  # in `AttentionTrace.words`
    segment: int
    start: int
    end: int
    text: str
    rollout: float  # share of the answer's position that is followed back to this word, 0..1
    left_out: float | None
    gradient: float | None


@dataclass(frozen=True)
class AttentionExplanation:
    """Attention rollout beside two methods that ask the model. `top` is, for each of the three, the index of the word
    that it puts first (None if it has no word)."""

    task: str
    checkpoint: str
    texts: tuple[str, ...]
    words: tuple[ExplainedWord, ...]  # all of the trace, in its order
    correlations: Mapping[tuple[str, str], float | None]  # two methods -> Spearman, -1..1; None below three words
    top: tuple[int | None, ...]


@dataclass(frozen=True, eq=False)
class DistillationTargets:
    """What a teacher's layer asks of a student's on one input, and how far the student is from it.

    The mappings have the names of the recipe's relations ("QK", "VV", …) as keys. Layers count from 0; a row is the
    token that looks, a column the token that is looked at."""

    teacher_name: str
    student_name: str
    recipe: str  # "minilm_v1" | "minilm_v2"
    teacher_layer: int
    student_layer: int
    num_relation_heads: int
    teacher_head_size: int  # width of one relation head, the d of x·y/√d; each model's own
    student_head_size: int
    texts: tuple[str, ...]  # one or two, as read
    tokens: tuple[str, ...]  # these six as in `AttentionTrace`
    segment_ids: tuple[int, ...]
    special_tokens_mask: tuple[bool, ...]
    separators: tuple[bool, ...]
    word_ids: tuple[int | None, ...]
    words: tuple[WordSpan, ...]
    teacher: Mapping[str, np.ndarray]  # float32 [num_relation_heads, num_tokens, num_tokens], each row sums to 1
    student: Mapping[str, np.ndarray]
    teacher_scores: Mapping[str, np.ndarray]  # the same before the softmax: x·y/√d of that model's own vectors
    student_scores: Mapping[str, np.ndarray]
    divergence: Mapping[str, np.ndarray]  # KL(teacher ‖ student) in nats, float32 [num_relation_heads, num_tokens]
    truncated: bool
    milliseconds: float

    @property
    def relations(self) -> tuple[str, ...]:
        return tuple(self.teacher)

    @property
    def losses(self) -> dict[str, float]:
        """The mean divergence over heads and tokens: what this input adds to each term of the loss."""
        return {name: float(values.mean()) for name, values in self.divergence.items()}


@dataclass(frozen=True)
class Badge:
    """What stands beside teacher and student: a few words, and the reason in a sentence."""

    kind: str  # "here" | "true" | "proxy" | "other"
    title: str
    about: str


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

    job: str  # "finetune" | "distill" | "ablation"
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
    """The attention of the run's probe text was kept: `path` is a trace (`tokens, segment_ids, attentions`)."""

    step: int
    path: str
    prediction: Prediction  # of the probe text, with the weights of this step


@dataclass(frozen=True)
class Probed:
    """The relations of the run's probe text, as the student has them at this step, by name ("QK", "VV", …).

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
class DistillResult:
    """What a distillation ends with. Losses are means over the validation texts, in eval mode and float32, in nats per
    head and token; all terms of the recipe are measured, also those that were not learned."""

    task: str  # whose texts
    data_source: DataSource
    teacher: str
    recipe: str
    losses: Mapping[str, float]  # "attention", "value_relation", … -> of the student that was saved
    losses_before: Mapping[str, float]  # of the student before the first step
    learned: tuple[str, ...]  # the terms whose sum went down
    validation_examples: int
    layers: int
    hidden_size: int
    heads: int
    parameters: int  # of the student
    teacher_parameters: int
    output_dir: str
    steps: int
    examples: int  # texts there were
    examples_seen: int  # texts learned on, all processes together
    seconds: float  # of training, measuring along the way included
    steps_per_second: float  # of the optimiser steps alone
    settings: Mapping[str, object] = field(default_factory=dict)  # as in `Started`


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
class Scored:
    """One student of an experiment was fine-tuned and scored, once, on the first validation split."""

    arm: str
    seed: int
    score: float  # of the task's first metric
    interval: tuple[float, float]  # 95 %, for the rows that were scored
    baseline: float  # always answering the majority class, as in `Evaluation`
    split: str
    examples: int  # rows scored
    losses: Mapping[str, float]  # how far from the teacher before the fine-tune, as in `DistillResult`; {}: not asked
    texts: int  # distilled on, repetitions counted
    seconds: Mapping[str, float]  # "distilling" (0 without), "fine-tuning", "scoring"


@dataclass(frozen=True)
class ArmScores:
    """All students of one arm of an experiment. `interval_of` is what the 95 % interval of the mean is about: "seeds"
    (Student's t), or "rows" (of the split, where there is one seed or all score the same)."""

    arm: str
    title: str
    seeds: tuple[int, ...]
    scores: tuple[float, ...]
    mean: float
    interval: tuple[float, float]
    interval_of: str


@dataclass(frozen=True)
class ArmGain:
    """What one arm scores above another with the same seeds, in the metric's own unit. `interval_of` as in `ArmScores`:
    of "seeds" the differences are paired; of "rows" the two intervals are put together as if of different rows."""

    arm: str
    over: str
    seeds: tuple[int, ...]
    gain: float  # mean
    interval: tuple[float, float]
    interval_of: str

    @property
    def is_clear(self) -> bool:
        """Whether the interval leaves out 0."""
        return not self.interval[0] <= 0 <= self.interval[1]


@dataclass(frozen=True)
class AblationResult:
    """What an experiment ends with, or has so far: students of one shape that began differently ("arms")."""

    task: str
    metric: str
    split: str
    data_source: DataSource  # of the rows that were learned from
    teacher: str
    layers: int
    hidden_size: int
    heads: int
    parameters: int  # of one student, without its output layer
    train_examples: int  # rows fine-tuned on, of each student
    epochs: float
    steps: int  # of each distillation
    batch_size: int  # texts per step
    texts: int  # each distilled student has read, repetitions counted; 0 if none was
    examples: int  # rows scored
    baseline: float
    arms: tuple[ArmScores, ...]
    gains: tuple[ArmGain, ...]
    students: tuple[Scored, ...]
    planned: int  # students that were to be
    seconds: Mapping[str, float]  # part -> seconds, all students together
    settings: Mapping[str, object] = field(default_factory=dict)  # as in `Started`, with its device and precision
    seen_by_base: str = ""  # as in `Started`, of the teacher


@dataclass(frozen=True)
class Finished:
    """The last event of every job."""

    status: str  # "completed" | "stopped" | "failed"
    message: str
    result: FinetuneResult | DistillResult | AblationResult | None = None


TrainingEvent = (
    Fetching | Started | Planned | Stepped | Evaluated | Traced | Probed | Saved | Working | Scored | Finished
)
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
        kinds = [kind for kind in arguments if kind is not types.NoneType]
        return _revive(kinds[0] if len(kinds) == 1 else _most_alike(kinds, value), value)
    if typing.get_origin(hint) is tuple:
        if arguments[-1] is Ellipsis:
            return tuple(_revive(arguments[0], one) for one in value)
        return tuple(value)
    if typing.get_origin(hint) is Mapping:
        return {key: _revive(arguments[1], one) for key, one in value.items()}
    return value


def _most_alike(kinds, value: Mapping):
    """Which of several dataclasses shares the most names with `value`."""
    return max(kinds, key=lambda kind: len(_hints(kind).keys() & value.keys()))
