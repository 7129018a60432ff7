"""A user's own file: its columns matched to those of a task, and its checked rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import DataError
from ..tasks import Task
from .files import Table, read_table, require_plain
from .labels import LabelMeaning
from .rows import AS_SAID, CheckedRows, check_rows, show_row

# Column of a task -> other names that people give it, for guessing.
SYNONYMS = {
    "sentence": ("text", "review", "content", "comment", "phrase", "tweet", "message", "data", "utterance"),
    "premise": ("sentence1", "text1", "text_a", "context"),
    "hypothesis": ("sentence2", "hypo", "text2", "text_b", "claim"),
    "sentence1": ("premise", "text1", "text_a", "question1", "first", "#1 string"),
    "sentence2": ("hypothesis", "text2", "text_b", "question2", "second", "#2 string"),
    "question1": ("sentence1", "text1", "q1", "text_a"),
    "question2": ("sentence2", "text2", "q2", "text_b"),
    "question": ("query",),
    "context": ("passage", "paragraph", "text", "document"),
    "label": ("labels", "class", "category", "target", "gold_label", "sentiment", "score", "rating", "y")
    + ("is_duplicate", "quality", "similarity"),
    "answers": ("answer", "answer_text"),
}


@dataclass(frozen=True)
class FilePreview:
    """A file as a task sees it: its columns, the guess which is which, and its first rows unchanged."""

    columns: tuple[str, ...]
    guess: Mapping[str, str]  # column of the task -> column of the file
    missing: tuple[str, ...]  # columns of the task without a match
    first_rows: tuple[Mapping[str, str], ...]
    rows: int
    notes: tuple[str, ...] = ()  # sentences on how the file was read


def preview_file(task: Task, path: Path) -> FilePreview:
    """A file's columns, matched by name regardless of case, then by synonyms, never by position; and its first rows.
    Raises `DataError`."""
    return _preview(task, Path(path), read_table(Path(path)))


def _preview(task: Task, path: Path, table: Table) -> FilePreview:
    if not table.rows:
        raise DataError(f"{path.name} has no rows.")
    guess = guess_columns(task, table.columns)
    first = tuple(
        {column: "" if row[column] is None else str(row[column]) for column in table.columns} for row in table.rows[:5]
    )
    missing = tuple(column for column in task.columns if column not in guess)
    return FilePreview(table.columns, guess, missing, first, len(table.rows), table.notes)


def guess_columns(task: Task, columns: Sequence[str]) -> dict[str, str]:
    """Column of the task -> column of the file. Each column of the file is used once."""
    by_name = {column.strip().casefold(): column for column in reversed(columns)}
    guess: dict[str, str] = {}
    for field in task.columns:  # exact names first, so that a synonym never takes another field's column
        if field in by_name:
            guess[field] = by_name[field]
    for field in task.columns:
        for name in SYNONYMS.get(field, ()):
            if field not in guess and name in by_name and by_name[name] not in guess.values():
                guess[field] = by_name[name]
    return guess


def read_file(task: Task, path: Path, meaning: LabelMeaning = AS_SAID) -> CheckedRows:
    """The checked rows of a file. Raises `DataError`."""
    path = Path(path)
    return rows_of_table(task, read_table(path), path.name, meaning)


def rows_of_table(task: Task, table: Table, name: str, meaning: LabelMeaning = AS_SAID) -> CheckedRows:
    """The checked rows of the table of a file called `name`. Raises `DataError`."""
    preview = _preview(task, Path(name), table)
    require_plain(table, preview.guess, name, task.text_fields)
    needed = task.columns if meaning.needed else task.text_fields
    if missing := [column for column in preview.missing if column in needed]:
        raise DataError(
            f"{name} has no column for {' and '.join(missing)}. Found: {', '.join(preview.columns)}. "
            f"Needed: {', '.join(needed)}. First row: {show_row(preview.first_rows[0])}"
        )
    extra_columns = ("id", "answer_start")
    raw = [
        {name: row[name] for name in extra_columns if name in row}
        | {field: row.get(column) for field, column in preview.guess.items()}
        for row in table.rows
    ]
    names = table.label_names.get(preview.guess.get(task.label_field))
    return check_rows(task, raw, names, name, meaning, notes=table.notes)
