"""Our own components as Gradio sees them: `gr.HTML` with a static template, mounted by the JavaScript of `views`."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping, Sequence

import gradio as gr

from .. import views

_SHOWN = itertools.count(1)  # pictures that were given to a view, of all visitors


def view(component: views.Component, *, value=None, server: Sequence[Callable] = (), **options) -> gr.HTML:
    """A component of `views` on the page. Its value is the component's payload; `server` are its callbacks.

    A function and no subclass: for a subclass Gradio writes a stub file beside the source."""
    parts = views.gradio_parts(component)
    return gr.HTML(value, server_functions=list(server) or None, **parts, **options)


def anew(payload: dict) -> dict:
    """The payload as one that its view draws in any case. Gradio tells a view of a value only if it differs from the
    one before, and does not know what the view has asked the server for meanwhile."""
    return {**payload, "shown": next(_SHOWN)}


def ask_view(elem_id: str, *names: str) -> str:
    """JavaScript for an event without a function: the view `elem_id` asks the server for the picture of the event's
    inputs, two texts and then what is called `names`; past the queue, and the server keeps no copy for the visitor."""
    return f"""(text1, text2, ...values) => {{
      const named = {json.dumps(names)}.map((name, place) => [name, values[place]]);
      const detail = {{ texts: [text1, text2], ...Object.fromEntries(named) }};
      const host = document.querySelector("#{elem_id} .mlm");
      host.view.then(() => host.dispatchEvent(new CustomEvent("ask", {{ detail }})));
    }}"""


def option_number(
    config: type, limits: Mapping[str, int], name: str, value, label: str, precision: int | None = None, *, elem_id: str
) -> gr.Number:
    """The field `name` of a run's configuration: its help and limits are read there, and a visitor's in `limits`.

    A value of 0 stands for the default; an empty field comes back as 0."""
    known = config.__dataclass_fields__[name].metadata
    return gr.Number(
        value,
        label=label,
        info=known["help"],
        minimum=0 if value == 0 else known["min"],
        maximum=min(known["max"], limits.get(name, known["max"])),
        precision=precision,
        elem_id=elem_id,
    )
