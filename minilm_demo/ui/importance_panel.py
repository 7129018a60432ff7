"""The panel "Which words mattered?" of the Predict tab: a button below the answer, and its view."""

from __future__ import annotations

import dataclasses

import gradio as gr
from gradio.events import Dependency

from .. import views
from ..serving import Asking, Question
from .components import view
from .handlers import says_errors

NOBODY = "Nobody is chosen to answer: choose one under “Who answers?” first."


def build_importance_panel(
    skill: gr.Radio, texts: tuple[gr.Textbox, gr.Textbox], checkpoints: gr.CheckboxGroup
) -> Dependency:
    """Build the panel; another skill empties the view. Returns the event that fills it."""
    ask = gr.Button("Which words mattered?", variant="secondary", size="md", elem_id="importance-ask")
    importance = view(views.IMPORTANCE, elem_id="importance")
    explained = ask.click(
        _explain, [skill, *texts, checkpoints], importance,
        api_visibility="private", concurrency_id="importance", concurrency_limit=2,
    )  # fmt: skip
    skill.change(lambda: None, None, importance, api_visibility="private", show_progress="hidden")
    return explained


@says_errors
def _explain(skill: str, text1: str, text2: str, checkpoints: list[str] | None) -> dict:
    """The payload for the first of the chosen checkpoints."""
    if not checkpoints:
        return views.error_payload(NOBODY)
    question = Question(skill, (text1, text2), checkpoints[0])
    importance = dataclasses.replace(question.importance(), checkpoint=question.model.title)
    code = views.importance_code(question.task.name, question.model.name, question.fields)
    asked = Asking(skill, (text1, text2), tuple(checkpoints)).to_page()
    return {**views.importance_payload(question.task, importance), "code": code, "asked": asked}
