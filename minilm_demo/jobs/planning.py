"""How long training takes on this machine, and the plan that follows from it. The speed is measured on a few real
updates, whose effect is undone."""

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
MIN_BUDGET_STEPS = 3  # a time budget that allows fewer is refused


class Trainable(Protocol):
    """The parts of an update that `measure_speed` calls."""

    accelerator: Accelerator
    model: torch.nn.Module
    batches: LengthGroupedBatches
    config: TrainConfig | DistillConfig

    def optimizer(self) -> torch.optim.Optimizer: ...

    def batch(self, rows: Sequence[int]) -> Mapping: ...

    def loss(self, batch: Mapping) -> torch.Tensor: ...


@dataclass(frozen=True)
class Speed:
    """Seconds for one update and for one scored row."""

    update: float
    row: float


def measure_speed(job: Trainable, end: EarlyEnd) -> Speed | None:
    """The mean speed of updates on batches of evenly spread lengths; None if the run is stopped meanwhile.

    Weights and random states are restored afterwards."""
    candidates = list(itertools.islice(job.batches, job.batches.BATCHES_SORTED_TOGETHER))
    candidates.sort(key=lambda rows: job.batches.lengths(rows[:1]))
    sample = [candidates[int((i + 0.5) * len(candidates) / MEASURED_STEPS)] for i in range(MEASURED_STEPS)]
    with _restored(job.model, job.accelerator.device):
        optimizer, seconds = job.optimizer(), []
        job.model.train()
        for rows in (candidates[-1], *sample):  # the first update allocates memory and is not counted
            if end.reason(step=0):
                return None
            seconds.append(_seconds(lambda rows=rows: _update(job, job.batch(rows), optimizer)))
        middle = sample[len(sample) // 2]
        job.model.eval()
        forward_seconds = _seconds(lambda: _forward(job, job.batch(middle)))
    return Speed(sum(seconds[1:]) / len(sample), forward_seconds / len(middle))


@contextlib.contextmanager
def _restored(model: torch.nn.Module, device: torch.device) -> Iterator[None]:
    """Restores weights and random states at the end."""
    import torch

    weights = {name: value.detach().clone() for name, value in model.state_dict().items()}
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        yield
    model.load_state_dict(weights)


def _update(job: Trainable, batch: Mapping, optimizer: torch.optim.Optimizer) -> None:
    """An update as in the training loops."""
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


def _seconds(call: Callable[[], None]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


# -- the plan ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Scoring:
    """The rows scored in a run of `steps` updates: `held_back` rows `evaluations(steps)` times, and `validation` rows
    once at the end."""

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

    `per_epoch` is the number of batches in an epoch. `cost(steps)` is the expected cost of `steps` updates, in units of
    the first. `DemoError` for a budget that is too short."""
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


def affordable_steps(max_cost: float, cost: Callable[[int], float] = float) -> int:
    """The highest number of updates whose cost is at most `max_cost`."""
    return bisect.bisect_right(range(1, MAX_STEPS + 1), max_cost, key=cost)
