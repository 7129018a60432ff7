"""The Attention tab: what it draws, what the explorer asks for by itself, and what a hostile visitor may send."""

import base64
import io
import json
import sys
from functools import partial
from pathlib import Path

import gradio as gr
import numpy as np
import pytest

from minilm_demo import runs, trace_attention, views
from minilm_demo.errors import DataError, DemoError
from minilm_demo.jobs.configs import TrainConfig
from minilm_demo.jobs.finetuning import finetune
from minilm_demo.results import Traced
from minilm_demo.serving import FIRST_LOOK_VIEW, Look, requests
from minilm_demo.tasks import SKILLS, get_task
from minilm_demo.ui import attention_tab
from minilm_demo.ui.attention_tab import attention_file, attention_head, attention_look, attention_row

PAIR = ("A man is asleep.", "Nobody is awake.")
PROBE = ("A joy from start to end.",)


@pytest.fixture
def run_with_probe(tiny_checkpoint):
    """The id of a finished run that kept the attention of a text, which the page may offer to everybody."""
    config = TrainConfig(checkpoint=str(tiny_checkpoint), data="sample", max_steps=3, eval_examples=4, probe=PROBE)
    record = runs.create_run("finetune", get_task("sst2"), config)
    *_, last = runs.record_events(record, partial(finetune, "sst2", record.config))
    assert last.status == "completed", last.message
    return record.run_id


def decoded(payload: dict, size: int) -> np.ndarray:
    weights = np.frombuffer(base64.b64decode(payload["weights"]), np.uint8).reshape(-1, size, size)
    return (weights / 255.0) ** 2


def picture(*texts: str | None, checkpoint: str = "bundled", **asked) -> dict:
    return attention_look({"texts": list(texts), "checkpoint": checkpoint, **asked})


def test_a_pair_is_drawn_with_the_head_that_crosses_most():
    payload = picture(*PAIR)
    trace = trace_attention("bundled", *PAIR)
    assert payload["texts"] == list(PAIR)
    assert payload["tokens"]["texts"] == list(trace.tokens)
    crossing = np.array(payload["pair"])[:, :, [0, 1], [1, 0]].mean(axis=-1)
    layer, head = np.unravel_index(crossing.argmax(), crossing.shape)
    assert (payload["selected"]["layer"], payload["selected"]["head"]) == (layer, head)
    assert payload["prediction"] is None, "the bundled encoder answers nothing"
    exact = trace.attentions.reshape(-1, trace.num_tokens, trace.num_tokens)
    assert np.abs(decoded(payload, trace.num_tokens) - exact).max() < 0.004


def test_a_skill_answers_in_the_same_pass():
    payload = picture(*PAIR, checkpoint="nli")
    assert sum(bar["share"] for bar in payload["prediction"]["bars"]) == pytest.approx(1)


def test_one_text_for_a_model_of_pairs_is_traced_without_an_answer():
    payload = picture(PAIR[0], " ", checkpoint="nli")
    assert payload["prediction"] is None
    assert payload["pair"] is None


def test_another_model_stands_beside():
    payload = picture(*PAIR, checkpoint="nli", compare="bundled")
    assert payload["before"]["title"] == "all-MiniLM-L6-v2 (bundled)"
    assert payload["before"]["weights"] != payload["weights"]


def test_models_of_other_shapes_cannot_be_compared(run_with_probe):
    assert "layers" in picture(*PROBE, "", checkpoint=run_with_probe, compare="bundled")["error"]


@pytest.mark.parametrize("texts", [("", ""), ("  ", "\n"), (None, None)])
def test_without_a_text_there_is_a_sentence(texts):
    assert picture(*texts)["error"].startswith("There is no text")


def test_masked_words_and_heads_switched_off_stand_beside_the_trace_before():
    payload = picture(*PAIR, checkpoint="nli", masked=[4], ablated=[{"layer": 5, "head": 2}])
    size = payload["size"]
    assert payload["changed"] == {"masked": [4], "ablated": [{"layer": 5, "head": 2}]}
    assert decoded(payload, size)[:, :, 4].max() == 0
    assert decoded(payload["before"], size)[:, :, 4].max() > 0
    assert payload["before"]["prediction"]["sentence"]


def test_an_explanation_keeps_the_change_it_was_asked_under_and_says_what_it_read():
    asked = {"checkpoint": "nli", "explained": True}
    payload = picture(*PAIR, **asked, masked=[4])
    assert payload["changed"]["masked"] == [4]
    assert payload["explanation"] == picture(*PAIR, **asked)["explanation"]
    assert requests.UNCHANGED in payload["notes"]


def test_an_explanation_of_every_word():
    payload = picture(*PAIR, checkpoint="nli", explained=True)
    explanation = payload["explanation"]
    assert [word["word"] for word in explanation["words"]] == [word["text"] for word in payload["words"]]
    assert len(explanation["correlations"]) == 3
    assert "nothing to explain" in picture(*PAIR, explained=True)["error"]


@pytest.mark.parametrize(
    "change",
    [
        {"checkpoint": "/etc"},
        {"checkpoint": "microsoft/anything"},
        {"checkpoint": None},
        {"texts": []},
        {"texts": None},
        {"masked": ["<script>"]},
        {"masked": [10_000]},
        {"masked": [float("inf")]},
        {"ablated": [{"layer": 99, "head": 0}]},
        {"ablated": 7},
    ],
)
def test_what_a_hostile_visitor_sends_is_answered_with_a_sentence(change):
    asked = {**Look(PAIR, "bundled").to_page(), "layer": 0, "head": 0, "token": 0, **change}
    for answer in (attention_look, attention_head, attention_row, attention_file):
        assert set(answer({**asked, "format": "npz"})) == {"error"}


# -- what the explorer asks for by itself --------------------------------------------------------------------------


def test_a_head_of_a_long_text_and_averages():
    text = "The river that runs through the old town is wide. " * 12
    payload = picture(text, "")
    trace = trace_attention("bundled", text.strip() + " ")
    size = payload["size"]
    assert size > views.weights.ALL_HEADS_UP_TO
    assert payload["weights"] is None
    assert payload["overview"]["size"] == views.weights.OVERVIEW
    asked = payload["asked"]
    one = decoded(attention_head({**asked, "layer": 3, "head": 7}), size)[0]
    assert np.abs(one - trace.attentions[3, 7]).max() < 0.004
    mean = decoded(attention_head({**asked, "layer": 3, "head": "mean"}), size)[0]
    assert np.abs(mean - trace.attentions[3].mean(axis=0)).max() < 0.004
    assert "error" in attention_head({**asked, "layer": 6, "head": 0})
    assert np.allclose(decoded(attention_head({**asked, "rollout": True}), size)[0].sum(axis=1), 1, atol=0.05)


def test_a_row_is_exact():
    trace = trace_attention("bundled", *PAIR, with_qkv=True)
    asked = {**Look(PAIR, "bundled").to_page(), "layer": 2, "head": 3, "token": 4}
    scores = np.array(attention_row(asked)["scores"])
    exponentials = np.exp(scores - scores.max())
    np.testing.assert_allclose(exponentials / exponentials.sum(), trace.attentions[2, 3, 4], atol=1e-6)
    assert None in attention_row({**asked, "masked": [1]})["scores"]
    assert "error" in attention_row({**asked, "layer": "mean"})


def test_files_to_save():
    asked = Look(PAIR, "bundled").to_page()
    saved = attention_file({**asked, "format": "npz"})
    with np.load(io.BytesIO(base64.b64decode(saved["base64"])), allow_pickle=False) as arrays:
        assert arrays["attentions"].shape == (6, 12, len(arrays["tokens"]), len(arrays["tokens"]))
    page = base64.b64decode(attention_file({**asked, "format": "html"})["base64"]).decode("utf-8")
    assert page.startswith("<!doctype html>")
    assert "error" in attention_file({**asked, "format": "exe"})


# -- while it learns -----------------------------------------------------------------------------------------------


def test_a_run_shows_the_attention_of_every_kept_step(run_with_probe):
    _, text, second, model, payload = attention_tab.watch_run(run_with_probe, None)
    assert model.value == run_with_probe
    assert (text, second) == (*PROBE, "")
    traced = [one for one in runs.state(runs.visitor_run_folder(run_with_probe)).events if isinstance(one, Traced)]
    assert payload["frames"]["steps"] == [one.step for one in traced] == [0, 1, 2, 3]
    assert payload["frames"]["weights"][0] != payload["frames"]["weights"][-1]
    assert all(answer["bars"] for answer in payload["frames"]["predictions"])
    again = attention_tab.watch_run(run_with_probe, None)[-1]
    assert again != payload, "what does not differ from the value before is not drawn"
    assert {**again, "shown": payload["shown"]} == payload


def test_a_run_without_a_text_to_watch_says_so(tiny_checkpoint):
    config = TrainConfig(checkpoint=str(tiny_checkpoint), data="sample", max_steps=1, eval_examples=4)
    record = runs.create_run("finetune", get_task("sst2"), config)
    list(runs.record_events(record, partial(finetune, "sst2", record.config)))
    with pytest.raises(gr.Error, match="kept no attention"):
        attention_tab.watch_run(record.run_id, [])


@pytest.mark.parametrize(
    ("probe", "said"),
    [(("One.", "Two."), "reads sentence"), ((" ",), "empty"), (("word " * TrainConfig.WATCHED_TOKENS,), "at most")],
)
def test_a_text_that_cannot_be_watched_is_refused(probe, said, tiny_checkpoint):
    config = TrainConfig(checkpoint=str(tiny_checkpoint), data="sample", max_steps=1, probe=probe)
    with pytest.raises((DemoError, DataError), match=said):
        list(finetune("sst2", config))


# -- the first view ------------------------------------------------------------------------------------------------


def test_the_precomputed_view_is_what_would_be_computed():
    sys.path.insert(0, str(Path(FIRST_LOOK_VIEW).parent))
    try:
        import make_first_views
    finally:
        sys.path.pop(0)
    stored = json.loads(FIRST_LOOK_VIEW.read_text(encoding="utf-8"))
    fresh = json.loads(json.dumps(make_first_views.first_attention()))
    size = fresh["size"]
    assert np.abs(decoded(stored, size) - decoded(fresh, size)).max() < 0.01
    assert {name: stored[name] for name in ("tokens", "texts", "selected", "code", "title")} == {
        name: fresh[name] for name in ("tokens", "texts", "selected", "code", "title")
    }
    assert stored["precomputed"]
    assert any("Precomputed" in note for note in stored["notes"])


def test_every_preset_fills_both_boxes():
    for _, name in attention_tab._preset_choices():
        first, second, checkpoint = attention_tab._fill(name, "bundled")
        assert first
        skill = name.split()[0]
        assert bool(second) == (len(get_task(SKILLS[skill].tasks[0]).text_fields) == 2)
        assert checkpoint in (skill, "bundled")


def test_the_code_makes_the_same_trace(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    trace = trace_attention("nli", *PAIR, task="mnli", masked_tokens=(3,), ablated_heads=((1, 2),))
    scope: dict = {}
    exec(views.attention_payload(trace)["code"], scope)
    np.testing.assert_array_equal(scope["trace"].attentions, trace.attentions)
    assert (tmp_path / "attention.html").is_file()
