"""How many positions of its input a checkpoint learned: beyond them it has position embeddings, but they were never
trained together with its layers."""

from __future__ import annotations

from ..errors import DemoError
from ..models import CATALOG, Location
from ..results import LearnedPositions
from ..tasks import TASKS, get_task
from .folder import read_record, run_folder
from .jobs import JOBS
from .lineage import plain_name
from .records import RunRecord


def learned_positions(checkpoint: str | Location) -> LearnedPositions | None:
    """The positions that a checkpoint learned, by the catalog's facts and the records of runs. None if it learned all,
    and if nothing is known."""
    name = plain_name(checkpoint)
    if entry := CATALOG.get(name):
        if entry.is_skill:
            longest = max(TASKS[task].max_length for task in entry.tasks)
            return _longer(longest, f"It was trained on at most {longest} tokens.", learned_positions("bundled"))
        return LearnedPositions(entry.learned_positions, entry.positions_source) if entry.learned_positions else None
    try:
        record = read_record(run_folder(name))
        longest = _longest_input(record)
    except DemoError:  # not a run of this app, or one whose task is gone
        return None
    source = f"This run read at most {longest} tokens of a text."
    if JOBS[record.job].makes == "distilled" and record.config.init == "random":
        return LearnedPositions(longest, source)
    return _longer(longest, source, learned_positions(getattr(record.config, JOBS[record.job].base)))


def _longer(longest: int, source: str, base: LearnedPositions | None) -> LearnedPositions | None:
    """The positions after further training: those of the base, or more if the further training read longer texts."""
    if base is None or base.number >= longest:
        return base
    return LearnedPositions(longest, source)


def _longest_input(record: RunRecord) -> int:
    """The limit in tokens of a run's training inputs."""
    return record.config.max_length or get_task(record.task).max_length
