"""The plan of a run on machines of every speed."""

import math
import time

import pytest
from accelerate import Accelerator

from minilm_demo.data import features
from minilm_demo.jobs import planning
from minilm_demo.jobs.planning import Scoring, Speed, make_plan, measure_speed
from minilm_demo.jobs.training import Budget, EarlyEnd, never


def batches(size: int = 32, rows: int = 400) -> features.LengthGroupedBatches:
    return features.LengthGroupedBatches(rows, lambda numbers: [10] * len(numbers), size, seed=0)


def plan(update: float, budget: float, *, row: float = 0.0, validation: int = 0, may_shrink: bool = True, size=32):
    scoring = Scoring(0, validation, lambda steps: 2)
    options = {"accelerator": Accelerator(cpu=True), "batches": batches(size), "may_shrink": may_shrink}
    return make_plan(
        None, Budget(time.perf_counter(), budget), Speed(update, row), scoring, warmup_ratio=0.1, **options
    )


@pytest.mark.parametrize(
    ("update", "batch", "steps"),
    [(0.1, 32, 299), (3.0, 32, 9), (5.1, 16, 11), (10, 8, 11), (20, 4, 11), (100, 4, 2), (1e3, 4, 1), (1e6, 4, 1)],
)
def test_no_machine_is_too_slow_for_thirty_seconds(update, batch, steps):
    planned = plan(update, 30)
    assert (planned.batch_size, planned.steps) == (batch, steps)
    assert planned.asked_batch_size == 32
    assert planned.epochs == pytest.approx(steps / math.ceil(400 / batch))
    assert planned.slow_update == (None if batch == 32 else pytest.approx(update))


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_a_small_batch_stays_as_it_is(size):
    planned = plan(1000.0, 30, size=size)
    assert (planned.batch_size, planned.steps) == (size, 1)


def test_a_batch_that_may_not_shrink_stays_as_it_is():
    planned = plan(20.0, 45, may_shrink=False)
    assert (planned.batch_size, planned.steps, planned.slow_update) == (32, 2, None)


def test_scoring_leaves_half_of_the_time_to_training():
    assert plan(0.5, 30, row=1.0, validation=500).steps == 29


class Sleeper:
    """A job whose updates take a hundredth of a second for each row, and which counts what it was asked for."""

    def __init__(self, seconds_per_row: float):
        import torch

        self.accelerator, self.model, self.batches = Accelerator(cpu=True), torch.nn.Linear(1, 1), batches()
        self.config, self.seconds_per_row, self.rows_read = self, seconds_per_row, []
        self.max_grad_norm = 1.0

    def optimizer(self):
        import torch

        return torch.optim.SGD(self.model.parameters(), lr=0.0)

    def batch(self, rows):
        self.rows_read.append(len(rows))
        time.sleep(self.seconds_per_row * len(rows))
        import torch

        return {"x": torch.ones(len(rows), 1)}

    def loss(self, batch):
        return self.model(batch["x"]).sum()


def measured(job: Sleeper, seconds: float | None) -> Speed:
    return measure_speed(job, EarlyEnd(job.accelerator, never, Budget(time.perf_counter(), seconds)))


def test_without_a_budget_five_updates_are_measured():
    job = Sleeper(0.0001)
    measured(job, None)
    assert [job.rows_read[:2], job.rows_read[-1]] == [[planning.SMALLEST_BATCH] * 2, 32]
    assert len(job.rows_read) == 2 + planning.MEASURED_STEPS + 1


def test_measuring_ends_long_before_the_budget_does():
    job = Sleeper(0.02)  # a batch of 32 takes longer than the share of the budget for measuring
    speed = measured(job, 1)
    assert job.rows_read == [planning.SMALLEST_BATCH] * 2
    assert speed.update == pytest.approx(8 * 0.08, rel=0.5)
    assert speed.row == pytest.approx(speed.update / 3 / 32)
