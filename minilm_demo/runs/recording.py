"""Records the events of a job in its run folder."""

from __future__ import annotations

import contextlib
import json
import re
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

from ..errors import DemoError
from ..results import Finished, TrainingEvent, to_json
from .folder import forget_upload, read_record
from .jobs import JOBS, StartJob
from .places import CARD
from .records import RunRecord


def record_events(
    record: RunRecord, job: StartJob, should_stop: Callable[[], bool] = lambda: False
) -> Iterator[TrainingEvent]:
    """Start a job, write each of its events to its folder, and yield it. An error of the job becomes a
    `Finished("failed")`.

    `job(should_stop=…)` starts it; its callback is true when `should_stop` is, or when the file `stop` exists. Closing
    this generator ends the job. Raises `DemoError` if the folder cannot be written."""
    folder = Path(record.config.output_dir)
    stop_file = folder / "stop"
    try:
        _claim(folder)
        events = job(should_stop=lambda: should_stop() or stop_file.exists())
        with contextlib.closing(events), (folder / "events.jsonl").open("a", encoding="utf-8") as file:
            while event := _next_event(record, events):
                if isinstance(event, Finished):  # the folder is complete before the last event is written
                    forget_upload(record)
                    if event.result is not None:
                        named = read_record(folder)  # a person may have named it meanwhile
                        (folder / CARD).write_text(JOBS[record.job].card(named, event.result), encoding="utf-8")
                file.write(to_json(event) + "\n")
                file.flush()
                yield event
    except OSError as error:
        raise DemoError(
            f"The run folder {folder} cannot be written: {error.strerror}. What was saved is kept."
        ) from error
    finally:
        forget_upload(record)
        (folder / "worker.json").unlink(missing_ok=True)


def _claim(folder: Path) -> None:
    """Write worker.json: this process works on the run."""
    process = psutil.Process()
    (folder / "worker.json").write_text(json.dumps({"pid": process.pid, "created": process.create_time()}))


def _next_event(record: RunRecord, events: Iterator[TrainingEvent]) -> TrainingEvent | None:
    """The job's next event; `Finished("failed")` if the job raises; None at its end."""
    try:
        return next(events, None)
    except DemoError as error:
        return Finished("failed", error.on_page if record.origin == "page" else str(error))
    except MemoryError:
        return Finished("failed", "Out of memory. Try a smaller batch or shorter inputs.")
    except Exception as error:  # any library may fail; the run reports it and stores the traceback
        with contextlib.suppress(OSError):  # the disk may be the cause
            (Path(record.config.output_dir) / "error.txt").write_text(traceback.format_exc(), encoding="utf-8")
        return Finished("failed", _message_of_bug(record, error))


def _message_of_bug(record: RunRecord, error: Exception) -> str:
    """The message of an unforeseen error. A visitor sees only its class: its text may name folders of the server."""
    kind = type(error).__name__
    if record.origin == "page":
        return (
            f"Something unforeseen went wrong ({kind}). "
            "The people who run this server find the details in the run's folder."
        )
    text = re.sub(r"\s+", " ", str(error))[:200]
    return f"Something unforeseen went wrong: {kind}: {text}. See error.txt."
