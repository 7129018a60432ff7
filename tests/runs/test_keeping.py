"""A run that is over can be named and deleted; one that is not is left alone."""

import json
from functools import partial

import psutil
import pytest
from huggingface_hub import ModelCard

from minilm_demo import TrainConfig, distill, finetune, runs
from minilm_demo.errors import DemoError
from minilm_demo.jobs import DistillConfig
from minilm_demo.runs import keeping
from minilm_demo.serving import checkpoint_choices, starting_points, title_of, traceable_choices
from minilm_demo.tasks import get_task


@pytest.fixture
def finished(tiny_checkpoint):
    """finished(job, origin): the folder of a finished run."""

    def make(job="finetune", origin="shell", output=None, upload=None):
        shared = {"data": "sample", "output_dir": output}
        if job == "distill":
            config = DistillConfig(teacher=str(tiny_checkpoint), hidden=8, steps=2, batch_size=4, **shared)
            work = distill
        else:
            config = TrainConfig(checkpoint=str(tiny_checkpoint), max_steps=1, eval_examples=4, **shared)
            work = partial(finetune, "sst2")
        record = runs.create_run(job, get_task("sst2"), config, origin, upload)
        *_, last = runs.record_events(record, partial(work, record.config))
        assert last.status == "completed", last.message
        return runs.run_folder(output or record.run_id)

    return make


@pytest.mark.parametrize("job", ["finetune", "distill"])
def test_a_name_is_shown_in_every_list_and_on_the_card(finished, job):
    folder = finished(job)
    before, run_id = title_of(folder.name), folder.name
    runs.rename_run(folder, "  Anna’s\n  1st {{ try }} <b> ")
    lists = [traceable_choices(())] + [starting_points(())] * (job == "distill")
    lists += [checkpoint_choices((get_task("sst2"),), ())] * (job == "finetune")
    titles = {title for choices in lists for title, name in choices if name == run_id}
    assert titles == {title_of(run_id)} == {f"Anna’s 1st {{{{ try }}}} <b>: {before}"}
    card = ModelCard((folder / "README.md").read_text(encoding="utf-8"))
    assert "\n# Anna’s 1st {{ try }} <b>\n" in card.text or card.text.startswith("# Anna’s 1st {{ try }} <b>\n")
    if job == "finetune":
        assert card.data.model_name == "Anna’s 1st {{ try }} <b>"
    runs.rename_run(folder, "")
    assert title_of(run_id) == before
    assert "Anna" not in (folder / "README.md").read_text(encoding="utf-8")


def test_a_name_given_at_work_is_on_the_card(tiny_checkpoint):
    config = TrainConfig(checkpoint=str(tiny_checkpoint), data="sample", max_steps=2, eval_examples=4)
    record = runs.create_run("finetune", get_task("sst2"), config)
    events = runs.record_events(record, partial(finetune, "sst2", record.config))
    next(events)
    folder = runs.run_folder(record.run_id)
    runs.rename_run(folder, "early bird")
    *_, last = events
    assert last.status == "completed"
    assert "# early bird\n" in (folder / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["x" * 61, "a\x00b", "a\ud800b", "a\u202eb", "\x1b[31mred"])
def test_a_name_that_cannot_be_shown_is_a_sentence(finished, name):
    folder = finished()
    before = (folder / "run.json").read_bytes()
    with pytest.raises(DemoError, match="at most 60, all of them visible"):
        runs.rename_run(folder, name)
    assert (folder / "run.json").read_bytes() == before


def test_twins_are_told_apart(finished):
    titles = {title_of(finished(job).name) for job in ("finetune", "finetune") for _ in range(1)}
    assert all(", sample, " in title for title in titles)


def test_the_name_of_a_visitors_file_is_shown(finished, tmp_path, tiny_checkpoint):
    file = tmp_path / "Meine Filme.csv"
    file.write_text("sentence,label\n" + "good,positive\nbad,negative\n" * 20, encoding="utf-8")
    record = runs.create_run(
        "finetune", get_task("sst2"), TrainConfig(checkpoint=str(tiny_checkpoint), max_steps=1), "page", file
    )
    *_, last = runs.record_events(record, partial(finetune, "sst2", record.config))
    assert last.status == "completed", last.message
    assert ", Meine Filme.csv, Accuracy " in title_of(record.run_id)
    assert runs.data_name(record) == "Meine Filme.csv"


def test_a_deleted_run_is_gone(finished):
    folder, other = finished(), finished()
    runs.delete_run(runs.state(folder))
    assert not folder.exists() and other.exists()
    assert [run.record.run_id for run in runs.list_runs()] == [other.name]
    assert folder.name not in [name for _, name in traceable_choices(())]
    with pytest.raises(DemoError, match="no such run"):
        runs.visitor_run_folder(folder.name)


def test_only_what_the_run_wrote_is_deleted(finished, tmp_path):
    folder = finished(output=str(tmp_path / "mine"))
    (folder / "notes.txt").write_text("mine")
    runs.delete_run(runs.state(folder))
    assert [file.name for file in folder.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("stopping", [False, True])
def test_a_run_at_work_is_not_deleted(finished, stopping):
    folder = finished()
    (folder / "events.jsonl").unlink()
    me = psutil.Process()
    (folder / "worker.json").write_text(json.dumps({"pid": me.pid, "created": me.create_time()}))
    if stopping:
        runs.ask_to_stop(folder)
    with pytest.raises(DemoError, match="Stop it first"):
        runs.delete_run(runs.state(folder))
    assert (folder / "checkpoint" / "config.json").exists()


def test_the_shell_does_not_delete_what_a_server_may_have_in_its_queue(tiny_checkpoint, monkeypatch):
    config = TrainConfig(checkpoint=str(tiny_checkpoint), data="sample", max_steps=1)
    record = runs.create_run("finetune", get_task("sst2"), config, "page")
    folder = runs.run_folder(record.run_id)
    with pytest.raises(DemoError, match="in the queue of the page"):
        runs.delete_run(runs.state(folder))
    monkeypatch.setattr(keeping, "LEFT_SECONDS", -1)
    runs.delete_run(runs.state(folder))
    assert not folder.exists()


def test_a_run_that_waits_is_not_deleted(tiny_checkpoint, monkeypatch):
    queue = runs.RunQueue()
    monkeypatch.setattr(queue, "_work", lambda: None)
    config = TrainConfig(checkpoint=str(tiny_checkpoint), data="sample", max_steps=1)
    run_id = queue.start("finetune", get_task("sst2"), config)
    with pytest.raises(DemoError, match="waits for its turn"):
        queue.delete(run_id)
    queue.stop(run_id)
    queue.delete(run_id)
    assert runs.list_runs() == []
