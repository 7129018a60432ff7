"""The choices that the page offers: checkpoints for each use, and sources of data.

Each choice is a title for people and the name that a request sends.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace

from ..data import local_sources
from ..errors import DemoError
from ..jobs import compare
from ..models import CATALOG, CatalogEntry, default_checkpoint, is_on_disk, read_config
from ..results import DISTILL
from ..runs import RunState, usable_runs
from ..tasks import TASKS, Task
from .checkpoints import run_title

Choices = list[tuple[str, str]]  # (title, name)
REMARK = "\u2003"  # between the words of a choice and a remark, which `assets/page.js` puts at the right of its row
OPEN_DATA = ("auto", "mirror", "hub", "sample")  # paths on the server are not allowed


def checkpoint_choices(tasks: Sequence[Task] | None, mine: Sequence[str]) -> Choices:
    """The checkpoints on this machine that answer these tasks (None: any task): shipped skills, then runs, then
    checkpoints from the Hub."""
    names = None if tasks is None else {task.name for task in tasks}
    answering = [entry for entry in CATALOG.values() if entry.tasks and (names is None or names & set(entry.tasks))]
    ready = [entry for entry in answering if is_on_disk(entry)]
    skills = [_listed(entry) for entry in ready if entry.is_skill]
    runs = [_choice(run) for run in usable_runs(names, mine or ())]
    return skills + runs + [_listed(entry) for entry in ready if not entry.is_skill]


def traceable_choices(mine: Sequence[str]) -> Choices:
    """The checkpoints whose attention can be traced, with and without an output layer: runs and students, then those of
    the catalog on this machine, then its encoders that are fetched first, with their megabytes."""
    encoders = [entry for entry in CATALOG.values() if not entry.tasks]
    here = [_listed(entry) for entry in encoders if is_on_disk(entry)]
    fetched = [_listed(entry) for entry in encoders if not is_on_disk(entry)]
    answering = sorted(checkpoint_choices(None, mine), key=lambda choice: choice[1] in CATALOG)
    runs = sum(name not in CATALOG for _, name in answering)
    return answering[:runs] + student_choices(mine) + answering[runs:] + here + fetched


def student_choices(mine: Sequence[str]) -> Choices:
    """The students that were distilled here."""
    return [_choice(run) for run in usable_runs(None, mine or (), job=DISTILL)]


def starting_points(mine: Sequence[str], skills: bool = False) -> Choices:
    """The checkpoints that a run may start from: those on disk, those to fetch with their megabytes, then the students
    that were distilled here. With `skills` also the shipped skills."""
    entries = [entry for entry in CATALOG.values() if not entry.tasks or (skills and entry.is_skill)]
    choices = [_listed(entry) for entry in sorted(entries, key=lambda entry: not is_on_disk(entry))]
    default = [(default_checkpoint(), default_checkpoint())] if default_checkpoint() not in CATALOG else []
    return default + choices + student_choices(mine)


def default_start(task: Task, data: str) -> str:
    """The checkpoint that a fine-tune begins with if none is chosen: on the bundled sample the shipped skill that makes
    a good start, unless this server has a default of its own."""
    default = default_checkpoint()
    return task.start_from if data == "sample" and task.start_from and default == "bundled" else default


def chosen_start(task: Task, data: str, checkpoint: str) -> str:
    """The start of a fine-tune after another task or source was chosen: a checkpoint that is the default of some task
    gives way to the default of this one, any other stays."""
    defaults = {default_checkpoint(), *(other.start_from for other in TASKS.values())}
    return default_start(task, data) if checkpoint in defaults else checkpoint


def with_remark(words: str, remark: str) -> str:
    """The words of a choice with a remark."""
    return f"{words}{REMARK}{remark}"


def _listed(entry: CatalogEntry) -> tuple[str, str]:
    """A checkpoint of the catalog as a choice. The remark is what has to be fetched, else what its title has in
    brackets."""
    words, _, aside = entry.title.partition(" (")
    if not is_on_disk(entry):
        return with_remark(entry.title, f"fetch {entry.megabytes} MB"), entry.name
    return with_remark(words, aside.removesuffix(")")) if aside else words, entry.name


def _choice(run: RunState) -> tuple[str, str]:
    return run_title(run.record, run.result), run.record.run_id


# -- for the Microscope --------------------------------------------------------------------------------------------


def teacher_choices(mine: Sequence[str]) -> Choices:
    """The traceable models, the bundled one first. Students are last; each may serve as a teacher assistant."""
    return sorted(traceable_choices(mine), key=lambda choice: choice[1] != "bundled")


def pupil_choices(mine: Sequence[str]) -> Choices:
    """The traceable models, students first."""
    students = student_choices(mine)
    return students + [choice for choice in traceable_choices(mine) if choice not in students]


def comparable(teacher: str, choices: Choices, recipe: str) -> Choices:
    """The choices whose configuration allows a comparison with this teacher under the recipe: the same vocabulary size
    and compatible heads. No weights are loaded; a choice without a configuration on this machine stays."""
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


# -- data ----------------------------------------------------------------------------------------------------------


def open_data(task: Task, data: str) -> str:
    """The name of the source that a visitor chose; "auto" becomes the best source that needs no network. Raises
    `DemoError` for a name not in `OPEN_DATA`."""
    if data not in OPEN_DATA:
        raise DemoError(f"data is '{data}'; it must be one of {', '.join(OPEN_DATA)}.")
    return local_sources(task)[0] if data == "auto" else data
