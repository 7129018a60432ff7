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
    IMPORTANCE,
    LESSON,
    MICROSCOPE,
    PREDICTION,
    RUN,
    SLICE,
    Component,
    gradio_parts,
    served_file,
    standalone_html,
)
from .distillation import microscope_payload, probed_frames, target_head_payload, target_row_payload
from .importance import importance_payload
from .kinds import kind_of
from .lesson import lesson_maps
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
    "IMPORTANCE",
    "LESSON",
    "MICROSCOPE",
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
    "error_payload",
    "experiment_state",
    "floats",
    "frames_payload",
    "gradio_parts",
    "head_payload",
    "importance_code",
    "importance_payload",
    "kind_of",
    "lesson_maps",
    "longer_distillation",
    "microscope_payload",
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
