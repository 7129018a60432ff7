"""What a visitor had chosen, as the saved page gets it: it is checked first."""

import pytest
from trace_samples import made_up_trace

from minilm_demo.errors import DataError
from minilm_demo.serving.chosen_view import chosen_view

VIEW = {
    "layer": 1,
    "head": "mean",
    "rollout": False,
    "drawing": "matrix",
    "words": False,
    "hideSpecial": True,
    "keep": 40,
    "zoom": 2,
    "several": False,
    "block": [0, 1],
    "side": "this",
    "frame": None,
    "chosen": {"axis": "row", "tokens": [3, 4]},
    "kind": "broad",
    "entered": True,
    "piece": 0,
}


def test_what_fits_is_kept_and_nothing_else():
    assert chosen_view({**VIEW, "more": "<script>"}, made_up_trace(), 0, False) == VIEW
    assert chosen_view(None, made_up_trace(), 0, False) is None


@pytest.mark.parametrize(
    "change",
    [
        {"layer": 2},
        {"head": -1},
        {"words": 1},
        {"zoom": 64},
        {"keep": "40"},
        {"block": [0, 2]},
        {"side": "other"},
        {"frame": 0},
        {"kind": "<b>"},
        {"chosen": {"axis": "row", "tokens": [10]}},
        {"chosen": None},
        {"chosen": {"axis": "<b>", "tokens": []}},
    ],
)
def test_what_does_not_fit_is_refused(change):
    with pytest.raises(DataError, match="does not fit"):
        chosen_view({**VIEW, **change}, made_up_trace(), 0, False)


@pytest.mark.parametrize("values", [[], "x", {}, 3])
def test_what_is_no_view_is_refused(values):
    with pytest.raises(DataError, match="does not fit"):
        chosen_view(values, made_up_trace(), 0, False)
