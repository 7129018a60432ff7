"""How a text becomes tokens and words: checks of the text, the tokenizer's output, and words as people see them."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..errors import DataError
from ..models import Checkpoint
from ..results import WordSpan
from ..tasks import Task
from . import features
from .kinds import kind_of
from .rows import encodable
from .unread import is_blank, reads_nothing, unknown_words


@dataclass(frozen=True)
class PlacedWord:
    """A word: characters start..end of a field's text, and the positions of its tokens in the model's input."""

    field: str
    start: int
    end: int
    tokens: tuple[int, ...]


INNER_MARKS = re.compile(r"(?<=\w)['’\-‐‑](?=\w)|(?<=\d)[.,:](?=\d)")  # don't, well-known, 3.5
INVISIBLE = ("Mn", "Me", "Cf")  # Unicode categories: combining marks, joiners of emoji


def word_spans(tokenizer, text: str) -> list[tuple[int, int]]:
    """(start, end) characters of each word: the tokenizer's words, joined where an apostrophe, a hyphen, a decimal
    point or a joiner connects them. The caller holds the checkpoint's lock."""
    encoded = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
    tokenizer_words: dict[int, tuple[int, int]] = {}
    for word, (start, end) in zip(encoded.word_ids(), encoded["offset_mapping"], strict=True):
        start = skip_spaces(text, start, end)
        if word is not None and start < end:
            first, last = tokenizer_words.get(word, (start, end))
            tokenizer_words[word] = min(first, start), max(last, end)
    joints = {match.start() for match in INNER_MARKS.finditer(text)}
    joints |= {index for index, character in enumerate(text) if unicodedata.category(character) in INVISIBLE}
    spans: list[tuple[int, int]] = []
    for start, end in sorted(tokenizer_words.values()):
        while end < len(text) and unicodedata.category(text[end]) in INVISIBLE:
            end += 1
        if spans and spans[-1][1] >= start and (start in joints or start - 1 in joints):
            spans[-1] = spans[-1][0], max(end, spans[-1][1])
        else:
            spans.append((start, end))
    return spans


def skip_spaces(text: str, start: int, end: int) -> int:
    """`start` moved past spaces: byte-level tokenizers count the space before a word as its first character."""
    while start < end and text[start].isspace():
        start += 1
    return start


def place_words(
    field: str, text: str, spans: Sequence[tuple[int, int]], offsets: Iterable[tuple[int, tuple[int, int]]]
):
    """The words that have tokens. `offsets` are pairs of a position in the model's input and (start, end) characters of
    the text."""
    starts = [start for start, _ in spans]
    tokens: dict[int, list[int]] = {}
    for position, (start, _) in offsets:
        start = skip_spaces(text, start, len(text))  # the space before a word may be a token, and is the word's
        word = bisect_right(starts, start) - 1
        if word >= 0 and start < spans[word][1]:
            tokens.setdefault(word, []).append(position)
    return [PlacedWord(field, *spans[word], tuple(positions)) for word, positions in sorted(tokens.items())]


MAX_TOKENS = 512  # [CLS] and [SEP] included, fewer where the model's position table is shorter


def check_texts(task: Task | None, texts: tuple[str, ...]) -> tuple[str, ...]:
    """The texts as they are passed to the tokenizer. Raises `DataError` for one that is empty or too long, and for a
    wrong number of texts."""
    if task and len(task.text_fields) != len(texts):
        fields = ", ".join(task.text_fields)
        raise DataError(f"{task.name} reads {len(task.text_fields)} texts ({fields}); {len(texts)} came.")
    for text, name in zip(texts, _names(texts), strict=False):
        if is_blank(text):
            raise DataError(f"The {name} is empty. Write some words to look at.")
        if len(text) > MAX_TEXT_CHARACTERS:
            raise DataError(f"The {name} has {len(text):,} characters; at most {MAX_TEXT_CHARACTERS:,} are read.")
    return kind_of(task).as_read(tuple(map(encodable, texts)))


def _names(texts: Sequence[str]) -> tuple[str, ...]:
    return ("first text", "second text") if len(texts) == 2 else ("text",)


@dataclass(frozen=True)
class ReadInput:
    """An input as the model reads it; the fields are those of `AttentionTrace`."""

    inputs: Mapping[str, list[int]]  # input_ids [num_tokens], token_type_ids where the model has them
    tokens: tuple[str, ...]
    segment_ids: tuple[int, ...]
    offsets: tuple[tuple[int, int] | None, ...]
    separators: tuple[bool, ...]
    word_ids: tuple[int | None, ...]
    words: tuple[WordSpan, ...]
    tokens_total: int  # of the whole texts, as this and the next two of `Reading`
    unknown_words: tuple[str, ...]
    nothing_read: bool

    @property
    def tokens_read(self) -> int:
        return len(self.tokens)

    @property
    def truncated(self) -> bool:
        return self.tokens_read < self.tokens_total


def read_input(
    task: Task | None, checkpoint: Checkpoint, texts: tuple[str, ...], max_length: int | None = None
) -> ReadInput:
    """Checked texts as the checkpoint reads them: at most `max_length` tokens, or as many as its position table holds.

    By default a task's model reads as many as `predict` gives to it (of a question: the first window), an encoder
    `MAX_TOKENS`. Raises `DataError` for a text that has no word or leaves no room for the other."""
    config = checkpoint.model.config
    if task and not max_length:
        length = features.input_length(task, config)
    else:
        length = features.window_size(task, config, max_length or MAX_TOKENS)
    tokenizer, kind = checkpoint.tokenizer, kind_of(task)
    with checkpoint.lock:
        kind.check_room(tokenizer, texts, length)
        encoded = tokenizer(
            *texts,
            truncation=kind.truncation,
            max_length=length,
            return_offsets_mapping=True,
            verbose=False,
        )
        ids = encoded["input_ids"]
        total = len(tokenizer(*texts, verbose=False)["input_ids"]) if len(ids) == length else len(ids)
        unknown, nothing = unknown_words(tokenizer, texts, encoded), reads_nothing(tokenizer, [ids])
        tokens = tuple(tokenizer.convert_ids_to_tokens(ids))
        spans = [word_spans(tokenizer, text) for text in texts]
    parts = encoded.sequence_ids(0)
    offsets = tuple(
        None if part is None else (skip_spaces(texts[part], *span), span[1])
        for part, span in zip(parts, encoded["offset_mapping"], strict=True)
    )
    words, word_ids = _words(texts, spans, parts, offsets)
    return ReadInput(
        inputs={name: encoded[name] for name in ("input_ids", "token_type_ids") if name in encoded},
        tokens=tokens,
        segment_ids=_segments(parts),
        offsets=offsets,
        separators=tuple(
            part is None and token_id == tokenizer.sep_token_id for part, token_id in zip(parts, ids, strict=True)
        ),
        word_ids=word_ids,
        words=words,
        tokens_total=total,
        unknown_words=unknown,
        nothing_read=nothing,
    )


def _segments(parts: Sequence[int | None]) -> tuple[int, ...]:
    """The segment of each token. A special token belongs to the text before it, the first one to the first text."""
    segments, current = [], 0
    for part in parts:
        current = current if part is None else part
        segments.append(current)
    return tuple(segments)


def _words(
    texts: Sequence[str],
    spans: Sequence[Sequence[tuple[int, int]]],
    parts: Sequence[int | None],
    offsets: Sequence[tuple[int, int] | None],
) -> tuple[tuple[WordSpan, ...], tuple[int | None, ...]]:
    """The words of all texts that have tokens, and the word of each token."""
    words: list[WordSpan] = []
    word_ids: list[int | None] = [None] * len(parts)
    for segment, (text, name) in enumerate(zip(texts, _names(texts), strict=True)):
        offsets_of_text = [(position, offsets[position]) for position, part in enumerate(parts) if part == segment]
        if not offsets_of_text:
            raise DataError(f"The {name} holds no word the model can read. Write some words to look at.")
        for word in place_words("", text, spans[segment], offsets_of_text):
            for position in word.tokens:
                word_ids[position] = len(words)
            words.append(WordSpan(segment, word.start, word.end, text[word.start : word.end]))
    return tuple(words), tuple(word_ids)


MAX_TEXT_CHARACTERS = 100_000


def check_row(task: Task, row: Mapping[str, str]) -> dict[str, str]:
    """The row's text fields. Raises `DataError` for one that is missing, empty or too long."""
    for field in task.text_fields:
        text, name = row.get(field), task.words_for(field)
        if is_blank(text):
            raise DataError(f"The {name} is empty. {task.name} needs: {', '.join(task.text_fields)}.")
        if len(text) > MAX_TEXT_CHARACTERS:
            raise DataError(f"The {name} has {len(text):,} characters; at most {MAX_TEXT_CHARACTERS:,} are read.")
    return {field: encodable(row[field]) for field in task.text_fields}
