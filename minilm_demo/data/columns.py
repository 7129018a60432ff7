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

TEXT_NAMES = (
    *("text", "sentence", "review", "message", "comment", "tweet", "content", "sms", "body", "post", "phrase"),
    *("data", "utterance"),
)
LABEL_NAMES = (
    *("label", "labels", "class", "category", "target", "gold_label", "topic", "sentiment", "intent", "stars"),
    *("rating", "score", "grade", "y", "emotion", "tag", "is_duplicate", "similarity", "quality"),
)
# Column of a task -> other names that people give it, for guessing.
SYNONYMS = {
    "sentence": TEXT_NAMES,
    "text": (*TEXT_NAMES, "sentence1", "premise", "text1", "text_a", "question1", "first"),
    "second_text": ("sentence2", "hypothesis", "hypo", "text2", "text_b", "question2", "second"),
    "premise": ("sentence1", "text1", "text_a", "context"),
    "hypothesis": ("sentence2", "hypo", "text2", "text_b", "claim"),
    "sentence1": ("premise", "text1", "text_a", "question1", "first", "#1 string"),
    "sentence2": ("hypothesis", "text2", "text_b", "question2", "second", "#2 string"),
    "question1": ("sentence1", "text1", "q1", "text_a"),
    "question2": ("sentence2", "text2", "q2", "text_b"),
    "question": ("query",),
    "context": ("passage", "paragraph", "text", "document"),
    "label": LABEL_NAMES,
    "answers": ("answer", "answer_text", "answers.text"),
}
# Columns that are read if they are there -> other names that people give them.
EXTRA_COLUMNS = {"id": (), "answer_start": ("answers.answer_start", "start", "answer_start_char", "offset")}


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


def _preview(task: Task, path: Path, table: Table, given: Mapping[str, str] | None = None) -> FilePreview:
    if not table.rows:
        raise DataError(f"{path.name} has no rows.")
    given = {name: column for name, column in (given or {}).items() if column}
    check_columns(given, task.columns, table.columns, path.name)
    guess = guess_columns(task, table.columns, given)
    first = tuple(
        {column: "" if row[column] is None else str(row[column]) for column in table.columns} for row in table.rows[:5]
    )
    missing = tuple(column for column in task.columns if column not in guess)
    return FilePreview(table.columns, guess, missing, first, len(table.rows), table.notes)


def check_columns(given: Mapping[str, str], names: Sequence[str], columns: Sequence[str], where: str) -> None:
    """Raise `DataError` for a name that is no column of the task (`names`) or of the file (`columns`)."""
    for name, column in given.items():
        if name not in names:
            raise DataError(f"columns names '{name}'; the columns of this task are {', '.join(names)}.")
        if column not in columns:
            raise DataError(f"{where} has no column '{column}'. It has: {', '.join(columns)}.")


def guess_columns(task: Task, columns: Sequence[str], given: Mapping[str, str] | None = None) -> dict[str, str]:
    """Column of the task -> column of the file; those in `given` are as a person chose them. Each column of the file is
    used once."""
    by_name = {column.strip().casefold(): column for column in reversed(columns)}
    guess = dict(given or {})
    for field in task.columns:  # exact names first, so that a synonym never takes another field's column
        if field not in guess and field in by_name and by_name[field] not in guess.values():
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


def _extra_columns(preview: FilePreview) -> dict[str, str]:
    """Each of `EXTRA_COLUMNS` that the file has -> its column of the file."""
    by_name = {column.strip().casefold(): column for column in preview.columns if column not in preview.guess.values()}
    found = {name: [by_name[n] for n in (name, *others) if n in by_name] for name, others in EXTRA_COLUMNS.items()}
    return {name: columns[0] for name, columns in found.items() if columns}


def rows_of_table(task: Task, table: Table, name: str, meaning: LabelMeaning = AS_SAID) -> CheckedRows:
    """The checked rows of the table of a file called `name`. Raises `DataError`."""
    preview = _preview(task, Path(name), table, meaning.columns)
    require_plain(table, preview.guess, name, task.text_fields)
    needed = task.columns if meaning.needed else task.text_fields
    if missing := [column for column in preview.missing if column in needed]:
        raise DataError(
            f"{name} has no column for {' and '.join(missing)}. Found: {', '.join(preview.columns)}. "
            f"Needed: {', '.join(needed)}. First row: {show_row(preview.first_rows[0])}"
        )
    extra = _extra_columns(preview)
    raw = [{field: row.get(column) for field, column in (extra | preview.guess).items()} for row in table.rows]
    names = table.label_names.get(preview.guess.get(task.label_field))
    return check_rows(task, raw, names, name, meaning, notes=table.notes)
