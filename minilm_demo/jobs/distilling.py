"""Distillation: a small student learns a teacher's relations on plain texts, as a generator of events.

    for event in distill(DistillConfig(layers=3, hidden=192, time_budget=60, output_dir="my-student")):
        print(event)

What is learned is in distillation.py. The loop (`teach`) asks `should_stop()` at every step: if the answer is yes, the
student is kept as it is then. `output_dir/checkpoint` loads with plain transformers. What makes it fast: both models
run only as far as the queries, keys and values that are compared, the teacher without gradients; what it answers to a
text is remembered, for it never changes; the relations of a whole batch are computed at once; and batches are of texts
of about one length, padded to their own longest.
"""

from __future__ import annotations

import itertools
import math
import tempfile
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ..data import ReadInput, Texts, check_texts, load_texts, read_input
from ..errors import DemoError
from ..models import Checkpoint, default_checkpoint, load_checkpoint, make_student, seen_by_base
from ..recipes import LOSS_NAMES
from ..results import DISTILL, DistillResult, DistillSettings, Evaluated, Finished, Planned, Started, TrainingEvent
from ..tasks import get_task
from .configs import DEFAULT_STEPS, EMBEDDING_FACTORS, DistillConfig
from .measuring import Ruler, WatchedText
from .pair import BETAS, TeacherStudentPair
from .relations import Comparison, compare
from .teacher import REMEMBERED_BYTES, TeacherMemory
from .training import (
    Budget,
    EarlyEnd,
    Progress,
    ShouldStop,
    count_weights,
    endless,
    fetching,
    linear_schedule,
    never,
    precision_of,
    start_accelerator,
    trainable,
)

if TYPE_CHECKING:
    from accelerate import Accelerator

LEARNING_RATES: Mapping[str, float] = {"random": 4e-3, "teacher": 5e-4}  # by where the student starts
# Up to this width; beyond, the rate falls as the width grows. After 300 steps a student of 384 that learned as fast as
# one of 192 was at losses of 0.37 and 0.52 in place of 0.16 and 0.08.
FULL_RATE_WIDTHS: Mapping[str, int] = {"random": 192}


def distill(
    config: DistillConfig | None = None, memory: TeacherMemory | None = None, should_stop: ShouldStop = never
) -> Iterator[TrainingEvent]:
    """Distil a student from a teacher. `memory` is one that other distillations by this teacher share.

    Yields `Fetching` during a download, `Started`, `Evaluated` (before the first step), `Planned`, `Probed`,
    `Stepped`…, `Saved`, `Finished`. `should_stop()` is asked at every step, and on the way to the first. With an
    assistant there are two halves: steps count on from one to the other, and `Planned` and the teacher's side of
    `Probed` come once for each. Every picture is of the learner beside the teacher itself, whoever it learns from.
    Under `torchrun` as `finetune`. Raises `DemoError` before `Started` when texts or models do not serve."""
    config = config or DistillConfig()
    if config.output_dir is None:
        config = replace(config, output_dir=tempfile.mkdtemp(prefix="student-"))
    name = config.teacher or default_checkpoint()
    if (yield from fetching(name, should_stop)):
        yield Finished("stopped", "Stopped before it began.")
        return
    texts = load_texts(get_task(config.task), config.data, config.split)
    began = time.perf_counter()  # of a time budget: what was fetched and read for it does not count
    accelerator = start_accelerator(config.precision, config.seed)
    teacher = load_checkpoint(name)
    read = _read_watched(config, teacher)
    memory = memory or TeacherMemory(REMEMBERED_BYTES // accelerator.num_processes)
    pairs = make_pairs(config, accelerator, teacher, texts, read, memory)
    end = EarlyEnd(accelerator, should_stop, Budget(began, config.time_budget))
    yield _started(config, accelerator, pairs, texts)
    before = None
    if accelerator.is_main_process:
        # With the teacher itself, also after an assistant.
        comparison = _compared(config, teacher, pairs[-1].student, config.teacher_layer)
        pairs[-1].ruler = Ruler(teacher, comparison, texts.validation, pairs[-1].max_length, end.is_asked)
        before = pairs[-1].measure(end)
        if before:
            yield Evaluated(0, before, len(texts.validation), best=False)
    done: list[Progress] = []
    status = yield from _teach_all(pairs, began, end, done)
    if not accelerator.is_main_process:
        yield Finished(status, "Done; the main process measures and writes.")
    elif len(done) < len(pairs) or not done[-1].step:
        where = "while the assistant was still learning" if done and done[-1].total else "before the first step"
        yield Finished(status, f"Stopped {where}: there is no student yet.")
    else:
        if pairs[-1].kept_step < done[-1].step:
            yield pairs[-1].keep(done[-1])
        result = _result(config, pairs, done, texts, before)
        yield Finished(status, f"Made {result.steps} steps.", result)


def _teach_all(
    pairs: Sequence[TeacherStudentPair], began: float, end: EarlyEnd, done: list[Progress]
) -> Generator[TrainingEvent, None, str]:
    """One pair after the other, counting on; returns "completed" or "stopped". What was made is appended to `done`."""
    for number, pair in enumerate(pairs):
        end.budget = Budget(began, pair.time_budget)
        speed = pair.measure_speed(end)
        if speed is None:
            return "stopped"
        plan, to_come = pair.plan(end.budget, speed), len(pairs) - number - 1
        steps_before = done[-1].total if done else 0
        all_steps, seconds = steps_before + plan.steps * (to_come + 1), plan.seconds * (to_come + 1)
        yield replace(plan, steps=all_steps, seconds=seconds)
        done.append(pair.progress(plan, speed, to_come, steps_before))
        status = yield from teach(pair, plan, done[-1], end)
        if status == "stopped":
            return status
        if to_come:
            pair.memory.forget()  # room for what the assistant answers
    return "completed"


def teach(
    pair: TeacherStudentPair, plan: Planned, progress: Progress, end: EarlyEnd
) -> Generator[TrainingEvent, None, str]:
    """The distillation loop. Returns "stopped" if that was asked for before the last update, else "completed"."""
    student, accelerator, config = pair.model, pair.accelerator, pair.config
    optimizer = accelerator.prepare(pair.optimizer())
    scheduler = linear_schedule(optimizer, plan)
    ended, lowest_loss = "", math.inf
    yield from pair.watch(progress)
    student.train()
    for rows in endless(pair.batches, plan.steps):
        if ended := end.reason(progress.step):
            break
        progress.begin_step()
        batch = pair.batch(rows)  # texts, and the teacher's queries, keys and values of them
        losses = pair.losses(batch, student(**batch["texts"]))
        loss = sum(losses.values())  # eq. 10
        accelerator.backward(loss)
        accelerator.clip_grad_norm_(trainable(student), config.max_grad_norm)
        optimizer.step()
        optimizer.zero_grad()
        rate = scheduler.get_last_lr()[0]
        scheduler.step()
        progress.end_step(rows, rate, loss.item(), {name: term.item() for name, term in losses.items()})

        if progress.report_is_due:
            yield progress.report()
        if progress.picture_is_due:
            yield from pair.watch(progress)
        if progress.evaluation_is_due:
            measured = pair.measure(end)
            if measured:
                total = sum(measured[name] for name in losses)
                yield Evaluated(progress.total, measured, pair.validation_texts, best=total < lowest_loss)
                lowest_loss = min(total, lowest_loss)
                yield pair.keep(progress)
            accelerator.wait_for_everyone()
            student.train()
    progress.end()
    if ended:
        yield from pair.watch(progress)
    return ended or "completed"


def default_rate(init: str, hidden_size: int) -> float:
    """The peak learning rate that suits a student of this start and width."""
    return LEARNING_RATES[init] * min(1.0, FULL_RATE_WIDTHS.get(init, hidden_size) / hidden_size)


# -- who learns from whom ------------------------------------------------------------------------------------------


def _read_watched(config: DistillConfig, teacher: Checkpoint) -> ReadInput | None:
    """The watched text as both models read it; `DemoError` for one that cannot be shown."""
    if not config.probe:
        return None
    read = read_input(None, teacher, check_texts(None, (config.probe,)))
    if len(read.tokens) > DistillConfig.WATCHED_TOKENS:
        raise DemoError(
            f"The text to watch has {len(read.tokens)} tokens; at most {DistillConfig.WATCHED_TOKENS} can be watched."
        )
    return read


def make_pairs(
    config: DistillConfig,
    accelerator: Accelerator,
    teacher: Checkpoint,
    texts: Texts,
    read: ReadInput | None,
    memory: TeacherMemory,
) -> list[TeacherStudentPair]:
    """One pair, or two with an assistant in between; each has half of the steps, or half of the time. `read` is the
    watched text; `memory` is of the teacher's answers, an assistant's are kept apart."""
    sizes = {"hidden": config.hidden, "heads": config.heads, "init": config.init, "dropout": config.dropout}
    student = make_student(teacher, config.layers, **sizes)
    chain = [teacher, student]
    if config.assistant:
        _check_assistant(teacher.model.config, student.model.config)
        chain.insert(1, make_student(teacher, teacher.model.config.num_hidden_layers, **sizes))
    pairs = []
    for guide, learner in itertools.pairwise(chain):
        to_teacher = _compared(config, teacher, learner, config.teacher_layer)
        pair = TeacherStudentPair(
            config,
            accelerator,
            guide,
            learner,
            to_teacher if guide is teacher else _compared(config, guide, learner),
            texts,
            memory if guide is teacher else TeacherMemory(memory.most_bytes),
            learning_rate=config.learning_rate or default_rate(config.init, learner.model.config.hidden_size),
            embedding_factor=EMBEDDING_FACTORS[config.init],
            is_kept=learner is student,
            watched=WatchedText(teacher, learner, to_teacher, read) if read else None,
        )
        pairs.append(pair)
    _share(config, pairs)
    return pairs


def _share(config: DistillConfig, pairs: Sequence[TeacherStudentPair]) -> None:
    """Give each pair its part of the steps, or of the time."""
    steps, parts = config.steps or (None if config.time_budget else DEFAULT_STEPS), len(pairs)
    for number, pair in enumerate(pairs):
        if steps:
            pair.steps = steps * (number + 1) // parts - steps * number // parts
        else:
            pair.time_budget = config.time_budget * (number + 1) / parts


def _compared(config: DistillConfig, teacher: Checkpoint, student: Checkpoint, layer: int | None = None) -> Comparison:
    """Two models as the recipe compares them; without a layer of the teacher, its last."""
    return compare(config.recipe, teacher.model.config, student.model.config, config.relation_heads, layer)


def _check_assistant(teacher, student) -> None:
    if student.num_hidden_layers >= teacher.num_hidden_layers or student.hidden_size >= teacher.hidden_size:
        raise DemoError(
            "An assistant is as deep as the teacher and as narrow as the student, so the student must have fewer than "
            f"{teacher.num_hidden_layers} layers and be narrower than {teacher.hidden_size}."
        )


# -- what is said of it --------------------------------------------------------------------------------------------


def _started(
    config: DistillConfig, accelerator: Accelerator, pairs: Sequence[TeacherStudentPair], texts: Texts
) -> Started:
    teacher, student = pairs[0].teacher, pairs[-1].student
    return Started(
        job=DISTILL,
        task=config.task,
        checkpoint=teacher.name,
        data_source=texts.source,
        examples=len(texts.train),
        held_back=len(texts.validation),
        parameters=count_weights(student.model.parameters()),
        trainable=count_weights(trainable(pairs[-1].model)),
        device=str(accelerator.device),
        precision=precision_of(accelerator),
        processes=accelerator.num_processes,
        seed=config.seed,
        metric="",
        settings=_settings(config, pairs),
        seen_by_base=seen_by_base(teacher.location, get_task(config.task)),
    )


def _settings(config: DistillConfig, pairs: Sequence[TeacherStudentPair]) -> DistillSettings:
    """What was left open, as it was resolved."""
    first, last = pairs[0], pairs[-1]
    teacher, student = first.teacher.model.config, last.student.model.config
    return DistillSettings(
        commit=first.teacher.commit,
        layers=student.num_hidden_layers,
        hidden=student.hidden_size,
        heads=student.num_attention_heads,
        teacher_layers=teacher.num_hidden_layers,
        teacher_hidden=teacher.hidden_size,
        teacher_heads=teacher.num_attention_heads,
        teacher_layer=first.comparison.teacher_layer,
        relation_heads=first.comparison.num_relation_heads,
        assistant=len(pairs) > 1,
        loss=tuple(LOSS_NAMES[name] for name in config.relations()),
        learning_rate=last.learning_rate,
        embedding_learning_rate=last.learning_rate * last.embedding_factor,
        betas=BETAS,
        max_length=last.max_length,
    )


def _result(
    config: DistillConfig,
    pairs: Sequence[TeacherStudentPair],
    done: Sequence[Progress],
    texts: Texts,
    before: Mapping[str, float],
) -> DistillResult:
    teacher, student, steps = pairs[0].teacher, pairs[-1].student.model, done[-1].total
    return DistillResult(
        task=config.task,
        data_source=texts.source,
        teacher=teacher.name,
        recipe=config.recipe,
        losses=pairs[-1].ruler.losses(student),
        losses_before=before,
        learned=tuple(LOSS_NAMES[name] for name in config.relations()),
        validation_examples=len(texts.validation),
        layers=student.config.num_hidden_layers,
        hidden_size=student.config.hidden_size,
        heads=student.config.num_attention_heads,
        parameters=count_weights(student.parameters()),
        teacher_parameters=count_weights(teacher.model.parameters()),
        output_dir=config.output_dir,
        steps=steps,
        examples=len(texts.train),
        examples_seen=sum(progress.examples_seen for progress in done),
        seconds=sum(progress.seconds for progress in done),
        steps_per_second=steps / sum(progress.step_seconds for progress in done),
        settings=_settings(config, pairs),
    )
