"""How far a student is from its teacher: losses on the validation texts (`Evaluator`) and the relations of one watched
text (`WatchedText`)."""

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

BATCH_SIZE = 64
WATCHED_HEADS = 12  # heads shown of the watched text; their relations take a few kilobytes


class Evaluator:
    """The losses of a student on fixed texts, in eval mode and float32. The teacher runs once, when this is made.

    `should_stop()` is called between batches; once it has returned True, it must keep doing so."""

    def __init__(
        self,
        teacher: Checkpoint,
        comparison: Comparison,
        texts: Sequence[str],
        max_length: int,
        should_stop: ShouldStop = never,
    ):
        import torch

        self.comparison, self.num_texts = comparison, len(texts)
        self.batches = []  # (token ids and mask, the teacher's projections of them)
        token_ids = TokenIds(teacher.tokenizer, texts, max_length)
        lengths = token_ids.lengths(range(len(texts)))
        order = sorted(range(len(texts)), key=lengths.__getitem__)
        teacher.model.eval()
        for start in range(0, len(order), BATCH_SIZE):
            if should_stop():
                break
            batch = token_ids.batch(order[start : start + BATCH_SIZE], teacher.model.device)
            with torch.inference_mode():
                self.batches.append((batch, projections(teacher.model, comparison.teacher_layer, batch)))

    def losses(self, student: PreTrainedModel, should_stop: ShouldStop = never) -> dict[str, float] | None:
        """The mean over the texts of every term of the recipe, learned or not; None if stopped."""
        import torch

        if not self.batches:  # stopped before the first batch
            return None
        relations, heads = self.comparison.recipe.relations, self.comparison.num_relation_heads
        sums = dict.fromkeys(relations, 0.0)
        student.eval()
        with torch.inference_mode():
            for batch, teacher_vectors in self.batches:
                if should_stop():
                    return None
                student_vectors = projections(student, self.comparison.student_layer, batch)
                mask = batch["attention_mask"]
                losses = relation_losses(teacher_vectors, student_vectors, relations, heads, mask)
                for name, loss in losses.items():
                    sums[name] += loss.item() * len(batch["input_ids"])
        return {LOSS_NAMES[name]: total / self.num_texts for name, total in sums.items()}


class WatchedText:
    """One text whose relations are recorded during a run, the learner's beside the teacher's."""

    def __init__(self, teacher: Checkpoint, learner: Checkpoint, comparison: Comparison, text: ReadInput):
        self.teacher, self.learner, self.comparison, self.text = teacher, learner, comparison, text

    def picture(self, step: int, is_first: bool) -> Probed:
        """The learner's relations; the first picture also has the teacher's. Leaves both models in eval mode."""
        models = self.teacher.model.eval(), self.learner.model.eval()
        relations = measure_relations(*models, self.comparison, self.text.inputs)
        constants = self._words() | {"teacher": _quantised(relations["teacher"])} if is_first else {}
        heads = min(WATCHED_HEADS, self.comparison.num_relation_heads)
        by_head = {name: rows[:heads].mean(-1) for name, rows in relations["divergence"].items()}
        divergence = {name: tuple(round(float(value), 4) for value in values) for name, values in by_head.items()}
        return Probed(step, heads, _quantised(relations["student"]), divergence, **constants)

    def _words(self) -> dict[str, tuple]:
        words = tuple(word.text for word in self.text.words)
        return {"tokens": self.text.tokens, "words": words, "word_ids": self.text.word_ids}


def _quantised(relations: Mapping[str, np.ndarray]) -> dict[str, str]:
    """The first heads of each relation in one byte a weight (`attention_weights.quantised`)."""
    return {name: quantised(weights[:WATCHED_HEADS]) for name, weights in relations.items()}
