"""Texts as tokens: one feature per text or pair, truncated at `max_length`; or windows over a long context.

A feature is a dict of lists (`input_ids`, `token_type_ids` where the model has them). One row gives one or more
windows over its context. Neighbouring windows overlap by `stride` tokens, the tokenizer's meaning of the word; in the
original BERT script it was the step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..errors import DataError
from ..tasks import Task

MIN_CONTEXT_TOKENS = 32  # per window; a question that leaves fewer is refused


@dataclass(frozen=True)
class Window:
    """One input of the model: all of a row, or for a span task the question and a part of the context.

    `offsets[token]` are characters (start, end) of the context, None for tokens outside it ([CLS], question, [SEP]).
    They are empty where the window is the whole row."""

    row: int  # its position among the encoded rows
    inputs: Mapping[str, list[int]]
    offsets: tuple[tuple[int, int] | None, ...]


def encode_texts(task: Task, tokenizer, rows: Sequence[Mapping], max_length: int) -> list[dict[str, list[int]]]:
    """One feature per row for classification and regression. The longer text of a pair is truncated first."""
    texts = [[row[field] for row in rows] for field in task.text_fields]
    if not rows:
        return []
    encoded = tokenizer(*texts, truncation=True, max_length=max_length, return_attention_mask=False)
    names = [name for name in encoded if name in ("input_ids", "token_type_ids")]
    return [{name: encoded[name][index] for name in names} for index in range(len(rows))]


def encode_windows(task: Task, tokenizer, rows: Sequence[Mapping], max_length: int, stride: int) -> list[Window]:
    """The windows of each row's context with the question in front, in order of the rows.

    Raises `DataError` for a question that is too long."""
    if not rows:
        return []
    question_field, context_field = task.text_fields
    questions = [row[question_field].lstrip() for row in rows]
    _check_questions(tokenizer, questions, max_length, stride)
    encoded = tokenizer(
        questions,
        [row[context_field] for row in rows],
        truncation="only_second",
        max_length=max_length,
        stride=stride,
        return_overflowing_tokens=True,
        return_offsets_mapping=True,
        return_attention_mask=False,
    )
    names = [name for name in encoded if name in ("input_ids", "token_type_ids")]
    windows = []
    for index, row in enumerate(encoded["overflow_to_sample_mapping"]):
        in_context = [part == 1 for part in encoded.sequence_ids(index)]
        offsets = tuple(
            tuple(span) if inside else None
            for span, inside in zip(encoded["offset_mapping"][index], in_context, strict=True)
        )
        windows.append(Window(row, {name: encoded[name][index] for name in names}, offsets))
    return windows


def _check_questions(tokenizer, questions: Sequence[str], max_length: int, stride: int) -> None:
    room = max_length - tokenizer.num_special_tokens_to_add(pair=True) - stride - MIN_CONTEXT_TOKENS
    encoded = tokenizer(questions, add_special_tokens=False, verbose=False)["input_ids"]
    for question, ids in zip(questions, encoded, strict=True):
        if len(ids) > room:
            raise DataError(
                f"The question has {len(ids)} tokens; at most {max(room, 0)} fit beside the text with windows of "
                f"{max_length} tokens that overlap by {stride}. Shorten it: '{question[:60]}…'"
            )


def answer_positions(window: Window, answers: Mapping) -> dict[str, int]:
    """The tokens where the first answer starts and ends; 0, [CLS], where the window does not hold all of it."""
    no_answer = {"start_positions": 0, "end_positions": 0}  # [CLS]
    if not answers["text"]:
        return no_answer
    start = answers["answer_start"][0]
    end = start + len(answers["text"][0])
    inside = [index for index, span in enumerate(window.offsets) if span is not None]
    if not inside or window.offsets[inside[0]][0] > start or window.offsets[inside[-1]][1] < end:
        return no_answer
    first = max(index for index in inside if window.offsets[index][0] <= start)
    last = min(index for index in inside if window.offsets[index][1] >= end)
    return {"start_positions": first, "end_positions": last}
