"""Text in, `Prediction` out, for every kind of task.

One forward pass per input (span tasks: one per window), float32. `predict` serves one input, `predict_rows` many; both
go through `forward`, which sorts by length so that little padding is computed and gives the outputs back in order.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from ..data import check_row, features
from ..models import Checkpoint, cached_checkpoint
from ..results import Candidate, Prediction
from ..tasks import Task, get_task

N_BEST = 20  # start and end positions looked at per window, as run_qa.py
SHOWN_CANDIDATES = 5


def predict(
    task: Task | str,
    checkpoint: Checkpoint | str,
    fields: Mapping[str, str],
    *,
    threshold: float | None = None,
) -> Prediction:
    """The checkpoint's answer for one input; `fields` holds the task's text fields, as in a row of the data set.

    `checkpoint` may be any checkpoint argument; the last few are kept in memory. Raises `DataError` for a missing,
    empty or endless text, `UnknownName` and `Unavailable` for a checkpoint that is not there."""
    task = get_task(task) if isinstance(task, str) else task
    check_row(task, fields)  # before a checkpoint is loaded for nothing
    if not isinstance(checkpoint, Checkpoint):
        checkpoint = cached_checkpoint(str(checkpoint), task)
    (prediction,) = predict_rows(task, checkpoint, [fields], threshold=threshold)
    return prediction


def predict_rows(
    task: Task,
    checkpoint: Checkpoint,
    rows: Sequence[Mapping[str, str]],
    *,
    threshold: float | None = None,
    batch_size: int = 32,
    precision: str = "fp32",
    on_batch: Callable[[int], None] | None = None,
) -> list[Prediction]:
    """One `Prediction` per row, in order; `on_batch(rows_done)` is called as the work goes on.

    `threshold` (span tasks): "no answer" wins when its score is above it; default: the checkpoint's own, else 0."""
    rows = [check_row(task, row) for row in rows]
    started = time.perf_counter()
    decode = {"classification": _classes, "regression": _scores, "span": _spans}[task.kind]
    values = decode(task, checkpoint, rows, threshold, batch_size, precision, on_batch)
    milliseconds = (time.perf_counter() - started) * 1000 / max(1, len(rows))
    common = {"task": task.name, "checkpoint": checkpoint.name, "milliseconds": milliseconds}
    return [Prediction(**common, **value) for value in values]


def forward(
    checkpoint: Checkpoint,
    inputs: Sequence[Mapping[str, list[int]]],
    *,
    batch_size: int = 32,
    precision: str = "fp32",
    on_batch: Callable[[int], None] | None = None,
) -> list[dict[str, np.ndarray]]:
    """The model's outputs per input, padding cut off: `logits` [num_labels], or `start_logits` and `end_logits`
    [num_tokens] each, float32."""
    outputs: list[dict[str, np.ndarray]] = [{} for _ in inputs]
    done = 0
    for indices, batch in _batches(checkpoint, inputs, batch_size):
        result = _run(checkpoint.model, batch, precision)
        for name, tensor in result.items():
            for index, values in zip(indices, tensor.numpy(), strict=True):
                length = len(inputs[index]["input_ids"])
                outputs[index][name] = values if name == "logits" else values[:length]
        done += len(indices)
        if on_batch:
            on_batch(done)
    return outputs


def _batches(checkpoint: Checkpoint, inputs: Sequence[Mapping], batch_size: int) -> Iterator[tuple[list[int], dict]]:
    order = sorted(range(len(inputs)), key=lambda index: len(inputs[index]["input_ids"]))
    for start in range(0, len(order), batch_size):
        indices = order[start : start + batch_size]
        yield indices, features.collate([inputs[index] for index in indices], checkpoint.model.config.pad_token_id)


def _run(model, batch: Mapping, precision: str) -> dict:
    import torch

    device = model.device
    with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16"):
        result = model(**{name: tensor.to(device) for name, tensor in batch.items()})
    names = ("logits", "start_logits", "end_logits")
    return {name: result[name].float().cpu() for name in names if name in result}


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities along the last axis."""
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def _text_logits(task, checkpoint, rows, batch_size, precision, on_batch) -> tuple[list[dict], list[bool]]:
    length = features.input_length(task, checkpoint.model.config)
    with checkpoint.lock:
        inputs = features.encode_texts(task, checkpoint.tokenizer, rows, length)
        cut = [
            len(one["input_ids"]) == length and features.count_tokens(task, checkpoint.tokenizer, row) > length
            for one, row in zip(inputs, rows, strict=True)
        ]
    return forward(checkpoint, inputs, batch_size=batch_size, precision=precision, on_batch=on_batch), cut


def _classes(task, checkpoint, rows, threshold, batch_size, precision, on_batch) -> list[dict]:
    outputs, cut = _text_logits(task, checkpoint, rows, batch_size, precision, on_batch)
    return [
        {**decode_classes(task, output["logits"]), "truncated": truncated}
        for output, truncated in zip(outputs, cut, strict=True)
    ]


def decode_classes(task: Task, logits: np.ndarray) -> dict:
    """Logits [num_labels] -> the most probable label and the probability of each."""
    probabilities = softmax(logits.astype(np.float64))
    by_name = {label: float(p) for label, p in zip(task.labels, probabilities, strict=True)}
    return {"label": max(by_name, key=by_name.get), "probabilities": by_name}


def _scores(task, checkpoint, rows, threshold, batch_size, precision, on_batch) -> list[dict]:
    outputs, cut = _text_logits(task, checkpoint, rows, batch_size, precision, on_batch)
    return [
        {"score": float(output["logits"][0]), "truncated": truncated}
        for output, truncated in zip(outputs, cut, strict=True)
    ]


def _spans(task, checkpoint, rows, threshold, batch_size, precision, on_batch) -> list[dict]:
    length = features.input_length(task, checkpoint.model.config)
    stride = min(task.doc_stride, length // 3)
    with checkpoint.lock:
        windows = features.encode_windows(task, checkpoint.tokenizer, rows, length, stride)
    inputs = [window.inputs for window in windows]
    report = on_batch and (lambda done: on_batch(done * len(rows) // len(windows)))  # in rows, not in windows
    outputs = forward(checkpoint, inputs, batch_size=batch_size, precision=precision, on_batch=report)
    if threshold is None:
        threshold = no_answer_threshold(checkpoint)
    by_row: list[list[int]] = [[] for _ in rows]
    for index, window in enumerate(windows):
        by_row[window.row].append(index)
    context_field = task.text_fields[1]
    return [
        decode_span(
            task,
            row[context_field],
            [windows[index] for index in indices],
            [outputs[index] for index in indices],
            threshold,
        )
        for row, indices in zip(rows, by_row, strict=True)
    ]


def no_answer_threshold(checkpoint: Checkpoint) -> float:
    """The checkpoint's own: "no answer" wins when its score is above it."""
    return float(getattr(checkpoint.model.config, "no_answer_threshold", 0.0))


def decode_span(
    task: Task,
    context: str,
    windows: Sequence[features.Window],
    outputs: Sequence[Mapping[str, np.ndarray]],
    threshold: float,
) -> dict:
    """The best valid span over all windows of one context, and whether "no answer" beats it.

    As run_qa.py: null score = smallest start[0] + end[0] over the windows; spans from the 20 best starts and ends, end
    not before start, at most `max_answer_length` tokens, inside the context. Where these 20 make no valid span, all
    positions are looked at, so that every context with a token has a best span and a finite score."""
    null_score = min(float(out["start_logits"][0] + out["end_logits"][0]) for out in outputs)
    found: dict[tuple[int, int], float] = {}
    for positions in (N_BEST, None):
        for window, output in zip(windows, outputs, strict=True):
            for start, end, score in _window_spans(window, output, task.max_answer_length, positions):
                found[start, end] = max(score, found.get((start, end), -np.inf))
        if found:
            break
    ranked = sorted(found.items(), key=lambda item: (-item[1], item[0]))
    candidates = tuple(
        Candidate(context[start:end], start, end, score) for (start, end), score in ranked[:SHOWN_CANDIDATES]
    )
    value = {"candidates": candidates, "num_windows": len(windows), "threshold": threshold}
    if not candidates:  # a context of characters that are no tokens
        return value | {"answer": ""}
    no_answer_score = null_score - candidates[0].score
    value |= {"no_answer_score": no_answer_score, "score": -no_answer_score}
    if task.has_unanswerable and no_answer_score > threshold:
        return value | {"answer": ""}
    best = candidates[0]
    return value | {"answer": best.text, "start": best.start, "end": best.end}


def _window_spans(window: features.Window, output: Mapping[str, np.ndarray], longest: int, positions: int | None):
    """(first character, end character, logit sum) of the valid spans between a window's best `positions`."""
    inside = np.array([span is not None for span in window.offsets])
    starts = _best(output["start_logits"], inside, positions)
    ends = _best(output["end_logits"], inside, positions)
    for start in starts:
        for end in ends:
            if start <= end < start + longest:
                score = float(output["start_logits"][start] + output["end_logits"][end])
                yield window.offsets[start][0], window.offsets[end][1], score


def _best(logits: np.ndarray, inside: np.ndarray, number: int | None) -> np.ndarray:
    """The positions of the `number` highest logits (None: all) among those inside the context."""
    positions = np.flatnonzero(inside)
    return positions[np.argsort(-logits[positions], kind="stable")[:number]]
