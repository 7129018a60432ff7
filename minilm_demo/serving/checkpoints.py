"""A checkpoint that somebody named, looked up once: what it is called, where it lies, what it answers.

Whoever has a `CheckpointReference` asks it and looks nothing up again; the rest of a request is given its `location`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import DemoError, UnknownName
from ..models import CATALOG, Location, is_on_disk, locate, seen_by_base, short_title, skill_folder
from ..results import RUN_ID
from ..runs import JOBS, RunRecord, latest_run, read_record, read_result, visitor_run_folder
from ..tasks import Task, skill_tasks, task_for_texts


@dataclass(frozen=True)
class CheckpointReference:
    """A checkpoint by the name that somebody gave it, with everything that a request asks of it."""

    name: str  # as it was given
    title: str  # what it is called on the page
    location: Location
    tasks: tuple[str, ...]  # it was trained for; () for an encoder, and where only loading it would tell
    run: RunRecord | None = None  # of one that was trained here

    @property
    def has_output_layer(self) -> bool:
        """Skills and fine-tunes have one, students and encoders have none."""
        return bool(self.tasks)

    def tasks_among(self, candidates: Sequence[Task]) -> Sequence[Task]:
        """Which of these tasks it answers: those it was trained for, else the first."""
        return [task for task in candidates if task.name in self.tasks] or candidates[:1]

    def task_for(self, candidates: Sequence[Task], texts: Sequence[str] = ()) -> Task:
        """Which of these tasks it answers for these texts."""
        return task_for_texts(self.tasks_among(candidates), texts)

    def seen(self, task: Task) -> str:
        """What the bundled model's own training had seen of the task's data, if that model stands behind this one."""
        return seen_by_base(self.location, task)

    def card(self, task: Task) -> str:
        """Its model card without the front matter: of a run, or of a shipped skill; "" where there is none here."""
        folder = _folder_of_run(self.location) if self.run else skill_folder(self.name, task.name)
        file = folder / "README.md" if folder else None
        if file is None or not file.is_file():
            return ""
        text = file.read_text(encoding="utf-8")
        return text.split("\n---\n", 1)[-1].strip() if text.startswith("---\n") else text


def resolve(name: str, *, visitor: bool = True, trained: bool = True) -> CheckpointReference:
    """Look up a checkpoint by name, without loading it.

    A visitor may name a run by its id, a shipped skill, or a fine-tuned one of the catalog on disk; unless `trained`,
    also those without an output layer. Never a path, never any Hub name, and no question starts a download. With
    `visitor=False` the name is any checkpoint argument. Raises `UnknownName` for what is not among these, `DemoError`
    for a run that is gone or has no checkpoint."""
    name = str(name)
    if visitor:
        _check_allowed(name, trained)
    location = locate(name)
    if entry := CATALOG.get(name.partition("@")[0]):
        return CheckpointReference(name, entry.title, location, entry.tasks)
    folder = _folder_of_run(location)
    if folder is None:
        return CheckpointReference(name, location.name, location, ())
    record = read_record(folder)
    tasks = (record.task,) if JOBS[record.job].makes == "tuned" else ()
    return CheckpointReference(name, run_title(record, read_result(folder)), location, tasks, record)


def _check_allowed(name: str, trained: bool) -> None:
    if RUN_ID.fullmatch(name):
        visitor_run_folder(name)
        return
    known = [entry.name for entry in CATALOG.values() if (entry.tasks or not trained) and is_on_disk(entry)]
    if name not in known:
        raise UnknownName("checkpoint", name, (*known, "the id of a run"))


def _folder_of_run(location: Location) -> Path | None:
    """The folder of the run that made the checkpoint at this place; None if none did."""
    folder = Path(location.place).parent
    return folder if not location.on_hub and (folder / "run.json").is_file() else None


def default_answerer(skill_or_task: str, mine: Sequence[str] = ()) -> str | None:
    """The checkpoint that answers when none is named: for a skill the shipped one; for a task, or a skill that is not
    shipped, the newest of `usable_runs`, else a shipped skill that covers the task; None if there is nothing."""
    if skill_or_task in CATALOG:
        return skill_or_task
    tasks = {task.name for task in skill_tasks(skill_or_task)}
    if run := latest_run(tuple(tasks), mine):
        return run.record.run_id
    return next((entry.name for entry in CATALOG.values() if entry.is_skill and tasks & set(entry.tasks)), None)


# -- what they are called ------------------------------------------------------------------------------------------


def title_of(name: str) -> str:
    """What a checkpoint that a visitor may name is called, also one that is gone or has no weights yet."""
    if name in CATALOG:
        return CATALOG[name].title
    try:
        folder = visitor_run_folder(name)
        return run_title(read_record(folder), read_result(folder))
    except DemoError:
        return short_title(name)


def run_title(record: RunRecord, result) -> str:
    """What a run is called in a list. `result` is None before the run has one."""
    return JOBS[record.job].title(record, result)
