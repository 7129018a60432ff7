"""What a visitor may name and what it is called: checkpoints, runs, texts and numbers that came from outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..errors import DataError, UnknownName
from ..models import CATALOG, default_checkpoint, is_on_disk, skill_folder
from ..results import RUN_ID
from ..runs import RunState, called, latest_run, read_record, state, usable_runs, visitor_run_folder
from ..tasks import TASKS, Task, skill_tasks, task_for_texts
from ..views import words


def default_answerer(skill_or_task: str, mine: Sequence[str] = ()) -> str | None:
    """The checkpoint that answers when none is named: for a skill the shipped one; for a task, or a skill that is not
    shipped, the newest of `usable_runs`, else a shipped skill that covers the task; None if there is nothing."""
    if skill_or_task in CATALOG:
        return skill_or_task
    tasks = {task.name for task in skill_tasks(skill_or_task)}
    if run := latest_run(tuple(tasks), mine):
        return run.record.run_id
    return next((entry.name for entry in CATALOG.values() if entry.is_skill and tasks & set(entry.tasks)), None)


def boxed_texts(texts: Sequence) -> tuple[str, ...]:
    """The texts of at most two boxes; an empty box is no text."""
    return tuple(str(text) for text in texts[:2] if str(text or "").strip())


def whole_number(asked: Mapping, name: str, size: int) -> int:
    """The number of a layer, head or token, 0 to `size` - 1, as it came from the page."""
    value = asked.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < size:
        raise DataError(f"{name} is '{value}'; it must be a whole number from 0 to {size - 1}.")
    return value


def allowed_checkpoint(name: str, trained: bool = True) -> str:
    """A checkpoint a visitor may ask: a run by its id, a shipped skill, or a fine-tuned one of the catalog on disk;
    unless `trained`, also those without an output layer.

    Never a path, never any Hub name, and no question starts a download."""
    if RUN_ID.fullmatch(str(name)):
        visitor_run_folder(name)
        return name
    known = [entry.name for entry in CATALOG.values() if (entry.tasks or not trained) and is_on_disk(entry)]
    if name not in known:
        raise UnknownName("checkpoint", name, (*known, "the id of a run"))
    return name


def checkpoint_choices(tasks: Sequence[Task], mine: Sequence[str]) -> list[tuple[str, str]]:
    """(words, name) of everything that can answer for these tasks without fetching anything first: the shipped skill,
    runs, checkpoints from the Hub."""
    names = {task.name for task in tasks}
    ready = [entry for entry in CATALOG.values() if names & set(entry.tasks) and is_on_disk(entry)]
    skills = [(entry.title, entry.name) for entry in ready if entry.is_skill]
    runs = [(run_title(run), run.record.run_id) for run in usable_runs(names, mine or ())]
    return skills + runs + [(entry.title, entry.name) for entry in ready if not entry.is_skill]


def traceable_choices(mine: Sequence[str]) -> list[tuple[str, str]]:
    """(words, name) of every checkpoint one can look inside without fetching anything first."""
    plain = [(entry.title, entry.name) for entry in CATALOG.values() if not entry.tasks and is_on_disk(entry)]
    return checkpoint_choices(tuple(TASKS.values()), mine) + plain + student_choices(mine)


def student_choices(mine: Sequence[str]) -> list[tuple[str, str]]:
    """(words, name) of every student that was distilled here."""
    return [(run_title(run), run.record.run_id) for run in usable_runs(tuple(TASKS), mine or (), job="distill")]


def starting_points(mine: Sequence[str], skills: bool = False) -> list[tuple[str, str]]:
    """(words, name) of every checkpoint that a run may begin with: those on disk, the others with what there is to
    fetch, then the students that were distilled here; `skills`: also those that ship with the app."""
    entries = [entry for entry in CATALOG.values() if not entry.tasks or (skills and entry.is_skill)]
    words = {entry.name: "" if is_on_disk(entry) else f": fetch {entry.megabytes} MB" for entry in entries}
    choices = [(entry.title + words[entry.name], entry.name) for entry in entries]
    own_default = [(default_checkpoint(), default_checkpoint())] if default_checkpoint() not in CATALOG else []
    return own_default + sorted(choices, key=lambda choice: bool(words[choice[1]])) + student_choices(mine)


def checkpoint_title(name: str) -> str:
    """What a checkpoint a visitor may name is called."""
    return CATALOG[name].title if name in CATALOG else run_title(state(visitor_run_folder(name)))


def checkpoint_card(name: str, task: Task) -> str:
    """The model card of a shipped skill or of a run, without its front matter; "" where there is none here."""
    folder = skill_folder(name, task.name) if name in CATALOG else visitor_run_folder(name)
    card = folder / "README.md" if folder else None
    if card is None or not card.is_file():
        return ""
    text = card.read_text(encoding="utf-8")
    return text.split("\n---\n", 1)[-1].strip() if text.startswith("---\n") else text


def run_title(run: RunState) -> str:
    """What a run is called in a list: "SST-2 run of 14:05 UTC, Accuracy 83.0 %", "Student of 14:05 UTC, 3 x 192"."""
    if run.record.job == "distill":
        return _student_title(run)
    if run.record.job == "ablation":
        return f"Experiment of {run.record.created[11:16]} UTC"
    task = TASKS[run.record.task]
    name = f"{task.title.split(':')[0]} run of {run.record.created[11:16]} UTC"
    if run.result is None:
        return name
    scores = next(iter(run.result.evaluation.metrics.values()))
    metric = task.metrics[0]
    return f"{name}, {words.metric_name(metric)} {words.score(metric, scores[metric])}"


def _student_title(run: RunState) -> str:
    name = f"Student of {run.record.created[11:16]} UTC"
    if run.result is None:
        return name
    return f"{name}, {run.result.layers} x {run.result.hidden_size}, taught by {called(run.result.teacher)}"


def run_task(checkpoint: str, candidates: Sequence[Task], texts: Sequence[str] = ()) -> Task:
    """Which of these tasks a checkpoint answers for these texts."""
    return task_for_texts(run_tasks(checkpoint, candidates), texts)


def run_tasks(checkpoint: str, candidates: Sequence[Task]) -> Sequence[Task]:
    """Which of these tasks a checkpoint answers: those it was trained on, else the first."""
    run = () if checkpoint in CATALOG else (read_record(visitor_run_folder(checkpoint)).task,)
    trained = CATALOG[checkpoint].tasks if checkpoint in CATALOG else run
    return [task for task in candidates if task.name in trained] or candidates[:1]


def answers(checkpoint: str) -> bool:
    """Whether a checkpoint a visitor may name has an output layer: skills and fine-tunes have, students have not."""
    if checkpoint in CATALOG:
        return bool(CATALOG[checkpoint].tasks)
    return read_record(visitor_run_folder(checkpoint)).job == "finetune"
