"""Unlabelled texts for distillation: those of a task's rows, or all texts of one's own files.

Each text is used once, and a text that is part of another is dropped: the 67,000 train rows of SST-2 are phrases cut
from 6,900 sentences, and a phrase shows nothing of the teacher that its sentence does not show. A text that is longer
than the model reads is divided into sentences, and a longer sentence into windows, so that the whole is read.
"""

from __future__ import annotations

import functools
import random
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import DataError
from ..results import DataSource
from ..tasks import Task
from . import features
from .columns import guess_columns
from .files import MAX_FILE_BYTES, Table, is_text_column, listed, read_table
from .folders import WHOLE, Part, find_parts
from .labels import LabelMeaning
from .rows import encodable
from .sources import find_place, mirror_folder, open_source

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerBase

TEXT_KIND = ".txt"
VALIDATION_TEXTS = 256  # the same for every run on the same data, whatever its seed
VALIDATION_SHARE = 0.2  # at most, of one's own texts without a validation split
SENTENCE_END = re.compile(r"(?<=[.!?…])[\"'”’)\]]*\s+|(?<=[。！？])|\n+")
LONG_CHARACTERS = 20  # for each token that the model reads: longer texts are divided at once
Divide = Callable[[Sequence[str]], list[str]]


@dataclass(frozen=True)
class Texts:
    """Distinct texts to learn on, and distinct texts to measure on, without overlap."""

    train: list[str]
    validation: list[str]
    source: DataSource


def load_texts(
    task: Task, data: str, split: str, tokenizer: PreTrainedTokenizerBase | None = None, max_length: int = 0
) -> Texts:
    """The texts of `data`: one's own file, archive or folder, read in all its columns of texts, or an argument of
    `open_source`, whose `split` is read in all text fields of the task. No labels are needed.

    With a `tokenizer`, texts of more than `max_length` tokens are divided. Raises `DataError` if there are too few."""
    place = own_place(task, data)
    divide = functools.partial(divided, tokenizer=tokenizer, max_length=max_length) if tokenizer else list
    texts = _own_texts(task, place, split, divide) if place else _texts_of_task(task, data, split, divide)
    if len(texts.train) < 2 or not texts.validation:
        raise DataError(
            f"There are {len(texts.train)} texts to learn on and {len(texts.validation)} to measure on; "
            "at least 2 and 1 are needed."
        )
    return texts


def own_place(task: Task, data: str) -> Path | None:
    """One's own file or folder that `data` names; None for official rows and the sample."""
    place = find_place(data) if data not in ("auto", "mirror", "hub", "sample") else None
    return None if place is None or (place.is_dir() and mirror_folder(task, place)) else place


def _texts_of_task(task: Task, data: str, split: str, divide: Divide) -> Texts:
    source = open_source(task, data, (split, *task.eval_splits), LabelMeaning(needed=False))
    rows = source.read(split)
    candidates = _distinct(
        row[field] for name in source.eval_splits for row in source.read(name) for field in task.text_fields
    )
    drawn = _draw(candidates, VALIDATION_TEXTS)
    validation = _draw(_distinct(divide(drawn)), VALIDATION_TEXTS)
    whole = without_parts(_distinct((row[field] for row in rows for field in task.text_fields), excluded=drawn))
    train, words = _divided_train(whole, validation, divide)
    described = source.describe({split: len(rows)})
    return Texts(train, validation, DataSource(described.kind, described.description + words, described.splits))


def _divided_train(texts: Sequence[str], validation: Sequence[str], divide: Divide) -> tuple[list[str], str]:
    """The texts to learn on, and how they were divided in words."""
    pieces = divide(texts)
    train = without_parts(_distinct(pieces, excluded=validation)) if len(pieces) > len(texts) else list(texts)
    words = f"; the {len(texts):,} texts are read as {len(pieces):,} sentences or windows" if pieces != texts else ""
    return _distinct(train, excluded=validation), words


# -- one's own texts -----------------------------------------------------------------------------------------------


def _own_texts(task: Task, place: Path, split: str, divide: Divide) -> Texts:
    tables = _own_tables(place)
    if split == "train" and split not in tables and len(tables) == 1:
        split = next(iter(tables))
    if split not in tables:
        raise DataError(f"{place.name} has no splits but {listed(list(tables))}; '{split}' was asked for.")
    columns: dict[str, None] = {}
    notes: dict[str, None] = {}
    lines = _distinct(_read_texts(task, tables[split], columns, notes))
    pieces = _distinct(divide(lines))
    kept = [name for name in tables if name.startswith("validation") and name != split]
    if kept:
        drawn = _distinct(text for name in kept for text in _read_texts(task, tables[name], {}, {}))
        validation = _draw(_distinct(divide(_draw(drawn, VALIDATION_TEXTS))), VALIDATION_TEXTS)
    else:
        validation = _draw(pieces, min(VALIDATION_TEXTS, int(len(pieces) * VALIDATION_SHARE)))
    train = without_parts(_distinct(pieces, excluded=validation))
    source = DataSource(
        "folder" if place.is_dir() else "file",
        _own_words(place, tables[split], lines, pieces, list(columns), list(notes)),
        {split if split in ("train", "test") else "train": len(lines)},
    )
    return Texts(train, validation, source)


def _own_tables(place: Path) -> Mapping[str, Sequence[Part]]:
    """The tables of a place; those of a folder of .txt files without names of splits are one."""
    if place.is_dir():
        files = sorted(file for file in place.iterdir() if file.is_file() and not file.name.startswith("."))
        texts = [file for file in files if file.suffix.lower() == TEXT_KIND]
        if (size := sum(file.stat().st_size for file in texts)) > MAX_FILE_BYTES:
            raise DataError(f"The text files have {size / 1e6:.0f} MB; at most {MAX_FILE_BYTES / 1e6:.0f} MB are read.")
        if texts and len(texts) == len(files) and not any(file.stem in ("train", "validation") for file in texts):
            return {WHOLE: [Part(file.name, functools.partial(read_table, file)) for file in texts]}
    tables = find_parts(place)
    if not tables:
        raise DataError(f"{place} holds no texts: no table, and no {TEXT_KIND} file.")
    return tables


def _read_texts(task: Task, parts: Sequence[Part], columns: dict[str, None], notes: dict[str, None]) -> Iterator[str]:
    """The texts of tables, row by row. Adds the columns that were read, and what is to be said of the reading."""
    for part in parts:
        table = part.read()
        found = text_columns(task, table)
        if not found and table.rows:
            raise DataError(f"{part.name} has no column of texts. Found: {listed(table.columns)}.")
        columns.update(dict.fromkeys(found))
        notes.update(dict.fromkeys(table.notes))
        for row in table.rows:
            yield from (
                encodable(row[name].strip()) for name in found if isinstance(row[name], str) and row[name].strip()
            )


def text_columns(task: Task, table: Table) -> list[str]:
    """The columns that hold texts: those of the task if all are there, else every one; in the order of the table."""
    guess = guess_columns(task, table.columns)
    if all(field in guess for field in task.text_fields):
        chosen = {guess[field] for field in task.text_fields}
        return [column for column in table.columns if column in chosen]
    sample = table.rows[:1000]
    cells = {
        column: [row[column] for row in sample if isinstance(row[column], str) and row[column].strip()]
        for column in table.columns
    }
    texts = [column for column in table.columns if is_text_column(cells[column])]
    return texts or [column for column in table.columns if len(table.columns) == 1 and cells[column]]


def _own_words(
    place: Path,
    parts: Sequence[Part],
    lines: Sequence[str],
    pieces: Sequence[str],
    columns: list[str],
    notes: list[str],
) -> str:
    """The source in words: where the texts stand, how many, and that all of them is read."""
    names = place.name if len(parts) == 1 or place.is_file() else f"{len(parts)} files"
    is_plain = all(part.name.lower().endswith(TEXT_KIND) for part in parts)
    words = f"own text in {names}: {len(lines):,} different {'lines' if is_plain else 'texts'}"
    if not is_plain:
        words += f" of the column{'s' * (len(columns) > 1)} {listed(columns)}"
    if list(pieces) != list(lines):
        words += f", all of them read, as {len(pieces):,} different sentences or windows"
    said = [note for note in notes if not note.startswith("Read as one text a line")]
    return ". ".join([words, *(note.rstrip(".") for note in said)])


# -- long texts ----------------------------------------------------------------------------------------------------


def divided(texts: Sequence[str], tokenizer: PreTrainedTokenizerBase, max_length: int) -> list[str]:
    """The texts, those of more than `max_length` tokens divided into sentences, and longer sentences into windows of
    whole words. Nothing is left out."""
    room = max(1, max_length - tokenizer.num_special_tokens_to_add())
    fits = _fits(texts, tokenizer, room)
    sentences, whole = [], []
    for text, is_whole in zip(texts, fits, strict=True):
        parts = [text] if is_whole else [part.strip() for part in _sentences(text, LONG_CHARACTERS * room)]
        sentences += [part for part in parts if part]
        whole += [is_whole for part in parts if part]
    unsure = [sentence for sentence, is_whole in zip(sentences, whole, strict=True) if not is_whole]
    windows = {
        sentence: [sentence] if is_short else list(_windows(sentence, tokenizer, room))
        for sentence, is_short in zip(unsure, _fits(unsure, tokenizer, room), strict=True)
    }
    return [window for sentence in sentences for window in windows.get(sentence, [sentence])]


def _fits(texts: Sequence[str], tokenizer: PreTrainedTokenizerBase, room: int) -> list[bool]:
    """Whether each text has at most `room` tokens. Very long ones are not tokenized for it."""
    fits = [len(text) - text.count(" ") <= room for text in texts]  # a token has at least one character
    unsure = [index for index, text in enumerate(texts) if not fits[index] and len(text) <= LONG_CHARACTERS * room]
    if unsure:
        encoded = tokenizer([texts[index] for index in unsure], add_special_tokens=False, verbose=False)["input_ids"]
        for index, ids in zip(unsure, encoded, strict=True):
            fits[index] = len(ids) <= room
    return fits


def _sentences(text: str, longest: int) -> Iterator[str]:
    """The sentences of a text, those of more characters than `longest` between words where that is possible."""
    start = 0
    for end in (*(found.end() for found in SENTENCE_END.finditer(text)), len(text)):
        while end - start > longest:
            space = text.rfind(" ", start + 1, start + longest)
            middle = space if space > 0 else start + longest
            yield text[start:middle]
            start = middle
        yield text[start:end]
        start = end


def _windows(text: str, tokenizer: PreTrainedTokenizerBase, room: int) -> Iterator[str]:
    """The text in pieces of whole words, as many tokens each as fit."""
    encoded = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
    words, offsets, start = encoded.word_ids(), encoded["offset_mapping"], 0
    while start < len(offsets):
        end = min(start + room, len(offsets))
        while end < len(offsets) and end > start + 1 and words[end] == words[end - 1]:
            end -= 1
        last = offsets[end][0] if end < len(offsets) else len(text)
        yield text[offsets[start][0] if start else 0 : last].strip()
        start = end


def _distinct(texts: Iterable[str], excluded: Sequence[str] = ()) -> list[str]:
    excluded = set(excluded)
    return [text for text in dict.fromkeys(texts) if text not in excluded]


def _draw(texts: Sequence[str], number: int) -> list[str]:
    """`number` of the texts, at least one, drawn by a fixed seed."""
    return random.Random(0).sample(texts, min(len(texts), max(1, number)))


def without_parts(texts: Sequence[str]) -> list[str]:
    """The texts, in their order, that are not a sequence of words within another text. `texts` must be distinct."""
    words_of = {text: tuple(text.split()) for text in texts}
    lengths: dict[tuple[str, ...], set[int]] = {}  # first two words -> the lengths in words of the texts that begin so
    for words in words_of.values():
        lengths.setdefault(words[:2], set()).add(len(words))
    parts: set[tuple[str, ...]] = set()
    whole_texts = set()
    for text in sorted(texts, key=lambda text: len(words_of[text]), reverse=True):
        words = words_of[text]
        if words in parts:
            continue
        whole_texts.add(text)
        for start in range(len(words)):
            for prefix in (words[start : start + 1], words[start : start + 2]):
                parts.update(words[start : start + length] for length in lengths.get(prefix, ()))
    return [text for text in texts if text in whole_texts]


# -- as a model reads them -----------------------------------------------------------------------------------------


class TokenIds:
    """The token ids of texts by number, as both models read them. A text is tokenized on first use and then cached."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], max_length: int):
        self.tokenizer, self.texts, self.max_length = tokenizer, texts, max_length
        self.cache: dict[int, list[int]] = {}  # number -> its token ids

    def read(self, numbers: Sequence[int]) -> list[list[int]]:
        """The token ids of each of these texts."""
        if missing := [number for number in numbers if number not in self.cache]:
            texts = [self.texts[number] for number in missing]
            encoded = self.tokenizer(texts, truncation=True, max_length=self.max_length)["input_ids"]
            self.cache |= zip(missing, encoded, strict=True)
        return [self.cache[number] for number in numbers]

    def lengths(self, numbers: Sequence[int]) -> list[int]:
        """The number of tokens of each of these texts."""
        return [len(ids) for ids in self.read(numbers)]

    def batch(self, numbers: Sequence[int], device: torch.device) -> dict[str, torch.Tensor]:
        """`input_ids` and `attention_mask`, [batch, num_tokens] each, padded on the right to the longest text."""
        batch = features.collate([{"input_ids": ids} for ids in self.read(numbers)], self.tokenizer.pad_token_id)
        return {name: tensor.to(device) for name, tensor in batch.items()}
