"""Our own components as Gradio sees them: `gr.HTML` with a static template, mounted by the JavaScript of `views`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import gradio as gr

from .. import views


def view(component: views.Component, *, value=None, server: Sequence[Callable] = (), **options) -> gr.HTML:
    """A component of `views` on the page. Its value is the component's payload; `server` are its callbacks.

    A function and no subclass: for a subclass Gradio writes a stub file beside the source."""
    parts = views.gradio_parts(component)
    return gr.HTML(value, server_functions=list(server) or None, **parts, **options)
