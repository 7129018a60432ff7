"""The interface of a kind of task (`Kind`), and the input that word importance explains (`Case`)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ...data import PlacedWord, features
from ...models import Checkpoint
from ...results import Prediction, ScoredRow
from ...tasks import Task

MAX_LEFT_OUT = 128  # limit on the words of one input that leave-one-out removes, one at a time


@dataclass(frozen=True)
class Case:
    """One input, its words, and the value that is explained."""

    inputs: Mapping[str, list[int]]  # input_ids [num_tokens], token_type_ids
    words: Sequence[PlacedWord]
    value: float  # of the whole input
    differentiable: Callable  # model outputs of a batch of one -> the scalar whose gradient is taken
    variants: Mapping[int, Mapping[str, list[int]]]  # index of a word -> the inputs without it
    value_without: Callable[[int, Mapping[str, np.ndarray]], float]  # (index of the word, outputs without it) -> value
    span: tuple[int | None, int | None] = (None, None)  # start and end of the explained answer, characters of context
    no_answer: bool = False  # whether the prediction is "no answer" instead of the explained span


class Kind(ABC):
    """One kind of task. Objects have no state: every method takes the task.

    A *reference* is the right answer of a row, an *outcome* the predicted one, both in the form the metrics compare."""

    # -- answers

    @abstractmethod
    def decode(
        self,
        task: Task,
        row: Mapping[str, str],
        windows: Sequence[features.Window],
        outputs: Sequence[Mapping[str, np.ndarray]],
        threshold: float,
    ) -> dict:
        """The fields of `Prediction` that this kind fills, from the model's outputs on each window of one row.

        `outputs` are `logits` [num_labels], or `start_logits` and `end_logits` [num_tokens] each. `threshold` (spans):
        the answer is "no answer" if its score is above it."""

    @abstractmethod
    def columns(self, prediction: Prediction) -> dict[str, object]:
        """A prediction as table columns, name -> value, "prediction" first."""

    # -- scores

    @abstractmethod
    def references(self, task: Task, rows: Sequence[Mapping]):
        """The right answers: an array [num_rows] of class ids or scores, or a list of gold answers for each row."""

    @abstractmethod
    def outcome(self, task: Task, predictions: Sequence[Prediction]):
        """The predicted answers: an array [num_rows], or a list of texts."""

    @abstractmethod
    def score(self, task: Task, outcome, references) -> dict[str, float]:
        """Every metric by name, those of `task.metrics` first; 0..1, correlations -1..1. `DataError` without rows."""

    @abstractmethod
    def intervals(self, task: Task, outcome, references, seed: int, resamples: int) -> dict[str, tuple[float, float]]:
        """The 95 % interval (low, high) of every metric that `score` returns; `resamples` is for bootstrapped ones."""

    @abstractmethod
    def constants(self, task: Task, references) -> dict[str, object]:
        """The outcomes that could answer every row alike, by their name in words; at least one if there are rows."""

    @abstractmethod
    def batch_accuracy(self, output, batch: Mapping) -> float | None:
        """The share of right rows in a training batch, 0..1; None for a kind without right and wrong. `output` is the
        model's output object for `batch`, which holds the model's input tensors."""

    # -- single rows

    @abstractmethod
    def judge(self, task: Task, label, prediction: Prediction) -> tuple[str, str, float, tuple[int, int] | None]:
        """The last four fields of a row's `ScoredRow`: expected and predicted in words, the value, the cell."""

    def table_size(self, task: Task) -> int:
        """Number of rows, and of columns, of the table whose cells `judge` returns."""
        return 2

    @abstractmethod
    def mistake(self, row: ScoredRow) -> float | None:
        """`Mistake.confidence` of a wrong row, higher for a worse mistake; None for a right row."""

    @abstractmethod
    def is_right(self, prediction: Prediction, expected) -> bool:
        """Whether the answer is right; `expected` is a label's name, or the list of right answers, [] for none."""

    def agrees(self, prediction: Prediction, answer: str) -> bool:
        """Whether a prediction gives the right answer of an example (`Preset.answer`)."""
        return self.is_right(prediction, answer)

    # -- word importance

    @abstractmethod
    def case(self, task: Task, checkpoint: Checkpoint, row: Mapping[str, str], prediction: Prediction) -> Case:
        """The input and the value that word importance explains. `DataError` for a text without a word."""
