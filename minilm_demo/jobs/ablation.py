"""The experiment "Does it help?": students of one shape, fine-tuned on the same examples, that differ only in their
start.

    for event in ablation(AblationConfig(seeds=5, data="…")):
        print(event)

Each student is distilled (or only initialised), fine-tuned and scored, by `distill` and `finetune`. With one seed,
every arm starts from the same random numbers and learns from the same rows in the same order, so arms are compared
within a seed. `should_stop()` is called at every step; after a stop, the result has the students scored so far.
"""

from __future__ import annotations

import math
import shutil
import tempfile
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..data import require_free
from ..errors import DemoError, UnknownName
from ..models import (
    Checkpoint,
    default_checkpoint,
    load_checkpoint,
    make_student,
    pick_device,
    pick_precision,
    seen_by_base,
)
from ..models.quiet import transformers_quiet
from ..results import (
    ABLATION,
    AblationSettings,
    DistillResult,
    FinetuneResult,
    Finished,
    Planned,
    Scored,
    Started,
    Stepped,
    TrainingEvent,
    Working,
)
from ..tasks import TASKS, get_task
from .arms import ARMS, Arm, summarise
from .configs import EMBEDDING_FACTORS, MAX_STEPS, DistillConfig, TrainConfig, check_options, option
from .distilling import FULL_RATE_WIDTHS, LEARNING_RATES, distill
from .finetuning import finetune
from .pair import BETAS
from .teacher import TeacherCache
from .train_rows import learning_rate, load_rows
from .training import OVERTIME, ShouldStop, fetching, never

# Factor on the task's learning rate, which suits the bundled encoder and makes a random start look worse than it is. On
# SST-2 with 3 layers of 384, seeds 0 to 2, a random start scores 0.662 at the task's rate and 0.710 at three times it;
# copied layers (seeds 0, 1) score 0.788 and 0.791.
FINE_TUNE_RATE = 3.0
# How students are made, beyond the configuration. Scores are comparable only if all of this is the same.
MADE_WITH: Mapping[str, object] = {
    "distill_learning_rates": dict(LEARNING_RATES),
    "distill_full_rate_widths": dict(FULL_RATE_WIDTHS),
    "distill_embedding_factors": dict(EMBEDDING_FACTORS),
    "distill_betas": BETAS,
    "distill_defaults": {
        name: DistillConfig.__dataclass_fields__[name].default
        for name in ("warmup_ratio", "weight_decay", "max_grad_norm", "dropout")
    },
    "version": 2,  # raised if the code changes students without a change of the values above
}
REPORT_EVERY = 1.0  # seconds between two `Working` events


@dataclass(frozen=True)
class AblationConfig:
    """The experiment to run. None means a default that suits the teacher or the task. `DemoError` for a value outside
    its limits."""

    task: str = option("sst2", "the task that is learned, and whose texts are distilled on", choices=tuple(TASKS))
    data: str = option("auto", "auto, mirror, hub, sample, a folder or a file")
    teacher: str = option("", "checkpoint that teaches (default: bundled, or MINILM_CHECKPOINT)")
    layers: int | None = option(None, "layers of the students (default: half of the teacher's)", min=1, max=48)
    hidden: int | None = option(
        None,
        "width of the students (default: the teacher's; with another one no layers can be copied)",
        min=4,
        max=4096,
    )
    heads: int | None = option(None, "attention heads of the students (default: the teacher's)", min=1, max=128)
    arms: str = option("", f"what to try, joined by commas: {', '.join(ARMS)} (default: all that the width allows)")
    seeds: int = option(5, "students of each arm, with the seeds 0, 1, 2, …", min=1, max=20)
    train_examples: int = option(2000, "rows to fine-tune on, drawn anew for each seed", min=2, max=1_000_000)
    epochs: float | None = option(None, "times to go through them (default: the task's own)", min=0.01, max=1000)
    learning_rate: float | None = option(
        None,
        f"peak learning rate of the fine-tunes (default: {FINE_TUNE_RATE:g} times the task's own)",
        min=1e-7,
        max=1.0,
    )
    steps: int = option(300, "optimiser updates of each distillation", min=1, max=MAX_STEPS)
    batch_size: int = option(32, "texts per update of a distillation", min=1, max=1024)
    max_length: int = option(64, "tokens per text of a distillation; longer ones are divided", min=8, max=512)
    time_budget: float | None = option(
        None, "seconds it may take; a student that does not fit is left out", min=5, max=86_400
    )
    output_dir: str | None = option(None, "folder for the students while they are needed (default: a temporary one)")

    def __post_init__(self):
        check_options(self)
        self.requested_arms()  # raises for unknown arms

    def requested_arms(self) -> tuple[Arm, ...]:
        """The arms named in `arms`, in the order of the table; () if none is named, which means all."""
        names = self.arms.replace(" ", "").split(",") if self.arms else []
        if unknown := [name for name in names if name not in ARMS]:
            raise UnknownName("arm", unknown[0], ARMS)
        return tuple(arm for arm in ARMS.values() if arm.name in names)


def ablation(
    config: AblationConfig | None = None, scored: Sequence[Scored] = (), should_stop: ShouldStop = never
) -> Iterator[TrainingEvent]:
    """Make and score a student of every arm for every seed, seed by seed, except for those already in `scored`.

    Yields `Fetching` during a download, `Started`, `Working`…, `Scored` for each student, `Finished`. Raises
    `DemoError` before `Started` if the data or the teacher cannot be used."""
    config = config or AblationConfig()
    if config.output_dir is None:
        config = replace(config, output_dir=tempfile.mkdtemp(prefix="ablation-"))
    require_free(Path(config.output_dir), ("students",))
    name = config.teacher or default_checkpoint()
    if (yield from fetching(name, should_stop)):
        yield Finished("stopped", "Stopped before it began.")
        return
    experiment = _Experiment(config, load_checkpoint(name), scored, should_stop)
    started = experiment.started()
    yield started
    try:
        status = yield from experiment.run()
    finally:
        shutil.rmtree(Path(config.output_dir) / "students", ignore_errors=True)
    students, planned = experiment.scored, len(experiment.students)
    result = summarise(started, students) if students else None
    yield Finished(status, f"Scored {len(students)} of {planned} student{'s' if planned > 1 else ''}.", result)


class _Interrupted(Exception):
    """Ends the work on a student, for a requested stop or because the time budget is used up."""


class _Experiment:
    """All students of an experiment, scored or not."""

    def __init__(
        self, config: AblationConfig, teacher: Checkpoint, scored: Sequence[Scored], should_stop: ShouldStop = never
    ):
        self.config, self.task, self.teacher = config, get_task(config.task), teacher
        self.should_stop = should_stop
        self.start_time = time.perf_counter()
        hidden_size = config.hidden or teacher.model.config.hidden_size
        self.sizes = {"layers": config.layers, "hidden": hidden_size, "heads": config.heads}
        self.model = make_student(teacher, **self.sizes).model  # for its shape
        self.arms = self._arms()
        self.students = [(seed, arm) for seed in range(config.seeds) for arm in self.arms]
        keys = {(seed, arm.name) for seed, arm in self.students}
        self.scored = [student for student in scored if (student.seed, student.arm) in keys]
        self.cache = TeacherCache()  # all students learn from the same teacher
        self.expected_seconds: dict[str, float] = {}  # by part of the work, once one was planned or measured

    def _arms(self) -> tuple[Arm, ...]:
        """The requested arms; by default all that the width of the students allows."""
        requested = self.config.requested_arms()
        try:
            make_student(self.teacher, **self.sizes, init="teacher")
        except DemoError:
            if any(arm.init == "teacher" for arm in requested):
                raise
            return requested or tuple(arm for arm in ARMS.values() if arm.init != "teacher")
        return requested or tuple(ARMS.values())

    def started(self) -> Started:
        config, student, teacher = self.config, self.model.config, self.teacher.model.config
        train_config = self.train_config(seed=0)
        rows = load_rows(self.task, train_config)
        parameters = sum(parameter.numel() for parameter in self.model.parameters())
        return Started(
            job=ABLATION,
            task=self.task.name,
            checkpoint=self.teacher.name,
            data_source=rows.describe(),
            examples=len(rows.train),
            held_back=len(rows.held_back),
            parameters=parameters,
            trainable=parameters,
            device=str(pick_device()),
            precision=pick_precision(),
            processes=1,
            seed=0,
            metric=self.task.metrics[0],
            settings=AblationSettings(
                commit=self.teacher.commit,
                arms=tuple(arm.name for arm in self.arms),
                seeds=config.seeds,
                layers=student.num_hidden_layers,
                hidden=student.hidden_size,
                heads=student.num_attention_heads,
                teacher_layers=teacher.num_hidden_layers,
                teacher_hidden=teacher.hidden_size,
                epochs=config.epochs or self.task.epochs,
                learning_rate=learning_rate(self.task, train_config),
                steps=config.steps,
                batch_size=config.batch_size,
                max_length=config.max_length,
                **MADE_WITH,
            ),
            seen_by_base=seen_by_base(self.teacher.location, self.task),
        )

    # -- one student after another

    def run(self) -> Generator[TrainingEvent, None, str]:
        """Make and score the remaining students; returns "completed" or "stopped"."""
        scored = {(student.seed, student.arm) for student in self.scored}
        remaining = [(seed, arm) for seed, arm in self.students if (seed, arm.name) not in scored]
        while remaining:
            if self.should_stop():
                return "stopped"
            (seed, arm), *remaining = remaining
            if not self._fits(sum(self.expected_seconds.get(part, 0.0) for part in _parts(arm))):
                return "completed"
            later_parts = [part for _, later_arm in remaining for part in _parts(later_arm)]
            try:
                student = yield from self.student(arm, seed, later_parts)
            except _Interrupted:
                return "completed" if not self._fits() else "stopped"
            self.scored.append(student)
            yield student
        return "completed"

    def interrupt_if_over(self) -> bool:
        """The `should_stop` of a student's jobs. It raises: if it returned True, they would score a half-made
        student."""
        if self.should_stop() or not self._fits():
            raise _Interrupted
        return False

    def _fits(self, seconds: float = 0.0) -> bool:
        """Whether the time budget allows so many more seconds."""
        budget = self.config.time_budget
        return budget is None or time.perf_counter() - self.start_time + seconds <= OVERTIME * budget

    def student(self, arm: Arm, seed: int, later_parts: Sequence[str]) -> Generator[TrainingEvent, None, Scored]:
        """Make one student, fine-tune and score it. `later_parts` are the parts of the work that follow."""
        folder = Path(self.config.output_dir) / "students" / f"{arm.name}-{seed}"
        distilled: DistillResult | None = None
        try:
            if arm.loss:
                job = distill(self.distill_config(arm, seed, folder / "student"), self.cache, self.interrupt_if_over)
                distilled = yield from self.drain(job, arm, seed, "distilling", ["fine-tuning", *later_parts])
            else:
                self.initialise(arm, seed, folder / "student")
            train_config = self.train_config(seed, folder / "student", folder / "tuned")
            job = finetune(self.task, train_config, self.interrupt_if_over)
            finetuned: FinetuneResult = yield from self.drain(job, arm, seed, "fine-tuning", later_parts)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return self.score(arm, seed, distilled, finetuned)

    def score(self, arm: Arm, seed: int, distilled: DistillResult | None, finetuned: FinetuneResult) -> Scored:
        evaluation, metric = finetuned.evaluation, self.task.metrics[0]
        split = next(iter(evaluation.metrics))
        return Scored(
            arm=arm.name,
            seed=seed,
            score=evaluation.metrics[split][metric],
            interval=evaluation.intervals[split][metric],
            baseline=evaluation.baseline[split][metric],
            split=split,
            examples=evaluation.examples[split],
            losses=distilled.losses if distilled else {},
            texts=distilled.examples_seen if distilled else 0,
            seconds={
                "distilling": self.expected_seconds["distilling"] if distilled else 0.0,
                "fine-tuning": self.expected_seconds["fine-tuning"] - evaluation.seconds,
                "scoring": evaluation.seconds,
            },
        )

    def drain(
        self, job: Iterator[TrainingEvent], arm: Arm, seed: int, part: str, later_parts: Sequence[str]
    ) -> Generator[TrainingEvent, None, DistillResult | FinetuneResult]:
        """Run a job to its end, with a `Working` event at most every `REPORT_EVERY` seconds; returns its result."""
        start_time, report_time, steps = time.perf_counter(), -math.inf, 0
        for event in job:
            if isinstance(event, Finished):
                self.expected_seconds[part] = time.perf_counter() - start_time
                return event.result
            if not isinstance(event, Planned | Stepped):
                continue
            if isinstance(event, Planned):
                step, steps, seconds = 0, event.steps, event.seconds
                self.expected_seconds[part] = event.seconds
            else:
                step, seconds = event.step, event.seconds_left
            if (now := time.perf_counter()) - report_time < REPORT_EVERY:
                continue
            report_time = now
            number, num_students = len(self.scored) + 1, len(self.students)
            seconds_left = self.seconds_left(seconds, later_parts)
            yield Working(arm.name, seed, part, step, steps, number, num_students, seconds_left)
        raise AssertionError("a job ends with Finished")

    def seconds_left(self, seconds: float, later_parts: Sequence[str]) -> float | None:
        """The expected seconds to the end of the experiment: those of the current part and of all later ones; None
        before every kind of part was planned or measured once."""
        if any(part not in self.expected_seconds for part in later_parts):
            return None
        return seconds + sum(self.expected_seconds[part] for part in later_parts)

    # -- the parts of the work

    def distill_config(self, arm: Arm, seed: int, output: Path) -> DistillConfig:
        config = self.config
        return DistillConfig(
            task=config.task,
            data=config.data,
            teacher=config.teacher,
            **self.sizes,
            init=arm.init,
            loss=arm.loss,
            steps=config.steps,
            batch_size=config.batch_size,
            max_length=config.max_length,
            seed=seed,
            output_dir=str(output),
        )

    @transformers_quiet
    def initialise(self, arm: Arm, seed: int, output: Path) -> None:
        """Write the student that `distill` would start from with this seed."""
        import accelerate

        accelerate.utils.set_seed(seed)
        student = make_student(self.teacher, **self.sizes, init=arm.init)
        student.model.save_pretrained(output / "checkpoint")
        student.tokenizer.save_pretrained(output / "checkpoint")

    def train_config(self, seed: int, student: Path | None = None, output: Path | None = None) -> TrainConfig:
        config = self.config
        return TrainConfig(
            checkpoint=str(student) if student else "",
            data=config.data,
            train_examples=config.train_examples,
            epochs=config.epochs or self.task.epochs,
            learning_rate=config.learning_rate or FINE_TUNE_RATE * learning_rate(self.task, TrainConfig()),
            seed=seed,
            output_dir=str(output) if output else None,
        )


def _parts(arm: Arm) -> list[str]:
    """The names of the jobs that make a student of this arm."""
    return ["distilling", "fine-tuning"] if arm.loss else ["fine-tuning"]
