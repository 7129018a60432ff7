"""The learning curves of runs over each other, and the choice of which."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import gradio as gr

from .. import views
from ..errors import DataError, DemoError
from ..results import AT_WORK, FINETUNE
from ..runs import RunState, usable_runs
from ..serving import run_title
from .components import view
from .following import scroll_to
from .handlers import QUEUE, says_errors

MOST = 8  # runs in one figure


@dataclass(frozen=True)
class Curves:
    """The choice of runs, and their figure."""

    chosen: gr.CheckboxGroup
    figure: gr.HTML


def build_curves(elem_id: str) -> Curves:
    chosen = gr.CheckboxGroup(
        [], label="Whose learning curves?", info=f"At most {MOST}.", visible=False, elem_id=f"{elem_id}-runs"
    )
    return Curves(chosen, view(views.FIGURE, elem_id=elem_id))


def connect_curves(curves: Curves, button: gr.Button, run_id: gr.State, my_runs: gr.BrowserState, elem_id: str) -> None:
    """The button draws the run and the visitor's others; the choice draws those chosen."""
    private = {"api_visibility": "private", "show_progress": "hidden"}
    offered = button.click(offer_curves, [run_id, my_runs], [curves.chosen, curves.figure], **private)
    offered.success(None, js=scroll_to(elem_id))
    curves.chosen.input(draw_curves, curves.chosen, curves.figure, **private)


def no_curves() -> tuple[gr.CheckboxGroup, None]:
    """Values of choice and figure for another run."""
    return gr.CheckboxGroup(choices=[], value=[], visible=False), None


@says_errors
def offer_curves(run_id: str, my_runs: list[str] | None):
    """The runs that can lie over this one, the visitor's own chosen, and their figure."""
    run, mine = QUEUE.state(run_id), my_runs or []
    record = run.record
    tasks = [record.task] if record.job == FINETUNE else None  # students learn one thing from all texts: their teacher
    others = [other for other in usable_runs(tasks, mine, record.job) if other.record.run_id != run_id]
    runs = [run, *(other for other in others if other.result is not None)]
    own = [other.record.run_id for other in runs if other is run or other.record.run_id in mine][:MOST]
    choices = [(run_title(other.record, other.result), other.record.run_id) for other in runs]
    chosen = gr.CheckboxGroup(choices=choices, value=own, visible=len(choices) > 1)
    return chosen, draw_curves(own)


@says_errors
def draw_curves(run_ids: Sequence[str] | None) -> dict:
    """The learning curves of these runs in one figure."""
    if not run_ids or len(run_ids) > MOST:
        raise DataError(f"{len(run_ids or ())} runs are chosen; a figure shows 1 to {MOST}.")
    runs = list(_runs(run_ids))
    titles = _apart([run_title(run.record, run.result) for run in runs])
    return views.figure_payload(views.learning_curves(list(zip(titles, (run.events for run in runs), strict=True))))


def _apart(titles: Sequence[str]) -> list[str]:
    """The titles, those of twins numbered: two runs may begin within a second."""
    seen: Counter[str] = Counter()
    numbered = []
    for title in titles:
        seen[title] += 1
        numbered.append(title if seen[title] == 1 else f"{title} ({seen[title]})")
    return numbered


def _runs(run_ids: Sequence[str]) -> Iterator[RunState]:
    for run_id in run_ids:
        with contextlib.suppress(DemoError):  # deleted meanwhile
            run = QUEUE.state(run_id)
            if run.status not in AT_WORK:
                yield run
