"""Texts without labels, which is all a distillation needs: those of a task, or the lines of plain text files.

Each text comes once, and a text that is a part of another one not at all: the 67,000 train rows of SST-2 are phrases
cut from 6,900 sentences, and a phrase shows nothing of the teacher that its sentence does not show.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import DataError
from ..results import DataSource
from ..tasks import Task
from . import features
from .files import MAX_FILE_BYTES, read_text
from .rows import encodable
from .sources import find_place, mirror_folder, open_source

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerBase

TEXT_KIND = ".txt"
VALIDATION_TEXTS = 256  # the same ones for every run on the same data, whatever its seed
VALIDATION_SHARE = 0.2  # of plain text files, which have no validation split, at most


@dataclass(frozen=True)
class Texts:
    """Different texts to learn on, and others to measure on."""

    train: list[str]
    validation: list[str]
    source: DataSource


def load_texts(task: Task, data: str, split: str) -> Texts:
    """The texts that `data` names: an argument of `open_source`, whose `split` is read in all its text fields, or a
    text file (`.txt`, one text a line) or a folder of them. Raises `DataError` if there are too few."""
    files = text_files(task, data)
    found = _of_files(files, split) if files else _of_task(task, data, split)
    if len(found.train) < 2 or not found.validation:
        raise DataError(
            f"There are {len(found.train)} texts to learn on and {len(found.validation)} to measure on; "
            "at least 2 and 1 are needed."
        )
    return found


def text_files(task: Task, data: str) -> list[Path]:
    """The plain text files that `data` names; none if it is something else, rows of the task for example."""
    place = find_place(data)
    if place is None or (place.is_dir() and mirror_folder(task, place)):
        return []
    found = place.iterdir() if place.is_dir() else [place]
    return sorted(file for file in found if file.suffix.lower() == TEXT_KIND)


def _of_task(task: Task, data: str, split: str) -> Texts:
    source = open_source(task, data, (split, *task.eval_splits))
    rows = source.read(split)
    held = _distinct(
        row[field] for name in source.eval_splits for row in source.read(name) for field in task.text_fields
    )
    validation = _draw(held, VALIDATION_TEXTS)
    train = _distinct((row[field] for row in rows for field in task.text_fields), but=validation)
    return Texts(without_parts(train), validation, source.describe({split: len(rows)}))


def _of_files(files: Sequence[Path], split: str) -> Texts:
    if split != "train":
        raise DataError(f"Text files have no splits; '{split}' was asked for.")
    if (size := sum(file.stat().st_size for file in files)) > MAX_FILE_BYTES:
        raise DataError(f"The text files have {size / 1e6:.0f} MB; at most {MAX_FILE_BYTES / 1e6:.0f} MB can be read.")
    lines = _distinct(
        encodable(line.strip()) for file in files for line in read_text(file).splitlines() if line.strip()
    )
    validation = _draw(lines, min(VALIDATION_TEXTS, int(len(lines) * VALIDATION_SHARE)))
    names = files[0].name if len(files) == 1 else f"{len(files)} files"
    source = DataSource("file", f"own text in {names}: {len(lines):,} different lines", {"train": len(lines)})
    return Texts(without_parts(_distinct(lines, but=validation)), validation, source)


def _distinct(texts: Iterable[str], but: Sequence[str] = ()) -> list[str]:
    unwanted = set(but)
    return [text for text in dict.fromkeys(texts) if text not in unwanted]


def _draw(texts: Sequence[str], number: int) -> list[str]:
    """So many of them, at least one, always the same."""
    return random.Random(0).sample(texts, min(len(texts), max(1, number)))


def without_parts(texts: Sequence[str]) -> list[str]:
    """The texts, in their order, that are not some words in a row of another one. They are different."""
    split = {text: tuple(text.split()) for text in texts}
    lengths: dict[tuple[str, ...], set[int]] = {}  # first two words -> how many words such a text may have
    for words in split.values():
        lengths.setdefault(words[:2], set()).add(len(words))
    parts: set[tuple[str, ...]] = set()
    kept = set()
    for text in sorted(texts, key=lambda text: len(split[text]), reverse=True):
        words = split[text]
        if words in parts:
            continue
        kept.add(text)
        for start in range(len(words)):
            for first in (words[start : start + 1], words[start : start + 2]):
                parts.update(words[start : start + length] for length in lengths.get(first, ()))
    return [text for text in texts if text in kept]


# -- as a model reads them -----------------------------------------------------------------------------------------


class TokenIds:
    """Texts by number as both models read them: tokenized when they are first asked for, and never twice."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], max_length: int):
        self.tokenizer, self.texts, self.max_length = tokenizer, texts, max_length
        self.known: dict[int, list[int]] = {}  # number -> its token ids

    def read(self, numbers: Sequence[int]) -> list[list[int]]:
        """The token ids of each of these texts."""
        if unknown := [number for number in numbers if number not in self.known]:
            texts = [self.texts[number] for number in unknown]
            encoded = self.tokenizer(texts, truncation=True, max_length=self.max_length)["input_ids"]
            self.known |= zip(unknown, encoded, strict=True)
        return [self.known[number] for number in numbers]

    def lengths(self, numbers: Sequence[int]) -> list[int]:
        """How many tokens these texts have."""
        return [len(ids) for ids in self.read(numbers)]

    def batch(self, numbers: Sequence[int], device: torch.device) -> dict[str, torch.Tensor]:
        """`input_ids` and `attention_mask`, [batch, num_tokens] each, padded on the right to the longest text."""
        batch = features.collate([{"input_ids": ids} for ids in self.read(numbers)], self.tokenizer.pad_token_id)
        return {name: tensor.to(device) for name, tensor in batch.items()}
