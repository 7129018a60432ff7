"""What the two training loops share: options with limits, the machine, the question whether to stop, the optimiser,
progress, and a checkpoint folder that is whole at any moment. The loops are `finetuning.train` and `distilling.teach`.
"""

from __future__ import annotations

import ctypes
import math
import os
import shutil
import sys
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import DemoError
from ..models import fetch, pick_device, pick_precision
from ..models.quiet import transformers_quiet
from ..results import Fetching, Planned, Stepped

if TYPE_CHECKING:
    import torch
    from accelerate import Accelerator
    from transformers import PreTrainedTokenizerBase

    from ..data import LengthGroupedBatches

LOGGED_STEPS = 400  # Stepped events of a long run; a shorter one has one per step
OVERTIME = 1.25  # a run may last this much longer than its budget
WATCHED_FRAMES = 24  # pictures of the watched text in a run, besides the one before the first update

ShouldStop = Callable[[], bool]  # asked at every step; True: end there and keep what there is


def never() -> bool:
    """The answer to "should it stop?" where nobody can ask for that."""
    return False


# -- options -------------------------------------------------------------------------------------------------------


# -- the machine ---------------------------------------------------------------------------------------------------


def fetching(checkpoint: str, should_stop: ShouldStop = never) -> Generator[Fetching, None, bool]:
    """Fetch a checkpoint from the Hub, if that is where it is; returns whether that was stopped.

    Under `torchrun` nobody stops here: the processes agree on that later, when they can talk to each other."""
    alone = int(os.environ.get("WORLD_SIZE", 1)) == 1
    for done, total in fetch(checkpoint):
        yield Fetching(checkpoint, done, total)
        if alone and should_stop():
            return True
    return alone and should_stop()


def start_accelerator(precision: str, seed: int) -> Accelerator:
    """An `Accelerator` for this process, in a precision of "auto", "bf16" or "fp32"; random numbers start from `seed`.

    A second run in one process may want another precision. Without `cpu=True` accelerate takes each process of a
    `torchrun` on a CPU for the only one."""
    import accelerate
    from accelerate.state import AcceleratorState

    _keep_freed_memory()
    accelerate.utils.set_seed(seed)
    AcceleratorState._reset_state()  # accelerate has no public way to change the precision within a process
    precision = pick_precision() if precision == "auto" else precision
    on_cpu = pick_device().type == "cpu"
    return accelerate.Accelerator(mixed_precision="bf16" if precision == "bf16" else "no", cpu=on_cpu)


def agreed(accelerator: Accelerator, number: float) -> float:
    """The main process's number, in every process."""
    if accelerator.num_processes == 1:
        return number
    import torch
    from accelerate.utils import broadcast

    return broadcast(torch.tensor([number], dtype=torch.float64, device=accelerator.device)).item()


def precision_of(accelerator: Accelerator) -> str:
    return "bf16" if accelerator.mixed_precision == "bf16" else "fp32"


def _keep_freed_memory() -> None:
    """Tell glibc to keep freed blocks of up to 100 MB. By default every update gives the gradient of the word
    embeddings (47 MB, BERT-base 94) back to the system and fetches it again page by page: a quarter of the time of an
    update of short sentences. Larger blocks, the activations of long inputs, still go back, or they would pile up.

    This holds for the process from then on: glibc has no way to ask what was set before."""
    if sys.platform == "linux":
        m_mmap_threshold, m_trim_threshold, largest = -3, -1, 2**31 - 1
        libc = ctypes.CDLL(None)
        if hasattr(libc, "mallopt"):  # other C libraries manage without
            libc.mallopt(m_mmap_threshold, 100_000_000)
            libc.mallopt(m_trim_threshold, largest)


# -- when to end ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Budget:
    """The seconds that a run may take, counted from `began` (of `time.perf_counter`); None: as many as it needs."""

    began: float
    seconds: float | None

    def left(self) -> float:
        return self.seconds - (time.perf_counter() - self.began)

    def is_overdrawn(self) -> bool:
        return self.seconds is not None and time.perf_counter() - self.began > OVERTIME * self.seconds


class EarlyEnd:
    """Why a run ends before its last step, if it does: it was asked to stop, or its budget is overdrawn.

    With several processes the main one is asked, and decides for all."""

    REASONS = ("", "stopped", "completed")

    def __init__(self, accelerator: Accelerator, should_stop: ShouldStop, budget: Budget):
        self.accelerator, self.should_stop, self.budget = accelerator, should_stop, budget
        self._was_asked = False

    def is_asked(self) -> bool:
        """Whether this process was asked to stop, now or before."""
        self._was_asked = self._was_asked or self.should_stop()
        return self._was_asked

    def reason(self, step: int) -> str:
        """ "stopped", "completed" for a budget that is overdrawn after at least one of the `step` updates made, or ""
        to go on. All processes ask at the same places and get the same answer."""
        reason = "stopped" if self.is_asked() else "completed" if step and self.budget.is_overdrawn() else ""
        return self.REASONS[int(agreed(self.accelerator, self.REASONS.index(reason)))]


# -- updates -------------------------------------------------------------------------------------------------------


def make_optimizer(
    model: torch.nn.Module,
    learning_rate: float,
    weight_decay: float,
    betas: tuple[float, float] = (0.9, 0.999),
    embedding_factor: float = 1.0,
) -> torch.optim.Optimizer:
    """AdamW as in BERT: no weight decay on biases and LayerNorm. `fused` walks the weights once per update.

    Word embeddings learn at `embedding_factor` times the learning rate."""
    import torch

    decayed, plain, words = [], [], []
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            is_plain = name.endswith("bias") or "LayerNorm" in name
            (plain if is_plain else words if "word_embeddings" in name else decayed).append(parameter)
    groups = [
        {"params": decayed, "weight_decay": weight_decay},
        {"params": words, "weight_decay": weight_decay, "lr": learning_rate * embedding_factor},
        {"params": plain, "weight_decay": 0.0},
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


def endless(batches: LengthGroupedBatches, steps: int) -> Iterator[list[int]]:
    """The row numbers of so many batches, epoch after epoch."""
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
    """What is known of one update: the batch's loss, its terms where it is a sum, and the share of its rows that were
    right before the update (None where nothing is right or wrong)."""

    loss: float
    losses: Mapping[str, float]
    right: float | None


class Progress:
    """What a run has done so far, and what is due after a step.

    `peak_rate` is the highest learning rate, `per_epoch` counts batches, `cost(steps)` is what so many updates take in
    units of the first. `seconds_after` are
    expected after the last step; `scores_along` says whether rows are scored on the way. An assistant made the
    `steps_before`."""

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
        self.examples_seen = 0
        self.step_seconds = 0.0  # spent in updates alone
        self.seconds = 0.0  # scoring and saving along the way included
        self.learning_rate = 0.0  # of the last update
        self._updates: list[Update] = []  # since the last Stepped
        self._began = self._step_began = time.perf_counter()

    def begin_step(self) -> None:
        self._step_began = time.perf_counter()
        if not self.step:
            self._began = self._step_began

    def end_step(
        self,
        rows: Sequence[int],
        learning_rate: float,
        loss: float,
        losses: Mapping[str, float] | None = None,
        right: float | None = None,
    ) -> None:
        """Count an update on these rows; `DemoError` if its loss is no number."""
        self.step_seconds += time.perf_counter() - self._step_began
        self.step += 1
        self.examples_seen += len(rows) * self.processes
        self.learning_rate = learning_rate
        self._updates.append(Update(loss, losses or {}, right))
        if not math.isfinite(loss):
            raise DemoError(
                f"The loss became {loss} at step {self.step}. Try a lower learning rate than {self.peak_rate:g}."
            )

    def end(self) -> None:
        """The last update was made."""
        self.seconds = time.perf_counter() - self._began

    @property
    def total(self) -> int:
        """Updates made, those of an assistant included."""
        return self.steps_before + self.step

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
        """The updates since the last report."""
        updates, self._updates = self._updates, []
        elapsed = time.perf_counter() - self._began
        spent = elapsed if self.scores_along else self.step_seconds
        rights = [update.right for update in updates]
        return Stepped(
            step=self.total,
            epoch=self.step / self.per_epoch,
            loss=_mean([update.loss for update in updates]),
            learning_rate=self.learning_rate,
            train_score=_mean(rights) if None not in rights else None,
            examples_per_second=self.examples_seen / self.step_seconds,
            seconds=elapsed,
            seconds_left=spent * (self.cost(self.plan.steps) / self.cost(self.step) - 1) + self.seconds_after,
            losses={name: _mean([update.losses[name] for update in updates]) for name in updates[0].losses},
        )


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


# -- the checkpoint ------------------------------------------------------------------------------------------------


@transformers_quiet
def write_checkpoint(folder: Path, save: Callable[[Path], None], tokenizer: PreTrainedTokenizerBase) -> Path:
    """Write a model, with `save(folder)`, and its tokenizer to `folder/checkpoint`; the old one goes when the new one
    is whole. `DemoError` if the disk is full."""
    import safetensors

    fresh, old, final = (folder / name for name in ("checkpoint.new", "checkpoint.old", "checkpoint"))
    shutil.rmtree(fresh, ignore_errors=True)
    try:
        save(fresh)
        tokenizer.save_pretrained(fresh)
    except (OSError, safetensors.SafetensorError) as error:
        shutil.rmtree(fresh, ignore_errors=True)
        why = getattr(error, "strerror", None) or error  # of an OSError without the server's folder
        raise DemoError(f"The checkpoint could not be written: {why}. Free some disk space.") from error
    if final.exists():
        shutil.rmtree(old, ignore_errors=True)
        final.rename(old)
    fresh.rename(final)
    shutil.rmtree(old, ignore_errors=True)
    return final
