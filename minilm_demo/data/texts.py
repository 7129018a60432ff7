"""Unlabelled texts for distillation: those of a task, or the lines of plain text files.

Each text is used once, and a text that is part of another is dropped: the 67,000 train rows of SST-2 are phrases cut
from 6,900 sentences, and a phrase shows nothing of the teacher that its sentence does not show.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import DataError
from ..results import DataSource
from ..tasks import TASKS, Task
from . import features
from .files import MAX_FILE_BYTES, read_text
from .rows import encodable
from .sources import find_place, mirror_folder, open_source, sample_source

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerBase

TEXT_KIND = ".txt"
VALIDATION_TEXTS = 256  # the same for every run on the same data, whatever its seed
VALIDATION_SHARE = 0.2  # at most, of plain text files, which have no validation split


@dataclass(frozen=True)
class Texts:
    """Distinct texts to learn on, and distinct texts to measure on, without overlap."""

    train: list[str]
    validation: list[str]
    source: DataSource


def load_texts(task: Task, data: str, split: str) -> Texts:
    """The texts of `data`: a text file (`.txt`, one text per line), a folder of them, or an argument of `open_source`,
    whose `split` is read in all its text fields. The bundled sample's `train` split is that of all tasks together, for
    one task has too few texts. Raises `DataError` if there are too few."""
    files = text_files(task, data)
    texts = _texts_of_files(files, split) if files else _texts_of_task(task, data, split)
    if len(texts.train) < 2 or not texts.validation:
        raise DataError(
            f"There are {len(texts.train)} texts to learn on and {len(texts.validation)} to measure on; "
            "at least 2 and 1 are needed."
        )
    return texts


def text_files(task: Task, data: str) -> list[Path]:
    """The plain text files of `data`; none if it is something else, for example rows of the task."""
    place = find_place(data)
    if place is None or (place.is_dir() and mirror_folder(task, place)):
        return []
    candidates = place.iterdir() if place.is_dir() else [place]
    return sorted(file for file in candidates if file.suffix.lower() == TEXT_KIND)


def _texts_of_task(task: Task, data: str, split: str) -> Texts:
    source = open_source(task, data, (split, *task.eval_splits))
    rows = source.read(split)
    candidates = _distinct(
        row[field] for name in source.eval_splits for row in source.read(name) for field in task.text_fields
    )
    validation = _draw(candidates, VALIDATION_TEXTS)
    described = source.describe({split: len(rows)})
    texts = [row[field] for row in rows for field in task.text_fields]
    if source.kind == "sample" and split == "train":
        others = _other_samples(task)
        described = replace(
            described, description=f"{described.description}, with {len(others):,} texts of the other tasks"
        )
        texts += others
    return Texts(without_parts(_distinct(texts, excluded=validation)), validation, described)


def _other_samples(task: Task) -> list[str]:
    """The distinct training texts of the bundled samples of all other tasks. A student learns no labels, so all texts
    help it."""
    others = {other.sample_folder: other for other in TASKS.values() if other.sample_folder != task.sample_folder}
    return _distinct(
        row[field]
        for other in others.values()
        for row in sample_source(other).read("train")
        for field in other.text_fields
    )


def _texts_of_files(files: Sequence[Path], split: str) -> Texts:
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
    return Texts(without_parts(_distinct(lines, excluded=validation)), validation, source)


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
