"""What a long job resolves before it begins (settings), and what it ends with (results); `SETTINGS` and `RESULTS` have
both by the name of the job."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from .answers import DataSource, Evaluation

FINETUNE, DISTILL, ABLATION = "finetune", "distill", "ablation"  # the names of the jobs, spelled here and nowhere else
RUN_ID = re.compile(r"[a-z0-9_]+-[A-Za-z0-9_-]{16,}")  # what the id of a run looks like

# -- settings ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class FinetuneSettings:
    """What the configuration of a fine-tune left open, as it was resolved. None: an older run did not record it."""

    commit: str | None = None  # of a checkpoint from the Hub
    batch_size: int | None = None  # rows per update and process
    learning_rate: float | None = None  # at its peak
    max_length: int | None = None  # tokens per input
    train_examples: int | None = None
    eval_examples: int | None = None  # rows of each validation split at most; None: all


@dataclass(frozen=True)
class DistillSettings:
    """What the configuration of a distillation left open, as it was resolved. Layers count from 0."""

    commit: str | None = None  # of a teacher from the Hub
    layers: int = 0  # of the student, as the next two
    hidden: int = 0
    heads: int = 0
    teacher_layers: int = 0
    teacher_hidden: int = 0
    teacher_heads: int = 0
    teacher_layer: int = 0  # whose relations are learned
    relation_heads: int = 0
    assistant: bool = False
    loss: tuple[str, ...] = ()  # the terms that are learned: "attention", "value_relation", …
    learning_rate: float | None = None  # at its peak
    embedding_learning_rate: float | None = None
    betas: tuple[float, ...] = ()  # of Adam
    max_length: int | None = None  # tokens per text


@dataclass(frozen=True)
class AblationSettings:
    """What the configuration of an experiment left open, as it was resolved, and how its students are made."""

    commit: str | None = None  # of a teacher from the Hub
    arms: tuple[str, ...] = ()
    seeds: int = 0
    layers: int = 0  # of the students, as the next two
    hidden: int = 0
    heads: int = 0
    teacher_layers: int = 0
    teacher_hidden: int = 0
    epochs: float = 0.0  # of each fine-tune
    learning_rate: float | None = None  # of each fine-tune, at its peak
    steps: int = 0  # of each distillation, as the next two
    batch_size: int = 0
    max_length: int | None = None
    distill_learning_rates: Mapping[str, float] = field(default_factory=dict)  # by the student's start, as the next two
    distill_full_rate_widths: Mapping[str, int] = field(default_factory=dict)
    distill_embedding_factors: Mapping[str, float] = field(default_factory=dict)
    distill_betas: tuple[float, ...] = ()
    distill_defaults: Mapping[str, float] = field(default_factory=dict)
    version: int | None = None
    device: str = ""  # this and the next in the result only: `Started` has fields of its own for them
    precision: str = ""


# -- results -------------------------------------------------------------------------------------------------------


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
    settings: FinetuneSettings | None = None  # as in `Started`


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
    settings: DistillSettings | None = None  # as in `Started`


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
    settings: AblationSettings | None = None  # as in `Started`, with its device and precision
    seen_by_base: str = ""  # as in `Started`, of the teacher


Settings = FinetuneSettings | DistillSettings | AblationSettings
Result = FinetuneResult | DistillResult | AblationResult
SETTINGS = {FINETUNE: FinetuneSettings, DISTILL: DistillSettings, ABLATION: AblationSettings}
RESULTS = {FINETUNE: FinetuneResult, DISTILL: DistillResult, ABLATION: AblationResult}
