"""What a checkpoint attends to in one input: every layer and head, from one forward pass of the model itself.

`trace_attention` looks, `explain` sets what it saw beside two methods that ask the model, `save_trace` writes it down.
What can be computed from a trace alone is in attention_weights.py.
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
from .prediction import no_answer_threshold


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
    """The attention of every layer and head for one text or pair, exactly as the model's own layers computed it.

    Without a task the encoder runs alone; with one its output layer answers in the same pass (for a question: from the
    first window of the context). `masked_tokens` are positions nobody can attend to (they still look themselves);
    `ablated_heads` are (layer, head), from 0, that pass on nothing. A longer input is cut: of a pair the longer text
    first, of question and context only the context. Raises `DataError` for a text that is empty, endless or without a
    token, `DemoError` for a token or head that is not there, and what loading the checkpoint raises."""
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
    with np.load(file, allow_pickle=False) as saved:
        return saved["attentions"]


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
    """The model's outputs by name (`attentions` [num_layers, num_heads, T, T], logits without the batch axis), and on
    request Q, K and V, [num_layers, num_heads, T, head_dim] each."""
    import torch

    batch = features.collate([inputs], model.config.pad_token_id)
    batch["attention_mask"][0, list(masked)] = 0
    batch = {name: tensor.to(model.device) for name, tensor in batch.items()}
    layers = range(model.config.num_hidden_layers) if with_qkv else ()
    with torch.inference_mode(), ablated(model, heads), captured(model, layers) as found:
        result = model(**batch, output_attentions=True)
    outputs = {name: result[name][0] for name in ("logits", "start_logits", "end_logits") if name in result}
    outputs["attentions"] = torch.cat(result["attentions"])
    parts = {}
    for part in PARTS if with_qkv else ():
        whole = torch.cat([found[layer][part] for layer in layers])  # [num_layers, T, hidden_size]
        parts[part] = split_heads(whole, model.config.num_attention_heads)
    return tuple({name: x.float().cpu().numpy() for name, x in one.items()} for one in (outputs, parts))


def _prediction(
    task: Task,
    checkpoint: Checkpoint,
    read: ReadInput,
    texts: Sequence[str],
    outputs: Mapping[str, np.ndarray],
    milliseconds: float,
) -> Prediction:
    in_pair = tuple(
        span if segment == 1 else None for segment, span in zip(read.segment_ids, read.offsets, strict=True)
    )
    window = features.Window(0, read.inputs, in_pair)
    row = dict(zip(task.text_fields, texts, strict=True))
    value = kind_of(task).decode(task, row, [window], [outputs], no_answer_threshold(checkpoint))
    return Prediction(
        task=task.name,
        checkpoint=checkpoint.name,
        milliseconds=milliseconds,
        truncated=read.truncated,
        **value,
    )


METHODS = ("rollout", "left out", "gradient")


def explain(
    task: Task | str, checkpoint: Checkpoint | str, text: str, text_pair: str | None = None
) -> AttentionExplanation:
    """Attention rollout per word beside leave-one-out and gradient × input (importance.py), and how far they agree.

    The rollout starts from [CLS], where the output layer reads (span: from the best span's tokens). It has no sign, so
    words are ranked by how much they count either way, as Jain & Wallace 2019 ("Attention is not Explanation") do. The
    trace reads up to 512 tokens, word importance as many as the task: words beyond those have a rollout only. Raises
    what `trace_attention` and `word_importance` raise."""
    task = get_task(task) if isinstance(task, str) else task
    trace = trace_attention(checkpoint, text, text_pair, task=task)
    importance = word_importance(task, checkpoint, dict(zip(task.text_fields, trace.texts, strict=True)))
    asked = {(task.text_fields.index(word.field), word.start, word.end): word for word in importance.words}
    share = rollout(trace.attentions)[list(_answering(trace))].mean(axis=0)  # [num_tokens]
    words = []
    for index, word in enumerate(trace.words):
        tokens = [token for token, own in enumerate(trace.word_ids) if own == index]
        found = asked.get((word.segment, word.start, word.end))
        words.append(
            ExplainedWord(
                index=index,
                segment=word.segment,
                start=word.start,
                end=word.end,
                text=word.text,
                rollout=float(share[tokens].sum()),
                left_out=found and found.left_out,
                gradient=found and found.gradient,
            )
        )
    sizes = [
        [value if value is None else abs(value) for value in column]
        for column in zip(*((word.rollout, word.left_out, word.gradient) for word in words), strict=True)
    ]
    return AttentionExplanation(
        task=task.name,
        checkpoint=trace.checkpoint,
        texts=trace.texts,
        words=tuple(words),
        correlations={
            (METHODS[one], METHODS[other]): _agreement(sizes[one], sizes[other])
            for one, other in ((0, 1), (0, 2), (1, 2))
        },
        top=tuple(_largest(column) for column in sizes),
    )


def _answering(trace: AttentionTrace) -> tuple[int, ...]:
    """The positions whose last layer the output layer turned into the answer."""
    if not trace.prediction.candidates:
        return (0,)
    best = trace.prediction.candidates[0]
    return tokens_of(trace, 1, best.start, best.end)


def _agreement(one: Sequence[float | None], other: Sequence[float | None]) -> float | None:
    both = [pair for pair in zip(one, other, strict=True) if None not in pair]
    return spearman(*zip(*both, strict=True)) if len(both) >= MIN_WORDS_TO_RANK else None


def _largest(values: Sequence[float | None]) -> int | None:
    known = [index for index, value in enumerate(values) if value is not None]
    return max(known, key=values.__getitem__, default=None)
