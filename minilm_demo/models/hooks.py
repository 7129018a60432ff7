"""Forward hooks on a running model: capture queries, keys and values, or ablate attention heads.

All architectures of this app have them at `encoder.layer[l].attention.self.{query, key, value}` (see `ARCHITECTURES`).
Captured tensors are those that the layer itself computes with: bias included, before the split into heads.
A hook acts only in the thread that set it, so other threads may use the same model meanwhile.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

PARTS = {"Q": "query", "K": "key", "V": "value"}


def encoder_layers(model: PreTrainedModel) -> torch.nn.ModuleList:
    """The Transformer layers of an encoder, with or without an output layer on top."""
    return model.base_model.encoder.layer


@contextmanager
def captured(model: PreTrainedModel, layers: Sequence[int]) -> Iterator[dict[int, dict[str, torch.Tensor]]]:
    """Within the block, every forward pass fills `{layer: {"Q", "K", "V"}}`, each [batch, num_tokens, hidden_size].

    Layers count from 0, negative ones from the end; the keys are the values of `layers`."""
    tensors: dict[int, dict[str, torch.Tensor]] = {layer: {} for layer in layers}

    def store(layer: int, part: str):
        return in_this_thread(lambda module, inputs, output: tensors[layer].__setitem__(part, output))

    handles = [
        getattr(encoder_layers(model)[layer].attention.self, name).register_forward_hook(store(layer, part))
        for layer in layers
        for part, name in PARTS.items()
    ]
    try:
        yield tensors
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def ablated(model: PreTrainedModel, heads: Sequence[tuple[int, int]]) -> Iterator[None]:
    """Within the block, the output of these heads (layer, head; from 0) is zero: their part of the context vector, just
    before the layer's output projection. Their attention weights stay as they are."""
    heads_by_layer: dict[int, list[int]] = {}
    for layer, head in heads:
        heads_by_layer.setdefault(layer, []).append(head)

    def silence(layer_heads: Sequence[int]):
        def hook(module, inputs):
            (context,) = inputs
            by_head = context.clone().view(*context.shape[:-1], model.config.num_attention_heads, -1)
            by_head[..., layer_heads, :] = 0
            return (by_head.view(context.shape),)

        return in_this_thread(hook)

    handles = [
        encoder_layers(model)[layer].attention.output.dense.register_forward_pre_hook(silence(layer_heads))
        for layer, layer_heads in heads_by_layer.items()
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def in_this_thread(hook: Callable) -> Callable:
    """`hook`, but without effect when another thread runs the model."""
    owner = threading.get_ident()
    return lambda *args: hook(*args) if threading.get_ident() == owner else None


def split_heads(x: torch.Tensor, num_heads: int) -> torch.Tensor:
    """[batch, num_tokens, hidden_size] -> [batch, num_heads, num_tokens, hidden_size / num_heads]."""
    batch_size, num_tokens, hidden_size = x.shape
    return x.view(batch_size, num_tokens, num_heads, hidden_size // num_heads).transpose(1, 2)
