"""The Distillation tab: the Microscope compares teacher and student on one text, head by head."""

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
    pupil_choices,
    teacher_choices,
)
from .choices import two_boxes, valid_choice
from .components import ask_view, bench, rail, show_form, stage, text_box, view
from .files import later
from .handlers import answers_errors, says_errors

PRESETS: Mapping[str, tuple[str, ...]] = {
    "A negation": FIRST_PAIRING.texts,
    "A pair": ("A man is asleep on the bench.", "Nobody is on the bench."),
    "Two meanings": ("She sat on the bank of the river and read a letter from her bank.",),
    "What is “it”?": ("The parcel did not go through the door because it was too wide.",),
}
MICROSCOPE = (
    "A student learns by copying: on every text, each of its heads should see the tokens as the "
    "teacher's head does. Here is what is copied, how near the student is, and every number of the loss."
)


@dataclass(frozen=True)
class DistillationTab:
    """The tab's widgets, for events of other tabs."""

    texts: tuple[gr.Textbox, gr.Textbox]
    teacher: gr.Radio
    student: gr.Radio
    recipe: gr.Radio
    compare: gr.Button
    view: gr.HTML


def build_distillation_tab(my_runs: gr.BrowserState) -> DistillationTab:
    teachers = teacher_choices(())
    teacher_name = valid_choice(FIRST_PAIRING.teacher, teachers)
    students = comparable(teacher_name, pupil_choices(()), FIRST_PAIRING.recipe)
    with bench():
        with rail():
            gr.Markdown(MICROSCOPE, elem_classes="page-about")
            texts = (
                text_box(FIRST_PAIRING.texts[0], "Text", "microscope-text1", max_lines=6),
                gr.Textbox(
                    "",
                    label="Second text",
                    info="For a pair; or leave it empty.",
                    max_lines=6,
                    elem_id="microscope-text2",
                ),
            )
            presets = gr.Radio(
                list(PRESETS), label="Or take an example", elem_id="microscope-examples", elem_classes="page-chips"
            )
            teacher = gr.Radio(
                teachers, value=teacher_name, label="Teacher", elem_id="microscope-teacher", elem_classes="page-list"
            )
            student = gr.Radio(
                students,
                value=valid_choice(FIRST_PAIRING.student, students),
                label="Student",
                info="Those that can be compared with this teacher.",
                elem_id="microscope-student",
                elem_classes="page-list",
            )
            recipe = gr.Radio(
                [(choice.title, choice.name) for choice in RECIPES.values()],
                value=FIRST_PAIRING.recipe,
                label="What is copied?",
                elem_id="microscope-recipe",
                elem_classes="page-list",
            )
            button = gr.Button("Compare", variant="primary", elem_id="microscope-compare")
        with stage():
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
    form, names = [*texts, teacher, student, recipe], ("teacher", "student", "recipe")
    for event in (button.click, *(box.submit for box in texts), filled.then):
        event(None, form, None, js=ask_view("microscope", names), **private)
    for changed in form:
        changed.change(None, form, None, js=show_form(["microscope"], names), **quick)
    return DistillationTab(texts, teacher, student, recipe, button, microscope)


def _fill(preset: str) -> list[str]:
    return two_boxes(PRESETS[preset])


# -- which models --------------------------------------------------------------------------------------------------


@says_errors
def _students(teacher: str, student: str, recipe: str, my_runs: list[str] | None):
    """The students that can be compared with the teacher; a choice that is still valid stays."""
    choices = comparable(teacher, pupil_choices(my_runs or ()), recipe)
    return gr.Radio(choices=choices, value=valid_choice(student, choices))


def refresh_models(teacher: str, student: str, recipe: str, my_runs: list[str] | None):
    """The current lists of models; choices that are still valid stay."""
    teachers = teacher_choices(my_runs or ())
    teacher = valid_choice(teacher, teachers)
    return gr.Radio(choices=teachers, value=teacher), _students(teacher, student, recipe, my_runs)


# -- callbacks of the microscope, without Gradio's queue -----------------------------------------------------------


@answers_errors
def microscope_look(question: dict) -> dict:
    """`{texts, teacher, student, recipe}` -> the whole picture."""
    pairing = Pairing.from_page(question)
    return views.microscope_payload(pairing.targets, **pairing.caption())


@answers_errors
def microscope_head(question: dict) -> dict:
    """`{texts, teacher, student, recipe, relation, head}` -> both models' weights of one head of a long input."""
    pairing = Pairing.from_page(question)
    return views.target_head_payload(pairing.targets, *pairing.head(question))


@answers_errors
def microscope_row(question: dict) -> dict:
    """`{…, relation, head, token}` -> the exact raw scores of one row in teacher and student."""
    pairing = Pairing.from_page(question)
    return views.target_row_payload(pairing.targets, *pairing.row(question))


@answers_errors
def microscope_file(question: dict) -> dict:
    """`{…, format}` -> a file to save: the targets as .npz, or the microscope as a page that works offline and
    opens on what the visitor had chosen."""
    pairing = Pairing.from_page(question)
    return file_to_save("microscope", question, {"npz": pairing.arrays, "html": lambda: _page(pairing, question)})


def _page(pairing: Pairing, question: dict) -> bytes:
    view = pairing.view(question)
    payload = views.microscope_payload(pairing.targets, **pairing.caption(), view=view, alone=True)
    title = f"{' and '.join(model.title for model in pairing.models)}: {' / '.join(pairing.texts)}"
    return views.standalone_html(views.MICROSCOPE, payload, title).encode("utf-8")
