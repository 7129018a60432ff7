"""The kinds of tasks as the data need them: how a label is read, and how a row becomes inputs of a model."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

from ..errors import DataError
from ..tasks import Task
from .encoding import MIN_CONTEXT_TOKENS, Window, answer_positions, encode_texts, encode_windows


class Kind(ABC):
    """One kind of task. It has no state: the methods take the task."""

    truncation: str = "longest_first"  # which text of a pair is truncated, as an argument of the tokenizer
    cuts_texts: bool = True  # whether text beyond the limit is lost; if not, further windows hold it

    @abstractmethod
    def read_label(self, task: Task, row: Mapping, names: Sequence[str] | None):
        """The row's label, checked, in the form that all later steps use. `names` is the source's own order of class
        names, if it has one. Raises `DataError` for a label that the task does not have."""

    def is_usable(self, task: Task, label) -> bool:
        """Whether a row with this label, as `read_label` returns it, can be learned from and scored."""
        return True

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

    def read_label(self, task: Task, row: Mapping, names: Sequence[str] | None) -> int:
        """The class id of an id, of a label's name, or of an id in the order of `names`."""
        value = row[task.label_field]
        if names is not None and isinstance(value, int) and 0 <= value < len(names):
            value = names[value]
        ids = {_plain(label): index for index, label in enumerate(task.labels)}
        ids |= {str(index): index for index in range(len(task.labels))}
        text = _plain(str(value)).removesuffix(".0")
        if text not in ids:
            choices = ", ".join(f"{index} or {label}" for index, label in enumerate(task.labels))
            raise DataError(f"the label is '{value}'; it must be {choices}.")
        return ids[text]


class Regression(_WholeTexts):
    """A label is a number in the task's `score_range`."""

    def read_label(self, task: Task, row: Mapping, names: Sequence[str] | None) -> float:
        low, high = task.score_range
        try:
            target = float(row[task.label_field])
        except (TypeError, ValueError):
            target = float("nan")
        if not low <= target <= high:
            raise DataError(f"the score is '{row[task.label_field]}'; it must be a number from {low:g} to {high:g}.")
        return target


class Span(Kind):
    """A label is `{"text": [...], "answer_start": [...]}`: passages of the row's second text and the characters at
    which they start; empty lists for "no answer"."""

    truncation = "only_second"
    cuts_texts = False

    def read_label(self, task: Task, row: Mapping, names: Sequence[str] | None) -> dict:
        """The label from such a dict, from a text with an offset, or from a text to be located in the context."""
        value, context = row[task.label_field], str(row[task.text_fields[1]])
        if isinstance(value, str) and value.startswith("{"):
            try:
                value = json.loads(value)
            except (ValueError, RecursionError) as error:
                raise DataError(f"the answers '{value[:60]}' are not JSON.") from error
        if not isinstance(value, Mapping):
            value = _located(value, str(row.get("answer_start", "")), context)
        try:
            answers = [
                (str(text), int(start)) for text, start in zip(value["text"], value["answer_start"], strict=True)
            ]
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(
                'the answers must be {"text": [...], "answer_start": [...]}, a start for each text.'
            ) from error
        for text, start in answers:
            if start < 0:
                raise DataError(f"the answer '{text}' does not stand in the context.")
            if not text or context[start : start + len(text)] != text:
                raise DataError(f"the answer '{text}' does not stand in the context at character {start}.")
        return {"text": [text for text, _ in answers], "answer_start": [start for _, start in answers]}

    def is_usable(self, task: Task, label: Mapping) -> bool:
        """Whether the label has an answer, or the task has unanswerable questions."""
        return task.has_unanswerable or bool(label["text"])

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


def _plain(label: str) -> str:
    return label.strip().casefold().replace(" ", "_").replace("-", "_")


def _located(value, offset: str, context: str) -> dict[str, list]:
    """One answer text with its offset if that is a number, else with its first position in the context."""
    texts = [str(value)] if value is not None and str(value).strip() else []
    has_offset = texts and offset.isdecimal()
    return {"text": texts, "answer_start": [int(offset)] if has_offset else [context.find(text) for text in texts]}
