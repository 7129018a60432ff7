"""The one table of jobs: what each kind of long work is configured by, runs, reads and may ask for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..data import FILE_KINDS, TEXT_KIND
from ..jobs import AblationConfig, DistillConfig, TrainConfig

# What a visitor's run may ask of a machine that others wait for; a run from the shell may ask for more.
PAGE_LIMITS = {"time_budget": 600, "epochs": 20, "max_steps": 20_000, "batch_size": 128}
PAGE_TOKENS = 2 * 128 * 128  # of one update, batch_size × max_length: what it needs of memory
DISTILL_LIMITS = {
    "time_budget": 600,
    "steps": 20_000,
    "batch_size": 128,
    "max_length": 128,
    "layers": 12,
    "hidden": 768,
}
ABLATION_LIMITS = {
    "time_budget": 600,
    "seeds": 5,
    "train_examples": 5000,
    "epochs": 5,
    "steps": 2000,
    "batch_size": 64,
    "max_length": 128,
    "layers": 12,
    "hidden": 768,
}
DISTILL_TOKENS = 64 * 128  # relations take memory by the square of the length, for each of up to 64 heads


@dataclass(frozen=True)
class Job:
    """A kind of long work."""

    config: type  # a dataclass of options
    base: str  # field of its configuration: the checkpoint it begins with
    prefix: str  # of the ids of its runs
    uploads: tuple[str, ...]  # kinds of files of a visitor's own that it reads
    limits: Mapping[str, int]  # of a visitor's run: field of its configuration -> at most
    tokens: int  # of a visitor's run: of one update at most


JOBS: Mapping[str, Job] = {
    "finetune": Job(TrainConfig, "checkpoint", "", FILE_KINDS, PAGE_LIMITS, PAGE_TOKENS),
    "distill": Job(DistillConfig, "teacher", "student_", (*FILE_KINDS, TEXT_KIND), DISTILL_LIMITS, DISTILL_TOKENS),
    "ablation": Job(AblationConfig, "teacher", "ablation_", (), ABLATION_LIMITS, DISTILL_TOKENS),
}
JobConfig = TrainConfig | DistillConfig | AblationConfig
