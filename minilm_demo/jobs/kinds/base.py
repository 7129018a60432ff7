"""What the jobs ask about a kind of task, and the case that word importance makes of one input."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ...data import PlacedWord, features
from ...models import Checkpoint
from ...results import Prediction, ScoredRow
from ...tasks import Task

MAX_LEFT_OUT = 128  # words of one input left out one by one


@dataclass(frozen=True)
class Case:
    """One input, its words, and the one number that is explained."""

    inputs: Mapping[str, list[int]]  # input_ids [num_tokens], token_type_ids
    words: Sequence[PlacedWord]
    value: float  # of the whole input
    differentiable: Callable  # model outputs of a batch of one -> the scalar whose gradient is taken
    variants: Mapping[int, Mapping[str, list[int]]]  # index of a word -> the inputs without it
    value_without: Callable[[int, Mapping[str, np.ndarray]], float]  # (index of the word, outputs without it) -> value
    span: tuple[int | None, int | None] = (None, None)  # characters of the context that are explained
    no_answer: bool = False  # "no answer" won over the span that is explained


class Kind(ABC):
    """One kind of task. It has no state: the task comes with each question.

    A *reference* is what is right, an *outcome* what a prediction said, both in the shape that the metrics compare."""

    # -- from outputs to an answer

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

        `outputs` are `logits` [num_labels], or `start_logits` and `end_logits` [num_tokens] each. `threshold`: "no
        answer" is said when its score is above it, where there is such a score."""

    @abstractmethod
    def columns(self, prediction: Prediction) -> dict[str, object]:
        """A prediction as columns of a table, "prediction" first."""

    # -- scores

    @abstractmethod
    def references(self, task: Task, rows: Sequence[Mapping]):
        """What is right in each row: an array [num_rows] of class ids or scores, or a list of gold answers a row."""

    @abstractmethod
    def outcome(self, task: Task, predictions: Sequence[Prediction]):
        """What was said, one for each row: an array [num_rows], or a list of texts."""

    @abstractmethod
    def score(self, task: Task, outcome, references) -> dict[str, float]:
        """Every metric of the task, its own order first; 0..1, correlations -1..1. `DataError` without rows."""

    @abstractmethod
    def intervals(self, task: Task, outcome, references, seed: int, resamples: int) -> dict[str, tuple[float, float]]:
        """The 95 % interval (low, high) of every metric that `score` gives, from `resamples` draws where drawn."""

    @abstractmethod
    def constant_answer(self, references):
        """The one outcome of a model that has learned nothing but the references: majority, mean, or no answer."""

    @abstractmethod
    def share_right(self, output, batch: Mapping) -> float | None:
        """How many rows of a training batch came out right, 0..1; None where there is no right. `output` and `batch`
        are the model's own tensors."""

    # -- row by row

    @abstractmethod
    def judge(self, task: Task, label, prediction: Prediction) -> tuple[str, str, float, tuple[int, int] | None]:
        """The last four fields of a row's `ScoredRow`: expected and predicted in words, the value, the cell."""

    def table_size(self, task: Task) -> int:
        """Rows, and columns, of the table that the cells of `judge` belong to."""
        return 2

    @abstractmethod
    def mistake(self, row: ScoredRow) -> float | None:
        """How bad a mistake the row is, `Mistake.confidence`; None if it came out right."""

    @abstractmethod
    def is_right(self, prediction: Prediction, expected) -> bool:
        """Whether an answer counts as right; `expected` is a label's name, or the answers that count, [] for none."""

    # -- word importance

    @abstractmethod
    def case(self, task: Task, checkpoint: Checkpoint, row: Mapping[str, str], prediction: Prediction) -> Case:
        """What word importance explains in the answer to `row`. `DataError` for a text without a word."""
