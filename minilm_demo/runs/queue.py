"""The queue: runs one after the other, each in a process of its own, first come first served."""

from __future__ import annotations

import contextlib
import dataclasses
import multiprocessing
import shutil
import sys
import threading
import traceback
from collections.abc import Sequence
from pathlib import Path

from ..errors import DemoError
from ..models import runs_root
from ..results import Finished, Planned, Stepped, Working, to_json
from ..tasks import Task
from .folder import ask_to_stop, create_run, forget_upload, read_events, state, visitor_run_folder
from .jobs import JOBS, Job, JobConfig
from .processes import worker_context
from .records import RunRecord, RunState

MAX_WAITING = 40  # runs in line; more would wait for hours
MAX_WAITING_EACH = 3  # of one visitor, as far as visitors are known apart: by the runs their browser remembers
PAGE_FREE_BYTES = 2_000_000_000  # on the disk of the runs folder; a run keeps some 100 MB, and the line is long
PAGE_SECONDS = 3600  # after which a visitor's run is asked to stop, whatever it was planned by
PAGE_GRACE = 600  # seconds to score what is kept then


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
        forget_upload(record)  # of a worker that was killed
        if not read_events(Path(record.config.output_dir)):
            _end(record, Finished("failed", "The process that trains ended before it began. Try again in a minute."))


def _work_in_child(folder: str) -> None:
    """What the process of a run does. The worker is imported there: the server needs none of what it imports."""
    from . import worker

    worker.work(folder)


def _end(record: RunRecord, event: Finished) -> None:
    """The only event of a run that never began."""
    forget_upload(record)
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
