"""What people do with a run that is over: give it a name of their own, or delete it."""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
from pathlib import Path

from ..errors import DemoError
from ..results import AT_WORK
from .folder import LEFT_SECONDS, age, read_record, read_result, state, write_record
from .jobs import JOBS
from .places import CARD, written_by
from .records import RunRecord, RunState

MAX_NAME = 60  # characters


def rename_run(folder: Path, name: str) -> RunRecord:
    """Give the run in `folder` a name for lists, its model card and its zip; "" takes the name away.

    Returns the new record. Raises `DemoError` for a name that is too long or has characters that cannot be shown, and
    for a folder that cannot be written."""
    name = " ".join(str(name).split())
    if len(name) > MAX_NAME or not name.isprintable():
        raise DemoError(
            f"The name has {len(name)} characters; a run's name may have at most {MAX_NAME}, all of them visible. "
            "Choose a shorter one."
        )
    try:
        record = dataclasses.replace(read_record(folder), name=name)
        result = read_result(folder)
        write_record(folder, record)
        if result is not None:
            (folder / CARD).write_text(JOBS[record.job].card(record, result), encoding="utf-8")
    except OSError as error:
        raise DemoError(f"The run folder {folder} cannot be written: {error.strerror}.") from error
    return record


def delete_run(run: RunState) -> None:
    """Delete what the run wrote into its folder, and the folder if nothing else is in it.

    Raises `DemoError` for a run that is at work or waits for its turn, and for a folder that cannot be written."""
    waits = run.record.origin == "page" and not run.events and age(run) < LEFT_SECONDS
    if run.status in AT_WORK or state(run.folder).status in AT_WORK:
        raise DemoError("The run is at work or waits for its turn. Stop it first, then delete it.")
    if waits and run.status == "interrupted":  # a server may have it in its queue, which only that server knows
        raise DemoError("The run may be in the queue of the page. Delete it there, or try again in two hours.")
    record_file = "run.json"
    names = sorted(written_by(run), key=lambda name: name != record_file)  # without a record it is in no list
    try:
        for name in names:
            place = run.folder / name
            if place.is_dir() and not place.is_symlink():
                shutil.rmtree(place)
            else:
                place.unlink(missing_ok=True)
    except OSError as error:
        raise DemoError(f"The run folder {run.folder} cannot be emptied: {error.strerror}.") from error
    with contextlib.suppress(OSError):  # other things are in it
        run.folder.rmdir()
