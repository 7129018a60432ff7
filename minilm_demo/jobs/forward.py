"""The model's outputs for many inputs: batches of similar length, so that little padding is computed, and outputs in
the order of the inputs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from ..data import features
from ..models import Checkpoint

# Attention weights of a head in a batch, rows x tokens x tokens: a batch of long inputs has fewer rows. With
# 12 heads in float32 that is 100 MB, of which a few are in memory at a time.
MOST_WEIGHTS = 2**21
SHORT, LENGTH_STEP = 128, 32  # tokens


def forward(
    checkpoint: Checkpoint,
    inputs: Sequence[Mapping[str, list[int]]],
    *,
    batch_size: int = 32,
    precision: str = "fp32",
    on_batch: Callable[[int], None] | None = None,
) -> list[dict[str, np.ndarray]]:
    """The model's outputs for each input, without padding: `logits` [num_labels], or `start_logits` and `end_logits`
    [num_tokens] each, float32. A batch has at most `batch_size` inputs, and at most `MOST_WEIGHTS` attention weights a
    head. `on_batch(inputs_done)` is called after each batch."""
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
    config = checkpoint.model.config
    lengths = [min(padded_length(len(one["input_ids"])), config.max_position_embeddings) for one in inputs]
    for indices in _grouped(lengths, batch_size):
        batch = [inputs[index] for index in indices]
        yield indices, features.collate(batch, config.pad_token_id, lengths[indices[-1]])


def padded_length(length: int) -> int:
    """The tokens to which an input is padded: a long one to a multiple of 32.

    On a CPU, torch keeps memory for every shape of a batch that it has seen, so there are few shapes."""
    return length if length <= SHORT else -(-length // LENGTH_STEP) * LENGTH_STEP


def _grouped(lengths: Sequence[int], batch_size: int) -> Iterator[list[int]]:
    """The indices of the lengths in ascending order, in batches."""
    batch: list[int] = []
    for index in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and (len(batch) == batch_size or (len(batch) + 1) * lengths[index] ** 2 > MOST_WEIGHTS):
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


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
