"""What the view of the experiment says: in words what the numbers say, and the paper's numbers as the paper's."""

import dataclasses
import json

import ablation_samples as samples
import pytest

from minilm_demo import views
from minilm_demo.jobs.ablation import summarise
from minilm_demo.results import Fetching, Finished, Working
from minilm_demo.views.ablation import PAPER_ROWS, PAPER_STUDENTS


def drawn(result) -> dict:
    return views.ablation_payload(result)["drawn"]


def of_scores(seeds: int = 1, **arms) -> dict:
    """The view of students with these scores, the same for every seed but for a hair."""
    students = [samples.scored(arm, seed, score + seed / 1e4) for arm, score in arms.items() for seed in range(seeds)]
    return drawn(summarise(samples.started(seeds=seeds), students))


def working(**changes) -> Working:
    values = {"arm": "distilled", "seed": 1, "part": "distilling", "step": 30, "steps": 60, "student": 8,
              "students": 10, "seconds_left": 71.0}  # fmt: skip
    return Working(**values | changes)


# -- in words ------------------------------------------------------------------------------------------------------


def test_the_main_finding_comes_first():
    first, second, third = drawn(samples.experiment())["findings"]
    assert first == (
        "Copying the teacher's layers gains 6.1 points over a random start; distilling on top gains 0.6 points, within "
        "the noise."
    )
    assert second.startswith("From a random start, distilling attention alone loses 1.0 points; attention + value")
    assert third == "The value relation, added to attention alone, gains 0.9 points, within the noise."


def test_what_is_clear_has_no_noise_and_nothing_is_nothing():
    findings = of_scores(random=0.6, distilled=0.6, copied=0.8, copied_distilled=0.7)["findings"]
    assert findings[0] == (
        "Copying the teacher's layers gains 20.0 points over a random start; distilling on top loses 10.0 points."
    )
    assert findings[1] == (
        "From a random start, distilling attention + value relation changes nothing. That took 300 steps of 32 texts, "
        "in all 9,600; 1 min 2 s a student."
    )


def test_a_longer_distillation_is_one_sentence():
    students = [samples.scored(arm, seed, score) for seed in range(2) for arm, score in
                (("random", 0.6), ("distilled", 0.7 + seed / 10), ("copied", 0.8))]  # fmt: skip
    assert views.longer_distillation(samples.summarise(samples.started(seeds=2), students)) == (
        "**How long must one distil?** 300 steps of 32 texts, in all 9,600; 1 min 2 s a student: from a random start "
        "that leads to 75.0 %, the mean of 2 seeds. It gains 15.0 points over the random start alone, within the noise "
        "(−48.5 to +78.5), and loses 5.0 points against copied layers, within the noise (−68.5 to +58.5)."
    )


def test_arms_that_are_missing_are_not_spoken_of():
    assert of_scores(random=0.7, copied=0.71)["findings"] == [
        "Copying the teacher's layers gains 1.0 points over a random start, within the noise."
    ]
    assert of_scores(random=0.7)["findings"] == []
    assert of_scores(random=0.7)["gains"] is None


def test_an_arm_that_may_have_learned_nothing_is_named():
    *_, said = of_scores(random=0.52, copied=0.7)["findings"]
    assert said == "Not clearly above always giving the same answer (50.9 %): Random start."


def test_the_notes_say_what_the_intervals_are_about():
    several = " ".join(drawn(samples.experiment())["notes"])
    assert "Each of the 5 seeds" in several and "Student's t" in several
    assert "9,600 short texts; the paper's read about 11,000 times as many" in several
    one = " ".join(drawn(samples.experiment(1, "sample"))["notes"])
    assert "One seed: the intervals say how far the 872 rows can be trusted" in one
    assert "not the official rows: bundled sample, written for this demo, not GLUE: 144 rows of train." in one
    seen = dataclasses.replace(samples.experiment(), seen_by_base="some of it")
    assert "The teacher's own training had seen some of it." in drawn(seen)["notes"]


def test_the_budget_is_told():
    figures = dict(drawn(samples.experiment())["figures"])
    assert figures["Distillation"] == (
        "300 steps of 32 texts, in all 9,600; 1 min 2 s a student in the mean, "
        "for the teacher reads each text once for all"
    )
    assert figures["Fine-tuning"] == "2,000 examples, 3 epochs; 28 s a student"
    assert figures["Students"] == "3 layers x 384, 12 heads, 17.4 million weights; 25 of them"
    assert figures["In all"] == "28 min 12 s, bf16 on cpu"
    assert "Distillation" not in dict(of_scores(random=0.7)["figures"])


# -- the tables --------------------------------------------------------------------------------------------------


def test_the_tables_have_every_number():
    view = drawn(samples.experiment())
    assert view["gains"]["rows"][3] == ["Teacher's layers copied", "Random start", "+6.1", "+5.2 to +7.0", "clear"]
    assert [row[4] for row in view["gains"]["rows"]].count("within the noise") == 3
    scores = view["figure"]["table"]["rows"]
    assert scores[2][4] == "attention 0.153, value relation 0.093"
    assert scores[0][1].count(",") == 4
    assert (scores[0][3], scores[0][4], scores[0][5]) == ("72.3 to 73.3 % (seeds)", "not asked", "30 s")
    assert all(
        len(row) == len(table["headings"])
        for table in (view["gains"], view["figure"]["table"])
        for row in table["rows"]
    )


def test_the_papers_numbers_are_marked_as_the_papers():
    """And are those of its Tables 3, 5, 6 and 7."""
    paper = views.ablation_payload(None)["paper"]
    assert "not measured here" in paper["about"] and "V100" in paper["about"] and "400,000 steps" in paper["about"]
    assert paper["headings"] == ["What was copied", "6 x 384", "4 x 384", "3 x 384"]
    assert paper["rows"][0] == [PAPER_ROWS[0][0], "72.4 / 82.2 / 91.0", "69.4 / 80.3 / 90.2", "66.2 / 78.8 / 89.3"]
    assert all(len(row) == 1 + len(PAPER_STUDENTS) for row in paper["rows"])
    full, without = (dict(zip(PAPER_STUDENTS, row[1:], strict=True)) for row in (PAPER_ROWS[0], PAPER_ROWS[2]))
    lost = [full[student][0] - without[student][0] for student in PAPER_STUDENTS]
    assert [round(points, 1) for points in lost] == [1.4, 1.9, 2.0]  # "1.4-2.0 F1", as the paper says
    assert views.ablation_payload(None, paper=False)["paper"] is None


# -- under way -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("events", "status", "sentence"),
    [
        ([], "queued", "Place 2 in the line; starts in about 40 s"),
        ([], "starting", "Loading the teacher and the rows…"),
        ([Fetching("bert-base", 44_000_000, 440_000_000)], "running", "Fetching bert-base from the Hub: 44 of 440 MB…"),
        ([working()], "running", "Student 8 of 10 · distilling, step 30 of 60 · about 1 min 11 s left"),
        ([working(seconds_left=None)], "running", "Student 8 of 10 · distilling, step 30 of 60"),
        ([working()], "stopping", "Stopping; the students scored so far are kept…"),
        ([Finished("completed", "Scored 10 of 10 students.")], "completed", "Completed. Scored 10 of 10 students."),
        ([*samples.students(1)[:1], working()], "interrupted", "Interrupted. 1 student scored."),
    ],
)
def test_every_state_has_a_sentence(events, status, sentence):
    state = views.experiment_state(events, status=status, run_id="r", position=2, starts_in=40)
    assert state["sentence"] == sentence
    assert state["final"] == (status in ("completed", "interrupted"))
    assert bool(state["stop"]) != state["final"]


def test_progress_goes_by_students():
    events = [*samples.students(2)[:7], working()]
    assert views.experiment_state(events, status="running", run_id="r")["progress"] == {"done": 725, "of": 1000}
    later = working(part="fine-tuning", step=16, steps=16)
    assert views.experiment_state([*events, later], status="running", run_id="r")["progress"]["done"] == 800
    scored = [*samples.students(2)[:8], working()]
    assert views.experiment_state(scored, status="running", run_id="r")["progress"]["done"] == 800


def test_a_failed_experiment_says_why_and_what_is_kept():
    events = [*samples.students(1)[:2], Finished("failed", "The disk is full.")]
    state = views.experiment_state(events, status="failed", run_id="r")
    assert state["error"] == {"sentence": "The disk is full.", "advice": "2 students scored before that."}
    state = views.experiment_state([], status="interrupted", run_id="r")
    assert state["error"]["advice"] == "Start it again."
    with pytest.raises(ValueError, match="status is 'lost'"):
        views.experiment_state([], status="lost", run_id="r")


# -- pages ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seeds", [1, 5])
def test_the_payload_is_plain_json(seeds):
    run = views.experiment_state([working()], status="running", run_id="r")
    value = views.ablation_payload(samples.experiment(seeds), run=run)
    assert json.loads(json.dumps(value, allow_nan=False)) == value


def test_a_notebook_shows_it():
    page = views.show(samples.experiment())
    assert "Copying the teacher's layers gains 6.1 points" in page.html
    assert "not measured here" in page.html


def test_gradio_gets_static_templates():
    parts = views.gradio_parts(views.ABLATION)
    for template in (parts["html_template"], parts["css_template"]):
        assert not any(mark in template for mark in ("${", "{{", "`", "\\"))
    assert "server.poll_ablation" in parts["js_on_load"]
    assert "server.stop_ablation" in parts["js_on_load"]
