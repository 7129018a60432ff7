"""How far a student is from its teacher: in numbers on fixed texts (`Ruler`), in pictures on one (`WatchedText`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..attention_weights import quantised
from ..data import ReadInput, TokenIds
from ..models import Checkpoint
from ..recipes import LOSS_NAMES
from ..results import Probed
from .relations import Comparison, measure_relations, projections, relation_losses
from .training import ShouldStop, never

if TYPE_CHECKING:
    from transformers import PreTrainedModel

RULER_BATCH = 64
WATCHED_HEADS = 12  # that are shown of the watched text: a few kilobytes at a time


class Ruler:
    """How far a student is from its teacher on fixed texts, in eval mode and float32. The teacher is asked once.

    `should_stop()` is asked between batches; once it says yes, it must stay with that."""

    def __init__(
        self,
        teacher: Checkpoint,
        comparison: Comparison,
        texts: Sequence[str],
        max_length: int,
        should_stop: ShouldStop = never,
    ):
        import torch

        self.comparison, self.number = comparison, len(texts)
        self.teacher_vectors = []  # a batch, and the teacher's projections of it
        token_ids = TokenIds(teacher.tokenizer, texts, max_length)
        lengths = token_ids.lengths(range(len(texts)))
        order = sorted(range(len(texts)), key=lengths.__getitem__)
        teacher.model.eval()
        for start in range(0, len(order), RULER_BATCH):
            if should_stop():
                break
            batch = token_ids.batch(order[start : start + RULER_BATCH], teacher.model.device)
            with torch.inference_mode():
                self.teacher_vectors.append((batch, projections(teacher.model, comparison.teacher_layer, batch)))

    def losses(self, student: PreTrainedModel, should_stop: ShouldStop = never) -> dict[str, float] | None:
        """The mean over the texts of each term of the recipe, also of those that are not learned; None: stopped."""
        import torch

        if not self.teacher_vectors:  # stopped before the first batch
            return None
        relations, heads = self.comparison.recipe.relations, self.comparison.num_relation_heads
        sums = dict.fromkeys(relations, 0.0)
        student.eval()
        with torch.inference_mode():
            for batch, teacher_vectors in self.teacher_vectors:
                if should_stop():
                    return None
                student_vectors = projections(student, self.comparison.student_layer, batch)
                mask = batch["attention_mask"]
                losses = relation_losses(teacher_vectors, student_vectors, relations, heads, mask)
                for name, loss in losses.items():
                    sums[name] += loss.item() * len(batch["input_ids"])
        return {LOSS_NAMES[name]: total / self.number for name, total in sums.items()}


class WatchedText:
    """A text on which one watches how a learner's relations come near the teacher's."""

    def __init__(self, teacher: Checkpoint, learner: Checkpoint, comparison: Comparison, read: ReadInput):
        self.teacher, self.learner, self.comparison, self.read = teacher, learner, comparison, read

    def picture(self, step: int, is_first: bool) -> Probed:
        """The learner's relations, and with the first picture the teacher's. Both models are left in eval mode."""
        models = self.teacher.model.eval(), self.learner.model.eval()
        relations = measure_relations(*models, self.comparison, self.read.inputs)
        first = self._words() | {"teacher": _shown(relations["teacher"])} if is_first else {}
        heads = min(WATCHED_HEADS, self.comparison.num_relation_heads)
        by_head = {name: rows[:heads].mean(-1) for name, rows in relations["divergence"].items()}
        rounded = {name: tuple(round(float(value), 4) for value in values) for name, values in by_head.items()}
        return Probed(step, heads, _shown(relations["student"]), rounded, **first)

    def _words(self) -> dict[str, tuple]:
        words = tuple(word.text for word in self.read.words)
        return {"tokens": self.read.tokens, "words": words, "word_ids": self.read.word_ids}


def _shown(relations: Mapping[str, np.ndarray]) -> dict[str, str]:
    return {name: quantised(weights[:WATCHED_HEADS]) for name, weights in relations.items()}
