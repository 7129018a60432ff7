"""MiniLM Demo: fine-tune MiniLM, ask it, look inside. The library; it imports and works without Gradio."""

from .attention import trace_attention
from .data import open_source
from .distillation import distillation_targets
from .distilling import DistillConfig, distill
from .errors import DemoError
from .evaluation import evaluate, evaluate_rows
from .finetuning import TrainConfig, finetune
from .importance import word_importance
from .models import CATALOG, load_checkpoint
from .prediction import predict, predict_rows
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
