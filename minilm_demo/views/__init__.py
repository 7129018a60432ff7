"""Views: results -> what is drawn. Payloads, tables and self-contained HTML; no model, no Gradio."""

from . import words
from .ablation import ablation_payload, experiment_state, longer_distillation
from .attention import attention_payload, frames_payload, head_payload, row_payload
from .bundle import version
from .code import Snippet, importance_code, prediction_code, run_code, slice_code
from .components import (
    ABLATION,
    ADDRESS,
    ANSWERS,
    ATTENTION,
    FIGURE,
    IMPORTANCE,
    LESSON,
    MICROSCOPE,
    PLOTLY_ADDRESS,
    PREDICTION,
    RUN,
    SLICE,
    Component,
    gradio_parts,
    served_file,
    standalone_html,
)
from .distillation import microscope_payload, probed_frames, target_head_payload, target_row_payload
from .figures import divergence_figure, figure, figure_payload, figure_table, learning_curves
from .importance import importance_payload
from .kinds import kind_of
from .lesson import lesson_maps
from .plotly_js import plotly_js
from .prediction import answers_payload, error_payload, prediction_payload
from .result import result_card
from .run import RUNS, run_payload
from .show import Page, show
from .slice import slice_payload
from .weights import floats

__all__ = [
    "ABLATION",
    "ADDRESS",
    "ANSWERS",
    "ATTENTION",
    "FIGURE",
    "IMPORTANCE",
    "LESSON",
    "MICROSCOPE",
    "PLOTLY_ADDRESS",
    "PREDICTION",
    "RUN",
    "RUNS",
    "SLICE",
    "Component",
    "Page",
    "Snippet",
    "ablation_payload",
    "answers_payload",
    "attention_payload",
    "divergence_figure",
    "error_payload",
    "experiment_state",
    "figure",
    "figure_payload",
    "figure_table",
    "floats",
    "frames_payload",
    "gradio_parts",
    "head_payload",
    "importance_code",
    "importance_payload",
    "kind_of",
    "learning_curves",
    "lesson_maps",
    "longer_distillation",
    "microscope_payload",
    "plotly_js",
    "prediction_code",
    "prediction_payload",
    "probed_frames",
    "result_card",
    "row_payload",
    "run_code",
    "run_payload",
    "served_file",
    "show",
    "slice_code",
    "slice_payload",
    "standalone_html",
    "target_head_payload",
    "target_row_payload",
    "version",
    "words",
]
