"""The queue of runs: one after the other, first come first served, each in its own process."""

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
from .keeping import delete_run
from .processes import worker_context
from .records import RunRecord, RunState

MAX_WAITING = 40  # runs in the queue; more would wait for hours
MAX_WAITING_EACH = 3  # of one visitor, who is identified by the runs that the browser remembers
PAGE_FREE_BYTES = 2_000_000_000  # required on the disk of the runs folder; a run stores some 100 MB
PAGE_SECONDS = 3600  # after which a visitor's run is asked to stop, whatever its plan
PAGE_GRACE = 600  # seconds to score the saved checkpoint then


class RunQueue:
    """Starts runs one after the other, first come first served, each in its own process."""

    def __init__(self):
        self._waiting: list[RunRecord] = []
        self._running: tuple[RunRecord, multiprocessing.process.BaseProcess | None] | None = None  # None: not started
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
        """Put a run into the queue; returns its id. Raises `DemoError` if the queue is full or a visitor's limit is
        exceeded.

        `upload` is a visitor's own file. The run keeps a copy, since the page's file may be gone when it begins. `mine`
        are the runs of the same visitor."""
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
        """The run's state, including "queued" and "starting", which its folder does not show. Raises `DemoError` if
        there is no such run."""
        run = state(visitor_run_folder(run_id))
        if run.status != "interrupted":
            return run
        with self._changed:
            if any(record.run_id == run_id for record in self._waiting):
                return dataclasses.replace(run, status="queued")
            record, process = self._running or (None, None)
            if record and record.run_id == run_id and (process is None or process.is_alive() or not run.events):
                return dataclasses.replace(run, status="starting")
        return state(run.folder)  # it may have ended since the first look

    def place(self, run_id: str) -> tuple[int, float] | None:
        """The number of runs before this one, and the expected seconds until it starts; None if it does not wait."""
        with self._changed:
            ids = [record.run_id for record in self._waiting]
            running = [self._running[0]] if self._running else []
            if run_id not in ids:
                return None
            ahead = running + self._waiting[: ids.index(run_id)]
        return len(ahead), sum(_seconds_left(record) for record in ahead)

    def stop(self, run_id: str) -> None:
        """Stop a run, keeping its best checkpoint; a run that still waits leaves the queue."""
        folder = visitor_run_folder(run_id)
        ask_to_stop(folder)
        with self._changed:
            waiting = [record for record in self._waiting if record.run_id == run_id]
            self._waiting = [record for record in self._waiting if record.run_id != run_id]
            for record in waiting:  # within the lock, so that no poll sees it neither waiting nor ended
                _end(record, Finished("stopped", "Stopped before it began."))

    def delete(self, run_id: str) -> None:
        """Delete a run that is over. Raises `DemoError` for any other."""
        delete_run(self.state(run_id))

    def _work(self) -> None:
        """The thread of the queue. An error in one run does not stop the next."""
        while True:
            with self._changed:
                while not self._waiting:
                    self._changed.wait()
                record = self._waiting.pop(0)
                self._running = (record, None)
            try:
                self._run(record)
            except Exception as error:  # no memory for a process, a dead fork server, a deleted folder, …
                print(f"The queue of runs had trouble with {record.run_id}:", file=sys.stderr)
                traceback.print_exc()
                if self._running[1] is None:  # else the worker has recorded its own events
                    reason = getattr(error, "strerror", None) or type(error).__name__  # no text that may name a folder
                    message = f"The process that trains could not be started ({reason}). Try again in a minute."
                    _end(record, Finished("failed", message))
            finally:
                with self._changed:
                    self._running = None

    def _run(self, record: RunRecord) -> None:
        """Run one worker process from its start to its end."""
        process = worker_context().Process(target=_work_in_child, args=(record.config.output_dir,), daemon=True)
        process.start()  # without the lock: the first start waits until the fork server has imported torch
        with self._changed:
            self._running = (record, process)
        process.join(PAGE_SECONDS if record.origin == "page" else None)
        if process.is_alive():  # over its time limit
            with contextlib.suppress(OSError):  # the folder was deleted
                ask_to_stop(Path(record.config.output_dir))
            process.join(PAGE_GRACE)
            process.terminate()
            process.join()
        forget_upload(record)  # a killed worker could not
        if not read_events(Path(record.config.output_dir)):
            _end(record, Finished("failed", "The process that trains ended before it began. Try again in a minute."))


def _work_in_child(folder: str) -> None:
    """The target of a run's process. The worker is imported here, because the server does not need its imports."""
    from . import worker

    worker.work(folder)


def _end(record: RunRecord, event: Finished) -> None:
    """Write the only event of a run that never began."""
    forget_upload(record)
    with contextlib.suppress(OSError):  # the folder was deleted, or the disk is full; the run is then "interrupted"
        file = Path(record.config.output_dir) / "events.jsonl"
        file.write_text(to_json(event) + "\n", encoding="utf-8")


def _check_visitor(job: Job, task: Task, config: JobConfig) -> None:
    """Raise `DemoError` for a run from the page beyond the job's limits, or for a disk that is too full."""
    for name, limit in job.limits.items():
        if (value := getattr(config, name)) is not None and value > limit:
            rule = f"a run started from the page may have at most {limit:,}"
            raise DemoError(f"{name} is {value:,.10g}; {rule}. Choose {limit:,} or less.")
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
    """Free bytes on the disk of a folder that may not exist yet."""
    existing = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    return shutil.disk_usage(existing).free


def _seconds_left(record: RunRecord) -> float:
    """The expected seconds to the end of a run: by its own plan, else its time budget, else a guess."""
    events = read_events(Path(record.config.output_dir))
    for event in reversed(events):
        if isinstance(event, Stepped):
            return event.seconds_left
        if isinstance(event, Planned):
            return event.seconds
        if isinstance(event, Working) and event.seconds_left is not None:
            return event.seconds_left
    return record.config.time_budget or 60.0
