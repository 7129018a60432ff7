"""A teacher and the student that learns from it: what an update reads and computes, and how the student is measured,
watched and kept. The loop: distilling.py."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..data import Texts, TokenIds, features
from ..errors import DemoError
from ..models import Checkpoint, freeze_the_rest, write_origin
from ..recipes import LOSS_NAMES
from ..results import Planned, Probed, Saved
from .measuring import Ruler, WatchedText
from .planning import Scoring, Speed, make_plan, measure_speed
from .relations import Comparison, projections, relation_losses
from .teacher import TeacherMemory
from .training import Budget, EarlyEnd, Progress, make_optimizer, write_checkpoint

if TYPE_CHECKING:
    import torch
    from accelerate import Accelerator
    from transformers import PreTrainedModel

    from .configs import DistillConfig

BETAS = (0.7, 0.9)  # of Adam. The paper's (0.9, 0.98) suit its 400,000 steps; with a short memory, 300 get further
EVALUATIONS = 4  # of the validation texts along the way; the checkpoint is written each time


class TeacherStudentPair:
    """One teacher, one student, and a number of steps or a time (`steps`, `time_budget`)."""

    def __init__(
        self,
        config: DistillConfig,
        accelerator: Accelerator,
        teacher: Checkpoint,
        student: Checkpoint,
        comparison: Comparison,
        texts: Texts,
        memory: TeacherMemory,
        *,
        learning_rate: float,
        embedding_factor: float,
        is_kept: bool,
        watched: WatchedText | None,
    ):
        """`is_kept`: whether this student is measured on the validation texts and written; an assistant is not."""
        self.config, self.accelerator, self.teacher, self.student = config, accelerator, teacher, student
        self.comparison, self.memory, self.relations = comparison, memory, config.relations()
        self.learning_rate, self.embedding_factor, self.watched = learning_rate, embedding_factor, watched
        self.steps: int | None = None
        self.time_budget: float | None = config.time_budget  # seconds since the beginning
        self.validation_texts = len(texts.validation) if is_kept else 0  # that it is measured on
        self.ruler: Ruler | None = None  # of the main process
        self.later_cost = 1.0  # of an update whose texts the teacher has seen before, in units of a first one
        self.kept_step = 0  # of the checkpoint on disk
        self.watched_step = -1  # of the last picture
        self.max_length = min(
            features.window_size(None, checkpoint.model.config, config.max_length) for checkpoint in (teacher, student)
        )
        self.token_ids = TokenIds(teacher.tokenizer, texts.train, self.max_length)
        self.batches = _batches(self.token_ids, config, accelerator)
        freeze_the_rest(student.model, comparison.student_layer, self.relations)
        self.model = accelerator.prepare(_until_projections(student.model, comparison.student_layer))

    # -- an update

    def optimizer(self) -> torch.optim.Optimizer:
        return make_optimizer(
            self.model, self.learning_rate, self.config.weight_decay, BETAS, embedding_factor=self.embedding_factor
        )

    def batch(self, rows: Sequence[int]) -> dict:
        """`texts`: what the student reads; `teacher`: the teacher's projections of it."""
        texts = self.token_ids.batch(rows, self.accelerator.device)
        with self.accelerator.autocast():
            teacher = self.memory.answers([self.token_ids.texts[row] for row in rows], texts, self.ask_teacher)
        return {"texts": texts, "teacher": teacher}

    def ask_teacher(self, texts: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        return projections(self.teacher.model.eval(), self.comparison.teacher_layer, texts)

    def losses(self, batch: Mapping, student: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """The terms to learn, by name, from the teacher's and the student's projections of a batch."""
        heads, mask = self.comparison.num_relation_heads, batch["texts"]["attention_mask"]
        losses = relation_losses(batch["teacher"], student, self.relations, heads, mask)
        return {LOSS_NAMES[name]: loss for name, loss in losses.items()}

    def loss(self, batch: Mapping) -> torch.Tensor:
        return sum(self.losses(batch, self.model(**batch["texts"])).values())

    # -- how long

    def measure_speed(self, end: EarlyEnd) -> Speed | None:
        """None if `end` comes first. Where there is to be a second pass over the texts, the same updates are timed
        twice: the second time the teacher need not be asked."""
        first = measure_speed(self, end)
        if first is None or (self.steps is not None and self.steps <= len(self.batches)):
            return first
        later = measure_speed(self, end)
        if later is None:
            return None
        self.later_cost = min(1.0, later.update / first.update)
        return Speed(first.update, later.row)

    def cost(self, steps: int) -> float:
        """What so many updates take in units of the first: after the first pass over the texts, the remembered share is
        cheaper. With several processes each pass is divided anew, so nothing is expected to be remembered."""
        if self.accelerator.num_processes > 1:
            return steps
        firsts = min(steps, len(self.batches))
        remembered = self.memory.share(self.batches.rows)
        return firsts + (steps - firsts) * (1 - remembered * (1 - self.later_cost))

    def plan(self, budget: Budget, speed: Speed) -> Planned:
        return make_plan(
            "this student",
            self.steps,
            budget,
            speed,
            Scoring(self.validation_texts, self.validation_texts, lambda steps: EVALUATIONS),
            accelerator=self.accelerator,
            per_epoch=len(self.batches),
            warmup_ratio=self.config.warmup_ratio,
            cost=self.cost,
        )

    def progress(self, plan: Planned, speed: Speed, pairs_to_come: int, steps_before: int) -> Progress:
        """`pairs_to_come` are taken to be like this one."""
        return Progress(
            plan,
            peak_rate=self.learning_rate,
            per_epoch=len(self.batches),
            processes=self.accelerator.num_processes,
            scores_along=bool(self.validation_texts),
            seconds_after=self.validation_texts * speed.row + plan.seconds * pairs_to_come,
            cost=self.cost,
            steps_before=steps_before,
        )

    # -- looking, measuring, keeping: in the main process

    def watch(self, progress: Progress) -> Iterator[Probed]:
        """Show the watched text, if there is one, as the student sees it at this step; once for each step."""
        if not self.watched or not self.accelerator.is_main_process or progress.step == self.watched_step:
            return
        self.watched_step = progress.step
        picture = self.watched.picture(progress.total, is_first=not progress.step)
        self.model.train()
        yield picture

    def measure(self, end: EarlyEnd) -> dict[str, float] | None:
        """The losses on the validation texts; None where they are not measured, and when `end` is asked for."""
        return self.ruler.losses(self.student.model, end.is_asked) if self.ruler else None

    def keep(self, progress: Progress) -> Saved:
        """Write the student as it is to `checkpoint/`: its last state is the one to keep."""
        self.kept_step = progress.step
        folder = write_checkpoint(Path(self.config.output_dir), self.save, self.teacher.tokenizer)
        return Saved(progress.total, str(folder))

    def save(self, folder: Path) -> None:
        """The weights, and of which teacher they come."""
        self.student.model.save_pretrained(folder)
        write_origin(folder, self.teacher.location, "distilled", self.config.recipe)


def _batches(token_ids: TokenIds, config: DistillConfig, accelerator: Accelerator) -> features.LengthGroupedBatches:
    processes, rank, texts = accelerator.num_processes, accelerator.process_index, len(token_ids.texts)
    batches = features.LengthGroupedBatches(texts, token_ids.lengths, config.batch_size, config.seed, processes, rank)
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
