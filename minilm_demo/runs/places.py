"""Where a run may be recorded: in a new or empty folder, or in place of an earlier run that may go."""

from __future__ import annotations

import shutil
from pathlib import Path

from ..data import listed
from ..errors import DemoError
from ..results import AT_WORK
from .records import RunState

# What a run writes into its folder, besides a visitor's own file.
RECORD = ("run.json", "run.json.new", "events.jsonl", "worker.json", "stop", "error.txt")
MODEL = ("checkpoint", "checkpoint.new", "checkpoint.old", "adapter", "learned_rows.npy", "probe", "students")
CARD = "README.md"  # written with the result


def clear_place(folder: Path, earlier: RunState | None, *, overwrite: bool) -> None:
    """Make room for a new run in `folder`. `earlier` is the run that the folder holds.

    Only what the earlier run wrote is removed, and only if it saved nothing, or if `overwrite` is true. Raises
    `DemoError` for a folder with other things in it, or with a run that is at work."""
    if folder.exists() and not folder.is_dir():
        raise DemoError(f"The run folder {folder} cannot be written: it is a file.")
    there = {place.name for place in folder.iterdir()} if folder.exists() else set()
    if not there:
        return
    if earlier is None:
        raise DemoError(
            f"{folder} is not empty: it holds {listed(sorted(there))}. A run is written to a new or empty folder only. "
            "Choose another one."
        )
    if earlier.status in AT_WORK:
        raise DemoError(f"{folder} holds a run that is at work. Choose another folder, or stop that run first.")
    ours = written_by(earlier)
    saved = bool(there & {"checkpoint", "students"}) or earlier.result is not None
    if saved and not overwrite:
        raise DemoError(
            f"{folder} already holds a run. Choose another folder, or replace the earlier run with --overwrite."
        )
    if CARD in there - ours:
        raise DemoError(f"{folder} holds a {CARD} that no run wrote. Choose another folder.")
    for name in there & ours:
        place = folder / name
        shutil.rmtree(place) if place.is_dir() and not place.is_symlink() else place.unlink()


def written_by(run: RunState) -> set[str]:
    """The names in its folder that the run may have written."""
    card = {CARD} if run.result is not None else set()
    return {*RECORD, *MODEL, *Path(run.record.upload).parts[:1]} | card
