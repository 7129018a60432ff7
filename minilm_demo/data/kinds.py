"""The kinds of tasks as the data need them: how a label is read, and how a row becomes inputs of a model."""

from __future__ import annotations

import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Protocol

from ..errors import DataError
from ..results import ScoreScale, ValueMeaning
from ..tasks import Task
from .answers import read_answers
from .encoding import MIN_CONTEXT_TOKENS, Window, answer_positions, encode_texts, encode_windows
from .labels import ClassReader, Column, ScoreReader, Unusable

STRATA = 5  # groups of similar scores, which a split takes the same share of


class LabelReader(Protocol):
    """Reads the labels of one column."""

    values: tuple[ValueMeaning, ...]  # what it took values for that are not names of labels, after all rows are read
    scale: ScoreScale | None  # how it read scores

    def read(self, row: Mapping) -> object:
        """The label of a row in the form that all later steps use. Raises `Unusable` for a row without one."""


class Kind(ABC):
    """One kind of task. It has no state: the methods take the task."""

    truncation: str = "longest_first"  # which text of a pair is truncated, as an argument of the tokenizer
    cuts_texts: bool = True  # whether text beyond the limit is lost; if not, further windows hold it

    @abstractmethod
    def reader(self, task: Task, column: Column) -> LabelReader:
        """A reader of the labels of these rows. Raises `DataError` if it is not plain what the column means."""

    def stratum(self, task: Task, label) -> object:
        """The group of a label that a split takes the same share of as of the others."""
        return label

    def twin_key(self, task: Task, row: Mapping) -> tuple[str, ...]:
        """The texts by which two rows are twins: a model that has seen one knows the other."""
        return tuple(same_text(row[name]) for name in task.text_fields)

    @abstractmethod
    def encode(self, task: Task, tokenizer, rows: Sequence[Mapping], max_length: int, stride: int) -> list[Window]:
        """One or more windows of at most `max_length` tokens for each row, in order of the rows."""

    @abstractmethod
    def targets(self, window: Window, label) -> dict[str, object]:
        """The targets of the model's loss, by the name of the model's argument."""

    def as_read(self, texts: tuple[str, ...]) -> tuple[str, ...]:
        """The texts of one input as they are passed to the tokenizer."""
        return texts

    @abstractmethod
    def check_room(self, tokenizer, texts: tuple[str, ...], max_length: int) -> None:
        """Raise `DataError` if one text leaves no room for the other."""


class _WholeTexts(Kind):
    """A text or a pair is one window, and the label is the target of the loss."""

    def encode(self, task: Task, tokenizer, rows: Sequence[Mapping], max_length: int, stride: int) -> list[Window]:
        features = encode_texts(task, tokenizer, rows, max_length)
        return [Window(row, feature, offsets=()) for row, feature in enumerate(features)]

    def targets(self, window: Window, label) -> dict[str, object]:
        return {"labels": label}

    def check_room(self, tokenizer, texts: tuple[str, ...], max_length: int) -> None:
        """Nothing to check: either text can be truncated."""


class Classification(_WholeTexts):
    """A label is a class id, from 0 to the number of the task's labels - 1."""

    def reader(self, task: Task, column: Column) -> ClassReader:
        return ClassReader(task, column)


class Regression(_WholeTexts):
    """A label is a number in the task's `score_range`."""

    def reader(self, task: Task, column: Column) -> ScoreReader:
        return ScoreReader(task, column)

    def stratum(self, task: Task, label: float) -> int:
        low, high = task.score_range
        return min(STRATA - 1, int(STRATA * (label - low) / (high - low)))


class Span(Kind):
    """A label is `{"text": [...], "answer_start": [...]}`: passages of the row's second text and the characters at
    which they start; empty lists for "no answer"."""

    truncation = "only_second"
    cuts_texts = False

    def reader(self, task: Task, column: Column) -> AnswerReader:
        return AnswerReader(task)

    def stratum(self, task: Task, label: Mapping) -> bool:
        return bool(label["text"])

    def twin_key(self, task: Task, row: Mapping) -> tuple[str, ...]:
        """The context alone: its other questions say where the answers are."""
        return (same_text(row[task.text_fields[1]]),)

    def encode(self, task: Task, tokenizer, rows: Sequence[Mapping], max_length: int, stride: int) -> list[Window]:
        return encode_windows(task, tokenizer, rows, max_length, stride)

    def targets(self, window: Window, label: Mapping) -> dict[str, object]:
        return answer_positions(window, label)

    def as_read(self, texts: tuple[str, ...]) -> tuple[str, ...]:
        question, context = texts
        return question.lstrip(), context

    def check_room(self, tokenizer, texts: tuple[str, ...], max_length: int) -> None:
        question = texts[0]
        num_tokens = len(tokenizer(question, add_special_tokens=False, verbose=False)["input_ids"])
        room = max_length - tokenizer.num_special_tokens_to_add(pair=True) - MIN_CONTEXT_TOKENS
        if num_tokens > room:
            raise DataError(
                f"The question has {num_tokens} tokens; at most {max(room, 0)} fit beside the text. "
                f"Shorten it: '{question[:60]}…'"
            )


KINDS: Mapping[str, Kind] = {"classification": Classification(), "regression": Regression(), "span": Span()}


def kind_of(task: Task | None) -> Kind:
    """The data's object for the task's kind. A text without a task is read as for classification."""
    return KINDS[task.kind if task else "classification"]


class AnswerReader:
    """Reads answers, and where they stand in the context."""

    values: tuple[ValueMeaning, ...] = ()
    scale = None

    def __init__(self, task: Task):
        self.task = task

    def read(self, row: Mapping) -> dict[str, list]:
        context = str(row[self.task.text_fields[1]])
        answers = read_answers(row[self.task.label_field], row.get("answer_start"), context)
        if not answers["text"] and not self.task.has_unanswerable:
            raise Unusable(f"it has no answer, and {self.task.name} has no questions without one")
        return answers


@lru_cache(1024)  # the questions of a context have its text again and again
def same_text(text: str) -> str:
    """A text as it is compared with others: its case and its spaces do not matter."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
