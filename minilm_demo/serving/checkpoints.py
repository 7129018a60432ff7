"""Looks up a checkpoint by the name in a request: its title, its location and the tasks that it answers.

A request is resolved once, to a `CheckpointReference`. Later steps use the reference or its `location`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import DemoError, UnknownName
from ..models import (
    CATALOG,
    CatalogEntry,
    Location,
    is_on_disk,
    locate,
    read_trained_task,
    seen_by_base,
    short_title,
    skill_folder,
)
from ..results import RUN_ID, LearnedPositions
from ..runs import (
    JOBS,
    RunRecord,
    latest_run,
    learned_positions,
    read_record,
    read_result,
    visitor_run_folder,
)
from ..tasks import Task, get_task, skill_tasks, task_for_texts


@dataclass(frozen=True)
class CheckpointReference:
    """A named checkpoint, with all that a request needs to know of it."""

    name: str  # as in the request
    title: str  # on the page
    location: Location
    tasks: tuple[str, ...]  # it was trained for; () for an encoder, and if only loading the weights would tell
    run: RunRecord | None = None  # the run that trained it here

    @property
    def learned_positions(self) -> LearnedPositions | None:
        """The positions that it learned; None if it learned all, and if nothing is known."""
        return learned_positions(self.location)

    @property
    def has_output_layer(self) -> bool:
        """True for skills and fine-tunes, False for students and encoders."""
        return bool(self.tasks)

    def tasks_among(self, candidates: Sequence[Task]) -> Sequence[Task]:
        """The candidates that it was trained for, else the first candidate."""
        learned = [task for task in candidates if task.name in self.tasks]
        if not learned and candidates[0].is_open:
            learned = [task for task in map(get_task, self.tasks) if task.own]
        return learned or candidates[:1]

    def task_for(self, candidates: Sequence[Task], texts: Sequence[str] = ()) -> Task:
        """The candidate that it answers for these texts."""
        return task_for_texts(self.tasks_among(candidates), texts)

    def seen(self, task: Task) -> str:
        """The part of the task's data that the bundled model was trained on, in words; "" for a checkpoint not made
        from that model."""
        return seen_by_base(self.location, task)

    def card(self, task: Task) -> str:
        """The model card of a run or a shipped skill, without its front matter; "" without a card."""
        folder = _folder_of_run(self.location) if self.run else skill_folder(self.name, task.name)
        file = folder / "README.md" if folder else None
        if file is None or not file.is_file():
            return ""
        text = file.read_text(encoding="utf-8")
        return text.split("\n---\n", 1)[-1].strip() if text.startswith("---\n") else text


def resolve(name: str, *, visitor: bool = True, trained: bool = True, fetch: bool = False) -> CheckpointReference:
    """Look up a checkpoint by name, without loading it.

    A visitor may name a run by its id, a shipped skill, or a fine-tuned catalog checkpoint that is on disk. With
    `trained=False` checkpoints without an output layer are allowed too, with `fetch` also those of the catalog that are
    not on this machine yet: loading fetches them. Paths and other Hub names are refused, so that a request can start no
    other download. With `visitor=False` the name is any checkpoint argument. Raises `UnknownName`
    for other names, `DemoError` for a run that is gone or has no checkpoint."""
    name = str(name)
    if visitor:
        _check_allowed(name, trained, fetch)
    location = locate(name)
    if entry := CATALOG.get(name.partition("@")[0]):
        return CheckpointReference(name, entry.title, location, entry.tasks)
    folder = _folder_of_run(location)
    if folder is None:
        trained = None if location.on_hub else read_trained_task(location)
        return CheckpointReference(name, location.name, location, (trained.name,) if trained else ())
    record = read_record(folder)
    tasks = (record.task,) if JOBS[record.job].makes == "tuned" else ()
    return CheckpointReference(name, run_title(record, read_result(folder)), location, tasks, record)


def _check_allowed(name: str, trained: bool, fetch: bool) -> None:
    if RUN_ID.fullmatch(name):
        visitor_run_folder(name)
        return
    allowed = [entry.name for entry in CATALOG.values() if _is_allowed(entry, trained, fetch)]
    if name not in allowed:
        raise UnknownName("checkpoint", name, (*allowed, "the id of a run"))


def _is_allowed(entry: CatalogEntry, trained: bool, fetch: bool) -> bool:
    return bool(entry.tasks or not trained) and (is_on_disk(entry) or (fetch and not entry.tasks))


def _folder_of_run(location: Location) -> Path | None:
    """The folder of the run that made the checkpoint at this location; None if no run did."""
    folder = Path(location.place).parent
    return folder if not location.on_hub and (folder / "run.json").is_file() else None


def default_answerer(skill_or_task: str, mine: Sequence[str] = ()) -> str | None:
    """The name of the checkpoint that answers when a request names none.

    For a shipped skill the skill itself. Otherwise the newest of `usable_runs`, else a shipped skill that covers the
    task, else None."""
    if skill_or_task in CATALOG:
        return skill_or_task
    tasks = {task.name for task in skill_tasks(skill_or_task)}
    if run := latest_run(tuple(tasks), mine):
        return run.record.run_id
    return next((entry.name for entry in CATALOG.values() if entry.is_skill and tasks & set(entry.tasks)), None)


# -- titles --------------------------------------------------------------------------------------------------------


def title_of(name: str) -> str:
    """The title of a checkpoint that a visitor may name, even if it is gone or has no weights yet."""
    if name in CATALOG:
        return CATALOG[name].title
    try:
        folder = visitor_run_folder(name)
        return run_title(read_record(folder), read_result(folder))
    except DemoError:
        return short_title(name)


def run_title(record: RunRecord, result) -> str:
    """The title of a run in a list. `result` is None before the run has one."""
    return JOBS[record.job].title(record, result)
