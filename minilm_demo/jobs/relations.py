"""MiniLM's objective: what a student learns from its teacher, and how far it is from it.

A Transformer layer has three vectors for every token: a query, a key and a value. For any two of them, X and Y, split
into heads, one formula says how strongly each token relates to every token:

    relation(X, Y) = softmax(X Yᵀ / √d)        [heads, num_tokens, num_tokens], each row sums to 1

The shape of a relation does not depend on the width of the model. A narrow student can therefore learn the relations of
a wide teacher without a projection between them. The loss is KL(teacher ‖ student), row by row.

    MiniLM    Wang et al. 2020, arXiv 2002.10957    QK (the attention itself) and VV, of the last layers, head by head
    MiniLMv2  Wang et al. 2021, arXiv 2012.15828    QQ, KK and VV; any teacher layer; the vectors are split anew into
                                                    relation heads, so the two models may differ in attention heads

Equation numbers below are those of arXiv 2002.10957.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..data import MAX_TOKENS, check_texts, features, read_input
from ..errors import DemoError, UnknownName
from ..models import PARTS, Checkpoint, cached_checkpoint, captured, encoder_layers, in_this_thread, split_heads
from ..recipes import RECIPES, Recipe
from ..results import DistillationTargets

if TYPE_CHECKING:
    import torch
    from transformers import PretrainedConfig, PreTrainedModel

# MiniLMv2 splits base-size teachers into 48 relation heads and large ones (1,024 wide) into 64.
RELATION_HEADS, LARGE_RELATION_HEADS, LARGE_WIDTH = 48, 64, 1024


def relation_scores(x: torch.Tensor, y: torch.Tensor, num_relation_heads: int) -> torch.Tensor:
    """X Yᵀ / √d, before the softmax: [batch, num_relation_heads, num_tokens, num_tokens].

    `x` and `y` are [batch, num_tokens, hidden_size]. d is the head size of this model, so a narrow student divides by a
    smaller number than its teacher."""
    import torch

    with torch.autocast(x.device.type, enabled=False):
        x, y = (split_heads(vectors.float(), num_relation_heads).contiguous() for vectors in (x, y))
        return (x / math.sqrt(x.shape[-1])) @ y.transpose(-1, -2)


def mask_keys(scores: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
    """Scores with padded keys at the lowest finite number: minus infinity would give 0 · ∞ = NaN in the KL.

    Adding that number absorbs any score of usual size, and is several times as fast as `masked_fill` on the scores."""
    import torch

    lowest = torch.finfo(scores.dtype).min
    padding = torch.zeros_like(attention_mask, dtype=scores.dtype).masked_fill_(attention_mask == 0, lowest)
    return scores + padding[:, None, None, :]


def relation(x: torch.Tensor, y: torch.Tensor, num_relation_heads: int, attention_mask: torch.Tensor) -> torch.Tensor:
    """softmax(X Yᵀ / √d): [batch, num_relation_heads, num_tokens, num_tokens], row = token of X, column = of Y."""
    return softmax_over_keys(relation_scores(x, y, num_relation_heads), attention_mask)


def softmax_over_keys(scores: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
    """The relation from its scores, of the same shape: every row sums to 1, padded keys get 0."""
    return mask_keys(scores, attention_mask).softmax(-1)  # eq. 3 for Q and K; eq. 7 and 8 for V and V


def divergence(
    teacher_scores: torch.Tensor, student_scores: torch.Tensor, attention_mask: torch.Tensor
) -> torch.Tensor:
    """KL(teacher ‖ student) = Σ p log p - Σ p log q of every row: [batch, num_relation_heads, num_tokens].

    p is the teacher's row, q the student's, both from scores before the softmax. The first sum does not depend on the
    student; as a sum of its own it stays out of the gradient."""
    log_p = mask_keys(teacher_scores, attention_mask).log_softmax(-1)
    log_q = mask_keys(student_scores, attention_mask).log_softmax(-1)
    p = log_p.exp()
    return (p * log_p).sum(-1) - (p * log_q).sum(-1)


def mean_over_tokens(divergence: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
    """1 / (heads · tokens) Σ over the heads and real tokens of each sequence, then the mean over the batch: a scalar.

    Every sequence counts the same, whatever its length, so a batch has the mean loss of its sequences."""
    num_heads = divergence.shape[1]
    sums = (divergence * attention_mask[:, None, :]).sum((1, 2))
    return (sums / (num_heads * attention_mask.sum(-1))).mean()


def relation_losses(
    teacher: Mapping[str, torch.Tensor],
    student: Mapping[str, torch.Tensor],
    relations: tuple[str, ...],
    num_relation_heads: int,
    attention_mask: torch.Tensor,
) -> dict[str, torch.Tensor]:
    """The loss of each relation by name, a scalar; the objective is their sum (eq. 10).

    `teacher` and `student` are their `projections`, `{"Q", "K", "V"}`; `relations` are pairs of these, like "QK"."""
    losses = {}
    for x, y in relations:  # eq. 6 for "QK", eq. 9 for "VV"
        teacher_scores = relation_scores(teacher[x], teacher[y], num_relation_heads)
        student_scores = relation_scores(student[x], student[y], num_relation_heads)
        losses[x + y] = mean_over_tokens(divergence(teacher_scores, student_scores, attention_mask), attention_mask)
    return losses


class _ForwardEnded(Exception):
    """Ends a forward pass as soon as the projections are computed."""


def projections(model: PreTrainedModel, layer: int, inputs: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """`{"Q", "K", "V"}` of one layer, each [batch, num_tokens, hidden_size].

    The forward pass ends there. In the last layer this saves the attention, the feed-forward part and the pooler, which
    no relation depends on."""
    with captured(model, [layer]) as parts, _ended_when_complete(model, layer, parts[layer]), suppress(_ForwardEnded):
        model(**inputs)
    return parts[layer]


@contextmanager
def _ended_when_complete(model: PreTrainedModel, layer: int, parts: Mapping) -> Iterator[None]:
    """Forward passes in this thread raise `_ForwardEnded` once `parts` holds the query, key and value of the layer."""

    def end(module, inputs, output):
        if len(parts) == len(PARTS):
            raise _ForwardEnded

    attention = encoder_layers(model)[layer].attention.self
    handles = [getattr(attention, name).register_forward_hook(in_this_thread(end)) for name in PARTS.values()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@dataclass(frozen=True)
class Comparison:
    """Which layers of two models are compared, from 0, and in how many heads; `compare` has checked that both fit."""

    recipe: Recipe
    num_relation_heads: int
    teacher_layer: int
    student_layer: int  # always the last


def compare(
    recipe: str,
    teacher: PretrainedConfig,
    student: PretrainedConfig,
    num_relation_heads: int | None = None,
    teacher_layer: int | None = None,
) -> Comparison:
    """The comparison a recipe makes of two models; None means the recipe's own number of heads, the teacher's last
    layer. Raises `DemoError` if the two models cannot be compared in this way."""
    if recipe not in RECIPES:
        raise UnknownName("recipe", recipe, RECIPES)
    objective, last = RECIPES[recipe], teacher.num_hidden_layers - 1
    if teacher_layer is not None and not 0 <= teacher_layer <= last:
        raise DemoError(f"teacher_layer is {teacher_layer}; this teacher's layers are 0 to {last}.")
    if objective.own_heads:
        heads = _attention_heads(recipe, teacher, student, num_relation_heads)
        if teacher_layer not in (None, last):
            raise DemoError(f"{recipe} compares the last layers; take minilm_v2 for another layer of the teacher.")
    else:
        heads = _relation_heads(teacher, student, num_relation_heads)
    layer = last if teacher_layer is None else teacher_layer
    return Comparison(objective, heads, layer, student.num_hidden_layers - 1)


def _attention_heads(recipe: str, teacher, student, number: int | None) -> int:
    """The number of attention heads, which must be the same in both models; `number` is the requested one."""
    heads, student_heads = teacher.num_attention_heads, student.num_attention_heads
    if heads != student_heads:
        raise DemoError(
            f"{recipe} compares head with head, but the teacher has {heads} attention heads and the student "
            f"{student_heads}. Take a student with as many, or the recipe minilm_v2, which cuts both into relation "
            "heads."
        )
    if number not in (None, heads):
        raise DemoError(f"{recipe} compares the {heads} attention heads; minilm_v2 takes other numbers, like {number}.")
    return heads


def _relation_heads(teacher, student, number: int | None) -> int:
    """The requested number, else the paper's or the largest number below it that divides both widths."""
    common = math.gcd(teacher.hidden_size, student.hidden_size)
    divisors = [heads for heads in range(1, common + 1) if common % heads == 0]
    if number is None:
        highest = LARGE_RELATION_HEADS if teacher.hidden_size >= LARGE_WIDTH else RELATION_HEADS
        return max(heads for heads in divisors if heads <= highest)
    if number not in divisors:
        raise DemoError(
            f"{number} relation heads do not divide both widths, {teacher.hidden_size} of the teacher and "
            f"{student.hidden_size} of the student; take one of {', '.join(map(str, divisors))}."
        )
    return number


def require_same_vocabulary(teacher: Checkpoint, student: Checkpoint) -> None:
    """`DemoError` unless both models read the same tokens under the same ids: relations are compared token by token."""
    vocabulary, student_vocabulary = teacher.tokenizer.get_vocab(), student.tokenizer.get_vocab()
    if vocabulary != student_vocabulary:
        raise DemoError(
            f"{teacher.name} and {student.name} have other vocabularies ({len(vocabulary):,} and "
            f"{len(student_vocabulary):,} tokens), so their tokens cannot be compared. Choose two models with the same "
            "one."
        )


def distillation_targets(
    teacher: Checkpoint | str,
    student: Checkpoint | str,
    text: str,
    text_pair: str | None = None,
    *,
    recipe: str = "minilm_v1",
    num_relation_heads: int | None = None,
    teacher_layer: int | None = None,
) -> DistillationTargets:
    """Both models' relations on one text or pair, and the divergence of each head and token.

    Both models read the same token ids, from the teacher's tokenizer. Raises `DemoError` for models that cannot be
    compared and `DataError` for a text that cannot be read."""
    started = time.perf_counter()
    teacher, student = _checkpoint(teacher), _checkpoint(student)
    texts = check_texts(None, (text,) if text_pair is None else (text, text_pair))
    require_same_vocabulary(teacher, student)
    comparison = compare(recipe, teacher.model.config, student.model.config, num_relation_heads, teacher_layer)
    read = read_input(None, teacher, texts, features.window_size(None, student.model.config, MAX_TOKENS))
    return DistillationTargets(
        teacher_name=teacher.name,
        student_name=student.name,
        recipe=recipe,
        teacher_layer=comparison.teacher_layer,
        student_layer=comparison.student_layer,
        num_relation_heads=comparison.num_relation_heads,
        teacher_head_size=teacher.model.config.hidden_size // comparison.num_relation_heads,
        student_head_size=student.model.config.hidden_size // comparison.num_relation_heads,
        texts=texts,
        tokens=read.tokens,
        segment_ids=read.segment_ids,
        special_tokens_mask=tuple(span is None for span in read.offsets),
        separators=read.separators,
        word_ids=read.word_ids,
        words=read.words,
        truncated=read.truncated,
        tokens_total=read.tokens_total,
        unknown_words=read.unknown_words,
        **measure_relations(teacher.model, student.model, comparison, read.inputs),
        milliseconds=(time.perf_counter() - started) * 1000,
    )


def _checkpoint(checkpoint: Checkpoint | str) -> Checkpoint:
    return checkpoint if isinstance(checkpoint, Checkpoint) else cached_checkpoint(str(checkpoint))


def measure_relations(
    teacher: PreTrainedModel, student: PreTrainedModel, comparison: Comparison, inputs: Mapping[str, list[int]]
) -> dict[str, dict[str, np.ndarray]]:
    """The computed fields of `DistillationTargets` for one input without padding: field -> relation -> array.

    `divergence` is [heads, num_tokens], the others are [heads, num_tokens, num_tokens]."""
    import torch

    batch = {name: torch.tensor([values], device=teacher.device) for name, values in inputs.items()}
    mask = torch.ones_like(batch["input_ids"])
    fields = {name: {} for name in ("teacher", "student", "teacher_scores", "student_scores", "divergence")}
    with torch.inference_mode():
        teacher_vectors = projections(teacher, comparison.teacher_layer, batch)
        student_vectors = projections(student, comparison.student_layer, batch)
        for x, y in comparison.recipe.relations:
            tensors = {}
            for side, vectors in (("teacher", teacher_vectors), ("student", student_vectors)):
                scores = relation_scores(vectors[x], vectors[y], comparison.num_relation_heads)
                tensors |= {side: softmax_over_keys(scores, mask), f"{side}_scores": scores}
            kl = divergence(tensors["teacher_scores"], tensors["student_scores"], mask)
            tensors["divergence"] = kl.clamp_min(0)  # rounding may leave -5e-7 where both rows are nearly equal
            for name, tensor in tensors.items():
                fields[name][x + y] = tensor[0].cpu().numpy()
    return fields


def save_targets(targets: DistillationTargets, path: str | Path) -> None:
    """Write an .npz file: `tokens`, `segment_ids`, and for each relation `teacher_QK`, `student_QK`, `divergence_QK`,
    …"""
    arrays = {
        f"{name}_{relation}": values
        for name in ("teacher", "student", "divergence")
        for relation, values in getattr(targets, name).items()
    }
    np.savez_compressed(path, tokens=np.array(targets.tokens), segment_ids=np.array(targets.segment_ids), **arrays)
