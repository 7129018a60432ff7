"""Functions of the weights of an `AttentionTrace`: numpy in, numpy out, no model.

Weights are [..., num_tokens, num_tokens], row = query (from), column = key (to), rows sum to 1. The page computes some
of this again in JavaScript (views/static), so every docstring states its sums and means. *Content tokens* are all
tokens but the special ones ([CLS], [SEP]).
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from .errors import DemoError
from .results import AttentionTrace, HeadBehaviour

# -- merged and compressed weights ---------------------------------------------------------------------------------


def merge_words(weights: np.ndarray, groups: Sequence[int]) -> np.ndarray:
    """Weights between groups of tokens, [..., T, T] -> [..., W, W]; `groups` has the group 0..W-1 of each token.

    Weights are summed over a group's keys and averaged over its queries, so rows still sum to 1."""
    members = (np.arange(max(groups) + 1)[:, None] == np.asarray(groups)).astype(weights.dtype)  # [W, T]
    return (members / members.sum(axis=1, keepdims=True)) @ weights @ members.T


def word_groups(trace: AttentionTrace) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """The group of each token, numbered in order of the input, and the labels of the groups.

    A word is one group; a token outside of words is a group of its own."""
    groups: list[int] = []
    labels: list[str] = []
    previous = None
    for token, word in zip(trace.tokens, trace.word_ids, strict=True):
        if word is None or word != previous:
            labels.append(token if word is None else trace.words[word].text)
        groups.append(len(labels) - 1)
        previous = word
    return tuple(groups), tuple(labels)


def quantised(weights: np.ndarray) -> str:
    """Weights 0..1 of any shape -> base64 of one byte each, round(255 sqrt(w)); the page squares the bytes again."""
    return base64.b64encode(np.round(255 * np.sqrt(np.clip(weights, 0, 1))).astype(np.uint8).tobytes()).decode("ascii")


def pool(weights: np.ndarray, size: int) -> np.ndarray:
    """Weights between `size` cells of neighbouring tokens, [..., T, T] -> [..., size, size], size <= T.

    Cell i holds the tokens floor(i T / size) up to floor((i + 1) T / size), merged as in `merge_words`. `ValueError`
    for a size outside 1..T."""
    num_tokens = weights.shape[-1]
    if not 1 <= size <= num_tokens:
        raise ValueError(f"{num_tokens} tokens cannot be pooled to {size} cells.")
    starts = np.arange(size) * num_tokens // size
    return merge_words(weights, np.searchsorted(starts, np.arange(num_tokens), side="right") - 1)


def rollout(attentions: np.ndarray) -> np.ndarray:
    """Attention rollout, [num_layers, num_heads, T, T] -> float32 [T, T]: how much of each position of the last layer
    comes from each token (Abnar & Zuidema 2020, "Quantifying Attention Flow in Transformers", eq. 1).

    A layer counts as half its mean head and half the residual connection, 0.5 mean(A) + 0.5 I. The layers are
    multiplied, the later one on the left. Rows sum to 1."""
    identity = np.eye(attentions.shape[-1])
    flow = identity
    for layer in attentions.mean(axis=1, dtype=np.float64):
        flow = (0.5 * layer + 0.5 * identity) @ flow
    return flow.astype(np.float32)


MEAN = "mean"  # in place of the number of a layer or head: the mean over all of them


def chosen_weights(trace: AttentionTrace, layer: int | str, head: int | str, is_rollout: bool = False) -> np.ndarray:
    """The weights [num_tokens, num_tokens] of a head, of a mean over layers or heads, or the rollout."""
    if is_rollout:
        return rollout(trace.attentions)
    layers = slice(None) if layer == MEAN else slice(layer, layer + 1)
    heads = slice(None) if head == MEAN else slice(head, head + 1)
    return trace.attentions[layers, heads].mean(axis=(0, 1))


# -- one head ------------------------------------------------------------------------------------------------------


def raw_scores(trace: AttentionTrace, layer: int, head: int) -> np.ndarray:
    """The scores q·k / sqrt(head_dim) before the softmax, float32 [T, T]. Their softmax over the unmasked keys gives
    the head's weights. `DemoError` for a trace without queries and keys."""
    if trace.queries is None or trace.keys is None:
        raise DemoError("This trace holds no queries and keys. Trace the text with with_qkv=True.")
    queries, keys = trace.queries[layer, head], trace.keys[layer, head]
    return queries @ keys.T * np.float32(queries.shape[-1] ** -0.5)


# -- attention between texts, and to the answer --------------------------------------------------------------------


def content_tokens(trace: AttentionTrace) -> np.ndarray:
    """bool [T]: True for the tokens that are not special."""
    return ~np.array(trace.special_tokens_mask, dtype=bool)


def pair_mass(trace: AttentionTrace) -> np.ndarray:
    """[num_layers, num_heads, 2, 2]: for the content tokens of text a (third axis), the mean mass on the content tokens
    of text b (last axis). The rest to 1 lies on special tokens. 0 for a second text that does not exist."""
    members = _text_members(trace).astype(trace.attentions.dtype)
    return _mean_rows(trace.attentions, members) @ members.T


def crossing_heads(trace: AttentionTrace, number: int = 5) -> list[tuple[int, int, float]]:
    """The `number` heads that attend most from one text to the other, the strongest first: (layer, head, mass). The
    mass is the mean of A to B and B to A in `pair_mass`. [] for a single text."""
    if not trace.is_pair:
        return []
    mass = pair_mass(trace)
    crossing = (mass[:, :, 0, 1] + mass[:, :, 1, 0]) / 2
    order = np.argsort(-crossing, axis=None, kind="stable")[:number]
    heads = np.column_stack(np.unravel_index(order, crossing.shape)).tolist()
    return [(layer, head, float(crossing[layer, head])) for layer, head in heads]


def tokens_of(trace: AttentionTrace, segment: int, start: int, end: int) -> tuple[int, ...]:
    """Positions of the tokens that contain any of the characters start..end of text number `segment` (0 or 1)."""
    tokens = enumerate(zip(trace.segment_ids, trace.offsets, strict=False))
    return tuple(
        position
        for position, (segment_id, span) in tokens
        if span is not None and segment_id == segment and span[0] < end and span[1] > start
    )


def answer_tokens(trace: AttentionTrace) -> tuple[int, ...]:
    """Positions of the predicted answer's tokens; () without a prediction of a span."""
    prediction = trace.prediction
    if prediction is None or prediction.start is None or prediction.end is None:
        return ()
    return tokens_of(trace, 1, prediction.start, prediction.end)


def span_mass(trace: AttentionTrace, tokens: Sequence[int]) -> np.ndarray:
    """[num_layers, num_heads]: for the content tokens of the first text (the question) outside of `tokens`, the mean
    mass on `tokens`."""
    keys = np.isin(np.arange(trace.num_tokens), tokens)
    queries = (_text_members(trace)[0] & ~keys).astype(trace.attentions.dtype)
    return _mean_rows(trace.attentions, queries[None])[:, :, 0] @ keys.astype(trace.attentions.dtype)


def _text_members(trace: AttentionTrace) -> np.ndarray:
    """bool [2, T]: the content tokens of the first and of the second text."""
    return content_tokens(trace) & (np.arange(2)[:, None] == np.array(trace.segment_ids))


def _mean_rows(weights: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """The mean row of the queries in each mask, [..., T, T] -> [..., n, T]; `masks` are 0 or 1, [n, T]. 0 for an empty
    mask."""
    return (masks / np.maximum(masks.sum(axis=1, keepdims=True), 1)) @ weights


# -- behaviours of heads -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Behaviour:
    """One behaviour of a head; a score above `threshold` makes it a candidate for the head's label."""

    name: str
    title: str
    threshold: float
    about: str


BEHAVIOURS: tuple[Behaviour, ...] = (
    Behaviour("previous", "Previous token", 0.4, "Weight on the token before."),
    Behaviour("next", "Next token", 0.4, "Weight on the token after."),
    Behaviour("same", "Same token", 0.4, "Weight on the token itself."),
    Behaviour("separator", "Separator", 0.4, "Weight on the separators, where a head rests that finds nothing."),
    Behaviour("cross_sentence", "Across the texts", 0.4, "Weight on the words of the other text."),
    Behaviour("broad", "Broad", 0.85, "Evenness of the weights: 1 if all tokens get the same."),
)
MIXED = "mixed"
MIN_CONTENT_TOKENS = 2  # with fewer, every head is "mixed"


def head_behaviours(trace: AttentionTrace) -> tuple[tuple[HeadBehaviour, ...], ...]:
    """The label and the scores of each head on this input, `[layer][head]`, with the content tokens as queries.

    The first five scores are mean weights: on token i - 1, on i + 1, on i, on all separators, on the other text's
    content tokens (None for a single text). "broad" is the mean entropy of the rows over ln(T). The label is the
    behaviour whose score exceeds its threshold by the largest factor; "broad" only if no other exceeds its own, and
    "mixed" if none does or there are fewer than two content tokens. The thresholds are a choice, not a finding: 0.4
    means two fifths of a token's weight. The behaviours are those of Clark et al. 2019 ("What Does BERT Look At?"),
    section 3."""
    scores = _scores(trace)
    has_enough_tokens = int(content_tokens(trace).sum()) >= MIN_CONTENT_TOKENS
    layers = []
    for layer in range(trace.num_layers):
        heads = []
        for head in range(trace.num_heads):
            head_scores = {
                name: None if values is None else float(values[layer, head]) for name, values in scores.items()
            }
            heads.append(HeadBehaviour(_label(head_scores) if has_enough_tokens else MIXED, head_scores))
        layers.append(tuple(heads))
    return tuple(layers)


def _scores(trace: AttentionTrace) -> dict[str, np.ndarray | None]:
    """Name of the behaviour -> its scores [num_layers, num_heads], None if it does not apply."""
    queries = np.flatnonzero(content_tokens(trace))
    rows = trace.attentions[:, :, queries]  # [L, H, content, T]
    row_index = np.arange(len(queries))
    logarithms = np.log(rows, where=rows > 0, out=np.zeros_like(rows))
    entropy = -(rows * logarithms).sum(axis=-1)
    return {
        "previous": rows[:, :, row_index, queries - 1].mean(axis=-1),
        "next": rows[:, :, row_index, queries + 1].mean(axis=-1),
        "same": rows[:, :, row_index, queries].mean(axis=-1),
        "separator": rows[..., np.array(trace.separators)].sum(axis=-1).mean(axis=-1),
        "cross_sentence": _cross_mass(trace, queries, rows) if trace.is_pair else None,
        "broad": entropy.mean(axis=-1) / np.log(trace.num_tokens),
    }


def _cross_mass(trace: AttentionTrace, queries: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The mean mass on the other text's content tokens, [num_layers, num_heads]."""
    segments = np.array(trace.segment_ids)
    in_other_text = (segments[queries, None] != segments) & content_tokens(trace)  # [content, T]
    return np.where(in_other_text, rows, 0).sum(axis=-1).mean(axis=-1)


def _label(scores: Mapping[str, float | None]) -> str:
    """The label of a head from its scores."""
    factors = {
        behaviour.name: scores[behaviour.name] / behaviour.threshold
        for behaviour in BEHAVIOURS
        if scores[behaviour.name] is not None and scores[behaviour.name] > behaviour.threshold
    }
    broad = factors.pop("broad", None)
    if factors:
        return max(factors, key=factors.get)
    return MIXED if broad is None else "broad"


# -- two traces ----------------------------------------------------------------------------------------------------


def check_comparable(first: AttentionTrace, second: AttentionTrace) -> None:
    """`DemoError` unless two traces have the same number of layers and heads, and the same tokens."""
    first_shape, second_shape = (f"{trace.num_layers} layers of {trace.num_heads} heads" for trace in (first, second))
    if first_shape != second_shape:
        raise DemoError(
            f"{first.checkpoint} has {first_shape}, {second.checkpoint} {second_shape}: compare two of one shape."
        )
    if len(first.tokens) != len(second.tokens):
        raise DemoError(
            f"The traces have {first.num_tokens} and {second.num_tokens} tokens: compare one text, cut up the same way."
        )
    for position, (token, second_token) in enumerate(zip(first.tokens, second.tokens, strict=True)):
        if token != second_token:
            raise DemoError(
                f"Token {position} is '{token}' in one trace and '{second_token}' in the other: compare one text."
            )
