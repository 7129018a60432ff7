"""The Attention tab: type a text or a pair, choose a model, look inside; mask words, switch heads off, compare."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from .. import views
from ..models import CATALOG
from ..serving import ALONE, FIRST_LOOK, FIRST_LOOK_VIEW, Look, file_to_save, traceable_choices, watched_attention
from ..tasks import SKILLS
from .choices import kept, two_boxes
from .components import anew, ask_view, view
from .files import later
from .handlers import QUEUE, answers_errors, says_errors


@dataclass(frozen=True)
class AttentionTab:
    """The widgets other tabs reach for."""

    texts: tuple[gr.Textbox, gr.Textbox]
    checkpoint: gr.Radio
    compare: gr.Radio
    trace: gr.Button
    view: gr.HTML


def build_attention_tab(my_runs: gr.BrowserState) -> AttentionTab:
    choices = traceable_choices(())
    with gr.Row():
        with gr.Column(scale=3):
            with gr.Row():
                texts = (
                    gr.Textbox(FIRST_LOOK.texts[0], label="Text", lines=3, max_lines=8, elem_id="attention-text1"),
                    gr.Textbox(
                        FIRST_LOOK.texts[1],
                        label="Second text, or none",
                        lines=3,
                        max_lines=8,
                        elem_id="attention-text2",
                    ),
                )
            presets = gr.Radio(_preset_choices(), label="Or take an example", elem_id="attention-examples")
        with gr.Column(scale=2):
            checkpoint = gr.Radio(choices, value=_first(choices), label="Which model?", elem_id="attention-checkpoint")
            with gr.Accordion("Compare with another model", open=False, elem_id="attention-compare-fold"):
                compare = gr.Radio(
                    [("None", ALONE), *choices],
                    value=ALONE,
                    label="The same text through",
                    info="A model with as many layers and heads: the base beside its fine-tuned self.",
                    elem_id="attention-compare",
                )
            trace = gr.Button("Look inside", variant="primary", elem_id="attention-trace")
    explorer = view(
        views.ATTENTION,
        value=later(FIRST_LOOK_VIEW),
        server=[attention_look, attention_head, attention_row, attention_file],
        elem_id="attention",
    )

    private = {"api_visibility": "private"}
    quick = {**private, "show_progress": "hidden"}
    filled = presets.input(_fill, [presets, checkpoint], [*texts, checkpoint], **quick)
    for event in (trace.click, *(box.submit for box in texts), filled.then):
        event(None, [*texts, checkpoint, compare], None, js=ask_view("attention", "checkpoint", "compare"), **private)
    return AttentionTab(texts, checkpoint, compare, trace, explorer)


def refresh_checkpoints(checkpoint: str, compare: str, my_runs: list[str] | None):
    """The lists of models as they are now; what was chosen stays."""
    choices = traceable_choices(my_runs or ())
    beside = [("None", ALONE), *choices]
    return (
        gr.Radio(choices=choices, value=kept(checkpoint, choices, _first(choices))),
        gr.Radio(choices=beside, value=kept(compare, beside)),
    )


def _first(choices) -> str:
    return kept(FIRST_LOOK.checkpoint, choices)


# -- presets -------------------------------------------------------------------------------------------------------


def _preset_choices() -> list[tuple[str, str]]:
    """The first two examples of every skill."""
    return [
        (f"{skill.title}: {preset.about.lower()}", f"{skill.name} {index}")
        for skill in SKILLS.values()
        for index, preset in enumerate(skill.presets[:2])
    ]


def _fill(picked: str, checkpoint: str):
    """The example's texts, and the model that was trained for them if it is here."""
    skill, index = picked.split()
    return [*two_boxes(SKILLS[skill].presets[int(index)].texts), skill if skill in CATALOG else checkpoint]


# -- tracing -------------------------------------------------------------------------------------------------------


@says_errors
def watch_run(run_id: str, my_runs: list[str] | None):
    """The text that a run watched with its attention at every kept step: the tab, the boxes, the model, the picture."""
    look, traced, weights = watched_attention(QUEUE.state(run_id))
    frames = views.frames_payload(look.texts, traced, weights)
    payload = views.attention_payload(look.trace, **look.caption(), frames=frames)
    model = gr.Radio(choices=traceable_choices([run_id, *(my_runs or [])]), value=run_id)
    return gr.Tabs(selected="attention"), *two_boxes(look.texts), model, anew(payload)


# -- what the explorer asks for by itself, past the queue ----------------------------------------------------------


@answers_errors
def attention_look(asked: dict) -> dict:
    """`{texts, checkpoint, compare, masked, ablated, explained}` -> the whole picture; the last four may be missing."""
    look = Look.from_page(asked)
    before, before_title = look.beside
    return views.attention_payload(
        look.trace,
        **look.caption(),
        before=before,
        before_title=before_title,
        explanation=look.explanation(),
        notes=look.notes(),
    )


@answers_errors
def attention_head(asked: dict) -> dict:
    """`{texts, checkpoint, masked, ablated, layer, head}` -> the weights of one head of a long input; layer or head
    "mean": averaged; `rollout`: all layers multiplied; `before`: of the trace that stands beside it."""
    return views.head_payload(Look.from_page(asked).head(asked))


@answers_errors
def attention_row(asked: dict) -> dict:
    """`{…, layer, head, token}` -> the raw scores of one row, exact."""
    look = Look.from_page(asked)
    return views.row_payload(look.trace, *look.row(asked))


@answers_errors
def attention_file(asked: dict) -> dict:
    """`{…, format}` -> a file to save: the trace as .npz, or the explorer as a page that works offline."""
    look = Look.from_page(asked)
    page = lambda: views.show(look.trace).html.encode("utf-8")  # noqa: E731
    return file_to_save("attention", asked, {"npz": look.arrays, "html": page})
