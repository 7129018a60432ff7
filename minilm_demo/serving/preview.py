"""Previews of the training rows of a data source: one sentence on the rows, and the first few of them."""

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
    """A sentence and the first rows as text: `cells` [rows][columns]. Without `columns` there is no table."""

    sentence: str
    columns: tuple[str, ...] = ()
    cells: Sequence[Sequence[str]] = ()


def preview_data(task: Task, data: str, file: str | None = None) -> DataPreview:
    """The preview of a task's data. `data` names the source; `file` is the visitor's own file for the source "file"."""
    if data == "hub":  # a preview makes no request; only the Train button fetches from the Hub
        return DataPreview(f"{task.title} {task.dataset[0]} is fetched from the Hub when you press Train.")
    if data == "file":
        return _preview_own_file(task, file)
    return _preview_source(task.name, data)


@functools.lru_cache(64)  # the rows of these sources do not change while the server runs
def _preview_source(name: str, data: str) -> DataPreview:
    task = get_task(name)
    source = open_source(task, data)
    rows = source.read("train")
    first_rows, _ = draw(rows, PREVIEW_ROWS, seed=0)
    sentence = f"{len(rows):,} rows to train on: {source.title}. {_balance(task, rows)}{_too_few(task, data)}"
    return DataPreview(sentence, task.columns, [_cells(task, row) for row in first_rows])


def _cells(task: Task, row: Mapping) -> list[str]:
    """A checked row as text: its fields, then its label in words."""
    return [row[field] for field in task.text_fields] + [kind_of(task).label_words(task, row[task.label_field])]


def _balance(task: Task, rows: Sequence[Mapping]) -> str:
    """The number of rows of each label, in words."""
    return kind_of(task).balance(task, [row[task.label_field] for row in rows])


def _too_few(task: Task, data: str) -> str:
    """What so few rows as the bundled sample's can teach, and from which start; "" where they teach enough."""
    if data != "sample" or (task.sample_teaches and not task.start_from):
        return ""
    skill = CATALOG[task.start_from].title if task.start_from else ""
    start = f" So few rows teach the bundled checkpoint little of this task, so a run starts from the {skill}"
    start = f"{start}; Advanced has other starts." if skill else ""
    doubt = (
        " So few rows teach nearly nothing of this task: expect a score near that of a constant answer, and take the "
        "real data for a better one."
    )
    return start + ("" if task.sample_teaches else doubt)


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
    held_back = "A fifth, at most 1,000 rows, is kept for scoring."
    sentences = (f"{len(rows):,} rows; {guess}.", *table.notes, _balance(task, rows), held_back)
    return DataPreview(" ".join(sentences), columns, cells)
