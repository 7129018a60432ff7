"""The titles of runs in lists: the name that a person gave, the kind of the run, its time, data, and score or size."""

from __future__ import annotations

from pathlib import Path

from ..data import short_name
from ..models import short_title
from ..results import AblationResult, DistillResult, FinetuneResult
from ..tasks import get_task
from ..views import words
from .clock import local_time
from .records import RunRecord

SOURCES = {"sample": "sample", "mirror": "local mirror", "hub": "Hub"}  # kind of a source -> its name in titles


def finetune_title(record: RunRecord, result: FinetuneResult | None) -> str:
    """ "SST-2 run of 14:05:09, sample, Accuracy 83.0 %"; without the score before the run has one."""
    task = get_task(record.task)
    source = result.evaluation.data_source.kind if result else ""
    title = _titled(record, f"{task.title.split(':')[0]} run", source)
    if result is None:
        return title
    scores = next(iter(result.evaluation.metrics.values()))
    metric = task.metrics[0]
    return f"{title}, {words.metric_name(metric)} {words.score(metric, scores[metric])}"


def student_title(record: RunRecord, result: DistillResult | None) -> str:
    """ "Student of 14:05:09, sample, 3 x 192, taught by all-MiniLM-L6-v2"; without size and teacher before its end."""
    title = _titled(record, "Student", result.data_source.kind if result else "")
    if result is None:
        return title
    return f"{title}, {result.layers} x {result.hidden_size}, taught by {short_title(result.teacher)}"


def experiment_title(record: RunRecord, result: AblationResult | None) -> str:
    """ "Experiment of 14:05:09, sample"."""
    return _titled(record, "Experiment", result.data_source.kind if result else "")


def data_name(record: RunRecord, kind: str = "") -> str:
    """The name of a run's data: of a visitor's file the name it had, else the last part of its path. `kind` is that of
    the result's source; "" before there is one. "" if the source is not known yet."""
    if record.upload:
        return Path(record.upload).name
    data = record.config.data
    return SOURCES.get(kind) or SOURCES.get(data) or ("" if data == "auto" else short_name(Path(data)))


def _titled(record: RunRecord, what: str, kind: str) -> str:
    """The name that a person gave, what the run is, its time, and its data."""
    named = f"{record.name}: {what}" if record.name else what
    return ", ".join(filter(None, (f"{named} of {local_time(record.created)}", data_name(record, kind))))
