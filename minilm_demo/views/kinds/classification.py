"""Classes: bars of probabilities, labels by name, a confusion matrix."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from ...results import Prediction, ScoredRow, WordImportance
from ...tasks import Task
from .. import words
from .base import Cells, Explained, Kind

LITTLE = 0.01  # of the probability: a smaller change is negligible


class Classification(Kind):
    answer_fields = ("label", "probabilities")
    below_constant = "are the labels swapped, the steps too few, or the learning rate too high?"
    value_name = "Probability"
    first_rows = "the surest first"
    confidence_name = "Confidence"

    def draw(self, task: Task, prediction: Prediction, fields: Mapping[str, str]) -> dict:
        """Bars in the order of the task's labels, the same for every answer."""
        shares = prediction.probabilities
        labels = [label for label in task.labels if label in shares] or list(shares)
        return {
            "sentence": f"{task.words_for(prediction.label)}, {words.percent(shares[prediction.label])}",
            "bars": [
                {
                    "label": task.words_for(label),
                    "name": label,
                    "share": shares[label],
                    "text": words.percent(shares[label]),
                    "best": label == prediction.label,
                }
                for label in labels
            ],
        }

    def answer_text(self, task: Task, answer: str, limit: int = 280) -> str:
        return task.words_for(answer)

    def unsure(self, task: Task, probabilities: Mapping[str, float]) -> str:
        """The lead of the best label over the next, in percentage points."""
        best, second = sorted(probabilities, key=probabilities.__getitem__, reverse=True)[:2]
        lead = round(100 * (probabilities[best] - probabilities[second]))
        ahead = f"only {words.counted(lead, 'point')}" if lead else "less than a point"
        return f"Unsure: “{task.words_for(best)}” is {ahead} ahead of “{task.words_for(second)}”."

    def answers(self, task: Task) -> str:
        return ", ".join(task.labels)

    def constant_name(self, task: Task, answer: str | None) -> str:
        if answer is None:
            return "always answering the most frequent class"
        return f"always answering '{task.words_for(answer)}'" if answer else "always giving the same answer"

    def measured(self, value: float) -> str:
        return words.percent(value, 0)

    def place(self, row: ScoredRow) -> float:
        return -row.value

    def cells(self, task: Task) -> Cells:
        labels = [task.words_for(label) for label in task.labels]
        return Cells("Predicted classes", labels, labels, "True: {true}, predicted: {predicted}")

    def explained(self, task: Task, importance: WordImportance) -> Explained:
        label = f"“{task.words_for(importance.target)}”"
        return Explained(
            f"the probability of {label}", f"the logit of {label}", f"speaks for {label}", f"speaks against {label}",
            "percentage points", 100.0,
        )  # fmt: skip

    def question(self, task: Task, importance: WordImportance) -> str:
        return f"Why “{task.words_for(importance.target)}”, {words.percent(importance.value)}?"

    def explained_value(self, value: float) -> str:
        return words.percent(value)

    def is_little(self, change: float) -> bool:
        return abs(change) < LITTLE

    def label_words(self, task: Task, label: int) -> str:
        return task.labels[label]

    def balance(self, task: Task, labels: Sequence[int]) -> str:
        counts = Counter(labels)
        return ", ".join(f"{counts[index]:,} {label}" for index, label in enumerate(task.labels)) + "."
