"""A cache of a teacher's projections, text by text: the teacher's weights never change, and its forward pass is most
of the work of an update."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from ..models import PARTS

if TYPE_CHECKING:
    import torch

CACHE_BYTES = 1_000_000_000  # all 6,900 sentences of SST-2 take 800 MB in float32


class TeacherCache:
    """A teacher's queries, keys and values of each text, up to `max_bytes`; texts beyond that are computed each time.

    Distillations may share one cache if teacher, teacher layer and `max_length` are the same in all."""

    def __init__(self, max_bytes: int = CACHE_BYTES):
        self.max_bytes = max_bytes
        self.entries: dict[str, torch.Tensor] = {}  # text -> [num_tokens, 3, hidden_size]
        self.bytes = 0

    def projections(
        self, texts: Sequence[str], batch: Mapping[str, torch.Tensor], compute: Callable[[Mapping], Mapping]
    ) -> dict[str, torch.Tensor]:
        """`{"Q", "K", "V"}` of a batch whose rows are these texts, each [batch, num_tokens, hidden_size], zero where
        the batch is padded on the right. `compute` runs the teacher on the rows that are not in the cache."""
        import torch

        missing = [row for row, text in enumerate(texts) if text not in self.entries]
        computed = _rows({name: tensor[missing] for name, tensor in batch.items()}, compute) if missing else []
        new_entries = dict(zip((texts[row] for row in missing), computed, strict=True))
        rows = [new_entries[text] if text in new_entries else self.entries[text] for text in texts]
        self._store(new_entries)
        padded = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
        return dict(zip(PARTS, padded.unbind(2), strict=True))

    def _store(self, entries: Mapping[str, torch.Tensor]) -> None:
        for text, vectors in entries.items():
            if self.bytes + vectors.nbytes <= self.max_bytes:
                self.entries[text] = vectors
                self.bytes += vectors.nbytes

    def coverage(self, num_texts: int) -> float:
        """The share of `num_texts` texts that fits into the cache, 0..1, if they are as long as those in it."""
        if not self.entries:
            return 0.0
        return min(1.0, self.max_bytes / (self.bytes / len(self.entries)) / num_texts)

    def clear(self) -> None:
        self.entries, self.bytes = {}, 0


def _rows(batch: Mapping[str, torch.Tensor], compute: Callable[[Mapping], Mapping]) -> list[torch.Tensor]:
    """The teacher's projections of each row without its padding: [num_tokens, 3, hidden_size]."""
    import torch

    with torch.no_grad():
        projections = compute(batch)
    stacked = torch.stack([projections[part] for part in PARTS], dim=2)
    lengths = batch["attention_mask"].sum(1).tolist()
    return [row[:length].clone() for row, length in zip(stacked, lengths, strict=True)]
