"""When an answer is unsure, for probabilities and for scores of rivals."""

import numpy as np
import pytest

from minilm_demo.jobs.certainty import LEAD, is_close, is_unsure


@pytest.mark.parametrize(
    ("probabilities", "unsure"),
    [
        ((0.5, 0.5), True),
        ((0.32, 0.68), True),
        ((0.29, 0.71), False),
        ((0.98, 0.02), False),
        ((0.4, 0.35, 0.25), True),
        ((0.1, 0.61, 0.1, 0.19), False),
        ((0.55, 0.2, 0.25), True),
        ((1.0,), False),  # no rival
        ((0.02,) * 50, True),
    ],
)
def test_an_answer_is_unsure_where_its_lead_is_small(probabilities, unsure):
    assert is_unsure(probabilities) is unsure
    assert is_unsure(reversed(probabilities)) is unsure, "the order does not count"


def test_scores_are_judged_by_the_same_rule():
    even = np.log((1 + LEAD) / (1 - LEAD))  # two logits so far apart are `LEAD` apart as probabilities
    assert is_close((3.0, 3.0 + 0.99 * even))
    assert not is_close((3.0, 3.0 + 1.01 * even))
    assert not is_close((7.5,))
