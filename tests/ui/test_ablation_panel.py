"""The panel "Does it help?": what it shows at once, what it promises before a run, and a run as its view gets it."""

import json
import types
from functools import partial
from pathlib import Path

import ablation_samples as samples
import gradio as gr
import pytest

from minilm_demo import TASKS, TrainConfig, runs, serving
from minilm_demo.errors import DemoError
from minilm_demo.jobs.ablation import AblationConfig, ablation
from minilm_demo.results import Finished, to_dict, to_json
from minilm_demo.ui import ablation_panel, following
from minilm_demo.views import words

ROOT = Path(__file__).resolve().parents[2]

SST2 = TASKS["sst2"]
TINY = {"data": "sample", "layers": 1, "seeds": 1, "train_examples": 8, "epochs": 1, "steps": 2, "batch_size": 4}


@pytest.fixture
def idle(monkeypatch):
    """A queue that starts nothing."""
    monkeypatch.setattr(runs.RunQueue, "_work", lambda self: None)
    monkeypatch.setattr(ablation_panel, "QUEUE", runs.RunQueue())


def recorded(config: AblationConfig) -> str:
    """The id of a run that was recorded in this process."""
    record = runs.create_run("ablation", SST2, config, origin="page")
    list(runs.record_events(record, partial(ablation, record.config)))
    return record.run_id


def request(**query) -> types.SimpleNamespace:
    return types.SimpleNamespace(query_params=query)


# -- what is there at once -----------------------------------------------------------------------------------------


def test_the_shipped_result_is_shown(tmp_path, monkeypatch):
    file = tmp_path / "ablation.json"
    file.write_text(json.dumps(to_dict(samples.experiment())), encoding="utf-8")
    monkeypatch.setattr(ablation_panel, "PRECOMPUTED", file)
    monkeypatch.setattr(ablation_panel, "LONGER", file)
    assert ablation_panel.precomputed(file) == samples.experiment()
    with gr.Blocks() as page:
        panel = ablation_panel.build_ablation_panel(gr.BrowserState([]))
    assert panel.result.value["drawn"]["findings"][0].startswith("Copying the teacher's layers gains 6.1 points")
    assert dict(panel.result.value["drawn"]["figures"])["Teacher"] == "all-MiniLM-L6-v2"
    assert panel.result.value["paper"]
    assert panel.run.value is None
    said = [str(block.value) for block in page.blocks.values() if hasattr(block, "value")]
    assert any("Precomputed" in words for words in said)
    assert any("How long must one distil?" in words for words in said)


def test_the_readme_quotes_what_ships():
    readme = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    shorter, longer = (ablation_panel.precomputed(file) for file in (ablation_panel.PRECOMPUTED, ablation_panel.LONGER))
    means = {arm.arm: arm.mean for arm in shorter.arms} | {
        "longer": {arm.arm: arm.mean for arm in longer.arms}["distilled"]
    }
    for arm in ("random", "distilled", "copied", "copied_distilled", "longer"):
        assert f"{means[arm]:.3f}" in readme, arm
    for result in (shorter, longer):
        assert f"{result.steps:,} steps of {result.batch_size} texts" in readme
        (gain,) = (gain for gain in result.gains if (gain.arm, gain.over) == ("distilled", "random"))
        low, high = gain.interval
        assert f"{100 * gain.gain:+.1f} points, {100 * low:.1f} to {100 * high:.1f}" in readme
        assert f"{result.examples} validation rows" in readme


def test_without_one_the_paper_and_a_sentence_are_shown(tmp_path, monkeypatch):
    for name in ("PRECOMPUTED", "LONGER"):
        monkeypatch.setattr(ablation_panel, name, tmp_path / "none.json")
    with gr.Blocks() as page:
        panel = ablation_panel.build_ablation_panel(gr.BrowserState([]))
    assert panel.result.value["drawn"] is None
    assert panel.result.value["paper"]
    assert any("No result ships with this copy" in str(getattr(block, "value", "")) for block in page.blocks.values())


def test_its_events_are_private():
    with gr.Blocks() as page:
        ablation_panel.build_ablation_panel(gr.BrowserState([]))
    assert {function.api_visibility for function in page.fns.values()} == {"private"}


@pytest.mark.parametrize("time", ablation_panel.SIZES)
def test_what_will_be_done_is_said_before(time):
    said, size = ablation_panel._plan(time, "mirror"), ablation_panel.SIZES[time]
    assert f"{5 * size['seeds']} students of 3 layers x 384" in said
    assert f"distilled in {size['steps']} steps" in said
    assert said.endswith(f"end after {words.duration(1.25 * size['time_budget'])} is left out.")
    assert "bundled sample" not in said
    assert "bundled sample" in ablation_panel._plan(time, "sample")


# -- a run ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("time", ablation_panel.SIZES)
def test_it_starts_as_a_run_of_the_queue(idle, time):
    view, mine = ablation_panel._start(time, "sample", ["other"])
    run_id = view["run"]["run"]
    assert mine == [run_id, "other"]
    assert run_id.startswith("ablation_sst2-")
    assert view["run"]["sentence"].startswith("Place 1 in the line")
    assert view["drawn"] is None
    record = runs.read_record(runs.visitor_run_folder(run_id))
    assert (record.job, record.origin, record.config.teacher) == ("ablation", "page", "bundled")
    assert record.config.time_budget == ablation_panel.SIZES[time]["time_budget"]
    ablation_panel.stop_ablation({"run": run_id})
    assert ablation_panel.poll_ablation({"run": run_id})["run"]["sentence"] == "Stopped. Stopped before it began."


@pytest.mark.parametrize(("name", "value"), [(name, most + 1) for name, most in runs.JOBS["ablation"].limits.items()])
def test_a_visitor_may_not_keep_the_others_waiting(idle, name, value):
    with pytest.raises(DemoError, match=f"^{name} is {value:,}; a run started from the page may have at most"):
        ablation_panel.QUEUE.start("ablation", SST2, AblationConfig(**{name: value}))


def test_a_run_is_followed_student_by_student(tiny_checkpoint, tmp_path):
    teacher = samples.write_teacher(tmp_path / "teacher", tiny_checkpoint)
    run_id = recorded(AblationConfig(teacher=str(teacher), **TINY))
    view = ablation_panel.poll_ablation({"run": run_id})
    assert view["run"]["final"]
    assert view["run"]["sentence"] == "Completed. Scored 5 of 5 students."
    rows = view["drawn"]["figure"]["table"]["rows"]
    assert [row[1].count(".") for row in rows] == [1, 1, 1, 1, 1, 0]  # one score each, and the baseline
    assert view["paper"] is None
    assert str(tmp_path) not in json.dumps(view)
    events = runs.read_events(runs.visitor_run_folder(run_id))
    half = types.SimpleNamespace(events=[event for event in events if not isinstance(event, Finished)][:-4])
    assert len(ablation_panel.result_so_far(half).students) < 5
    assert serving.title_of(run_id).startswith("Experiment of ")


def test_a_run_that_is_gone_or_something_else_is_said():
    other = runs.create_run("finetune", SST2, TrainConfig(data="sample"))
    for run_id in ("ablation_sst2-0123456789abcdef", "../../etc", other.run_id, None):
        for answer in (ablation_panel.poll_ablation, ablation_panel.stop_ablation):
            assert set(answer({"run": run_id})) == {"gone"}
    assert not (runs.run_folder(other.run_id) / "stop").exists()


def test_the_view_of_a_fine_tune_does_not_draw_an_experiment(idle):
    view, _ = ablation_panel._start("2 minutes", "sample", [])
    assert set(following.poll_run({"run": view["run"]["run"]})) == {"gone"}


def test_whoever_comes_back_finds_the_run(idle):
    view, mine = ablation_panel._start("2 minutes", "sample", ["sst2-0123456789abcdef"])
    run_id = view["run"]["run"]
    assert ablation_panel._reopen(mine, request())["run"]["run"] == run_id
    assert ablation_panel._reopen([], request(run=run_id))["run"]["run"] == run_id
    folder = runs.visitor_run_folder(run_id)
    ablation_panel.QUEUE.stop(run_id)
    (folder / "events.jsonl").write_text(to_json(Finished("stopped", "Scored 0 of 5 students.")) + "\n")
    assert ablation_panel._reopen([], request(run=run_id))["run"]["status"] == "stopped"
    for nothing in (
        ([], {}),
        (mine, {}),
        (["ablation_sst2-0123456789abcdef"], {}),
        ([], {"run": "sst2-0123456789abcdef"}),
    ):
        assert "run" not in ablation_panel._reopen(nothing[0], request(**nothing[1]))
