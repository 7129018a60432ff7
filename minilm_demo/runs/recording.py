"""Records a job into its run folder, event by event."""

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
from .folder import forget_upload
from .jobs import JOBS, StartJob
from .records import RunRecord


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
                    forget_upload(record)
                    if event.result is not None:
                        (folder / "README.md").write_text(JOBS[record.job].card(record, event.result), encoding="utf-8")
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
