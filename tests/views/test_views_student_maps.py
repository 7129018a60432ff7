"""A distillation in the run view: its curves, its words, the student at the end, and the maps below."""

import base64
import dataclasses
import json

import distill_samples as samples
import numpy as np
import pytest
import target_samples

from minilm_demo import DistillConfig, distill, views
from minilm_demo.results import Fetching, Finished, Probed, from_json, to_json
from minilm_demo.tasks import TASKS
from minilm_demo.views.distilled import distill_card

SST2 = TASKS["sst2"]
RUNNING = samples.distillation(until=30)


def payload(events, status="running", **options):
    return views.run_payload(events, SST2, status=status, run_id="student_sst2-abc", job="distill", **options)


# -- in words ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("events", "status", "sentence"),
    [
        ([], "starting", "Loading the teacher and the texts…"),
        ([Fetching("bert-base", 44_000_000, 440_000_000)], "running", "Fetching bert-base from the Hub: 44 of 440 MB…"),
        (RUNNING[:2], "running", "Timing a few steps, to say how long it will take…"),
        (RUNNING[:3], "running", "Waiting for the first step… 60 steps, about 6 s"),
        (RUNNING, "running", "Step 30 of 60 · epoch 6 of 12 · 3 s left · 310 texts/s"),
        (samples.distillation()[:-1], "running", "All 60 steps made; measuring the student…"),
        (RUNNING, "stopping", "Stopping after step 30 of 60; then the student is measured and kept…"),
        (samples.distillation(), "completed", "Completed: 60 steps in 7 s · 9.6 steps/s"),
        (RUNNING, "interrupted", "Interrupted at step 30 of 60."),
    ],
)
def test_every_state_has_a_sentence(events, status, sentence):
    drawn = payload(events, status)
    assert drawn["sentence"] == sentence
    assert drawn["job"] == "distill"


def test_what_is_said_of_teacher_and_student():
    facts = dict(payload(RUNNING, base="all-MiniLM-L6-v2 (bundled)", init="teacher")["facts"])
    assert facts["Teacher"] == "all-MiniLM-L6-v2 (bundled): 6 layers x 384, 12 heads"
    assert facts["Student"] == "3 layers x 192, 12 heads, begins with layers of the teacher"
    assert facts["Learned"] == "attention + value relation of layer 6, 4 heads"
    assert facts["Weights"] == "7.1 million of the student's 7.3 million move"
    assert facts["Texts"] == "158 to learn from, 100 others to measure on"
    assert dict(payload(RUNNING)["facts"])["Teacher"].startswith("bundled: ")


def test_stop_keeps_the_student_as_it_is():
    assert payload(RUNNING)["stop"] == "Stop and keep"
    assert payload([], "queued", position=1)["stop"] == "Leave the line"


def test_the_loss_is_explained():
    lines = " ".join(payload([], "queued")["reading"]["lines"])
    for words in ("ln T", "0 means", "issue 365", "fine-tuning"):
        assert words in lines
    other = views.run_payload([], SST2, status="queued", run_id="x")["reading"]
    assert "overfits" in " ".join(other["lines"])


# -- the curves ----------------------------------------------------------------------------------------------------


def test_there_is_a_curve_of_the_sum_and_one_of_each_term():
    drawn = payload(RUNNING)
    assert [chart["title"] for chart in drawn["charts"].values()] == ["Sum of the terms", "Attention", "Value relation"]
    v2 = payload(samples.distillation("minilm_v2"), "completed")
    assert list(v2["charts"]) == ["loss", "query_relation", "key_relation", "value_relation"]
    for chart in (*drawn["charts"].values(), *v2["charts"].values()):
        for line in chart["series"]:
            assert (drawn["points"] | v2["points"])[line["of"]], "every line has points"


def test_the_terms_add_up_to_the_sum():
    points = payload(RUNNING)["points"]
    both = [points[name] for name in ("attention", "value_relation")]
    for (step, loss), (_, one), (_, other) in zip(points["loss"], *both, strict=True):
        assert loss == pytest.approx(one + other), step
    assert [step for step, _ in points["held_loss"]] == [0, 15, 30], "measured before the first step too"
    assert points["held_loss"][0][1] == pytest.approx(1.3)


def test_a_term_that_is_not_learned_is_measured_and_says_so():
    drawn = payload(samples.distillation(learned=("attention",), until=30))
    assert [chart["title"] for chart in drawn["charts"].values()] == [
        "Attention",
        "Value relation: measured, not learned",
    ]
    assert [line["of"] for line in drawn["charts"]["value_relation"]["series"]] == ["held_value_relation"]
    assert len(drawn["points"]["held_value_relation"]) == 3
    assert drawn["points"]["held_loss"] == drawn["points"]["held_attention"]


def test_only_new_points_are_sent():
    whole, first = payload(RUNNING), payload(RUNNING[:20])
    rest = payload(RUNNING, since=20)
    for name, points in whole["points"].items():
        assert first["points"][name] + rest["points"][name] == points
    assert whole["pictures"] == sum(isinstance(event, Probed) for event in RUNNING) == 6


# -- the student at the end ----------------------------------------------------------------------------------------


def test_the_card_says_how_near_the_student_came():
    card = payload(samples.distillation(), "completed", base="BERT-base (teacher and yardstick)")["result"]
    assert card["headline"]["value"] == "1.30 → 0.25"
    assert card["headline"]["label"].startswith("loss, the sum of its terms, on 100 validation texts")
    assert card["verdicts"][0] == "Attention down by 81 %; value relation down by 81 %."
    assert card["source"].endswith("No label was used.")
    losses, sizes = card["tables"]
    assert losses["rows"] == [
        ["Attention", "0.790", "0.152", "yes"],
        ["Value relation", "0.510", "0.098", "yes"],
        ["Sum of what is learned", "1.300", "0.250", ""],
    ]
    assert sizes["headings"][1] == "Teacher: BERT-base (teacher and yardstick)"
    assert sizes["rows"][-1] == ["Weights", "22.7 million", "7.3 million (32 %)"]
    assert dict(card["figures"])["Speed"] == "9.6 steps/s"
    assert "Start from" in card["notes"][0]


def test_one_term_alone_has_no_sum():
    result = samples.distillation(learned=("attention",))[-1].result
    card = distill_card(result)
    assert card["headline"]["label"].startswith("attention loss, on 100")
    assert [row[0] for row in card["tables"][0]["rows"]] == ["Attention", "Value relation"]
    assert card["tables"][0]["rows"][1][-1] == "no"
    assert "value relation (not learned) down by 10 %" in card["verdicts"][0]


def test_a_student_that_went_away_from_its_teacher_is_said():
    losses = {"attention": 0.9, "value_relation": 0.0}
    result = samples.result("minilm_v1", ("attention", "value_relation"), losses, 3)
    result = type(result)(**{**vars(result), "losses_before": {"attention": 0.6, "value_relation": 0.0}})
    assert distill_card(result)["verdicts"][0] == "Attention up by 50 %; value relation 0.000."


def test_show_draws_a_distillation():
    events = samples.distillation()
    for page in (views.show(events[-1].result), views.show(events[-1].result, events=events)):
        assert "1.30 → 0.25" in page.html
        assert "ln 16" in page.html


@pytest.mark.parametrize("recipe", ["minilm_v1", "minilm_v2"])
def test_payloads_are_plain_json(recipe):
    for value in (
        payload(samples.distillation(recipe), "completed"),
        payload([], "queued"),
        views.student_maps(samples.distillation(recipe), "text", teacher="", student="s", teacher_title="T"),
    ):
        assert json.loads(json.dumps(value, allow_nan=False)) == value


# -- the maps ------------------------------------------------------------------------------------------------------


def maps(events, **options):
    return views.student_maps(
        events, "The waiters smile.", teacher="bundled", student="student_sst2-abc", teacher_title="Teacher", **options
    )


def test_the_maps_are_what_was_probed():
    """Against the targets that the samples were made of: every number, as near as bytes allow."""
    found, targets = maps(samples.distillation()), target_samples.targets(pair=False)
    value = found["value"]
    assert (found["since"], found["next"], found["restart"]) == (0, 11, True)
    assert found["frames"]["steps"] == list(range(0, 61, 6))
    assert value["tokens"]["texts"] == list(targets.tokens)
    assert value["tokens"]["special"] == list(targets.special_tokens_mask)
    assert [word["text"] for word in value["words"]] == ["the", "waiters", "smile"]
    shape = (targets.num_relation_heads, len(targets.tokens), len(targets.tokens))
    for relation in value["relations"]:
        name = relation["name"]
        for side, exact in (("teacher", targets.teacher[name]), ("student", targets.student[name])):
            shown = np.frombuffer(base64.b64decode(relation[side]["weights"]), np.uint8).reshape(shape)
            assert np.abs((shown / 255) ** 2 - exact).max() < 0.005
        rows = np.frombuffer(base64.b64decode(relation["divergence"]), "<f4").reshape(shape[:2])
        np.testing.assert_allclose(rows.mean(axis=1), targets.divergence[name].mean(axis=1), atol=1e-4)
        np.testing.assert_allclose(rows, targets.divergence[name], atol=0.02)
        assert relation["loss"] == pytest.approx(targets.losses[name], abs=1e-4)
    assert value["rows"] is None, "the scores behind the weights are not kept"
    assert value["teacher"] == {"title": "Teacher", "layer": 5, "head_size": 96}


def test_only_new_pictures_are_sent():
    events = samples.distillation()
    assert maps(events[:3]) is None
    rest = maps(events, since=9)
    assert (rest["since"], rest["next"], rest["restart"]) == (9, 11, False)
    assert rest["frames"]["steps"] == [54, 60]
    assert maps(events, since=11) is None


def test_after_an_assistant_the_pictures_begin_anew():
    """The student is another learner: what was drawn before does not belong to it."""
    first, second = samples.distillation(until=30), samples.distillation(steps=40)
    probed = [event for event in second if isinstance(event, Probed)]
    found = maps([*first, *probed], since=3)
    assert found["restart"]
    assert found["frames"]["steps"] == [event.step for event in probed]


def with_settings(events, **settings):
    started, *rest = events
    return [dataclasses.replace(started, settings=dataclasses.replace(started.settings, **settings)), *rest]


def test_an_assistant_is_called_one():
    first, second = samples.distillation(until=30), samples.distillation(steps=40)[1:]
    events = with_settings(first, assistant=True)
    assert maps(events)["value"]["student"] == {"title": "Assistant, 6 x 192", "layer": 5, "head_size": 48}
    assert maps([*events, *second])["value"]["student"]["title"] == "Student, 3 x 192"
    assert dict(payload(events)["facts"])["Assistant"] == "6 layers x 192, 12 heads, taught first"
    assert "Assistant" not in dict(payload(first)["facts"])


def test_relation_heads_that_are_not_drawn_are_mentioned():
    events = with_settings(samples.distillation("minilm_v2"), relation_heads=48)
    assert maps(events)["value"]["notes"] == [
        "Of 48 relation heads the first 4 are drawn here, and the numbers are their means."
    ]


def test_the_code_makes_the_relations_that_are_drawn(tiny_checkpoint, tmp_path):
    """Also where not all heads of a run are drawn."""
    text, output, teacher = "The waiters smile.", str(tmp_path / "student"), str(tiny_checkpoint)
    config = DistillConfig(
        data="sample", teacher=teacher, hidden=16, recipe="minilm_v2", relation_heads=16, steps=4, probe=text,
        output_dir=output,
    )  # fmt: skip
    found = views.student_maps(list(distill(config)), text, teacher=teacher, student=output, teacher_title="T")["value"]
    assert found["heads"] == 12
    made = {}
    exec(found["code"].split("views.show")[0], made)
    for relation in found["relations"]:
        theirs = made["targets"].student[relation["name"]][:12]
        shown = np.frombuffer(base64.b64decode(relation["student"]["weights"]), np.uint8).reshape(theirs.shape)
        assert np.abs((shown / 255) ** 2 - theirs).max() < 0.005


def test_an_event_survives_its_file():
    (first, *_) = samples.probed("minilm_v1", 60)
    assert from_json(to_json(first)) == first
    assert None in first.word_ids


def test_the_student_component_has_its_callbacks():
    parts = views.gradio_parts(views.STUDENT)
    for words in ("server.poll_run", "server.stop_run", "server.poll_maps", "'finished'"):
        assert words in parts["js_on_load"]
    for template in (parts["html_template"], parts["css_template"]):
        assert not any(mark in template for mark in ("${", "{{", "`", "\\"))
    assert "</script" not in views.STUDENT.js


def test_events_that_say_nothing_yet_are_drawn():
    drawn = payload([Finished("stopped", "Stopped before it began.")], "stopped")
    assert drawn["sentence"] == "Stopped before the first step."
    assert drawn["charts"]["loss"]["empty"] == "No step was made."
    assert drawn["points"] == {"loss": [], "held_loss": []}
