"""Records a job into its run folder, event by event."""

from __future__ import annotations

import contextlib
import json
import re
import traceback
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import psutil

from ..errors import DemoError
from ..results import Finished, TrainingEvent, to_json
from .cards import run_card
from .folder import RunRecord, forget_upload


def record_events(
    record: RunRecord,
    events: Generator[TrainingEvent, str | None, None],
    should_stop: Callable[[], bool] = lambda: False,
) -> Iterator[TrainingEvent]:
    """Drain a job into its folder, passing each event on. Whatever goes wrong becomes a `Finished("failed")`.

    After each event the job is told to stop if `should_stop()` or if the file `stop` is there."""
    folder = Path(record.config.output_dir)
    answer = None
    try:
        _claim(folder)
        with (folder / "events.jsonl").open("a", encoding="utf-8") as file:
            while True:
                event = _next_event(record, events, answer)
                if event is None:
                    break
                if isinstance(event, Finished):  # whoever reads that line finds everything in its place
                    forget_upload(record)
                    if event.result is not None:
                        (folder / "README.md").write_text(run_card(record, event.result), encoding="utf-8")
                file.write(to_json(event) + "\n")
                file.flush()
                yield event
                answer = "stop" if should_stop() or (folder / "stop").exists() else None
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


def _next_event(record: RunRecord, events: Generator, answer: str | None) -> TrainingEvent | None:
    try:
        return events.send(answer)
    except StopIteration:
        return None
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
