"""Classification: the answer is the most probable of a few labels, right or wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ...results import Prediction, ScoredRow
from ...tasks import Task
from ..array_metrics import class_ids
from ..certainty import is_unsure
from ..forward import softmax
from .texts import WholeTexts


class Classification(WholeTexts):
    """References and outcomes are class ids. Word importance explains the probability of the predicted label."""

    def decode(self, task: Task, row, windows, outputs, threshold: float) -> dict:
        """Logits [num_labels] -> the most probable label and the probability of each."""
        (output,) = outputs
        probabilities = softmax(output["logits"].astype(np.float64))
        by_label = {label: float(p) for label, p in zip(task.labels, probabilities, strict=True)}
        best = max(by_label, key=by_label.get)
        return {"label": best, "probabilities": by_label, "unsure": is_unsure(by_label.values())}

    def columns(self, prediction: Prediction) -> dict[str, object]:
        probabilities = {f"probability_{label}": round(p, 4) for label, p in prediction.probabilities.items()}
        return {"prediction": prediction.label, **probabilities}

    def outcome(self, task: Task, predictions: Sequence[Prediction]) -> np.ndarray:
        return np.array([task.label2id[prediction.label] for prediction in predictions])

    def constants(self, task: Task, references) -> dict[str, int]:
        """The classes that occur, by their labels; any other is never right."""
        present = np.unique(class_ids(references, references)[1])
        return {task.labels[class_id]: int(class_id) for class_id in present}

    def batch_accuracy(self, output, batch: Mapping) -> float:
        return (output.logits.argmax(-1) == batch["labels"]).float().mean().item()

    def judge(self, task: Task, label: int, prediction: Prediction) -> tuple[str, str, float, tuple[int, int]]:
        """The value is the probability of the predicted label; the cell is (true id, predicted id)."""
        predicted = prediction.label
        cell = int(label), task.label2id[predicted]
        return task.labels[label], predicted, prediction.probabilities[predicted], cell

    def table_size(self, task: Task) -> int:
        return len(task.labels)

    def mistake(self, row: ScoredRow) -> float | None:
        """The probability of the wrong label."""
        return row.value if row.expected != row.predicted else None

    def is_right(self, prediction: Prediction, expected: str) -> bool:
        return prediction.label == expected

    def explained(self, task: Task, prediction: Prediction) -> tuple[int, float]:
        return task.label2id[prediction.label], prediction.probabilities[prediction.label]

    def value(self, logits: np.ndarray, index: int) -> float:
        return float(softmax(logits)[index])
