"""One fine-tune: its model and rows, and how the model is scored, watched and saved. The loop is `finetuning.train`."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ..data import features
from ..models import Checkpoint, load_checkpoint, public_name, seen_by_base, write_origin
from ..models.quiet import peft_quiet
from ..results import (
    FINETUNE,
    CutRows,
    Evaluated,
    Evaluation,
    FinetuneResult,
    FinetuneSettings,
    Finished,
    Planned,
    Saved,
    Started,
    Traced,
    TrainingEvent,
)
from ..tasks import Task
from . import metrics
from .attention import save_trace, trace_attention
from .evaluation import answers_at, best_threshold, evaluate, outcome, predict_all, references
from .learned_rows import keep_learned
from .planning import Scoring, Speed, make_plan
from .training import (
    Budget,
    EarlyEnd,
    Progress,
    agreed,
    count_weights,
    make_optimizer,
    number_seen,
    precision_of,
    precision_reason,
    trainable,
    write_checkpoint,
)

if TYPE_CHECKING:
    import torch
    from accelerate import Accelerator

    from .configs import TrainConfig
    from .train_rows import TrainRows

LORA_RANK = 16
SCORING_SHARE, MIN_EVALUATIONS, MAX_EVALUATIONS = 0.15, 2, 10  # the share is of the time
# Mean accuracy of five seeds on 200 rows of the SST-2 sample: 17 updates score 0.767 at 1.6 times the task's rate and
# 0.773 at three times, the worst seed 0.73 and 0.755; 33 updates 0.788 at the task's rate and 0.804 at 1.5 times.
SHORT_RUN, MAX_RATE_FACTOR = 50, 3.0  # updates; the factor is that of the rate
FINAL_SHARE = 0.25  # of a time budget, for the score at the end …
FEWEST_SCORED = 50  # … but at least so many rows of each validation split


class FineTuning:
    """One fine-tune: its model, its rows, and the parts of the loop that need them."""

    def __init__(
        self,
        task: Task,
        config: TrainConfig,
        accelerator: Accelerator,
        checkpoint: Checkpoint,
        model: torch.nn.Module,
        encoded: Sequence[Mapping],
        batches: features.LengthGroupedBatches,
        rows: TrainRows,
        cut: CutRows | None,
        settings: FinetuneSettings,
    ):
        """`model` is that of `checkpoint` or a wrapper of it; `encoded` are the features of `rows.train`, of which
        `cut` counts the shortened ones."""
        self.task, self.config, self.accelerator, self.checkpoint = task, config, accelerator, checkpoint
        self.source = rows.describe(cut)
        self.encoded, self.batches, self.rows, self.settings = encoded, batches, rows, settings
        self.parameters, self.trainable = count_weights(model.parameters()), count_weights(trainable(model))
        self.model = accelerator.prepare(model)
        self.folder = Path(config.output_dir)
        self.saved_step = 0  # of the checkpoint on disk
        self.best_score = -math.inf  # on the held-back rows
        self.watched_step = -1  # of the last picture

    def started(self) -> Started:
        return Started(
            job=FINETUNE,
            task=self.task.name,
            checkpoint=self.checkpoint.name,
            data_source=self.source,
            examples=len(self.rows.train),
            held_back=len(self.rows.held_back),
            parameters=self.parameters,
            trainable=self.trainable,
            device=str(self.accelerator.device),
            precision=precision_of(self.accelerator),
            precision_reason=precision_reason(self.config.precision),
            processes=self.accelerator.num_processes,
            seed=self.config.seed,
            metric=self.task.metrics[0],
            curve_split=self.rows.curve_split,
            curve_rows=len(self.rows.curve_rows),
            baseline=self._baseline(),
            settings=self.settings,
            seen_by_base=seen_by_base(self.checkpoint.location, self.task),
        )

    def _baseline(self) -> float | None:
        """The best score of a constant answer on the rows that are scored along the way; None without any."""
        rows = self.rows.curve_rows
        if not rows:
            return None
        return metrics.best_constant(self.task, references(self.task, rows))[self.task.metrics[0]].score

    # -- an update

    def optimizer(self) -> torch.optim.Optimizer:
        return make_optimizer(self.model, self.settings.learning_rate, self.config.weight_decay)

    def batch(self, rows: Sequence[int]) -> dict[str, torch.Tensor]:
        """The rows of these numbers as the model's input tensors, on the device."""
        pad = self.checkpoint.model.config.pad_token_id
        batch = features.collate([self.encoded[row] for row in rows], pad)
        return {name: tensor.to(self.accelerator.device) for name, tensor in batch.items()}

    def loss(self, batch: Mapping) -> torch.Tensor:
        return self.model(**batch).loss

    # -- the plan

    def plan(self, budget: Budget, speed: Speed) -> Planned:
        steps = self.config.max_steps
        if budget.seconds is not None:
            self._limit_scoring(budget, speed)
        elif steps is None:
            steps = max(1, math.ceil(len(self.batches) * (self.config.epochs or self.task.epochs)))
        plan = make_plan(
            steps,
            budget,
            speed,
            Scoring(len(self.rows.curve_rows), self.rows.validation_size, self.evaluations),
            accelerator=self.accelerator,
            batches=self.batches,
            may_shrink=self.config.batch_size in (None, self.task.batch_size),  # the page sends the default
            warmup_ratio=self.config.warmup_ratio,
        )
        plan = replace(plan, learning_rate=self._rate(plan.steps))
        sizes = {"batch_size": plan.batch_size, "asked_batch_size": plan.asked_batch_size}
        self.settings = replace(self.settings, learning_rate=plan.learning_rate, **sizes)
        return plan

    def _rate(self, steps: int) -> float:
        """The peak learning rate of a run of `steps` updates: a new output layer needs a higher one in a few."""
        is_open = self.config.learning_rate is None and self.config.method == "full"
        is_new = is_open and self.checkpoint.new_output_layer
        return self.settings.learning_rate * (min(MAX_RATE_FACTOR, max(1.0, SHORT_RUN / steps)) if is_new else 1.0)

    def _limit_scoring(self, budget: Budget, speed: Speed) -> None:
        """Score fewer validation rows at the end where the machine is too slow for all of them."""
        affordable = agreed(self.accelerator, FINAL_SHARE * budget.left() / speed.row if speed.row else math.inf)
        if affordable < self.rows.validation_size:
            limit = max(FEWEST_SCORED, int(affordable / len(self.rows.source.eval_splits)))
            self.rows = replace(self.rows, eval_examples=limit)
            self.settings = replace(self.settings, eval_examples=limit)

    def evaluations(self, steps: int) -> int:
        """How many times the rows of the curve are scored in `steps` updates, in about `SCORING_SHARE` of the time.

        Validation rows are scored before the first update, and not after the last one: the final score is that. Scoring
        a row is assumed to cost a third of training on it. Measured times would differ between repeated runs, and the
        runs would then choose among different checkpoints."""
        trained_rows = steps * self.batches.batch_size * self.accelerator.num_processes
        affordable = SCORING_SHARE * 3 * trained_rows / max(1, len(self.rows.curve_rows))
        fewest = MIN_EVALUATIONS if self.rows.held_back else 1
        return max(fewest, min(MAX_EVALUATIONS, int(affordable)))

    def progress(self, plan: Planned, speed: Speed) -> Progress:
        return Progress(
            plan,
            peak_rate=self.settings.learning_rate,
            per_epoch=len(self.batches),
            processes=self.accelerator.num_processes,
            scores_along=bool(self.rows.curve_rows),
            seconds_after=self.rows.validation_size * speed.row,
        )

    # -- watching, scoring, saving: in the main process

    def watch(self, step: int) -> Iterator[Traced]:
        """Write the attention of the watched text, if there is one, to a file; at most once a step."""
        if not self.config.probe or not self.accelerator.is_main_process or step == self.watched_step:
            return
        self.watched_step = step
        trace = trace_attention(self.current_checkpoint(), *self.config.probe, task=self.task)
        self.model.train()
        path = self.folder / "probe" / f"step-{step:07d}.npz"
        path.parent.mkdir(parents=True, exist_ok=True)
        save_trace(trace, path)
        yield Traced(step, str(path), trace.prediction)

    def current_checkpoint(self) -> Checkpoint:
        """The model with the weights of this step, in eval mode; it shares them with the model that is trained."""
        model = self.accelerator.unwrap_model(self.model).eval()  # keeps the bf16 wrapper: removal is permanent
        return Checkpoint(self.checkpoint.name, self.checkpoint.tokenizer, model, self.checkpoint.location)

    def score_along(self, progress: Progress, end: EarlyEnd) -> Iterator[Evaluated | Saved]:
        """Score the rows of the curve. The best weights on held-back rows are kept; validation rows choose nothing."""
        is_final_score = not self.rows.held_back and progress.is_last  # `finish` makes that one
        scores = None if is_final_score else self._score(end)
        if scores:
            score, rows = scores[self.task.metrics[0]], self.rows
            is_best = bool(rows.held_back) and score > self.best_score
            yield Evaluated(progress.step, scores, len(rows.curve_rows), best=is_best, split=rows.curve_split)
            if is_best:
                self.best_score = score
                yield self.keep(progress.step)
        self.accelerator.wait_for_everyone()
        self.model.train()

    def _score(self, end: EarlyEnd) -> dict[str, float] | None:
        """Scores on the rows of the curve. Held-back rows also choose the no-answer threshold saved with the
        checkpoint.

        None without rows, in other processes, and if a stop is requested between two batches."""
        rows = self.rows.curve_rows
        if not rows or not self.accelerator.is_main_process:
            return None
        checkpoint, expected = self.current_checkpoint(), references(self.task, rows)
        try:
            predictions = predict_all(self.task, checkpoint, rows, partial(_raise_if_stopped, end))
        except _Stopped:
            return None
        if not self.task.has_unanswerable or not self.rows.held_back:
            return metrics.score(self.task, outcome(self.task, predictions), expected)
        threshold = best_threshold(predictions, expected)
        checkpoint.model.config.no_answer_threshold = threshold
        return metrics.score(self.task, answers_at(predictions, threshold), expected)

    def keep(self, step: int) -> Saved:
        """Write the weights of this step to `checkpoint/`."""
        self.saved_step = step
        return Saved(step, str(write_checkpoint(self.folder, self.save, self.checkpoint.tokenizer)))

    def save(self, folder: Path) -> None:
        """Write the model, and which checkpoint it comes from, to `folder`. LoRA weights are merged into it, and also
        written alone to `adapter/`."""
        model = self.accelerator.unwrap_model(self.model)
        if self.config.method == "lora":
            model.save_pretrained(self.folder / "adapter", save_embedding_layers=False)  # else peft asks the Hub
            model = copy.deepcopy(model).merge_and_unload()
        model.save_pretrained(folder)
        write_origin(folder, self.checkpoint.location, "tuned")

    def rows_seen(self, progress: Progress) -> int:
        """How many different rows were learned from, all processes together; all of them must call this."""
        return number_seen(self.accelerator, {self.encoded[number][features.ROW] for number in progress.numbers})

    def finish(self, status: str, progress: Progress, rows_seen: int) -> Iterator[TrainingEvent]:
        """Load the best checkpoint, score it once on the validation splits, and report the result."""
        if not self.saved_step:
            yield self.keep(progress.step)
        checkpoint = load_checkpoint(str(self.folder.resolve()), self.task)  # a bare name might be in the catalog
        evaluation = self._evaluate(checkpoint)
        if not self.rows.held_back:
            split = self.rows.curve_split
            yield Evaluated(progress.step, evaluation.metrics[split], evaluation.examples[split], False, split)
        result = FinetuneResult(
            evaluation=evaluation,
            output_dir=str(self.folder),
            step=self.saved_step,
            steps=progress.step,
            examples=len(self.rows.train),
            examples_seen=progress.examples_seen,
            rows_seen=rows_seen,
            epochs=progress.epochs,
            seconds=progress.seconds,
            examples_per_second=progress.examples_seen / progress.step_seconds,
            splits=self.rows.used,
            precision=precision_of(self.accelerator),
            precision_reason=precision_reason(self.config.precision),
            settings=self.settings,
        )
        yield Finished(status, f"Kept step {self.saved_step} of {progress.step}.", result)

    def _evaluate(self, checkpoint: Checkpoint) -> Evaluation:
        """The scores on the validation splits, and all that is known of the rows learned from and scored."""
        source = self.rows.source
        keep_learned(self.folder, self.task, self.rows.train)
        limit = self.rows.eval_examples
        evaluation = evaluate(self.task, checkpoint, splits=source.eval_splits, data=source, limit=limit)
        scored = evaluation.data_source.facts
        facts = self.source.facts.with_splits(**scored.splits).with_hints(scored.hints)
        return replace(evaluation, data_source=replace(evaluation.data_source, facts=facts))


class _Stopped(Exception):
    """Ends scoring when a stop is requested."""


def _raise_if_stopped(end: EarlyEnd, rows_done: int) -> None:
    if end.is_stop_requested():
        raise _Stopped


# -- the model -----------------------------------------------------------------------------------------------------


@peft_quiet
def with_method(checkpoint: Checkpoint, method: str):
    """The checkpoint's model, set up to train the weights of a method.

    "full": all weights. "head": the output layer and the pooler. "lora": these two, and low-rank updates of every
    linear layer of the encoder; `peft` wraps the model."""
    model = checkpoint.model
    if method == "full":
        return model
    output_modules = ("classifier", "qa_outputs", "pooler")
    if method == "head":
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(any(part in output_modules for part in name.split(".")))
        return model
    import peft

    config = peft.LoraConfig(
        r=LORA_RANK,
        lora_alpha=2 * LORA_RANK,
        target_modules=r".*encoder\.layer\..*\b(query|key|value|dense)",
        modules_to_save=[last for name, _ in model.named_modules() if (last := name.split(".")[-1]) in output_modules],
    )
    lora_model = peft.get_peft_model(model, config)
    # peft records the folder that the base model was loaded from; the public name hides it
    lora_model.peft_config["default"].base_model_name_or_path = public_name(checkpoint.location)
    return lora_model
