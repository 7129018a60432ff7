"""Does it help? Students of one shape, fine-tuned on the same examples, that differ only in how they began.

    for event in ablation(AblationConfig(seeds=5, data="…")):
        print(event)

Each student is distilled (or only initialised), fine-tuned and scored by what the rest of the program uses for that.
With one seed, every arm begins from the same random numbers and learns from the same rows in the same order, so that
arms are compared within a seed. Whoever drains it may answer an event with "stop": the students scored so far count.
"""

from __future__ import annotations

import math
import shutil
import tempfile
import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

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
    AblationResult,
    ArmGain,
    ArmScores,
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
from .distilling import (
    EMBEDDING_FACTORS,
    FULL_RATE_WIDTHS,
    LEARNING_RATES,
    DistillConfig,
    Lesson,
    TeacherMemory,
    distill,
)
from .finetuning import TrainConfig, finetune, learning_rate, load_rows
from .metrics import mean_interval
from .training import MAX_STEPS, OVERTIME, check_options, fetching, option

# Times the task's own rate, which suits the bundled encoder and would make a random start look worse than it is. SST-2,
# 3 x 384, seeds 0 to 2: 0.662 at the task's rate, 0.710 at three times it; copied layers (seeds 0, 1) 0.788 and 0.791.
FINE_TUNE_RATE = 3.0
# How students are made, beyond what is asked for: another way makes other students.
MADE_WITH: Mapping[str, object] = {
    "distill_learning_rates": dict(LEARNING_RATES),
    "distill_full_rate_widths": dict(FULL_RATE_WIDTHS),
    "distill_embedding_factors": dict(EMBEDDING_FACTORS),
    "distill_betas": list(Lesson.betas),
    "distill_defaults": {
        name: DistillConfig.__dataclass_fields__[name].default
        for name in ("warmup_ratio", "weight_decay", "max_grad_norm", "dropout")
    },
    "version": 2,  # raised when students come out otherwise although all of the above is the same
}
TELL_EVERY = 1.0  # seconds between two words on where it is


@dataclass(frozen=True)
class Arm:
    """One way to begin before the fine-tune."""

    name: str
    title: str
    init: str  # of `students.INITS`
    loss: str = ""  # what is distilled then, as in `DistillConfig`; "": nothing


ARMS: Mapping[str, Arm] = {
    arm.name: arm
    for arm in (
        Arm("random", "Random start", "random"),
        Arm("distilled_attention", "Distilled, attention only", "random", "at"),
        Arm("distilled", "Distilled, attention + value relation", "random", "at,vr"),
        Arm("copied", "Teacher's layers copied", "teacher"),
        Arm("copied_distilled", "Copied, then distilled", "teacher", "at,vr"),
    )
}
COMPARED = (  # an arm, and the one that it is to be better than
    ("distilled_attention", "random"),
    ("distilled", "random"),
    ("distilled", "distilled_attention"),
    ("copied", "random"),
    ("copied_distilled", "copied"),
    ("distilled", "copied"),
)


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
    config: AblationConfig | None = None, known: Sequence[Scored] = ()
) -> Generator[TrainingEvent, str | None, None]:
    """Try every arm with every seed, seed by seed; students in `known` are not made again.

    Yields `Fetching` during a download, `Started`, `Working`…, `Scored` for each student, `Finished`. Raises
    `DemoError` before `Started` when the data or the teacher do not serve."""
    config = config or AblationConfig()
    if config.output_dir is None:
        config = replace(config, output_dir=tempfile.mkdtemp(prefix="ablation-"))
    name = config.teacher or default_checkpoint()
    if (yield from fetching(name)) == "stop":
        yield Finished("stopped", "Stopped before it began.")
        return
    experiment = _Experiment(config, load_checkpoint(name), known)
    started = experiment.started()
    status = yield from experiment.run((yield started))
    scored, planned = experiment.scored, len(experiment.students)
    result = summarise(started, scored) if scored else None
    yield Finished(status, f"Scored {len(scored)} of {planned} student{'s' if planned > 1 else ''}.", result)


class _Experiment:
    """All students of an experiment: those that are scored, and those to come."""

    def __init__(self, config: AblationConfig, teacher: Checkpoint, known: Sequence[Scored]):
        self.config, self.task, self.teacher = config, get_task(config.task), teacher
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
            job="ablation",
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
            settings={
                "commit": self.teacher.commit,
                "arms": [arm.name for arm in self.arms],
                "seeds": config.seeds,
                "layers": shape.num_hidden_layers,
                "hidden": shape.hidden_size,
                "heads": shape.num_attention_heads,
                "teacher_layers": theirs.num_hidden_layers,
                "teacher_hidden": theirs.hidden_size,
                "epochs": config.epochs or self.task.epochs,
                "learning_rate": learning_rate(self.task, tuning),
                "steps": config.steps,
                "batch_size": config.batch_size,
                "max_length": config.max_length,
                **MADE_WITH,
            },
            seen_by_base=seen_by_base(self.teacher.location, self.task),
        )

    # -- one after the other

    def run(self, answer: str | None) -> Generator[TrainingEvent, str | None, str]:
        """Score the students that are to come; returns "completed" or "stopped"."""
        done = {(student.seed, student.arm) for student in self.scored}
        to_come = [(seed, arm) for seed, arm in self.students if (seed, arm.name) not in done]
        while to_come:
            if answer == "stop":
                return "stopped"
            (seed, arm), *to_come = to_come
            if not self._fits(sum(self.expected.get(part, 0.0) for part in _parts(arm))):
                return "completed"
            student = yield from self.student(arm, seed, [part for _, later in to_come for part in _parts(later)])
            if student is None:
                return "completed" if not self._fits() else "stopped"
            self.scored.append(student)
            answer = yield student
        return "completed"

    def _fits(self, seconds: float = 0.0) -> bool:
        """Whether so many seconds more are within the time budget."""
        budget = self.config.time_budget
        return budget is None or time.perf_counter() - self.began + seconds <= OVERTIME * budget

    def student(self, arm: Arm, seed: int, later: Sequence[str]) -> Generator[TrainingEvent, str | None, Scored | None]:
        """Make one student, fine-tune and score it; None if it was broken off. `later`: the parts after this one."""
        place = Path(self.config.output_dir) / "students" / f"{arm.name}-{seed}"
        taught: DistillResult | None = None
        try:
            if arm.loss:
                job, to_come = distill(self.lesson(arm, seed, place / "student"), self.memory), ["fine-tuning", *later]
                taught = yield from self.drain(job, arm, seed, "distilling", to_come)
                if taught is None:
                    return None
            else:
                self.initialise(arm, seed, place / "student")
            job = finetune(self.task, self.tuning(seed, place / "student", place / "tuned"))
            tuned: FinetuneResult | None = yield from self.drain(job, arm, seed, "fine-tuning", later)
        finally:
            shutil.rmtree(place, ignore_errors=True)
        return self.score(arm, seed, taught, tuned) if tuned else None

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
        self, job: Generator, arm: Arm, seed: int, part: str, later: Sequence[str]
    ) -> Generator[TrainingEvent, str | None, DistillResult | FinetuneResult | None]:
        """Drain a job, telling now and then how far it is; what it ends with, None if it was broken off."""
        began, told, steps = time.perf_counter(), -math.inf, 0
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
            if (now := time.perf_counter()) - told < TELL_EVERY:
                continue
            told = now
            number, of = len(self.scored) + 1, len(self.students)
            answer = yield Working(arm.name, seed, part, step, steps, number, of, self.seconds_left(left, later))
            if answer == "stop" or not self._fits():
                job.close()
                return None
        return None

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


# -- what came out -------------------------------------------------------------------------------------------------


def summarise(started: Started, students: Sequence[Scored]) -> AblationResult:
    """The result of an experiment that began with `started` and has scored these students, at least one."""
    arms = [_arm_scores(arm, of_arm) for arm in ARMS.values() if (of_arm := _of_arm(arm.name, students))]
    gains = [
        _gain(of_arm, of_other)
        for arm, other in COMPARED
        if (of_arm := _of_arm(arm, students)) and (of_other := _of_arm(other, students))
    ]
    settings, first = started.settings, students[0]
    return AblationResult(
        task=started.task,
        metric=started.metric,
        split=first.split,
        data_source=started.data_source,
        teacher=started.checkpoint,
        layers=settings["layers"],
        hidden_size=settings["hidden"],
        heads=settings["heads"],
        parameters=started.parameters,
        train_examples=started.examples,
        epochs=settings["epochs"],
        steps=settings["steps"],
        batch_size=settings["batch_size"],
        texts=max(student.texts for student in students),
        examples=first.examples,
        baseline=first.baseline,
        arms=tuple(arms),
        gains=tuple(filter(None, gains)),
        students=tuple(students),
        planned=settings["seeds"] * len(settings["arms"]),
        seconds={part: sum(student.seconds[part] for student in students) for part in first.seconds},
        settings={**settings, "device": started.device, "precision": started.precision},
        seen_by_base=started.seen_by_base,
    )


def _of_arm(name: str, students: Sequence[Scored]) -> dict[int, Scored]:
    """The students of an arm by their seed."""
    return {student.seed: student for student in sorted(students, key=lambda one: one.seed) if student.arm == name}


def _arm_scores(arm: Arm, students: Mapping[int, Scored]) -> ArmScores:
    scores = [student.score for student in students.values()]
    by_seeds = len(set(scores)) > 1
    interval = mean_interval(scores) if by_seeds else students[min(students)].interval
    interval_of = "seeds" if by_seeds else "rows"
    return ArmScores(arm.name, arm.title, tuple(students), tuple(scores), float(np.mean(scores)), interval, interval_of)


def _gain(students: Mapping[int, Scored], others: Mapping[int, Scored]) -> ArmGain | None:
    """The gain over the seeds that both arms have; None if there are none."""
    pairs = [(students[seed], others[seed]) for seed in students if seed in others]
    if not pairs:
        return None
    gains = [one.score - other.score for one, other in pairs]
    gain, by_seeds = float(np.mean(gains)), not np.allclose(gains, gains[0], rtol=0, atol=1e-9)  # a row is far more
    interval = mean_interval(gains) if by_seeds else _unpaired(gain, *pairs[0])
    seeds = tuple(one.seed for one, _ in pairs)
    return ArmGain(pairs[0][0].arm, pairs[0][1].arm, seeds, gain, interval, "seeds" if by_seeds else "rows")


def _unpaired(gain: float, one: Scored, other: Scored) -> tuple[float, float]:
    """The interval of a difference from the intervals of the two scores (Newcombe 1998, method 10)."""
    (low, high), (other_low, other_high) = one.interval, other.interval
    down = math.hypot(one.score - low, other_high - other.score)
    up = math.hypot(high - one.score, other.score - other_low)
    return gain - down, gain + up
