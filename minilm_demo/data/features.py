"""Rows to features, the inputs of a model. Single texts and pairs are truncated; a span task gives windows.

A feature is a dict of lists (`input_ids`, `token_type_ids` where the model has them) and labels. Features are padded
batch by batch (`collate`).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence

from ..results import CutRows
from ..tasks import Task
from .encoding import Window
from .kinds import kind_of

ROW = "row"  # key of a feature: the index of its row
LENGTHS = (32, 64, 128, 192, 256, 384, 512)  # in tokens, offered where texts are cut
FEW_CUT = 0.02  # the shortest length that cuts at most this share of the rows is offered


def window_size(task: Task | None, model_config, max_length: int | None = None) -> int:
    """Tokens per input: `max_length`, else the task's default, but at most what the model's position table holds.

    RoBERTa-like tables reserve `pad_token_id + 1` positions."""
    reserved = model_config.pad_token_id + 1 if model_config.model_type in ("roberta", "xlm-roberta") else 0
    return min(max_length or task.max_length, model_config.max_position_embeddings - reserved)


def input_length(task: Task, model_config) -> int:
    """Tokens per input of a checkpoint: the length it was fine-tuned with, else the task's default."""
    return window_size(task, model_config, getattr(model_config, "fine_tuned_length", None))


def encode(task: Task, tokenizer, rows: Sequence[Mapping], max_length: int, stride: int) -> list[Window]:
    """The windows of each row, in order of the rows: one with the whole row, or for a span task one or more over the
    context."""
    return kind_of(task).encode(task, tokenizer, rows, max_length, stride)


def cut_rows(task: Task, lengths: Sequence[int], max_length: int, limit: int) -> CutRows | None:
    """How many rows of these lengths, in tokens, are longer than `max_length`, and a length of at most `limit` that
    reads more of them whole; None for a task that reads long texts in windows."""
    if not kind_of(task).cuts_texts:
        return None
    number, cut = len(lengths), [length for length in lengths if length > max_length]
    longer = [length for length in LENGTHS if max_length < length <= limit] if cut else []
    cut_by = {length: sum(number > length for number in cut) for length in longer}
    best = next((length for length in longer if cut_by[length] <= FEW_CUT * number), max(longer, default=0))
    if not best or cut_by[best] == len(cut):
        return CutRows(number, len(cut), max_length)
    return CutRows(number, len(cut), max_length, best, cut_by[best])


def whole_lengths(task: Task, tokenizer, rows: Sequence[Mapping], lengths: Sequence[int], max_length: int) -> list[int]:
    """Tokens of each row's whole text, where `lengths` are those of its encoded input, at most `max_length`."""
    return [
        count_tokens(task, tokenizer, row) if length == max_length and kind_of(task).cuts_texts else length
        for row, length in zip(rows, lengths, strict=False)  # a long context has several inputs
    ]


def count_tokens(task: Task, tokenizer, row: Mapping) -> int:
    """Tokens of a row's whole text, [CLS] and [SEP] included, without truncation."""
    return len(tokenizer(*(row[field] for field in task.text_fields), verbose=False)["input_ids"])


def train_features(task: Task, tokenizer, rows: Sequence[Mapping], max_length: int, stride: int) -> list[dict]:
    """Features with labels, and under `ROW` the index of the row. A window without the whole answer points at [CLS], as
    "no answer" does."""
    kind = kind_of(task)
    return [
        {**window.inputs, **kind.targets(window, rows[window.row][task.label_field]), ROW: window.row}
        for window in encode(task, tokenizer, rows, max_length, stride)
    ]


def collate(features: Sequence[Mapping], pad_token_id: int) -> dict:
    """A batch of tensors padded on the right to its own longest feature: `input_ids`, `attention_mask`
    [batch, num_tokens] and so on; labels [batch]. `ROW` is left out."""
    import torch

    length = max(len(feature["input_ids"]) for feature in features)
    batch = {}
    for name, first in features[0].items():
        if name == ROW:
            continue
        if isinstance(first, list):
            fill = pad_token_id if name == "input_ids" else 0
            batch[name] = torch.tensor([f[name] + [fill] * (length - len(f[name])) for f in features])
        else:
            batch[name] = torch.tensor([f[name] for f in features])
    mask = [[1] * len(f["input_ids"]) + [0] * (length - len(f["input_ids"])) for f in features]
    batch["attention_mask"] = torch.tensor(mask)
    return batch


class LengthGroupedBatches:
    """A batch sampler: shuffled batches of rows of similar length, so that little padding is computed.

    Each epoch is a new shuffle, determined by `seed` and the epoch alone. It is cut into chunks of fifty batches, and
    the rows of a chunk are grouped by length; `lengths(rows)`, tokens per row, is called for one chunk at a time. With
    several processes the incomplete last round is dropped, so that no row is read by two of them."""

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
        round_size = self.batch_size * self.processes  # a round is a batch for every process, of similar lengths
        chunk_size = round_size * self.BATCHES_SORTED_TOGETHER
        for first in range(0, len(order), chunk_size):
            chunk = self._longest_first(order[first : first + chunk_size])
            rounds = [chunk[start : start + round_size] for start in range(0, len(chunk), round_size)]
            shuffle.shuffle(rounds)
            for rows in rounds:
                if self.processes == 1 or len(rows) == round_size:
                    yield rows[self.rank :: self.processes]

    def _longest_first(self, rows: Sequence[int]) -> list[int]:
        lengths = dict(zip(rows, self.lengths(rows), strict=True))
        return sorted(rows, key=lambda row: -lengths[row])
