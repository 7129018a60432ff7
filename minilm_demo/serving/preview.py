"""A look at the rows that a fine-tune would learn from: one sentence on them, and the first few."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..data import draw, open_source, preview_file
from ..errors import DataError
from ..models import CATALOG
from ..tasks import Task, get_task
from ..views import kind_of

PREVIEW_ROWS = 6


@dataclass(frozen=True)
class DataPreview:
    """`cells` holds the first rows as text, one for each of `columns`; without columns there is nothing to show."""

    sentence: str
    columns: tuple[str, ...] = ()
    cells: Sequence[Sequence[str]] = ()


def preview_data(task: Task, data: str, file: str | None = None) -> DataPreview:
    """What there is of a task's data: `data` names the source, `file` is the visitor's own one for "file"."""
    if data == "hub":  # only the Train button goes to the Hub
        return DataPreview(f"{task.title} {task.dataset[0]} is fetched from the Hub when you press Train.")
    if data == "file":
        return _preview_own_file(task, file)
    return _preview_source(task.name, data)


@functools.lru_cache(64)  # the rows behind these names do not change while the server runs
def _preview_source(name: str, data: str) -> DataPreview:
    task = get_task(name)
    source = open_source(task, data)
    rows = source.read("train")
    first_rows, _ = draw(rows, PREVIEW_ROWS, seed=0)
    sentence = f"{len(rows):,} rows to train on: {source.title}. {_balance(task, rows)}{_too_few(task, data)}"
    return DataPreview(sentence, task.columns, [_cells(task, row) for row in first_rows])


def _cells(task: Task, row: Mapping) -> list[str]:
    """A checked row as text: its fields, then what its label means."""
    return [row[field] for field in task.text_fields] + [kind_of(task).label_words(task, row[task.label_field])]


def _balance(task: Task, rows: Sequence[Mapping]) -> str:
    """How many rows of each label there are, in words."""
    return kind_of(task).balance(task, [row[task.label_field] for row in rows])


def _too_few(task: Task, data: str) -> str:
    """What the bundled sample cannot teach, and where to start instead."""
    if data != "sample" or task.sample_teaches:
        return ""
    instead = "take the real data"
    if task.start_from in CATALOG:
        instead += f", or start from the shipped {task.start_from} skill (under Advanced)"
    return f" So few rows teach the bundled checkpoint little of this task: for a better score {instead}."


def _preview_own_file(task: Task, file: str | None) -> DataPreview:
    if not file:
        return DataPreview(f"Choose a file with the columns {', '.join(task.columns)}.")
    table = preview_file(task, Path(file))
    columns, cells = tuple(table.columns), [list(row.values()) for row in table.first_rows]
    guess = ", ".join(f"{field} ← {column}" for field, column in table.guess.items())
    if table.missing:
        missing = " and ".join(table.missing)
        sentence = f"No column for {missing}. Found so far: {guess or 'none'}. Rename it and try again."
        return DataPreview(sentence, columns, cells)
    try:
        rows = open_source(task, file).read("all")
    except DataError as error:
        return DataPreview(str(error), columns, cells)
    kept = "A fifth, at most 1,000 rows, is kept for scoring."
    return DataPreview(f"{len(rows):,} rows; {guess}. {_balance(task, rows)} {kept}", columns, cells)
