"""The record of a run, and its current state."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..results import Finished, TrainingEvent


@dataclass(frozen=True)
class RunRecord:
    """The request for a run, as in run.json."""

    run_id: str
    job: str  # one of `JOBS`
    task: str  # that is learned, or whose texts are learned on
    config: Any  # of the class `JOBS[job].config`
    origin: str  # "page": private, its id grants access | "shell": shared with everybody on this machine
    created: str  # ISO 8601, UTC
    versions: dict = field(default_factory=dict)
    upload: str = ""  # place of the visitor's own file in the folder; it is deleted at the end of the run
    name: str = ""  # that a person gave to the run


@dataclass(frozen=True)
class RunState:
    """The current state of a run, as read from its folder."""

    record: RunRecord
    status: str  # one of `results.AT_WORK` or `results.FINAL`
    events: tuple[TrainingEvent, ...]
    folder: Path

    @property
    def result(self):
        """The result of the job; None before its end."""
        last = self.events[-1] if self.events else None
        return last.result if isinstance(last, Finished) else None

    @property
    def has_checkpoint(self) -> bool:
        return (self.folder / "checkpoint" / "config.json").is_file()
