"""Rows to features: what a model reads. Single texts and pairs are cut at `max_length`; span tasks become windows.

A feature is a dict of lists (`input_ids`, `token_type_ids` where the model has them, labels); nothing is padded before
its batch (`collate`). For a span task one row gives one or more windows over its context, neighbours overlapping by
`doc_stride` tokens (the tokenizer's `stride`; in the original BERT script the same word meant the step).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
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


def window_size(task: Task | None, model_config, max_length: int | None = None) -> int:
    """Tokens per input: what was asked for, the task's default, at most what the model's position table holds.

    RoBERTa-like tables keep `pad_token_id + 1` positions for themselves."""
    reserved = model_config.pad_token_id + 1 if model_config.model_type in ("roberta", "xlm-roberta") else 0
    return min(max_length or task.max_length, model_config.max_position_embeddings - reserved)


def input_length(task: Task, model_config) -> int:
    """Tokens per input for a fine-tuned checkpoint: as many as it was fine-tuned with, else the task's default."""
    return window_size(task, model_config, getattr(model_config, "fine_tuned_length", None))


def encode_texts(task: Task, tokenizer, rows: Sequence[Mapping], max_length: int) -> list[dict[str, list[int]]]:
    """One feature per row for classification and regression; the longer text of a pair is cut first."""
    texts = [[row[field] for row in rows] for field in task.text_fields]
    if not rows:
        return []
    encoded = tokenizer(*texts, truncation=True, max_length=max_length, return_attention_mask=False)
    names = [name for name in encoded if name in ("input_ids", "token_type_ids")]
    return [{name: encoded[name][index] for name in names} for index in range(len(rows))]


def count_tokens(task: Task, tokenizer, row: Mapping) -> int:
    """Tokens of a row's whole text, [CLS] and [SEP] included, nothing cut."""
    return len(tokenizer(*(row[field] for field in task.text_fields), verbose=False)["input_ids"])


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


def train_features(task: Task, tokenizer, rows: Sequence[Mapping], max_length: int, stride: int) -> list[dict]:
    """Features with labels. A window that does not hold the whole answer points at [CLS], as does "no answer"."""
    if task.kind == "span":
        return [
            {**window.inputs, **_positions(window, rows[window.row][task.label_field])}
            for window in encode_windows(task, tokenizer, rows, max_length, stride)
        ]
    features = encode_texts(task, tokenizer, rows, max_length)
    return [{**feature, "labels": row[task.label_field]} for feature, row in zip(features, rows, strict=True)]


def _positions(window: Window, answers: Mapping) -> dict[str, int]:
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


def collate(features: Sequence[Mapping], pad_token_id: int) -> dict:
    """A batch of tensors padded on the right to its own longest feature: `input_ids`, `attention_mask`
    [batch, num_tokens] and so on; labels [batch]."""
    import torch

    length = max(len(feature["input_ids"]) for feature in features)
    batch = {}
    for name, first in features[0].items():
        if isinstance(first, list):
            fill = pad_token_id if name == "input_ids" else 0
            batch[name] = torch.tensor([f[name] + [fill] * (length - len(f[name])) for f in features])
        else:
            batch[name] = torch.tensor([f[name] for f in features])
    ones = [[1] * len(f["input_ids"]) + [0] * (length - len(f["input_ids"])) for f in features]
    batch["attention_mask"] = torch.tensor(ones)
    return batch


class LengthGroupedBatches:
    """A batch sampler: shuffled batches of rows of about the same length, so that little padding is computed.

    Each epoch is a new shuffle, a function of `seed` and the epoch alone. It is cut into stretches of fifty batches,
    and the rows of each are grouped by length; only then `lengths(rows)` is asked how long they are. With several
    processes the incomplete last round is dropped, so that no row is read by two of them."""

    BATCHES_SORTED_TOGETHER = 50

    def __init__(
        self,
        rows: int,
        lengths: Callable[[Sequence[int]], Sequence[int]],
        batch_size: int,
        seed: int,
        processes: int = 1,
        rank: int = 0,
    ):
        self.rows, self.lengths, self.batch_size, self.seed = rows, lengths, batch_size, seed
        self.processes, self.rank, self.epoch = processes, rank, 0

    def __len__(self) -> int:
        if self.processes == 1:
            return -(-self.rows // self.batch_size)
        return self.rows // (self.batch_size * self.processes)

    def __iter__(self) -> Iterator[list[int]]:
        shuffle = random.Random(f"{self.seed}-{self.epoch}")
        order = shuffle.sample(range(self.rows), self.rows)
        size = self.batch_size * self.processes  # one round: a batch for every process, of similar lengths
        together = size * self.BATCHES_SORTED_TOGETHER
        for first in range(0, len(order), together):
            rows = self._longest_first(order[first : first + together])
            rounds = [rows[start : start + size] for start in range(0, len(rows), size)]
            shuffle.shuffle(rounds)
            for one in rounds:
                if self.processes == 1 or len(one) == size:
                    yield one[self.rank :: self.processes]

    def _longest_first(self, rows: Sequence[int]) -> list[int]:
        lengths = dict(zip(rows, self.lengths(rows), strict=True))
        return sorted(rows, key=lambda row: -lengths[row])
