"""The table of jobs: how each kind of long work is configured, started, limited for visitors, and described."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from ..data import FILE_KINDS
from ..jobs import AblationConfig, DistillConfig, TrainConfig, distill, finetune
from ..jobs.ablation import ablation
from ..results import ABLATION, DISTILL, FINETUNE, Result, TrainingEvent
from ..views import Snippet
from . import cards, titles

if TYPE_CHECKING:
    from .records import RunRecord

JobConfig = TrainConfig | DistillConfig | AblationConfig
StartJob = Callable[..., Generator[TrainingEvent, None, None]]  # called with `should_stop`; returns the job's events


@dataclass(frozen=True)
class Job:
    """A kind of long work. Limits hold for runs started from the page; shell runs are unlimited."""

    name: str
    config: type  # a dataclass of options
    start: Callable[[RunRecord], StartJob]
    base: str  # field of the configuration that names the checkpoint it begins with
    makes: str  # how its checkpoint is made: "tuned", "distilled"; "" for a job without one
    prefix: str  # of the ids of its runs
    tab: str  # of the page, for its runs
    place: str  # within the tab; "" for a tab without places
    uploads: tuple[str, ...]  # suffixes of a visitor's own files that it reads
    limits: Mapping[str, int]  # of a visitor's run: field of the configuration -> maximum
    tokens: int  # of a visitor's run: maximum per update, which limits memory
    card: Callable[[RunRecord, Result], str]  # README.md of the run's folder
    title: Callable[[RunRecord, Result | None], str]  # in a list
    snippet: Snippet  # the same job in Python


_JOBS = (
    Job(
        FINETUNE,
        TrainConfig,
        lambda record: partial(finetune, record.task, record.config),
        base="checkpoint",
        makes="tuned",
        prefix="",
        tab="finetune",
        place="",
        uploads=FILE_KINDS,
        limits={"time_budget": 600, "epochs": 20, "max_steps": 20_000, "batch_size": 128},
        tokens=2 * 128 * 128,
        card=cards.model_card,
        title=titles.finetune_title,
        snippet=Snippet(
            "finetune",
            "from minilm_demo import TrainConfig, finetune, views",
            "TrainConfig",
            "finetune({task!r}, config)",
            "result, events=events",
            "checkpoint",
            "finetune {task}",
            ("batch_size", "learning_rate", "max_length", "eval_examples", "drawn_examples"),
            steps="max_steps",
            lengths=("time_budget", "epochs"),
        ),
    ),
    Job(
        DISTILL,
        DistillConfig,
        lambda record: partial(distill, record.config),
        base="teacher",
        makes="distilled",
        prefix="student_",
        tab="distil",
        place="now",
        uploads=FILE_KINDS,
        limits={
            "time_budget": 600,
            "steps": 20_000,
            "batch_size": 128,
            "max_length": 128,
            "layers": 12,
            "hidden": 768,
        },
        tokens=64 * 128,  # memory of relations grows with the square of the length, for each of up to 64 heads
        card=cards.student_card,
        title=titles.student_title,
        snippet=Snippet(
            "distill",
            "from minilm_demo import DistillConfig, distill, views",
            "DistillConfig",
            "distill(config)",
            "result, events=events",
            "teacher",
            "distill {task}",
            ("layers", "hidden", "heads", "batch_size", "learning_rate", "max_length"),
            steps="steps",
            lengths=("time_budget",),
        ),
    ),
    Job(
        ABLATION,
        AblationConfig,
        lambda record: partial(ablation, record.config),
        base="teacher",
        makes="",
        prefix="ablation_",
        tab="distil",
        place="help",
        uploads=(),
        limits={
            "time_budget": 600,
            "seeds": 5,
            "train_examples": 5000,
            "epochs": 5,
            "steps": 2000,
            "batch_size": 64,
            "max_length": 128,
            "layers": 12,
            "hidden": 768,
        },
        tokens=64 * 128,
        card=cards.ablation_card,
        title=titles.experiment_title,
        snippet=Snippet(
            "ablation",
            "from minilm_demo import views\nfrom minilm_demo.jobs.ablation import AblationConfig, ablation",
            "AblationConfig",
            "ablation(config)",
            "result",
            "teacher",
            "",
            ("arms", "seeds", "layers", "hidden", "heads", "epochs", "learning_rate"),
            steps="",
            lengths=("time_budget",),
        ),
    ),
)
JOBS: Mapping[str, Job] = {job.name: job for job in _JOBS}
