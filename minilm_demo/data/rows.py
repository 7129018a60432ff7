"""Checked rows: text fields as text, the label as the task's id. What cannot be used is left out and counted."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from ..errors import DataError
from ..results import FIRST_ROWS, RowFacts, RowGroup, SplitFacts, group_words, joined_facts
from ..tasks import Task
from .kinds import kind_of, same_text
from .labels import Column, LabelMeaning, NoLabels, Unusable

AS_SAID = LabelMeaning()  # nothing was said of the label column
MOST_REASONS = 12  # of one message


@dataclass(frozen=True)
class CheckedRows:
    """Rows that can be used, and how they were read."""

    rows: list[dict]
    facts: RowFacts = field(default_factory=RowFacts)


def joined_rows(parts: Sequence[CheckedRows]) -> CheckedRows:
    rows = [row for part in parts for row in part.rows]
    return CheckedRows(rows, joined_facts([part.facts for part in parts]))


def label_names_of(features, task: Task) -> Sequence[str] | None:
    return getattr(features.get(task.label_field), "names", None)


def check_rows(
    task: Task,
    raw: Sequence[Mapping],
    names: Sequence[str] | None,
    where: str,
    meaning: LabelMeaning = AS_SAID,
    *,
    asks: bool = True,
    notes: Sequence[str] = (),
) -> CheckedRows:
    """The usable rows with exactly the task's columns, labels as its ids. Every row is read, whatever is wrong with
    others.

    `names` is the source's own order of class names, if it has one; `where` names the source. `asks`: whether a label
    column that may mean several things is refused; `notes`: sentences on how the file was read. Raises `DataError` with
    all reasons if most rows cannot be used, and for missing columns."""
    if not raw:
        return CheckedRows([])
    columns = task.columns if meaning.needed else task.text_fields
    missing = [column for column in columns if all(column not in row for row in raw)]
    if missing:
        raise DataError(
            f"{where} has no column for {' and '.join(missing)}. Found: {', '.join(map(str, raw[0]))}. "
            f"Needed: {', '.join(columns)}. First row: {show_row(raw[0])}"
        )
    filled = [dict.fromkeys(task.columns) | dict(row) for row in raw]  # a JSON line may leave a column out
    column = Column(filled, names, meaning, where, asks)
    reader = kind_of(task).reader(task, column) if meaning.needed else NoLabels()
    rows, numbers = [], {}  # reason -> numbers of the rows
    for number, row in enumerate(filled, 1):
        try:
            checked = {name: _text(row[name], name) for name in task.text_fields}
            checked[task.label_field] = reader.read(row)
        except Unusable as reason:
            numbers.setdefault(str(reason), []).append(number)
            continue
        if "id" in row:
            checked["id"] = str(row["id"])
        rows.append(checked)
    left_out = tuple(
        RowGroup(reason, len(found), tuple(found[:FIRST_ROWS]), where)
        for reason, found in sorted(numbers.items(), key=lambda item: -len(item[1]))
    )
    if 2 * len(rows) < len(raw):
        raise DataError(_refusal(task, raw, left_out, where))
    return CheckedRows(rows, RowFacts(len(raw), left_out, reader.values, reader.scale, file_notes=tuple(notes)))


def _refusal(task: Task, raw: Sequence[Mapping], left_out: Sequence[RowGroup], where: str) -> str:
    """Why a source is refused: every reason, with the first row that has it."""
    number = sum(group.rows for group in left_out)
    reasons = "; ".join(group_words(replace(group, where="")) for group in left_out[:MOST_REASONS])
    more = f"; and {len(left_out) - MOST_REASONS} more reasons" if len(left_out) > MOST_REASONS else ""
    first = raw[left_out[0].first[0] - 1]
    return (
        f"{where}: {number:,} of {len(raw):,} row{'' if len(raw) == 1 else 's'} cannot be used: {reasons}{more}. "
        f"The first of them: {show_row({name: first.get(name) for name in task.columns})}"
    )


def _text(value, name: str) -> str:
    text = "" if value is None or value != value else str(value)  # a missing cell of a table is not equal to itself
    if not text.strip():
        raise Unusable(f"the column {name} is empty")
    return encodable(text)


def encodable(text: str) -> str:
    """The text with unpaired surrogates, which JSON can hold and UTF-8 cannot, as "?". Offsets stay valid."""
    return text.encode("utf-8", "replace").decode("utf-8")


def show_row(row: Mapping) -> str:
    return json.dumps({key: str(value)[:60] for key, value in row.items()}, ensure_ascii=False)


def require_rows(task: Task, rows: Sequence, split: str, at_least: int = 1) -> None:
    if len(rows) < at_least:
        raise DataError(f"{task.name} {split} has {len(rows)} rows; at least {at_least} are needed.")


# -- facts ---------------------------------------------------------------------------------------------------------


def split_facts(task: Task, rows: Sequence[Mapping], training: Sequence[Mapping] = ()) -> SplitFacts:
    """What is known of these rows; `training` are the rows that the scored model learned from, if they are known."""
    kind = kind_of(task)
    labels = Counter(task.labels[row[task.label_field]] for row in rows) if task.labels else {}
    by_text: dict[tuple[str, ...], list[str]] = {}  # texts -> labels of the rows that have them
    for row in rows:
        key = tuple(same_text(row[name]) for name in task.text_fields)
        by_text.setdefault(key, []).append(json.dumps(row[task.label_field], sort_keys=True))
    known = {kind.twin_key(task, row) for row in training}
    return SplitFacts(
        rows=len(rows),
        labels={label: labels[label] for label in task.labels},
        repeated=len(rows) - len(by_text),
        contradicting=sum(len(found) for found in by_text.values() if len(set(found)) > 1),
        in_training=sum(kind.twin_key(task, row) in known for row in rows) if known else 0,
    )
