"""The Distillation tab: what it draws, which models it offers, what the microscope asks for by itself, and what a
hostile visitor may send."""

import base64
import io
import json
from functools import partial

import numpy as np
import pytest
import transformers

from minilm_demo import runs, views
from minilm_demo.jobs.configs import DistillConfig
from minilm_demo.jobs.distilling import distill
from minilm_demo.jobs.relations import distillation_targets
from minilm_demo.results import Probed
from minilm_demo.serving import FIRST_PAIRING, FIRST_PAIRING_VIEW, Pairing, choices, student_choices
from minilm_demo.tasks import get_task
from minilm_demo.ui import distillation_tab
from minilm_demo.ui.distillation_tab import microscope_file, microscope_head, microscope_look, microscope_row

TEXT = "A man is asleep."


def decoded(base64_bytes: str, *shape: int) -> np.ndarray:
    return (np.frombuffer(base64.b64decode(base64_bytes), np.uint8).reshape(shape) / 255.0) ** 2


def picture(*texts: str | None, **asked) -> dict:
    both = {"teacher": "bundled", "student": "nli", "recipe": "minilm_v1"}
    return microscope_look({"texts": list(texts), **both, **asked})


def test_teacher_and_student_are_compared():
    payload = picture(TEXT, "Nobody is awake.")
    targets = distillation_targets("bundled", "nli", TEXT, "Nobody is awake.")
    assert payload["texts"] == [TEXT, "Nobody is awake."]
    assert payload["student"]["title"] == "Inference skill (shipped)"
    assert payload["badge"]["title"] == "not a distillation"
    for relation in payload["relations"]:
        exact = targets.student[relation["name"]]
        assert np.abs(decoded(relation["student"]["weights"], *exact.shape) - exact).max() < 0.004
        assert relation["loss"] == pytest.approx(targets.losses[relation["name"]], abs=1e-5)


def test_the_second_recipe():
    payload = picture(TEXT, "", recipe="minilm_v2")
    assert [relation["name"] for relation in payload["relations"]] == ["QQ", "KK", "VV"]
    assert payload["heads"] == 48
    assert payload["teacher"]["head_size"] == 8


def test_a_model_beside_itself_differs_nowhere():
    payload = picture(TEXT, "", student="bundled")
    assert payload["badge"]["title"] == "the same model"
    assert all(abs(relation["loss"]) < 1e-6 for relation in payload["relations"])


def test_models_that_are_not_here_can_be_chosen_and_say_that_they_are_fetched(monkeypatch):
    titles = {name: title for title, name in choices.teacher_choices(())}
    assert titles["minilm-l12"].endswith("\u2003fetch 133 MB")
    assert titles["bert-base"].endswith("\u2003fetch 440 MB")
    assert "fetched" not in titles["bundled"]
    monkeypatch.setattr(choices, "is_on_disk", lambda entry: True)
    assert not [title for title, _ in choices.traceable_choices(()) if "fetched" in title]


def test_without_the_hub_a_model_to_fetch_is_refused_in_a_sentence():
    error = picture(TEXT, "", teacher="minilm-l12")["error"]
    assert "Hub" in error


@pytest.mark.parametrize("texts", [("", ""), ("  ", "\n"), (None, None)])
def test_without_a_text_there_is_a_sentence(texts):
    assert picture(*texts)["error"].startswith("There is no text")


def test_without_a_student_there_is_a_sentence():
    assert picture(TEXT, "", student=None)["error"].startswith("No student here")


def test_only_students_that_fit_are_offered(tiny_checkpoint, tmp_path):
    """The tiny checkpoint has 2 heads, 32 wide, and other words than the bundled one."""
    config = transformers.AutoConfig.from_pretrained(tiny_checkpoint)
    config.num_attention_heads = 4
    config.save_pretrained(tmp_path / "four")
    tiny, four = str(tiny_checkpoint), str(tmp_path / "four")
    known = [("Tiny", tiny), ("Four heads", four), ("Bundled", "bundled"), ("BERT-base", "bert-base")]

    def offered(teacher, recipe):
        return [name for _, name in choices.comparable(teacher, known, recipe)]

    assert offered(tiny, "minilm_v1") == [tiny, "bert-base"], "what is not a folder here is not known before it loads"
    assert offered(tiny, "minilm_v2") == [tiny, four, "bert-base"]
    assert offered("bundled", "minilm_v1") == ["bundled", "bert-base"]


def test_a_student_that_was_chosen_stays_if_it_can():
    assert distillation_tab._students("bundled", "sentiment", "minilm_v2", None).value == "sentiment"
    assert distillation_tab._students("bundled", "gone", "minilm_v1", None).value is not None
    teacher, student = distillation_tab.refresh_models("gone", "nli", "minilm_v1", None)
    assert (teacher.value, student.value) == ("bundled", "nli")


def test_a_student_of_this_machine_is_offered_and_replayed(tiny_checkpoint):
    config = DistillConfig(
        teacher=str(tiny_checkpoint), data="sample", layers=1, hidden=16, heads=2, steps=2, batch_size=4, probe=TEXT
    )
    record = runs.create_run("distill", get_task("sst2"), config)
    *events, last = runs.record_events(record, partial(distill, record.config))
    assert last.status == "completed", last.message
    (choice,) = student_choices(())
    assert choice[1] == record.run_id
    assert "1 x 16" in choice[0]
    assert "/" not in choice[0], "no folder of this machine"

    targets = distillation_targets(str(tiny_checkpoint), record.run_id, TEXT)
    frames = views.probed_frames([event for event in events if isinstance(event, Probed)])
    payload = views.microscope_payload(targets, frames=frames)
    assert payload["frames"]["steps"][-1] == 2
    shape = (frames["heads"], payload["size"], payload["size"])
    last_frame = decoded(frames["student"]["QK"][-1], *shape)
    assert np.abs(last_frame - targets.student["QK"][: frames["heads"]]).max() < 0.01


@pytest.mark.parametrize(
    "change",
    [
        {"teacher": "/etc"},
        {"student": "microsoft/anything"},
        {"student": None},
        {"recipe": "tinybert"},
        {"texts": []},
        {"texts": None},
    ],
)
def test_what_a_hostile_visitor_sends_is_answered_with_a_sentence(change):
    asked = {**Pairing((TEXT,)).to_page(), "relation": "QK", "head": 0, "token": 0, "format": "npz"}
    for answer in (microscope_look, microscope_head, microscope_row, microscope_file):
        assert set(answer({**asked, **change})) == {"error"}


@pytest.mark.parametrize(
    "place", [{"relation": "QQ"}, {"relation": ["QK"]}, {"head": 12}, {"head": "0"}, {"token": -1}, {"token": True}]
)
def test_places_that_are_not_there(place):
    asked = {**Pairing((TEXT,)).to_page(), "relation": "QK", "head": 0, "token": 0, **place}
    assert set(microscope_row(asked)) == {"error"}


def test_a_row_and_a_head_are_exact():
    asked = {**Pairing((TEXT,)).to_page(), "relation": "VV", "head": 4, "token": 3}
    targets = distillation_targets("bundled", "nli", TEXT)
    size = len(targets.tokens)
    row = microscope_row(asked)
    np.testing.assert_allclose(row["student"], targets.student_scores["VV"][4, 3], atol=1e-5)
    np.testing.assert_allclose(row["teacher"], targets.teacher_scores["VV"][4, 3], atol=1e-5)
    head = microscope_head(asked)
    assert np.abs(decoded(head["teacher"], size, size) - targets.teacher["VV"][4]).max() < 0.004


def test_files_to_save():
    asked = Pairing((TEXT,)).to_page()
    saved = microscope_file({**asked, "format": "npz"})
    with np.load(io.BytesIO(base64.b64decode(saved["base64"])), allow_pickle=False) as arrays:
        assert {"teacher_QK", "student_VV", "divergence_QK"} <= set(arrays)
    page = base64.b64decode(microscope_file({**asked, "format": "html"})["base64"]).decode("utf-8")
    assert page.startswith("<!doctype html>")
    assert "Inference skill (shipped)" in page
    assert "error" in microscope_file({**asked, "format": "exe"})


def test_the_same_question_is_answered_from_memory():
    first = Pairing((TEXT,)).targets
    assert Pairing((TEXT,)).targets is first
    assert Pairing((TEXT,), recipe="minilm_v2").targets is not first


def test_the_first_picture_is_a_recorded_distillation():
    stored = json.loads(FIRST_PAIRING_VIEW.read_text(encoding="utf-8"))
    assert stored["precomputed"] and stored["badge"]["title"] == "distilled here"
    assert tuple(stored["texts"]) == FIRST_PAIRING.texts
    steps = stored["frames"]["steps"]
    assert steps[0] == 0 and steps == sorted(set(steps)) and len(steps) > 5
    for relation in stored["relations"]:
        first, last = (np.mean(stored["frames"]["divergence"][relation["name"]][place]) for place in (0, -1))
        assert last < 0.5 * first, "the student came nearer to its teacher"
        assert relation["loss"] == pytest.approx(last, abs=0.02)
    answer = distillation_tab.microscope_row({**stored["asked"], "relation": "QK", "head": 0, "token": 0})
    assert answer["error"].startswith("This is a recording")


def test_every_preset_fills_both_boxes():
    for name, texts in distillation_tab.PRESETS.items():
        assert distillation_tab._fill(name) == [*texts, ""][:2]


@pytest.mark.parametrize("recipe", ["minilm_v1", "minilm_v2"])
def test_the_code_makes_the_same_targets(recipe, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    targets = distillation_targets("bundled", "nli", TEXT, "Nobody is awake.", recipe=recipe)
    scope: dict = {}
    exec(views.microscope_payload(targets)["code"], scope)
    for name, values in targets.divergence.items():
        np.testing.assert_array_equal(scope["targets"].divergence[name], values)
    assert (tmp_path / "microscope.html").is_file()
