"""Texts as tokens: one feature for a text or pair, cut at `max_length`; or windows over a long context.

A feature is a dict of lists (`input_ids`, `token_type_ids` where the model has them). One row gives one or more
windows over its context, neighbours overlapping by `stride` tokens (the tokenizer's word; in the original BERT script
the same word meant the step).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..errors import DataError
from ..tasks import Task

MIN_CONTEXT_TOKENS = 32  # of a window: a longer question leaves too little room for the text


@dataclass(frozen=True)
class Window:
    """One stretch of a row's context as the model sees it.

    `offsets[token]` are characters (start, end) of the context, None for tokens outside it ([CLS], question, [SEP])."""

    row: int
    inputs: Mapping[str, list[int]]
    offsets: tuple[tuple[int, int] | None, ...]


def encode_texts(task: Task, tokenizer, rows: Sequence[Mapping], max_length: int) -> list[dict[str, list[int]]]:
    """One feature per row for classification and regression; the longer text of a pair is cut first."""
    texts = [[row[field] for row in rows] for field in task.text_fields]
    if not rows:
        return []
    encoded = tokenizer(*texts, truncation=True, max_length=max_length, return_attention_mask=False)
    names = [name for name in encoded if name in ("input_ids", "token_type_ids")]
    return [{name: encoded[name][index] for name in names} for index in range(len(rows))]


def encode_windows(task: Task, tokenizer, rows: Sequence[Mapping], max_length: int, stride: int) -> list[Window]:
    """The windows of each row's context, question in front, in order of the rows."""
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
    """The tokens at which the first answer begins and ends; [CLS] where the window does not hold all of it."""
    nowhere = {"start_positions": 0, "end_positions": 0}  # [CLS]
    if not answers["text"]:
        return nowhere
    start = answers["answer_start"][0]
    end = start + len(answers["text"][0])
    inside = [index for index, span in enumerate(window.offsets) if span is not None]
    if not inside or window.offsets[inside[0]][0] > start or window.offsets[inside[-1]][1] < end:
        return nowhere
    first = max(index for index in inside if window.offsets[index][0] <= start)
    last = min(index for index in inside if window.offsets[index][1] >= end)
    return {"start_positions": first, "end_positions": last}
