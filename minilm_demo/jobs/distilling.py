"""Distillation: a small student learns a teacher's relations on plain texts, as a generator of events.

    for event in distill(DistillConfig(layers=3, hidden=192, time_budget=60, output_dir="my-student")):
        print(event)

The objective is in relations.py. The loop (`teach`) calls `should_stop()` at every step; if that returns True, the
student is saved as it is. `output_dir/checkpoint` loads with plain transformers. The speed comes from four things: both
models run only up to the queries, keys and values that are compared; the teacher runs without gradients and its
projections are cached; the relations of a whole batch are computed at once; batches hold texts of similar length,
padded to their own longest.
"""

from __future__ import annotations

import itertools
import math
import tempfile
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..data import ReadInput, Texts, check_texts, features, load_texts, read_input
from ..errors import DemoError
from ..models import Checkpoint, default_checkpoint, load_checkpoint, make_student, seen_by_base
from ..recipes import LOSS_NAMES
from ..results import DISTILL, DistillResult, DistillSettings, Evaluated, Finished, Planned, Started, TrainingEvent
from ..tasks import get_task
from .configs import DEFAULT_STEPS, EMBEDDING_FACTORS, DistillConfig
from .measuring import Evaluator, WatchedText
from .model_folder import claim_folder
from .pair import BETAS, TeacherStudentPair
from .relations import Comparison, compare
from .teacher import CACHE_BYTES, TeacherCache
from .training import (
    Budget,
    EarlyEnd,
    Progress,
    ShouldStop,
    count_weights,
    cycle,
    fetching,
    linear_schedule,
    never,
    number_seen,
    precision_of,
    precision_reason,
    start_accelerator,
    trainable,
)

if TYPE_CHECKING:
    from accelerate import Accelerator

LEARNING_RATES: Mapping[str, float] = {"random": 4e-3, "teacher": 5e-4}  # by the student's `init`
# The rate holds up to this width and falls in proportion beyond it. After 300 steps at the full rate a student 384 wide
# had losses of 0.37 and 0.52; at the lower rate it had 0.16 and 0.08.
FULL_RATE_WIDTHS: Mapping[str, int] = {"random": 192}


def distill(
    config: DistillConfig | None = None, cache: TeacherCache | None = None, should_stop: ShouldStop = never
) -> Iterator[TrainingEvent]:
    """Distil a student from a teacher. `cache` may be shared by distillations from the same teacher.

    Yields `Fetching` during a download, `Started`, `Evaluated` (before the first step), `Planned`, `Probed`,
    `Stepped`…, `Saved`, `Finished`. `should_stop()` is called at every step, and between the parts of the work before
    the first step. With an assistant there are two halves: the second continues the step count of the first, and
    `Planned` and the teacher's side of `Probed` come once in each. `Probed` always compares the learner with the
    teacher, also while it learns from the assistant. `torchrun` works as for `finetune`. Raises `DemoError` before
    `Started` if the texts or the models cannot be used, or if `output_dir` holds a model already."""
    config = config or DistillConfig()
    if config.output_dir is None:
        config = replace(config, output_dir=tempfile.mkdtemp(prefix="student-"))
    claim_folder(Path(config.output_dir), overwrite=config.overwrite)
    name = config.teacher or default_checkpoint()
    if (yield from fetching(name, should_stop)):
        yield Finished("stopped", "Stopped before it began.")
        return
    teacher = load_checkpoint(name)
    length = features.window_size(None, teacher.model.config, config.max_length)
    texts = load_texts(get_task(config.task), config.data, config.split, teacher.tokenizer, length)
    accelerator = start_accelerator(config.precision, config.seed)
    watched_input = _watched_input(config, teacher)
    cache = cache or TeacherCache(CACHE_BYTES // accelerator.num_processes)
    pairs = make_pairs(config, accelerator, teacher, texts, watched_input, cache)
    yield _started(config, accelerator, pairs, texts)
    start_time = time.perf_counter()  # of the time budget: downloading, reading and loading do not count
    end = EarlyEnd(accelerator, should_stop, Budget(start_time, config.time_budget))
    losses_before = None
    if accelerator.is_main_process:
        # The student is measured against the teacher, also if it learns from an assistant.
        comparison = _comparison(config, teacher, pairs[-1].student, config.teacher_layer)
        pairs[-1].evaluator = Evaluator(
            teacher, comparison, texts.validation, pairs[-1].max_length, end.is_stop_requested
        )
        losses_before = pairs[-1].evaluate(end)
        if losses_before:
            yield Evaluated(0, losses_before, len(texts.validation), best=False)
    progresses: list[Progress] = []
    status = yield from _teach_all(pairs, start_time, end, progresses)
    texts_seen = number_seen(accelerator, set().union(*(progress.numbers for progress in progresses)))
    if not accelerator.is_main_process:
        yield Finished(status, "Done; the main process measures and writes.")
    elif len(progresses) < len(pairs) or not progresses[-1].step:
        during_assistant = progresses and progresses[-1].total
        where = "while the assistant was still learning" if during_assistant else "before the first step"
        yield Finished(status, f"Stopped {where}: there is no student yet.")
    else:
        if pairs[-1].saved_step < progresses[-1].step:
            yield pairs[-1].keep(progresses[-1])
        result = _result(config, pairs, progresses, texts, losses_before, texts_seen)
        yield Finished(status, f"Made {result.steps} steps.", result)


def _teach_all(
    pairs: Sequence[TeacherStudentPair], start_time: float, end: EarlyEnd, progresses: list[Progress]
) -> Generator[TrainingEvent, None, str]:
    """Run the loop for each pair in turn. Returns "completed" or "stopped"; appends each pair's progress to
    `progresses`."""
    for number, pair in enumerate(pairs):
        end.budget = Budget(start_time, pair.time_budget)
        speed = pair.measure_speed(end)
        if speed is None:
            return "stopped"
        plan, later_pairs = pair.plan(end.budget, speed), len(pairs) - number - 1
        steps_before = progresses[-1].total if progresses else 0
        all_steps, seconds = steps_before + plan.steps * (later_pairs + 1), plan.seconds * (later_pairs + 1)
        yield replace(plan, steps=all_steps, seconds=seconds)
        progress = pair.progress(plan, speed, later_pairs, steps_before)
        progresses.append(progress)
        status = yield from teach(pair, plan, progress, end)
        if status == "stopped":
            return status
        if later_pairs:
            pair.cache.clear()  # makes room for the assistant's projections
    return "completed"


def teach(
    pair: TeacherStudentPair, plan: Planned, progress: Progress, end: EarlyEnd
) -> Generator[TrainingEvent, None, str]:
    """The distillation loop. Returns "stopped" if a stop was requested before the last update, else "completed"."""
    student, accelerator, config = pair.model, pair.accelerator, pair.config
    optimizer = accelerator.prepare(pair.optimizer())
    scheduler = linear_schedule(optimizer, plan)
    early_end, lowest_loss = "", math.inf
    yield from pair.watch(progress)
    student.train()
    for rows in cycle(pair.batches, plan.steps):
        if early_end := end.reason(progress.step):
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
            validation_losses = pair.evaluate(end)
            if validation_losses:
                validation_loss = sum(validation_losses[name] for name in losses)
                is_best = validation_loss < lowest_loss
                yield Evaluated(progress.total, validation_losses, pair.validation_texts, best=is_best)
                lowest_loss = min(validation_loss, lowest_loss)
                yield pair.keep(progress)
            accelerator.wait_for_everyone()
            student.train()
    progress.end()
    if early_end:
        yield from pair.watch(progress)
    return early_end or "completed"


def distill_rate(init: str, hidden_size: int) -> float:
    """The peak learning rate that suits a student of this start and width."""
    return LEARNING_RATES[init] * min(1.0, FULL_RATE_WIDTHS.get(init, hidden_size) / hidden_size)


# -- teacher, assistant and student --------------------------------------------------------------------------------


def _watched_input(config: DistillConfig, teacher: Checkpoint) -> ReadInput | None:
    """The watched text as both models read it, None if there is none; `DemoError` if it is too long to show."""
    if not config.probe:
        return None
    watched_input = read_input(None, teacher, check_texts(None, (config.probe,)))
    number = len(watched_input.tokens)
    if number > DistillConfig.WATCHED_TOKENS:
        raise DemoError(
            f"The text to watch has {number} tokens; at most {DistillConfig.WATCHED_TOKENS} can be watched."
        )
    return watched_input


def make_pairs(
    config: DistillConfig,
    accelerator: Accelerator,
    teacher: Checkpoint,
    texts: Texts,
    watched_input: ReadInput | None,
    cache: TeacherCache,
) -> list[TeacherStudentPair]:
    """One pair, or two with an assistant in between; each of the two gets half of the steps or of the time. `cache`
    holds the teacher's projections; an assistant has a cache of its own."""
    sizes = {"hidden": config.hidden, "heads": config.heads, "init": config.init, "dropout": config.dropout}
    student = make_student(teacher, config.layers, **sizes)
    chain = [teacher, student]
    if config.assistant:
        _check_assistant(teacher.model.config, student.model.config)
        chain.insert(1, make_student(teacher, teacher.model.config.num_hidden_layers, **sizes))
    pairs = []
    for guide, learner in itertools.pairwise(chain):  # the guide is the teacher or the assistant
        with_teacher = _comparison(config, teacher, learner, config.teacher_layer)
        pair = TeacherStudentPair(
            config,
            accelerator,
            guide,
            learner,
            with_teacher if guide is teacher else _comparison(config, guide, learner),
            texts,
            cache if guide is teacher else TeacherCache(cache.max_bytes),
            learning_rate=config.learning_rate or distill_rate(config.init, learner.model.config.hidden_size),
            embedding_factor=EMBEDDING_FACTORS[config.init],
            is_final=learner is student,
            watched=WatchedText(teacher, learner, with_teacher, watched_input) if watched_input else None,
        )
        pairs.append(pair)
    _divide_work(config, pairs)
    return pairs


def _divide_work(config: DistillConfig, pairs: Sequence[TeacherStudentPair]) -> None:
    """Give each pair its part of the steps, or the seconds from the start by which it must end."""
    steps, parts = config.steps or (None if config.time_budget else DEFAULT_STEPS), len(pairs)
    for number, pair in enumerate(pairs):
        if steps:
            pair.steps = steps * (number + 1) // parts - steps * number // parts
        else:
            pair.time_budget = config.time_budget * (number + 1) / parts


def _comparison(
    config: DistillConfig, teacher: Checkpoint, student: Checkpoint, layer: int | None = None
) -> Comparison:
    """How the recipe compares two models; `layer` is the teacher's, its last by default."""
    return compare(config.recipe, teacher.model.config, student.model.config, config.relation_heads, layer)


def _check_assistant(teacher, student) -> None:
    if student.num_hidden_layers >= teacher.num_hidden_layers or student.hidden_size >= teacher.hidden_size:
        raise DemoError(
            "An assistant is as deep as the teacher and as narrow as the student, so the student must have fewer than "
            f"{teacher.num_hidden_layers} layers and be narrower than {teacher.hidden_size}."
        )


# -- events --------------------------------------------------------------------------------------------------------


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
        precision_reason=precision_reason(config.precision),
        processes=accelerator.num_processes,
        seed=config.seed,
        metric="",
        settings=_settings(config, pairs),
        seen_by_base=seen_by_base(teacher.location, get_task(config.task)),
    )


def _settings(config: DistillConfig, pairs: Sequence[TeacherStudentPair]) -> DistillSettings:
    """The settings of the run, with the defaults filled in."""
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
        batch_size=last.batches.batch_size,
        asked_batch_size=config.batch_size,
    )


def _result(
    config: DistillConfig,
    pairs: Sequence[TeacherStudentPair],
    progresses: Sequence[Progress],
    texts: Texts,
    losses_before: Mapping[str, float],
    texts_seen: int,
) -> DistillResult:
    teacher, student, steps = pairs[0].teacher, pairs[-1].student.model, progresses[-1].total
    return DistillResult(
        task=config.task,
        data_source=texts.source,
        teacher=teacher.name,
        recipe=config.recipe,
        losses=pairs[-1].evaluator.losses(student),
        losses_before=losses_before,
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
        examples_seen=sum(progress.examples_seen for progress in progresses),
        texts_seen=texts_seen,
        seconds=sum(progress.seconds for progress in progresses),
        steps_per_second=steps / sum(progress.step_seconds for progress in progresses),
        precision=precision_of(pairs[-1].accelerator),
        precision_reason=precision_reason(config.precision),
        settings=_settings(config, pairs),
    )
