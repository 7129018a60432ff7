"""Fine-tuning: the loop of `run_glue_no_trainer.py`, made fast on two cores, as a generator of events.

    for event in finetune("sst2", TrainConfig(time_budget=30, output_dir="my-sst2")):
        print(event)

The loop (`train`) prints nothing, draws nothing and knows no task by name. It asks `should_stop()` at every step: if
the answer is yes, training ends there and the best checkpoint is kept. `output_dir/checkpoint` loads with plain
transformers. What makes it fast on a CPU: bf16 matrix products where the machine has them, eager attention (the CPU
backward of SDPA is slow), no dropout, and batches of rows of one length, padded to their own longest row.
"""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..data import check_row, draw, features, hold_back, open_source, read_extra, require_rows, short_name
from ..errors import DemoError
from ..models import Checkpoint, default_checkpoint, load_checkpoint
from ..results import Evaluated, FinetuneSettings, Finished, Planned, TrainingEvent
from ..tasks import Task, get_task
from . import metrics
from .planning import measure_speed
from .training import (
    MAX_STEPS,
    Budget,
    EarlyEnd,
    Progress,
    ShouldStop,
    check_options,
    endless,
    fetching,
    linear_schedule,
    never,
    option,
    start_accelerator,
    trainable,
)
from .tuning import FineTuning, share_right, with_method

# How much of the model moves, and how much larger the learning rate is for it than the task's own (for all weights).
METHODS: Mapping[str, float] = {"full": 1.0, "lora": 10.0, "head": 20.0}
BUDGET_ROWS = 100_000  # more are not encoded for a time budget: no CPU gets through them
BUDGET_EVAL_EXAMPLES = 1000  # of each validation split, so that scoring does not eat the time for training
PROBE_TOKENS = 40  # of the watched text at most: all its frames together stay a few megabytes


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


def finetune(
    task: Task | str, config: TrainConfig | None = None, should_stop: ShouldStop = never
) -> Iterator[TrainingEvent]:
    """Fine-tune a checkpoint on a task.

    Yields `Fetching` during a download, `Started`, `Planned`, `Stepped`…, `Evaluated`, `Saved`, `Finished`.
    `should_stop()` is asked at every step, and on the way to the first.

    Under `torchrun` every process runs this; rows are disjoint, gradients averaged, and only the main process scores,
    writes and is asked to stop. Raises `DemoError` before `Started` when the data or the checkpoint do not serve."""
    task = get_task(task) if isinstance(task, str) else task
    config = _resolve_config(task, config or TrainConfig())
    name = config.checkpoint or default_checkpoint()
    if (yield from fetching(name, should_stop)):
        yield Finished("stopped", "Stopped before it began.")
        return
    rows = load_rows(task, config)
    metrics.load_libraries()
    budget = Budget(time.perf_counter(), config.time_budget)  # what was fetched and read before does not count
    tuning = prepare(task, config, name, rows)
    yield tuning.started()
    end = EarlyEnd(tuning.accelerator, should_stop, budget)
    speed = measure_speed(tuning, end)
    if speed is None:
        yield Finished("stopped", "Stopped before the first step.")
        return
    plan = tuning.plan(budget, speed)
    yield plan
    progress = tuning.progress(plan, speed)
    status = yield from train(tuning, plan, progress, end)
    if not tuning.accelerator.is_main_process:
        yield Finished(status, "Done; the main process scores and writes.")
    elif not progress.step:
        yield Finished(status, "Stopped before the first step.")
    else:
        yield from tuning.finish(status, progress)


def train(tuning: FineTuning, plan: Planned, progress: Progress, end: EarlyEnd) -> Generator[TrainingEvent, None, str]:
    """The training loop. Returns "stopped" if that was asked for before the last update, else "completed"."""
    model, accelerator, config = tuning.model, tuning.accelerator, tuning.config
    optimizer = accelerator.prepare(tuning.optimizer())
    scheduler = linear_schedule(optimizer, plan)
    ended, best_score = "", -math.inf
    yield from tuning.watch(progress.step)
    model.train()
    for rows in endless(tuning.batches, plan.steps):
        if ended := end.reason(progress.step):
            break
        progress.begin_step()
        batch = tuning.batch(rows)
        output = model(**batch)
        accelerator.backward(output.loss)
        accelerator.clip_grad_norm_(trainable(model), config.max_grad_norm)
        optimizer.step()
        optimizer.zero_grad()
        rate = scheduler.get_last_lr()[0]
        scheduler.step()
        right = share_right(tuning.task, output, batch)
        progress.end_step(rows, rate, output.loss.item(), right=right)

        if progress.report_is_due:
            yield progress.report()
        if progress.picture_is_due:
            yield from tuning.watch(progress.step)
        if progress.evaluation_is_due:
            scores = tuning.score(end)
            if scores:
                score = scores[tuning.task.metrics[0]]
                yield Evaluated(progress.step, scores, len(tuning.rows.held_back), best=score > best_score)
                if score > best_score:
                    best_score = score
                    yield tuning.keep(progress.step)
            accelerator.wait_for_everyone()
            model.train()
    progress.end()
    if ended:
        yield from tuning.watch(progress.step)
    return ended or "completed"


def check_probe(task: Task, probe: Sequence[str]) -> dict[str, str]:
    """The texts to watch by field; `DemoError` if the task reads another number of them, or one is empty or endless."""
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


# -- before the first step -----------------------------------------------------------------------------------------


def _resolve_config(task: Task, config: TrainConfig) -> TrainConfig:
    """With a folder to write to, and with few enough rows to score for a time budget."""
    if config.output_dir is None:
        config = replace(config, output_dir=tempfile.mkdtemp(prefix=f"{task.name}-"))
    if config.time_budget and config.eval_examples is None:
        config = replace(config, eval_examples=BUDGET_EVAL_EXAMPLES)
    return config


def prepare(task: Task, config: TrainConfig, name: str, rows: TrainRows) -> FineTuning:
    """Load the checkpoint `name` with a new output layer, and encode the rows for it."""
    accelerator = start_accelerator(config.precision, config.seed)
    dropout = {"hidden_dropout_prob": config.dropout, "attention_probs_dropout_prob": config.dropout}
    checkpoint = load_checkpoint(name, task, new_head=True, **dropout, classifier_dropout=config.dropout)
    _check_length(task, checkpoint, check_probe(task, config.probe))
    model = with_method(checkpoint, config.method)
    length = features.window_size(task, checkpoint.model.config, config.max_length)
    checkpoint.model.config.fine_tuned_length = length  # is saved with it: whoever asks it reads as much
    encoded = features.train_features(task, checkpoint.tokenizer, rows.train, length, min(task.doc_stride, length // 3))
    lengths = [len(feature["input_ids"]) for feature in encoded]
    batch_size, processes = config.batch_size or task.batch_size, accelerator.num_processes
    batches = features.LengthGroupedBatches(
        len(encoded),
        lambda numbers: [lengths[number] for number in numbers],
        batch_size,
        config.seed,
        processes,
        accelerator.process_index,
    )
    if not len(batches):
        raise DemoError(f"{len(encoded)} rows are too few for {processes} processes with batches of {batch_size}.")
    settings = FinetuneSettings(
        commit=checkpoint.commit,
        batch_size=batch_size,
        learning_rate=learning_rate(task, config),
        max_length=length,
        train_examples=len(rows.train),
        eval_examples=config.eval_examples,
    )
    return FineTuning(task, config, accelerator, checkpoint, model, encoded, batches, rows, settings)
