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

from ..results import Planned
from .configs import MAX_STEPS
from .training import Budget, EarlyEnd, agreed, trainable

if TYPE_CHECKING:
    import torch
    from accelerate import Accelerator

    from ..data import LengthGroupedBatches
    from .configs import DistillConfig, TrainConfig

MEASURED_STEPS = 5
MEASURING_SHARE = 0.2  # of a time budget; a slow machine measures fewer updates
SMALLEST_BATCH = 4  # rows per update and process
ENOUGH_STEPS = 8  # if fewer fit into a time budget, smaller batches are taken
FORWARD_COST = 1 / 3  # of an update
TRAINING_SHARE = 0.5  # of a time budget, however long scoring takes


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

    Measuring ends after `MEASURING_SHARE` of the time budget. What was not measured by then is estimated from fewer
    rows. Weights and random states are restored afterwards."""
    candidates = list(itertools.islice(job.batches, job.batches.BATCHES_SORTED_TOGETHER))
    candidates.sort(key=lambda rows: job.batches.lengths(rows[:1]))
    from_the_middle = sorted(range(MEASURED_STEPS), key=lambda i: abs(i - MEASURED_STEPS // 2))
    sample = [candidates[int((i + 0.5) * len(candidates) / MEASURED_STEPS)] for i in from_the_middle]
    few_rows, clock = candidates[-1][:SMALLEST_BATCH], _Clock(job.accelerator, end.budget)
    with _restored(job.model, job.accelerator.device):
        optimizer, seconds = job.optimizer(), []
        job.model.train()
        for rows in (few_rows, few_rows):  # the first update allocates memory and is not counted
            if end.reason(step=0):
                return None
            of_few = _seconds(lambda rows=rows: _update(job, job.batch(rows), optimizer))
        expected = of_few * job.batches.batch_size / len(few_rows)
        for rows in sample:
            if end.reason(step=0):
                return None
            if not clock.allows(seconds[-1] if seconds else expected):
                break
            seconds.append(_seconds(lambda rows=rows: _update(job, job.batch(rows), optimizer)))
        update = sum(seconds) / len(seconds) if seconds else expected
        if not clock.allows(update * FORWARD_COST):
            return Speed(update, update * FORWARD_COST / job.batches.batch_size)
        job.model.eval()
        forward_seconds = _seconds(lambda: _forward(job, job.batch(sample[0])))
    return Speed(update, forward_seconds / len(sample[0]))


class _Clock:
    """What is left of the time for measuring. All processes get the same answer."""

    def __init__(self, accelerator: Accelerator, budget: Budget):
        self.accelerator = accelerator
        share = math.inf if budget.seconds is None else MEASURING_SHARE * budget.left()
        self.end = time.perf_counter() + share

    def allows(self, seconds: float) -> bool:
        return bool(agreed(self.accelerator, time.perf_counter() + seconds <= self.end))


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
    """The rows scored in a run of `steps` updates: those of the curve `evaluations(steps)` times, and `validation` rows
    once at the end."""

    curve: int
    validation: int
    evaluations: Callable[[int], int]

    def rows(self, steps: int) -> int:
        return self.evaluations(steps) * self.curve + self.validation


def make_plan(
    steps: int | None,
    budget: Budget,
    speed: Speed,
    scoring: Scoring,
    *,
    accelerator: Accelerator,
    batches: LengthGroupedBatches,
    may_shrink: bool,
    warmup_ratio: float,
    cost: Callable[[int], float] = float,
) -> Planned:
    """The updates to make and the seconds they are expected to take. `steps` None: as many as the budget allows, at
    least one.

    If fewer than `ENOUGH_STEPS` fit into the budget and `may_shrink`, the size of `batches` is halved until they fit.
    `cost(steps)` is the expected cost of `steps` updates, in units of the first."""
    asked_size = batches.batch_size
    if steps is None:
        left = agreed(accelerator, budget.left())
        speed = Speed(agreed(accelerator, speed.update), agreed(accelerator, speed.row))
        steps = _steps_within(left, speed, scoring, cost)
        while may_shrink and steps < ENOUGH_STEPS and batches.batch_size > SMALLEST_BATCH:
            smaller = max(SMALLEST_BATCH, batches.batch_size // 2)
            speed = Speed(speed.update * smaller / batches.batch_size, speed.row)
            batches.batch_size = smaller
            steps = _steps_within(left, speed, scoring, cost)
    return Planned(
        steps=steps,
        epochs=steps / len(batches),
        seconds=cost(steps) * speed.update + scoring.rows(steps) * speed.row,
        seconds_per_step=speed.update,
        warmup_steps=round(steps * warmup_ratio),
        evaluate_every=max(1, math.ceil(steps / scoring.evaluations(steps))),
        batch_size=batches.batch_size,
        asked_batch_size=asked_size,
    )


def _steps_within(seconds: float, speed: Speed, scoring: Scoring, cost: Callable[[int], float]) -> int:
    """The updates that fit, with their scoring, into so many seconds; at least 1."""
    most = int((seconds - scoring.validation * speed.row) / speed.update)
    training = max(TRAINING_SHARE * seconds, seconds - scoring.rows(max(1, most)) * speed.row)
    return max(1, affordable_steps(training / speed.update, cost))


def affordable_steps(max_cost: float, cost: Callable[[int], float] = float) -> int:
    """The highest number of updates whose cost is at most `max_cost`."""
    return bisect.bisect_right(range(1, MAX_STEPS + 1), max_cost, key=cost)
