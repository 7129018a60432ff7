"""The model's outputs for many inputs: batches of similar length, so that little padding is computed, and outputs in
the order of the inputs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from ..data import features
from ..models import Checkpoint


def forward(
    checkpoint: Checkpoint,
    inputs: Sequence[Mapping[str, list[int]]],
    *,
    batch_size: int = 32,
    precision: str = "fp32",
    on_batch: Callable[[int], None] | None = None,
) -> list[dict[str, np.ndarray]]:
    """The model's outputs for each input, without padding: `logits` [num_labels], or `start_logits` and `end_logits`
    [num_tokens] each, float32. `on_batch(inputs_done)` is called after each batch."""
    outputs: list[dict[str, np.ndarray]] = [{} for _ in inputs]
    inputs_done = 0
    for indices, batch in _batches(checkpoint, inputs, batch_size):
        tensors = _run(checkpoint.model, batch, precision)
        for name, tensor in tensors.items():
            for index, values in zip(indices, tensor.numpy(), strict=True):
                length = len(inputs[index]["input_ids"])
                outputs[index][name] = values if name == "logits" else values[:length]
        inputs_done += len(indices)
        if on_batch:
            on_batch(inputs_done)
    return outputs


def _batches(checkpoint: Checkpoint, inputs: Sequence[Mapping], batch_size: int) -> Iterator[tuple[list[int], dict]]:
    """The inputs in order of length: (their indices, the padded batch)."""
    order = sorted(range(len(inputs)), key=lambda index: len(inputs[index]["input_ids"]))
    for start in range(0, len(order), batch_size):
        indices = order[start : start + batch_size]
        yield indices, features.collate([inputs[index] for index in indices], checkpoint.model.config.pad_token_id)


def _run(model, batch: Mapping, precision: str) -> dict:
    import torch

    device = model.device
    with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16"):
        output = model(**{name: tensor.to(device) for name, tensor in batch.items()})
    names = ("logits", "start_logits", "end_logits")
    return {name: output[name].float().cpu() for name in names if name in output}


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities along the last axis."""
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)
