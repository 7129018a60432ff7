"""How many positions of its input a checkpoint learned: facts of the catalog, and the records of runs."""

import pytest

from minilm_demo.runs import learned_positions


@pytest.mark.parametrize(
    ("name", "number"), [("bundled", 128), ("nli", 128), ("sentiment", 128), ("qa", 384), ("minilm-l12", None)]
)
def test_facts_of_the_catalog(name, number):
    learned = learned_positions(name)
    assert (learned and learned.number) == number
    assert learned is None or str(number) in learned.source
