"""The components of `views` in Gradio: `gr.HTML` with a static template, mounted by JavaScript."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import gradio as gr

from .. import views

ENTER_ASKS = "Enter asks, Shift + Enter begins a new line."
PLACEHOLDER = "Write here, then press Enter."
# JavaScript: scrolls to an element that is not on the upper half of the screen, as below the rail on a phone.
SHOW = """(element) => {
  const { top } = element.getBoundingClientRect();
  if (top < -1 || top > innerHeight / 2) element.scrollIntoView({ behavior: "smooth", block: "start" });
}"""
_PAYLOAD_NUMBERS = itertools.count(1)  # of all visitors


def view(component: views.Component, *, value=None, server: Sequence[Callable] = (), **options) -> gr.HTML:
    """A component of `views` on the page. Its value is the component's payload; `server` are its callbacks.

    It is no subclass of `gr.HTML`, because Gradio writes a stub file beside the source of a subclass."""
    parts = views.gradio_parts(component)
    return gr.HTML(value, server_functions=list(server) or None, **parts, **options)


@contextmanager
def rail() -> Iterator[None]:
    """The column of a tab's controls, at the left of its stage: it stays in view while the stage scrolls. Both lie in
    one `bench`."""
    with gr.Column(elem_classes="page-rail"):
        yield


@contextmanager
def stage() -> Iterator[None]:
    """The column of what a tab shows."""
    with gr.Column(elem_classes="page-stage"):
        yield


@contextmanager
def bench() -> Iterator[None]:
    """A tab's rail and stage, side by side where the window is wide enough."""
    with gr.Row(elem_classes="page-bench"):
        yield


def text_box(value: str, label: str, elem_id: str, max_lines: int) -> gr.Textbox:
    """A box whose text is asked about with Enter. Gradio submits with Enter where `lines` is 1, the default."""
    return gr.Textbox(
        value, label=label, info=ENTER_ASKS, placeholder=PLACEHOLDER, max_lines=max_lines, elem_id=elem_id
    )


def anew(payload: dict) -> dict:
    """The payload with a unique number, so that the view always draws it.

    Gradio sends a value only if it differs from the previous one, but the view may have drawn another since."""
    return {**payload, "shown": next(_PAYLOAD_NUMBERS)}


def ask_view(elem_id: str, names: Sequence[str]) -> str:
    """JavaScript for an event without a Python function: the view `elem_id` requests the picture of the event's inputs,
    two texts and the values called `names`.

    The request bypasses Gradio's queue, and the server keeps no copy for the session."""
    return _tell_views("ask", [elem_id], names, f'({SHOW})(document.querySelector("#{elem_id}"));')


def show_form(elem_ids: Sequence[str], names: Sequence[str]) -> str:
    """The same for a changed input: the views learn what the form says now, and grey a picture of something else."""
    return _tell_views("form", elem_ids, names)


def _tell_views(event: str, elem_ids: Sequence[str], names: Sequence[str], then: str = "") -> str:
    return f"""(text1, text2, ...values) => {{
      const named = {json.dumps(names)}.map((name, place) => [name, values[place]]);
      const detail = {{ texts: [text1, text2], ...Object.fromEntries(named) }};
      for (const id of {json.dumps(elem_ids)}) {{
        const host = document.querySelector("#" + id + " .mlm");
        host?.view?.then(() => host.dispatchEvent(new CustomEvent("{event}", {{ detail }})));
      }}
      {then}
    }}"""


def option_number(
    config: type, limits: Mapping[str, int], name: str, value, label: str, precision: int | None = None, *, elem_id: str
) -> gr.Number:
    """A number for the field `name` of the dataclass `config`, with its help and range.

    `limits` are lower maxima for visitors. A value of 0 stands for the default; an empty field is read as 0."""
    metadata = config.__dataclass_fields__[name].metadata
    return gr.Number(
        value,
        label=label,
        info=metadata["help"],
        minimum=0 if value == 0 else metadata["min"],
        maximum=min(metadata["max"], limits.get(name, metadata["max"])),
        precision=precision,
        elem_id=elem_id,
    )
