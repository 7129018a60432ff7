"""What a server of many visitors adds: questions answered together, traces kept, and what a visitor may name."""

from .batching import MOST_AT_ONCE, predict_together
from .traces import AT_ONCE, cached_targets, cached_trace, explained_answer
from .visitor import (
    allowed_checkpoint,
    answers,
    boxed_texts,
    checkpoint_card,
    checkpoint_choices,
    checkpoint_title,
    default_answerer,
    run_task,
    run_tasks,
    run_title,
    starting_points,
    student_choices,
    traceable_choices,
    whole_number,
)

__all__ = [
    "AT_ONCE",
    "MOST_AT_ONCE",
    "allowed_checkpoint",
    "answers",
    "boxed_texts",
    "cached_targets",
    "cached_trace",
    "checkpoint_card",
    "checkpoint_choices",
    "checkpoint_title",
    "default_answerer",
    "explained_answer",
    "predict_together",
    "run_task",
    "run_tasks",
    "run_title",
    "starting_points",
    "student_choices",
    "traceable_choices",
    "whole_number",
]
