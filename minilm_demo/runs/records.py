"""What is known of a run: what was asked, and what its folder says right now."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..results import Finished, TrainingEvent


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
