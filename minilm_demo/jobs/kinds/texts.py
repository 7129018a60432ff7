"""The shared part of classification and regression: one row of logits for a text or a pair, truncated if too long."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping

import numpy as np

from ...data import features, place_words, word_spans
from ...errors import DataError
from ...models import Checkpoint
from ...results import Prediction
from ...tasks import Task
from ..array_metrics import METRICS, RESAMPLED
from ..uncertainty import SHARES, middle_95, wilson
from .base import MAX_LEFT_OUT, Case, Kind


class WholeTexts(Kind):
    """References and outcomes are arrays [num_rows]. The explained value is computed from the logits."""

    def references(self, task: Task, rows) -> np.ndarray:
        return np.array([row[task.label_field] for row in rows])

    def score(self, task: Task, outcome, references) -> dict[str, float]:
        return {name: METRICS[name](outcome, references) for name in task.metrics}

    def intervals(self, task: Task, outcome, references, seed: int, resamples: int) -> dict[str, tuple[float, float]]:
        return {
            name: wilson(METRICS[name](outcome, references), len(references))
            if name in SHARES
            else middle_95(RESAMPLED[name](outcome, references, np.random.default_rng(seed), resamples))
            for name in task.metrics
        }

    @abstractmethod
    def explained(self, task: Task, prediction: Prediction) -> tuple[int, float]:
        """The index of the answer's logit, and the explained value."""

    @abstractmethod
    def value(self, logits: np.ndarray, index: int) -> float:
        """The explained value from the logits [num_labels] of an input; `index` is the answer's logit."""

    def case(self, task: Task, checkpoint: Checkpoint, row: Mapping[str, str], prediction: Prediction) -> Case:
        """Each variant deletes one word from the text, before the tokenizer reads it."""
        length = features.input_length(task, checkpoint.model.config)
        tokenizer = checkpoint.tokenizer
        with checkpoint.lock:
            spans = [word_spans(tokenizer, text) for text in row.values()]
            encoded = tokenizer(*row.values(), truncation=True, max_length=length, return_offsets_mapping=True)
            parts = list(zip(encoded.sequence_ids(0), enumerate(encoded["offset_mapping"]), strict=True))
            words = [
                word
                for number, (field, text) in enumerate(row.items())
                for word in place_words(field, text, spans[number], [token for part, token in parts if part == number])
            ]
            if not words:
                fields = " and the ".join(task.text_fields)
                raise DataError(f"The {fields} hold no word the model can read. Write some words.")
            shortened_rows = [
                {**row, word.field: without(row[word.field], word.start, word.end)} for word in words[:MAX_LEFT_OUT]
            ]
            windows = features.encode(task, tokenizer, [row, *shortened_rows], length, stride=0)
        inputs, *variants = (window.inputs for window in windows)
        index, value = self.explained(task, prediction)
        return Case(
            inputs,
            words,
            value,
            lambda outputs: outputs.logits[0, index],
            dict(enumerate(variants)),
            lambda _, output: self.value(output["logits"].astype(np.float64), index),
        )


def without(text: str, start: int, end: int) -> str:
    """The text without the characters start..end, and without one of the two spaces around them."""
    before, after = text[:start], text[end:]
    if not before.strip():
        return after.lstrip()
    return (before.rstrip() if not after or after[0].isspace() else before) + after
