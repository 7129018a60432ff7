"""Rows and text fields of a task, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from ..tasks import Task


def text_limit(task: Task, index: int, most_characters: int) -> str:
    """How much of text field number `index` is read."""
    if task.kind == "span":
        windows = f"Any length up to {most_characters:,} characters: read in windows of {task.max_length} tokens."
        return windows if index else "One question."
    words = 10 * round(task.max_length * 0.07)  # an English word is about 1.4 tokens
    together = " of both texts together" if len(task.text_fields) > 1 else ""
    return f"The first {task.max_length} tokens{together} are read, about {words} words."


def cells(task: Task, row: Mapping) -> list[str]:
    """A checked row as text: its fields, then what its label means."""
    return [row[field] for field in task.text_fields] + [_label(task, row[task.label_field])]


def _label(task: Task, label) -> str:
    if task.kind == "classification":
        return task.labels[label]
    if task.kind == "span":
        return label["text"][0] if label["text"] else "(no answer)"
    return f"{label:g}"


def balance(task: Task, rows: Sequence[Mapping]) -> str:
    """How many rows of each label there are; "" where labels are no classes."""
    if task.kind == "classification":
        counts = Counter(row[task.label_field] for row in rows)
        return ", ".join(f"{counts[index]:,} {label}" for index, label in enumerate(task.labels)) + "."
    if task.has_unanswerable:
        return f"{sum(not row[task.label_field]['text'] for row in rows):,} without an answer."
    return ""
