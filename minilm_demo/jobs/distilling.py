"""Distillation: a small student learns a teacher's relations on plain texts, as a generator of events.

    for event in distill(DistillConfig(layers=3, hidden=192, time_budget=60, output_dir="my-student")):
        print(event)

What is learned is in distillation.py, the loop is that of training.py: whoever drains it may answer an event with
`events.send("stop")`. `output_dir/checkpoint` loads with plain transformers. What makes it fast: both models run only
as far as the queries, keys and values that are compared, the teacher without gradients; what it answers to a text is
remembered, for it never changes; the relations of a whole batch are computed at once; and batches are of texts of about
one length, padded to their own longest.
"""

from __future__ import annotations

import itertools
import tempfile
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..attention_weights import quantised
from ..data import ReadInput, Texts, check_texts, features, load_texts, read_input
from ..errors import DemoError
from ..models import (
    INITS,
    PARTS,
    Checkpoint,
    default_checkpoint,
    freeze_the_rest,
    load_checkpoint,
    make_student,
    seen_by_base,
)
from ..models.quiet import transformers_quiet
from ..recipes import LOSS_NAMES, RECIPES
from ..results import DistillResult, Evaluated, Finished, Probed, Started, TrainingEvent
from ..tasks import TASKS, get_task
from .relations import Comparison, compare, measure_relations, projections, relation_losses
from .training import (
    MAX_STEPS,
    Events,
    Training,
    Update,
    check_options,
    fetching,
    option,
    precision_of,
    start_accelerator,
)

if TYPE_CHECKING:
    import torch
    from accelerate import Accelerator
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

DEFAULT_STEPS = 300
LEARNING_RATES: Mapping[str, float] = {"random": 4e-3, "teacher": 5e-4}  # by where the student starts
# Up to this width; beyond, the rate falls as the width grows. After 300 steps a student of 384 that learned as fast as
# one of 192 was at losses of 0.37 and 0.52 in place of 0.16 and 0.08.
FULL_RATE_WIDTHS: Mapping[str, int] = {"random": 192}
EMBEDDING_FACTORS: Mapping[str, float] = {"random": 8.0, "teacher": 1.0}  # a random word is rarely seen: it must hurry
REMEMBERED_BYTES = 1_000_000_000  # of the teacher's answers: all 6,900 sentences of SST-2 take 800 MB in float32
EVALUATIONS = 4  # of the validation texts along the way; the checkpoint is written each time
RULER_BATCH = 64
PROBE_TOKENS = 32  # of the probe text, and the heads of it that are shown: a few kilobytes at a time
PROBE_HEADS = 12


@dataclass(frozen=True)
class DistillConfig:
    """How to distil. None means what suits the teacher; the command line and the page read help and limits here."""

    task: str = option("sst2", "the task whose texts are learned on", choices=tuple(TASKS))
    split: str = option("train", "splits to learn on, joined by +")
    data: str = option("auto", "auto, mirror, hub, sample, a folder, a file of the task's rows, or a .txt file")
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
    time_budget: float | None = option(None, "seconds the whole run may take, instead of steps", min=5, max=86_400)
    batch_size: int = option(32, "texts per update and process", min=1, max=1024)
    max_length: int = option(64, "tokens per text; longer ones are cut", min=8, max=512)
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
    output_dir: str | None = option(None, "folder for the checkpoint and the record of the run")

    def __post_init__(self):
        check_options(self)
        self.relations()  # names wrong terms
        if self.steps is not None and self.time_budget is not None:
            raise DemoError("Give steps or time_budget, not both: each says how long to learn.")
        if self.assistant and self.steps == 1:
            raise DemoError("With an assistant there are two to teach: give at least 2 steps.")

    def relations(self) -> tuple[str, ...]:
        """The relations whose losses are learned."""
        terms = RECIPES[self.recipe].terms
        asked = self.loss.replace(" ", "").lower().split(",") if self.loss else list(terms)
        if unknown := [term for term in asked if term not in terms]:
            raise DemoError(f"loss names '{unknown[0]}'; the terms of {self.recipe} are {', '.join(terms)}.")
        return tuple(terms[term] for term in dict.fromkeys(asked))


def distill(
    config: DistillConfig | None = None, memory: TeacherMemory | None = None
) -> Generator[TrainingEvent, str | None, None]:
    """Distil a student from a teacher. `memory` is one that other distillations by this teacher share.

    Yields `Fetching` during a download, `Started`, `Evaluated` (before the first step), `Planned`, `Probed`,
    `Stepped`…, `Saved`, `Finished`. With an assistant there are two halves: steps count on from one to the other, and
    `Planned` and the teacher's side of `Probed` come once for each. Every picture is of the learner beside the teacher
    itself, whoever it learns from. Under `torchrun` as `finetune`. Raises `DemoError` before `Started` when texts or
    models do not serve."""
    config = config or DistillConfig()
    if config.output_dir is None:
        config = replace(config, output_dir=tempfile.mkdtemp(prefix="student-"))
    name = config.teacher or default_checkpoint()
    if (yield from fetching(name)) == "stop":
        yield Finished("stopped", "Stopped before it began.")
        return
    texts = load_texts(get_task(config.task), config.data, config.split)
    began = time.perf_counter()  # of a time budget: what was fetched and read for it does not count
    accelerator = start_accelerator(config.precision, config.seed)
    teacher = load_checkpoint(name)
    read = _read_probe(config, teacher)
    memory = memory or TeacherMemory(REMEMBERED_BYTES // accelerator.num_processes)
    lessons = _lessons(config, accelerator, teacher, texts, read, memory)
    last = lessons[-1]
    answer = yield _started(config, accelerator, lessons, texts)
    before = {}
    if accelerator.is_main_process:
        # With the teacher itself, also after an assistant.
        comparison = _compared(config, teacher, last.student, config.teacher_layer)
        last.ruler = Ruler(teacher, comparison, texts.validation, last.max_length)
        before = last.ruler.losses(last.student.model)
        answer = (yield Evaluated(0, before, len(texts.validation), best=False)) or answer
    status = yield from _learn(lessons, began, answer)
    if not accelerator.is_main_process:
        yield Finished(status, "Done; the main process measures and writes.")
    elif not last.step:
        yield Finished(status, "Stopped while the assistant was still learning: there is no student yet.")
    else:
        if last.kept_step < last.step:
            yield from last.keep()
        result = _result(config, lessons, texts, before)
        yield Finished(status, f"Made {result.steps} steps.", result)


def _read_probe(config: DistillConfig, teacher: Checkpoint) -> ReadInput | None:
    """The probe text as both models read it; `DemoError` for one that cannot be shown."""
    if not config.probe:
        return None
    read = read_input(None, teacher, check_texts(None, (config.probe,)))
    if len(read.tokens) > PROBE_TOKENS:
        raise DemoError(f"The text to watch has {len(read.tokens)} tokens; at most {PROBE_TOKENS} can be watched.")
    return read


def _lessons(
    config: DistillConfig,
    accelerator: Accelerator,
    teacher: Checkpoint,
    texts: Texts,
    read: ReadInput | None,
    memory: TeacherMemory,
) -> list[Lesson]:
    """One lesson, or two with an assistant in between; each has half of the steps, or half of the time. `read` is the
    probe text; `memory` is of the teacher's answers, an assistant's are kept apart."""
    sizes = {"hidden": config.hidden, "heads": config.heads, "init": config.init, "dropout": config.dropout}
    student = make_student(teacher, config.layers, **sizes)
    chain = [teacher, student]
    steps = config.steps or (None if config.time_budget else DEFAULT_STEPS)
    if config.assistant:
        _check_assistant(teacher.model.config, student.model.config)
        chain.insert(1, make_student(teacher, teacher.model.config.num_hidden_layers, **sizes))
    lessons = []
    for one, other in itertools.pairwise(chain):
        to_teacher = _compared(config, teacher, other, config.teacher_layer)
        comparison = to_teacher if one is teacher else _compared(config, one, other)
        own = {"memory": memory if one is teacher else TeacherMemory(memory.most_bytes), "held_back": other is student}
        watched = Probe(teacher, other, to_teacher, read) if read else None
        lessons.append(Lesson(config, accelerator, one, other, comparison, texts, watched, **own))
    share = len(lessons)
    for number, lesson in enumerate(lessons):
        if steps:
            lesson.steps = steps * (number + 1) // share - steps * number // share
        else:
            lesson.time_budget = config.time_budget * (number + 1) / share  # since the beginning
    return lessons


def _compared(config: DistillConfig, teacher: Checkpoint, student: Checkpoint, layer: int | None = None) -> Comparison:
    """Two models as the recipe compares them; without a layer of the teacher, its last."""
    return compare(config.recipe, teacher.model.config, student.model.config, config.relation_heads, layer)


def _check_assistant(teacher, student) -> None:
    if student.num_hidden_layers >= teacher.num_hidden_layers or student.hidden_size >= teacher.hidden_size:
        raise DemoError(
            "An assistant is as deep as the teacher and as narrow as the student, so the student must have fewer than "
            f"{teacher.num_hidden_layers} layers and be narrower than {teacher.hidden_size}."
        )


def _started(config: DistillConfig, accelerator: Accelerator, lessons: Sequence[Lesson], texts: Texts) -> Started:
    teacher, student = lessons[0].teacher, lessons[-1].student
    return Started(
        job="distill",
        task=config.task,
        checkpoint=teacher.name,
        data_source=texts.source,
        examples=len(texts.train),
        held_back=len(texts.validation),
        parameters=_count(student.model.parameters()),
        trainable=_count(lessons[-1].trainable()),
        device=str(accelerator.device),
        precision=precision_of(accelerator),
        processes=accelerator.num_processes,
        seed=config.seed,
        metric="",
        settings=_settings(config, lessons),
        seen_by_base=seen_by_base(teacher.location, get_task(config.task)),
    )


def _settings(config: DistillConfig, lessons: Sequence[Lesson]) -> dict[str, object]:
    """What was left open, as it was resolved."""
    first, last = lessons[0], lessons[-1]
    teacher, student = first.teacher.model.config, last.student.model.config
    return {
        "commit": first.teacher.commit,
        "layers": student.num_hidden_layers,
        "hidden": student.hidden_size,
        "heads": student.num_attention_heads,
        "teacher_layers": teacher.num_hidden_layers,
        "teacher_hidden": teacher.hidden_size,
        "teacher_heads": teacher.num_attention_heads,
        "teacher_layer": first.comparison.teacher_layer,
        "relation_heads": first.comparison.num_relation_heads,
        "assistant": len(lessons) > 1,
        "loss": [LOSS_NAMES[name] for name in config.relations()],
        "learning_rate": last.learning_rate,
        "embedding_learning_rate": last.learning_rate * last.embedding_factor,
        "betas": list(last.betas),
        "max_length": last.max_length,
    }


def _count(parameters) -> int:
    return sum(parameter.numel() for parameter in parameters)


def _learn(lessons: Sequence[Lesson], began: float, answer: str | None) -> Generator[TrainingEvent, str | None, str]:
    """One lesson after the other, counting on; returns "completed" or "stopped"."""
    made, status = 0, "completed"
    for number, lesson in enumerate(lessons):
        plan = lesson.plan(began, len(lesson.held_back))
        to_come = len(lessons) - number - 1  # taken to be like this one
        told = replace(plan, steps=made + plan.steps * (to_come + 1), seconds=plan.seconds * (to_come + 1))
        lesson.scoring_seconds += plan.seconds * to_come
        answer = (yield told) or answer
        status = yield from _counted_on(lesson.train(plan, began, answer), made)
        if to_come:
            lesson.memory.forget()  # room for what the assistant answers
        made, answer = made + lesson.step, None
        if status == "stopped":
            break
    return status


def _counted_on(
    events: Generator[TrainingEvent, str | None, str], made: int
) -> Generator[TrainingEvent, str | None, str]:
    """The events with `made` more steps each."""
    answer = None
    while True:
        try:
            event = events.send(answer)
        except StopIteration as end:
            return end.value
        answer = yield replace(event, step=event.step + made)


def _result(
    config: DistillConfig, lessons: Sequence[Lesson], texts: Texts, before: Mapping[str, float]
) -> DistillResult:
    teacher, last = lessons[0].teacher, lessons[-1]
    student = last.student.model
    steps = sum(lesson.step for lesson in lessons)
    return DistillResult(
        task=config.task,
        data_source=texts.source,
        teacher=teacher.name,
        recipe=config.recipe,
        losses=last.ruler.losses(student),
        losses_before=before,
        learned=tuple(LOSS_NAMES[name] for name in config.relations()),
        validation_examples=len(texts.validation),
        layers=student.config.num_hidden_layers,
        hidden_size=student.config.hidden_size,
        heads=student.config.num_attention_heads,
        parameters=_count(student.parameters()),
        teacher_parameters=_count(teacher.model.parameters()),
        output_dir=config.output_dir,
        steps=steps,
        examples=len(texts.train),
        examples_seen=sum(lesson.examples_seen for lesson in lessons),
        seconds=sum(lesson.seconds for lesson in lessons),
        steps_per_second=steps / sum(lesson.step_seconds for lesson in lessons),
        settings=_settings(config, lessons),
    )


# -- measuring -----------------------------------------------------------------------------------------------------


class TokenIds:
    """Texts by number as both models read them: tokenized when they are first asked for, and never twice."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], max_length: int):
        self.tokenizer, self.texts, self.max_length = tokenizer, texts, max_length
        self.known: dict[int, list[int]] = {}  # number -> its token ids

    def read(self, numbers: Sequence[int]) -> list[list[int]]:
        """The token ids of each of these texts."""
        if unknown := [number for number in numbers if number not in self.known]:
            texts = [self.texts[number] for number in unknown]
            encoded = self.tokenizer(texts, truncation=True, max_length=self.max_length)["input_ids"]
            self.known |= zip(unknown, encoded, strict=True)
        return [self.known[number] for number in numbers]

    def lengths(self, numbers: Sequence[int]) -> list[int]:
        """How many tokens these texts have."""
        return [len(ids) for ids in self.read(numbers)]

    def batch(self, numbers: Sequence[int], device: torch.device) -> dict[str, torch.Tensor]:
        """`input_ids` and `attention_mask`, [batch, num_tokens] each, padded on the right to the longest text."""
        batch = features.collate([{"input_ids": ids} for ids in self.read(numbers)], self.tokenizer.pad_token_id)
        return {name: tensor.to(device) for name, tensor in batch.items()}


class Ruler:
    """How far a student is from its teacher on fixed texts, in eval mode and float32. The teacher is asked once."""

    def __init__(self, teacher: Checkpoint, comparison: Comparison, texts: Sequence[str], max_length: int):
        import torch

        self.comparison, self.number = comparison, len(texts)
        self.answers = []
        read = TokenIds(teacher.tokenizer, texts, max_length)
        lengths = read.lengths(range(len(texts)))
        order = sorted(range(len(texts)), key=lengths.__getitem__)
        teacher.model.eval()
        for start in range(0, len(order), RULER_BATCH):
            batch = read.batch(order[start : start + RULER_BATCH], teacher.model.device)
            with torch.inference_mode():
                self.answers.append((batch, projections(teacher.model, comparison.teacher_layer, batch)))

    def losses(self, student: PreTrainedModel) -> dict[str, float]:
        """The mean over the texts of each term of the recipe, also of those that are not learned."""
        import torch

        relations, heads = self.comparison.recipe.relations, self.comparison.num_relation_heads
        sums = dict.fromkeys(relations, 0.0)
        student.eval()
        with torch.inference_mode():
            for batch, asked in self.answers:
                answered = projections(student, self.comparison.student_layer, batch)
                losses = relation_losses(asked, answered, relations, heads, batch["attention_mask"])
                for name, loss in losses.items():
                    sums[name] += loss.item() * len(batch["input_ids"])
        return {LOSS_NAMES[name]: total / self.number for name, total in sums.items()}


class Probe:
    """A text on which one watches how a learner's relations come near the teacher's."""

    def __init__(self, teacher: Checkpoint, learner: Checkpoint, comparison: Comparison, read: ReadInput):
        self.teacher, self.learner, self.comparison, self.read = teacher, learner, comparison, read

    def picture(self, step: int) -> Probed:
        """The learner's relations, and with the first picture the teacher's. Both models are left in eval mode."""
        models = self.teacher.model.eval(), self.learner.model.eval()
        found = measure_relations(*models, self.comparison, self.read.inputs)
        first = self._words() | {"teacher": _shown(found["teacher"])} if step == 0 else {}
        heads = min(PROBE_HEADS, self.comparison.num_relation_heads)
        by_head = {name: rows[:heads].mean(-1) for name, rows in found["divergence"].items()}
        rounded = {name: tuple(round(float(value), 4) for value in values) for name, values in by_head.items()}
        return Probed(step, heads, _shown(found["student"]), rounded, **first)

    def _words(self) -> dict[str, tuple]:
        words = tuple(word.text for word in self.read.words)
        return {"tokens": self.read.tokens, "words": words, "word_ids": self.read.word_ids}


def _shown(relations: Mapping[str, np.ndarray]) -> dict[str, str]:
    return {name: quantised(weights[:PROBE_HEADS]) for name, weights in relations.items()}


# -- the loop ------------------------------------------------------------------------------------------------------


def default_rate(init: str, hidden_size: int) -> float:
    """The peak learning rate that suits a student of this start and width."""
    return LEARNING_RATES[init] * min(1.0, FULL_RATE_WIDTHS.get(init, hidden_size) / hidden_size)


class TeacherMemory:
    """What a teacher answered to texts, its projections of them, as long as there is room.

    Several distillations may share one, as long as teacher, teacher layer and `max_length` are the same in all."""

    def __init__(self, most_bytes: int = REMEMBERED_BYTES):
        self.most_bytes = most_bytes
        self.known: dict[str, torch.Tensor] = {}  # text -> [num_tokens, 3, hidden_size]
        self.bytes = 0

    def answers(
        self, texts: Sequence[str], batch: Mapping[str, torch.Tensor], ask: Callable[[Mapping], Mapping]
    ) -> dict[str, torch.Tensor]:
        """`projections` of a batch whose rows are these texts; zero where it is padded, on the right. `ask` is the way
        to the teacher, for the rows that are not known."""
        import torch

        unknown = [row for row, text in enumerate(texts) if text not in self.known]
        fresh = _rows({name: tensor[unknown] for name, tensor in batch.items()}, ask) if unknown else []
        found = dict(zip((texts[row] for row in unknown), fresh, strict=True))
        rows = [found[text] if text in found else self.known[text] for text in texts]
        self._remember(found)
        padded = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
        return dict(zip(PARTS, padded.unbind(2), strict=True))

    def _remember(self, found: Mapping[str, torch.Tensor]) -> None:
        for text, answer in found.items():
            if self.bytes + answer.nbytes <= self.most_bytes:
                self.known[text] = answer
                self.bytes += answer.nbytes

    def share(self, texts: int) -> float:
        """Which share of so many texts there is room for, 0..1, as far as those remembered are like the others."""
        if not self.known:
            return 0.0
        return min(1.0, self.most_bytes / (self.bytes / len(self.known)) / texts)

    def forget(self) -> None:
        self.known, self.bytes = {}, 0


def _rows(batch: Mapping[str, torch.Tensor], ask: Callable[[Mapping], Mapping]) -> list[torch.Tensor]:
    """What the teacher answers to each row, without its padding: [num_tokens, 3, hidden_size]."""
    import torch

    with torch.no_grad():
        found = ask(batch)
    stacked = torch.stack([found[part] for part in PARTS], dim=2)
    lengths = batch["attention_mask"].sum(1).tolist()
    return [row[:length].clone() for row, length in zip(stacked, lengths, strict=True)]


class Lesson(Training):
    """One teacher, one student, and a number of steps or a time (`steps`, `time_budget`)."""

    betas = (0.7, 0.9)  # the paper's (0.9, 0.98) suit its 400,000 steps; with a short memory, 300 steps get further

    def __init__(
        self,
        config: DistillConfig,
        accelerator: Accelerator,
        teacher: Checkpoint,
        student: Checkpoint,
        comparison: Comparison,
        texts: Texts,
        probe: Probe | None,
        memory: TeacherMemory,
        held_back: bool,
    ):
        """`held_back`: whether this student is measured on the validation texts and written; an assistant is not."""
        self.teacher, self.student, self.comparison = teacher, student, comparison
        self.probe, self.memory, self.relations = probe, memory, config.relations()
        self.steps: int | None = None
        self.ruler: Ruler | None = None  # of the main process
        self.best = float("inf")
        self.max_length = min(
            features.window_size(None, one.model.config, config.max_length) for one in (teacher, student)
        )
        self.read = TokenIds(teacher.tokenizer, texts.train, self.max_length)
        super().__init__(
            "this student",
            config,
            accelerator,
            teacher.tokenizer,
            _batches(self.read, config, accelerator),
            texts.validation if held_back else [],
            config.learning_rate or default_rate(config.init, student.model.config.hidden_size),
        )
        self.embedding_factor = EMBEDDING_FACTORS[config.init]
        self.again = 1.0  # what an update takes whose texts the teacher has answered before, in times of a first one
        freeze_the_rest(student.model, comparison.student_layer, self.relations)
        self.prepare(_until_projections(student.model, comparison.student_layer))

    def batch(self, indices: Sequence[int]) -> dict:
        """`texts`: what the student reads; `asked`: the teacher's projections of it."""
        texts = self.read.batch(indices, self.accelerator.device)
        with self.accelerator.autocast():
            asked = self.memory.answers([self.read.texts[index] for index in indices], texts, self._ask)
        return {"texts": texts, "asked": asked}

    def _ask(self, batch: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        return projections(self.teacher.model.eval(), self.comparison.teacher_layer, batch)

    def loss(self, batch: Mapping) -> tuple[torch.Tensor, Update]:
        texts = batch["texts"]
        answered = self.model(**texts)
        heads, mask = self.comparison.num_relation_heads, texts["attention_mask"]
        losses = relation_losses(batch["asked"], answered, self.relations, heads, mask)
        loss = sum(losses.values())  # eq. 10
        return loss, Update(loss.item(), {LOSS_NAMES[name]: term.item() for name, term in losses.items()})

    def asked_steps(self, per_epoch: int) -> int | None:
        return self.steps

    def measure(self) -> tuple[float, float]:
        """Where there is to be a second pass over the texts, the same updates twice: the second time the teacher need
        not be asked."""
        first, per_row = super().measure()
        if self.steps is None or self.steps > len(self.batches):
            again, per_row = super().measure()
            self.again = min(1.0, again / first)
        return first, per_row

    def cost(self, steps: int) -> float:
        """Of the updates after the first pass over the texts, the remembered share is cheaper. Several processes each
        know the texts they were given, in the next pass mostly others: nothing is counted on then."""
        if self.accelerator.num_processes > 1:
            return steps
        firsts = min(steps, len(self.batches))
        remembered = self.memory.share(self.batches.rows)
        return firsts + (steps - firsts) * (1 - remembered * (1 - self.again))

    def evaluations(self, steps: int) -> int:
        return EVALUATIONS

    def score_and_keep(self) -> Events:
        """Measure on the validation texts and write the student as it is: its last state is the one to keep."""
        answer = None
        if self.ruler:
            losses = self.ruler.losses(self.student.model)
            total = sum(losses[LOSS_NAMES[name]] for name in self.relations)
            answer = yield Evaluated(self.step, losses, self.ruler.number, best=total < self.best)
            self.best = min(total, self.best)
            answer = (yield from self.keep()) or answer
        self.accelerator.wait_for_everyone()
        return answer

    @transformers_quiet
    def save(self, folder: Path) -> None:
        self.student.model.save_pretrained(folder)

    def picture(self) -> Events:
        if not self.probe or not self.accelerator.is_main_process:
            return None
        drawn = self.probe.picture(self.step)
        self.model.train()
        return (yield drawn)


def _batches(read: TokenIds, config: DistillConfig, accelerator: Accelerator) -> features.LengthGroupedBatches:
    processes, rank, texts = accelerator.num_processes, accelerator.process_index, len(read.texts)
    batches = features.LengthGroupedBatches(texts, read.lengths, config.batch_size, config.seed, processes, rank)
    if not len(batches):
        raise DemoError(f"{texts} texts are too few for {processes} processes with batches of {config.batch_size}.")
    return batches


def _until_projections(encoder: PreTrainedModel, layer: int) -> torch.nn.Module:
    """A module whose output is `projections` of the encoder: what several processes exchange gradients for has to come
    out of a forward pass that ends as usual."""
    import torch

    class UntilProjections(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder = encoder

        def forward(self, **batch):
            return projections(self.encoder, layer, batch)

    return UntilProjections()
