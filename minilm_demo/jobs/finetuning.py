"""Fine-tuning: the loop of `run_glue_no_trainer.py`, made fast on two cores, as a generator of events.

    for event in finetune("sst2", TrainConfig(time_budget=30, output_dir="my-sst2")):
        print(event)

The loop (`train`) prints nothing, draws nothing and knows no task by name. It calls `should_stop()` at every step; if
that returns True, training ends there and the best checkpoint stays. `output_dir/checkpoint` loads with plain
transformers. On a CPU the speed comes from bf16 matrix products where the machine has them, eager attention (the CPU
backward of SDPA is slow), no dropout, and batches of rows of similar length, padded to their own longest row.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ..data import check_row, features, with_own_task
from ..errors import DemoError
from ..models import Checkpoint, default_checkpoint, load_checkpoint, write_trained_task
from ..models import kind_of as model_kind_of
from ..results import FinetuneSettings, Finished, Planned, TrainingEvent
from ..tasks import Task, get_task
from . import metrics
from .configs import TrainConfig
from .kinds import kind_of
from .model_folder import claim_folder
from .planning import measure_speed
from .train_rows import TrainRows, learning_rate, load_rows, start_rate
from .training import (
    Budget,
    EarlyEnd,
    Progress,
    ShouldStop,
    cycle,
    fetching,
    linear_schedule,
    never,
    start_accelerator,
    trainable,
)
from .tuning import FineTuning, with_method

BUDGET_EVAL_EXAMPLES = 1000  # rows of each validation split; scoring more would use up the time for training


def finetune(
    task: Task | str, config: TrainConfig | None = None, should_stop: ShouldStop = never
) -> Iterator[TrainingEvent]:
    """Fine-tune a checkpoint on a task.

    Yields `Fetching` during a download, `Started`, `Planned`, `Stepped`…, `Evaluated`, `Saved`, `Finished`.
    `should_stop()` is called at every step, and between the parts of the work before the first step.

    Under `torchrun` every process runs this function. The rows are split among them and the gradients averaged; only
    the main process scores, writes files and listens to `should_stop`. Raises `DemoError` before `Started` if the data
    or the checkpoint cannot be used, or if `output_dir` holds a model already."""
    task = get_task(task) if isinstance(task, str) else task
    task, config = with_rows_of_own(task, config or TrainConfig())
    config = _resolve_config(task, config)
    claim_folder(Path(config.output_dir), overwrite=config.overwrite)
    name = config.checkpoint or default_checkpoint()
    if (yield from fetching(name, should_stop)):
        yield Finished("stopped", "Stopped before it began.")
        return
    rows = load_rows(task, config)
    config = _for_sample(task, config, name, rows)
    metrics.load_libraries()
    tuning = prepare(task, config, name, rows)
    yield tuning.started()
    budget = Budget(time.perf_counter(), config.time_budget)  # downloading, reading and loading do not count
    end = EarlyEnd(tuning.accelerator, should_stop, budget)
    speed = measure_speed(tuning, end)
    if speed is None:
        yield Finished("stopped", "Stopped before the first step.")
        return
    plan = tuning.plan(budget, speed)
    yield plan
    progress = tuning.progress(plan, speed)
    status = yield from train(tuning, plan, progress, end)
    rows_seen = tuning.rows_seen(progress)
    if not tuning.accelerator.is_main_process:
        yield Finished(status, "Done; the main process scores and writes.")
    elif not progress.step:
        yield Finished(status, "Stopped before the first step.")
    else:
        yield from tuning.finish(status, progress, rows_seen)


def train(tuning: FineTuning, plan: Planned, progress: Progress, end: EarlyEnd) -> Generator[TrainingEvent, None, str]:
    """The training loop. Returns "stopped" if a stop was requested before the last update, else "completed"."""
    model, accelerator, config = tuning.model, tuning.accelerator, tuning.config
    optimizer = accelerator.prepare(tuning.optimizer())
    scheduler = linear_schedule(optimizer, plan)
    early_end = ""
    yield from tuning.watch(progress.step)
    if not tuning.rows.held_back:
        yield from tuning.score_along(progress, end)
    model.train()
    for rows in cycle(tuning.batches, plan.steps):
        if early_end := end.reason(progress.step):
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
        accuracy = kind_of(tuning.task).batch_accuracy(output, batch)
        progress.end_step(rows, rate, output.loss.item(), accuracy=accuracy)

        if progress.report_is_due:
            yield progress.report()
        if progress.picture_is_due:
            yield from tuning.watch(progress.step)
        if progress.evaluation_is_due:
            yield from tuning.score_along(progress, end)
    progress.end()
    if early_end:
        yield from tuning.watch(progress.step)
    return early_end or "completed"


def check_probe(task: Task, probe: Sequence[str]) -> dict[str, str]:
    """The watched texts by field, {} for none. `DemoError` if their number is not the task's, or if one is empty or too
    long."""
    if len(probe) not in (0, len(task.text_fields)):
        raise DemoError(
            f"{task.name} reads {' and '.join(task.text_fields)}: that many texts to watch are asked for, or none. "
            f"{len(probe)} came."
        )
    return check_row(task, dict(zip(task.text_fields, probe, strict=True))) if probe else {}


def _check_length(task: Task, checkpoint: Checkpoint, watched: Mapping[str, str]) -> None:
    number = features.count_tokens(task, checkpoint.tokenizer, watched) if watched else 0
    if number > TrainConfig.WATCHED_TOKENS:
        raise DemoError(f"The text to watch has {number} tokens; at most {TrainConfig.WATCHED_TOKENS} can be watched.")


# -- before the first step -----------------------------------------------------------------------------------------


def with_rows_of_own(task: Task, config: TrainConfig) -> tuple[Task, TrainConfig]:
    """The task that a person's own table makes, and the configuration that names its columns; any other task and its
    configuration as they are. Raises `DataError`."""
    if not task.is_open:
        return task, config
    task, meaning = with_own_task(task, config.data, config.meaning, config.target)
    return task, replace(config, columns=dict(meaning.columns))


def _resolve_config(task: Task, config: TrainConfig) -> TrainConfig:
    """The configuration with an output folder, and with a limit on the scored rows if there is a time budget."""
    if config.output_dir is None:
        config = replace(config, output_dir=tempfile.mkdtemp(prefix=f"{task.slug}-"))
    if config.time_budget and config.eval_examples is None:
        config = replace(config, eval_examples=BUDGET_EVAL_EXAMPLES)
    return config


def _for_sample(task: Task, config: TrainConfig, name: str, rows: TrainRows) -> TrainConfig:
    """The configuration with what the table of tasks has for the bundled sample, if nothing is said on it: the time,
    because so few rows need more epochs than the data set, and the learning rate for the start `name`."""
    if rows.source.kind != "sample":
        return config
    if all(limit is None for limit in (config.epochs, config.max_steps, config.time_budget)):
        config = replace(config, time_budget=task.sample_seconds)
    return replace(config, learning_rate=config.learning_rate or start_rate(task, config.method, name, "sample"))


def prepare(task: Task, config: TrainConfig, name: str, rows: TrainRows) -> FineTuning:
    """Load the checkpoint `name` with a new output layer, and encode the rows for it."""
    accelerator = start_accelerator(config.precision, config.seed)
    dropout = {"hidden_dropout_prob": config.dropout, "attention_probs_dropout_prob": config.dropout}
    checkpoint = load_checkpoint(name, task, new_output_layer=True, **dropout, classifier_dropout=config.dropout)
    _check_length(task, checkpoint, check_probe(task, config.probe))
    if checkpoint.new_output_layer:
        model_kind_of(task).begin_at(checkpoint.model, task, [row[task.label_field] for row in rows.train])
    model = with_method(checkpoint, config.method)
    length = features.window_size(task, checkpoint.model.config, config.max_length)
    checkpoint.model.config.fine_tuned_length = length  # saved with the checkpoint; predictions read as many tokens
    write_trained_task(checkpoint.model.config, task, config.columns or {})
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
    most = features.window_size(task, checkpoint.model.config, features.LENGTHS[-1])
    whole_lengths = features.whole_lengths(task, checkpoint.tokenizer, rows.train, lengths, length)
    cut = features.cut_rows(task, whole_lengths, length, most)
    settings = FinetuneSettings(
        commit=checkpoint.commit,
        batch_size=batch_size,
        asked_batch_size=batch_size,
        learning_rate=learning_rate(task, config),
        max_length=length,
        train_examples=len(rows.train),
        drawn_examples=rows.drawn,
        eval_examples=config.eval_examples,
    )
    return FineTuning(task, config, accelerator, checkpoint, model, encoded, batches, rows, cut, settings)
