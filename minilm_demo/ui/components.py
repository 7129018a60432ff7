"""The components of `views` in Gradio: `gr.HTML` with a static template, mounted by JavaScript."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import gradio as gr

from .. import views
from ..errors import DemoError
from ..views.words import capital

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


def unseen_headings(*names: str) -> gr.Markdown:
    """Headings for screen readers, from the second level down: those of the views below them begin deeper."""
    lines = [f"{'#' * level} {name}" for level, name in enumerate(names, start=2)]
    return gr.Markdown("\n".join(lines), elem_classes="page-unseen")


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


@dataclass(frozen=True)
class NumberBox:
    """A box for a number of a configuration: its words, its range, and the check of what a visitor writes into it.

    Gradio's own check is not used: its message does not say which box is meant."""

    config: type  # a dataclass of options
    limits: Mapping[str, int]  # field -> a lower maximum for visitors
    name: str  # of the field
    label: str
    zero: str = ""  # what 0 stands for; "" if 0 stands for itself or is not allowed
    precision: int | None = 0  # decimal places; None: as many as are written

    def build(self, value: float, elem_id: str, default: float | None = None) -> gr.Number:
        info = f"{capital(self._metadata['help'])}. From {_plain(self._lowest)} to {_plain(self._highest)}."
        return gr.Number(value, label=self.title(default), info=info, precision=self.precision, elem_id=elem_id)

    def title(self, default: float | None = None) -> str:
        """The label with what 0 stands for, and its number where that is known."""
        number = "" if default is None else f", {_plain(default)}"
        return f"{self.label} (0: {self.zero}{number})" if self.zero else self.label

    def read(self, value: float | None) -> float | None:
        """The number in the box; None where the default is meant: for an empty box, or a 0 that stands for it. Raises
        `DemoError` for a number outside the range."""
        if value is None or (value == 0 and self.zero):
            return None
        if not self._lowest <= value <= self._highest:
            way_out = f", or 0 for {self.zero}" if self.zero else ""
            raise DemoError(
                f"“{self.label}” is {_plain(value)}; it can be from {_plain(self._lowest)} to {_plain(self._highest)}"
                f"{way_out}."
            )
        return value

    @property
    def _metadata(self) -> Mapping:
        return self.config.__dataclass_fields__[self.name].metadata

    @property
    def _lowest(self) -> float:
        return self._metadata["min"]

    @property
    def _highest(self) -> float:
        return min(self._metadata["max"], self.limits.get(self.name, self._metadata["max"]))


def _plain(number: float) -> str:
    """A number in digits alone: 0.0000001, 2,147,483,647."""
    return f"{number:,.10f}".rstrip("0").rstrip(".")
