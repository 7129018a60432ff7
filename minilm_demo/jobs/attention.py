"""The attention of a checkpoint on one input: every layer and head, from one forward pass of the model itself.

`trace_attention` records it, `save_trace` writes it to a file, and `explain` compares it with two methods of word
importance. Functions of a trace alone are in attention_weights.py.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ..attention_weights import rollout, tokens_of
from ..data import ReadInput, check_texts, features, read_input
from ..errors import DemoError
from ..models import PARTS, Checkpoint, ablated, cached_checkpoint, captured, split_heads
from ..results import AttentionExplanation, AttentionTrace, ExplainedWord, Prediction
from ..tasks import Task, get_task
from .importance import MIN_WORDS_TO_RANK, word_importance
from .kinds import kind_of
from .metrics import spearman
from .prediction import no_answer_threshold, what_was_read


def trace_attention(
    checkpoint: Checkpoint | str,
    text: str,
    text_pair: str | None = None,
    *,
    task: Task | str | None = None,
    with_qkv: bool = False,
    masked_tokens: Sequence[int] = (),
    ablated_heads: Sequence[tuple[int, int]] = (),
) -> AttentionTrace:
    """The attention of every layer and head for one text or pair, exactly as the model's layers computed it.

    Without a task only the encoder runs; with one, its output layer predicts in the same pass (for a question: from the
    first window of the context). No token can attend to the positions in `masked_tokens`; these still attend to the
    others. `ablated_heads` are pairs (layer, head), from 0, whose output is zero. With a task the model reads as many
    tokens as `predict` gives to it, without one 512. A longer input is truncated: of a pair the longer text first, of
    question and context only the context. Raises `DataError` for a text that is empty,
    too long or without a token, `DemoError` for a token or head that does not exist, and what loading the checkpoint
    raises."""
    task = get_task(task) if isinstance(task, str) else task
    texts = check_texts(task, (text,) if text_pair is None else (text, text_pair))
    if not isinstance(checkpoint, Checkpoint):
        checkpoint = cached_checkpoint(str(checkpoint), task)
    heads = _check_heads(checkpoint, ablated_heads)
    started = time.perf_counter()
    read = read_input(task, checkpoint, texts)
    masked = _check_masked(read, masked_tokens)
    outputs, parts = _forward(checkpoint.model, read.inputs, masked, heads, with_qkv)
    milliseconds = (time.perf_counter() - started) * 1000
    return AttentionTrace(
        checkpoint=checkpoint.name,
        texts=texts,
        tokens=read.tokens,
        segment_ids=read.segment_ids,
        special_tokens_mask=tuple(span is None for span in read.offsets),
        separators=read.separators,
        word_ids=read.word_ids,
        words=read.words,
        attentions=outputs["attentions"],
        queries=parts.get("Q"),
        keys=parts.get("K"),
        values=parts.get("V"),
        prediction=task and _prediction(task, checkpoint, read, texts, outputs, milliseconds),
        milliseconds=milliseconds,
        truncated=read.truncated,
        tokens_total=read.tokens_total,
        unknown_words=read.unknown_words,
        masked_tokens=masked,
        ablated_heads=heads,
        offsets=read.offsets,
    )


def save_trace(trace: AttentionTrace, file: str | Path | BinaryIO) -> None:
    """Write `tokens`, `segment_ids` and `attentions` as a .npz file, readable without pickle."""
    np.savez(
        file,
        tokens=np.array(trace.tokens),
        segment_ids=np.array(trace.segment_ids, dtype=np.int64),
        attentions=trace.attentions,
    )


def load_attentions(file: str | Path) -> np.ndarray:
    """The attentions that `save_trace` wrote, float32 [num_layers, num_heads, num_tokens, num_tokens]."""
    with np.load(file, allow_pickle=False) as arrays:
        return arrays["attentions"]


def _check_masked(read: ReadInput, tokens: Sequence[int]) -> tuple[int, ...]:
    number = len(read.tokens)
    for token in tokens:
        if token not in range(number):
            raise DemoError(f"There is no token {token} to mask: this input has tokens 0 to {number - 1}.")
    if len(set(tokens)) == number:
        raise DemoError(f"All {number} tokens are masked: leave at least one that can be attended to.")
    return tuple(sorted(set(tokens)))


def _check_heads(checkpoint: Checkpoint, heads: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    config = checkpoint.model.config
    layers, per_layer = config.num_hidden_layers, config.num_attention_heads
    for layer, head in heads:
        if layer not in range(layers) or head not in range(per_layer):
            raise DemoError(
                f"There is no layer {layer}, head {head} to switch off: {checkpoint.name} has layers 0 to {layers - 1} "
                f"and heads 0 to {per_layer - 1}, counted from 0."
            )
    return tuple(sorted({(layer, head) for layer, head in heads}))


def _forward(
    model, inputs: Mapping[str, list[int]], masked: Sequence[int], heads: Sequence[tuple[int, int]], with_qkv: bool
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """The model's outputs by name (`attentions` [num_layers, num_heads, T, T], logits without the batch axis), and with
    `with_qkv` Q, K and V, [num_layers, num_heads, T, head_dim] each."""
    import torch

    batch = features.collate([inputs], model.config.pad_token_id)
    batch["attention_mask"][0, list(masked)] = 0
    batch = {name: tensor.to(model.device) for name, tensor in batch.items()}
    layers = range(model.config.num_hidden_layers) if with_qkv else ()
    with torch.inference_mode(), ablated(model, heads), captured(model, layers) as projections:
        output = model(**batch, output_attentions=True)
    outputs = {name: output[name][0] for name in ("logits", "start_logits", "end_logits") if name in output}
    outputs["attentions"] = torch.cat(output["attentions"])
    parts = {}
    for part in PARTS if with_qkv else ():
        vectors = torch.cat([projections[layer][part] for layer in layers])  # [num_layers, T, hidden_size]
        parts[part] = split_heads(vectors, model.config.num_attention_heads)
    return _arrays(outputs), _arrays(parts)


def _arrays(tensors: Mapping) -> dict[str, np.ndarray]:
    return {name: tensor.float().cpu().numpy() for name, tensor in tensors.items()}


def _prediction(
    task: Task,
    checkpoint: Checkpoint,
    read: ReadInput,
    texts: Sequence[str],
    outputs: Mapping[str, np.ndarray],
    milliseconds: float,
) -> Prediction:
    context_offsets = tuple(
        span if segment == 1 else None for segment, span in zip(read.segment_ids, read.offsets, strict=True)
    )
    window = features.Window(0, read.inputs, context_offsets)
    row = dict(zip(task.text_fields, texts, strict=True))
    answer = kind_of(task).decode(task, row, [window], [outputs], no_answer_threshold(checkpoint))
    return Prediction(
        task=task.name,
        checkpoint=checkpoint.name,
        milliseconds=milliseconds,
        **{**answer, **what_was_read(read, answer)},
    )


METHODS = ("rollout", "left out", "gradient")  # of `explain`


def explain(
    task: Task | str, checkpoint: Checkpoint | str, text: str, text_pair: str | None = None
) -> AttentionExplanation:
    """Attention rollout of each word beside leave-one-out and gradient × input (importance.py), and how well they
    agree.

    The rollout starts from [CLS], which the output layer reads (span: from the best span's tokens). It has no sign, so
    the methods are compared by absolute values, as in Jain & Wallace 2019 ("Attention is not Explanation"). Raises what
    `trace_attention` and `word_importance` raise."""
    task = get_task(task) if isinstance(task, str) else task
    trace = trace_attention(checkpoint, text, text_pair, task=task)
    importance = word_importance(task, checkpoint, dict(zip(task.text_fields, trace.texts, strict=True)))
    weights = {(task.text_fields.index(word.field), word.start, word.end): word for word in importance.words}
    flow = rollout(trace.attentions)[list(_answer_positions(trace))].mean(axis=0)  # [num_tokens]
    words = []
    for index, word in enumerate(trace.words):
        tokens = [token for token, word_id in enumerate(trace.word_ids) if word_id == index]
        weight = weights.get((word.segment, word.start, word.end))
        words.append(
            ExplainedWord(
                index=index,
                segment=word.segment,
                start=word.start,
                end=word.end,
                text=word.text,
                rollout=float(flow[tokens].sum()),
                left_out=weight and weight.left_out,
                gradient=weight and weight.gradient,
            )
        )
    sizes = [  # a list of absolute values for each method
        [value if value is None else abs(value) for value in column]
        for column in zip(*((word.rollout, word.left_out, word.gradient) for word in words), strict=True)
    ]
    return AttentionExplanation(
        task=task.name,
        checkpoint=trace.checkpoint,
        texts=trace.texts,
        words=tuple(words),
        correlations={
            (METHODS[i], METHODS[j]): _rank_correlation(sizes[i], sizes[j]) for i, j in ((0, 1), (0, 2), (1, 2))
        },
        top=tuple(_largest(column) for column in sizes),
    )


def _answer_positions(trace: AttentionTrace) -> tuple[int, ...]:
    """The positions from whose last hidden states the output layer computed the answer."""
    if not trace.prediction.candidates:
        return (0,)
    best = trace.prediction.candidates[0]
    return tokens_of(trace, 1, best.start, best.end)


def _rank_correlation(x: Sequence[float | None], y: Sequence[float | None]) -> float | None:
    """Spearman's, over the words that have both values; None if they are too few."""
    pairs = [pair for pair in zip(x, y, strict=True) if None not in pair]
    return spearman(*zip(*pairs, strict=True)) if len(pairs) >= MIN_WORDS_TO_RANK else None


def _largest(values: Sequence[float | None]) -> int | None:
    """The index of the largest value; None if there is no value."""
    indices = [index for index, value in enumerate(values) if value is not None]
    return max(indices, key=values.__getitem__, default=None)
