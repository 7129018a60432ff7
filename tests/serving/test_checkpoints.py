"""A checkpoint is looked up once for a request: what the reference says, and how often files are read for it."""

import dataclasses
from functools import partial
from pathlib import Path

import pytest

from minilm_demo import runs, serving
from minilm_demo.errors import DemoError, UnknownName
from minilm_demo.jobs.configs import DistillConfig, TrainConfig
from minilm_demo.jobs.finetuning import finetune
from minilm_demo.models import cache, loading, location, origin
from minilm_demo.results import DataSource, Evaluation, FinetuneResult, Finished, Stepped, to_json
from minilm_demo.runs import folder as run_folders
from minilm_demo.serving import Look, Pairing, Question, checkpoints, traces
from minilm_demo.tasks import TASKS, get_task, skill_tasks
from minilm_demo.ui.attention_tab import attention_look

TEXT = "A joy from start to end."


@pytest.fixture
def tuned(tiny_checkpoint) -> str:
    """The id of a finished fine-tune."""
    config = TrainConfig(checkpoint=str(tiny_checkpoint), data="sample", max_steps=1, eval_examples=4)
    record = runs.create_run("finetune", get_task("sst2"), config)
    *_, last = runs.record_events(record, partial(finetune, "sst2", record.config))
    assert last.status == "completed", last.message
    return record.run_id


# -- what the reference says ---------------------------------------------------------------------------------------


def test_a_skill():
    skill = serving.resolve("paraphrase")
    assert (skill.name, skill.title, skill.has_output_layer) == ("paraphrase", "Paraphrase skill (shipped)", True)
    assert [task.name for task in skill.tasks_among(skill_tasks("paraphrase"))] == ["mrpc", "qqp"]
    assert skill.task_for(skill_tasks("paraphrase"), ("How old?", "What age?")).name == "qqp"
    assert skill.card(TASKS["qqp"]).startswith("# paraphrase: ")
    assert "Quora" in skill.seen(TASKS["qqp"])


def test_an_encoder_has_no_output_layer_and_no_card():
    encoder = serving.resolve("bundled", trained=False)
    assert (encoder.tasks, encoder.has_output_layer, encoder.run) == ((), False, None)
    assert encoder.task_for(skill_tasks("paraphrase")).name == "mrpc", "the first where none is known"
    assert encoder.card(TASKS["sst2"]) == ""


def test_a_run(tuned):
    run = serving.resolve(tuned)
    assert (run.name, run.tasks, run.run.task) == (tuned, ("sst2",), "sst2")
    assert run.title.startswith("SST-2 run of ") and "Accuracy" in run.title
    assert run.title == serving.title_of(tuned) == dict(map(reversed, serving.traceable_choices(())))[tuned]
    assert "fine-tuned on sst2" in run.card(TASKS["sst2"])
    assert serving.resolve(str(run.location.place), visitor=False).title == run.title


def test_a_student_answers_nothing(tiny_checkpoint, own_home):
    record = runs.create_run("distill", get_task("sst2"), DistillConfig(teacher=str(tiny_checkpoint)))
    with pytest.raises(DemoError, match="holds no checkpoint yet"):
        serving.resolve(record.run_id, trained=False)
    weights = own_home / "runs" / record.run_id / "checkpoint"
    weights.mkdir()
    (weights / "config.json").write_text("{}")
    student = serving.resolve(record.run_id, trained=False)
    assert not student.has_output_layer
    assert student.title == serving.title_of(record.run_id) == f"Student of {runs.local_time(record.created)}"


@pytest.mark.parametrize("name", ["/etc", "../x", "microsoft/anything", "bundled@main", "bert-base", "a\x00b", None])
def test_a_visitor_names_no_path_and_no_repository(name):
    with pytest.raises(UnknownName):
        serving.resolve(name)


def test_the_command_line_names_more(tiny_checkpoint_for):
    folder = tiny_checkpoint_for("sst2")
    assert serving.resolve(str(folder), visitor=False).location.place == str(folder)
    assert serving.resolve("minilm-l6-sst2@main", visitor=False).tasks == ("sst2",)
    assert serving.resolve("owner/model", visitor=False).location.on_hub
    with pytest.raises(UnknownName):
        serving.resolve("nowhere", visitor=False)
    with pytest.raises(DemoError, match="no such run"):
        serving.resolve("sst2-AAAAAAAAAAAAAAAAAAAAAA")


# -- how often files are read --------------------------------------------------------------------------------------


@pytest.fixture
def lookups(monkeypatch):
    """What was looked up: the names that were located, and the files of runs that were read."""
    found = {"located": [], "read": []}

    def locate(checkpoint):
        if not isinstance(checkpoint, location.Location):
            found["located"].append(checkpoint)
        return location.locate(checkpoint)

    for module in (checkpoints, cache, loading, origin):
        monkeypatch.setattr(module, "locate", locate)
    read_text, opened = Path.read_text, Path.open

    def reading(function):
        def read(path, *args, **options):
            if path.name in ("run.json", "events.jsonl"):
                found["read"].append(path.name)
            return function(path, *args, **options)

        return read

    monkeypatch.setattr(Path, "read_text", reading(read_text))
    monkeypatch.setattr(Path, "open", reading(opened))
    for remembered in (run_folders._parse_record, run_folders._parse_result, run_folders._parse_events):
        remembered.cache_clear()
    traces.cached_trace.cache_clear()
    cache.cached_checkpoint.cache_clear()
    return found


def test_a_look_locates_its_checkpoint_once_and_reads_a_run_once(tuned, lookups):
    asked = {"texts": [TEXT], "checkpoint": tuned, "masked": [2], "explained": True}
    assert "error" not in attention_look(asked)
    assert lookups["located"] == [tuned]
    assert sorted(set(lookups["read"])) == ["events.jsonl", "run.json"]
    assert lookups["read"].count("events.jsonl") == 1, "the last line, for the score in the title"
    assert lookups["read"].count("run.json") <= 2, "Path.read_text opens the file: one reading is counted twice"
    lookups["read"].clear()
    attention_look(asked)
    assert lookups["read"] == [], "nothing changed meanwhile"


def test_two_models_are_located_once_each(tuned, lookups):
    assert "layers" in attention_look({"texts": [TEXT], "checkpoint": tuned, "compare": "nli"})["error"]
    assert sorted(name for name in lookups["located"] if name != "bundled") == ["nli", tuned]


def test_an_answer_locates_its_checkpoint_once(tuned, lookups):
    question = Question("sentiment", (TEXT, ""), tuned)
    assert question.prediction().checkpoint == tuned
    assert question.model.title and question.task.name == "sst2" and question.importance().words
    assert lookups["located"] == [tuned]


# -- a cheap title -------------------------------------------------------------------------------------------------


def test_the_result_is_found_in_the_last_line_alone(tmp_path, monkeypatch):
    evaluation = Evaluation("sst2", "x", DataSource("sample", "", {}), {"validation": {"accuracy": 0.5}}, {}, {}, {})
    result = FinetuneResult(evaluation, "", 1, 1, 1, 1, 1.0, 1.0, {})
    events = tmp_path / "events.jsonl"
    step = to_json(Stepped(1, 0.1, 0.5, 0.001, 0.5, 1.0, 1.0, 1.0))
    assert runs.read_result(tmp_path) is None, "there is no event yet"
    events.write_text(f"{step}\n" * 50 + step[:20])
    assert runs.read_result(tmp_path) is None, "it is still at work"
    for tail in (10, 1 << 15):
        monkeypatch.setattr(run_folders, "TAIL", tail)
        events.write_text(f"{step}\n" * 50 + to_json(Finished("completed", "", result)) + f"\n{' ' * tail}")
        found = runs.read_result(tmp_path)
        assert dataclasses.asdict(found) == dataclasses.asdict(result)


def test_a_pairing_keeps_what_it_found():
    pairing = Pairing((TEXT,))
    assert pairing.models is pairing.models
    assert pairing.targets is pairing.targets
    assert pairing.badge.title == "not a distillation"
    look = Look((TEXT,), "bundled")
    assert look.trace is look.trace and look.task is None
