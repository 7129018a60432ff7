"""How long training takes on this machine, and the plan that follows from it. The speed is measured on a few real
updates, whose effect is undone."""

from __future__ import annotations

import bisect
import contextlib
import itertools
import math
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
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
MEASURING_SHARE = 0.15  # of a time budget; a slow machine measures fewer updates
ONE_BATCH_SHARE = 0.3  # of a time budget, for the first whole batch
TWO_BATCHES_SHARE = 0.45  # of a time budget, for both if the first was slow
SMALLEST_BATCH = 4  # rows per update and process
ENOUGH_STEPS = 6  # if fewer fit into a time budget, smaller batches are taken …
WORTHWHILE = 0.8  # … if half the rows take at most so many times as long
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
    """Seconds for one update and for one scored row. `fixed` is the part of an update that does not depend on the
    number of its rows, such as the optimiser's."""

    update: float
    row: float
    fixed: float = 0.0

    def with_batch(self, size: int, new_size: int) -> Speed:
        """The speed with batches of another size."""
        return replace(self, update=self.fixed + (self.update - self.fixed) * new_size / size)


def measure_speed(job: Trainable, end: EarlyEnd) -> Speed | None:
    """The usual speed of updates on batches of evenly spread lengths; None if the run is stopped meanwhile.

    The first two read few rows. Measuring ends after `MEASURING_SHARE` of the time budget, but one whole batch is
    measured if it can be expected to take less than `ONE_BATCH_SHARE`, and a second one, within `TWO_BATCHES_SHARE`,
    if hardly enough of them would fit: another program may have held up the first. Weights and random states are
    restored afterwards."""
    candidates = list(itertools.islice(job.batches, job.batches.BATCHES_SORTED_TOGETHER))
    candidates.sort(key=lambda rows: job.batches.lengths(rows[:1]))
    from_the_middle = sorted(range(MEASURED_STEPS), key=lambda i: abs(i - MEASURED_STEPS // 2))
    sample = [candidates[int((i + 0.5) * len(candidates) / MEASURED_STEPS)] for i in from_the_middle]
    size, few_rows = max(map(len, candidates)), candidates[-1][:SMALLEST_BATCH]
    clock = _Clock(job.accelerator, end.budget)
    measured: list[tuple[int, float]] = []  # rows and seconds of each update
    with _restored(job.model, job.accelerator.device):
        optimizer = job.optimizer()
        job.model.train()
        for number, rows in enumerate((few_rows, few_rows, *sample)):
            if end.reason(step=0):
                return None
            share = MEASURING_SHARE
            if number == 2:
                share = ONE_BATCH_SHARE
            elif number == 3 and clock.left < 2 * ENOUGH_STEPS * measured[-1][1]:
                share = TWO_BATCHES_SHARE
            if number > 1 and not clock.allows(_expected_seconds(measured, len(rows)), share):
                break
            measured.append((len(rows), _seconds(lambda rows=rows: _update(job, job.batch(rows), optimizer))))
        speed = _speed_of(measured, size)
        if not clock.allows(speed.row * len(sample[0])):
            return speed
        job.model.eval()
        forward_seconds = _seconds(lambda: _forward(job, job.batch(sample[0])))
    return replace(speed, row=forward_seconds / len(sample[0]))


def _expected_seconds(measured: Sequence[tuple[int, float]], rows: int) -> float:
    """What the next update can be expected to take. Many rows cost less than in proportion to few: part of an update,
    and on a busy machine most of it, does not depend on them."""
    last_rows = measured[-1][0]
    seconds = min(seconds for count, seconds in measured if count == last_rows)
    return seconds * math.sqrt(max(1.0, rows / last_rows))


def _speed_of(measured: Sequence[tuple[int, float]], size: int) -> Speed:
    """The speed with batches of `size` rows, from the rows and seconds of updates. The largest of them count; a
    straight line through the smallest and these tells the time of each row from that of an update without rows.

    Of the smallest the fastest counts: the very first allocates memory. Of the largest the median counts (of two the
    faster): one that was held up says little of the others."""
    (few, of_few), most = min(measured), max(rows for rows, _ in measured)
    largest = [seconds for rows, seconds in measured if rows == most]
    seconds = of_few if few == most else statistics.median_low(largest)
    per_row = seconds / most
    if few < most:
        per_row = min(per_row, max(0.0, (seconds - of_few) / (most - few)))
    update = seconds + per_row * (size - most)
    return Speed(update, FORWARD_COST * update / size, fixed=update - per_row * size)


@contextlib.contextmanager
def _restored(model: torch.nn.Module, device: torch.device) -> Iterator[None]:
    """Restores weights and random states at the end."""
    import torch

    weights = {name: value.detach().clone() for name, value in model.state_dict().items()}
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        yield
    model.load_state_dict(weights)


class _Clock:
    """What is left of the time for measuring. All processes get the same answer."""

    def __init__(self, accelerator: Accelerator, budget: Budget):
        self.accelerator, self.start = accelerator, time.perf_counter()
        self.left = math.inf if budget.seconds is None else budget.left()

    def allows(self, seconds: float, share: float = MEASURING_SHARE) -> bool:
        """Whether something that takes so many seconds ends within this share of the time."""
        return bool(agreed(self.accelerator, time.perf_counter() + seconds <= self.start + share * self.left))


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
        speed = Speed(*(agreed(accelerator, seconds) for seconds in (speed.update, speed.row, speed.fixed)))
        steps = _steps_within(left, speed, scoring, cost)
        while may_shrink and steps < ENOUGH_STEPS and batches.batch_size > SMALLEST_BATCH:
            smaller = max(SMALLEST_BATCH, batches.batch_size // 2)
            faster = speed.with_batch(batches.batch_size, smaller)
            if faster.update > WORTHWHILE * speed.update:
                break
            speed, batches.batch_size = faster, smaller
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
