"""What every handler of the page shares: errors as toasts, checks on names from outside, the visitor's runs."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import gradio as gr

from ..errors import DemoError, UnknownName
from ..models import CATALOG, RUN_ID, is_on_disk
from ..runs import RunQueue, RunState, list_runs, read_record, state, visitor_run_folder
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
    """A checkpoint a visitor may ask: a run by its id, or a fine-tuned one of the catalog that is on disk.

    Never a path, never any Hub name, and no question starts a download."""
    if RUN_ID.fullmatch(str(name)):
        visitor_run_folder(name)
        return name
    known = [entry.name for entry in CATALOG.values() if entry.task and is_on_disk(entry)]
    if name not in known:
        raise UnknownName("checkpoint", name, (*known, "the id of a run"))
    return name


def usable_runs(tasks: Sequence[str], mine: Sequence[str]) -> list[RunState]:
    """Runs of these tasks that can answer: the visitor's own, and those made from the shell of this machine."""
    found = []
    for run in _visible_runs(mine):
        if run.record.task in tasks and run.has_checkpoint and run.status not in ("queued", "starting", "running"):
            found.append(run)
    return found


def _visible_runs(mine: Sequence[str]) -> list[RunState]:
    """Newest first. Whoever has a run's id may see it; runs of other visitors are never listed."""
    shared = [run for run in list_runs() if run.record.origin == "shell"]
    own = []
    for run_id in mine or ():
        try:
            own.append(state(visitor_run_folder(run_id)))
        except DemoError:  # the server was set up anew since this browser saw the run
            continue
    seen = {run.record.run_id: run for run in (*own, *shared)}
    return sorted(seen.values(), key=lambda run: run.record.created, reverse=True)


def checkpoint_choices(tasks: Sequence[Task], mine: Sequence[str]) -> list[tuple[str, str]]:
    """(words, name) of everything that can answer for these tasks without fetching anything first."""
    names = [task.name for task in tasks]
    runs = [(run_title(run), run.record.run_id) for run in usable_runs(names, mine)]
    hub = [(entry.title, entry.name) for entry in CATALOG.values() if entry.task in names and is_on_disk(entry)]
    return runs + hub


def checkpoint_title(name: str) -> str:
    """What a checkpoint a visitor may name is called."""
    return CATALOG[name].title if name in CATALOG else run_title(state(visitor_run_folder(name)))


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
    """Which of these tasks a checkpoint answers: the one it was trained on, else the first."""
    trained = CATALOG[checkpoint].task if checkpoint in CATALOG else read_record(visitor_run_folder(checkpoint)).task
    return next((task for task in candidates if task.name == trained), candidates[0])
