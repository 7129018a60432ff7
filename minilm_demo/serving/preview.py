"""Previews of the training rows of a data source: one sentence on the rows, and the first few of them."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..data import (
    AS_SAID,
    LabelMeaning,
    UnclearColumns,
    draw,
    example_of,
    open_source,
    own_table,
    preview_file,
    whole_table,
)
from ..errors import DataError
from ..models import CATALOG
from ..tasks import Task, get_task
from ..views import kind_of
from .row_notes import notes_before

PREVIEW_ROWS = 6
MOST_SHOWN = 6  # classes of which a row is shown


@dataclass(frozen=True)
class DataPreview:
    """A sentence, the first rows as text (`cells` [rows][columns]; without `columns` there is no table), and sentences
    on all rows."""

    sentence: str
    columns: tuple[str, ...] = ()
    cells: Sequence[Sequence[str]] = ()
    notes: tuple[str, ...] = ()
    can_train: bool = True  # False while no run can start from these rows
    guess: Mapping[str, str] = field(default_factory=dict)  # column of the task -> column of the file
    fits_own: bool = False  # whether a file that this task refuses makes a task of its own


def preview_data(
    task: Task,
    data: str,
    file: str | None = None,
    meaning: LabelMeaning = AS_SAID,
    target: str = "auto",
    checkpoint: str = "",
    max_length: int | None = None,
) -> DataPreview:
    """The preview of a task's data, and what a run with this checkpoint and length will say of them.

    `data` names the source; `file` is the visitor's own file for the source "file", `meaning` what was said of its
    columns and labels, and `target` what its labels are taken for."""
    if data == "hub":  # a preview makes no request; only the Train button fetches from the Hub
        return DataPreview(f"{task.title} {task.dataset[0]} is fetched from the Hub when you press Train.")
    if data == "file":
        return _preview_own_file(task, file, meaning, target, checkpoint, max_length)
    preview = _preview_source(task.name, data)
    return replace(preview, notes=notes_before(task, data, checkpoint=checkpoint, max_length=max_length))


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


def _preview_own_file(
    task: Task, file: str | None, meaning: LabelMeaning, target: str, checkpoint: str, max_length: int | None
) -> DataPreview:
    if not file:
        needed = "texts and what each is" if task.is_open else ", ".join(task.columns)
        return DataPreview(f"Choose a file with the columns {needed}.", can_train=False)
    try:
        table = preview_file(task, Path(file))
    except DataError as error:
        return DataPreview(str(error), can_train=False)
    columns, cells = tuple(table.columns), [list(row.values()) for row in table.first_rows]
    meaning = replace(meaning, columns={name: column for name, column in meaning.columns.items() if column in columns})
    shown = DataPreview("", columns, cells, guess=meaning.columns)
    try:
        said = ""
        if task.is_open:
            own = own_table(whole_table(Path(file)), Path(file).name, meaning, target)
            task, meaning, said = own.task, replace(meaning, columns=own.columns), own.meaning
        rows = open_source(task, file, meaning=meaning).read("all")
        notes = notes_before(task, file, meaning, checkpoint, max_length)
    except DataError as error:
        guess = {**table.guess, **meaning.columns} if not task.is_open else meaning.columns
        return replace(shown, sentence=str(error), can_train=False, guess=guess, fits_own=_fits_own(task, file))
    notes = (*_one_of_each(task, rows), *notes)
    guess = {**table.guess, **meaning.columns}
    taken = ", ".join(f"{name} ← {column}" for name, column in guess.items())
    held_back = "A fifth, at most 1,000 rows, is kept for scoring."
    sentences = (f"{len(rows):,} rows; {taken}.", said or _balance(task, rows), held_back)
    sentence = " ".join(filter(None, dict.fromkeys(sentences)))
    return replace(shown, sentence=sentence, guess=guess, notes=notes)


def _one_of_each(task: Task, rows: Sequence[Mapping]) -> tuple[str, ...]:
    """A sentence with one row of each class of a person's own table, whose names may be numbers."""
    if not task.own or not task.labels:
        return ()
    first = {}
    for row in rows:
        first.setdefault(task.labels[row[task.label_field]], row)
    shown = [label for label in task.labels if label in first][:MOST_SHOWN]
    return (f"One row of each: {'; '.join(f'{label}: “{example_of(task, first[label])}”' for label in shown)}.",)


def _fits_own(task: Task, file: str) -> bool:
    """Whether a file that a task refuses makes a task of its own."""
    if task.own:
        return False
    try:
        own_table(whole_table(Path(file)), Path(file).name)
    except UnclearColumns:
        return True
    except DataError:
        return False
    return True
