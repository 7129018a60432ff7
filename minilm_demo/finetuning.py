"""Fine-tuning: the loop of `run_glue_no_trainer.py`, made fast on two cores, as a generator of events.

    for event in finetune("sst2", TrainConfig(time_budget=30, output_dir="my-sst2")):
        print(event)

The loop prints nothing, draws nothing and knows no task by name. Whoever drains it may answer an event with
`events.send("stop")`: training ends there and the best checkpoint is kept. `output_dir/checkpoint` loads with plain
transformers. What makes it fast on a CPU: bf16 matrix products where the machine has them, eager attention (the CPU
backward of SDPA is slow), no dropout, and batches of rows of one length, padded to their own longest row.
"""

from __future__ import annotations

import contextlib
import copy
import ctypes
import math
import shutil
import sys
import tempfile
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

from . import features, metrics
from .data import draw, hold_back, open_source, read_extra, require_rows
from .errors import DemoError
from .evaluation import evaluate, outcome, predict_all, references
from .models import (
    Checkpoint,
    default_checkpoint,
    fetch,
    load_checkpoint,
    pick_device,
    pick_precision,
    public_name,
    seen_by_base,
)
from .results import Evaluated, Fetching, FinetuneResult, Finished, Planned, Saved, Started, Stepped, TrainingEvent
from .tasks import Task, get_task

if TYPE_CHECKING:
    import torch
    from accelerate import Accelerator

# How much of the model moves, and how much larger the learning rate is for it than the task's own (for all weights).
METHODS: Mapping[str, float] = {"full": 1.0, "lora": 10.0, "head": 20.0}
LORA_RANK = 16
MEASURED_STEPS = 5
MIN_BUDGET_STEPS = 3  # fewer are no training
LOGGED_STEPS = 400  # Stepped events of a long run; a shorter one has one per step
BUDGET_ROWS = 100_000  # more are not encoded for a time budget: no CPU gets through them
BUDGET_EVAL_EXAMPLES = 1000  # of each validation split, so that scoring does not eat the time for training
OVERTIME = 1.25  # a run may last this much longer than its budget
SCORING_SHARE, MIN_EVALUATIONS, MAX_EVALUATIONS = 0.15, 2, 10


def _option(default, help: str, **limits):
    return field(default=default, metadata={"help": help, **limits})


@dataclass(frozen=True)
class TrainConfig:
    """How to fine-tune. None means the task's own default; the command line and the page read help and limits here."""

    checkpoint: str = _option("", "checkpoint to start from (default: bundled, or MINILM_CHECKPOINT)")
    data: str = _option("auto", "auto, mirror, hub, sample, a folder or a file")
    train_split: str = _option("train", "splits to train on, joined by +")
    extra_train: tuple[str, ...] = _option((), "further folders or files with the task's columns")
    train_examples: int | None = _option(None, "rows to draw at random from the train split", min=1, max=1_000_000)
    epochs: float | None = _option(None, "times to go through the rows", min=0.01, max=1000)
    max_steps: int | None = _option(None, "optimiser updates to make, instead of epochs", min=1, max=1_000_000)
    time_budget: float | None = _option(None, "seconds the whole run may take, instead of epochs", min=5, max=86_400)
    batch_size: int | None = _option(None, "rows per update and process", min=1, max=1024)
    learning_rate: float | None = _option(None, "peak learning rate", min=1e-7, max=1.0)
    max_length: int | None = _option(
        None, "tokens per input; longer texts are cut, or windowed for SQuAD", min=16, max=512
    )
    method: str = _option("full", "which weights move: full, lora or head", choices=tuple(METHODS))
    seed: int = _option(0, "seed of the new output layer and the order of the rows", min=0, max=2**31 - 1)
    warmup_ratio: float = _option(0.1, "share of the steps during which the learning rate rises", min=0.0, max=1.0)
    weight_decay: float = _option(0.01, "weight decay of all weights but biases and LayerNorm", min=0.0, max=1.0)
    max_grad_norm: float = _option(1.0, "gradients are clipped to this norm", min=0.01, max=1000)
    dropout: float = _option(0.0, "dropout while training; 0 is faster and, on short runs, as good", min=0.0, max=0.9)
    eval_examples: int | None = _option(
        None,
        "rows of each validation split to score at the end (default: all; with a time budget 1,000)",
        min=1,
        max=1_000_000,
    )
    precision: str = _option("auto", "auto, bf16 or fp32", choices=("auto", "bf16", "fp32"))
    output_dir: str | None = _option(None, "folder for the checkpoint and the record of the run")

    def __post_init__(self):
        for one in fields(self):
            _check_option(one.name, getattr(self, one.name), one.metadata, whole="int" in one.type)
        if sum(limit is not None for limit in (self.epochs, self.max_steps, self.time_budget)) > 1:
            raise DemoError("Give one of epochs, max_steps and time_budget, not several: each says how long to train.")


def _check_option(name: str, value, limits: Mapping, whole: bool) -> None:
    if value is None:
        return
    if "choices" in limits and value not in limits["choices"]:
        raise DemoError(f"{name} is '{value}'; it must be one of {', '.join(limits['choices'])}.")
    if "min" in limits:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise DemoError(f"{name} is '{value}'; it must be a number.")
        if whole and not isinstance(value, int):
            raise DemoError(f"{name} is {value:g}; it must be a whole number.")
        if not limits["min"] <= value <= limits["max"]:
            raise DemoError(f"{name} is {value:g}; it must lie between {limits['min']:g} and {limits['max']:g}.")


def finetune(task: Task | str, config: TrainConfig | None = None) -> Generator[TrainingEvent, str | None, None]:
    """Fine-tune a checkpoint on a task.

    Yields `Fetching` during a download, `Started`, `Planned`, `Stepped`…, `Evaluated`, `Saved`, `Finished`.

    Under `torchrun` every process runs this; rows are disjoint, gradients averaged, and only the main process scores
    and writes. Raises `DemoError` before `Started` when the data or the checkpoint do not serve."""
    import accelerate

    task = get_task(task) if isinstance(task, str) else task
    config = config or TrainConfig()
    if config.output_dir is None:
        config = replace(config, output_dir=tempfile.mkdtemp(prefix=f"{task.name}-"))
    if config.time_budget and config.eval_examples is None:
        config = replace(config, eval_examples=BUDGET_EVAL_EXAMPLES)
    name = config.checkpoint or default_checkpoint()
    for done, total in fetch(name):
        if (yield Fetching(name, done, total)) == "stop":
            yield Finished("stopped", "Stopped before it began.")
            return
    rows = load_rows(task, config)
    began = time.perf_counter()  # of a time budget: what was fetched and read for it does not count
    _keep_freed_memory()
    accelerate.utils.set_seed(config.seed)
    precision = pick_precision() if config.precision == "auto" else config.precision
    accelerator = _accelerator(precision)
    dropout = {"hidden_dropout_prob": config.dropout, "attention_probs_dropout_prob": config.dropout}
    checkpoint = load_checkpoint(name, task, new_head=True, **dropout, classifier_dropout=config.dropout)
    model = _with_method(checkpoint, config.method)
    length = features.window_size(task, checkpoint.model.config, config.max_length)
    encoded = features.train_features(task, checkpoint.tokenizer, rows.train, length, min(task.doc_stride, length // 3))
    processes, rank = accelerator.num_processes, accelerator.process_index
    batch_size = config.batch_size or task.batch_size
    batches = features.LengthGroupedBatches(
        [len(one["input_ids"]) for one in encoded], batch_size, config.seed, processes, rank
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
        precision=precision,
        processes=processes,
        seed=config.seed,
        metric=task.metrics[0],
        settings=settings,
        seen_by_base=seen_by_base(checkpoint.location, task),
    )

    pad = checkpoint.model.config.pad_token_id
    run = _Run(task, config, accelerator, checkpoint, encoded, batches, pad, rows.held_back, settings)
    run.prepare(model)
    plan = run.plan(began, rows.validation_size)
    answer = (yield plan) or answer
    status = yield from run.train(plan, began, answer)
    if not accelerator.is_main_process:
        yield Finished(status, "Done; the main process scores and writes.")
        return
    yield from run.finish(status, rows)


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
        name = Path(path).name
        used[name if name not in used else str(path)] = len(extra)
    size = sum(min(len(source.read(split)), config.eval_examples or 10**9) for split in source.eval_splits)
    return TrainRows(source, train, held_back, used, size)


def learning_rate(task: Task, config: TrainConfig) -> float:
    """The peak learning rate: what was asked for, else the task's own, scaled to how much of the model moves."""
    return config.learning_rate or task.learning_rate * METHODS[config.method]


# -- the model -----------------------------------------------------------------------------------------------------


def _keep_freed_memory() -> None:
    """Tell glibc to keep freed blocks of up to 100 MB. By default every update gives the gradient of the word
    embeddings (47 MB, BERT-base 94) back to the system and fetches it again page by page: a quarter of the time of an
    update of short sentences. Larger blocks, the activations of long inputs, still go back, or they would pile up."""
    if sys.platform == "linux":
        m_mmap_threshold, m_trim_threshold, largest = -3, -1, 2**31 - 1
        libc = ctypes.CDLL(None)
        if hasattr(libc, "mallopt"):  # other C libraries manage without
            libc.mallopt(m_mmap_threshold, 100_000_000)
            libc.mallopt(m_trim_threshold, largest)


def _accelerator(precision: str) -> Accelerator:
    """An `Accelerator` for this process; a second run in one process may want another precision.

    Without `cpu=True` accelerate takes each process of a `torchrun` on a CPU for the only one."""
    from accelerate import Accelerator
    from accelerate.state import AcceleratorState

    AcceleratorState._reset_state()  # accelerate has no public way to change the precision within a process
    on_cpu = pick_device().type == "cpu"
    return Accelerator(mixed_precision="bf16" if precision == "bf16" else "no", cpu=on_cpu)


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


class _Run:
    """One fine-tune: what the loop needs at every step, and the few things that change."""

    def __init__(self, task, config, accelerator, checkpoint, encoded, batches, pad, held_back, settings):
        self.task: Task = task
        self.config: TrainConfig = config
        self.accelerator: Accelerator = accelerator
        self.checkpoint: Checkpoint = checkpoint
        self.encoded: Sequence[Mapping] = encoded
        self.batches: features.LengthGroupedBatches = batches
        self.pad: int = pad
        self.held_back: list[dict] = held_back
        self.settings: Mapping[str, object] = settings
        self.folder = Path(config.output_dir)
        self.step = 0  # updates made
        self.kept_step = 0  # of the checkpoint on disk
        self.best = -math.inf
        self.examples_seen = 0
        self.scoring_seconds = 0.0  # the validation rows will take at the end, expected
        self.step_seconds = 0.0  # spent in updates alone
        self.seconds = 0.0  # spent in training, scoring and saving along the way included

    def prepare(self, model) -> None:
        self.model = self.accelerator.prepare(model)
        self.learning_rate = learning_rate(self.task, self.config)

    def optimizer(self) -> torch.optim.Optimizer:
        """AdamW as in BERT: no weight decay on biases and LayerNorm. `fused` walks the weights once per update."""
        import torch

        decayed, plain = [], []
        for name, parameter in self.model.named_parameters():
            if parameter.requires_grad:
                (plain if name.endswith("bias") or "LayerNorm" in name else decayed).append(parameter)
        groups = [{"params": decayed, "weight_decay": self.config.weight_decay}, {"params": plain, "weight_decay": 0.0}]
        return self.accelerator.prepare(torch.optim.AdamW(groups, lr=self.learning_rate, fused=True))

    def batch(self, indices: Sequence[int]) -> dict:
        batch = features.collate([self.encoded[index] for index in indices], self.pad)
        return {name: tensor.to(self.accelerator.device) for name, tensor in batch.items()}

    def update(self, batch: Mapping, optimizer) -> tuple[float, float | None]:
        """One optimiser update; the batch's loss, and the share of its rows that were right before it."""
        import torch

        output = self.model(**batch)
        self.accelerator.backward(output.loss)
        self.accelerator.clip_grad_norm_(self.trainable(), self.config.max_grad_norm)
        optimizer.step()
        optimizer.zero_grad()
        with torch.no_grad():
            return output.loss.item(), _share_right(self.task, output, batch)

    def trainable(self) -> list:
        return [parameter for parameter in self.model.parameters() if parameter.requires_grad]

    # -- how long it takes

    def plan(self, began: float, validation_size: int) -> Planned:
        """Steps to make and the expected time, from a few real updates whose effect is undone."""
        per_epoch = len(self.batches)
        with self.undone():
            seconds, per_row = self.measure()
        if self.config.max_steps:
            steps = self.config.max_steps
        elif self.config.time_budget:
            left = self.config.time_budget - (time.perf_counter() - began) - validation_size * per_row
            scoring = self.evaluations(int(left / seconds)) * len(self.held_back) * per_row
            steps = self.agreed(int((left - scoring) / seconds))
            if steps < MIN_BUDGET_STEPS:
                raise DemoError(
                    f"{self.config.time_budget:g} s are too short for {self.task.name} here: one update takes "
                    f"{seconds:.2g} s. Give more time, or take shorter inputs or a smaller batch."
                )
        else:
            steps = max(1, math.ceil(per_epoch * (self.config.epochs or self.task.epochs)))
        steps = self.agreed(steps)
        evaluations = self.evaluations(steps)
        self.scoring_seconds = validation_size * per_row
        scored = evaluations * len(self.held_back) + validation_size
        return Planned(
            steps=steps,
            epochs=steps / per_epoch,
            seconds=steps * seconds + scored * per_row,
            seconds_per_step=seconds,
            warmup_steps=round(steps * self.config.warmup_ratio),
            evaluate_every=max(1, math.ceil(steps / evaluations)),
        )

    def evaluations(self, steps: int) -> int:
        """How often the held-back rows are scored, at most about `SCORING_SHARE` of the time. Scoring a row costs a
        third of training on it; by measured times a repeated run would choose among other checkpoints."""
        trained = steps * self.batches.batch_size * self.accelerator.num_processes
        affordable = SCORING_SHARE * 3 * trained / max(1, len(self.held_back))
        return max(MIN_EVALUATIONS, min(MAX_EVALUATIONS, int(affordable)))

    @contextlib.contextmanager
    def undone(self) -> Iterator[None]:
        """Weights and random numbers afterwards as they were before."""
        import torch

        device = self.accelerator.device
        before = {name: value.detach().clone() for name, value in self.model.state_dict().items()}
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            yield
        self.model.load_state_dict(before)

    def measure(self) -> tuple[float, float]:
        """Seconds per update and per scored row, on batches of lengths spread over the data."""
        optimizer = self.optimizer()
        self.model.train()
        batches = sorted(self.batches, key=lambda indices: len(self.encoded[indices[0]]["input_ids"]))
        picked = [batches[int((i + 0.5) * len(batches) / MEASURED_STEPS)] for i in range(MEASURED_STEPS)]
        self.update(self.batch(picked[0]), optimizer)  # the first update allocates
        seconds = [self._timed(lambda b=b: self.update(self.batch(b), optimizer)) for b in picked]
        middle = picked[len(picked) // 2]
        self.model.eval()
        forward = self._timed(lambda: self._forward(self.batch(middle)))
        return sum(seconds) / len(seconds), forward / len(middle)

    def _forward(self, batch: Mapping) -> None:
        import torch

        with torch.inference_mode():
            self.model(**batch)

    @staticmethod
    def _timed(call) -> float:
        started = time.perf_counter()
        call()
        return time.perf_counter() - started

    def agreed(self, number: int) -> int:
        """The main process's number, in every process."""
        from accelerate.utils import broadcast_object_list

        return broadcast_object_list([number])[0]

    # -- training

    def train(self, plan: Planned, began: float, answer: str | None) -> Generator[TrainingEvent, str | None, str]:
        """Make the planned updates; returns "completed" or "stopped". `answer` is what the events before were told."""
        import transformers

        optimizer = self.optimizer()
        scheduler = transformers.get_linear_schedule_with_warmup(optimizer, plan.warmup_steps, plan.steps)
        log_every = max(1, plan.steps // LOGGED_STEPS)
        losses, rights, since = [], [], 0
        started = time.perf_counter()
        self.model.train()
        for indices in self._endless_batches(plan.steps):
            step_started = time.perf_counter()
            rate = scheduler.get_last_lr()[0]
            loss, right = self.update(self.batch(indices), optimizer)
            scheduler.step()
            self.step += 1
            self.step_seconds += time.perf_counter() - step_started
            self.examples_seen += len(indices) * self.accelerator.num_processes
            if not math.isfinite(loss):
                peak = self.learning_rate
                raise DemoError(f"The loss became {loss} at step {self.step}. Try a lower learning rate than {peak:g}.")
            losses, rights, since = [*losses, loss], [*rights, right], since + 1
            stop, answer = answer, None
            if since >= log_every or self.step == plan.steps:
                stop = (yield self._stepped(plan, losses, rights, rate, started)) or stop
                losses, rights, since = [], [], 0
            if self.step % plan.evaluate_every == 0 or self.step == plan.steps:
                stop = (yield from self.score_and_keep()) or stop
                self.model.train()
            self.seconds = time.perf_counter() - started
            if self._ends_early(stop, began):
                return "stopped" if self.step < plan.steps else "completed"
        return "completed"

    def _endless_batches(self, steps: int) -> Iterator[list[int]]:
        made = 0
        while True:
            for indices in self.batches:
                yield indices
                made += 1
                if made == steps:
                    return
            self.batches.epoch += 1

    def _stepped(self, plan: Planned, losses, rights, rate: float, started: float) -> Stepped:
        per_step = self.step_seconds / self.step
        elapsed = time.perf_counter() - started
        return Stepped(
            step=self.step,
            epoch=self.step / len(self.batches),
            loss=sum(losses) / len(losses),
            learning_rate=rate,
            train_score=sum(rights) / len(rights) if None not in rights else None,
            examples_per_second=self.examples_seen / self.step_seconds,
            seconds=elapsed,
            seconds_left=(elapsed / self.step if self.held_back else per_step) * (plan.steps - self.step)
            + self.scoring_seconds,
        )

    def _ends_early(self, answer: str | None, began: float) -> bool:
        """Somebody asked to stop, or the budget is overdrawn; decided by the main process for all."""
        budget = self.config.time_budget
        late = budget is not None and time.perf_counter() - began > OVERTIME * budget
        if self.accelerator.num_processes == 1:
            return answer == "stop" or late
        return bool(self.agreed(int(answer == "stop" or late)))

    def score_and_keep(self) -> Generator[TrainingEvent, str | None, str | None]:
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

    def score(self) -> dict[str, float]:
        model = self.accelerator.unwrap_model(self.model).eval()  # still in bf16: unwrapped of that, it would stay so
        checkpoint = Checkpoint(self.checkpoint.name, self.checkpoint.tokenizer, model, self.checkpoint.location)
        predictions = predict_all(self.task, checkpoint, self.held_back)
        return metrics.score(self.task, outcome(self.task, predictions), references(self.task, self.held_back))

    def keep(self) -> Generator[Saved, str | None, str | None]:
        """Write the weights as they are to `checkpoint/`, LoRA merged in (and its own small file to `adapter/`)."""
        self.kept_step = self.step
        model = self.accelerator.unwrap_model(self.model)
        fresh, final = self.folder / "checkpoint.new", self.folder / "checkpoint"
        shutil.rmtree(fresh, ignore_errors=True)
        try:
            if self.config.method == "lora":
                model.save_pretrained(self.folder / "adapter", save_embedding_layers=False)  # else peft asks the Hub
                model = copy.deepcopy(model).merge_and_unload()
            model.save_pretrained(fresh)
            self.checkpoint.tokenizer.save_pretrained(fresh)
        except OSError as error:
            raise DemoError(
                f"The checkpoint could not be written to {self.folder}: {error}. Free some disk space."
            ) from error
        if final.exists():  # the old one goes only after the new one is whole
            shutil.rmtree(self.folder / "checkpoint.old", ignore_errors=True)
            final.rename(self.folder / "checkpoint.old")
        fresh.rename(final)
        shutil.rmtree(self.folder / "checkpoint.old", ignore_errors=True)
        return (yield Saved(self.step, str(final)))

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
