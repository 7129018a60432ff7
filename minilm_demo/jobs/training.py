"""Shared parts of the two training loops, `finetuning.train` and `distilling.teach`: the device, stopping, the
optimiser and its schedule, progress, and writing a checkpoint folder that is complete at any moment."""

from __future__ import annotations

import atexit
import ctypes
import math
import os
import shutil
import sys
import time
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import DemoError
from ..models import choose_precision, fetch, pick_device
from ..models.quiet import transformers_quiet
from ..results import Fetching, Planned, Stepped

if TYPE_CHECKING:
    import torch
    from accelerate import Accelerator
    from transformers import PreTrainedTokenizerBase

    from ..data import LengthGroupedBatches

LOGGED_STEPS = 400  # `Stepped` events of a long run; a shorter run has one per step
OVERTIME = 1.25  # a run may take this many times its budget
WATCHED_FRAMES = 24  # pictures of the watched text in a run, besides the one before the first update

ShouldStop = Callable[[], bool]  # called at every step; True ends the run there and keeps its results so far


def never() -> bool:
    """The default `should_stop`: the run goes on to its end."""
    return False


# -- the device ----------------------------------------------------------------------------------------------------


def fetching(checkpoint: str, should_stop: ShouldStop = never) -> Generator[Fetching, None, bool]:
    """Download a checkpoint if it is on the Hub, with an event for each part; returns whether a stop was requested.

    Under `torchrun` stopping waits until the process group exists: all processes must agree on it."""
    is_only_process = int(os.environ.get("WORLD_SIZE", 1)) == 1
    for done, total in fetch(checkpoint):
        yield Fetching(checkpoint, done, total)
        if is_only_process and should_stop():
            return True
    return is_only_process and should_stop()


def start_accelerator(precision: str, seed: int) -> Accelerator:
    """An `Accelerator` for this process in the precision "auto", "bf16" or "fp32"; seeds all random numbers.

    `cpu=True` is needed on a CPU: without it accelerate starts every process of a `torchrun` as if it were alone."""
    import accelerate
    from accelerate.state import AcceleratorState

    _keep_freed_memory()
    accelerate.utils.set_seed(seed)
    AcceleratorState._reset_state()  # a second run may need another precision; accelerate has no public way to set it
    precision = choose_precision().name if precision == "auto" else precision
    on_cpu = pick_device().type == "cpu"
    accelerator = accelerate.Accelerator(mixed_precision="bf16" if precision == "bf16" else "no", cpu=on_cpu)
    if accelerator.num_processes > 1:
        atexit.register(_leave_the_group)
    return accelerator


def _leave_the_group() -> None:
    """Take this process out of those of a `torchrun` at its end: one that ends without it can be aborted, since threads
    of the group still run, and its launcher then ends the others."""
    import torch

    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def agreed(accelerator: Accelerator, number: float) -> float:
    """The main process's number, broadcast to every process."""
    if accelerator.num_processes == 1:
        return number
    import torch
    from accelerate.utils import broadcast

    return broadcast(torch.tensor([number], dtype=torch.float64, device=accelerator.device)).item()


def number_seen(accelerator: Accelerator, numbers: Collection[int]) -> int:
    """How many different numbers the processes have together; all processes must call this."""
    if accelerator.num_processes == 1:
        return len(set(numbers))
    from accelerate.utils import gather_object

    return len(set(gather_object(sorted(numbers))))


def precision_of(accelerator: Accelerator) -> str:
    return "bf16" if accelerator.mixed_precision == "bf16" else "fp32"


def precision_reason(asked: str) -> str:
    """Why a run has its precision; `asked` is the one of its configuration."""
    return choose_precision().reason if asked == "auto" else "it was asked for"


def _keep_freed_memory() -> None:
    """Tell glibc to keep freed blocks of up to 100 MB.

    By default every update returns the gradient of the word embeddings (47 MB, BERT-base 94) to the system and maps it
    again page by page, a quarter of the time of an update on short sentences. Larger blocks, the activations of long
    inputs, are still returned; kept, they would pile up. The setting lasts for the life of the process: glibc cannot
    report the value it had before."""
    if sys.platform == "linux":
        m_mmap_threshold, m_trim_threshold, largest = -3, -1, 2**31 - 1
        libc = ctypes.CDLL(None)
        if hasattr(libc, "mallopt"):  # glibc only
            libc.mallopt(m_mmap_threshold, 100_000_000)
            libc.mallopt(m_trim_threshold, largest)


# -- when to end ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Budget:
    """The seconds a run may take, counted from `start_time` (of `time.perf_counter`); None: no limit."""

    start_time: float
    seconds: float | None

    def left(self) -> float:
        return self.seconds - (time.perf_counter() - self.start_time)

    def is_overdrawn(self) -> bool:
        return self.seconds is not None and time.perf_counter() - self.start_time > OVERTIME * self.seconds


class EarlyEnd:
    """Why a run ends before its last step, if it does: a stop was requested, or its budget is overdrawn.

    With several processes the main one decides for all."""

    REASONS = ("", "stopped", "completed")

    def __init__(self, accelerator: Accelerator, should_stop: ShouldStop, budget: Budget):
        self.accelerator, self.should_stop, self.budget = accelerator, should_stop, budget
        self._stop_requested = False

    def is_stop_requested(self) -> bool:
        """Whether `should_stop` has returned True in this process; once True, it stays so."""
        self._stop_requested = self._stop_requested or self.should_stop()
        return self._stop_requested

    def reason(self, step: int) -> str:
        """Why to end after `step` updates: "stopped", "completed" for an overdrawn budget, or "" to go on.

        A budget ends a run after its first update at the earliest. All processes must call this at the same places;
        all get the same answer."""
        reason = "stopped" if self.is_stop_requested() else "completed" if step and self.budget.is_overdrawn() else ""
        return self.REASONS[int(agreed(self.accelerator, self.REASONS.index(reason)))]


# -- updates -------------------------------------------------------------------------------------------------------


def make_optimizer(
    model: torch.nn.Module,
    learning_rate: float,
    weight_decay: float,
    betas: tuple[float, float] = (0.9, 0.999),
    embedding_factor: float = 1.0,
) -> torch.optim.Optimizer:
    """AdamW as in BERT: no weight decay on biases and LayerNorm. `fused` reads the weights once per update.

    Word embeddings learn at `embedding_factor` times the learning rate."""
    import torch

    matrices, embeddings, undecayed = [], [], []
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        if name.endswith("bias") or "LayerNorm" in name:
            undecayed.append(parameter)
        elif "word_embeddings" in name:
            embeddings.append(parameter)
        else:
            matrices.append(parameter)
    groups = [
        {"params": matrices, "weight_decay": weight_decay},
        {"params": embeddings, "weight_decay": weight_decay, "lr": learning_rate * embedding_factor},
        {"params": undecayed, "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    return torch.optim.AdamW(groups, lr=learning_rate, betas=betas, fused=True)


def linear_schedule(optimizer: torch.optim.Optimizer, plan: Planned) -> torch.optim.lr_scheduler.LRScheduler:
    """The learning rate rises for `warmup_steps` and falls to 0 at the last step."""
    import transformers

    return transformers.get_linear_schedule_with_warmup(optimizer, plan.warmup_steps, plan.steps)


def trainable(model: torch.nn.Module) -> list[torch.nn.Parameter]:
    return [parameter for parameter in model.parameters() if parameter.requires_grad]


def count_weights(parameters: Iterable[torch.nn.Parameter]) -> int:
    return sum(parameter.numel() for parameter in parameters)


def cycle(batches: LengthGroupedBatches, steps: int) -> Iterator[list[int]]:
    """The row numbers of `steps` batches, epoch after epoch."""
    count = 0
    while True:
        for rows in batches:
            yield rows
            count += 1
            if count == steps:
                return
        batches.epoch += 1


# -- progress ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Update:
    """One update: the loss of its batch, the terms of that loss if it is a sum, and the accuracy on the batch before
    the update (None for a task without right and wrong)."""

    loss: float
    losses: Mapping[str, float]
    accuracy: float | None


class Progress:
    """The steps, examples and seconds of a run so far, and what is due after a step.

    `peak_rate` is the highest learning rate and `per_epoch` the number of batches in an epoch. `scores_along` says
    whether rows are scored between steps; `seconds_after` is the expected time after the last step. `cost(steps)` is
    the expected cost of `steps` updates, in units of the first. `steps_before` are the steps of an assistant."""

    def __init__(
        self,
        plan: Planned,
        *,
        peak_rate: float,
        per_epoch: int,
        processes: int,
        scores_along: bool,
        seconds_after: float,
        cost: Callable[[int], float] = float,
        steps_before: int = 0,
    ):
        self.plan, self.peak_rate, self.per_epoch, self.processes = plan, peak_rate, per_epoch, processes
        self.cost = cost
        self.scores_along, self.seconds_after, self.steps_before = scores_along, seconds_after, steps_before
        self.log_every = max(1, plan.steps // LOGGED_STEPS)
        self.picture_every = math.ceil(plan.steps / WATCHED_FRAMES)
        self.step = 0  # updates made
        self.examples_seen = 0  # repetitions included, all processes together
        self.numbers: set[int] = set()  # of the examples seen by this process
        self.step_seconds = 0.0  # of the updates alone
        self.seconds = 0.0  # including scoring and saving between the updates
        self.learning_rate = 0.0  # of the last update
        self._updates: list[Update] = []  # since the last `Stepped`
        self._start_time = self._step_start_time = time.perf_counter()

    def begin_step(self) -> None:
        self._step_start_time = time.perf_counter()
        if not self.step:
            self._start_time = self._step_start_time

    def end_step(
        self,
        rows: Sequence[int],
        learning_rate: float,
        loss: float,
        losses: Mapping[str, float] | None = None,
        accuracy: float | None = None,
    ) -> None:
        """Count an update on these rows; `DemoError` if its loss is infinite or nan."""
        self.step_seconds += time.perf_counter() - self._step_start_time
        self.step += 1
        self.examples_seen += len(rows) * self.processes
        self.numbers.update(rows)
        self.learning_rate = learning_rate
        self._updates.append(Update(loss, losses or {}, accuracy))
        if not math.isfinite(loss):
            raise DemoError(
                f"The loss became {loss} at step {self.step}. Try a lower learning rate than {self.peak_rate:g}."
            )

    def end(self) -> None:
        """Stop the clock after the last update."""
        self.seconds = time.perf_counter() - self._start_time

    @property
    def total(self) -> int:
        """Updates made, including those of an assistant."""
        return self.steps_before + self.step

    @property
    def epochs(self) -> float:
        """How often the examples were gone through."""
        return self.step / self.per_epoch

    @property
    def is_last(self) -> bool:
        return self.step == self.plan.steps

    @property
    def report_is_due(self) -> bool:
        return len(self._updates) >= self.log_every or self.is_last

    @property
    def picture_is_due(self) -> bool:
        return self.step % self.picture_every == 0 or self.is_last

    @property
    def evaluation_is_due(self) -> bool:
        return self.step % self.plan.evaluate_every == 0 or self.is_last

    def report(self) -> Stepped:
        """The mean of the updates since the last report, and the expected time left."""
        updates, self._updates = self._updates, []
        elapsed = time.perf_counter() - self._start_time
        seconds_so_far = elapsed if self.scores_along else self.step_seconds
        accuracies = [update.accuracy for update in updates]
        return Stepped(
            step=self.total,
            epoch=self.epochs,
            loss=_mean([update.loss for update in updates]),
            learning_rate=self.learning_rate,
            train_score=_mean(accuracies) if None not in accuracies else None,
            examples_per_second=self.examples_seen / self.step_seconds,
            seconds=elapsed,
            seconds_left=seconds_so_far * (self.cost(self.plan.steps) / self.cost(self.step) - 1) + self.seconds_after,
            losses={name: _mean([update.losses[name] for update in updates]) for name in updates[0].losses},
        )


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


# -- the checkpoint ------------------------------------------------------------------------------------------------


@transformers_quiet
def write_checkpoint(folder: Path, save: Callable[[Path], None], tokenizer: PreTrainedTokenizerBase) -> Path:
    """Write the model, through `save(folder)`, and its tokenizer to `folder/checkpoint`; returns that path.

    The new checkpoint is complete before it replaces the old one. `DemoError` if it cannot be written."""
    import safetensors

    new, old, current = (folder / name for name in ("checkpoint.new", "checkpoint.old", "checkpoint"))
    shutil.rmtree(new, ignore_errors=True)
    try:
        save(new)
        tokenizer.save_pretrained(new)
    except (OSError, safetensors.SafetensorError) as error:
        shutil.rmtree(new, ignore_errors=True)
        reason = getattr(error, "strerror", None) or error  # `strerror` does not name the server's folder
        raise DemoError(f"The checkpoint could not be written: {reason}. Free some disk space.") from error
    if current.exists():
        shutil.rmtree(old, ignore_errors=True)
        current.rename(old)
    new.rename(current)
    shutil.rmtree(old, ignore_errors=True)
    return current
