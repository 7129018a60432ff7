"""What a teacher answered to texts is remembered: its weights never change, and asking it is most of the work."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from ..models import PARTS

if TYPE_CHECKING:
    import torch

REMEMBERED_BYTES = 1_000_000_000  # of the teacher's answers: all 6,900 sentences of SST-2 take 800 MB in float32


class TeacherMemory:
    """What a teacher answered to texts, its projections of them, as long as there is room.

    Several distillations may share one, as long as teacher, teacher layer and `max_length` are the same in all."""

    def __init__(self, most_bytes: int = REMEMBERED_BYTES):
        self.most_bytes = most_bytes
        self.known: dict[str, torch.Tensor] = {}  # text -> [num_tokens, 3, hidden_size]
        self.bytes = 0

    def answers(
        self, texts: Sequence[str], batch: Mapping[str, torch.Tensor], ask: Callable[[Mapping], Mapping]
    ) -> dict[str, torch.Tensor]:
        """`projections` of a batch whose rows are these texts; zero where it is padded, on the right. `ask` is the way
        to the teacher, for the rows that are not known."""
        import torch

        unknown = [row for row, text in enumerate(texts) if text not in self.known]
        fresh = _rows({name: tensor[unknown] for name, tensor in batch.items()}, ask) if unknown else []
        found = dict(zip((texts[row] for row in unknown), fresh, strict=True))
        rows = [found[text] if text in found else self.known[text] for text in texts]
        self._remember(found)
        padded = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
        return dict(zip(PARTS, padded.unbind(2), strict=True))

    def _remember(self, found: Mapping[str, torch.Tensor]) -> None:
        for text, answer in found.items():
            if self.bytes + answer.nbytes <= self.most_bytes:
                self.known[text] = answer
                self.bytes += answer.nbytes

    def share(self, texts: int) -> float:
        """Which share of so many texts there is room for, 0..1, as far as those remembered are like the others."""
        if not self.known:
            return 0.0
        return min(1.0, self.most_bytes / (self.bytes / len(self.known)) / texts)

    def forget(self) -> None:
        self.known, self.bytes = {}, 0


def _rows(batch: Mapping[str, torch.Tensor], ask: Callable[[Mapping], Mapping]) -> list[torch.Tensor]:
    """What the teacher answers to each row, without its padding: [num_tokens, 3, hidden_size]."""
    import torch

    with torch.no_grad():
        found = ask(batch)
    stacked = torch.stack([found[part] for part in PARTS], dim=2)
    lengths = batch["attention_mask"].sum(1).tolist()
    return [row[:length].clone() for row, length in zip(stacked, lengths, strict=True)]
