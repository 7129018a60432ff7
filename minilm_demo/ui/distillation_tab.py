"""The Distillation tab: a teacher and a student on one text, head by head, with every number of the loss."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import SimpleNamespace

import gradio as gr

from .. import views
from ..errors import DataError, DemoError, UnknownName
from ..jobs import compare, save_targets
from ..models import CATALOG, bundled_folder, is_on_disk, locate
from ..recipes import RECIPES
from ..results import Badge, DistillationTargets
from ..runs import badge_of, called
from ..serving import (
    allowed_checkpoint,
    boxed_texts,
    cached_targets,
    checkpoint_title,
    student_choices,
    traceable_choices,
    whole_number,
)
from ..views import words
from .components import ask_view, view
from .files import later
from .handlers import answers_errors, says_errors

# Made by assets/make_first_views.py: no model is loaded for it.
FIRST_VIEW = Path(__file__).resolve().parents[2] / "assets" / "first_microscope.json"
FIRST_TEXTS = ("The food was not good, but the waiters were unbelievably kind.",)
FIRST_TEACHER, FIRST_STUDENT, FIRST_RECIPE = "bundled", "nli", "minilm_v1"
PRESETS: Mapping[str, tuple[str, ...]] = {
    "A negation": FIRST_TEXTS,
    "A pair": ("A man is asleep on the bench.", "Nobody is on the bench."),
    "Two meanings": ("She sat on the bank of the river and read a letter from her bank.",),
    "What is “it”?": ("The parcel did not go through the door because it was too wide.",),
}
FILES = {"npz": "application/octet-stream", "html": "text/html"}
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
    teacher_name = _kept(FIRST_TEACHER, teachers)
    students = comparable(teacher_name, pupil_choices(()), FIRST_RECIPE)
    with gr.Row():
        with gr.Column(scale=3):
            texts = (
                gr.Textbox(FIRST_TEXTS[0], label="Text", lines=2, max_lines=12, elem_id="microscope-text1"),
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
                value=FIRST_RECIPE,
                label="What is copied?",
                elem_id="microscope-recipe",
            )
        with gr.Column(scale=2):
            teacher = gr.Radio(
                teachers, value=teacher_name, label="Teacher", info=_to_fetch(), elem_id="microscope-teacher"
            )
            student = gr.Radio(
                students,
                value=_kept(FIRST_STUDENT, students),
                label="Student",
                info="Those that can be compared with this teacher.",
                elem_id="microscope-student",
            )
            button = gr.Button("Compare", variant="primary", elem_id="microscope-compare")
    microscope = view(
        views.MICROSCOPE,
        value=later(FIRST_VIEW),
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
    return [*PRESETS[picked], ""][:2]


# -- which models --------------------------------------------------------------------------------------------------

Choices = Sequence[tuple[str, str]]  # (words, name)


def teacher_choices(mine: Sequence[str]) -> list[tuple[str, str]]:
    """Every model that can be looked into; students too, as assistants, but last."""
    return sorted(traceable_choices(mine), key=lambda choice: choice[1] != FIRST_TEACHER)


def _to_fetch() -> str | None:
    """How the models come here that are not on this machine; None if all are."""
    missing = [called(entry.name) for entry in CATALOG.values() if not (entry.tasks or is_on_disk(entry))]
    if not missing:
        return None
    number = words.counted(len(missing), "more model")
    return f"{number} can be fetched, such as {missing[-1]}: begin a run with one, below or in the Fine-tune tab."


def pupil_choices(mine: Sequence[str]) -> list[tuple[str, str]]:
    """The same models, students first."""
    students = student_choices(mine)
    return students + [choice for choice in traceable_choices(mine) if choice not in students]


def comparable(teacher: str, choices: Choices, recipe: str) -> list[tuple[str, str]]:
    """The choices that can be compared with this teacher under the recipe, as far as their configurations tell without
    loading them: enough words in common, heads that fit."""
    config = _config(teacher)
    return [choice for choice in choices if config is None or _fits(config, _config(choice[1]), recipe)]


def _fits(teacher: SimpleNamespace, student: SimpleNamespace | None, recipe: str) -> bool:
    if student is None:
        return True
    try:
        compare(recipe, teacher, student)
    except DemoError:
        return False
    return teacher.vocab_size == student.vocab_size


def _config(checkpoint: str) -> SimpleNamespace | None:
    """What config.json says; None for a checkpoint that is not a folder of this machine."""
    location = locate(checkpoint)
    if location.on_hub:
        return None
    folder = bundled_folder() if location.is_skill else Path(location.place)
    return SimpleNamespace(**json.loads((folder / "config.json").read_text(encoding="utf-8")))


def _kept(name: str, choices: Choices) -> str | None:
    names = [one for _, one in choices]
    return name if name in names else next(iter(names), None)


@says_errors
def _students(teacher: str, student: str, recipe: str, my_runs: list[str] | None):
    """The students that fit what was chosen; the one that was stays if it can."""
    choices = comparable(teacher, pupil_choices(my_runs or ()), recipe)
    return gr.Radio(choices=choices, value=_kept(student, choices))


def refresh_models(teacher: str, student: str, recipe: str, my_runs: list[str] | None):
    """The lists of models as they are now; what was chosen stays."""
    teachers = teacher_choices(my_runs or ())
    teacher = _kept(teacher, teachers)
    return gr.Radio(choices=teachers, value=teacher), _students(teacher, student, recipe, my_runs)


# -- comparing -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Pairing:
    """A teacher and a student on one text or pair. It goes to the page with its picture and comes back with every
    request of the page: the server keeps no visitor's."""

    texts: tuple[str, ...]
    teacher: str
    student: str
    recipe: str = FIRST_RECIPE

    def __post_init__(self):
        if not self.texts:
            raise DataError("There is no text. Write a sentence, or two for a pair, and press “Compare”.")
        if self.recipe not in RECIPES:
            raise UnknownName("recipe", self.recipe, RECIPES)

    def targets(self) -> DistillationTargets:
        return cached_targets(*self._allowed(), self.texts, self.recipe)

    def badge(self) -> Badge:
        return badge_of(*self._allowed(), self.recipe)

    def payload(self, **options) -> dict:
        teacher, student = self._allowed()
        return views.microscope_payload(
            self.targets(),
            teacher_title=checkpoint_title(teacher),
            student_title=checkpoint_title(student),
            badge=asdict(self.badge()),
            asked=self.to_page(),
            **options,
        )

    def to_page(self) -> dict:
        return {**asdict(self), "texts": list(self.texts)}

    def _allowed(self) -> tuple[str, str]:
        return allowed_checkpoint(self.teacher, trained=False), allowed_checkpoint(self.student, trained=False)


def pairing(text1: str, text2: str, teacher: str, student: str, recipe: str = FIRST_RECIPE) -> Pairing:
    return Pairing(boxed_texts((text1, text2)), teacher, student, recipe)


def _from_page(values: Mapping) -> Pairing:
    """From the widgets, or `Pairing.to_page` as it comes back; a hostile visitor may have changed all of it."""
    try:
        if values["student"] is None:
            raise DataError("No student here can be compared with this teacher so. Choose another teacher or recipe.")
        names = (str(values[name]) for name in ("teacher", "student", "recipe"))
        return Pairing(boxed_texts(values["texts"]), *names)
    except (KeyError, TypeError) as error:
        raise DataError("This request does not fit the picture on the page. Press “Compare” again.") from error


# -- what the microscope asks for by itself, past the queue --------------------------------------------------------


@answers_errors
def microscope_look(asked: dict) -> dict:
    """`{texts, teacher, student, recipe}` -> the whole picture."""
    return _from_page(asked).payload()


@answers_errors
def microscope_head(asked: dict) -> dict:
    """`{texts, teacher, student, recipe, relation, head}` -> both sides of one head of a long input."""
    targets = _from_page(asked).targets()
    return views.target_head_payload(targets, *_head(asked, targets))


@answers_errors
def microscope_row(asked: dict) -> dict:
    """`{…, relation, head, token}` -> the raw scores of one row on both sides, exact."""
    targets = _from_page(asked).targets()
    token = whole_number(asked, "token", len(targets.tokens))
    return views.target_row_payload(targets, *_head(asked, targets), token)


@answers_errors
def microscope_file(asked: dict) -> dict:
    """`{…, format}` -> a file to save: the targets as .npz, or the microscope as a page that works offline."""
    kind = asked.get("format")
    if kind not in FILES:
        raise DataError(f"There is no file of the kind '{kind}'; there are {' and '.join(FILES)}.")
    content = base64.b64encode(_file(_from_page(asked), kind)).decode("ascii")
    return {"name": f"microscope.{kind}", "type": FILES[kind], "base64": content}


def _file(wanted: Pairing, kind: str) -> bytes:
    if kind == "html":
        title = f"Teacher and student: {' / '.join(wanted.texts)}"
        return views.standalone_html(views.MICROSCOPE, wanted.payload(alone=True), title).encode("utf-8")
    file = io.BytesIO()
    save_targets(wanted.targets(), file)
    return file.getvalue()


def _head(asked: Mapping, targets: DistillationTargets) -> tuple[str, int]:
    relation = asked.get("relation")
    if relation not in targets.relations:
        raise DataError(f"relation is '{relation}'; it must be one of {', '.join(targets.relations)}.")
    return relation, whole_number(asked, "head", targets.num_relation_heads)
