"""Labels in another order are suspected where the answers say so, and only there."""

import pytest

from minilm_demo.jobs.label_order import order_hint
from minilm_demo.results import ValueMeaning
from minilm_demo.tasks import TASKS

MNLI, SST2, STSB = (TASKS[name] for name in ("mnli", "sst2", "stsb"))


def test_numbers_in_another_order_are_named():
    values = [ValueMeaning(str(index), label, 20, "a row") for index, label in enumerate(MNLI.labels)]
    table = [[1, 2, 17], [16, 2, 2], [3, 15, 2]]  # 0 means contradiction, 1 entailment, 2 neutral
    hint = order_hint(MNLI, table, values, "The Inference skill")
    assert hint.startswith("The Inference skill agrees with 8 % of the labels as they were read, and with 80 % if ")
    assert "0 means contradiction and 1 means entailment and 2 means neutral" in hint


def test_names_in_another_order_are_named():
    assert "“negative” means “positive” and “positive” means “negative”" in order_hint(
        SST2, [[2, 28], [27, 3]], (), "It"
    )


@pytest.mark.parametrize(
    "task, table",
    [
        (MNLI, [[15, 3, 2], [4, 14, 2], [1, 2, 17]]),  # in order
        (MNLI, [[6, 7, 7], [8, 6, 6], [6, 7, 7]]),  # by chance
        (MNLI, [[0, 5, 0], [0, 5, 0], [0, 90, 0]]),  # one answer to every row
        (SST2, [[0, 5], [5, 0]]),  # too few rows
        (SST2, [[0, 0], [0, 0]]),
        (STSB, []),
    ],
)
def test_no_suspicion_without_a_reason(task, table):
    assert order_hint(task, table, (), "It") == ""
