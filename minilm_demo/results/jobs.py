"""The settings that a long job resolves before it begins, and its results. `SETTINGS` and `RESULTS` map the name of a
job to these classes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from .answers import DataSource, Evaluation

FINETUNE, DISTILL, ABLATION = "finetune", "distill", "ablation"  # the names of the jobs, spelled only here
RUN_ID = re.compile(r"[a-z0-9_]+-[A-Za-z0-9_-]{16,}")  # the form of a run's id

# -- settings ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class FinetuneSettings:
    """The resolved settings of a fine-tune, which its configuration leaves open. None: an older run did not record
    them."""

    commit: str | None = None  # of a checkpoint from the Hub
    batch_size: int | None = None  # rows per update and process
    asked_batch_size: int | None = None  # larger than `batch_size` if too few updates of it fit into the time
    learning_rate: float | None = None  # at its peak
    max_length: int | None = None  # tokens per input
    train_examples: int | None = None
    eval_examples: int | None = None  # rows of each validation split at most; None: all


@dataclass(frozen=True)
class DistillSettings:
    """The resolved settings of a distillation, which its configuration leaves open. Layers count from 0."""

    commit: str | None = None  # of a teacher from the Hub
    layers: int = 0  # of the student, like the next two
    hidden: int = 0
    heads: int = 0
    teacher_layers: int = 0
    teacher_hidden: int = 0
    teacher_heads: int = 0
    teacher_layer: int = 0  # whose relations are learned
    relation_heads: int = 0
    assistant: bool = False
    loss: tuple[str, ...] = ()  # its terms: "attention", "value_relation", …
    learning_rate: float | None = None  # at its peak
    embedding_learning_rate: float | None = None
    betas: tuple[float, ...] = ()  # of Adam
    max_length: int | None = None  # tokens per text
    batch_size: int | None = None  # texts per update and process, as in `FinetuneSettings`, like the next one
    asked_batch_size: int | None = None


@dataclass(frozen=True)
class AblationSettings:
    """The resolved settings of an experiment, which its configuration leaves open, and those of its students."""

    commit: str | None = None  # of a teacher from the Hub
    arms: tuple[str, ...] = ()
    seeds: int = 0
    layers: int = 0  # of the students, like the next two
    hidden: int = 0
    heads: int = 0
    teacher_layers: int = 0
    teacher_hidden: int = 0
    epochs: float = 0.0  # of each fine-tune
    learning_rate: float | None = None  # of each fine-tune, at its peak
    steps: int = 0  # of each distillation, like the next two
    batch_size: int = 0
    max_length: int | None = None
    distill_learning_rates: Mapping[str, float] = field(default_factory=dict)  # by the student's start, as the next two
    distill_full_rate_widths: Mapping[str, int] = field(default_factory=dict)
    distill_embedding_factors: Mapping[str, float] = field(default_factory=dict)
    distill_betas: tuple[float, ...] = ()
    distill_defaults: Mapping[str, float] = field(default_factory=dict)
    version: int | None = None
    device: str = ""  # set in the result only, like the next one: `Started` has fields for them
    precision: str = ""


# -- results -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class FinetuneResult:
    """The result of a fine-tune: the saved best checkpoint, scored once on the validation splits."""

    evaluation: Evaluation
    output_dir: str
    step: int  # the step whose weights were saved
    steps: int  # steps of the whole training
    examples: int  # rows to learn from
    examples_seen: int  # rows (for span tasks windows) learned from, repetitions included, all processes together
    seconds: float  # of training, evaluations during the run included
    examples_per_second: float  # of the optimiser steps alone
    splits: Mapping[str, int]  # split or extra set -> rows used
    precision: str = ""  # as in `Started`, like the next one; "" in older runs
    precision_reason: str = ""
    settings: FinetuneSettings | None = None  # as in `Started`
    rows_seen: int | None = None  # different rows learned from; None, like the next: an older run
    epochs: float | None = None


@dataclass(frozen=True)
class DistillResult:
    """The result of a distillation. Losses are means over the validation texts, in eval mode and float32, in nats per
    head and token. All terms of the recipe are measured, also those that the loss leaves out."""

    task: str  # whose texts were learned on
    data_source: DataSource
    teacher: str
    recipe: str
    losses: Mapping[str, float]  # "attention", "value_relation", … -> loss of the saved student
    losses_before: Mapping[str, float]  # of the student before the first step
    learned: tuple[str, ...]  # the terms whose sum was minimised
    validation_examples: int
    layers: int
    hidden_size: int
    heads: int
    parameters: int  # of the student
    teacher_parameters: int
    output_dir: str
    steps: int
    examples: int  # distinct texts to learn from
    examples_seen: int  # texts learned on, repetitions included, all processes together
    seconds: float  # of training, measurements during the run included
    steps_per_second: float  # of the optimiser steps alone
    precision: str = ""  # as in `Started`, like the next one; "" in older runs
    precision_reason: str = ""
    settings: DistillSettings | None = None  # as in `Started`
    texts_seen: int | None = None  # different texts learned from; None: an older run


@dataclass(frozen=True)
class Scored:
    """One student of an experiment was fine-tuned, and scored once on the first validation split."""

    arm: str
    seed: int
    score: float  # of the task's first metric
    interval: tuple[float, float]  # 95 %, for the rows that were scored
    baseline: float  # the best score of one answer to every row, as in `Evaluation`
    split: str
    examples: int  # rows scored
    losses: Mapping[str, float]  # before the fine-tune, as in `DistillResult`; {}: not measured
    texts: int  # distilled on, repetitions included
    seconds: Mapping[str, float]  # "distilling" (0 without), "fine-tuning", "scoring"


@dataclass(frozen=True)
class ArmScores:
    """All students of one arm of an experiment. `interval_of` is what the 95 % interval of the mean varies: "seeds"
    (Student's t), or "rows" of the split, if there is one seed or all scores are equal."""

    arm: str
    title: str
    seeds: tuple[int, ...]
    scores: tuple[float, ...]
    mean: float
    interval: tuple[float, float]
    interval_of: str


@dataclass(frozen=True)
class ArmGain:
    """The gain of one arm over another with the same seeds, in the metric's unit. `interval_of` as in `ArmScores`: for
    "seeds" the differences are paired; for "rows" the two intervals are combined as if they were of different rows."""

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
    """The result of an experiment, final or so far: students of one shape with different starts ("arms")."""

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
    texts: int  # read by each distilled student, repetitions included; 0 without one
    examples: int  # rows scored
    baseline: float
    arms: tuple[ArmScores, ...]
    gains: tuple[ArmGain, ...]
    students: tuple[Scored, ...]
    planned: int  # number of students of the whole experiment
    seconds: Mapping[str, float]  # part -> seconds, all students together
    settings: AblationSettings | None = None  # as in `Started`, with its device and precision
    seen_by_base: str = ""  # as in `Started`, of the teacher


Settings = FinetuneSettings | DistillSettings | AblationSettings
Result = FinetuneResult | DistillResult | AblationResult
SETTINGS = {FINETUNE: FinetuneSettings, DISTILL: DistillSettings, ABLATION: AblationSettings}
RESULTS = {FINETUNE: FinetuneResult, DISTILL: DistillResult, ABLATION: AblationResult}
