"""Views: results -> what is drawn. Payloads, tables and self-contained HTML; no model, no Gradio."""

from .components import PREDICTION, RUN, Component, Page, gradio_parts, load_component, show, standalone_html
from .prediction import empty_payload, error_payload, prediction_payload
from .result import result_card
from .run import run_payload

__all__ = [
    "PREDICTION",
    "RUN",
    "Component",
    "Page",
    "empty_payload",
    "error_payload",
    "gradio_parts",
    "load_component",
    "prediction_payload",
    "result_card",
    "run_payload",
    "show",
    "standalone_html",
]
