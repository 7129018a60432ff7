"""Checked rows (text fields as text, the label as the task's id), random samples of them, and held-back rows."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence

from ..errors import DataError, DemoError
from ..tasks import Task
from .kinds import kind_of


def label_names_of(features, task: Task) -> Sequence[str] | None:
    return getattr(features.get(task.label_field), "names", None)


def usable_rows(task: Task, rows: list[dict]) -> list[dict]:
    """The rows to learn from and to score. Rows without an answer are dropped if the task has no unanswerable
    questions."""
    kind = kind_of(task)
    return [row for row in rows if kind.is_usable(task, row[task.label_field])]


def check_rows(task: Task, raw: Sequence[Mapping], names: Sequence[str] | None, where: str) -> list[dict]:
    """Rows with exactly the task's columns, labels as its ids. `names` is the source's own order of class names, if it
    has one; `where` names the source in a `DataError`."""
    if not raw:
        return []
    missing = [column for column in task.columns if column not in raw[0]]
    if missing:
        raise DataError(
            f"{where} has no column for {' and '.join(missing)}. Found: {', '.join(map(str, raw[0]))}. "
            f"Needed: {', '.join(task.columns)}. First row: {show_row(raw[0])}"
        )
    kind, rows = kind_of(task), []
    for number, row in enumerate(raw, 1):
        try:
            row = dict.fromkeys(task.columns) | row  # a JSON line may leave a column out
            checked = {field: _text(row[field], field) for field in task.text_fields}
            checked[task.label_field] = kind.read_label(task, row, names)
        except DemoError as error:
            raise DataError(f"{where}, row {number}: {error} Row: {show_row(row)}") from error
        if "id" in row:
            checked["id"] = str(row["id"])
        rows.append(checked)
    return rows


def _text(value, field: str) -> str:
    text = "" if value is None else str(value)
    if not text.strip():
        raise DataError(f"the column {field} is empty.")
    return encodable(text)


def encodable(text: str) -> str:
    """The text with unpaired surrogates, which JSON can hold and UTF-8 cannot, as "?". Offsets stay valid."""
    return text.encode("utf-8", "replace").decode("utf-8")


def show_row(row: Mapping) -> str:
    return json.dumps({key: str(value)[:60] for key, value in row.items()}, ensure_ascii=False)


MAX_HELD_BACK = 1000
MIN_ROWS_TO_HOLD_BACK = 500


def draw(rows: Sequence[dict], number: int | None, seed: int) -> tuple[list[dict], list[dict]]:
    """`number` rows drawn at random by `seed`, and the rest. All rows, in their order, if `number` is None or too
    large."""
    if number is None or number >= len(rows):
        return list(rows), []
    order = random.Random(seed).sample(range(len(rows)), len(rows))
    return [rows[index] for index in order[:number]], [rows[index] for index in order[number:]]


def hold_back(rows: list[dict], rest: list[dict], seed: int) -> tuple[list[dict], list[dict]]:
    """Rows to train on, and held-back rows to choose the best checkpoint by.

    A tenth of the rows is held back, at most 1,000, none of fewer than 500. Held-back rows come from `rest`,
    the train rows that were not drawn, if it has enough, else from `rows`."""
    number = min(MAX_HELD_BACK, len(rows) // 10)
    if len(rows) < MIN_ROWS_TO_HOLD_BACK:
        return rows, []
    if len(rest) >= number:
        return rows, rest[:number]
    held_back, remaining = draw(rows, number, seed)
    return remaining, held_back


def require_rows(task: Task, rows: Sequence, split: str, at_least: int = 1) -> None:
    if len(rows) < at_least:
        raise DataError(f"{task.name} {split} has {len(rows)} rows; at least {at_least} are needed.")
