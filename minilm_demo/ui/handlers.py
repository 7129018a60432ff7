"""What every handler of the page shares: errors as toasts, checks on names from outside, the visitor's runs."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import gradio as gr

from ..errors import DemoError, UnknownName
from ..models import CATALOG, RUN_ID, is_on_disk, skill_folder
from ..runs import RunQueue, RunState, read_record, state, usable_runs, visitor_run_folder
from ..tasks import TASKS, Task
from ..views import words

QUEUE = RunQueue()  # one line of runs per server


def says_errors(handler: Callable) -> Callable:
    """A `DemoError` becomes the toast people see; the one place where that happens."""

    @functools.wraps(handler)
    def wrapped(*args, **kwargs):
        try:
            return handler(*args, **kwargs)
        except DemoError as error:
            raise gr.Error(str(error), title="That did not work", duration=12, print_exception=False) from error

    return wrapped


def allowed_checkpoint(name: str) -> str:
    """A checkpoint a visitor may ask: a run by its id, a shipped skill, or a fine-tuned one of the catalog on disk.

    Never a path, never any Hub name, and no question starts a download."""
    if RUN_ID.fullmatch(str(name)):
        visitor_run_folder(name)
        return name
    known = [entry.name for entry in CATALOG.values() if entry.tasks and is_on_disk(entry)]
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
    return text.split("---", 2)[-1].strip() if text.startswith("---") else text


def run_title(run: RunState) -> str:
    """What a run is called in a list: "SST-2 run of 14:05 UTC, Accuracy 83.0 %"."""
    task = TASKS[run.record.task]
    name = f"{task.title.split(':')[0]} run of {run.record.created[11:16]} UTC"
    if run.result is None:
        return name
    scores = next(iter(run.result.evaluation.metrics.values()))
    metric = task.metrics[0]
    return f"{name}, {words.metric_name(metric)} {words.score(metric, scores[metric])}"


def run_task(checkpoint: str, candidates: Sequence[Task]) -> Task:
    """Which of these tasks a checkpoint answers: one it was trained on, else the first."""
    run = () if checkpoint in CATALOG else (read_record(visitor_run_folder(checkpoint)).task,)
    trained = CATALOG[checkpoint].tasks if checkpoint in CATALOG else run
    return next((task for task in candidates if task.name in trained), candidates[0])


def picked_texts(picked: gr.EventData) -> list[str]:
    """The texts of the row or try that was chosen in a view, for the two boxes."""
    return [*map(str, picked.texts), ""][:2]
