"""Distil now: what can be chosen, what the run is asked for, and where the student can be used afterwards."""

from functools import partial
from types import SimpleNamespace

import gradio as gr
import pytest

from minilm_demo import finetune, runs, serving
from minilm_demo.errors import DataError, DemoError
from minilm_demo.jobs.configs import DistillConfig, TrainConfig
from minilm_demo.jobs.distilling import distill
from minilm_demo.serving import OWN_SIZE
from minilm_demo.tasks import get_task
from minilm_demo.ui import _open as open_page
from minilm_demo.ui import distil_panel, finetune_tab, following, handlers, predict_tab
from minilm_demo.ui.attention_tab import refresh_checkpoints

HALF, WIDE = "half as deep, half as wide", "half as deep, as wide"
TEXT = "the movie is good"


@pytest.fixture
def student(tiny_checkpoint):
    """A function that distils a student of a visitor, in this process; its run id."""

    def make(origin: str = "page", **options) -> str:
        values = {"teacher": str(tiny_checkpoint), "data": "sample", "layers": 1, "hidden": 16, "heads": 2}
        config = DistillConfig(**values | {"steps": 2, "batch_size": 4, "probe": TEXT} | options)
        record = runs.create_run("distill", get_task("sst2"), config, origin=origin)
        *_, last = runs.record_events(record, partial(distill, record.config))
        assert last.status == "completed", last.message
        return record.run_id

    return make


def config_of(**changes) -> DistillConfig:
    values = {
        "teacher": "bundled", "size": HALF, "init": "random", "losses": "Attention only", "budget": 30.0, "probe": TEXT,
        "task": "mnli", "data": "sample", "file": None, "layers": 0, "hidden": 0, "heads": 0, "rate": 0, "batch": 32,
        "steps": 300, "seed": 0,
    }  # fmt: skip
    return distil_panel._config(*(values | changes).values())


# -- what can be chosen --------------------------------------------------------------------------------------------


def test_sizes_are_those_of_the_teacher(tiny_checkpoint):
    assert serving.size_choices("bundled") == [
        ("Half as deep, half as wide: 3 x 192", HALF),
        ("Half as deep, as wide: 3 x 384", WIDE),
        ("One layer, as wide: 1 x 384", "one layer, as wide"),
        ("My own size (Advanced)", OWN_SIZE),
    ]
    tiny = [words for words, _ in serving.size_choices(str(tiny_checkpoint))]
    assert tiny[:2] == ["Half as deep, half as wide: 1 x 16", "Half as deep, as wide: 1 x 32"]
    unknown = serving.size_choices("bert-base")  # it is not here: its sizes are not known
    assert [name for _, name in unknown] == ["half", OWN_SIZE]


def test_layers_of_the_teacher_are_offered_where_they_fit():
    def offered(size, hidden=0, heads=0, teacher="bundled"):
        starts = distil_panel._starts(teacher, size, hidden, heads)
        return [name for _, name in starts["choices"]], starts["info"]

    assert offered(WIDE)[0] == ["random", "teacher"]
    assert offered(HALF) == (["random"], "Layers of the teacher fit only a student as wide as it is: 384.")
    assert offered(OWN_SIZE, 384, 6) == (["random"], "Layers of the teacher fit only a student with as many heads: 12.")
    assert offered(OWN_SIZE, 384)[0] == ["random", "teacher"]
    assert offered("half", teacher="bert-base")[0] == ["random"]


def test_what_was_chosen_stays_if_it_can(tiny_checkpoint):
    size, init, _ = distil_panel._choose_size(str(tiny_checkpoint), WIDE, "teacher", 0, 0)
    assert (size.value, init.value) == (WIDE, "teacher")
    size, init, rate = distil_panel._choose_size("bert-base", WIDE, "teacher", 0, 0)
    assert rate.label == "Learning rate (0: what suits the start)", "not known before the teacher is here"
    assert (size.value, init.value) == ("half", "random")
    with pytest.raises(gr.Error, match="Unknown checkpoint"):
        distil_panel._choose_size("gone", WIDE, "teacher", 0, 0)
    assert distil_panel.refresh_teachers("gone", None).value == "bundled"


@pytest.mark.parametrize(
    ("size", "init", "hidden", "rate"),
    [(HALF, "random", 0, "0.004"), (WIDE, "random", 0, "0.002"), (WIDE, "teacher", 0, "0.0005"),
     (OWN_SIZE, "random", 96, "0.004"), (OWN_SIZE, "random", 768, "0.001"), (OWN_SIZE, "random", 0, "0.004")],
)  # fmt: skip
def test_the_learning_rate_says_which_one_suits_the_start(size, init, hidden, rate):
    shown = distil_panel._choose_size("bundled", size, init, hidden, 0)[-1]
    assert shown.label == f"Learning rate (0: what suits the start, {rate})"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"rate": 9}, "“Learning rate” is 9; it can be from 0.0000001 to 1, or 0 for what suits the start."),
        ({"batch": 4000}, "“Batch size” is 4,000; it can be from 1 to 128."),
        ({"budget": None, "steps": 0}, "“Steps (used with “By steps”)” is 0; it can be from 1 to 20,000."),
        ({"seed": -1}, "“Seed” is -1; it can be from 0 to 2,147,483,647."),
        ({"size": OWN_SIZE, "layers": 13}, "“Layers with “My own size”” is 13; it can be from 1 to 12, or 0 for half."),
        ({"size": OWN_SIZE, "heads": 500}, "“Heads with “My own size”” is 500; it can be from 1 to 128, or 0 for the"),
    ],
)
def test_a_number_out_of_range_names_its_box(changes, sentence):
    with pytest.raises(DemoError) as raised:
        config_of(**changes)
    assert str(raised.value).startswith(sentence)


# -- what the run is asked for -------------------------------------------------------------------------------------


def test_the_widgets_become_a_configuration():
    config = config_of()
    assert (config.task, config.data, config.teacher, config.probe) == ("mnli", "sample", "bundled", TEXT)
    assert (config.layers, config.hidden, config.heads) == (3, 192, 12)
    assert (config.recipe, config.loss, config.time_budget, config.steps) == ("minilm_v1", "at", 30.0, None)
    assert config.learning_rate is None


@pytest.mark.parametrize(
    ("losses", "relations"),
    zip(distil_panel.LOSSES, [("QK", "VV"), ("QK",), ("VV",), ("QQ", "KK", "VV")], strict=True),
)
def test_every_loss_is_one_of_a_recipe(losses, relations):
    assert config_of(losses=losses).relations() == relations


def test_own_sizes_and_steps():
    config = config_of(size=OWN_SIZE, layers=2, hidden=96, budget=None, steps=7, rate=0.01)
    assert (config.layers, config.hidden, config.heads) == (2, 96, None)
    assert (config.steps, config.time_budget, config.learning_rate) == (7, None, 0.01)
    assert config_of(batch=None).batch_size == DistillConfig.batch_size, "an emptied field"
    config = config_of(teacher="bert-base", size="half")
    assert (config.layers, config.hidden, config.heads) == (None, None, None), "what suits the teacher, once it is here"


def test_what_cannot_be_is_a_sentence():
    with pytest.raises(DataError, match="Choose a file of texts"):
        config_of(data="file")
    with pytest.raises(DataError, match="has 31 words; at most 32 tokens"):
        config_of(probe="word " * 31)
    assert config_of(probe=" \n").probe == ""
    assert serving.text_to_watch(None) == ""


def test_a_visitor_cannot_ask_for_too_much():
    start = ["bundled", OWN_SIZE, "random", "Attention only", "By steps (Advanced)", TEXT, "sst2", "sample", None, []]
    with pytest.raises(gr.Error, match="it can be from 1 to 20,000"):
        distil_panel._start(*start, 0, 0, 0, 0, 32, 30_000, 0)
    with pytest.raises(gr.Error, match="“Batch size” is 129"):
        distil_panel._start(*start, 0, 0, 0, 0, 129, 30, 0)


# -- coming back ---------------------------------------------------------------------------------------------------


def request(run: str = "") -> SimpleNamespace:
    return SimpleNamespace(query_params={"run": run} if run else {})


def test_the_address_leads_to_the_student(student):
    run = student()
    drawn, run_id, after, *_, download = distil_panel.reopen([], request(run))
    assert (drawn["run"], drawn["status"], run_id) == (run, "completed", run)
    assert drawn["points"]["value_relation"] and drawn["result"]
    assert after.visible
    assert download.link == f"runs/{run}.zip"
    *_, tab, place, known = open_page(["other"], request(run))
    assert (tab.selected, place.selected) == ("distil", "now")
    assert known == [run, "other"]


def test_what_is_over_is_not_reopened_by_itself(student):
    assert distil_panel.reopen([student()], request())[:2] == (None, "")
    assert distil_panel.reopen(None, request("student_sst2-AAAAAAAAAAAAAAAAAAAAAA"))[:2] == (None, "")


def test_of_two_runs_at_work_each_is_opened_in_its_place(tiny_checkpoint):
    """The tab is that of the newer one."""
    given = {"data": "sample", "output_dir": None}
    tuning = TrainConfig(checkpoint=str(tiny_checkpoint), max_steps=1, **given)
    teaching = DistillConfig(teacher=str(tiny_checkpoint), steps=1, layers=1, **given)
    made = [runs.create_run(job, get_task("sst2"), config, origin="page") for job, config in
            (("finetune", tuning), ("distill", teaching))]  # fmt: skip
    tuned, taught = (record.run_id for record in made)
    handlers.QUEUE._waiting.extend(made)  # in the line, and nobody is called
    mine = [taught, tuned]
    try:
        view, shown, *_, tab, place, known = open_page(mine, request())
        assert (view["run"], shown, tab.selected, place.selected, known) == (tuned, tuned, "distil", "now", mine)
        assert distil_panel.reopen(mine, request())[1] == taught
    finally:
        handlers.QUEUE._waiting.clear()


def test_a_fine_tune_is_not_taken_for_a_distillation(tiny_checkpoint):
    config = TrainConfig(checkpoint=str(tiny_checkpoint), data="sample", max_steps=1)
    record = runs.create_run("finetune", get_task("sst2"), config)
    assert distil_panel.reopen([], request(record.run_id))[0] is None
    assert following.poll_maps({"run": record.run_id}) == {"error": "This run is no distillation."}
    assert open_page([], request(record.run_id))[-3].selected == "finetune"


# -- the maps ------------------------------------------------------------------------------------------------------


def test_the_maps_come_picture_by_picture(student):
    run = student(steps=3)
    found = following.poll_maps({"run": run, "since": 0})
    assert found["frames"]["steps"] == [0, 1, 2, 3]
    assert found["value"]["tokens"]["texts"][0] == "[CLS]"
    assert found["value"]["code"].count(run) == 1
    assert following.poll_maps({"run": run, "since": 3})["frames"]["steps"] == [3]
    assert set(following.poll_maps({"run": run, "since": 4})) == {"error"}
    assert set(following.poll_maps({"run": "../../etc"})) == {"error"}
    assert set(following.poll_maps({"run": student(probe="")})) == {"error"}


def test_the_id_of_a_teacher_that_is_a_run_stays_secret(student):
    """Who may see a student need not be able to open what taught it."""
    teacher = student()
    run = student(teacher=teacher, layers=1, hidden=8, heads=2)
    shown = str(following.run_view(run)) + str(following.poll_maps({"run": run}))
    assert teacher not in shown
    assert "taught by" in dict(following.run_view(run)["facts"])["Teacher"]


# -- what a student is for -----------------------------------------------------------------------------------------


def test_the_student_is_offered_where_it_can_be_used(student):
    run = student()
    lists = {
        "fine-tune": finetune_tab.refresh_starting_points("bundled", [run]).choices,
        "teachers": distil_panel.refresh_teachers("bundled", [run]).choices,
        "attention": refresh_checkpoints("bundled", "", [run])[0].choices,
    }
    for name, choices in lists.items():
        assert run in [one for _, one in choices], name
    assert run not in [name for _, name in serving.checkpoint_choices((get_task("sst2"),), [run])]
    assert run not in [name for _, name in serving.starting_points(())], "it is the visitor's own"


def test_predict_says_that_a_student_has_no_answer(student):
    with pytest.raises(DemoError, match="no trained output layer"):
        predict_tab.answer_payload(serving.Question("sst2", ("A joy.",), student()))


def test_the_student_in_the_microscope(student, monkeypatch):
    teacher = student(probe="")
    run = student(teacher=teacher, hidden=8, probe=TEXT)
    place, text, second, teachers, students, recipe, payload = distil_panel.look_at_student(run, [teacher])
    assert place.selected == "microscope"
    assert (text, second, recipe) == (TEXT, "", "minilm_v1")
    assert teachers.value == teacher and teacher in [name for _, name in teachers.choices]
    assert students.value == run and run in [name for _, name in students.choices]
    assert payload["badge"]["title"] == "distilled here"
    assert payload["frames"]["steps"] == [0, 1, 2]
    assert distil_panel.look_at_student(student(teacher=teacher, hidden=8, probe=""), [])[-1]["frames"] is None
    with pytest.raises(gr.Error, match="not among those that can be looked into"):
        distil_panel.look_at_student(teacher, [])  # its own teacher is a folder of this machine


def test_the_student_is_fine_tuned(student):
    run = student()
    tab, checkpoint, advanced = distil_panel.tune_student(run, [])
    assert (tab.selected, checkpoint.value, advanced.open) == ("finetune", run, True)
    config = TrainConfig(checkpoint=run, data="sample", max_steps=1)
    record = runs.create_run("finetune", get_task("sst2"), config, origin="page")
    *_, last = runs.record_events(record, partial(finetune, "sst2", record.config))
    assert last.status == "completed", last.message
    facts = dict(following.run_view(record.run_id)["facts"])
    assert facts["Checkpoint"].startswith("Student of "), "a title, for the id is a key"
    answer = predict_tab.answer_payload(serving.Question("sst2", ("A joy.",), record.run_id))
    assert answer["kind"] == "classification"


def test_the_run_shows_its_buttons_when_there_is_a_student(student):
    visible = lambda shown: [button.visible for button in shown[:2]]  # noqa: E731
    assert visible(distil_panel.student_buttons(None)) == [False, False]
    assert visible(distil_panel._after(student())) == [True, True]
    assert visible(distil_panel._after(student(probe=""))) == [True, False], "no text was watched: no heads to show"
    assert visible(distil_panel._after("")) == [False, False]
