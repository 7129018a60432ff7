"""The Distillation tab: a teacher and a student on one text, head by head, with every number of the loss."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import gradio as gr

from .. import views
from ..recipes import RECIPES
from ..serving import (
    FIRST_PAIRING,
    FIRST_PAIRING_VIEW,
    Pairing,
    comparable,
    file_to_save,
    models_to_fetch,
    pupil_choices,
    teacher_choices,
)
from .choices import kept, two_boxes
from .components import ask_view, view
from .files import later
from .handlers import answers_errors, says_errors

PRESETS: Mapping[str, tuple[str, ...]] = {
    "A negation": FIRST_PAIRING.texts,
    "A pair": ("A man is asleep on the bench.", "Nobody is on the bench."),
    "Two meanings": ("She sat on the bank of the river and read a letter from her bank.",),
    "What is “it”?": ("The parcel did not go through the door because it was too wide.",),
}
MICROSCOPE = (
    "### Microscope\nA student learns by copying: on every text, each of its heads should see the tokens as the "
    "teacher's head does. Here is what is copied, how near the student is, and every number of the loss."
)


@dataclass(frozen=True)
class DistillationTab:
    """The widgets other tabs reach for."""

    texts: tuple[gr.Textbox, gr.Textbox]
    teacher: gr.Radio
    student: gr.Radio
    recipe: gr.Radio
    compare: gr.Button
    view: gr.HTML


def build_distillation_tab(my_runs: gr.BrowserState) -> DistillationTab:
    gr.Markdown(MICROSCOPE, elem_classes="mlm-header")
    teachers = teacher_choices(())
    teacher_name = kept(FIRST_PAIRING.teacher, teachers)
    students = comparable(teacher_name, pupil_choices(()), FIRST_PAIRING.recipe)
    with gr.Row():
        with gr.Column(scale=3):
            texts = (
                gr.Textbox(FIRST_PAIRING.texts[0], label="Text", lines=2, max_lines=12, elem_id="microscope-text1"),
                gr.Textbox(
                    "",
                    label="Second text",
                    info="For a pair; or leave it empty.",
                    max_lines=12,
                    elem_id="microscope-text2",
                ),
            )
            presets = gr.Radio(list(PRESETS), label="Or take an example", elem_id="microscope-examples")
            recipe = gr.Radio(
                [(one.title, one.name) for one in RECIPES.values()],
                value=FIRST_PAIRING.recipe,
                label="What is copied?",
                elem_id="microscope-recipe",
            )
        with gr.Column(scale=2):
            teacher = gr.Radio(
                teachers,
                value=teacher_name,
                label="Teacher",
                info=models_to_fetch() or None,
                elem_id="microscope-teacher",
            )
            student = gr.Radio(
                students,
                value=kept(FIRST_PAIRING.student, students),
                label="Student",
                info="Those that can be compared with this teacher.",
                elem_id="microscope-student",
            )
            button = gr.Button("Compare", variant="primary", elem_id="microscope-compare")
    microscope = view(
        views.MICROSCOPE,
        value=later(FIRST_PAIRING_VIEW),
        server=[microscope_look, microscope_head, microscope_row, microscope_file],
        elem_id="microscope",
    )

    private = {"api_visibility": "private"}
    quick = {**private, "show_progress": "hidden"}
    for choice in (teacher, recipe):
        choice.input(_students, [teacher, student, recipe, my_runs], student, **quick)
    filled = presets.input(_fill, presets, list(texts), **quick)
    names = ("teacher", "student", "recipe")
    for event in (button.click, *(box.submit for box in texts), filled.then):
        event(None, [*texts, teacher, student, recipe], None, js=ask_view("microscope", *names), **private)
    return DistillationTab(texts, teacher, student, recipe, button, microscope)


def _fill(picked: str) -> list[str]:
    return two_boxes(PRESETS[picked])


# -- which models --------------------------------------------------------------------------------------------------


@says_errors
def _students(teacher: str, student: str, recipe: str, my_runs: list[str] | None):
    """The students that fit what was chosen; the one that was stays if it can."""
    choices = comparable(teacher, pupil_choices(my_runs or ()), recipe)
    return gr.Radio(choices=choices, value=kept(student, choices))


def refresh_models(teacher: str, student: str, recipe: str, my_runs: list[str] | None):
    """The lists of models as they are now; what was chosen stays."""
    teachers = teacher_choices(my_runs or ())
    teacher = kept(teacher, teachers)
    return gr.Radio(choices=teachers, value=teacher), _students(teacher, student, recipe, my_runs)


# -- what the microscope asks for by itself, past the queue --------------------------------------------------------


@answers_errors
def microscope_look(asked: dict) -> dict:
    """`{texts, teacher, student, recipe}` -> the whole picture."""
    pairing = Pairing.from_page(asked)
    return views.microscope_payload(pairing.targets, **pairing.caption())


@answers_errors
def microscope_head(asked: dict) -> dict:
    """`{texts, teacher, student, recipe, relation, head}` -> both sides of one head of a long input."""
    pairing = Pairing.from_page(asked)
    return views.target_head_payload(pairing.targets, *pairing.head(asked))


@answers_errors
def microscope_row(asked: dict) -> dict:
    """`{…, relation, head, token}` -> the raw scores of one row on both sides, exact."""
    pairing = Pairing.from_page(asked)
    return views.target_row_payload(pairing.targets, *pairing.row(asked))


@answers_errors
def microscope_file(asked: dict) -> dict:
    """`{…, format}` -> a file to save: the targets as .npz, or the microscope as a page that works offline."""
    pairing = Pairing.from_page(asked)
    return file_to_save("microscope", asked, {"npz": pairing.arrays, "html": lambda: _page(pairing)})


def _page(pairing: Pairing) -> bytes:
    payload = views.microscope_payload(pairing.targets, **pairing.caption(), alone=True)
    title = f"Teacher and student: {' / '.join(pairing.texts)}"
    return views.standalone_html(views.MICROSCOPE, payload, title).encode("utf-8")
