"""Keeps long work alive: a folder for every run, a queue, a worker process. The page follows a run and never owns it.

    <run>/run.json       what was asked, and with which versions
          events.jsonl   one event a line, appended and flushed
          checkpoint/    the best so far; loads with plain transformers
          README.md      the model card
          worker.json    which process works on it (gone when it is done)
          upload.csv     a visitor's own rows or texts, or .tsv, … (gone when it is done)
          stop           somebody asked to stop; an empty file, so that any process may ask

A run's state is what its folder says: finished when the last event is `Finished`, running while the process named in
worker.json lives, queued while this server holds it in its line, and interrupted otherwise.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import functools
import importlib.metadata
import json
import platform
import secrets
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil

from ..errors import DataError, DemoError
from ..models import default_checkpoint, runs_root
from ..results import AT_WORK, DISTILL, FINAL, FINETUNE, RUN_ID, Finished, TrainingEvent, from_dict, read_lines
from ..tasks import TASKS, Task
from .jobs import JOBS, JobConfig
from .records import RunRecord, RunState

LEFT_SECONDS = 2 * 3600  # after which the file of a run that no process works on is taken away at the next start
READ_RUNS = 64  # runs whose parsed events are remembered, for the pages that ask for them five times a second
READ_RECORDS = 1024  # runs whose record and result are remembered: lists and titles ask for them
TAIL = 1 << 15  # bytes at the end of events.jsonl that hold the last event of nearly every run
PACKAGES = ("torch", "transformers", "accelerate", "peft", "datasets", "gradio")


def create_run(job: str, task: Task, config: JobConfig, origin: str = "shell", upload: Path | None = None) -> RunRecord:
    """A new run folder with its run.json: `config.output_dir`, or a fresh one with an id nobody can guess.

    A file in `upload` is copied into it and becomes the run's data."""
    kept = _name_of_upload(upload, JOBS[job].uploads) if upload else ""
    fresh = runs_root() / f"{JOBS[job].prefix}{task.name}-{secrets.token_urlsafe(16)}"
    folder = Path(config.output_dir) if config.output_dir else fresh
    if (folder / "run.json").exists() or (folder / "checkpoint").exists():
        raise DemoError(f"{folder} already holds a run. Choose another folder, or delete this one first.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if upload:
            shutil.copyfile(upload, folder / kept)
            config = dataclasses.replace(config, data=str(folder / kept))
        base = {JOBS[job].base: getattr(config, JOBS[job].base) or default_checkpoint()}
        record = RunRecord(
            run_id=folder.name,
            job=job,
            task=task.name,
            config=dataclasses.replace(config, **base, output_dir=str(folder)),
            origin=origin,
            created=datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds"),
            versions=versions(),
            upload=kept,
        )
        text = json.dumps(dataclasses.asdict(record), indent=2, ensure_ascii=False)
        (folder / "run.json.new").write_text(text + "\n", encoding="utf-8")
        (folder / "run.json.new").replace(folder / "run.json")  # nobody reads half of it
    except OSError as error:
        if kept:
            _remove(folder / kept)
        raise DemoError(f"The run folder {folder} cannot be written: {error.strerror}.") from error
    return record


def _name_of_upload(upload: Path, allowed: Sequence[str]) -> str:
    """What a visitor's file is called in the run folder; nothing of a name from outside but the kind."""
    kind = upload.suffix.lower()
    if kind not in allowed:
        raise DataError(f"{upload.name}: files may be {', '.join(allowed)}.")
    if not upload.is_file():
        raise DataError(f"{upload.name} is not on the server any more. Choose the file again.")
    return f"upload{kind}"


def forget_upload(record: RunRecord) -> None:
    """A visitor's file is there for the run and no longer; up to twenty rows of mistakes stay in the result."""
    if record.upload:
        _remove(Path(record.config.output_dir) / record.upload)


def forget_left_uploads() -> None:
    """Files of runs that ended with their server, which could not take them away itself. Young ones stay: another
    server may have them in its line."""
    for run in list_runs(wanted=lambda record: bool(record.upload)):
        age = datetime.datetime.now(datetime.UTC) - datetime.datetime.fromisoformat(run.record.created)
        if run.status in FINAL and age.total_seconds() > LEFT_SECONDS:
            forget_upload(run.record)


def _remove(file: Path) -> None:
    with contextlib.suppress(OSError):  # gone already, or open elsewhere on Windows
        file.unlink()


def versions() -> dict[str, str]:
    """Python and the packages that decide what a run computes; no package is imported for it."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def run_folder(run: str) -> Path:
    """The folder of a run id, or of a path on this machine. Ids from visitors go through `visitor_run_folder`."""
    for folder in (runs_root() / run, Path(run)) if RUN_ID.fullmatch(run) else (Path(run),):
        with contextlib.suppress(OSError):  # of a name that is too long for a file
            if (folder / "run.json").is_file():
                return folder
    raise DemoError(f"There is no run '{run}' here. `python -m minilm_demo runs list` shows what there is.")


def visitor_run_folder(run_id: str) -> Path:
    """The folder of a run id that came from outside; never a path."""
    if RUN_ID.fullmatch(str(run_id)):
        with contextlib.suppress(OSError):
            if (runs_root() / run_id / "run.json").is_file():
                return runs_root() / run_id
    raise DemoError("There is no such run here. It may have been deleted, or the server was set up anew.")


def read_record(folder: Path) -> RunRecord:
    """What run.json says."""
    file = folder / "run.json"
    now = file.stat()
    return _parse_record(file, now.st_size, now.st_mtime_ns)


@functools.lru_cache(maxsize=READ_RECORDS)
def _parse_record(file: Path, size: int, changed: int) -> RunRecord:
    record = from_dict(RunRecord, json.loads(file.read_text(encoding="utf-8")))
    return dataclasses.replace(record, config=from_dict(JOBS[record.job].config, record.config))


def read_events(folder: Path) -> tuple[TrainingEvent, ...]:
    """All whole lines of events.jsonl; a line cut off by a crash is passed over."""
    file = folder / "events.jsonl"
    if not file.is_file():
        return ()
    now = file.stat()
    return _parse_events(file, now.st_size, now.st_mtime_ns)


@functools.lru_cache(maxsize=READ_RUNS)
def _parse_events(file: Path, size: int, changed: int) -> tuple[TrainingEvent, ...]:
    """The events in the first `size` bytes. A file of that size and that time of change says the same next time."""
    with file.open("rb") as opened:
        lines = opened.read(size).split(b"\n")[:-1]
    return read_lines(line.decode("utf-8") for line in lines if line)


def read_result(folder: Path):
    """The result that a run ended with; None before that. Of events.jsonl only the last whole line is read."""
    file = folder / "events.jsonl"
    if not file.is_file():
        return None
    now = file.stat()
    return _parse_result(file, now.st_size, now.st_mtime_ns)


@functools.lru_cache(maxsize=READ_RECORDS)
def _parse_result(file: Path, size: int, changed: int):
    line = _last_line(file, size)
    events = read_lines([line.decode("utf-8")] if line else [])
    return events[-1].result if events and isinstance(events[-1], Finished) else None


def _last_line(file: Path, size: int) -> bytes:
    """The last whole line in the first `size` bytes; b"" if there is none."""
    with file.open("rb") as opened:
        length = TAIL
        while True:
            opened.seek(max(0, size - length))
            lines = opened.read(min(length, size)).split(b"\n")[:-1]
            if len(lines) > 1 or length >= size:
                return lines[-1] if lines else b""
            length *= 4


def state(folder: Path) -> RunState:
    """What the folder says. The queue knows more about runs that wait; see `RunQueue.state`."""
    lives = _worker_lives(folder)  # asked first: a worker that ends in between has written its last event
    events = read_events(folder)
    if events and isinstance(events[-1], Finished):
        status = events[-1].status
    elif lives:
        status = "stopping" if (folder / "stop").exists() else "running" if events else "starting"
    else:
        status = "interrupted"
    return RunState(read_record(folder), status, events, folder)


def _worker_lives(folder: Path) -> bool:
    try:
        worker = json.loads((folder / "worker.json").read_text())
        process = psutil.Process(worker["pid"])
        same = abs(process.create_time() - worker["created"]) < 2  # seconds; it moves when the clock is set
        return same and process.status() != psutil.STATUS_ZOMBIE
    except (OSError, ValueError, KeyError, psutil.Error):  # gone, or half written
        return False


def list_runs(root: Path | None = None, wanted: Callable[[RunRecord], bool] = lambda record: True) -> list[RunState]:
    """All `wanted` runs below `root` (the runs of this machine), newest first. The events of others are not read: a
    server of many visitors has many runs, and each visitor is shown few."""
    found = []
    for file in (root or runs_root()).glob("*/run.json"):
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError, DemoError):  # being deleted, or damaged
            if wanted(read_record(file.parent)):
                found.append(state(file.parent))
    return sorted(found, key=lambda run: run.record.created, reverse=True)


def usable_runs(tasks: Sequence[str], mine: Sequence[str] = (), job: str = FINETUNE) -> list[RunState]:
    """Runs of these tasks that can answer, newest first: those in `mine`, and those made from the shell here. With
    `job=DISTILL`: students made of the texts of these tasks, which can be looked into and fine-tuned.

    Whoever has the id of a run may see it; runs of other visitors are never listed."""

    def wanted(record: RunRecord) -> bool:
        seen = record.run_id in mine or record.origin == "shell"
        return seen and record.job == job and record.task in tasks

    return [run for run in list_runs(wanted=wanted) if run.has_checkpoint and run.status not in AT_WORK]


def latest_run(tasks: Sequence[str], mine: Sequence[str] = ()) -> RunState | None:
    """The newest of `usable_runs`."""
    return next(iter(usable_runs(tasks, mine)), None)


def latest_student(mine: Sequence[str] = ()) -> str | None:
    """The newest student that was distilled here, by its run id; None if there is none."""
    return next((run.record.run_id for run in usable_runs(tuple(TASKS), mine, DISTILL)), None)


def ask_to_stop(folder: Path) -> None:
    """Ask whoever works on the run to end it and keep the best checkpoint."""
    (folder / "stop").touch()
