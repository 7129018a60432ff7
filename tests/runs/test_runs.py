"""Run folders, their states, and the queue with real worker processes."""

import dataclasses
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import psutil
import pytest
from small_runs import ENOUGH_TO_HOLD_BACK, ROOT, environment, of, wait_for, write_reviews

from minilm_demo import TASKS, TrainConfig, evaluate, finetune, load_checkpoint, models, runs
from minilm_demo.errors import DemoError
from minilm_demo.results import RUN_ID, Evaluated, Finished, Planned, Saved, Started, Stepped, read_lines, to_json
from minilm_demo.runs import folder as folder_module
from minilm_demo.runs import queue as queue_module
from minilm_demo.runs import worker

SST2 = TASKS["sst2"]
SHORT_RUN = [Started, Planned, Evaluated, Stepped, Stepped, Saved, Evaluated]  # its validation rows before and after


# What a finished fine-tune leaves in its folder.
FILES = {"run.json", "events.jsonl", "checkpoint", "learned_rows.npy", "README.md"}


@pytest.fixture(scope="session")
def rows(tmp_path_factory):
    """Rows enough to hold some back, so that checkpoints are kept along the way."""
    return write_reviews(tmp_path_factory.mktemp("rows"), ENOUGH_TO_HOLD_BACK, validation=10)


@pytest.fixture
def config(tiny_checkpoint, rows):
    """A run of a second or two that keeps its first checkpoint after a tenth of its 600 steps."""
    return TrainConfig(checkpoint=str(tiny_checkpoint), data=str(rows), batch_size=2, max_steps=600)


@pytest.fixture
def short(config):
    return dataclasses.replace(config, train_examples=8, max_steps=2)


def record_and_drain(config, **options) -> runs.RunRecord:
    record = runs.create_run("finetune", SST2, config, **options)
    list(runs.record_events(record, partial(finetune, "sst2", record.config)))
    return record


def start_worker(record: runs.RunRecord):
    """The worker of a run, without a queue."""
    process = runs.worker_context().Process(target=worker.work, args=(record.config.output_dir,), daemon=True)
    process.start()
    return process


def folder_of(record: runs.RunRecord):
    return runs.run_folder(record.run_id)


# -- folders -------------------------------------------------------------------------------------------------------


def test_a_finished_run_folder_holds_everything(short, tiny_checkpoint):
    record = record_and_drain(short)
    folder = folder_of(record)
    assert folder.parent == models.runs_root()
    assert {path.name for path in folder.iterdir()} == FILES
    written = json.loads((folder / "run.json").read_text())
    assert written["run_id"] == folder.name
    assert (written["job"], written["task"], written["origin"]) == ("finetune", "sst2", "shell")
    assert written["config"]["max_steps"] == 2
    assert {"python", "torch", "transformers"} <= written["versions"].keys()
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", written["created"])
    assert runs.read_record(folder) == record
    assert "fine-tuned on sst2" in (folder / "README.md").read_text()
    assert evaluate("sst2", record.run_id, data=short.data).metrics == (runs.state(folder).result.evaluation.metrics)


def test_a_run_writes_down_which_checkpoint_the_default_was(monkeypatch, tiny_checkpoint):
    assert runs.create_run("finetune", SST2, TrainConfig()).config.checkpoint == "bundled"
    monkeypatch.setenv("MINILM_CHECKPOINT", str(tiny_checkpoint))
    record = runs.create_run("finetune", SST2, TrainConfig())
    assert runs.read_record(folder_of(record)).config.checkpoint == str(tiny_checkpoint)


def test_a_record_comes_back_whole(tmp_path):
    asked = TrainConfig(
        extra_train=("a.csv", "b"), time_budget=60, method="lora", learning_rate=3e-5, output_dir=str(tmp_path / "ü")
    )
    record = runs.create_run("finetune", TASKS["mnli"], asked, origin="page")
    assert runs.read_record(tmp_path / "ü") == record
    assert record.config == dataclasses.replace(asked, checkpoint="bundled")


def test_events_come_back_as_they_were(short):
    record = runs.create_run("finetune", SST2, short)
    events = tuple(runs.record_events(record, partial(finetune, "sst2", record.config)))
    assert runs.read_events(folder_of(record)) == events
    assert [type(event) for event in events] == [*SHORT_RUN, Finished]


def test_each_event_is_on_disk_before_the_next_step(short):
    record = runs.create_run("finetune", SST2, short)
    for number, event in enumerate(runs.record_events(record, partial(finetune, "sst2", record.config)), 1):
        assert len(runs.read_events(folder_of(record))) == number
        assert runs.read_events(folder_of(record))[-1] == event


@pytest.mark.parametrize(
    "cut", [b'{"event": "stepped", "st', b'{"event": "saved", "step": 3, "path": "/tmp/\xc3', b"{"]
)
def test_a_line_that_a_crash_cut_off_is_passed_over(short, cut):
    folder = folder_of(runs.create_run("finetune", SST2, short))
    whole = (Saved(1, "a\u2028b – ü"), Saved(2, "x"))
    (folder / "events.jsonl").write_bytes("".join(to_json(event) + "\n" for event in whole).encode() + cut)
    assert runs.read_events(folder) == whole
    assert runs.state(folder).status == "interrupted"


def test_events_are_parsed_once_for_all_who_ask(short, monkeypatch):
    folder = folder_of(runs.create_run("finetune", SST2, short))
    parsed = []
    monkeypatch.setattr(
        folder_module, "read_lines", lambda lines: read_lines(parsed.append(line) or line for line in lines)
    )
    with (folder / "events.jsonl").open("a") as file:
        for number in range(1, 4):
            file.write(to_json(Saved(number, "x")) + "\n")
            file.flush()
            for _ in range(5):
                assert runs.read_events(folder)[-1] == Saved(number, "x")
    assert len(parsed) == 1 + 2 + 3
    (folder / "events.jsonl").unlink()
    assert runs.read_events(folder) == ()


def test_the_memory_of_parsed_events_is_bounded(tmp_path):
    folder_module._parse_events.cache_clear()
    for number in range(folder_module.READ_RUNS + 3):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "events.jsonl").write_text(to_json(Saved(number, "x")) + "\n")
        assert runs.read_events(folder) == (Saved(number, "x"),)
    assert folder_module._parse_events.cache_info().currsize == folder_module.READ_RUNS


def test_whoever_reads_the_last_event_finds_the_model_card(short, monkeypatch):
    record = runs.create_run("finetune", SST2, short)
    seen = []

    def card(record, result):
        seen.append([type(event) for event in runs.read_events(folder_of(record))])
        return "the card"

    monkeypatch.setitem(runs.JOBS, "finetune", dataclasses.replace(runs.JOBS["finetune"], card=card))
    list(runs.record_events(record, partial(finetune, "sst2", record.config)))
    assert seen == [SHORT_RUN]
    assert (folder_of(record) / "README.md").read_text() == "the card"


def test_ids_cannot_be_guessed_and_differ(short):
    ids = {runs.create_run("finetune", SST2, short).run_id for _ in range(20)}
    assert len(ids) == 20
    assert all(re.fullmatch(r"sst2-[A-Za-z0-9_-]{16,}", run_id) and RUN_ID.fullmatch(run_id) for run_id in ids)
    firsts = {run_id[5:9] for run_id in ids}
    assert len(firsts) > 15  # no common beginning: nothing but chance in it


@pytest.mark.parametrize("task", TASKS)
def test_the_id_of_every_task_is_found_again(task):
    record = runs.create_run("finetune", TASKS[task], TrainConfig())
    assert runs.visitor_run_folder(record.run_id) == runs.run_folder(record.run_id)


@pytest.mark.parametrize(
    "came",
    [
        "",
        "x",
        "sst2-tooshort",
        "../x",
        "../../etc/passwd",
        "/etc/passwd",
        "a/b",
        "sst2-{id}/../sst2-{id}",
        "sst2-{id}/",
        "sst2-{id}\n",
        "./sst2-{id}",
        "sst2-{id}\0",
        "sst2-ＡＡＡＡＡＡＡＡＡＡＡＡＡＡＡＡＡＡ",
        "sst2-ééééééééééééééééééé",
        "sst2-" + "a" * 300,
        "sst2-" + "a" * 22,
        "~",
        None,
        7,
    ],
)
def test_a_visitor_reaches_runs_by_id_only(short, came):
    record = runs.create_run("finetune", SST2, short)
    came = came.replace("sst2-{id}", record.run_id) if isinstance(came, str) else came
    with pytest.raises(DemoError, match="There is no such run here"):
        runs.visitor_run_folder(came)
    assert runs.visitor_run_folder(record.run_id) == folder_of(record)


def test_a_visitor_does_not_reach_a_folder_beside_the_runs(short, tmp_path, monkeypatch):
    """A path is fine on the command line, where the person may read the disk anyway."""
    inside = runs.create_run("finetune", SST2, dataclasses.replace(short, output_dir=str(tmp_path / "sst2-own")))
    assert runs.run_folder(str(tmp_path / "sst2-own")) == tmp_path / "sst2-own"
    with pytest.raises(DemoError):
        runs.visitor_run_folder(str(tmp_path / "sst2-own"))
    with pytest.raises(DemoError):
        runs.visitor_run_folder(inside.run_id)


@pytest.mark.parametrize("name", ["nothing", "sst2-" + "a" * 22, "x" * 400])
def test_a_run_that_is_not_there_is_one_sentence(name):
    with pytest.raises(DemoError, match="There is no run"):
        runs.run_folder(name)


def test_a_folder_that_holds_a_run_is_not_written_over(short, tmp_path):
    taken = dataclasses.replace(short, output_dir=str(tmp_path / "mine"))
    runs.create_run("finetune", SST2, taken)
    (tmp_path / "mine" / "checkpoint").mkdir()
    before = (tmp_path / "mine" / "run.json").read_bytes()
    with pytest.raises(DemoError, match=r"mine holds a run that is at work|mine already holds a run\. Choose another"):
        runs.create_run("finetune", SST2, taken)
    assert (tmp_path / "mine" / "run.json").read_bytes() == before
    (tmp_path / "model" / "checkpoint").mkdir(parents=True)
    with pytest.raises(DemoError, match=r"model is not empty: it holds checkpoint\. A run is written to a new"):
        runs.create_run("finetune", SST2, dataclasses.replace(short, output_dir=str(tmp_path / "model")))


def old(record: runs.RunRecord) -> None:
    """Make the run an hour old, as its record says."""
    file = Path(record.config.output_dir) / "run.json"
    created = "2026-01-01T00:00:00.000+00:00"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"created": created}))


def refused(should_stop):
    raise DemoError("These rows cannot be read.")
    yield


def failing(should_stop):
    yield 1 / 0


def never_run(record: runs.RunRecord) -> None:
    """Its process was killed before the first event."""
    (Path(record.config.output_dir) / "worker.json").write_text('{"pid": 0, "created": 0}')


ENDS = {
    "refused": lambda record: list(runs.record_events(record, refused)),
    "failed": lambda record: list(runs.record_events(record, failing)),
    "stopped": lambda record: list(runs.record_events(record, partial(finetune, "sst2", record.config), lambda: True)),
    "killed": never_run,
    "broken off": old,
}


@pytest.mark.parametrize("end", ENDS)
def test_a_run_that_saved_nothing_does_not_block_its_folder(short, tmp_path, end):
    folder = tmp_path / "mine"
    config = dataclasses.replace(short, output_dir=str(folder))
    ENDS[end](runs.create_run("finetune", SST2, config))
    assert runs.state(folder).status in ("failed", "stopped", "interrupted")
    (folder / "probe").mkdir()
    (folder / "probe" / "step-0000000.npz").touch()
    (folder / "notes.txt").write_text("not of a run")
    record = record_and_drain(config)
    run = runs.state(folder)
    assert (run.status, len(of(Started, run.events)), len(of(Finished, run.events))) == ("completed", 1, 1)
    assert record.created == run.record.created
    assert (folder / "notes.txt").read_text() == "not of a run"
    names = {path.name for path in folder.iterdir()} - {"notes.txt"}
    assert names == FILES


@pytest.mark.parametrize("kept", ["at work", "a checkpoint", "a damaged record"])
def test_a_run_with_something_in_it_blocks_its_folder(short, tmp_path, kept):
    folder = tmp_path / "mine"
    config = dataclasses.replace(short, output_dir=str(folder))
    record = runs.create_run("finetune", SST2, config)
    events = runs.record_events(record, partial(finetune, "sst2", record.config))
    next(events)  # this process is at work on it
    if kept != "at work":
        events.close()
        old(record)
    if kept == "a checkpoint":
        (folder / "checkpoint").mkdir()
    if kept == "a damaged record":
        (folder / "run.json").write_text("{")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(DemoError, match=r"already holds a run|holds a run that is at work|is not empty"):
        runs.create_run("finetune", SST2, config)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    events.close()


@pytest.mark.parametrize("below", ["", "deeper/still"])
def test_a_folder_that_cannot_be_written_is_one_sentence(short, tmp_path, below):
    (tmp_path / "file").write_text("in the way")
    place = tmp_path / "file" / below
    with pytest.raises(DemoError, match=r"The run folder .*file.* cannot be written: "):
        runs.create_run("finetune", SST2, dataclasses.replace(short, output_dir=str(place)))


def test_a_home_that_cannot_be_written_is_one_sentence(short, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("MINILM_HOME", str(tmp_path / "file"))
    with pytest.raises(DemoError, match="cannot be written"):
        runs.create_run("finetune", SST2, short)


# -- states --------------------------------------------------------------------------------------------------------


def test_a_run_nobody_works_on_is_interrupted(short):
    folder = folder_of(runs.create_run("finetune", SST2, short))
    assert runs.state(folder).status == "interrupted"
    assert runs.state(folder).result is None
    assert not runs.state(folder).has_checkpoint


@pytest.mark.parametrize(
    ("process", "alive"),
    [("this", True), ("ended", False), ("reused id", False), ("half written", False), ("empty", False)],
)
def test_only_the_living_worker_of_the_run_counts(short, process, alive):
    folder = folder_of(runs.create_run("finetune", SST2, short))
    me = psutil.Process()
    text = json.dumps({"pid": me.pid, "created": me.create_time()})
    if process == "ended":
        ended = subprocess.Popen([sys.executable, "-c", ""])
        ended.wait()
        text = json.dumps({"pid": ended.pid, "created": time.time()})
    elif process == "reused id":
        text = json.dumps({"pid": me.pid, "created": me.create_time() - 100})
    elif process != "this":
        text = text[:9] if process == "half written" else ""
    (folder / "worker.json").write_text(text)
    assert runs.state(folder).status == ("starting" if alive else "interrupted")
    (folder / "events.jsonl").write_text(to_json(Saved(1, "x")) + "\n")
    assert runs.state(folder).status == ("running" if alive else "interrupted")
    runs.ask_to_stop(folder)
    assert runs.state(folder).status == ("stopping" if alive else "interrupted")


def test_a_worker_that_died_and_was_not_collected_is_dead(short):
    folder = folder_of(runs.create_run("finetune", SST2, short))
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    claim = {"pid": child.pid, "created": psutil.Process(child.pid).create_time()}
    (folder / "worker.json").write_text(json.dumps(claim))
    assert runs.state(folder).status == "starting"
    child.kill()
    wait_for(lambda: psutil.Process(child.pid).status() == psutil.STATUS_ZOMBIE)
    assert runs.state(folder).status == "interrupted"
    child.wait()


def test_a_failure_inside_a_job_is_kept_and_said(short):
    def job(should_stop):
        yield Saved(1, "x")
        raise ValueError("inside\nthe job")

    record = runs.create_run("finetune", SST2, short)
    events = list(runs.record_events(record, job))
    assert events[0] == Saved(1, "x")
    assert events[1].status == "failed"
    assert events[1].message == "Something unforeseen went wrong: ValueError: inside the job. See error.txt."
    state = runs.state(folder_of(record))
    assert (state.status, state.events) == ("failed", tuple(events))
    error = (folder_of(record) / "error.txt").read_text()
    assert "Traceback" in error
    assert "inside\nthe job" in error
    assert not (folder_of(record) / "worker.json").exists()


def test_a_visitor_is_told_no_text_of_the_server(short):
    def job(should_stop):
        raise ValueError("cannot open /srv/secret/folder")
        yield

    record = runs.create_run("finetune", SST2, short, origin="page")
    (event,) = runs.record_events(record, job)
    assert event.message == (
        "Something unforeseen went wrong (ValueError). "
        "The people who run this server find the details in the run's folder."
    )
    assert "/srv/secret/folder" in (folder_of(record) / "error.txt").read_text()


@pytest.mark.parametrize(
    ("error", "message"),
    [(DemoError("The file is empty."), "The file is empty."), (MemoryError(), "Out of memory. Try a smaller batch")],
)
def test_a_known_failure_needs_no_error_file(short, error, message):
    def job(should_stop):
        raise error
        yield

    record = runs.create_run("finetune", SST2, short)
    (event,) = runs.record_events(record, job)
    assert event.status == "failed"
    assert event.message.startswith(message)
    assert not (folder_of(record) / "error.txt").exists()


def test_a_wrong_data_set_fails_the_run(short):
    record = record_and_drain(dataclasses.replace(short, data="/no/such/folder"))
    state = runs.state(folder_of(record))
    assert state.status == "failed"
    assert state.events[-1].message.startswith("No data at '/no/such/folder'")


def test_a_run_folder_that_vanishes_is_one_sentence(short):
    record = runs.create_run("finetune", SST2, short)
    (folder_of(record) / "events.jsonl").mkdir()
    with pytest.raises(DemoError, match=r"The run folder .* cannot be written: Is a directory"):
        list(runs.record_events(record, lambda should_stop: (event for event in ())))
    assert not (folder_of(record) / "worker.json").exists()


def test_whoever_records_a_run_can_stop_it(config):
    record = runs.create_run("finetune", SST2, config)
    seen = []
    for event in runs.record_events(record, partial(finetune, "sst2", record.config), lambda: len(seen) >= 5):
        seen.append(event)
    assert seen[-1].status == "stopped"
    assert seen[-1].result.steps <= 6


def test_the_stop_file_is_looked_for_at_every_step(config):
    """Also between two events of a run that reports every fifty steps."""
    record = runs.create_run("finetune", SST2, dataclasses.replace(config, max_steps=20_000))
    answers = []

    def job(should_stop):
        yield Saved(1, "x")
        answers.append(should_stop())
        runs.ask_to_stop(folder_of(record))
        answers.append(should_stop())
        yield Finished("stopped", "")

    list(runs.record_events(record, job))
    assert answers == [False, True]


def test_whoever_leaves_a_recording_ends_the_job(short):
    record = runs.create_run("finetune", SST2, short)
    ended = []

    def job(should_stop):
        try:
            yield Saved(1, "x")
        finally:
            ended.append(True)

    events = runs.record_events(record, job)
    next(events)
    events.close()
    assert ended == [True]
    assert not (folder_of(record) / "worker.json").exists()


# -- lists ---------------------------------------------------------------------------------------------------------


def fake_run(task, origin="shell", checkpoint=True, event=None, output_dir=None):
    record = runs.create_run("finetune", TASKS[task], TrainConfig(output_dir=output_dir), origin)
    folder = runs.run_folder(output_dir or record.run_id)
    if checkpoint:
        (folder / "checkpoint").mkdir()
        (folder / "checkpoint" / "config.json").write_text("{}")
    if event:
        (folder / "events.jsonl").write_text(to_json(event) + "\n")
    time.sleep(0.002)  # runs are sorted by the millisecond they were made in
    return record.run_id


def test_runs_are_listed_newest_first_and_a_broken_folder_is_passed_over(tmp_path):
    assert runs.list_runs() == []
    ids = [fake_run("sst2"), fake_run("mnli", "page"), fake_run("sst2")]
    (models.runs_root() / "sst2-half").mkdir()
    (models.runs_root() / "sst2-half" / "run.json").write_text('{"run_id": "s')
    fake_run("sst2", output_dir=str(tmp_path / "elsewhere"))
    assert [run.record.run_id for run in runs.list_runs()] == ids[::-1]
    assert [run.record.run_id for run in runs.list_runs(tmp_path)] == ["elsewhere"]


def test_for_a_list_of_ones_own_runs_the_events_of_others_are_not_read(monkeypatch):
    mine, _ = [fake_run("sst2", "page") for _ in range(2)]
    read = []
    monkeypatch.setattr(folder_module, "read_events", lambda folder: read.append(folder.name) or ())
    assert [run.record.run_id for run in runs.usable_runs(("sst2",), [mine])] == [mine]
    assert read == [mine]


def test_the_latest_run_is_shared_or_mine():
    assert runs.latest_run(("sst2",)) is None
    shared = fake_run("sst2")
    private = fake_run("sst2", "page")
    fake_run("sst2", checkpoint=False)
    fake_run("mrpc")
    assert runs.latest_run(("sst2",)).record.run_id == shared
    assert runs.latest_run(("sst2",), mine=(private,)).record.run_id == private
    assert runs.latest_run(("qqp",)) is None
    assert runs.latest_run(("qqp", "mrpc")).record.task == "mrpc"


@pytest.mark.parametrize("stopping", [False, True])
def test_a_run_at_work_is_not_the_latest(stopping):
    folder = runs.run_folder(fake_run("sst2"))
    me = psutil.Process()
    (folder / "worker.json").write_text(json.dumps({"pid": me.pid, "created": me.create_time()}))
    if stopping:
        runs.ask_to_stop(folder)
    assert runs.latest_run(("sst2",)) is None


# -- a visitor's own file ------------------------------------------------------------------------------------------


@pytest.fixture
def upload(tmp_path, rows):
    """A file as the page keeps it for a while, under the name a visitor gave it."""
    return Path(shutil.copy(rows / "train.jsonl", tmp_path / "Secret plans.JSONL"))


def test_an_upload_lives_as_long_as_its_run(short, upload):
    record = runs.create_run("finetune", SST2, dataclasses.replace(short, data="auto"), "page", upload)
    folder, rows = folder_of(record), upload.read_bytes()
    upload.unlink()  # Gradio clears its folder
    assert record.config.data == str(folder / "upload" / "Secret plans.JSONL")
    assert (folder / "upload" / "Secret plans.JSONL").read_bytes() == rows
    assert runs.read_record(folder) == record
    for event in runs.record_events(record, partial(finetune, "sst2", record.config)):
        assert (folder / "upload" / "Secret plans.JSONL").exists() == (not isinstance(event, Finished))
    assert event.status == "completed"
    assert "Secret plans.JSONL" in event.result.evaluation.data_source.description, "people know their file by its name"
    assert not (folder / "upload").exists()
    assert {path.name for path in folder.iterdir()} == FILES


def test_an_upload_is_gone_though_its_run_failed_or_was_left(short, upload):
    def job(should_stop):
        yield Saved(1, "x")
        raise ValueError("inside")

    record = runs.create_run("finetune", SST2, short, "page", upload)
    list(runs.record_events(record, job))
    assert not (folder_of(record) / "upload" / "Secret plans.JSONL").exists()
    record = runs.create_run("finetune", SST2, short, "page", upload)
    left = runs.record_events(record, job)
    next(left)
    left.close()
    assert not (folder_of(record) / "upload" / "Secret plans.JSONL").exists()


def test_only_the_copy_of_an_upload_is_removed(short, tmp_path, rows):
    own = Path(shutil.copy(rows / "train.jsonl", tmp_path / "upload.jsonl"))
    record = record_and_drain(dataclasses.replace(short, data=str(own), output_dir=str(tmp_path / "run")))
    assert runs.state(tmp_path / "run").status == "completed"
    assert record.upload == ""
    assert own.exists()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("rows.exe", r"^rows\.exe: files may be \.csv, "),
        ("rows", "files may be"),
        ("run.json.new", "files may be"),
        ("gone.csv", r"^gone\.csv is not on the server any more\. Choose the file again\.$"),
    ],
)
def test_an_upload_that_cannot_be_taken_leaves_no_run(short, tmp_path, name, message):
    if name != "gone.csv":
        (tmp_path / name).write_text("text,label\n")
    with pytest.raises(DemoError, match=message):
        runs.create_run("finetune", SST2, short, "page", tmp_path / name)
    assert runs.list_runs() == []
    assert not models.runs_root().exists()


def test_the_queue_keeps_an_upload_until_its_run_is_over(queue, short, upload, tmp_path):
    second = Path(shutil.copy(upload, tmp_path / "second.csv"))
    first = queue.start("finetune", SST2, dataclasses.replace(short, max_steps=20_000), upload=upload)
    waiting = queue.start("finetune", SST2, short, upload=second)
    assert (runs.visitor_run_folder(waiting) / "upload" / "second.csv").is_file()
    queue.stop(waiting)
    assert not (runs.visitor_run_folder(waiting) / "upload" / "second.csv").exists()
    wait_for(lambda: of(Stepped, queue.state(first).events))
    folder = runs.visitor_run_folder(first)
    assert (folder / "upload" / "Secret plans.JSONL").is_file()
    os.kill(json.loads((folder / "worker.json").read_text())["pid"], signal.SIGKILL)
    wait_for(lambda: not (folder / "upload" / "Secret plans.JSONL").exists())


def test_a_file_left_by_a_server_that_ended_is_taken_away_later(short, upload, monkeypatch):
    record = runs.create_run("finetune", SST2, short, "page", upload)
    left = folder_of(record) / "upload" / "Secret plans.JSONL"
    runs.forget_left_uploads()
    assert left.is_file(), "another server may have it in its line"
    monkeypatch.setattr(folder_module, "LEFT_SECONDS", 0)
    monkeypatch.setattr(folder_module, "_is_worker_alive", lambda folder: True)
    runs.forget_left_uploads()
    assert left.is_file(), "somebody works on it"
    monkeypatch.setattr(folder_module, "_is_worker_alive", lambda folder: False)
    runs.forget_left_uploads()
    assert not left.exists()


def test_a_worker_that_is_told_to_end_takes_the_file_with_it(short, upload):
    """As its server does at its own end."""
    record = runs.create_run("finetune", SST2, dataclasses.replace(short, max_steps=20_000), "page", upload)
    folder = folder_of(record)
    script = f"from minilm_demo.runs import worker; worker.work({str(folder)!r})"
    process = subprocess.Popen([sys.executable, "-c", script], env=environment(), cwd=ROOT)
    wait_for(lambda: of(Stepped, runs.read_events(folder)))
    assert (folder / "upload" / "Secret plans.JSONL").is_file()
    process.terminate()
    assert process.wait(60) == 1, "it ended by itself, not by the signal"
    assert not (folder / "upload" / "Secret plans.JSONL").exists()


def test_a_visitors_run_ends_when_the_others_have_waited_enough(queue, short, monkeypatch):
    monkeypatch.setattr(queue_module, "PAGE_SECONDS", 0.1)
    run = queue.start("finetune", SST2, dataclasses.replace(short, max_steps=20_000))
    ended = wait_for(lambda: of(Finished, queue.state(run).events))[0]
    assert ended.status == "stopped"
    assert queue.state(run).has_checkpoint == (ended.result is not None)
    wait_for(lambda: queue._running is None)
    monkeypatch.setattr(queue_module, "PAGE_GRACE", 0.1)  # one that does not listen
    monkeypatch.setattr(queue_module, "ask_to_stop", lambda folder: None)
    deaf = queue.start("finetune", SST2, dataclasses.replace(short, max_steps=20_000, output_dir=None))
    assert wait_for(lambda: queue.state(deaf).status in ("failed", "interrupted")), "before or after its first event"
    assert wait_for(lambda: queue._running is None) is True


# -- what a visitor may ask ----------------------------------------------------------------------------------------


@pytest.fixture
def idle(monkeypatch):
    """A queue that starts nothing."""
    monkeypatch.setattr(runs.RunQueue, "_work", lambda self: None)
    return runs.RunQueue()


LIMITED = [("time_budget", 601), ("epochs", 20.5), ("max_steps", 20_001), ("batch_size", 129)]


@pytest.mark.parametrize(("name", "value"), LIMITED)
def test_a_visitor_may_not_keep_the_others_waiting(idle, name, value):
    most = runs.JOBS["finetune"].limits[name]
    said = f"^{name} is {value:,}; a run started from the page may have at most {most:,}. Choose {most:,} or less.$"
    with pytest.raises(DemoError, match=said):
        idle.start("finetune", SST2, TrainConfig(**{name: value}))
    assert runs.list_runs() == []
    idle.start("finetune", SST2, TrainConfig(**{name: value}), origin="shell")
    idle.start("finetune", SST2, TrainConfig(**{name: most}))


def test_every_limit_is_tried():
    assert (
        {name for name, _ in LIMITED} == runs.JOBS["finetune"].limits.keys() <= TrainConfig.__dataclass_fields__.keys()
    )


@pytest.mark.parametrize("task", TASKS)
def test_a_visitor_may_ask_for_the_defaults_of_every_task(idle, task):
    idle.start("finetune", TASKS[task], TrainConfig())


@pytest.mark.parametrize(
    ("task", "options", "tokens"),
    [
        ("squad", {"batch_size": 128}, "batch_size 128 times max_length 384 is 49,152 tokens"),
        ("sst2", {"batch_size": 65, "max_length": 512}, "batch_size 65 times max_length 512 is 33,280 tokens"),
    ],
)
def test_a_visitors_update_fits_into_memory(idle, task, options, tokens):
    with pytest.raises(DemoError, match=f"^{tokens} per update; .* at most 32,768. Choose a smaller batch or shorter"):
        idle.start("finetune", TASKS[task], TrainConfig(**options))
    idle.start("finetune", TASKS[task], TrainConfig(**options), origin="shell")
    idle.start("finetune", SST2, TrainConfig(batch_size=64, max_length=512))


def test_a_full_disk_is_said_before_the_run(idle, monkeypatch):
    usage = shutil.disk_usage(models.runs_root().parent)
    monkeypatch.setattr(shutil, "disk_usage", lambda place: usage._replace(free=1_240_000_000))
    with pytest.raises(DemoError, match=r"^Only 1\.2 GB are free on the server's disk; a run needs 2 GB\. Ask"):
        idle.start("finetune", SST2, TrainConfig())
    assert runs.list_runs() == []
    idle.start("finetune", SST2, TrainConfig(), origin="shell")


# -- real workers --------------------------------------------------------------------------------------------------


def test_a_killed_worker_leaves_its_events_and_its_checkpoint(config):
    record = runs.create_run("finetune", SST2, dataclasses.replace(config, max_steps=5000))
    folder, states = folder_of(record), []

    def saved():
        states.append(runs.state(folder).status)
        return of(Saved, runs.read_events(folder))

    process = start_worker(record)
    try:
        wait_for(saved)
        assert runs.state(folder).status == "running"
        assert runs.state(folder).has_checkpoint
    finally:
        process.kill()
        process.join()
    state = runs.state(folder)
    assert state.status == "interrupted"
    assert set(states) <= {"interrupted", "starting", "running"}  # interrupted: before the process came that far
    steps = [event.step for event in of(Stepped, state.events)]
    assert steps[-1] >= 400
    assert of(Evaluated, state.events)
    assert load_checkpoint(record.run_id, SST2).model.config.num_labels == 2
    assert runs.latest_run(("sst2",)).record.run_id == record.run_id


def test_the_stop_file_ends_a_worker_and_keeps_its_best(config):
    record = runs.create_run("finetune", SST2, dataclasses.replace(config, max_steps=5000))
    folder = folder_of(record)
    process = start_worker(record)
    try:
        wait_for(lambda: of(Stepped, runs.read_events(folder)))
        runs.ask_to_stop(folder)
        assert runs.state(folder).status in ("stopping", "stopped")
        process.join(150)
        assert process.exitcode == 0
    finally:
        process.kill()
    state = runs.state(folder)
    assert state.status == "stopped"
    assert state.result.steps < 2500
    assert state.has_checkpoint
    assert not (folder / "worker.json").exists()
    best = [event.step for event in of(Evaluated, state.events) if event.best]
    assert state.result.step == (best[-1] if best else state.result.steps)
    assert (folder / "README.md").is_file()


@pytest.fixture
def queue():
    queue = runs.RunQueue()
    yield queue
    for run in runs.list_runs():
        queue.stop(run.record.run_id)
    wait_for(lambda: queue._running is None)


def ended(run_id: str):
    return lambda: of(Finished, runs.read_events(runs.visitor_run_folder(run_id)))


def test_the_queue_does_one_run_after_the_other(queue, config, short):
    first = queue.start("finetune", SST2, dataclasses.replace(config, max_steps=20_000))
    second = queue.start("finetune", SST2, short)
    third = queue.start("finetune", SST2, dataclasses.replace(short, max_steps=None, time_budget=30))
    fourth = queue.start("finetune", SST2, short)
    assert runs.read_record(runs.visitor_run_folder(first)).origin == "page"
    assert queue.state(second).status == "queued"
    wait_for(lambda: of(Stepped, queue.state(first).events))
    assert queue.state(first).status == "running"
    assert queue.place(first) is None
    assert [queue.place(run_id)[0] for run_id in (second, third, fourth)] == [1, 2, 3]
    waits = [queue.place(run_id)[1] for run_id in (second, third, fourth)]
    assert 0 < waits[0] < waits[1] < waits[2]
    assert waits[1] - waits[0] == pytest.approx(60, abs=20)  # nothing known of the second yet, the first goes on
    assert waits[2] - waits[1] == pytest.approx(30, abs=20)  # the third one's own budget

    queue.stop(third)
    assert queue.state(third).status == "stopped"
    assert queue.state(third).events == (Finished("stopped", "Stopped before it began."),)
    assert queue.place(third) is None
    assert queue.place(fourth)[0] == 2

    queue.stop(first)
    wait_for(ended(fourth))
    assert [queue.state(run_id).status for run_id in (first, second, fourth)] == ["stopped", "completed", "completed"]
    written = [(runs.visitor_run_folder(run_id) / "events.jsonl").stat() for run_id in (first, second, fourth)]
    made = [(runs.visitor_run_folder(run_id) / "README.md").stat().st_mtime for run_id in (first, second, fourth)]
    assert [one.st_mtime for one in written] == sorted(one.st_mtime for one in written)
    assert made == sorted(made)
    assert queue.place("sst2-" + "a" * 22) is None


def test_the_queue_goes_on_after_a_worker_was_killed(queue, config, short):
    first = queue.start("finetune", SST2, dataclasses.replace(config, max_steps=20_000))
    second = queue.start("finetune", SST2, short)
    wait_for(lambda: of(Stepped, queue.state(first).events))
    os.kill(json.loads((runs.visitor_run_folder(first) / "worker.json").read_text())["pid"], signal.SIGKILL)
    wait_for(ended(second))
    assert queue.state(first).status == "interrupted"
    assert queue.state(second).status == "completed"


def test_the_queue_goes_on_after_a_worker_that_could_not_start(queue, short, monkeypatch):
    class NoProcess:
        def Process(self, **options):
            return self

        def start(self):
            raise OSError(12, "Cannot allocate memory", "/a/path")

    monkeypatch.setattr(queue_module, "worker_context", NoProcess)
    first = queue.start("finetune", SST2, short)
    wait_for(ended(first))
    state = queue.state(first)
    assert state.status == "failed"
    assert state.events[-1].message == (
        "The process that trains could not be started (Cannot allocate memory). Try again in a minute."
    )
    second = queue.start("finetune", SST2, short)
    wait_for(ended(second))


def test_the_line_outlives_whatever_goes_wrong(queue, short, monkeypatch, capfd):
    def broken():
        raise ValueError("at /a/path")

    start = runs.worker_context
    monkeypatch.setattr(queue_module, "worker_context", broken)
    first = queue.start("finetune", SST2, short)
    wait_for(ended(first))
    said = queue.state(first).events[-1].message
    assert said == "The process that trains could not be started (ValueError). Try again in a minute."
    shutil.rmtree(runs.visitor_run_folder(first))
    wait_for(lambda: queue._running is None)
    assert "ValueError: at /a/path" in capfd.readouterr().err

    def deleted():
        shutil.rmtree(runs.visitor_run_folder(second))
        raise ValueError("its end cannot be written either")

    monkeypatch.setattr(queue_module, "worker_context", deleted)
    second = queue.start("finetune", SST2, short)
    wait_for(lambda: not queue._waiting and queue._running is None)
    monkeypatch.setattr(queue_module, "worker_context", start)
    third = queue.start("finetune", SST2, short)
    wait_for(ended(third))
    assert queue.state(third).status == "completed"


def test_a_worker_that_dies_without_a_word_is_a_failed_run(queue, short, monkeypatch):
    monkeypatch.setattr(queue_module, "_work_in_child", os.path.isdir)  # any function that ends at once
    run_id = queue.start("finetune", SST2, short)
    wait_for(ended(run_id))
    assert queue.state(run_id).status == "failed"
    assert queue.state(run_id).events[-1].message.startswith("The process that trains ended before it began.")


def test_nobody_waits_for_a_process_that_starts_slowly(queue, short, monkeypatch):
    """The first one may wait for the fork server, which imports torch first."""
    go_on, started, has_started = threading.Event(), threading.Event(), threading.Event()

    class SlowProcess:
        def Process(self, **options):
            return self

        def start(self):
            started.set()
            go_on.wait(60)
            has_started.set()

        def is_alive(self):
            return True

        def join(self, timeout=None):
            pass

    monkeypatch.setattr(queue_module, "worker_context", SlowProcess)
    try:
        first = queue.start("finetune", SST2, short)
        assert started.wait(10)
        second = queue.start("finetune", SST2, short)
        assert (queue.state(first).status, queue.place(first)) == ("starting", None)
        assert (queue.state(second).status, queue.place(second)[0]) == ("queued", 1)
        queue.stop(second)
        assert queue.state(second).status == "stopped"
        assert not has_started.is_set(), "all of it was answered while the process was still starting"
    finally:
        go_on.set()


def test_who_leaves_the_line_is_never_interrupted(idle, short, monkeypatch):
    """The end of the run is written while nobody can look into the line."""
    run_id = idle.start("finetune", SST2, short)
    states, write = [], queue_module._end

    def end_and_look(record, event):
        looking = threading.Thread(target=lambda: states.append(idle.state(run_id).status))
        looking.start()
        looking.join(0.3)  # it stands before the lock, or has found the end
        write(record, event)
        threads.append(looking)

    threads = []
    monkeypatch.setattr(queue_module, "_end", end_and_look)
    idle.stop(run_id)
    threads[0].join(10)
    assert states == ["stopped"]


def test_a_line_that_is_too_long_is_one_sentence(short, monkeypatch):
    monkeypatch.setattr(queue_module, "MAX_WAITING", 2)
    monkeypatch.setattr(runs.RunQueue, "_work", lambda self: None)
    queue = runs.RunQueue()
    for _ in range(2):
        queue.start("finetune", SST2, short)
    with pytest.raises(DemoError, match=r"2 runs are waiting already\. Try again"):
        queue.start("finetune", SST2, short)
    assert len(runs.list_runs()) == 2


def test_one_visitor_does_not_fill_the_line(idle):
    mine = [idle.start("finetune", SST2, TrainConfig(data="sample")) for _ in range(runs.MAX_WAITING_EACH)]
    with pytest.raises(DemoError, match=r"^3 of your runs are waiting already, and others want a turn too"):
        idle.start("finetune", SST2, TrainConfig(data="sample"), mine=mine)
    idle.start("finetune", SST2, TrainConfig(data="sample"), mine=["somebody else's"])
    idle.stop(mine[0])
    idle.start("finetune", SST2, TrainConfig(data="sample"), mine=mine)


def test_a_visitor_is_not_told_which_folder_of_the_server_cannot_be_written(short, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("MINILM_HOME", str(tmp_path / "file" / "home"))
    with pytest.raises(
        DemoError, match=r"^The run folder .*file/home.* cannot be written: Not a directory\.$"
    ) as raised:
        runs.create_run("finetune", SST2, short, "page")
    assert raised.value.on_page.startswith("The server cannot record a run: Not a directory.")
    assert str(tmp_path) not in raised.value.on_page
