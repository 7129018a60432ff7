"""Which words mattered? One button below the answer, and the view it fills."""

from __future__ import annotations

import dataclasses

import gradio as gr
from gradio.events import Dependency

from .. import views
from ..jobs import word_importance
from ..serving import allowed_checkpoint, checkpoint_title, run_task
from ..tasks import skill_tasks
from .components import view
from .handlers import says_errors

NOBODY = "Nobody is chosen to answer: choose one under “Who answers?” first."


def build_importance_panel(
    skill: gr.Radio, texts: tuple[gr.Textbox, gr.Textbox], checkpoints: gr.CheckboxGroup
) -> Dependency:
    """The button and its view, in the Predict tab; another skill empties the view. Returns the event that fills it."""
    ask = gr.Button("Which words mattered?", variant="secondary", elem_id="importance-ask")
    drawn = view(views.IMPORTANCE, elem_id="importance")
    asked = ask.click(
        _explain, [skill, *texts, checkpoints], drawn,
        api_visibility="private", concurrency_id="importance", concurrency_limit=2,
    )  # fmt: skip
    skill.change(lambda: None, None, drawn, api_visibility="private", show_progress="hidden")
    return asked


@says_errors
def _explain(skill: str, text1: str, text2: str, chosen: list[str] | None) -> dict:
    """The payload for the first of the chosen checkpoints."""
    if not chosen:
        return views.error_payload(NOBODY)
    checkpoint = allowed_checkpoint(chosen[0])
    task = run_task(checkpoint, skill_tasks(skill), (text1, text2))
    fields = dict(zip(task.text_fields, (text1, text2), strict=False))
    importance = word_importance(task, checkpoint, fields)
    importance = dataclasses.replace(importance, checkpoint=checkpoint_title(checkpoint))
    code = views.importance_code(task.name, checkpoint, fields)
    return {**views.importance_payload(task, importance), "code": code}
