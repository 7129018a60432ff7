"""What a model does not read of an input: tokens beyond its limit, and words that are not in its vocabulary."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..tasks import Task
from .encoding import Window
from .features import count_tokens
from .kinds import kind_of


@dataclass(frozen=True)
class Reading:
    """How much of one input reaches the model. The fields are those of `Prediction`."""

    tokens_total: int  # of the whole texts, [CLS] and [SEP] included
    tokens_read: int  # of these, in the model's input or in one of its windows
    unknown_words: tuple[str, ...]  # each once, in order; the model reads each of them as [UNK]
    nothing_read: bool  # whether all tokens of the texts are [UNK], or there are none

    @property
    def truncated(self) -> bool:
        return self.tokens_read < self.tokens_total


def reading_of(task: Task, tokenizer, row: Mapping, windows: Sequence[Window], max_length: int) -> Reading:
    """The `Reading` of a row from its windows. The caller holds the checkpoint's lock."""
    inputs = [window.inputs["input_ids"] for window in windows]
    is_cut_off = kind_of(task).cuts_texts
    is_full = len(windows) > 1 or len(inputs[0]) == max_length
    total = count_tokens(task, tokenizer, row) if is_full else len(inputs[0])
    unknown: tuple[str, ...] = ()
    if any(tokenizer.unk_token_id in ids for ids in inputs):
        texts = [row[field] for field in task.text_fields]
        limit = {"truncation": kind_of(task).truncation, "max_length": max_length} if is_cut_off else {}
        encoded = tokenizer(*texts, **limit, return_offsets_mapping=True, verbose=False)
        unknown = unknown_words(tokenizer, texts, encoded)
    return Reading(total, min(total, max_length) if is_cut_off else total, unknown, reads_nothing(tokenizer, inputs))


def reads_nothing(tokenizer, inputs: Iterable[Sequence[int]]) -> bool:
    """Whether these inputs (`input_ids`) hold special tokens alone, [UNK] among them."""
    special = set(tokenizer.all_special_ids)
    return all(special.issuperset(ids) for ids in inputs)


def unknown_words(tokenizer, texts: Sequence[str], encoded) -> tuple[str, ...]:
    """The words of the texts that became [UNK], each once. Neighbouring unknown characters are one word.

    `encoded` is the tokenizer's output for the texts, with its offsets."""
    words: list[str] = []
    last = None  # (text, end) of the unknown word before
    tokens = zip(encoded["input_ids"], encoded.sequence_ids(0), encoded["offset_mapping"], strict=True)
    for token, part, (start, end) in tokens:
        if part is None or token != tokenizer.unk_token_id:
            continue
        word = texts[part][start:end]
        if last == (part, start) and words:
            words[-1] += word
        else:
            words.append(word)
        last = part, end
    return tuple(dict.fromkeys(words))


def is_blank(text: object) -> bool:
    """Whether a text has nothing that can be seen: it is no text, or has only spaces, control characters and invisible
    characters."""
    return not isinstance(text, str) or all(
        character.isspace() or unicodedata.category(character) in ("Cc", "Cf") for character in text
    )
