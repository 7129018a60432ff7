"""The Attention tab: type a text or a pair, choose a model, look inside; mask words, switch heads off, compare."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import gradio as gr

from .. import views
from ..attention_weights import check_comparable, rollout
from ..errors import DataError
from ..jobs import load_attentions, save_trace
from ..models import CATALOG
from ..results import AttentionTrace, Traced
from ..serving import (
    allowed_checkpoint,
    answers,
    boxed_texts,
    cached_trace,
    checkpoint_title,
    explained_answer,
    run_task,
    traceable_choices,
    whole_number,
)
from ..tasks import SKILLS, TASKS, Task
from .components import anew, ask_view, view
from .files import later
from .handlers import QUEUE, answers_errors, says_errors

# Made by assets/make_first_views.py: no model is loaded for it.
FIRST_VIEW = Path(__file__).resolve().parents[2] / "assets" / "first_attention.json"
FIRST_TEXTS = ("Nobody liked the soup.", "Everyone enjoyed the meal.")  # every word of the second looks at "Nobody"
FIRST_CHECKPOINT = "nli"
MEAN = "mean"  # instead of the number of a layer or head: averaged over them
ALONE = ""  # no second checkpoint beside
UNCHANGED = "The three methods of “Is attention an explanation?” read the text and the model without your change."
FILES = {"npz": "application/octet-stream", "html": "text/html"}


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
                    gr.Textbox(FIRST_TEXTS[0], label="Text", lines=3, max_lines=8, elem_id="attention-text1"),
                    gr.Textbox(
                        FIRST_TEXTS[1],
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
        value=later(FIRST_VIEW),
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
    names = [name for _, name in choices]
    return (
        gr.Radio(choices=choices, value=checkpoint if checkpoint in names else _first(choices)),
        gr.Radio(choices=[("None", ALONE), *choices], value=compare if compare in names else ALONE),
    )


def _first(choices) -> str:
    names = [name for _, name in choices]
    return FIRST_CHECKPOINT if FIRST_CHECKPOINT in names else names[0]


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
    texts = [*SKILLS[skill].presets[int(index)].texts, ""][:2]
    return [*texts, skill if skill in CATALOG else checkpoint]


# -- tracing -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Look:
    """What to look at. It goes to the page with its picture and comes back with every request of the page: the server
    keeps no visitor's."""

    texts: tuple[str, ...]
    checkpoint: str
    compare: str = ALONE
    masked: tuple[int, ...] = ()
    ablated: tuple[tuple[int, int], ...] = ()

    def __post_init__(self):
        if not self.texts:
            raise DataError("There is no text. Write a sentence, or two for a pair, and press “Look inside”.")

    def trace(self) -> AttentionTrace:
        return cached_trace(self._allowed(), self.texts, self.task(), self.masked, self.ablated)

    def task(self) -> Task | None:
        """The task whose output layer the checkpoint has, if it reads as many texts."""
        if not answers(self._allowed()):
            return None
        task = run_task(self.checkpoint, tuple(TASKS.values()), self.texts)
        return task if len(task.text_fields) == len(self.texts) else None

    def _allowed(self) -> str:
        return allowed_checkpoint(self.checkpoint, trained=False)

    def title(self) -> str:
        return checkpoint_title(self._allowed())

    def beside(self) -> tuple[AttentionTrace | None, str]:
        """What stands beside the trace, and its name: the one without the change, or another checkpoint's."""
        if self.masked or self.ablated:
            return replace(self, masked=(), ablated=()).trace(), "Before"
        if self.compare:
            other = replace(self, checkpoint=self.compare)
            return other.trace(), other.title()
        return None, ""

    def to_page(self) -> dict:
        return {"texts": list(self.texts), "checkpoint": self.checkpoint, "compare": self.compare}


def look(text1: str, text2: str, checkpoint: str) -> Look:
    return Look(boxed_texts((text1, text2)), checkpoint)


def _from_page(values: Mapping) -> Look:
    """From the widgets, or `Look.to_page` as it comes back, with `masked` and `ablated`; a hostile visitor may have
    changed all of it."""
    try:
        return Look(
            boxed_texts(values["texts"]),
            str(values["checkpoint"]),
            str(values.get("compare") or ALONE),
            masked=tuple(sorted({int(token) for token in values.get("masked") or ()})),
            ablated=tuple(sorted({(int(one["layer"]), int(one["head"])) for one in values.get("ablated") or ()})),
        )
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise DataError("This request does not fit the picture on the page. Press “Look inside” again.") from error


def _draw(wanted: Look, explained: bool = False) -> dict:
    trace = wanted.trace()
    before, before_title = wanted.beside()
    if before is not None:
        check_comparable(trace, before)
    return views.attention_payload(
        trace,
        title=wanted.title(),
        before=before,
        before_title=before_title,
        explanation=_explanation(wanted) if explained else None,
        asked=wanted.to_page(),
        notes=[UNCHANGED] if explained and (wanted.masked or wanted.ablated) else [],
    )


def _explanation(wanted: Look):
    task = wanted.task()
    if task is None:
        raise DataError(
            f"{wanted.title()} gives no answer to these texts, so there is nothing to explain. Choose a model trained "
            "for a task, such as a skill, and as many texts as it reads."
        )
    return explained_answer(task, wanted.checkpoint, wanted.texts)


@says_errors
def watch_run(run_id: str, my_runs: list[str] | None):
    """The probe text of a run with its attention at every kept step: the tab, the boxes, the model, the picture."""
    run = QUEUE.state(run_id)
    traced = [event for event in run.events if isinstance(event, Traced)]
    if not traced or not run.has_checkpoint:
        raise DataError("This run kept no attention. Give it a text under “Watch its attention” before you train.")
    wanted = Look(tuple(run.record.config.probe), run_id)
    weights = [load_attentions(run.folder / "probe" / Path(event.path).name) for event in traced]
    payload = views.attention_payload(
        wanted.trace(),
        title=wanted.title(),
        frames=views.frames_payload(wanted.texts, traced, weights),
        asked=wanted.to_page(),
    )
    model = gr.Radio(choices=traceable_choices([run_id, *(my_runs or [])]), value=run_id)
    return gr.Tabs(selected="attention"), *[*wanted.texts, ""][:2], model, anew(payload)


# -- what the explorer asks for by itself, past the queue ----------------------------------------------------------


@answers_errors
def attention_look(asked: dict) -> dict:
    """`{texts, checkpoint, compare, masked, ablated, explained}` -> the whole picture; the last four may be missing."""
    return _draw(_from_page(asked), explained=bool(asked.get("explained")))


@answers_errors
def attention_head(asked: dict) -> dict:
    """`{texts, checkpoint, masked, ablated, layer, head}` -> the weights of one head of a long input; layer or head
    "mean": averaged; `rollout`: all layers multiplied; `before`: of the trace that stands beside it."""
    wanted = _from_page(asked)
    trace = wanted.beside()[0] if asked.get("before") else wanted.trace()
    if trace is None:
        raise DataError("Nothing stands beside this picture.")
    if asked.get("rollout"):
        return views.head_payload(rollout(trace.attentions))
    layer, head = (_place(asked, name, size, averaged=True) for name, size in _sizes(trace)[:2])
    return views.head_payload(trace.attentions[layer][:, head].mean(axis=(0, 1)))


@answers_errors
def attention_row(asked: dict) -> dict:
    """`{…, layer, head, token}` -> the raw scores of one row, exact."""
    trace = _from_page(asked).trace()
    return views.row_payload(trace, *(_place(asked, name, size).start for name, size in _sizes(trace)))


@answers_errors
def attention_file(asked: dict) -> dict:
    """`{…, format}` -> a file to save: the trace as .npz, or the explorer as a page that works offline."""
    kind = asked.get("format")
    if kind not in FILES:
        raise DataError(f"There is no file of the kind '{kind}'; there are {' and '.join(FILES)}.")
    trace = _from_page(asked).trace()
    return {
        "name": f"attention.{kind}",
        "type": FILES[kind],
        "base64": base64.b64encode(_file(trace, kind)).decode("ascii"),
    }


def _file(trace: AttentionTrace, kind: str) -> bytes:
    if kind == "html":
        return views.show(trace).html.encode("utf-8")
    file = io.BytesIO()
    save_trace(trace, file)
    return file.getvalue()


def _sizes(trace: AttentionTrace) -> list[tuple[str, int]]:
    return [("layer", trace.num_layers), ("head", trace.num_heads), ("token", trace.num_tokens)]


def _place(asked: Mapping, name: str, size: int, averaged: bool = False) -> slice:
    """The number of a layer, head or token as it came from the page, as a slice; of all of them for "mean"."""
    if averaged and asked.get(name) == MEAN:
        return slice(0, size)
    number = whole_number(asked, name, size)
    return slice(number, number + 1)
