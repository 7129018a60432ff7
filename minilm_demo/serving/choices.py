"""What a visitor may choose: checkpoints of every use, in words and by name, and data."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace

from ..data import local_sources
from ..errors import DemoError
from ..jobs import compare
from ..models import CATALOG, default_checkpoint, is_on_disk, read_config, short_title
from ..results import DISTILL
from ..runs import RunState, usable_runs
from ..tasks import TASKS, Task
from ..views import words
from .checkpoints import run_title

Choices = list[tuple[str, str]]  # (words, name)
OPEN_DATA = ("auto", "mirror", "hub", "sample")  # never a path of the server


def checkpoint_choices(tasks: Sequence[Task], mine: Sequence[str]) -> Choices:
    """Everything that can answer for these tasks without fetching anything first: the shipped skill, runs, checkpoints
    from the Hub."""
    names = {task.name for task in tasks}
    ready = [entry for entry in CATALOG.values() if names & set(entry.tasks) and is_on_disk(entry)]
    skills = [(entry.title, entry.name) for entry in ready if entry.is_skill]
    runs = [_choice(run) for run in usable_runs(names, mine or ())]
    return skills + runs + [(entry.title, entry.name) for entry in ready if not entry.is_skill]


def traceable_choices(mine: Sequence[str]) -> Choices:
    """Every checkpoint one can look inside without fetching anything first."""
    plain = [(entry.title, entry.name) for entry in CATALOG.values() if not entry.tasks and is_on_disk(entry)]
    return checkpoint_choices(tuple(TASKS.values()), mine) + plain + student_choices(mine)


def student_choices(mine: Sequence[str]) -> Choices:
    """Every student that was distilled here."""
    return [_choice(run) for run in usable_runs(tuple(TASKS), mine or (), job=DISTILL)]


def starting_points(mine: Sequence[str], skills: bool = False) -> Choices:
    """Every checkpoint that a run may begin with: those on disk, the others with what there is to fetch, then the
    students that were distilled here; `skills`: also those that ship with the app."""
    entries = [entry for entry in CATALOG.values() if not entry.tasks or (skills and entry.is_skill)]
    to_fetch = {entry.name: "" if is_on_disk(entry) else f": fetch {entry.megabytes} MB" for entry in entries}
    choices = [(entry.title + to_fetch[entry.name], entry.name) for entry in entries]
    own_default = [(default_checkpoint(), default_checkpoint())] if default_checkpoint() not in CATALOG else []
    return own_default + sorted(choices, key=lambda choice: bool(to_fetch[choice[1]])) + student_choices(mine)


def _choice(run: RunState) -> tuple[str, str]:
    return run_title(run.record, run.result), run.record.run_id


# -- for the Microscope --------------------------------------------------------------------------------------------


def teacher_choices(mine: Sequence[str]) -> Choices:
    """Every model that can be looked into, the bundled one first; students too, as assistants, but last."""
    return sorted(traceable_choices(mine), key=lambda choice: choice[1] != "bundled")


def pupil_choices(mine: Sequence[str]) -> Choices:
    """The same models, students first."""
    students = student_choices(mine)
    return students + [choice for choice in traceable_choices(mine) if choice not in students]


def comparable(teacher: str, choices: Choices, recipe: str) -> Choices:
    """The choices that can be compared with this teacher under the recipe, as far as their configurations tell without
    loading them: enough words in common, heads that fit."""
    config = read_config(teacher)
    return [choice for choice in choices if config is None or _fits(config, read_config(choice[1]), recipe)]


def _fits(teacher: SimpleNamespace, student: SimpleNamespace | None, recipe: str) -> bool:
    if student is None:
        return True
    try:
        compare(recipe, teacher, student)
    except DemoError:
        return False
    return teacher.vocab_size == student.vocab_size


def models_to_fetch() -> str:
    """How the models come here that are not on this machine, as a sentence; "" if all are."""
    missing = [short_title(entry.name) for entry in CATALOG.values() if not (entry.tasks or is_on_disk(entry))]
    if not missing:
        return ""
    number = words.counted(len(missing), "more model")
    return f"{number} can be fetched, such as {missing[-1]}: begin a run with one, below or in the Fine-tune tab."


# -- data ----------------------------------------------------------------------------------------------------------


def open_data(task: Task, data: str) -> str:
    """The source that a visitor names for a task; "auto" is the best one that needs no network."""
    if data not in OPEN_DATA:
        raise DemoError(f"data is '{data}'; it must be one of {', '.join(OPEN_DATA)}.")
    return local_sources(task)[0] if data == "auto" else data
