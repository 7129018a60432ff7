"""The components of `views` in Gradio: `gr.HTML` with a static template, mounted by JavaScript."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping, Sequence

import gradio as gr

from .. import views

_PAYLOAD_NUMBERS = itertools.count(1)  # of all visitors


def view(component: views.Component, *, value=None, server: Sequence[Callable] = (), **options) -> gr.HTML:
    """A component of `views` on the page. Its value is the component's payload; `server` are its callbacks.

    It is no subclass of `gr.HTML`, because Gradio writes a stub file beside the source of a subclass."""
    parts = views.gradio_parts(component)
    return gr.HTML(value, server_functions=list(server) or None, **parts, **options)


def anew(payload: dict) -> dict:
    """The payload with a unique number, so that the view always draws it.

    Gradio sends a value only if it differs from the previous one, but the view may have drawn another since."""
    return {**payload, "shown": next(_PAYLOAD_NUMBERS)}


def ask_view(elem_id: str, *names: str) -> str:
    """JavaScript for an event without a Python function: the view `elem_id` requests the picture of the event's inputs,
    two texts and the values called `names`.

    The request bypasses Gradio's queue, and the server keeps no copy for the session."""
    return f"""(text1, text2, ...values) => {{
      const named = {json.dumps(names)}.map((name, place) => [name, values[place]]);
      const detail = {{ texts: [text1, text2], ...Object.fromEntries(named) }};
      const host = document.querySelector("#{elem_id} .mlm");
      host.view.then(() => host.dispatchEvent(new CustomEvent("ask", {{ detail }})));
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
