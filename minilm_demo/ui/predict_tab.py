"""The Predict tab: a skill, the texts, and the answers of up to four checkpoints side by side."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import gradio as gr

from .. import views
from ..data import MAX_TEXT_CHARACTERS
from ..errors import DemoError
from ..runs import first_answer, usable_runs
from ..serving import MOST_AT_ONCE, Question, checkpoint_choices, title_of
from ..tasks import SKILLS, TASKS, Preset, get_task, skill_tasks
from .choices import two_boxes
from .components import view
from .handlers import picked_texts, says_errors
from .importance_panel import build_importance_panel
from .many_texts_panel import build_many_texts_panel

NOTHING_YET = (
    "No fine-tuned model for this here yet. Train one in the Fine-tune tab: half a minute is enough for a first answer."
)
SIDE_BY_SIDE = "Choose several to see them side by side."
MAX_LANES = 4


@dataclass(frozen=True)
class PredictTab:
    """The tab's widgets, for events of other tabs."""

    skill: gr.Radio
    checkpoints: gr.CheckboxGroup
    texts: tuple[gr.Textbox, gr.Textbox]


def build_predict_tab(my_runs: gr.BrowserState) -> PredictTab:
    first = next(iter(SKILLS))
    skill = gr.Radio(_skill_choices(()), value=first, label="What do you want to ask?", elem_id="skill")
    with gr.Row():
        with gr.Column(scale=3):
            texts = tuple(gr.Textbox(**box, elem_id=f"text{i + 1}") for i, box in enumerate(_boxes(first)))
            presets = gr.Radio(_preset_choices(first), label="Or take an example", elem_id="examples")
        with gr.Column(scale=2):
            checkpoints = gr.CheckboxGroup([], label="Who answers?", elem_id="checkpoint", info=NOTHING_YET)
            ask = gr.Button("Ask", variant="primary", elem_id="ask")
    answers = view(views.ANSWERS, value=_precomputed(first), elem_id="answer")
    slower = [
        build_importance_panel(skill, texts, checkpoints),
        build_many_texts_panel(skill, texts, checkpoints),
    ]

    inputs = [skill, *texts, checkpoints]
    private = {"api_visibility": "private", "show_progress": "hidden"}
    answered = [
        event(_ask, inputs, answers, **private, concurrency_id="predict", concurrency_limit=MOST_AT_ONCE)
        for event in (ask.click, *(box.submit for box in texts))
    ]
    presets.input(_fill, [skill, presets], list(texts), **private)
    answers.picked(picked_texts, None, list(texts), **private)
    outputs = [*texts, presets, checkpoints, answers]
    # Pending answers to the previous question are stale, so they are cancelled.
    skill.change(_show_skill, [skill, checkpoints, my_runs], outputs, cancels=[*answered, *slower], **private)
    return PredictTab(skill, checkpoints, texts)


@says_errors
def _ask(skill: str, text1: str, text2: str, checkpoints: list[str] | None) -> dict:
    if not checkpoints:
        return views.error_payload(NOTHING_YET)
    if len(checkpoints) > MAX_LANES:
        return views.error_payload(f"{len(checkpoints)} models are chosen; at most {MAX_LANES} answer side by side.")
    questions = [Question(skill, (text1, text2), name) for name in checkpoints]
    lanes = [_lane(question) for question in questions]
    answered = [question for question, lane in zip(questions, lanes, strict=True) if lane["kind"] != "error"]
    if not answered:
        return lanes[0]
    return views.answers_payload(skill, answered[0].task, answered[0].fields, lanes)


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
    return {**views.prediction_payload(task, prediction, fields, note), "card": model.card(task), "code": code}


def _precomputed(skill: str) -> dict | None:
    """The shipped skill's stored answer to its first preset; no model is loaded. None without one."""
    task = skill_tasks(skill)[0]
    prediction = first_answer(skill, task) if skill in SKILLS else None
    if prediction is None:
        return None
    question = Question(skill, SKILLS[skill].presets[0].texts, skill)
    payload = views.prediction_payload(task, prediction, question.fields)
    note = f"Precomputed with the {SKILLS[skill].title} skill. Press Ask to run it here."
    code = views.prediction_code(task.name, skill, question.fields)
    return {**payload, "skill": skill, "footer": [], "note": note, "card": question.model.card(task), "code": code}


def refresh(skill: str, checkpoints: list[str] | None, my_runs: list[str] | None):
    """The current lists of skills and checkpoints, for a page load and a visit to the tab."""
    return gr.Radio(choices=_skill_choices(my_runs or ())), _checkpoint_group(skill, checkpoints, my_runs or ())


def _checkpoint_group(skill: str, checkpoints: list[str] | None, my_runs) -> gr.CheckboxGroup:
    """The checkpoints that can answer for the skill; choices that are still valid stay."""
    choices = checkpoint_choices(skill_tasks(skill), my_runs)
    names = [name for _, name in choices]
    valid = [name for name in checkpoints or () if name in names] or names[:1]
    info = {0: NOTHING_YET, 1: None}.get(len(choices), SIDE_BY_SIDE)
    return gr.CheckboxGroup(choices=choices, value=valid, info=info)


def _skill_choices(my_runs) -> list[tuple[str, str]]:
    """The four skills, and every other task of a run of the visitor."""
    covered = {task for skill in SKILLS.values() for task in skill.tasks}
    learned = {run.record.task for run in usable_runs(tuple(TASKS), my_runs)}
    skills = [(skill.title, name) for name, skill in SKILLS.items()]
    return skills + [(task.title, name) for name, task in TASKS.items() if name in learned - covered]


@says_errors
def _show_skill(skill: str, checkpoints: list[str] | None, my_runs: list[str] | None):
    first, second = _boxes(skill)
    presets = gr.Radio(choices=_preset_choices(skill), value=None)
    answers = _checkpoint_group(skill, checkpoints, my_runs or ())
    return gr.Textbox(**first), gr.Textbox(**second), presets, answers, _precomputed(skill)


def _boxes(skill: str) -> list[dict]:
    """Label, text, limit and height of the two text boxes for a skill; the second is hidden for single sentences."""
    task = skill_tasks(skill)[0]
    values = two_boxes(_presets(skill)[0].texts)
    boxes = []
    for index in range(2):
        used = index < len(task.text_fields)
        label = task.text_fields[index].capitalize() if used else ""
        info = views.kind_of(task).limit(task, index, MAX_TEXT_CHARACTERS) if used else None
        boxes.append(
            {"label": label, "info": info, "value": values[index], "visible": used, "lines": 2, "max_lines": 12}
        )
    return boxes


def _presets(skill: str) -> tuple[Preset, ...]:
    if skill in SKILLS:
        return SKILLS[skill].presets
    return (Preset("Example", tuple(get_task(skill).example.values())),)


def _preset_choices(skill: str) -> list[tuple[str, int]]:
    """A line for each preset, with its texts cut to 60 characters."""
    lines = [
        " — ".join(text if len(text) <= 60 else f"{text[:60]}…" for text in preset.texts) for preset in _presets(skill)
    ]
    return [(f"{preset.about}: {lines[index]}", index) for index, preset in enumerate(_presets(skill))]


def _fill(skill: str, index: int):
    return two_boxes(_presets(skill)[index].texts)
