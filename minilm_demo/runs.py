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
import multiprocessing
import os
import platform
import re
import secrets
import shutil
import sys
import threading
import time
import traceback
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from .ablation import AblationConfig
from .cards import run_card
from .data import FILE_KINDS
from .distilling import DistillConfig
from .errors import DataError, DemoError
from .finetuning import TrainConfig
from .models import CATALOG, RUN_ID, default_checkpoint, runs_root
from .results import AT_WORK, FINAL, Finished, Planned, Stepped, TrainingEvent, Working, from_dict, read_lines, to_json
from .tasks import TASKS, Task, skill_tasks
from .texts import TEXT_KIND

MAX_WAITING = 40  # runs in line; more would wait for hours
MAX_WAITING_EACH = 3  # of one visitor, as far as visitors are known apart: by the runs their browser remembers
# What a visitor's run may ask of a machine that others wait for; a run from the shell may ask for more.
PAGE_LIMITS = {"time_budget": 600, "epochs": 20, "max_steps": 20_000, "batch_size": 128}
PAGE_TOKENS = 2 * 128 * 128  # of one update, batch_size × max_length: what it needs of memory
PAGE_FREE_BYTES = 2_000_000_000  # on the disk of the runs folder; a run keeps some 100 MB, and the line is long
DISTILL_LIMITS = {
    "time_budget": 600,
    "steps": 20_000,
    "batch_size": 128,
    "max_length": 128,
    "layers": 12,
    "hidden": 768,
}
ABLATION_LIMITS = {
    "time_budget": 600,
    "seeds": 5,
    "train_examples": 5000,
    "epochs": 5,
    "steps": 2000,
    "batch_size": 64,
    "max_length": 128,
    "layers": 12,
    "hidden": 768,
}
PAGE_SECONDS = 3600  # after which a visitor's run is asked to stop, whatever it was planned by
PAGE_GRACE = 600  # seconds to score what is kept then
DISTILL_TOKENS = 64 * 128  # relations take memory by the square of the length, for each of up to 64 heads
LEFT_SECONDS = 2 * 3600  # after which the file of a run that no process works on is taken away at the next start
READ_RUNS = 64  # runs whose parsed events are remembered, for the pages that ask for them five times a second
PACKAGES = ("torch", "transformers", "accelerate", "peft", "datasets", "gradio")


@dataclass(frozen=True)
class Job:
    """A kind of long work."""

    config: type  # a dataclass of options
    base: str  # field of its configuration: the checkpoint it begins with
    prefix: str  # of the ids of its runs
    uploads: tuple[str, ...]  # kinds of files of a visitor's own that it reads
    limits: Mapping[str, int]  # of a visitor's run: field of its configuration -> at most
    tokens: int  # of a visitor's run: of one update at most


JOBS: Mapping[str, Job] = {
    "finetune": Job(TrainConfig, "checkpoint", "", FILE_KINDS, PAGE_LIMITS, PAGE_TOKENS),
    "distill": Job(DistillConfig, "teacher", "student_", (*FILE_KINDS, TEXT_KIND), DISTILL_LIMITS, DISTILL_TOKENS),
    "ablation": Job(AblationConfig, "teacher", "ablation_", (), ABLATION_LIMITS, DISTILL_TOKENS),
}
JobConfig = TrainConfig | DistillConfig | AblationConfig
StartJob = Callable[..., Generator[TrainingEvent, None, None]]  # takes `should_stop`; returns the job's events


@dataclass(frozen=True)
class RunRecord:
    """What was asked, as run.json keeps it."""

    run_id: str
    job: str  # one of `JOBS`
    task: str  # that is learned, or whose texts are learned on
    config: Any  # of the class that the job names
    origin: str  # "page": private to whoever has its id | "shell": shared with everybody on this machine
    created: str  # ISO 8601, UTC
    versions: dict = field(default_factory=dict)
    upload: str = ""  # the visitor's own file in the folder, which does not outlive the run


@dataclass(frozen=True)
class RunState:
    """What a run's folder says right now."""

    record: RunRecord
    status: str  # one of `results.AT_WORK` or `results.FINAL`
    events: tuple[TrainingEvent, ...]
    folder: Path

    @property
    def result(self):
        """The result of the job, once it has one."""
        last = self.events[-1] if self.events else None
        return last.result if isinstance(last, Finished) else None

    @property
    def has_checkpoint(self) -> bool:
        return (self.folder / "checkpoint" / "config.json").is_file()


# -- folders -------------------------------------------------------------------------------------------------------


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


def _forget_upload(record: RunRecord) -> None:
    """A visitor's file is there for the run and no longer; up to twenty rows of mistakes stay in the result."""
    if record.upload:
        _remove(Path(record.config.output_dir) / record.upload)


def forget_left_uploads() -> None:
    """Files of runs that ended with their server, which could not take them away itself. Young ones stay: another
    server may have them in its line."""
    for run in list_runs(wanted=lambda record: bool(record.upload)):
        age = datetime.datetime.now(datetime.UTC) - datetime.datetime.fromisoformat(run.record.created)
        if run.status in FINAL and age.total_seconds() > LEFT_SECONDS:
            _forget_upload(run.record)


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
    record = from_dict(RunRecord, json.loads((folder / "run.json").read_text(encoding="utf-8")))
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


def usable_runs(tasks: Sequence[str], mine: Sequence[str] = (), job: str = "finetune") -> list[RunState]:
    """Runs of these tasks that can answer, newest first: those in `mine`, and those made from the shell here. With
    `job="distill"`: students made of the texts of these tasks, which can be looked into and fine-tuned.

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
    return next((run.record.run_id for run in usable_runs(tuple(TASKS), mine, "distill")), None)


def default_answerer(skill_or_task: str, mine: Sequence[str] = ()) -> str | None:
    """The checkpoint that answers when none is named: for a skill the shipped one; for a task, or a skill that is not
    shipped, the newest of `usable_runs`, else a shipped skill that covers the task; None if there is nothing."""
    if skill_or_task in CATALOG:
        return skill_or_task
    tasks = {task.name for task in skill_tasks(skill_or_task)}
    if run := latest_run(tuple(tasks), mine):
        return run.record.run_id
    return next((entry.name for entry in CATALOG.values() if entry.is_skill and tasks & set(entry.tasks)), None)


def ask_to_stop(folder: Path) -> None:
    """Ask whoever works on the run to end it and keep the best checkpoint."""
    (folder / "stop").touch()


# -- recording -----------------------------------------------------------------------------------------------------


def record_events(
    record: RunRecord, job: StartJob, should_stop: Callable[[], bool] = lambda: False
) -> Iterator[TrainingEvent]:
    """Start a job and drain it into its folder, passing each event on. Whatever goes wrong becomes a
    `Finished("failed")`.

    `job(should_stop=…)` starts it; the question that it gets is `should_stop`, or whether the file `stop` is there.
    Closing this generator ends the job."""
    folder = Path(record.config.output_dir)
    stop_file = folder / "stop"
    try:
        _claim(folder)
        events = job(should_stop=lambda: should_stop() or stop_file.exists())
        with contextlib.closing(events), (folder / "events.jsonl").open("a", encoding="utf-8") as file:
            while event := _next_event(record, events):
                if isinstance(event, Finished):  # whoever reads that line finds everything in its place
                    _forget_upload(record)
                    if event.result is not None:
                        (folder / "README.md").write_text(run_card(record, event.result), encoding="utf-8")
                file.write(to_json(event) + "\n")
                file.flush()
                yield event
    except OSError as error:
        raise DemoError(
            f"The run folder {folder} cannot be written: {error.strerror}. What was saved is kept."
        ) from error
    finally:
        _forget_upload(record)
        (folder / "worker.json").unlink(missing_ok=True)


def _claim(folder: Path) -> None:
    me = psutil.Process()
    (folder / "worker.json").write_text(json.dumps({"pid": me.pid, "created": me.create_time()}))


def _next_event(record: RunRecord, events: Iterator[TrainingEvent]) -> TrainingEvent | None:
    """The job's next event, `Finished("failed")` if it fails; None at its end."""
    try:
        return next(events, None)
    except DemoError as error:
        return Finished("failed", str(error))
    except MemoryError:
        return Finished("failed", "Out of memory. Try a smaller batch or shorter inputs.")
    except Exception as error:  # a job may fail in any library; the run must say so, and keep the details
        with contextlib.suppress(OSError):  # the disk may be what failed
            (Path(record.config.output_dir) / "error.txt").write_text(traceback.format_exc(), encoding="utf-8")
        return Finished("failed", _unforeseen(record, error))


def _unforeseen(record: RunRecord, error: Exception) -> str:
    """A visitor is told what kind of error it was and no more: its text may name folders of the server."""
    kind = type(error).__name__
    if record.origin == "page":
        return (
            f"Something unforeseen went wrong ({kind}). "
            "The people who run this server find the details in the run's folder."
        )
    said = re.sub(r"\s+", " ", str(error))[:200]
    return f"Something unforeseen went wrong: {kind}: {said}. See error.txt."


# -- the queue -----------------------------------------------------------------------------------------------------


class RunQueue:
    """Starts runs one after the other, each in a process of its own, first come first served."""

    def __init__(self):
        self._waiting: list[RunRecord] = []
        self._running: tuple[RunRecord, multiprocessing.process.BaseProcess | None] | None = None  # None: not yet
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def start(
        self,
        job: str,
        task: Task,
        config: JobConfig,
        origin: str = "page",
        upload: Path | None = None,
        mine: Sequence[str] = (),
    ) -> str:
        """Put a run in line; its id. Raises `DemoError` when the line is too long or a visitor asks for too much.

        `upload` is a file of the visitor's own: the run keeps a copy, since the page's may be gone when it begins.
        `mine` are the runs of the same visitor."""
        if origin == "page":
            _check_visitor(JOBS[job], task, config)
        with self._changed:
            if len(self._waiting) >= MAX_WAITING:
                raise DemoError(f"{len(self._waiting)} runs are waiting already. Try again in a few minutes.")
            if sum(record.run_id in mine for record in self._waiting) >= MAX_WAITING_EACH:
                raise DemoError(
                    f"{MAX_WAITING_EACH} of your runs are waiting already, and others want a turn too. Wait for one of "
                    "them, or take one out of the line."
                )
            record = create_run(job, task, config, origin, upload)
            self._waiting.append(record)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="runs", daemon=True)
                self._thread.start()
            self._changed.notify()
        return record.run_id

    def state(self, run_id: str) -> RunState:
        """The run's state, with what only the queue knows: whether it waits or is just being started."""
        found = state(visitor_run_folder(run_id))
        if found.status != "interrupted":
            return found
        with self._changed:
            if any(record.run_id == run_id for record in self._waiting):
                return dataclasses.replace(found, status="queued")
            record, process = self._running or (None, None)
            if record and record.run_id == run_id and (process is None or process.is_alive() or not found.events):
                return dataclasses.replace(found, status="starting")
        return state(found.folder)  # it may have ended just now

    def place(self, run_id: str) -> tuple[int, float] | None:
        """How many runs are before this one, and in how many seconds it may start; None if it does not wait."""
        with self._changed:
            ids = [record.run_id for record in self._waiting]
            running = [self._running[0]] if self._running else []
            if run_id not in ids:
                return None
            ahead = running + self._waiting[: ids.index(run_id)]
        return len(ahead), sum(_seconds_left(record) for record in ahead)

    def stop(self, run_id: str) -> None:
        """Stop and keep the best; a run that still waits leaves the line."""
        folder = visitor_run_folder(run_id)
        ask_to_stop(folder)
        with self._changed:
            waiting = [record for record in self._waiting if record.run_id == run_id]
            self._waiting = [record for record in self._waiting if record.run_id != run_id]
            for record in waiting:  # within the lock: no poll finds it neither waiting nor ended
                _end(record, Finished("stopped", "Stopped before it began."))

    def _work(self) -> None:
        """The thread of the line. Whatever goes wrong with one run, the next one has its turn."""
        while True:
            with self._changed:
                while not self._waiting:
                    self._changed.wait()
                record = self._waiting.pop(0)
                self._running = (record, None)
            try:
                self._run(record)
            except Exception as error:  # no memory for a process, the fork server died, a folder that was deleted, …
                print(f"The line of runs had trouble with {record.run_id}:", file=sys.stderr)
                traceback.print_exc()
                if self._running[1] is None:  # else there is a record of its own to keep
                    why = getattr(error, "strerror", None) or type(error).__name__  # no text that may name a folder
                    said = f"The process that trains could not be started ({why}). Try again in a minute."
                    _end(record, Finished("failed", said))
            finally:
                with self._changed:
                    self._running = None

    def _run(self, record: RunRecord) -> None:
        """One run in a process of its own, from its start to its end."""
        process = worker_context().Process(target=_work_in_child, args=(record.config.output_dir,), daemon=True)
        process.start()  # without the lock: the first one waits until the fork server has imported torch
        with self._changed:
            self._running = (record, process)
        process.join(PAGE_SECONDS if record.origin == "page" else None)
        if process.is_alive():  # the others have waited long enough
            with contextlib.suppress(OSError):  # its folder was deleted
                ask_to_stop(Path(record.config.output_dir))
            process.join(PAGE_GRACE)
            process.terminate()
            process.join()
        _forget_upload(record)  # of a worker that was killed
        if not read_events(Path(record.config.output_dir)):
            _end(record, Finished("failed", "The process that trains ended before it began. Try again in a minute."))


def _work_in_child(folder: str) -> None:
    """What the process of a run does. The worker is imported there: the server needs none of what it imports."""
    from . import worker

    worker.work(folder)


def _end(record: RunRecord, event: Finished) -> None:
    """The only event of a run that never began."""
    _forget_upload(record)
    with contextlib.suppress(OSError):  # the folder was deleted, or the disk is full; then it is "interrupted"
        file = Path(record.config.output_dir) / "events.jsonl"
        file.write_text(to_json(event) + "\n", encoding="utf-8")


def _check_visitor(job: Job, task: Task, config: JobConfig) -> None:
    """Refuse what would keep everybody else waiting, or bring the machine down."""
    for name, most in job.limits.items():
        if (value := getattr(config, name)) is not None and value > most:
            allowed = f"a run started from the page may have at most {most:,}"
            raise DemoError(f"{name} is {value:,.10g}; {allowed}. Choose {most:,} or less.")
    rows, length = config.batch_size or task.batch_size, config.max_length or task.max_length
    if rows * length > job.tokens:
        raise DemoError(
            f"batch_size {rows} times max_length {length} is {rows * length:,} tokens per update; a run started from "
            f"the page may have at most {job.tokens:,}. Choose a smaller batch or shorter inputs."
        )
    free = _free_bytes(runs_root())
    if free < PAGE_FREE_BYTES:
        raise DemoError(
            f"Only {free / 1e9:.1f} GB are free on the server's disk; a run needs {PAGE_FREE_BYTES / 1e9:.0f} GB. "
            "Ask the people who run this server to make room."
        )


def _free_bytes(folder: Path) -> int:
    """Free space on the disk of a folder that may not have been made yet."""
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    return shutil.disk_usage(there).free


def _seconds_left(record: RunRecord) -> float:
    """What a run will still take, by its own plan; by its budget or a guess if it has none yet."""
    events = read_events(Path(record.config.output_dir))
    for event in reversed(events):
        if isinstance(event, Stepped):
            return event.seconds_left
        if isinstance(event, Planned):
            return event.seconds
        if isinstance(event, Working) and event.seconds_left is not None:
            return event.seconds_left
    return record.config.time_budget or 60.0


def worker_context() -> multiprocessing.context.BaseContext:
    """Processes that start with the worker's imports done: forked from a server that has them (Linux, macOS).

    The children run `__main__` again under another name; that is why app.py does everything under its guard."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    # The fork server of Python 3.11 looks for what it imports here and in its working directory, not in our sys.path.
    here, *paths = str(Path(__file__).resolve().parents[1]), *os.environ.get("PYTHONPATH", "").split(os.pathsep)
    if here not in paths:
        os.environ["PYTHONPATH"] = os.pathsep.join([here, *filter(None, paths)])
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["minilm_demo.worker"])
    return context


def warm_up() -> float:
    """Start the fork server, so that the first run does not wait for imports. Seconds it took."""
    started = time.perf_counter()
    process = worker_context().Process(target=os.getpid, daemon=True)
    process.start()
    process.join()
    return time.perf_counter() - started
