"""The microscope's payload: both sides in bytes, where to look first, frames, and the code that makes the same."""

import base64
import json
import re

import numpy as np
import pytest
import target_samples as samples

from minilm_demo import views
from minilm_demo.views.distillation import RELATIONS, first_look, shares
from minilm_demo.views.weights import ALL_HEADS_UP_TO, OVERVIEW


def weights(base64_bytes: str, *shape: int) -> np.ndarray:
    return (np.frombuffer(base64.b64decode(base64_bytes), np.uint8).reshape(shape) / 255.0) ** 2


def floats(base64_bytes: str, *shape: int) -> np.ndarray:
    return np.frombuffer(base64.b64decode(base64_bytes), "<f4").reshape(shape)


@pytest.mark.parametrize(
    ("recipe", "names", "titles"),
    [
        ("minilm_v1", ["QK", "VV"], ["Attention", "Value relation"]),
        ("minilm_v2", ["QQ", "KK", "VV"], ["Query relation", "Key relation", "Value relation"]),
    ],
)
def test_every_relation_has_both_sides_its_loss_and_its_divergence(recipe, names, titles):
    targets = samples.targets(recipe)
    payload = views.microscope_payload(targets)
    assert [relation["name"] for relation in payload["relations"]] == names
    assert [relation["title"] for relation in payload["relations"]] == titles
    size = payload["size"]
    for relation in payload["relations"]:
        name = relation["name"]
        for side in ("teacher", "student"):
            exact = getattr(targets, side)[name]
            assert np.abs(weights(relation[side]["weights"], *exact.shape) - exact).max() < 0.004
        np.testing.assert_array_equal(floats(relation["divergence"], 4, size), targets.divergence[name])
        assert relation["loss"] == pytest.approx(targets.divergence[name].mean(), rel=1e-5)
    assert json.loads(json.dumps(payload, allow_nan=False)) == payload


def test_equation_numbers_are_those_of_the_first_paper_only():
    first = views.microscope_payload(samples.targets())["relations"]
    assert [relation["equations"] for relation in first] == [["eq. 3", "eq. 6"], ["eq. 7 and 8", "eq. 9"]]
    second = views.microscope_payload(samples.targets("minilm_v2"))["relations"]
    assert all(relation["equations"] == ["", ""] for relation in second)
    assert set(RELATIONS) >= {relation["name"] for relation in first + second}


def test_it_opens_on_the_row_that_is_farthest_away():
    targets = samples.targets(far=(2, 2))
    look = first_look(targets)
    assert (look["relation"], look["head"], look["from"]) == ("QK", 2, 2)
    assert look["to"] in (1, 4)
    payload = views.microscope_payload(targets)
    assert payload["selected"] == look
    size = payload["size"]
    np.testing.assert_array_equal(floats(payload["rows"]["student"], size, size), targets.student_scores["QK"][2])


def test_it_never_opens_on_a_special_token():
    look = first_look(samples.targets(far=(1, 0)))
    assert look["head"] == 1
    assert look["from"] != 0


def test_the_shares_of_a_row_are_its_divergence():
    targets = samples.targets()
    rows = targets.teacher_scores["QK"][1, 3], targets.student_scores["QK"][1, 3]
    each = shares(*rows)
    assert each.sum() == pytest.approx(targets.divergence["QK"][1, 3], abs=1e-6)
    assert (each < 0).any(), "a key that the student sees more of is credited"


def test_a_long_text_has_an_overview_and_heads_on_demand():
    targets = samples.targets(filler=ALL_HEADS_UP_TO)
    payload = views.microscope_payload(targets)
    size = payload["size"]
    assert size > ALL_HEADS_UP_TO
    teacher = payload["relations"][0]["teacher"]
    assert teacher["weights"] is None
    assert teacher["overview"]["size"] == OVERVIEW
    assert np.allclose(weights(teacher["overview"]["weights"], 4, OVERVIEW, OVERVIEW).sum(axis=-1), 1, atol=0.06)
    assert payload["rows"] is None
    head = views.target_head_payload(targets, "VV", 3)
    assert np.abs(weights(head["student"], size, size) - targets.student["VV"][3]).max() < 0.004
    alone = views.microscope_payload(targets, alone=True)
    assert alone["relations"][0]["teacher"]["weights"] is not None
    assert alone["rows"] is not None


def test_a_row_has_the_exact_scores_of_both_sides():
    targets = samples.targets()
    row = views.target_row_payload(targets, "VV", 1, 3)
    assert row["teacher"] == targets.teacher_scores["VV"][1, 3].tolist()
    assert row["student"] == targets.student_scores["VV"][1, 3].tolist()


def test_frames_are_the_student_at_every_kept_step():
    targets = samples.targets()
    frames = views.probed_frames(samples.probed(targets))
    assert frames["steps"] == [0, 10, 20]
    size = len(targets.tokens)
    last = weights(frames["student"]["VV"][-1], 4, size, size)
    assert np.abs(last - targets.student["VV"]).max() < 0.004
    assert np.mean(frames["divergence"]["QK"][-1]) == pytest.approx(targets.losses["QK"], rel=1e-4)
    assert views.microscope_payload(targets, frames=frames)["frames"] == frames
    assert views.probed_frames([]) is None


def test_it_opens_within_the_heads_of_its_frames():
    targets = samples.targets(far=(3, 2))
    frames = {**views.probed_frames(samples.probed(targets)), "heads": 2}
    assert views.microscope_payload(targets, frames=frames)["selected"]["head"] < 2


def test_what_is_said_of_the_input_and_the_models():
    badge = {"kind": "proxy", "title": "proxy teacher", "about": "It stands in."}
    payload = views.microscope_payload(
        samples.targets(tokens_total=700), teacher_title="Big", student_title="Small", badge=badge, notes=["First."]
    )
    assert (payload["teacher"]["title"], payload["student"]["title"]) == ("Big", "Small")
    assert (payload["teacher"]["head_size"], payload["student"]["head_size"]) == (16, 4)
    assert payload["badge"] == badge
    assert payload["notes"][0] == "First."
    assert "cut off" in payload["notes"][1]
    assert payload["tokens"]["words"][:5] == [None, 0, 1, 1, 2]
    assert payload["words"][1] == {"text": "waiters", "segment": 0}


def test_show_makes_a_page_of_its_own():
    page = views.show(samples.targets()).html
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", page)
    assert "microscope.mount(" in page


def test_gradio_gets_static_templates_and_the_names_of_the_server_functions():
    parts = views.gradio_parts(views.MICROSCOPE)
    for text in (parts["html_template"], parts["css_template"]):
        assert not any(mark in text for mark in ("${", "{{", "`", "\\"))
    for name in ("microscope_look", "microscope_head", "microscope_row", "microscope_file"):
        assert f"server.{name}" in parts["js_on_load"]
