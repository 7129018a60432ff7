"""Views: results -> what is drawn. Payloads, tables and self-contained HTML; no model, no Gradio."""

from .components import (
    ANSWERS,
    IMPORTANCE,
    PREDICTION,
    RUN,
    SLICE,
    Component,
    Page,
    gradio_parts,
    load_component,
    show,
    standalone_html,
)
from .importance import importance_payload
from .prediction import answers_payload, empty_payload, error_payload, prediction_payload
from .result import result_card
from .run import run_payload
from .slice import slice_payload

__all__ = [
    "ANSWERS",
    "IMPORTANCE",
    "PREDICTION",
    "RUN",
    "SLICE",
    "Component",
    "Page",
    "answers_payload",
    "empty_payload",
    "error_payload",
    "gradio_parts",
    "importance_payload",
    "load_component",
    "prediction_payload",
    "result_card",
    "run_payload",
    "show",
    "slice_payload",
    "standalone_html",
]
