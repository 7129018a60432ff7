"""The plan of a run on machines of every speed."""

import math
from types import SimpleNamespace

import pytest
from accelerate import Accelerator

from minilm_demo.data import features
from minilm_demo.jobs import planning, training
from minilm_demo.jobs.planning import Scoring, Speed, make_plan, measure_speed
from minilm_demo.jobs.training import Budget, EarlyEnd, never


def batches(size: int = 32, rows: int = 416) -> features.LengthGroupedBatches:
    return features.LengthGroupedBatches(rows, lambda numbers: [10] * len(numbers), size, seed=0)


def plan(update: float, budget: float, *, row=0.0, fixed=0.0, validation=0, may_shrink=True, size=32):
    scoring = Scoring(0, validation, lambda steps: 2)
    options = {"accelerator": Accelerator(cpu=True), "batches": batches(size), "may_shrink": may_shrink}
    return make_plan(
        None,
        Budget(planning.time.perf_counter(), budget),
        Speed(update, row, fixed),
        scoring,
        warmup_ratio=0.1,
        **options,
    )


@pytest.mark.parametrize(
    ("update", "batch", "steps"),
    [
        (0.1, 32, 300),
        (3.0, 32, 10),
        (5.1, 16, 11),
        (10, 16, 6),
        (20, 8, 6),
        (40, 4, 6),
        (100, 4, 2),
        (1e3, 4, 1),
        (1e6, 4, 1),
    ],
)
def test_no_machine_is_too_slow_for_thirty_seconds(update, batch, steps):
    planned = plan(update, 30)
    assert (planned.batch_size, planned.steps) == (batch, steps)
    assert planned.asked_batch_size == 32
    assert planned.epochs == pytest.approx(steps / math.ceil(416 / batch))
    assert planned.slow_update == (None if batch == 32 else pytest.approx(update))


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_a_small_batch_stays_as_it_is(size):
    planned = plan(1000.0, 30, size=size)
    assert (planned.batch_size, planned.steps) == (size, 1)


def test_a_batch_that_may_not_shrink_stays_as_it_is():
    planned = plan(20.0, 45, may_shrink=False)
    assert (planned.batch_size, planned.steps, planned.slow_update) == (32, 2, None)


def test_scoring_leaves_half_of_the_time_to_training():
    assert plan(0.5, 30, row=1.0, validation=500).steps == 30


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    """The seconds of a machine on which only a `Job` takes time."""
    clock = SimpleNamespace(now=100.0)
    for module in (planning, training):
        monkeypatch.setattr(module, "time", SimpleNamespace(perf_counter=lambda: clock.now))
    return clock


class Job:
    """A job whose updates take so long, and which counts the rows of each."""

    def __init__(self, clock, seconds_per_row: float, fixed: float = 0.0, size: int = 32):
        import torch

        self.clock = clock
        self.accelerator, self.model, self.batches = Accelerator(cpu=True), torch.nn.Linear(1, 1), batches(size)
        self.config, self.max_grad_norm = self, 1.0
        self.seconds_per_row, self.fixed, self.rows_read = seconds_per_row, fixed, []

    def optimizer(self):
        import torch

        return torch.optim.SGD(self.model.parameters(), lr=0.0)

    def batch(self, rows):
        import torch

        self.rows_read.append(len(rows))
        return {"x": torch.ones(len(rows), 1)}

    def loss(self, batch):
        """An update takes three times as long as a forward pass, and something for itself."""
        import torch

        seconds = self.seconds_per_row * len(batch["x"])
        self.clock.now += self.fixed + seconds if torch.is_grad_enabled() else seconds / 3
        return self.model(batch["x"]).sum()


def measured(job: Job, seconds: float | None) -> Speed:
    return measure_speed(job, EarlyEnd(job.accelerator, never, Budget(planning.time.perf_counter(), seconds)))


def test_without_a_budget_five_whole_batches_are_measured(clock):
    job = Job(clock, 0.01, fixed=0.1)
    speed = measured(job, None)
    assert job.rows_read == [4, 4, *[32] * planning.MEASURED_STEPS, 32]  # the last is the forward pass
    assert speed.update == pytest.approx(0.42)
    assert speed.fixed == pytest.approx(0.1)
    assert speed.row == pytest.approx(0.01 / 3)


@pytest.mark.parametrize("size", [1, 3, 4, 5])
def test_small_batches_are_measured_too(clock, size):
    job = Job(clock, 0.01, size=size)
    assert measured(job, None).update == pytest.approx(0.01 * size)


@pytest.mark.parametrize("budget", [5, 30, 600])
@pytest.mark.parametrize("seconds_per_row", [0.001, 0.01, 0.1, 1.0])
def test_measuring_leaves_the_budget_to_training(clock, seconds_per_row, budget):
    """Two updates of four rows are made in any case, a whole batch while it can be expected to fit, and a second one
    if the first was slow."""
    start = clock.now
    speed = measured(Job(clock, seconds_per_row), budget)
    one_batch = 32 * seconds_per_row
    few = 8 * seconds_per_row
    slow = min(planning.TWO_BATCHES_SHARE * budget, few + 2 * one_batch)
    assert clock.now - start <= max(planning.MEASURING_SHARE * budget, few + one_batch, slow) + 0.001
    assert clock.now - start <= max(0.9 * budget, 8.001 * seconds_per_row)
    assert speed.update == pytest.approx(one_batch)
    assert speed.row == pytest.approx(one_batch / 3 / 32)


def test_what_every_update_costs_is_told_from_what_every_row_costs(clock):
    """The time of few rows says little of that of many: an update of 4 rows here takes half as long as one of 32."""
    job = Job(clock, 0.005, fixed=0.1)
    speed = measured(job, 2)
    assert job.rows_read == [4, 4, 32, 32]
    assert (speed.update, speed.fixed) == (pytest.approx(0.26), pytest.approx(0.1))
    assert speed.with_batch(32, 16).update == pytest.approx(0.18)


def test_batches_that_would_hardly_be_faster_stay_large():
    planned = plan(5.5, 30, fixed=4.5)
    assert (planned.batch_size, planned.steps) == (32, 5)


def test_a_batch_that_was_held_up_is_measured_again(clock):
    """Another program takes the processor for a moment: it is not taken for the speed of this machine."""
    job = Job(clock, 0.01)
    real, whole_batches = job.loss, []

    def loss(batch):
        if len(batch["x"]) == 32:
            whole_batches.append(clock.now)
            clock.now += 6.0 if len(whole_batches) == 1 else 0.0
        return real(batch)

    job.loss = loss
    assert measured(job, 30).update == pytest.approx(0.32)
