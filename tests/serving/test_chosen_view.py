"""What a visitor had chosen, as the saved page gets it: it is checked first."""

import base64
import json

import pytest
from trace_samples import made_up_trace

from minilm_demo import serving
from minilm_demo.errors import DataError
from minilm_demo.serving.chosen_view import chosen_view
from minilm_demo.ui import distillation_tab

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


# -- the microscope ------------------------------------------------------------------------------------------------

CELL = {"relation": 1, "head": 2, "words": False, "hideSpecial": True, "chosen": {"from": 3, "to": 1}}


@pytest.fixture(scope="module")
def pairing():
    return serving.Pairing(("The food was not good.",))


@pytest.mark.parametrize("changed", [{}, {"chosen": None}, {"relation": 0, "head": 11}])
def test_the_saved_microscope_opens_on_the_chosen_cell(pairing, changed):
    chosen = CELL | changed
    assert pairing.view({"view": {**chosen, "more": "<b>"}}) == chosen
    question = pairing.to_page() | {"format": "html", "view": chosen}
    file = distillation_tab.microscope_file(question)
    page = base64.b64decode(file["base64"]).decode()
    payload = json.loads(page.split('id="value">')[1].split("</script>")[0])
    assert payload["view"] == chosen
    assert "<title>all-MiniLM-L6-v2" in page and "Inference skill (shipped): The food was not good.</title>" in page


@pytest.mark.parametrize(
    "changed",
    [
        {"relation": 2},
        {"head": 12},
        {"head": True},
        {"words": 1},
        {"chosen": {"from": 0}},
        {"chosen": {"from": 99, "to": 0}},
        {"chosen": []},
        {"chosen": "x"},
        {"relation": None},
    ],
)
def test_a_cell_that_is_not_there_is_refused(pairing, changed):
    with pytest.raises(DataError, match="does not fit the picture"):
        pairing.view({"view": CELL | changed})


@pytest.mark.parametrize("view", [{}, [], "x", 3])
def test_a_view_of_another_shape_is_refused(pairing, view):
    with pytest.raises(DataError, match="does not fit the picture"):
        pairing.view({"view": view})
