"""Our own components as Gradio sees them: `gr.HTML` with a static template, mounted by the JavaScript of `views`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import gradio as gr

from .. import views


class View(gr.HTML):
    """A component of `views` on the page. Its value is the component's payload, a dict of JSON values."""

    def __init__(self, component: views.Component, value=None, *, server: Sequence[Callable] = (), **options):
        parts = views.gradio_parts(component)
        super().__init__(value=value, server_functions=list(server) or None, **parts, **options)

    def api_info(self):
        return {"type": "object"}
