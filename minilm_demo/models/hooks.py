"""Queries, keys and values of a running model, by forward hooks: captured, never computed a second time.

All architectures of this app keep them at `encoder.layer[l].attention.self.{query, key, value}` (see `ARCHITECTURES`).
What is captured is exactly what the layer's own softmax works with: bias included, before the split into heads.
Other threads may use the same model meanwhile: every hook acts in the thread that set it and in no other.
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

    Layers count from 0, from the end if negative; the keys are those that were asked for."""
    found: dict[int, dict[str, torch.Tensor]] = {layer: {} for layer in layers}

    def keep(layer: int, part: str):
        return in_this_thread(lambda module, inputs, output: found[layer].__setitem__(part, output))

    handles = [
        getattr(encoder_layers(model)[layer].attention.self, name).register_forward_hook(keep(layer, part))
        for layer in layers
        for part, name in PARTS.items()
    ]
    try:
        yield found
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def ablated(model: PreTrainedModel, heads: Sequence[tuple[int, int]]) -> Iterator[None]:
    """Within the block, what these heads (layer, head; from 0) pass on is zero: their part of the context vector, just
    before the layer's output projection. Their attention weights stay as they are."""
    by_layer: dict[int, list[int]] = {}
    for layer, head in heads:
        by_layer.setdefault(layer, []).append(head)

    def silence(own: Sequence[int]):
        def hook(module, inputs):
            (context,) = inputs
            by_head = context.clone().view(*context.shape[:-1], model.config.num_attention_heads, -1)
            by_head[..., own, :] = 0
            return (by_head.view(context.shape),)

        return in_this_thread(hook)

    handles = [
        encoder_layers(model)[layer].attention.output.dense.register_forward_pre_hook(silence(own))
        for layer, own in by_layer.items()
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def in_this_thread(hook: Callable) -> Callable:
    """The hook, doing nothing when another thread runs the model."""
    own = threading.get_ident()
    return lambda *args: hook(*args) if threading.get_ident() == own else None


def split_heads(x: torch.Tensor, num_heads: int) -> torch.Tensor:
    """[batch, num_tokens, hidden_size] -> [batch, num_heads, num_tokens, hidden_size / num_heads]."""
    batch, num_tokens, hidden_size = x.shape
    return x.view(batch, num_tokens, num_heads, hidden_size // num_heads).transpose(1, 2)
