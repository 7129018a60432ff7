"""MiniLM Demo: fine-tune MiniLM, ask it, look inside. The library; it imports and works without Gradio.

A public name is imported when it is first asked for, so that `import minilm_demo.views` loads no job and no model."""

import importlib
import os
from typing import TYPE_CHECKING

# OpenMP threads that wait for each other sleep instead of spinning. On a busy machine spinning threads hold the cores
# that the others need: an update took 0.2 s this way beside a second training, and did not end within minutes the other
# way. The OpenMP library reads it once, when torch is imported. Every door (page, command line, examples, torchrun, the
# process that trains) imports this package before torch; a program that imported torch first keeps what it has.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

if TYPE_CHECKING:
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
_ROOMS = {
    "CATALOG": "models",
    "SKILLS": "tasks",
    "TASKS": "tasks",
    "DemoError": "errors",
    "get_task": "tasks",
    "load_checkpoint": "models",
    "open_source": "data",
}  # where a public name is defined; the others are jobs


def __getattr__(name: str):
    if name not in __all__:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return getattr(importlib.import_module(f".{_ROOMS.get(name, 'jobs')}", __name__), name)


def __dir__() -> list[str]:
    return __all__
