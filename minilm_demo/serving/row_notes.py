"""What a person is told of the rows of a fine-tune before it starts."""

from __future__ import annotations

import threading
from pathlib import Path

import cachetools

from ..data import AS_SAID, LabelMeaning, draw, features
from ..errors import DemoError
from ..jobs import TrainConfig, evaluate_rows, load_rows, order_hint
from ..models import CATALOG, cached_checkpoint, default_checkpoint, load_tokenizer
from ..results import CutRows, RowFacts, row_notes
from ..tasks import Task

MEASURED_ROWS = 2_000  # rows whose tokens are counted, at most
ASKED_ROWS = 60  # rows that a shipped skill answers, to find labels that mean something else


def notes_before(
    task: Task,
    data: str,
    meaning: LabelMeaning = AS_SAID,
    checkpoint: str = "",
    max_length: int | None = None,
) -> tuple[str, ...]:
    """What a fine-tune on these rows will say of them, as sentences.

    `data` is an argument of `open_source` that needs no network; `checkpoint` and `max_length` are those of the run.
    Raises `DemoError` if the rows cannot be used."""
    return row_notes(_facts(task, data, meaning, checkpoint or default_checkpoint(), max_length))


def _key(task: Task, data: str, meaning: LabelMeaning, checkpoint: str, max_length: int | None) -> tuple:
    changed = Path(data).stat().st_mtime_ns if Path(data).is_file() else 0
    said = tuple(meaning.labels.items()), meaning.score_range, tuple(meaning.columns.items())
    return task.name, task.labels, task.score_range, data, changed, *said, checkpoint, max_length


@cachetools.cached(cachetools.LRUCache(32), key=_key, lock=threading.Lock())
def _facts(task: Task, data: str, meaning: LabelMeaning, checkpoint: str, max_length: int | None) -> RowFacts:
    said = {"labels": meaning.labels or None, "score_range": meaning.score_range, "columns": meaning.columns or None}
    rows = load_rows(task, TrainConfig(data=data, **said))
    facts = rows.describe(_cut_rows(task, rows.train, checkpoint, max_length)).facts
    return facts.with_hints(_order_hints(task, rows.source, facts))


def _cut_rows(task: Task, rows, checkpoint: str, max_length: int | None) -> CutRows | None:
    """How many rows of a sample are longer than the model reads; None if its tokenizer is not on this machine."""
    try:
        tokenizer = load_tokenizer(checkpoint)
    except DemoError:
        return None
    sample, _ = draw(rows, MEASURED_ROWS, seed=0)
    lengths = features.text_lengths(task, tokenizer, sample)
    return features.cut_rows(task, lengths, max_length or task.max_length, features.LENGTHS[-1])


def _order_hints(task: Task, source, facts: RowFacts) -> list[str]:
    """A sentence if the skill that is shipped for the task agrees far better with another meaning of the labels."""
    skill = next((entry for entry in CATALOG.values() if entry.is_skill and task.name in entry.tasks), None)
    if skill is None or not facts.values:
        return []
    result = evaluate_rows(task, cached_checkpoint(skill.name, task), data=source, limit=ASKED_ROWS)
    hint = order_hint(task, result.table, facts.values, f"The {skill.title.split(' (')[0]}")
    return [hint] if hint else []
