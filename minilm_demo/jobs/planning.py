"""How long training takes here: measured on a few real updates whose effect is undone, and turned into a plan."""

from __future__ import annotations

import bisect
import contextlib
import itertools
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ..errors import DemoError
from ..results import Planned
from .configs import MAX_STEPS
from .training import Budget, EarlyEnd, agreed, trainable

if TYPE_CHECKING:
    import torch
    from accelerate import Accelerator

    from ..data import LengthGroupedBatches
    from .configs import DistillConfig, TrainConfig

MEASURED_STEPS = 5
MIN_BUDGET_STEPS = 3  # fewer are no training


class Trainable(Protocol):
    """What measuring needs of a job: the parts of an update."""

    accelerator: Accelerator
    model: torch.nn.Module
    batches: LengthGroupedBatches
    config: TrainConfig | DistillConfig

    def optimizer(self) -> torch.optim.Optimizer: ...

    def batch(self, rows: Sequence[int]) -> Mapping: ...

    def loss(self, batch: Mapping) -> torch.Tensor: ...


@dataclass(frozen=True)
class Speed:
    """Seconds that one update and one scored row take."""

    update: float
    row: float


def measure_speed(job: Trainable, end: EarlyEnd) -> Speed | None:
    """The speed of updates on batches of lengths spread over the first stretch of the data; None if `end` comes first.

    Weights and random numbers are afterwards what they were before."""
    stretch = list(itertools.islice(job.batches, job.batches.BATCHES_SORTED_TOGETHER))
    stretch.sort(key=lambda rows: job.batches.lengths(rows[:1]))
    spread = [stretch[int((i + 0.5) * len(stretch) / MEASURED_STEPS)] for i in range(MEASURED_STEPS)]
    with unchanged(job.model, job.accelerator.device):
        optimizer, seconds = job.optimizer(), []
        job.model.train()
        for rows in (stretch[-1], *spread):  # the first update allocates and is not counted
            if end.reason(step=0):
                return None
            seconds.append(_timed(lambda rows=rows: _update(job, job.batch(rows), optimizer)))
        middle = spread[len(spread) // 2]
        job.model.eval()
        forward = _timed(lambda: _forward(job, job.batch(middle)))
    return Speed(sum(seconds[1:]) / len(spread), forward / len(middle))


@contextlib.contextmanager
def unchanged(model: torch.nn.Module, device: torch.device) -> Iterator[None]:
    """Weights and random numbers afterwards as they were before."""
    import torch

    before = {name: value.detach().clone() for name, value in model.state_dict().items()}
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        yield
    model.load_state_dict(before)


def _update(job: Trainable, batch: Mapping, optimizer: torch.optim.Optimizer) -> None:
    """An update as the loops make it."""
    loss = job.loss(batch)
    loss.item()
    job.accelerator.backward(loss)
    job.accelerator.clip_grad_norm_(trainable(job.model), job.config.max_grad_norm)
    optimizer.step()
    optimizer.zero_grad()


def _forward(job: Trainable, batch: Mapping) -> None:
    import torch

    with torch.inference_mode():
        job.loss(batch).item()


def _timed(call: Callable[[], None]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


# -- the plan ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Scoring:
    """What is scored besides the updates: `held_back` rows so often as `evaluations(steps)` says, and `validation` rows
    at the end."""

    held_back: int
    validation: int
    evaluations: Callable[[int], int]

    def rows(self, steps: int) -> int:
        return self.evaluations(steps) * self.held_back + self.validation


def make_plan(
    name: str,
    steps: int | None,
    budget: Budget,
    speed: Speed,
    scoring: Scoring,
    *,
    accelerator: Accelerator,
    per_epoch: int,
    warmup_ratio: float,
    cost: Callable[[int], float] = float,
) -> Planned:
    """The updates to make and the seconds they are expected to take. `steps` None: as many as the budget allows.

    `cost(steps)` is what so many updates take in units of the first. `DemoError` for a budget that is too short."""
    if steps is None:
        left = budget.left()
        seconds = left - scoring.rows(int((left - scoring.validation * speed.row) / speed.update)) * speed.row
        steps = int(agreed(accelerator, affordable_steps(seconds / speed.update, cost)))
        if steps < MIN_BUDGET_STEPS:
            raise DemoError(
                f"{budget.seconds:g} s are too short for {name} here: one update takes {speed.update:.2g} s. Give more "
                "time, or take shorter inputs or a smaller batch."
            )
    return Planned(
        steps=steps,
        epochs=steps / per_epoch,
        seconds=cost(steps) * speed.update + scoring.rows(steps) * speed.row,
        seconds_per_step=speed.update,
        warmup_steps=round(steps * warmup_ratio),
        evaluate_every=max(1, math.ceil(steps / scoring.evaluations(steps))),
    )


def affordable_steps(most: float, cost: Callable[[int], float] = float) -> int:
    """The most updates whose cost is at most `most`."""
    return bisect.bisect_right(range(1, MAX_STEPS + 1), most, key=cost)
