"""MiniLM Demo: fine-tune MiniLM, ask it, look inside. The library; it imports and works without Gradio."""

from .data import open_source
from .errors import DemoError
from .jobs import (
    DistillConfig,
    TrainConfig,
    distill,
    distillation_targets,
    evaluate,
    evaluate_rows,
    finetune,
    predict,
    predict_rows,
    trace_attention,
    word_importance,
)
from .models import CATALOG, load_checkpoint
from .tasks import SKILLS, TASKS, get_task

__all__ = [
    "CATALOG",
    "SKILLS",
    "TASKS",
    "DemoError",
    "DistillConfig",
    "TrainConfig",
    "distill",
    "distillation_targets",
    "evaluate",
    "evaluate_rows",
    "finetune",
    "get_task",
    "load_checkpoint",
    "open_source",
    "predict",
    "predict_rows",
    "trace_attention",
    "word_importance",
]
