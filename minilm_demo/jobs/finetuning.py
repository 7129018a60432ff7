"""Fine-tuning: the loop of `run_glue_no_trainer.py`, made fast on two cores, as a generator of events.

    for event in finetune("sst2", TrainConfig(time_budget=30, output_dir="my-sst2")):
        print(event)

The loop (training.py) prints nothing, draws nothing and knows no task by name. Whoever drains it may answer an event
with `events.send("stop")`: training ends there and the best checkpoint is kept. `output_dir/checkpoint` loads with
plain transformers. What makes it fast on a CPU: bf16 matrix products where the machine has them, eager attention (the
CPU backward of SDPA is slow), no dropout, and batches of rows of one length, padded to their own longest row.
"""

from __future__ import annotations

import copy
import math
import tempfile
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..data import check_row, draw, features, hold_back, open_source, read_extra, require_rows, short_name
from ..errors import DemoError
from ..models import Checkpoint, default_checkpoint, load_checkpoint, public_name, seen_by_base
from ..models.quiet import peft_quiet, transformers_quiet
from ..results import Evaluated, FinetuneResult, Finished, Started, Traced, TrainingEvent
from ..tasks import Task, get_task
from . import metrics
from .attention import save_trace, trace_attention
from .evaluation import answers_at, best_threshold, evaluate, outcome, predict_all, references
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

# How much of the model moves, and how much larger the learning rate is for it than the task's own (for all weights).
METHODS: Mapping[str, float] = {"full": 1.0, "lora": 10.0, "head": 20.0}
LORA_RANK = 16
BUDGET_ROWS = 100_000  # more are not encoded for a time budget: no CPU gets through them
BUDGET_EVAL_EXAMPLES = 1000  # of each validation split, so that scoring does not eat the time for training
PROBE_TOKENS = 40  # of the probe text at most: all its frames together stay a few megabytes
SCORING_SHARE, MIN_EVALUATIONS, MAX_EVALUATIONS = 0.15, 2, 10


@dataclass(frozen=True)
class TrainConfig:
    """How to fine-tune. None means the task's own default; the command line and the page read help and limits here."""

    checkpoint: str = option("", "checkpoint to start from (default: bundled, or MINILM_CHECKPOINT)")
    data: str = option("auto", "auto, mirror, hub, sample, a folder or a file")
    train_split: str = option("train", "splits to train on, joined by +")
    extra_train: tuple[str, ...] = option((), "further folders or files with the task's columns")
    train_examples: int | None = option(None, "rows to draw at random from the train split", min=1, max=1_000_000)
    epochs: float | None = option(None, "times to go through the rows", min=0.01, max=1000)
    max_steps: int | None = option(None, "optimiser updates to make, instead of epochs", min=1, max=MAX_STEPS)
    time_budget: float | None = option(None, "seconds the whole run may take, instead of epochs", min=5, max=86_400)
    batch_size: int | None = option(None, "rows per update and process", min=1, max=1024)
    learning_rate: float | None = option(None, "peak learning rate", min=1e-7, max=1.0)
    max_length: int | None = option(
        None, "tokens per input; longer texts are cut, or windowed for SQuAD", min=16, max=512
    )
    method: str = option("full", "which weights move: full, lora or head", choices=tuple(METHODS))
    seed: int = option(0, "seed of the new output layer and the order of the rows", min=0, max=2**31 - 1)
    warmup_ratio: float = option(0.1, "share of the steps during which the learning rate rises", min=0.0, max=1.0)
    weight_decay: float = option(0.01, "weight decay of all weights but biases and LayerNorm", min=0.0, max=1.0)
    max_grad_norm: float = option(1.0, "gradients are clipped to this norm", min=0.01, max=1000)
    dropout: float = option(0.0, "dropout while training; 0 is faster and, on short runs, as good", min=0.0, max=0.9)
    eval_examples: int | None = option(
        None,
        "rows of each validation split to score at the end (default: all; with a time budget 1,000)",
        min=1,
        max=1_000_000,
    )
    precision: str = option("auto", "auto, bf16 or fp32", choices=("auto", "bf16", "fp32"))
    probe: tuple[str, ...] = option((), "a text whose attention is kept along the way; for tasks with pairs, twice")
    output_dir: str | None = option(None, "folder for the checkpoint and the record of the run")

    def __post_init__(self):
        check_options(self)
        if sum(limit is not None for limit in (self.epochs, self.max_steps, self.time_budget)) > 1:
            raise DemoError("Give one of epochs, max_steps and time_budget, not several: each says how long to train.")


def finetune(task: Task | str, config: TrainConfig | None = None) -> Generator[TrainingEvent, str | None, None]:
    """Fine-tune a checkpoint on a task.

    Yields `Fetching` during a download, `Started`, `Planned`, `Stepped`…, `Evaluated`, `Saved`, `Finished`.

    Under `torchrun` every process runs this; rows are disjoint, gradients averaged, and only the main process scores
    and writes. Raises `DemoError` before `Started` when the data or the checkpoint do not serve."""
    task = get_task(task) if isinstance(task, str) else task
    config = config or TrainConfig()
    if config.output_dir is None:
        config = replace(config, output_dir=tempfile.mkdtemp(prefix=f"{task.name}-"))
    if config.time_budget and config.eval_examples is None:
        config = replace(config, eval_examples=BUDGET_EVAL_EXAMPLES)
    name = config.checkpoint or default_checkpoint()
    if (yield from fetching(name)) == "stop":
        yield Finished("stopped", "Stopped before it began.")
        return
    rows = load_rows(task, config)
    metrics.load_libraries()
    began = time.perf_counter()  # of a time budget: what was fetched and read for it does not count
    accelerator = start_accelerator(config.precision, config.seed)
    dropout = {"hidden_dropout_prob": config.dropout, "attention_probs_dropout_prob": config.dropout}
    checkpoint = load_checkpoint(name, task, new_head=True, **dropout, classifier_dropout=config.dropout)
    _check_length(task, checkpoint, check_probe(task, config.probe))
    model = _with_method(checkpoint, config.method)
    length = features.window_size(task, checkpoint.model.config, config.max_length)
    checkpoint.model.config.fine_tuned_length = length  # is saved with it: whoever asks it reads as much
    encoded = features.train_features(task, checkpoint.tokenizer, rows.train, length, min(task.doc_stride, length // 3))
    processes, rank = accelerator.num_processes, accelerator.process_index
    batch_size = config.batch_size or task.batch_size
    lengths = [len(one["input_ids"]) for one in encoded]
    batches = features.LengthGroupedBatches(
        len(encoded), lambda rows: [lengths[row] for row in rows], batch_size, config.seed, processes, rank
    )
    if not len(batches):
        raise DemoError(f"{len(encoded)} rows are too few for {processes} processes with batches of {batch_size}.")
    settings = {
        "commit": checkpoint.commit,
        "batch_size": batch_size,
        "learning_rate": learning_rate(task, config),
        "max_length": length,
        "train_examples": len(rows.train),
        "eval_examples": config.eval_examples,
    }
    answer = yield Started(
        job="finetune",
        task=task.name,
        checkpoint=checkpoint.name,
        data_source=rows.source.describe(rows.used),
        examples=len(rows.train),
        held_back=len(rows.held_back),
        parameters=sum(p.numel() for p in model.parameters()),
        trainable=sum(p.numel() for p in model.parameters() if p.requires_grad),
        device=str(accelerator.device),
        precision=precision_of(accelerator),
        processes=processes,
        seed=config.seed,
        metric=task.metrics[0],
        settings=settings,
        seen_by_base=seen_by_base(checkpoint.location, task),
    )

    run = _Run(task, config, accelerator, checkpoint, encoded, batches, rows.held_back, settings)
    run.prepare(model)
    plan = run.plan(began, rows.validation_size)
    answer = (yield plan) or answer
    status = yield from run.train(plan, began, answer)
    if not accelerator.is_main_process:
        yield Finished(status, "Done; the main process scores and writes.")
        return
    yield from run.finish(status, rows)


def check_probe(task: Task, probe: Sequence[str]) -> dict[str, str]:
    """The probe's texts by field; `DemoError` if the task reads another number of them, or one is empty or endless."""
    if len(probe) not in (0, len(task.text_fields)):
        raise DemoError(
            f"{task.name} reads {' and '.join(task.text_fields)}: that many texts to watch are asked for, or none. "
            f"{len(probe)} came."
        )
    return check_row(task, dict(zip(task.text_fields, probe, strict=True))) if probe else {}


def _check_length(task: Task, checkpoint: Checkpoint, probe: Mapping[str, str]) -> None:
    number = features.count_tokens(task, checkpoint.tokenizer, probe) if probe else 0
    if number > PROBE_TOKENS:
        raise DemoError(f"The text to watch has {number} tokens; at most {PROBE_TOKENS} can be watched.")


# -- rows ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class TrainRows:
    """What is trained on, what chooses the best checkpoint, and where the validation rows are."""

    source: object
    train: list[dict]
    held_back: list[dict]
    used: Mapping[str, int]
    validation_size: int


def load_rows(task: Task, config: TrainConfig) -> TrainRows:
    """The rows a fine-tune with this configuration reads, the same each time."""
    source = open_source(task, config.data, (config.train_split, *task.eval_splits))
    number = config.train_examples or (BUDGET_ROWS if config.time_budget else None)
    drawn, rest = draw(source.read(config.train_split), number, config.seed)
    require_rows(task, drawn, config.train_split, at_least=2)
    train, held_back = hold_back(drawn, rest, config.seed)
    used = {config.train_split: len(train)}
    for path in config.extra_train:
        extra = read_extra(task, path)
        train = train + extra
        name = short_name(Path(path))
        same = sum(other == name or other.startswith(f"{name} (") for other in used)
        used[f"{name} ({same + 1})" if same else name] = len(extra)
    size = sum(min(len(source.read(split)), config.eval_examples or 10**9) for split in source.eval_splits)
    return TrainRows(source, train, held_back, used, size)


def learning_rate(task: Task, config: TrainConfig) -> float:
    """The peak learning rate: what was asked for, else the task's own, scaled to how much of the model moves."""
    return config.learning_rate or task.learning_rate * METHODS[config.method]


# -- the model -----------------------------------------------------------------------------------------------------


@peft_quiet
def _with_method(checkpoint: Checkpoint, method: str):
    """Choose which weights move. Full: all. Head: the output layer and the pooler. LoRA: these two as they are, and
    low-rank updates of every linear layer of the encoder, through `peft`."""
    model = checkpoint.model
    if method == "full":
        return model
    above = ("classifier", "qa_outputs", "pooler")
    if method == "head":
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(any(part in above for part in name.split(".")))
        return model
    import peft

    config = peft.LoraConfig(
        r=LORA_RANK,
        lora_alpha=2 * LORA_RANK,
        target_modules=r".*encoder\.layer\..*\b(query|key|value|dense)",
        modules_to_save=[last for name, _ in model.named_modules() if (last := name.split(".")[-1]) in above],
    )
    adapted = peft.get_peft_model(model, config)
    # peft writes down where the base was loaded from, a folder of this machine
    adapted.peft_config["default"].base_model_name_or_path = public_name(checkpoint.location)
    return adapted


# -- the loop ------------------------------------------------------------------------------------------------------


class _Run(Training):
    """One fine-tune."""

    def __init__(self, task, config, accelerator, checkpoint, encoded, batches, held_back, settings):
        rate = learning_rate(task, config)
        super().__init__(task.name, config, accelerator, checkpoint.tokenizer, batches, held_back, rate)
        self.task: Task = task
        self.checkpoint: Checkpoint = checkpoint
        self.encoded: Sequence[Mapping] = encoded
        self.settings: Mapping[str, object] = settings
        self.best = -math.inf

    def batch(self, indices: Sequence[int]) -> dict:
        pad = self.checkpoint.model.config.pad_token_id
        batch = features.collate([self.encoded[index] for index in indices], pad)
        return {name: tensor.to(self.accelerator.device) for name, tensor in batch.items()}

    def loss(self, batch: Mapping) -> tuple[torch.Tensor, Update]:
        output = self.model(**batch)
        return output.loss, Update(output.loss.item(), right=_share_right(self.task, output, batch))

    def asked_steps(self, per_epoch: int) -> int | None:
        if self.config.max_steps or self.config.time_budget:
            return self.config.max_steps
        return max(1, math.ceil(per_epoch * (self.config.epochs or self.task.epochs)))

    def evaluations(self, steps: int) -> int:
        """How often the held-back rows are scored, at most about `SCORING_SHARE` of the time. Scoring a row costs a
        third of training on it; by measured times a repeated run would choose among other checkpoints."""
        trained = steps * self.batches.batch_size * self.accelerator.num_processes
        affordable = SCORING_SHARE * 3 * trained / max(1, len(self.held_back))
        return max(MIN_EVALUATIONS, min(MAX_EVALUATIONS, int(affordable)))

    def score_and_keep(self) -> Events:
        """Score the held-back rows and write the checkpoint if it is the best so far."""
        answer = None
        if self.held_back and self.accelerator.is_main_process:
            scores = self.score()
            better = scores[self.task.metrics[0]] > self.best
            answer = yield Evaluated(self.step, scores, len(self.held_back), better)
            if better:
                self.best = scores[self.task.metrics[0]]
                answer = (yield from self.keep()) or answer
        self.accelerator.wait_for_everyone()
        return answer

    def picture(self) -> Events:
        """Keep the attention of the probe text, if there is one, as it is at this step."""
        if not self.config.probe or not self.accelerator.is_main_process:
            return None
        trace = trace_attention(self.as_it_is(), *self.config.probe, task=self.task)
        self.model.train()
        path = self.folder / "probe" / f"step-{self.step:07d}.npz"
        path.parent.mkdir(parents=True, exist_ok=True)
        save_trace(trace, path)
        return (yield Traced(self.step, str(path), trace.prediction))

    def as_it_is(self) -> Checkpoint:
        """The model with the weights of this step, in eval mode."""
        model = self.accelerator.unwrap_model(self.model).eval()  # still in bf16: unwrapped of that, it would stay so
        return Checkpoint(self.checkpoint.name, self.checkpoint.tokenizer, model, self.checkpoint.location)

    def score(self) -> dict[str, float]:
        """On the held-back rows, which also choose the no-answer threshold that is saved with the checkpoint."""
        checkpoint, expected = self.as_it_is(), references(self.task, self.held_back)
        predictions = predict_all(self.task, checkpoint, self.held_back)
        if not self.task.has_unanswerable:
            return metrics.score(self.task, outcome(self.task, predictions), expected)
        threshold = best_threshold(predictions, expected)
        checkpoint.model.config.no_answer_threshold = threshold
        return metrics.score(self.task, answers_at(predictions, threshold), expected)

    @transformers_quiet
    def save(self, folder: Path) -> None:
        """LoRA is merged in; its own small file goes to `adapter/`."""
        model = self.accelerator.unwrap_model(self.model)
        if self.config.method == "lora":
            model.save_pretrained(self.folder / "adapter", save_embedding_layers=False)  # else peft asks the Hub
            model = copy.deepcopy(model).merge_and_unload()
        model.save_pretrained(folder)

    def finish(self, status: str, rows: TrainRows) -> Iterator[TrainingEvent]:
        """Load what was kept, score it once on the validation splits, and report."""
        if not self.kept_step:
            yield from self.keep()
        kept = load_checkpoint(str(self.folder.resolve()), self.task)  # a bare name might be the catalog's
        evaluation = evaluate(self.task, kept, data=rows.source, limit=self.config.eval_examples)
        result = FinetuneResult(
            evaluation=evaluation,
            output_dir=str(self.folder),
            step=self.kept_step,
            steps=self.step,
            examples=len(rows.train),
            examples_seen=self.examples_seen,
            seconds=self.seconds,
            examples_per_second=self.examples_seen / self.step_seconds,
            splits=rows.used,
            settings=self.settings,
        )
        yield Finished(status, f"Kept step {self.kept_step} of {self.step}.", result)


def _share_right(task: Task, output, batch: Mapping) -> float | None:
    """How many rows of a training batch came out right, 0..1; None for regression, which knows no right."""
    if task.kind == "regression":
        return None
    if task.kind == "span":
        right = (output.start_logits.argmax(-1) == batch["start_positions"]) & (
            output.end_logits.argmax(-1) == batch["end_positions"]
        )
    else:
        right = output.logits.argmax(-1) == batch["labels"]
    return right.float().mean().item()
