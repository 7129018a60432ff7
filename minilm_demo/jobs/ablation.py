"""Does it help? Students of one shape, fine-tuned on the same examples, that differ only in how they began.

    for event in ablation(AblationConfig(seeds=5, data="…")):
        print(event)

Each student is distilled (or only initialised), fine-tuned and scored by what the rest of the program uses for that.
With one seed, every arm begins from the same random numbers and learns from the same rows in the same order, so that
arms are compared within a seed. `should_stop()` is asked at every step: after a yes, the students scored so far count.
"""

from __future__ import annotations

import math
import shutil
import tempfile
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

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
from .teacher import TeacherMemory
from .train_rows import learning_rate, load_rows
from .training import OVERTIME, ShouldStop, fetching, never

# Times the task's own rate, which suits the bundled encoder and would make a random start look worse than it is. SST-2,
# 3 x 384, seeds 0 to 2: 0.662 at the task's rate, 0.710 at three times it; copied layers (seeds 0, 1) 0.788 and 0.791.
FINE_TUNE_RATE = 3.0
# How students are made, beyond what is asked for: another way makes other students.
MADE_WITH: Mapping[str, object] = {
    "distill_learning_rates": dict(LEARNING_RATES),
    "distill_full_rate_widths": dict(FULL_RATE_WIDTHS),
    "distill_embedding_factors": dict(EMBEDDING_FACTORS),
    "distill_betas": BETAS,
    "distill_defaults": {
        name: DistillConfig.__dataclass_fields__[name].default
        for name in ("warmup_ratio", "weight_decay", "max_grad_norm", "dropout")
    },
    "version": 2,  # raised when students come out otherwise although all of the above is the same
}
REPORT_EVERY = 1.0  # seconds between two `Working` events


@dataclass(frozen=True)
class AblationConfig:
    """What to try. None means what suits the teacher or the task."""

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
    max_length: int = option(64, "tokens per text of a distillation; longer ones are cut", min=8, max=512)
    time_budget: float | None = option(
        None, "seconds it may take; a student that does not fit is left out", min=5, max=86_400
    )
    output_dir: str | None = option(None, "folder for the students while they are needed (default: a temporary one)")

    def __post_init__(self):
        check_options(self)
        self.asked_arms()  # names wrong ones

    def asked_arms(self) -> tuple[Arm, ...]:
        """The arms that were named, in the order of the table; none for "all"."""
        names = self.arms.replace(" ", "").split(",") if self.arms else []
        if unknown := [name for name in names if name not in ARMS]:
            raise UnknownName("arm", unknown[0], ARMS)
        return tuple(arm for arm in ARMS.values() if arm.name in names)


def ablation(
    config: AblationConfig | None = None, known: Sequence[Scored] = (), should_stop: ShouldStop = never
) -> Iterator[TrainingEvent]:
    """Try every arm with every seed, seed by seed; students in `known` are not made again.

    Yields `Fetching` during a download, `Started`, `Working`…, `Scored` for each student, `Finished`. Raises
    `DemoError` before `Started` when the data or the teacher do not serve."""
    config = config or AblationConfig()
    if config.output_dir is None:
        config = replace(config, output_dir=tempfile.mkdtemp(prefix="ablation-"))
    name = config.teacher or default_checkpoint()
    if (yield from fetching(name, should_stop)):
        yield Finished("stopped", "Stopped before it began.")
        return
    experiment = _Experiment(config, load_checkpoint(name), known, should_stop)
    started = experiment.started()
    yield started
    status = yield from experiment.run()
    scored, planned = experiment.scored, len(experiment.students)
    result = summarise(started, scored) if scored else None
    yield Finished(status, f"Scored {len(scored)} of {planned} student{'s' if planned > 1 else ''}.", result)


class _BrokenOff(Exception):
    """A student is left because the experiment shall stop, or because its time is over."""


class _Experiment:
    """All students of an experiment: those that are scored, and those to come."""

    def __init__(
        self, config: AblationConfig, teacher: Checkpoint, known: Sequence[Scored], should_stop: ShouldStop = never
    ):
        self.config, self.task, self.teacher = config, get_task(config.task), teacher
        self.should_stop = should_stop
        self.began = time.perf_counter()
        theirs = teacher.model.config
        self.sizes = {"layers": config.layers, "hidden": config.hidden or theirs.hidden_size, "heads": config.heads}
        self.shape = make_student(teacher, **self.sizes).model
        self.arms = self._arms()
        self.students = [(seed, arm) for seed in range(config.seeds) for arm in self.arms]
        wanted = {(seed, arm.name) for seed, arm in self.students}
        self.scored = [student for student in known if (student.seed, student.arm) in wanted]
        self.memory = TeacherMemory()  # all students are told the same by the teacher
        self.expected: dict[str, float] = {}  # part of the work -> seconds, as far as is known

    def _arms(self) -> tuple[Arm, ...]:
        """Those asked for; else all that this width allows."""
        asked = self.config.asked_arms()
        try:
            make_student(self.teacher, **self.sizes, init="teacher")
        except DemoError:
            if any(arm.init == "teacher" for arm in asked):
                raise
            return asked or tuple(arm for arm in ARMS.values() if arm.init != "teacher")
        return asked or tuple(ARMS.values())

    def started(self) -> Started:
        config, shape, theirs = self.config, self.shape.config, self.teacher.model.config
        tuning = self.tuning(seed=0)
        rows = load_rows(self.task, tuning)
        parameters = sum(parameter.numel() for parameter in self.shape.parameters())
        return Started(
            job=ABLATION,
            task=self.task.name,
            checkpoint=self.teacher.name,
            data_source=rows.source.describe(rows.used),
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
                layers=shape.num_hidden_layers,
                hidden=shape.hidden_size,
                heads=shape.num_attention_heads,
                teacher_layers=theirs.num_hidden_layers,
                teacher_hidden=theirs.hidden_size,
                epochs=config.epochs or self.task.epochs,
                learning_rate=learning_rate(self.task, tuning),
                steps=config.steps,
                batch_size=config.batch_size,
                max_length=config.max_length,
                **MADE_WITH,
            ),
            seen_by_base=seen_by_base(self.teacher.location, self.task),
        )

    # -- one after the other

    def run(self) -> Generator[TrainingEvent, None, str]:
        """Score the students that are to come; returns "completed" or "stopped"."""
        done = {(student.seed, student.arm) for student in self.scored}
        to_come = [(seed, arm) for seed, arm in self.students if (seed, arm.name) not in done]
        while to_come:
            if self.should_stop():
                return "stopped"
            (seed, arm), *to_come = to_come
            if not self._fits(sum(self.expected.get(part, 0.0) for part in _parts(arm))):
                return "completed"
            try:
                student = yield from self.student(arm, seed, [part for _, later in to_come for part in _parts(later)])
            except _BrokenOff:
                return "completed" if not self._fits() else "stopped"
            self.scored.append(student)
            yield student
        return "completed"

    def break_off_if_over(self) -> bool:
        """What the jobs of a student ask at every step. A plain yes would make them score what is half made."""
        if self.should_stop() or not self._fits():
            raise _BrokenOff
        return False

    def _fits(self, seconds: float = 0.0) -> bool:
        """Whether so many seconds more are within the time budget."""
        budget = self.config.time_budget
        return budget is None or time.perf_counter() - self.began + seconds <= OVERTIME * budget

    def student(self, arm: Arm, seed: int, later: Sequence[str]) -> Generator[TrainingEvent, None, Scored]:
        """Make one student, fine-tune and score it. `later`: the parts of the work after this one."""
        place = Path(self.config.output_dir) / "students" / f"{arm.name}-{seed}"
        taught: DistillResult | None = None
        try:
            if arm.loss:
                job = distill(self.lesson(arm, seed, place / "student"), self.memory, self.break_off_if_over)
                taught = yield from self.drain(job, arm, seed, "distilling", ["fine-tuning", *later])
            else:
                self.initialise(arm, seed, place / "student")
            job = finetune(self.task, self.tuning(seed, place / "student", place / "tuned"), self.break_off_if_over)
            tuned: FinetuneResult = yield from self.drain(job, arm, seed, "fine-tuning", later)
        finally:
            shutil.rmtree(place, ignore_errors=True)
        return self.score(arm, seed, taught, tuned)

    def score(self, arm: Arm, seed: int, taught: DistillResult | None, tuned: FinetuneResult) -> Scored:
        evaluation, metric = tuned.evaluation, self.task.metrics[0]
        split = next(iter(evaluation.metrics))
        return Scored(
            arm=arm.name,
            seed=seed,
            score=evaluation.metrics[split][metric],
            interval=evaluation.intervals[split][metric],
            baseline=evaluation.baseline[split][metric],
            split=split,
            examples=evaluation.examples[split],
            losses=taught.losses if taught else {},
            texts=taught.examples_seen if taught else 0,
            seconds={
                "distilling": self.expected["distilling"] if taught else 0.0,
                "fine-tuning": self.expected["fine-tuning"] - evaluation.seconds,
                "scoring": evaluation.seconds,
            },
        )

    def drain(
        self, job: Iterator[TrainingEvent], arm: Arm, seed: int, part: str, later: Sequence[str]
    ) -> Generator[TrainingEvent, None, DistillResult | FinetuneResult]:
        """Drain a job, saying now and then how far it is; returns what it ends with."""
        began, reported, steps = time.perf_counter(), -math.inf, 0
        for event in job:
            if isinstance(event, Finished):
                self.expected[part] = time.perf_counter() - began
                return event.result
            if not isinstance(event, Planned | Stepped):
                continue
            step, left = 0, 0.0
            if isinstance(event, Planned):
                steps, left = event.steps, event.seconds
                self.expected[part] = event.seconds
            else:
                step, left = event.step, event.seconds_left
            if (now := time.perf_counter()) - reported < REPORT_EVERY:
                continue
            reported = now
            number, of = len(self.scored) + 1, len(self.students)
            yield Working(arm.name, seed, part, step, steps, number, of, self.seconds_left(left, later))
        raise AssertionError("a job ends with Finished")

    def seconds_left(self, of_this: float, later: Sequence[str]) -> float | None:
        if any(part not in self.expected for part in later):
            return None
        return of_this + sum(self.expected[part] for part in later)

    # -- the parts of the work

    def lesson(self, arm: Arm, seed: int, output: Path) -> DistillConfig:
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
        """Write a student as `distill` would begin with it."""
        import accelerate

        accelerate.utils.set_seed(seed)
        student = make_student(self.teacher, **self.sizes, init=arm.init)
        student.model.save_pretrained(output / "checkpoint")
        student.tokenizer.save_pretrained(output / "checkpoint")

    def tuning(self, seed: int, student: Path | None = None, output: Path | None = None) -> TrainConfig:
        config = self.config
        return TrainConfig(
            checkpoint=str(student) if student else "",
            data=config.data,
            train_examples=config.train_examples,
            epochs=config.epochs,
            learning_rate=config.learning_rate or FINE_TUNE_RATE * learning_rate(self.task, TrainConfig()),
            seed=seed,
            output_dir=str(output) if output else None,
        )


def _parts(arm: Arm) -> list[str]:
    return ["distilling", "fine-tuning"] if arm.loss else ["fine-tuning"]
