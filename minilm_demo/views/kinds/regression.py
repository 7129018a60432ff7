"""A score: a marker on a scale, errors in points."""

from __future__ import annotations

from collections.abc import Mapping

from ...results import Prediction, ScoredRow, WordImportance
from ...tasks import Task
from .. import words
from .base import Explained, Kind


class Regression(Kind):
    answer_fields = ("score",)
    below_constant = "is the scale turned round, the steps too few, or the learning rate too high?"
    value_name = "Off by"
    first_rows = "the largest error first"
    confidence_name = "Off by"

    def draw(self, task: Task, prediction: Prediction, fields: Mapping[str, str]) -> dict:
        """A score may lie outside the range of the targets: the text has the score, the marker stays on the scale."""
        low, high = task.score_range
        return {
            "sentence": f"{words.number(prediction.score, 1)} on a scale from {low:g} to {high:g}",
            "scale": {
                "low": low,
                "high": high,
                "at": min(high, max(low, prediction.score)),
                "ticks": [low + step * (high - low) / 5 for step in range(6)],
            },
        }

    def answer_text(self, task: Task, answer: str, limit: int = 280) -> str:
        return words.number(float(answer), 1)

    def constant_name(self, task: Task, answer: str | None) -> str:
        return f"always answering {answer}" if answer else "always giving the same score"

    def measured(self, value: float) -> str:
        return words.number(value, 1)

    def place(self, row: ScoredRow) -> float:
        return -row.value

    def cells(self, task: Task) -> None:
        """None: a score has no class."""

    def explained(self, task: Task, importance: WordImportance) -> Explained:
        return Explained("the score", "the score", "raises the score", "lowers the score", "points of the score")

    def question(self, task: Task, importance: WordImportance) -> str:
        low, high = task.score_range
        return f"Why {words.number(importance.value, 1)} on a scale from {low:g} to {high:g}?"

    def label_words(self, task: Task, label: float) -> str:
        return f"{label:g}"
