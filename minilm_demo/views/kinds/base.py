"""The interface of a kind of task for the views: how its answers are drawn, and how they are described."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ...results import Prediction, ScoredRow, WordImportance
from ...tasks import Task
from .. import words


@dataclass(frozen=True)
class Explained:
    """The words for the number that word importance explains."""

    value: str  # the number that falls when a supporting word is left out
    differentiated: str  # the number whose gradient is taken
    speaks_for: str
    speaks_against: str
    unit: str  # of leave-one-out, behind a number
    left_out_scale: float = 1.0


@dataclass(frozen=True)
class Cells:
    """The title of the table of scored rows, and the names of its rows and columns."""

    title: str
    rows: Sequence[str]
    columns: Sequence[str]
    cell: str  # the title of a cell's rows, with {true} and {predicted}


class Kind(ABC):
    """One kind of task. It has no state: every method gets the task. Every text is final."""

    answer_fields: tuple[str, ...]  # fields of `Prediction` in the JSON document of an answer
    needs_text: bool = False  # an answer is drawn within its text

    below_constant: str  # what may be wrong with a model that scores less than one answer to every row

    # Of a scored row, `ScoredRow.value`; of a mistake, `Mistake.confidence`.
    value_name: str
    first_rows: str  # the order of a list, as sorted by `place`
    confidence_name: str

    # -- an answer

    @abstractmethod
    def draw(self, task: Task, prediction: Prediction, fields: Mapping[str, str]) -> dict:
        """The keys of a prediction's payload for this kind; `fields` are the texts."""

    @abstractmethod
    def answer_text(self, task: Task, answer: str, limit: int = 280) -> str:
        """An expected or predicted answer of a `ScoredRow` or a `Mistake`, in at most `limit` characters."""

    def named(self, task: Task, answer: str) -> str:
        """A right answer within a sentence."""
        return f"“{self.answer_text(task, answer)}”"

    def unsure(self, task: Task, probabilities: Mapping[str, float] | None) -> str:
        """Why an answer is unsure."""
        return "Unsure: another answer scores nearly as high."

    def answers(self, task: Task) -> str:
        """The possible answers, for a list of tasks."""
        return task.kind

    # -- scores

    @abstractmethod
    def constant_name(self, task: Task, answer: str | None) -> str:
        """One answer to every row, in words: "always answering 'negative'". `answer` as in `Constant`, None if it was
        not recorded."""

    @abstractmethod
    def measured(self, value: float) -> str:
        """A row's value, or a mistake's confidence, as text."""

    @abstractmethod
    def place(self, row: ScoredRow) -> float:
        """The sort key of a row in a list, ascending."""

    @abstractmethod
    def cells(self, task: Task) -> Cells | None:
        """The names in the table of scored rows; None for a kind without a table."""

    # -- word importance

    @abstractmethod
    def explained(self, task: Task, importance: WordImportance) -> Explained:
        """The words for the explained number, and its unit."""

    @abstractmethod
    def question(self, task: Task, importance: WordImportance) -> str:
        """The question that word importance answers."""

    def explained_value(self, value: float) -> str:
        """The explained number as text."""
        return words.number(value, 2)

    def is_little(self, change: float) -> bool:
        """Whether a change by leaving out the top word is negligible."""
        return False

    def left_out(self, left_out: int, rest: int) -> list[str]:
        """A note for `left_out` words that were left out and a `rest` that was not; empty without a rest."""
        if not rest:
            return []
        first = words.counted(left_out, "word")
        return [f"Only the first {first} were left out; the other {rest} have a gradient only."]

    # -- rows of data, and the boxes of a page

    @abstractmethod
    def label_words(self, task: Task, label) -> str:
        """A row's label, as stored in the data, in words."""

    def balance(self, task: Task, labels: Sequence) -> str:
        """The number of rows of each label, as a sentence; "" for a kind without labels."""
        return ""

    def short_example(self, task: Task) -> Mapping[str, str]:
        """The texts of the task's example; empty if they are long."""
        return task.example

    def limit(self, task: Task, index: int, most_characters: int) -> str:
        """How much of the text with this index is read, for visitors."""
        number = 10 * round(task.max_length * 0.07)  # an English word is about 1.4 tokens
        together = " of both texts together" if len(task.text_fields) > 1 else ""
        return f"The first {task.max_length} tokens{together} are read, about {number} words."
