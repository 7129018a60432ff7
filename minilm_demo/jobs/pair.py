"""A teacher and the student that learns from it: what an update reads and computes, and how the student is evaluated,
watched and saved. The loop is `distilling.teach`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..data import Texts, TokenIds, features
from ..errors import DemoError
from ..models import Checkpoint, freeze_the_rest, write_origin
from ..recipes import LOSS_NAMES
from ..results import Planned, Probed, Saved
from .configs import DistillConfig
from .measuring import Evaluator, WatchedText
from .planning import Scoring, Speed, make_plan, measure_speed
from .relations import Comparison, projections, relation_losses
from .teacher import TeacherCache
from .training import Budget, EarlyEnd, Progress, make_optimizer, write_checkpoint

if TYPE_CHECKING:
    import torch
    from accelerate import Accelerator
    from transformers import PreTrainedModel

# Betas of Adam. The paper's (0.9, 0.98) suit its 400,000 steps; 300 steps get further with shorter moving averages.
BETAS = (0.7, 0.9)
EVALUATIONS = 4  # of the validation texts during a run; each writes the checkpoint


class TeacherStudentPair:
    """One teacher, one student, and the number of steps or the time they have (`steps`, `time_budget`)."""

    def __init__(
        self,
        config: DistillConfig,
        accelerator: Accelerator,
        teacher: Checkpoint,
        student: Checkpoint,
        comparison: Comparison,
        texts: Texts,
        cache: TeacherCache,
        *,
        learning_rate: float,
        embedding_factor: float,
        is_final: bool,
        watched: WatchedText | None,
    ):
        """`is_final`: whether this student is evaluated and written to disk; an assistant is not."""
        self.config, self.accelerator, self.teacher, self.student = config, accelerator, teacher, student
        self.comparison, self.cache, self.relations = comparison, cache, config.relations()
        self.learning_rate, self.embedding_factor, self.watched = learning_rate, embedding_factor, watched
        self.steps: int | None = None
        self.time_budget: float | None = config.time_budget  # seconds since the start of the run
        self.validation_texts = len(texts.validation) if is_final else 0  # number of texts to evaluate on
        self.evaluator: Evaluator | None = None  # in the main process only
        self.cached_cost = 1.0  # of an update whose texts are in the cache, in units of the first update
        self.saved_step = 0  # of the checkpoint on disk
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
        """`texts`: the token ids that the student reads, and their mask; `teacher`: the teacher's projections of them,
        `{"Q", "K", "V"}`, each [batch, num_tokens, hidden_size]."""
        texts = self.token_ids.batch(rows, self.accelerator.device)
        with self.accelerator.autocast():
            teacher = self.cache.projections([self.token_ids.texts[row] for row in rows], texts, self.run_teacher)
        return {"texts": texts, "teacher": teacher}

    def run_teacher(self, texts: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        return projections(self.teacher.model.eval(), self.comparison.teacher_layer, texts)

    def losses(self, batch: Mapping, student: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """The terms of the loss by name, from the teacher's and the student's projections of a batch."""
        heads, mask = self.comparison.num_relation_heads, batch["texts"]["attention_mask"]
        losses = relation_losses(batch["teacher"], student, self.relations, heads, mask)
        return {LOSS_NAMES[name]: loss for name, loss in losses.items()}

    def loss(self, batch: Mapping) -> torch.Tensor:
        return sum(self.losses(batch, self.model(**batch["texts"])).values())

    # -- the plan

    def measure_speed(self, end: EarlyEnd) -> Speed | None:
        """The speed of an update that runs the teacher; None if the run is stopped before it is measured.

        If there may be a second epoch, the same updates are timed again: then the cache has their texts."""
        speed = measure_speed(self, end)
        if speed is None or (self.steps is not None and self.steps <= len(self.batches)):
            return speed
        cached_speed = measure_speed(self, end)
        if cached_speed is None:
            return None
        self.cached_cost = min(1.0, cached_speed.update / speed.update)
        return Speed(speed.update, cached_speed.row)

    def cost(self, steps: int) -> float:
        """Expected cost of `steps` updates, in units of the first (uncached) update.

        After the first epoch the cached share of the texts is cheaper. With several processes each epoch is divided
        among them anew, so cache hits are not expected."""
        if self.accelerator.num_processes > 1:
            return steps
        uncached_steps = min(steps, len(self.batches))
        coverage = self.cache.coverage(self.batches.rows)
        return uncached_steps + (steps - uncached_steps) * (1 - coverage * (1 - self.cached_cost))

    def plan(self, budget: Budget, speed: Speed) -> Planned:
        return make_plan(
            self.steps,
            budget,
            speed,
            Scoring(self.validation_texts, self.validation_texts, lambda steps: EVALUATIONS),
            accelerator=self.accelerator,
            batches=self.batches,
            may_shrink=self.config.batch_size == DistillConfig.batch_size,
            warmup_ratio=self.config.warmup_ratio,
            cost=self.cost,
        )

    def progress(self, plan: Planned, speed: Speed, later_pairs: int, steps_before: int) -> Progress:
        """`later_pairs` are expected to take as long as this one."""
        return Progress(
            plan,
            peak_rate=self.learning_rate,
            per_epoch=len(self.batches),
            processes=self.accelerator.num_processes,
            scores_along=bool(self.validation_texts),
            seconds_after=self.validation_texts * speed.row + plan.seconds * later_pairs,
            cost=self.cost,
            steps_before=steps_before,
        )

    # -- watching, evaluating, saving: in the main process

    def watch(self, progress: Progress) -> Iterator[Probed]:
        """The student's relations of the watched text, if there is one; at most one event a step."""
        if not self.watched or not self.accelerator.is_main_process or progress.step == self.watched_step:
            return
        self.watched_step = progress.step
        picture = self.watched.picture(progress.total, is_first=not progress.step)
        self.model.train()
        yield picture

    def evaluate(self, end: EarlyEnd) -> dict[str, float] | None:
        """The losses on the validation texts by name; None for an assistant, in other processes and after a stop."""
        return self.evaluator.losses(self.student.model, end.is_stop_requested) if self.evaluator else None

    def keep(self, progress: Progress) -> Saved:
        """Write the student to `checkpoint/`. The last state is the one to keep, whatever its losses."""
        self.saved_step = progress.step
        path = write_checkpoint(Path(self.config.output_dir), self.save, self.teacher.tokenizer)
        return Saved(progress.total, str(path))

    def save(self, folder: Path) -> None:
        """Write the weights, and which teacher they come from, to `folder`."""
        self.student.model.save_pretrained(folder)
        write_origin(folder, self.teacher.location, "distilled", self.config.recipe)


def _batches(token_ids: TokenIds, config: DistillConfig, accelerator: Accelerator) -> features.LengthGroupedBatches:
    processes, rank, texts = accelerator.num_processes, accelerator.process_index, len(token_ids.texts)
    batches = features.LengthGroupedBatches(texts, token_ids.lengths, config.batch_size, config.seed, processes, rank)
    if not len(batches):
        raise DemoError(f"{texts} texts are too few for {processes} processes with batches of {config.batch_size}.")
    return batches


def _until_projections(encoder: PreTrainedModel, layer: int) -> torch.nn.Module:
    """A module whose forward pass returns the encoder's `projections`. Distributed training needs a forward pass that
    ends normally; that of the encoder ends with an exception."""
    import torch

    class UntilProjections(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder = encoder

        def forward(self, **batch):
            return projections(self.encoder, layer, batch)

    return UntilProjections()
