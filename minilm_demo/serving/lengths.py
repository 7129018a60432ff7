"""How often a run of some length reads the same rows."""

from __future__ import annotations

from ..data import open_source
from ..errors import DemoError
from ..runs import latest_speed
from ..tasks import Task
from ..views import words


def rounds_sentence(task: Task, data: str, file: str | None, seconds: float | None) -> str:
    """How often a run of so many seconds reads the same rows, at the speed of the latest run of this task here.

    "" if that is not often, or not known: before the first run, without a time, for rows that are not here."""
    speed = latest_speed(task.name)
    if not speed or not seconds or data == "hub" or (data == "file" and not file):
        return ""
    try:
        rows = len(open_source(task, file if data == "file" else data).read("train"))
    except DemoError:  # the preview says what is wrong with the rows
        return ""
    rereading = words.rereading(speed * seconds / max(1, rows), rows)
    return f"At the speed of the latest run here {rereading}." if rereading else ""
