"""MiniLM Demo: fine-tune MiniLM, ask it, look inside. The library; it imports and works without Gradio."""

from .data import open_source
from .errors import DemoError
from .evaluation import evaluate
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
    "TrainConfig",
    "evaluate",
    "finetune",
    "get_task",
    "load_checkpoint",
    "open_source",
    "predict",
    "predict_rows",
    "word_importance",
]
