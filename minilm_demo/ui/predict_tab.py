"""The Predict tab: a skill, the texts, and the answers of up to four checkpoints side by side."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import gradio as gr

from .. import views
from ..data import MAX_TEXT_CHARACTERS
from ..errors import DemoError
from ..results import Prediction
from ..runs import RunState, first_answer, usable_runs
from ..serving import (
    Asking,
    Question,
    asking_of_run,
    checkpoint_choices,
    judged_example,
    title_of,
)
from ..tasks import SKILLS, TASKS, Preset, get_task, skill_tasks
from .choices import two_boxes
from .components import ENTER_ASKS, PLACEHOLDER, anew, ask_view, bench, rail, show_form, stage, view
from .handlers import says_errors
from .importance_panel import build_importance_panel
from .many_texts_panel import build_many_texts_panel

NOTHING_YET = (
    "No fine-tuned model for this here yet. Train one in the Fine-tune tab: half a minute is enough for a first answer."
)
FIRST_STEPS = "New here? Press **Ask**. Then train a model of your own under **Fine-tune**, and look inside it."
SIDE_BY_SIDE = "Choose several to see them side by side."
FORM = ("skill", "checkpoints")  # of the form's values, those beside the texts


@dataclass(frozen=True)
class PredictTab:
    """The tab's widgets, for events of other tabs."""

    skill: gr.Radio
    checkpoints: gr.CheckboxGroup
    asked: list  # outputs of `open_question`


def build_predict_tab(my_runs: gr.BrowserState) -> PredictTab:
    first = next(iter(SKILLS))
    with bench():
        with rail():
            gr.Markdown(FIRST_STEPS, elem_classes="page-about")
            skill = gr.Radio(
                _skill_choices(()),
                value=first,
                label="What do you want to ask?",
                elem_id="skill",
                elem_classes="page-parts",
            )
            texts = tuple(gr.Textbox(**box, elem_id=f"text{i + 1}") for i, box in enumerate(_boxes(first)))
            presets = gr.Radio(
                **_preset_radio(first), label="Or take an example", elem_id="examples", elem_classes="page-chips"
            )
            checkpoints = gr.CheckboxGroup(
                [], label="Who answers?", elem_id="checkpoint", info=NOTHING_YET, elem_classes="page-list"
            )
            ask = gr.Button("Ask", variant="primary", elem_id="ask")
        with stage():
            answers = view(views.ANSWERS, value=_precomputed(first), server=[ask_models], elem_id="answer")
            explained = build_importance_panel(skill, texts, checkpoints)
            many = build_many_texts_panel(skill, checkpoints)

    form = [*texts, skill, checkpoints]
    private = {"api_visibility": "private", "show_progress": "hidden"}
    for event in (ask.click, *(box.submit for box in texts)):
        event(None, form, None, js=ask_view("answer", FORM), **private)
    for changed in form:
        changed.change(None, form, None, js=show_form(["answer", "importance"], FORM), **private)
    asked = [*texts, answers]
    waiting = [
        presets.input(_ask_example, [skill, presets, checkpoints], asked, **private),
        answers.picked(_ask_again, [skill, checkpoints], asked, **private),
        many.rows.picked(_ask_row, [skill, checkpoints], [checkpoints, *asked], **private),
    ]
    waiting[-1].then(None, js=SHOW_TEXTS)
    outputs = [*texts, presets, checkpoints, answers]
    # What was asked about the previous skill is stale, so it is cancelled.
    skill.input(
        _show_skill, [skill, checkpoints, my_runs], outputs, cancels=[*waiting, explained, *many.working], **private
    )
    return PredictTab(skill, checkpoints, [skill, *outputs])


SHOW_TEXTS = """() => {
  const box = document.querySelector("#text1 textarea, #text1 input");
  box.scrollIntoView({ behavior: "smooth", block: "center" });
  box.focus({ preventScroll: true });
}"""


# -- answers -------------------------------------------------------------------------------------------------------


def ask_models(values: dict) -> dict:
    """`{skill, texts, checkpoints}` -> the answers side by side. The view calls it directly, without Gradio's queue."""
    try:
        asking = Asking.from_page(values)
        if not asking.checkpoints:
            raise DemoError(NOTHING_YET)
        return _answers(asking)
    except DemoError as error:
        return views.error_payload(error.on_page) | {"asked": _asked(values)}


def _asked(values: Mapping) -> dict:
    """The question as it came, also one that is refused."""
    return {name: values[name] for name in ("texts", *FORM) if name in values}


def _answers(asking: Asking) -> dict:
    questions = asking.questions()
    lanes = [_lane(question) for question in questions]
    answered = [question for question, lane in zip(questions, lanes, strict=True) if lane["kind"] != "error"]
    if not answered:
        return lanes[0] | {"asked": asking.to_page()}
    return views.answers_payload(asking.skill, answered[0].task, answered[0].fields, lanes, asking.to_page())


def _lane(question: Question) -> dict:
    """One checkpoint's answer, or its error: the other lanes stay visible."""
    try:
        return {**answer_payload(question), "title": question.model.title}
    except DemoError as error:
        return {**views.error_payload(error.on_page), "title": title_of(question.checkpoint)}


def answer_payload(question: Question) -> dict:
    """The payload of one answer, with the model card and the Python that are unfolded below it."""
    task, fields, model = question.task, question.fields, question.model
    prediction = dataclasses.replace(question.prediction(), checkpoint=model.title)
    seen = model.seen(task)
    note = f"The bundled checkpoint's own training had seen {seen}." if seen else ""
    code = views.prediction_code(task.name, model.name, fields)
    drawn = views.prediction_payload(task, prediction, fields, note)
    return {**drawn, **_expected(question, prediction), "card": views.markdown_blocks(model.card(task)), "code": code}


def _expected(question: Question, prediction: Prediction) -> dict:
    """The key `expected` of an answer to an example; no key for a text of one's own."""
    judged = judged_example(question, prediction)
    return {"expected": views.expected_answer(question.task, *judged)} if judged else {}


def _precomputed(skill: str) -> dict | None:
    """The shipped skill's stored answer to its first preset; no model is loaded. None without one."""
    task = skill_tasks(skill)[0]
    prediction = first_answer(skill, task) if skill in SKILLS else None
    if prediction is None:
        return None
    question = Question(skill, SKILLS[skill].presets[0].texts, skill)
    payload = views.prediction_payload(task, prediction, question.fields) | _expected(question, prediction)
    note = f"Precomputed with the {SKILLS[skill].title} skill. Press Ask to run it here."
    code = views.prediction_code(task.name, skill, question.fields)
    asked = Asking(skill, tuple(two_boxes(question.texts)), (skill,)).to_page()
    card = views.markdown_blocks(question.model.card(task))
    kept = {"skill": skill, "footer": [], "note": note, "card": card, "code": code}
    return {**payload, **kept, "asked": asked}


# -- questions that are asked at once ------------------------------------------------------------------------------


def _ask(asking: Asking, note: str = "") -> dict:
    return anew(views.ask_payload(asking.to_page(), note))


def _ask_example(skill: str, index: int, checkpoints: list[str] | None):
    """The texts of an example, and its question to the chosen checkpoints."""
    texts = two_boxes(_presets(skill)[index].texts)
    return *texts, _ask(Asking(skill, tuple(texts), tuple(checkpoints or ())))


def _ask_again(skill: str, checkpoints: list[str] | None, event: gr.EventData):
    """The texts of a try, and their question to the chosen checkpoints."""
    texts = two_boxes([*map(str, event.texts)])
    return *texts, _ask(Asking(skill, tuple(texts), tuple(checkpoints or ())))


def _ask_row(skill: str, checkpoints: list[str] | None, event: gr.EventData):
    """The texts of a scored row, and their question to the model that was scored, which is chosen if it was not."""
    chosen = list(checkpoints or ())
    if event.checkpoint not in chosen:
        chosen = [str(event.checkpoint)]
    texts = two_boxes([*map(str, event.texts)])
    return chosen, *texts, _ask(Asking(skill, tuple(texts), tuple(chosen)))


def open_question(run: RunState, my_runs: Sequence[str], texts: tuple[str, ...] = ()) -> list:
    """Values of `PredictTab.asked`: the run's model is asked about these texts, or about its first ones."""
    asking, note = asking_of_run(run, my_runs, texts)
    boxes = [gr.Textbox(**{**box, "value": text}) for box, text in zip(_boxes(asking.skill), asking.texts, strict=True)]
    models = gr.CheckboxGroup(**_models(asking.skill, asking.checkpoints, my_runs))
    skills = gr.Radio(choices=_skill_choices(my_runs), value=asking.skill)
    presets = gr.Radio(**_preset_radio(asking.skill), value=None)
    return [skills, *boxes, presets, models, _ask(asking, note)]


# -- the form ------------------------------------------------------------------------------------------------------


def refresh(skill: str, checkpoints: list[str] | None, my_runs: list[str] | None):
    """The current lists of skills and checkpoints, for a page load and a visit to the tab."""
    models = _models(skill, checkpoints, my_runs or ())
    return gr.Radio(choices=_skill_choices(my_runs or ())), gr.CheckboxGroup(**models)


def _models(skill: str, checkpoints: Sequence[str] | None, my_runs: Sequence[str]) -> dict:
    """The checkpoints that can answer for the skill, as arguments of the group; choices that are still valid stay."""
    choices = checkpoint_choices(skill_tasks(skill), my_runs)
    names = [name for _, name in choices]
    valid = [name for name in checkpoints or () if name in names] or names[:1]
    info = {0: NOTHING_YET, 1: None}.get(len(choices), SIDE_BY_SIDE)
    return {"choices": choices, "value": valid, "info": info}


def _skill_choices(my_runs) -> list[tuple[str, str]]:
    """The four skills, and every other task of a run of the visitor."""
    covered = {task for skill in SKILLS.values() for task in skill.tasks}
    learned = {run.record.task for run in usable_runs(None, my_runs)}
    own = [(task.title, task.name) for task in map(get_task, sorted(learned)) if task.own]
    skills = [(skill.title, name) for name, skill in SKILLS.items()]
    return skills + own + [(task.title, name) for name, task in TASKS.items() if name in learned - covered]


@says_errors
def _show_skill(skill: str, checkpoints: list[str] | None, my_runs: list[str] | None):
    first, second = _boxes(skill)
    presets = gr.Radio(**_preset_radio(skill), value=None)
    models = _models(skill, checkpoints, my_runs or ())
    shown = _precomputed(skill) if models["value"] == [skill] else None
    return gr.Textbox(**first), gr.Textbox(**second), presets, gr.CheckboxGroup(**models), shown and anew(shown)


def _boxes(skill: str) -> list[dict]:
    """Label, text, limit and height of the two text boxes for a skill; the second is hidden for single sentences."""
    task = skill_tasks(skill)[0]
    values = two_boxes(next((preset.texts for preset in _presets(skill)), ("",)))
    boxes = []
    for index in range(2):
        used = index < len(task.text_fields)
        label = views.words.capital(task.words_for(task.text_fields[index])) if used else ""
        limit = views.kind_of(task).limit(task, index, MAX_TEXT_CHARACTERS) if used else ""
        info = f"{ENTER_ASKS} {limit}" if index == 0 else limit
        boxes.append(
            {
                "label": label,
                "info": info or None,
                "value": values[index],
                "visible": used,
                "lines": 1,  # with one line Enter submits, with more it begins a new line
                "max_lines": 12,
                "placeholder": PLACEHOLDER,
            }
        )
    return boxes


def _presets(skill: str) -> tuple[Preset, ...]:
    """The examples of a skill, or of a task; a person's own table has none."""
    if skill in SKILLS:
        return SKILLS[skill].presets
    task = get_task(skill)
    return () if task.own else (Preset("Example", tuple(task.example.values()), ""),)


def _preset_radio(skill: str) -> dict:
    """Choices and hint of the examples: the phenomenon of each, and how the shipped skill answers it."""
    presets = _presets(skill)
    if skill not in SKILLS:
        choices = [(preset.about, index) for index, preset in enumerate(presets)]
        return {"choices": choices, "info": None, "visible": bool(presets)}
    choices = [(f"{preset.about} {'✗' if preset.misleads else '✓'}", index) for index, preset in enumerate(presets)]
    info = f"✓ The {SKILLS[skill].title} skill is right. ✗ It falls for it. Another model may differ."
    return {"choices": choices, "info": info, "visible": True}
