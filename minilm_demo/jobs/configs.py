"""The configurations of a fine-tune and of a distillation. Each field carries its help text and its limits, which the
command line and the page read from there."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import ClassVar

from ..data import TARGETS, LabelMeaning
from ..errors import DemoError
from ..models import INITS
from ..recipes import RECIPES
from ..tasks import TASKS

MAX_STEPS = 1_000_000
# Which weights are trained -> factor on the task's learning rate, which is for training all weights.
METHODS: Mapping[str, float] = {"full": 1.0, "lora": 10.0, "head": 20.0}
DEFAULT_STEPS = 300
# The student's `init` -> factor on the learning rate of the word embeddings. A word is rare in the texts, so a random
# embedding gets few updates and needs large ones.
EMBEDDING_FACTORS: Mapping[str, float] = {"random": 8.0, "teacher": 1.0}


def option(default, help: str, **limits):
    """A field of a configuration with its help text; `limits` are `min` and `max`, or `choices`."""
    return field(default=default, metadata={"help": help, **limits})


def check_options(config) -> None:
    """Raise `DemoError` for the first field of a configuration that lies outside its limits."""
    for option_field in fields(config):
        value, is_whole = getattr(config, option_field.name), "int" in option_field.type
        _check_option(option_field.name, value, option_field.metadata, is_whole)


def _check_option(name: str, value, limits: Mapping, is_whole: bool) -> None:
    if value is None:
        return
    if "choices" in limits and value not in limits["choices"]:
        raise DemoError(f"{name} is '{value}'; it must be one of {', '.join(limits['choices'])}.")
    if "min" in limits:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise DemoError(f"{name} is '{value}'; it must be a number.")
        if is_whole and not isinstance(value, int):
            raise DemoError(f"{name} is {value:g}; it must be a whole number.")
        if not limits["min"] <= value <= limits["max"]:
            raise DemoError(f"{name} is {value:g}; it must lie between {limits['min']:g} and {limits['max']:g}.")


@dataclass(frozen=True)
class TrainConfig:
    """How to fine-tune. None means the task's own default. `DemoError` for a value outside its limits.

    Without epochs, max_steps and time_budget, a run on the bundled sample takes the task's `sample_seconds`, and any
    other the task's epochs."""

    WATCHED_TOKENS: ClassVar[int] = 40  # limit of the watched text; all its frames together take a few megabytes

    checkpoint: str = option("", "checkpoint to start from (default: bundled, or MINILM_CHECKPOINT)")
    data: str = option("auto", "auto, mirror, hub, sample, a folder or a file")
    train_split: str = option("train", "splits to train on, joined by +")
    extra_train: tuple[str, ...] = option((), "further folders or files with the task's columns")
    labels: Mapping[str, str] | None = option(
        None, "what the values of the label column of own rows mean, as 0=negative,1=positive; VALUE= leaves rows out"
    )
    columns: Mapping[str, str] | None = option(None, "which column of own rows is which, as text=message; repeatable")
    target: str = option(
        "auto", "what the label column of the task own is taken for: auto, classes or numbers", choices=TARGETS
    )
    score_range: tuple[float, float] | None = option(
        None, "the lowest and highest possible score of own rows, as 0,1; the task's scale by default"
    )
    train_examples: int | None = option(None, "rows to draw at random from the train split", min=1, max=1_000_000)
    epochs: float | None = option(None, "times to go through the rows", min=0.01, max=1000)
    max_steps: int | None = option(None, "optimiser updates to make, instead of epochs", min=1, max=MAX_STEPS)
    time_budget: float | None = option(None, "seconds for training and scoring, instead of epochs", min=5, max=86_400)
    batch_size: int | None = option(None, "rows per update and process", min=1, max=1024)
    learning_rate: float | None = option(
        None,
        "peak learning rate (default: the task's; a new output layer has up to three times it in a run of few steps)",
        min=1e-7,
        max=1.0,
    )
    max_length: int | None = option(
        None, "tokens per input; longer texts are cut, or windowed for SQuAD", min=16, max=512
    )
    method: str = option("full", "which weights move: full, lora or head", choices=tuple(METHODS))
    seed: int = option(0, "seed of the new output layer and the order of the rows", min=0, max=2**31 - 1)
    warmup_ratio: float = option(0.1, "share of the steps during which the learning rate rises", min=0.0, max=1.0)
    weight_decay: float = option(0.01, "weight decay of all weights but biases and LayerNorm", min=0.0, max=1.0)
    max_grad_norm: float = option(1.0, "gradients are clipped to this norm", min=0.01, max=1000)
    dropout: float = option(0.0, "dropout while training; 0 is faster and, on short runs, as good", min=0.0, max=0.9)
    eval_examples: int | None = option(
        None,
        "rows of each validation split to score at the end (default: all; with a time budget 1,000)",
        min=1,
        max=1_000_000,
    )
    precision: str = option("auto", "auto, bf16 or fp32", choices=("auto", "bf16", "fp32"))
    probe: tuple[str, ...] = option((), "a text whose attention is kept along the way; for tasks with pairs, twice")
    output_dir: str | None = option(None, "new or empty folder for the checkpoint and the record of the run")
    overwrite: bool = option(False, "replace the earlier run in that folder")

    def __post_init__(self):
        check_options(self)
        if sum(limit is not None for limit in (self.epochs, self.max_steps, self.time_budget)) > 1:
            raise DemoError("Give one of epochs, max_steps and time_budget, not several: each says how long to train.")

    @property
    def meaning(self) -> LabelMeaning:
        """What is said of the label column of own rows."""
        return LabelMeaning(self.labels or {}, self.score_range, self.columns or {})


@dataclass(frozen=True)
class DistillConfig:
    """How to distil. None means a default that suits the teacher. `DemoError` for a value outside its limits."""

    WATCHED_TOKENS: ClassVar[int] = 32  # limit of the watched text; a picture takes a few kilobytes

    task: str = option("sst2", "the task whose texts are learned on", choices=tuple(TASKS))
    split: str = option("train", "splits to learn on, joined by +")
    data: str = option("auto", "auto, mirror, hub, sample, a folder, or a file of texts")
    teacher: str = option("", "checkpoint that teaches (default: bundled, or MINILM_CHECKPOINT)")
    layers: int | None = option(None, "layers of the student (default: half of the teacher's)", min=1, max=48)
    hidden: int | None = option(
        None,
        "width of the student (default: half of the teacher's; all of it if its layers are copied)",
        min=4,
        max=4096,
    )
    heads: int | None = option(None, "attention heads of the student (default: the teacher's)", min=1, max=128)
    init: str = option("random", "the student's start: random, or layers of the teacher", choices=INITS)
    recipe: str = option("minilm_v1", "which paper's objective", choices=tuple(RECIPES))
    loss: str = option("", "terms to learn, joined by commas: at,vr or qq,kk,vv (default: all of the recipe's)")
    relation_heads: int | None = option(None, "minilm_v2: heads to compare; divides both widths", min=1, max=1024)
    teacher_layer: int | None = option(None, "minilm_v2: layer of the teacher, from 0 (default: last)", min=0, max=127)
    assistant: bool = option(False, "teach an assistant first, as deep as the teacher and as narrow as the student")
    steps: int | None = option(None, f"optimiser updates to make (default: {DEFAULT_STEPS})", min=1, max=MAX_STEPS)
    time_budget: float | None = option(None, "seconds for learning and measuring, instead of steps", min=5, max=86_400)
    batch_size: int = option(32, "texts per update and process", min=1, max=1024)
    max_length: int = option(64, "tokens per text; longer ones are divided", min=8, max=512)
    learning_rate: float | None = option(
        None,
        f"peak learning rate; word embeddings of a random start learn {EMBEDDING_FACTORS['random']:g} times faster",
        min=1e-7,
        max=1.0,
    )
    seed: int = option(0, "seed of the student's random start and of the order of the texts", min=0, max=2**31 - 1)
    warmup_ratio: float = option(0.1, "share of the steps during which the learning rate rises", min=0.0, max=1.0)
    weight_decay: float = option(0.01, "weight decay of all weights but biases and LayerNorm", min=0.0, max=1.0)
    max_grad_norm: float = option(1.0, "gradients are clipped to this norm", min=0.01, max=1000)
    dropout: float = option(0.0, "dropout of the student while it learns", min=0.0, max=0.9)
    precision: str = option("auto", "auto, bf16 or fp32; the losses are always fp32", choices=("auto", "bf16", "fp32"))
    probe: str = option("", "a text whose relations are shown along the way")
    output_dir: str | None = option(None, "new or empty folder for the checkpoint and the record of the run")
    overwrite: bool = option(False, "replace the earlier run in that folder")

    def __post_init__(self):
        check_options(self)
        self.relations()  # raises for unknown terms
        if self.steps is not None and self.time_budget is not None:
            raise DemoError("Give steps or time_budget, not both: each says how long to learn.")
        if self.assistant and self.steps == 1:
            raise DemoError("With an assistant there are two to teach: give at least 2 steps.")

    def relations(self) -> tuple[str, ...]:
        """The relations whose losses are learned, like ("QK", "VV")."""
        terms = RECIPES[self.recipe].terms
        names = self.loss.replace(" ", "").lower().split(",") if self.loss else list(terms)
        if unknown := [name for name in names if name not in terms]:
            raise DemoError(f"loss names '{unknown[0]}'; the terms of {self.recipe} are {', '.join(terms)}.")
        return tuple(terms[name] for name in dict.fromkeys(names))
