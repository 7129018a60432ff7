"""Regression: the answer is a number on a scale; a nearer number is better, but none is right or wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ...results import Prediction, ScoredRow
from ...tasks import Task
from .texts import WholeTexts


class Regression(WholeTexts):
    """References, outcomes and the value that word importance explains are scores in points of the task's scale."""

    def decode(self, task: Task, row, windows, outputs, threshold: float) -> dict:
        """Logits [1] -> the score."""
        (output,) = outputs
        return {"score": float(output["logits"][0])}

    def columns(self, prediction: Prediction) -> dict[str, object]:
        return {"prediction": round(prediction.score, 4)}

    def outcome(self, task: Task, predictions: Sequence[Prediction]) -> np.ndarray:
        return np.array([prediction.score for prediction in predictions])

    def constants(self, task: Task, references) -> dict[str, float]:
        """The mean. No constant correlates with anything, so another score would not be better."""
        return {f"{np.mean(references):.2f}": float(np.mean(references))}

    def batch_accuracy(self, output, batch: Mapping) -> None:
        """None: a score is not right or wrong."""

    def judge(self, task: Task, label: float, prediction: Prediction) -> tuple[str, str, float, None]:
        """The value is the absolute error in points; there is no cell."""
        return f"{label:.1f}", f"{prediction.score:.1f}", abs(label - prediction.score), None

    def mistake(self, row: ScoredRow) -> float:
        """The absolute error; every row counts as a mistake."""
        return row.value

    def is_right(self, prediction: Prediction, expected: float) -> bool:
        """False: a score is not right or wrong."""
        return False

    def explained(self, task: Task, prediction: Prediction) -> tuple[int, float]:
        return 0, prediction.score

    def value(self, logits: np.ndarray, index: int) -> float:
        return float(logits[index])
