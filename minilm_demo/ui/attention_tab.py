"""The Attention tab: type a text or a pair, choose a model, look inside; mask words, switch heads off, compare."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from .. import views
from ..errors import DataError
from ..models import CATALOG
from ..serving import ALONE, FIRST_LOOK, FIRST_LOOK_VIEW, Look, file_to_save, traceable_choices, watched_attention
from ..tasks import SKILLS
from .choices import two_boxes, valid_choice
from .components import anew, ask_view, bench, rail, show_form, stage, text_box, view
from .files import later
from .handlers import QUEUE, answers_errors, says_errors


@dataclass(frozen=True)
class AttentionTab:
    """The tab's widgets, for events of other tabs."""

    texts: tuple[gr.Textbox, gr.Textbox]
    checkpoint: gr.Radio
    compare: gr.Radio
    trace: gr.Button
    view: gr.HTML


def build_attention_tab(my_runs: gr.BrowserState) -> AttentionTab:
    choices = traceable_choices(())
    with bench():
        with rail():
            texts = (
                text_box(FIRST_LOOK.texts[0], "Text", "attention-text1", max_lines=8),
                gr.Textbox(
                    FIRST_LOOK.texts[1],
                    label="Second text, or none",
                    info="For a pair; or leave it empty.",
                    max_lines=8,
                    elem_id="attention-text2",
                ),
            )
            presets = gr.Radio(
                _preset_choices(), label="Or take an example", elem_id="attention-examples", elem_classes="page-chips"
            )
            checkpoint = gr.Radio(
                choices,
                value=_first(choices),
                label="Which model?",
                elem_id="attention-checkpoint",
                elem_classes="page-list",
            )
            with gr.Accordion("Compare with another model", open=False, elem_id="attention-compare-fold"):
                compare = gr.Radio(
                    [("None", ALONE), *choices],
                    value=ALONE,
                    label="The same text through",
                    info="A model with as many layers and heads: the base beside its fine-tuned self.",
                    elem_id="attention-compare",
                    elem_classes="page-list",
                )
            trace = gr.Button("Look inside", variant="primary", elem_id="attention-trace")
        with stage():
            explorer = view(
                views.ATTENTION,
                value=later(FIRST_LOOK_VIEW),
                server=[attention_look, attention_head, attention_row, attention_file],
                elem_id="attention",
            )

    private = {"api_visibility": "private"}
    quick = {**private, "show_progress": "hidden"}
    filled = presets.input(_fill, [presets, checkpoint], [*texts, checkpoint], **quick)
    form, names = [*texts, checkpoint, compare], ("checkpoint", "compare")
    for event in (trace.click, *(box.submit for box in texts), filled.then):
        event(None, form, None, js=ask_view("attention", names), **private)
    for changed in form:
        changed.change(None, form, None, js=show_form(["attention"], names), **quick)
    return AttentionTab(texts, checkpoint, compare, trace, explorer)


def refresh_checkpoints(checkpoint: str, compare: str, my_runs: list[str] | None):
    """The current lists of models; a choice that is still valid stays."""
    choices = traceable_choices(my_runs or ())
    compared = [("None", ALONE), *choices]
    return (
        gr.Radio(choices=choices, value=valid_choice(checkpoint, choices, _first(choices))),
        gr.Radio(choices=compared, value=valid_choice(compare, compared)),
    )


def _first(choices) -> str:
    return valid_choice(FIRST_LOOK.checkpoint, choices)


# -- presets -------------------------------------------------------------------------------------------------------


def _preset_choices() -> list[tuple[str, str]]:
    """The first two examples of every skill."""
    return [
        (f"{skill.title}: {preset.about.lower()}", f"{skill.name} {index}")
        for skill in SKILLS.values()
        for index, preset in enumerate(skill.presets[:2])
    ]


def _fill(preset: str, checkpoint: str):
    """The preset's texts, and its skill's model if that is in the catalog."""
    skill, index = preset.split()
    return [*two_boxes(SKILLS[skill].presets[int(index)].texts), skill if skill in CATALOG else checkpoint]


# -- tracing -------------------------------------------------------------------------------------------------------


@says_errors
def watch_run(run_id: str, my_runs: list[str] | None):
    """Open a run's watched text with its attention at every kept step: values of tab, boxes, model and explorer."""
    look, traced, weights = watched_attention(QUEUE.state(run_id))
    frames = views.frames_payload(look.texts, traced, weights)
    payload = views.attention_payload(look.trace, **look.caption(), frames=frames)
    model = gr.Radio(choices=traceable_choices([run_id, *(my_runs or [])]), value=run_id)
    return gr.Tabs(selected="attention"), *two_boxes(look.texts), model, anew(payload)


# -- callbacks of the explorer, without Gradio's queue -------------------------------------------------------------


@answers_errors
def attention_look(question: dict) -> dict:
    """`{texts, checkpoint, compare, masked, ablated, explained}` -> the whole picture; the last four may be missing."""
    look = Look.from_page(question)
    return views.attention_payload(look.trace, **look.picture())


@answers_errors
def attention_head(question: dict) -> dict:
    """`{texts, checkpoint, masked, ablated, layer, head}` -> the weights of one head of a long input; layer or head
    "mean": their mean; `rollout`: the product of all layers; `before`: of the trace in comparison."""
    return views.head_payload(Look.from_page(question).head(question))


@answers_errors
def attention_row(question: dict) -> dict:
    """`{…, layer, head, token}` -> the exact raw scores of one row."""
    look = Look.from_page(question)
    return views.row_payload(look.trace, *look.row(question))


@answers_errors
def attention_file(question: dict) -> dict:
    """`{…, format, view}` -> a file to save: the trace as .npz, or the explorer as a page that works offline and opens
    on what the visitor had chosen."""
    look = Look.from_page(question)
    return file_to_save("attention", question, {"npz": look.arrays, "html": lambda: _page(look, question)})


def _page(look: Look, question: dict) -> bytes:
    view = question.get("view")
    frames = _frames(look) if isinstance(view, dict) and view.get("frame") is not None else None
    chosen = look.view(question, len(frames["steps"]) if frames else 0)
    payload = views.attention_payload(look.trace, **look.picture(), frames=frames, view=chosen, alone=True)
    title = f"{look.model.title}: {' / '.join(look.texts)}"
    return views.standalone_html(views.ATTENTION, payload, title).encode("utf-8")


def _frames(look: Look) -> dict:
    """The recorded steps of the run whose checkpoint is looked into. Raises `DemoError` if it recorded another text."""
    watched, traced, weights = watched_attention(QUEUE.state(look.checkpoint))
    if watched.texts != look.texts:
        raise DataError("This run recorded another text. Press “Its attention while it learned” again.")
    return views.frames_payload(look.texts, traced, weights)
