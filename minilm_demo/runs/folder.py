"""The folder of a run, which holds its whole state. The page follows a run and never owns it.

    <run>/run.json       the request, and the package versions
          events.jsonl   one event per line, appended and flushed
          learned_rows.npy   numbers that stand for the texts learned from, to find them among scored rows
          checkpoint/    the best so far; loads with plain transformers
          README.md      the model card
          worker.json    the process that works on the run (removed at its end)
          upload/        a visitor's own rows or texts, under the name they gave the file (removed at its end)
          stop           a stop request; an empty file, so that any process can make one

A run is finished when its last event is `Finished`, running while the process named in worker.json lives, queued while
this server has it in its queue, and interrupted otherwise.
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
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import psutil

from ..errors import DataError, DemoError
from ..models import default_checkpoint, runs_root
from ..results import AT_WORK, DISTILL, FINAL, FINETUNE, RUN_ID, Finished, TrainingEvent, from_dict, read_lines
from ..tasks import Task, get_task
from .jobs import JOBS, JobConfig
from .places import clear_place
from .records import RunRecord, RunState

UPLOAD = "upload"  # folder of a visitor's file
START_SECONDS = 30  # after which a run that has not begun never will
LEFT_SECONDS = 2 * 3600  # age at which the next start removes the upload of a run without a process
READ_RUNS = 64  # size of the cache of parsed events; pages poll them five times a second
READ_RECORDS = 1024  # size of the caches of records and results, which lists and titles read
TAIL = 1 << 15  # bytes at the end of events.jsonl, enough for the last event of nearly every run
PACKAGES = ("torch", "transformers", "accelerate", "peft", "datasets", "gradio")


def create_run(job: str, task: Task, config: JobConfig, origin: str = "shell", upload: Path | None = None) -> RunRecord:
    """Create a run folder with its run.json: `config.output_dir`, or a new one with an id that cannot be guessed.

    The file `upload` is copied into the folder and becomes the run's data. Raises `DemoError` if the folder is not free
    (`clear_place`) or cannot be written, and for a file of the wrong kind."""
    upload_name = _name_of_upload(upload, JOBS[job].uploads) if upload else ""
    fresh = runs_root() / f"{JOBS[job].prefix}{task.slug}-{secrets.token_urlsafe(16)}"
    folder = Path(config.output_dir) if config.output_dir else fresh
    try:
        clear_place(folder, _run_in(folder), overwrite=getattr(config, "overwrite", False))
        folder.mkdir(parents=True, exist_ok=True)
        if upload:
            (folder / UPLOAD).mkdir(exist_ok=True)
            shutil.copyfile(upload, folder / upload_name)
            config = dataclasses.replace(config, data=str(folder / upload_name))
        base = {JOBS[job].base: getattr(config, JOBS[job].base) or default_checkpoint()}
        record = RunRecord(
            run_id=folder.name,
            job=job,
            task=task.name,
            config=dataclasses.replace(config, **base, output_dir=str(folder)),
            origin=origin,
            created=datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds"),
            versions=versions(),
            upload=upload_name,
        )
        write_record(folder, record)
    except OSError as error:
        if upload_name:
            _remove_upload(folder / upload_name)
        raise _cannot_record(f"The run folder {folder} cannot be written", error) from error
    return record


def write_record(folder: Path, record: RunRecord) -> None:
    """Write run.json. Raises `OSError`."""
    text = json.dumps(dataclasses.asdict(record), indent=2, ensure_ascii=False)
    (folder / "run.json.new").write_text(text + "\n", encoding="utf-8")
    (folder / "run.json.new").replace(folder / "run.json")  # atomic, so that no reader sees half a file


def _cannot_record(shell: str, error: OSError) -> DemoError:
    """The error of a folder that cannot be written. The page names no folder of the server."""
    return DemoError(
        "",
        shell=f"{shell}: {error.strerror}.",
        page=f"The server cannot record a run: {error.strerror}. Ask the people who run it to run `doctor` there.",
    )


def _run_in(folder: Path) -> RunState | None:
    """The run that a folder holds; None without a readable one. A run that was made just now is about to start."""
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError, AttributeError, DemoError):
        run = state(folder)
        has_begun = bool(run.events) or (folder / "worker.json").exists() or age(run) > START_SECONDS
        return run if has_begun else dataclasses.replace(run, status="starting")
    return None


def _name_of_upload(upload: Path, allowed: Sequence[str]) -> str:
    """The place of a visitor's file in the run folder. Its name stays, for people read it beside the score; in a folder
    of its own it is in nobody's way."""
    kind = upload.suffix.lower()
    if kind not in allowed:
        raise DataError(f"{upload.name}: files may be {', '.join(allowed)}.")
    if not upload.is_file():
        raise DataError(f"{upload.name} is not on the server any more. Choose the file again.")
    return f"{UPLOAD}/{upload.name}"


def forget_upload(record: RunRecord) -> None:
    """Delete a visitor's file at the end of the run. Up to twenty rows of mistakes stay in the result."""
    if record.upload:
        _remove_upload(Path(record.config.output_dir) / record.upload)


def forget_left_uploads() -> None:
    """Delete the uploads of runs that ended when their server did. Younger files than `LEFT_SECONDS` stay: their runs
    may be in the queue of another server."""
    for run in list_runs(matches=lambda record: bool(record.upload)):
        if run.status in FINAL and age(run) > LEFT_SECONDS:
            forget_upload(run.record)


def age(run: RunState) -> float:
    """Seconds since the run was created."""
    age = datetime.datetime.now(datetime.UTC) - datetime.datetime.fromisoformat(run.record.created)
    return age.total_seconds()


def _remove_upload(file: Path) -> None:
    with contextlib.suppress(OSError):  # removed already, or open in another process on Windows
        file.unlink()
        if file.parent.name == UPLOAD:
            file.parent.rmdir()


def versions() -> dict[str, str]:
    """The versions of Python and of the packages that determine a run's numbers. No package is imported for it."""
    numbers = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            numbers[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return numbers


def run_folder(run: str) -> Path:
    """The folder of a run id, or of a path on this machine. Ids from visitors go through `visitor_run_folder`.

    Raises `DemoError` if there is no run."""
    for folder in (runs_root() / run, Path(run)) if RUN_ID.fullmatch(run) else (Path(run),):
        with contextlib.suppress(OSError):  # the name is too long for a file
            if (folder / "run.json").is_file():
                return folder
    raise DemoError(f"There is no run '{run}' here. `python -m minilm_demo runs list` shows what there is.")


def visitor_run_folder(run_id: str) -> Path:
    """The folder of a run id from a visitor, which may not be a path. Raises `DemoError` if there is no run."""
    if RUN_ID.fullmatch(str(run_id)):
        with contextlib.suppress(OSError):
            if (runs_root() / run_id / "run.json").is_file():
                return runs_root() / run_id
    raise DemoError("There is no such run here. It may have been deleted, or the server was set up anew.")


def read_record(folder: Path) -> RunRecord:
    """The record in run.json; cached. Raises `OSError` or `ValueError` if the file cannot be read."""
    file = folder / "run.json"
    status = file.stat()
    return _parse_record(file, status.st_size, status.st_mtime_ns)


@functools.lru_cache(maxsize=READ_RECORDS)
def _parse_record(file: Path, size: int, modified: int) -> RunRecord:
    record = from_dict(RunRecord, json.loads(file.read_text(encoding="utf-8")))
    return dataclasses.replace(record, config=from_dict(JOBS[record.job].config, record.config))


def read_events(folder: Path) -> tuple[TrainingEvent, ...]:
    """The events of all whole lines of events.jsonl; cached. A line that a crash cut off is ignored."""
    file = folder / "events.jsonl"
    if not file.is_file():
        return ()
    status = file.stat()
    return _parse_events(file, status.st_size, status.st_mtime_ns)


@functools.lru_cache(maxsize=READ_RUNS)
def _parse_events(file: Path, size: int, modified: int) -> tuple[TrainingEvent, ...]:
    """The events in the first `size` bytes. Size and modification time in ns are the key of the cache."""
    with file.open("rb") as stream:
        lines = stream.read(size).split(b"\n")[:-1]
    return read_lines(line.decode("utf-8") for line in lines if line)


def read_result(folder: Path):
    """The result of a run; None before its end; cached. Only the last whole line of events.jsonl is read."""
    file = folder / "events.jsonl"
    if not file.is_file():
        return None
    status = file.stat()
    return _parse_result(file, status.st_size, status.st_mtime_ns)


@functools.lru_cache(maxsize=READ_RECORDS)
def _parse_result(file: Path, size: int, modified: int):
    line = _last_line(file, size)
    events = read_lines([line.decode("utf-8")] if line else [])
    return events[-1].result if events and isinstance(events[-1], Finished) else None


def _last_line(file: Path, size: int) -> bytes:
    """The last whole line in the first `size` bytes; b"" if there is none."""
    with file.open("rb") as stream:
        length = TAIL
        while True:
            stream.seek(max(0, size - length))
            lines = stream.read(min(length, size)).split(b"\n")[:-1]
            if len(lines) > 1 or length >= size:
                return lines[-1] if lines else b""
            length *= 4


def state(folder: Path) -> RunState:
    """The state of a run by its folder. `RunQueue.state` also knows which runs wait."""
    is_alive = _is_worker_alive(folder)  # before the events: a worker that ends in between has written its last one
    events = read_events(folder)
    if events and isinstance(events[-1], Finished):
        status = events[-1].status
    elif is_alive:
        status = "stopping" if (folder / "stop").exists() else "running" if events else "starting"
    else:
        status = "interrupted"
    return RunState(read_record(folder), status, events, folder)


def _is_worker_alive(folder: Path) -> bool:
    try:
        worker = json.loads((folder / "worker.json").read_text())
        process = psutil.Process(worker["pid"])
        is_same = abs(process.create_time() - worker["created"]) < 2  # seconds; the value moves when the clock is set
        return is_same and process.status() != psutil.STATUS_ZOMBIE
    except (OSError, ValueError, KeyError, psutil.Error):  # the file or the process is gone, or half a file was read
        return False


def list_runs(root: Path | None = None, matches: Callable[[RunRecord], bool] = lambda record: True) -> list[RunState]:
    """The runs below `root` (default: all runs of this machine) whose record passes `matches`, newest first.

    Only their events are read: a server of many visitors has many runs, and each visitor sees few."""
    states = []
    for file in (root or runs_root()).glob("*/run.json"):
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError, DemoError):  # being deleted, or damaged
            if matches(read_record(file.parent)):
                states.append(state(file.parent))
    return sorted(states, key=lambda run: run.record.created, reverse=True)


def usable_runs(tasks: Collection[str] | None, mine: Sequence[str] = (), job: str = FINETUNE) -> list[RunState]:
    """Runs of these tasks (None: of any) with a checkpoint, newest first: those in `mine`, and those started from the
    shell. With `job=DISTILL`: students made from the texts of these tasks. "own" are all tasks of a person's own table.

    The id of a run grants access to it. Runs of other visitors are never listed."""

    def matches(record: RunRecord) -> bool:
        is_visible = record.run_id in mine or record.origin == "shell"
        is_among = tasks is None or record.task in tasks or get_task(record.task).slug in tasks
        return is_visible and record.job == job and is_among

    return [run for run in list_runs(matches=matches) if run.has_checkpoint and run.status not in AT_WORK]


def latest_speed(task: str) -> float | None:
    """The examples per second of the newest finished fine-tune of a task on this machine; None before the first.

    The number tells nothing of whose run it was."""
    files = sorted(runs_root().glob("*/run.json"), key=lambda file: file.stat().st_mtime, reverse=True)
    for file in files:
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError, DemoError):  # being deleted, or damaged
            record = read_record(file.parent)
            result = read_result(file.parent) if (record.job, record.task) == (FINETUNE, task) else None
            if result is not None:
                return result.examples_per_second
    return None


def latest_run(tasks: Collection[str], mine: Sequence[str] = ()) -> RunState | None:
    """The newest of `usable_runs`."""
    return next(iter(usable_runs(tasks, mine)), None)


def latest_student(mine: Sequence[str] = ()) -> str | None:
    """The run id of the newest student that was distilled here; None if there is none."""
    return next((run.record.run_id for run in usable_runs(None, mine, DISTILL)), None)


def ask_to_stop(folder: Path) -> None:
    """Ask the worker of the run to end it and keep the best checkpoint."""
    (folder / "stop").touch()
