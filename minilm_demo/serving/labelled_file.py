"""The labels of a visitor's file, compared with a model's answers: on the page and over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from ..data import AS_SAID, LabelMeaning, draw, open_source
from ..errors import DataError
from ..jobs import evaluate_rows
from ..models import cached_checkpoint
from ..results import ScoredRows
from ..tasks import Task
from .checkpoints import CheckpointReference

FILE_ROWS = 2_000
FILE_CHARACTERS = 2_000_000  # of the texts together: questions read their whole context, window by window


def score_file(
    checkpoint: CheckpointReference,
    task: Task,
    file: Path,
    meaning: LabelMeaning = AS_SAID,
    on_rows: Callable[[str, int, int], None] | None = None,
) -> ScoredRows:
    """Score the rows of a file, or `FILE_ROWS` drawn from them. `on_rows(split, rows done, rows)` follows the work.

    Raises `DataError` for a file without the task's columns, for labels that are not plain, and for texts of more than
    `FILE_CHARACTERS` characters."""
    source = open_source(task, str(file), (), meaning)
    rows, _ = draw(source.read(source.scored_splits[0]), FILE_ROWS, seed=0)
    characters = sum(len(row[field]) for row in rows for field in task.text_fields)
    if characters > FILE_CHARACTERS:
        raise DataError(
            f"The texts have {characters:,} characters together; at most {FILE_CHARACTERS:,} are scored at once. Take "
            "fewer rows."
        )
    model = cached_checkpoint(checkpoint.location, task)
    scored = evaluate_rows(task, model, data=source, limit=FILE_ROWS, on_rows=on_rows)
    return replace(scored, evaluation=replace(scored.evaluation, checkpoint=checkpoint.title))
