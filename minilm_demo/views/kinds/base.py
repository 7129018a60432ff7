"""What the views ask about a kind of task: how an answer is drawn, and what it is called in words."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ...results import Evaluation, Prediction, ScoredRow, WordImportance
from ...tasks import Task
from .. import words


@dataclass(frozen=True)
class Explained:
    """How a kind of task speaks of the number that word importance explains."""

    value: str  # what falls when a supporting word is left out
    differentiated: str  # what the gradient is of
    speaks_for: str
    speaks_against: str
    unit: str  # of leave-one-out, as said behind a number
    left_out_scale: float = 1.0


@dataclass(frozen=True)
class Cells:
    """How the table of a scored slice is called, its rows and its columns."""

    title: str
    rows: Sequence[str]
    columns: Sequence[str]
    cell: str  # the title of a cell's rows, with {true} and {said}


class Kind(ABC):
    """One kind of task. It has no state: the task comes with each question. Every text is final."""

    answer_fields: tuple[str, ...]  # of `Prediction`, in the JSON document of an answer
    needs_text: bool = False  # an answer is drawn within the text that was asked about
    baseline: str  # what the baseline of an evaluation does, in a few words beside a number

    # Of a scored row, `ScoredRow.value`; of a mistake, `Mistake.confidence`.
    value_name: str
    first_rows: str  # how the first rows of a list are called, in the order of `place`
    confidence_name: str

    # -- an answer

    @abstractmethod
    def draw(self, task: Task, prediction: Prediction, fields: Mapping[str, str]) -> dict:
        """The parts of a prediction's payload that this kind alone has; `fields` are the texts."""

    @abstractmethod
    def said(self, answer: str, limit: int = 280) -> str:
        """An expected or predicted answer of a `ScoredRow` or a `Mistake`, in at most `limit` characters."""

    def answers(self, task: Task) -> str:
        """What the task may answer, in a list of tasks."""
        return task.kind

    # -- scores

    @abstractmethod
    def baseline_name(self, evaluation: Evaluation, split: str) -> str:
        """What the baseline does: "always answering 'negative'"."""

    @abstractmethod
    def measured(self, value: float) -> str:
        """A row's value, or a mistake's confidence."""

    @abstractmethod
    def place(self, row: ScoredRow) -> float:
        """The rows of a list are sorted by this, the smallest first."""

    @abstractmethod
    def cells(self, task: Task) -> Cells | None:
        """The table of a scored slice; None where a row has no place in one."""

    # -- word importance

    @abstractmethod
    def explained(self, importance: WordImportance) -> Explained:
        """What is explained, and in which unit."""

    @abstractmethod
    def question(self, task: Task, importance: WordImportance) -> str:
        """What is explained, as a question."""

    def explained_value(self, value: float) -> str:
        """The number that is explained."""
        return words.number(value, 2)

    def is_little(self, change: float) -> bool:
        """Whether leaving out the word that counts most changed hardly anything."""
        return False

    def left_out(self, left_out: int, rest: int) -> list[str]:
        """Which words were left out, where not all were: `left_out` of them, not the `rest`."""
        if not rest:
            return []
        first = words.counted(left_out, "word")
        return [f"Only the first {first} were left out; the other {rest} have a gradient only."]

    # -- rows of data, and the boxes of a page

    @abstractmethod
    def label_words(self, task: Task, label) -> str:
        """The label of a row, as the data hold it."""

    def balance(self, task: Task, labels: Sequence) -> str:
        """How many rows of each label there are, as a sentence; "" where that says nothing."""
        return ""

    def short_example(self, task: Task) -> Mapping[str, str]:
        """The texts of the task's example, if they are short; else none."""
        return task.example

    def limit(self, task: Task, index: int, most_characters: int) -> str:
        """How much of the text with this index is read, in words a visitor can use."""
        number = 10 * round(task.max_length * 0.07)  # an English word is about 1.4 tokens
        together = " of both texts together" if len(task.text_fields) > 1 else ""
        return f"The first {task.max_length} tokens{together} are read, about {number} words."
