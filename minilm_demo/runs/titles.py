"""The titles of runs in lists: the kind of the run, its time of day, and its score or size."""

from __future__ import annotations

from ..models import short_title
from ..results import AblationResult, DistillResult, FinetuneResult
from ..tasks import get_task
from ..views import words
from .records import RunRecord


def finetune_title(record: RunRecord, result: FinetuneResult | None) -> str:
    """ "SST-2 run of 14:05 UTC, Accuracy 83.0 %"; without the score before the run has one."""
    task = get_task(record.task)
    name = f"{task.title.split(':')[0]} run of {_time(record)}"
    if result is None:
        return name
    scores = next(iter(result.evaluation.metrics.values()))
    metric = task.metrics[0]
    return f"{name}, {words.metric_name(metric)} {words.score(metric, scores[metric])}"


def student_title(record: RunRecord, result: DistillResult | None) -> str:
    """ "Student of 14:05 UTC, 3 x 192, taught by all-MiniLM-L6-v2"; without size and teacher before its end."""
    name = f"Student of {_time(record)}"
    if result is None:
        return name
    return f"{name}, {result.layers} x {result.hidden_size}, taught by {short_title(result.teacher)}"


def experiment_title(record: RunRecord, result: AblationResult | None) -> str:
    """ "Experiment of 14:05 UTC"."""
    return f"Experiment of {_time(record)}"


def _time(record: RunRecord) -> str:
    return f"{record.created[11:16]} UTC"
