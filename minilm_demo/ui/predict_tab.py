"""The Predict tab: choose what to ask, type, and see the answer of a checkpoint one has made or has on disk."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import gradio as gr

from .. import views
from ..models import locate, seen_by_base
from ..prediction import predict
from ..runs import usable_runs
from ..tasks import SKILLS, TASKS, Task, get_task, skill_tasks
from .components import view
from .handlers import allowed_checkpoint, checkpoint_choices, checkpoint_title, run_task, says_errors

NOTHING_YET = (
    "No fine-tuned model for this here yet. Train one in the Fine-tune tab: half a minute is enough for a first answer."
)


@dataclass(frozen=True)
class PredictTab:
    """The widgets other tabs reach for."""

    skill: gr.Radio
    checkpoint: gr.Radio
    texts: tuple[gr.Textbox, gr.Textbox]


def build_predict_tab(my_runs: gr.BrowserState) -> PredictTab:
    first = next(iter(SKILLS))
    skill = gr.Radio(_skill_choices(()), value=first, label="What do you want to ask?", elem_id="skill")
    with gr.Row():
        with gr.Column(scale=3):
            texts = tuple(gr.Textbox(**box, elem_id=f"text{i + 1}") for i, box in enumerate(_boxes(first)))
            examples = gr.Radio(_example_choices(first), label="Or take an example", elem_id="examples")
        with gr.Column(scale=2):
            checkpoint = gr.Radio([], label="Who answers?", elem_id="checkpoint", info=NOTHING_YET)
            threshold = gr.Slider(
                -10, 10, value=0, step=0.1, visible=False, label="No-answer threshold", elem_id="threshold",
                info="“No answer” wins when its score is above this.",
            )  # fmt: skip
            ask = gr.Button("Ask", variant="primary", elem_id="ask")
    answer = view(views.PREDICTION, elem_id="answer")

    inputs = [skill, *texts, checkpoint, threshold]
    for event in (ask.click, texts[0].submit):
        event(_ask, inputs, answer, api_visibility="private", concurrency_id="predict", concurrency_limit=2)
    examples.input(_fill, [skill, examples], list(texts), api_visibility="private", show_progress="hidden")
    skill.change(
        _show_skill, [skill, checkpoint, my_runs], [*texts, examples, checkpoint, threshold, answer],
        api_visibility="private", show_progress="hidden",
    )  # fmt: skip
    return PredictTab(skill, checkpoint, texts)


@says_errors
def _ask(skill: str, text1: str, text2: str, checkpoint: str | None, threshold: float) -> dict:
    if not checkpoint:
        return views.error_payload(NOTHING_YET)
    task = run_task(checkpoint, skill_tasks(skill))
    fields = dict(zip(task.text_fields, (text1, text2), strict=False))
    return answer_payload(task, allowed_checkpoint(checkpoint), fields, threshold)


def answer_payload(task: Task, checkpoint: str, fields: dict[str, str], threshold: float) -> dict:
    """The payload of the answer view."""
    prediction = predict(task, checkpoint, fields, threshold=threshold if task.has_unanswerable else None)
    prediction = dataclasses.replace(prediction, checkpoint=checkpoint_title(checkpoint))
    seen = seen_by_base(locate(checkpoint), task)
    note = f"The bundled checkpoint's own training had seen {seen}." if seen else ""
    return views.prediction_payload(task, prediction, fields, note)


def refresh(skill: str, checkpoint: str | None, my_runs: list[str] | None):
    """The lists of skills and checkpoints as they are now, for a page load and a visit to the tab."""
    return gr.Radio(choices=_skill_choices(my_runs or ())), _checkpoint_radio(skill, checkpoint, my_runs or ())


def _checkpoint_radio(skill: str, checkpoint: str | None, my_runs) -> gr.Radio:
    """What can answer for the skill; the choice that was made stays if it is among them."""
    choices = checkpoint_choices(skill_tasks(skill), my_runs)
    names = [name for _, name in choices]
    value = checkpoint if checkpoint in names else next(iter(names), None)
    return gr.Radio(choices=choices, value=value, info=None if choices else NOTHING_YET)


def _skill_choices(my_runs) -> list[tuple[str, str]]:
    """The four skills, and every other task that a run of the visitor's has learned."""
    covered = {task for skill in SKILLS.values() for task in skill.tasks}
    learned = {run.record.task for run in usable_runs(tuple(TASKS), my_runs)}
    skills = [(skill.title, name) for name, skill in SKILLS.items()]
    return skills + [(task.title, name) for name, task in TASKS.items() if name in learned - covered]


@says_errors
def _show_skill(skill: str, checkpoint: str | None, my_runs: list[str] | None):
    first, second = _boxes(skill)
    threshold = gr.Slider(visible=skill_tasks(skill)[0].has_unanswerable)
    samples = gr.Radio(choices=_example_choices(skill), value=None)
    answers = _checkpoint_radio(skill, checkpoint, my_runs or ())
    return gr.Textbox(**first), gr.Textbox(**second), samples, answers, threshold, None


def _boxes(skill: str) -> list[dict]:
    """Label, text and height of the two text boxes for a skill; the second is hidden for single sentences."""
    task = skill_tasks(skill)[0]
    values = [*_samples(skill)[0], ""]
    boxes = []
    for index in range(2):
        used = index < len(task.text_fields)
        label = task.text_fields[index].capitalize() if used else ""
        boxes.append({"label": label, "value": values[index], "visible": used, "lines": 2, "max_lines": 12})
    return boxes


def _samples(skill: str) -> list[list[str]]:
    if skill in SKILLS:
        return [list(sample) for sample in SKILLS[skill].examples]
    return [list(get_task(skill).example.values())]


def _example_choices(skill: str) -> list[tuple[str, int]]:
    """Each example as one line, its texts cut short where they are long."""
    return [
        (" — ".join(text if len(text) <= 90 else f"{text[:90]}…" for text in sample), index)
        for index, sample in enumerate(_samples(skill))
    ]


def _fill(skill: str, index: int):
    return [*_samples(skill)[index], ""][:2]
