"""Views: results as payloads of the page's components, as JSON documents, figures and self-contained HTML pages.

Views load neither a model nor Gradio."""

from . import words
from .ablation import ablation_payload, experiment_state, longer_distillation
from .attention import attention_payload, frames_payload, head_payload, row_payload
from .bundle import version
from .code import Snippet, importance_code, prediction_code, rows_code, run_code
from .components import (
    ABLATION,
    ADDRESS,
    ANSWERS,
    ATTENTION,
    FIGURE,
    IMPORTANCE,
    MICROSCOPE,
    PLOTLY_ADDRESS,
    PREDICTION,
    ROWS,
    RUN,
    STUDENT,
    Component,
    gradio_parts,
    served_file,
    standalone_html,
)
from .distillation import microscope_payload, probed_frames, target_head_payload, target_row_payload
from .distilled import texts_seen
from .figures import divergence_figure, figure, figure_payload, figure_table, learning_curves
from .importance import importance_payload
from .kinds import kind_of
from .markdown import markdown_blocks
from .plotly_js import plotly_js
from .prediction import answers_payload, ask_payload, error_payload, expected_answer, prediction_payload
from .result import result_card, rows_seen
from .run import RUNS, run_payload
from .scored_rows import scored_rows_payload
from .show import Page, show
from .student_maps import student_maps
from .weights import floats

__all__ = [
    "ABLATION",
    "ADDRESS",
    "ANSWERS",
    "ATTENTION",
    "FIGURE",
    "IMPORTANCE",
    "MICROSCOPE",
    "PLOTLY_ADDRESS",
    "PREDICTION",
    "ROWS",
    "RUN",
    "RUNS",
    "STUDENT",
    "Component",
    "Page",
    "Snippet",
    "ablation_payload",
    "answers_payload",
    "ask_payload",
    "attention_payload",
    "divergence_figure",
    "error_payload",
    "expected_answer",
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
    "longer_distillation",
    "markdown_blocks",
    "microscope_payload",
    "plotly_js",
    "prediction_code",
    "prediction_payload",
    "probed_frames",
    "result_card",
    "row_payload",
    "rows_code",
    "rows_seen",
    "run_code",
    "run_payload",
    "scored_rows_payload",
    "served_file",
    "show",
    "standalone_html",
    "student_maps",
    "target_head_payload",
    "target_row_payload",
    "texts_seen",
    "version",
    "words",
]
