"""What can be read out of the weights of an `AttentionTrace`: numpy in, numpy out, no model.

Weights are [..., num_tokens, num_tokens], row = query (from), column = key (to), rows sum to 1. The page computes some
of this again in JavaScript (views/static), so every sum and mean is spelled out. *Content tokens* are those that are
not special ([CLS], [SEP]).
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from .errors import DemoError
from .results import AttentionTrace, HeadBehaviour

# -- coarser pictures ----------------------------------------------------------------------------------------------


def merge_words(weights: np.ndarray, groups: Sequence[int]) -> np.ndarray:
    """[..., T, T] -> [..., W, W], `groups` giving the group 0..W-1 of each token: summed over a group's keys, averaged
    over its queries, so that rows still sum to 1."""
    member = (np.arange(max(groups) + 1)[:, None] == np.asarray(groups)).astype(weights.dtype)  # [W, T]
    return (member / member.sum(axis=1, keepdims=True)) @ weights @ member.T


def word_groups(trace: AttentionTrace) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """The group of each token, numbered in order of the input, and the groups' labels: a word is one group, a token
    that belongs to none is a group of its own."""
    groups: list[int] = []
    labels: list[str] = []
    before = None
    for token, word in zip(trace.tokens, trace.word_ids, strict=True):
        if word is None or word != before:
            labels.append(token if word is None else trace.words[word].text)
        groups.append(len(labels) - 1)
        before = word
    return tuple(groups), tuple(labels)


def quantised(weights: np.ndarray) -> str:
    """Weights 0..1 of any shape -> base64 of one byte each, round(255 sqrt(w)); who draws them squares them again."""
    return base64.b64encode(np.round(255 * np.sqrt(np.clip(weights, 0, 1))).astype(np.uint8).tobytes()).decode("ascii")


def pool(weights: np.ndarray, size: int) -> np.ndarray:
    """[..., T, T] -> [..., size, size], size <= T: cell i holds the tokens floor(i T / size) up to floor((i + 1) T /
    size), merged as `merge_words` does it."""
    num_tokens = weights.shape[-1]
    if not 1 <= size <= num_tokens:
        raise ValueError(f"{num_tokens} tokens cannot be pooled to {size} cells.")
    starts = np.arange(size) * num_tokens // size
    return merge_words(weights, np.searchsorted(starts, np.arange(num_tokens), side="right") - 1)


def rollout(attentions: np.ndarray) -> np.ndarray:
    """Attention rollout (Abnar & Zuidema 2020, "Quantifying Attention Flow in Transformers", eq. 1): attentions
    [num_layers, num_heads, T, T] -> float32 [T, T], how much of each position of the last layer comes from each token.

    A layer is half its mean head, half the residual connection, 0.5 mean(A) + 0.5 I; layers are multiplied, the later
    one on the left. Rows sum to 1."""
    identity = np.eye(attentions.shape[-1])
    rolled = identity
    for layer in attentions.mean(axis=1, dtype=np.float64):
        rolled = (0.5 * layer + 0.5 * identity) @ rolled
    return rolled.astype(np.float32)


# -- one head ------------------------------------------------------------------------------------------------------


def raw_scores(trace: AttentionTrace, layer: int, head: int) -> np.ndarray:
    """The scores q·k / sqrt(head_dim) before the softmax, float32 [T, T]. Their softmax is the head's weights, where
    masked keys are left out of it."""
    if trace.queries is None or trace.keys is None:
        raise DemoError("This trace holds no queries and keys. Trace the text with with_qkv=True.")
    queries, keys = trace.queries[layer, head], trace.keys[layer, head]
    return queries @ keys.T * np.float32(queries.shape[-1] ** -0.5)


# -- two texts, an answer ------------------------------------------------------------------------------------------


def content_tokens(trace: AttentionTrace) -> np.ndarray:
    """bool [T]: which tokens are not special."""
    return ~np.array(trace.special_tokens_mask, dtype=bool)


def pair_mass(trace: AttentionTrace) -> np.ndarray:
    """[num_layers, num_heads, 2, 2]: for the content tokens of text a (third axis), the mean mass on the content tokens
    of text b (last axis). What is missing to 1 lies on special tokens. 0 where a text is not there."""
    of_text = _of_text(trace).astype(trace.attentions.dtype)
    return _mean_rows(trace.attentions, of_text) @ of_text.T


def crossing_heads(trace: AttentionTrace, number: int = 5) -> list[tuple[int, int, float]]:
    """The heads that look most across the two texts, the first one most: (layer, head, mass), mass being the mean of
    A to B and B to A in `pair_mass`. None for a single text."""
    if not trace.is_pair:
        return []
    mass = pair_mass(trace)
    crossing = (mass[:, :, 0, 1] + mass[:, :, 1, 0]) / 2
    order = np.argsort(-crossing, axis=None, kind="stable")[:number]
    places = np.column_stack(np.unravel_index(order, crossing.shape)).tolist()
    return [(layer, head, float(crossing[layer, head])) for layer, head in places]


def tokens_of(trace: AttentionTrace, segment: int, start: int, end: int) -> tuple[int, ...]:
    """Positions of the tokens that hold any of the characters start..end of text number `segment`."""
    places = enumerate(zip(trace.segment_ids, trace.offsets, strict=False))
    return tuple(
        position
        for position, (own, span) in places
        if span is not None and own == segment and span[0] < end and span[1] > start
    )


def answer_tokens(trace: AttentionTrace) -> tuple[int, ...]:
    """Positions of the predicted answer's tokens; none where no answer was predicted, or none is asked for."""
    prediction = trace.prediction
    if prediction is None or prediction.start is None or prediction.end is None:
        return ()
    return tokens_of(trace, 1, prediction.start, prediction.end)


def span_mass(trace: AttentionTrace, tokens: Sequence[int]) -> np.ndarray:
    """[num_layers, num_heads]: for the content tokens of the first text (the question) that are not among `tokens`,
    the mean mass on `tokens`."""
    inside = np.isin(np.arange(trace.num_tokens), tokens)
    asking = (_of_text(trace)[0] & ~inside).astype(trace.attentions.dtype)
    return _mean_rows(trace.attentions, asking[None])[:, :, 0] @ inside.astype(trace.attentions.dtype)


def _of_text(trace: AttentionTrace) -> np.ndarray:
    """bool [2, T]: which content tokens belong to the first and which to the second text."""
    return content_tokens(trace) & (np.arange(2)[:, None] == np.array(trace.segment_ids))


def _mean_rows(weights: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """The mean of the rows that each line of `chosen` [n, T] marks with 1: [..., T, T] -> [..., n, T], 0 for a line
    that marks none."""
    return (chosen / np.maximum(chosen.sum(axis=1, keepdims=True), 1)) @ weights


# -- what a head does ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Behaviour:
    """One row of the table: a score above `threshold` names a head."""

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
MIN_CONTENT_TOKENS = 2  # fewer say nothing about a head


def head_behaviours(trace: AttentionTrace) -> tuple[tuple[HeadBehaviour, ...], ...]:
    """`[layer][head]`: what each head did on this input, measured over the content tokens as queries.

    The first five scores are mean weights: on token i - 1, on i + 1, on i, on all separators, on the other text's
    content tokens (None for a single text). "broad" is the mean entropy of the rows over ln(T). A head is named after
    the behaviour that exceeds its threshold by the largest factor, after "broad" only if no other does, and "mixed" if
    none does or there are fewer than two content tokens. The thresholds are a choice, not a finding: at 0.4 one place
    has two fifths of what a word gives away. The kinds of head are those of Clark et al. 2019 ("What Does BERT Look
    At?"), section 3."""
    scores = _scores(trace)
    known = int(content_tokens(trace).sum()) >= MIN_CONTENT_TOKENS
    found = []
    for layer in range(trace.num_layers):
        row = []
        for head in range(trace.num_heads):
            own = {name: None if values is None else float(values[layer, head]) for name, values in scores.items()}
            row.append(HeadBehaviour(_label(own) if known else MIXED, own))
        found.append(tuple(row))
    return tuple(found)


def _scores(trace: AttentionTrace) -> dict[str, np.ndarray | None]:
    """Behaviour -> [num_layers, num_heads]."""
    queries = np.flatnonzero(content_tokens(trace))
    rows = trace.attentions[:, :, queries]  # [L, H, content, T]
    at = np.arange(len(queries))
    logarithms = np.log(rows, where=rows > 0, out=np.zeros_like(rows))
    entropy = -(rows * logarithms).sum(axis=-1)
    return {
        "previous": rows[:, :, at, queries - 1].mean(axis=-1),
        "next": rows[:, :, at, queries + 1].mean(axis=-1),
        "same": rows[:, :, at, queries].mean(axis=-1),
        "separator": rows[..., np.array(trace.separators)].sum(axis=-1).mean(axis=-1),
        "cross_sentence": _cross_mass(trace, queries, rows) if trace.is_pair else None,
        "broad": entropy.mean(axis=-1) / np.log(trace.num_tokens),
    }


def _cross_mass(trace: AttentionTrace, queries: np.ndarray, rows: np.ndarray) -> np.ndarray:
    segments = np.array(trace.segment_ids)
    other = (segments[queries, None] != segments) & content_tokens(trace)  # [content, T]
    return np.where(other, rows, 0).sum(axis=-1).mean(axis=-1)


def _label(scores: Mapping[str, float | None]) -> str:
    factors = {
        kind.name: scores[kind.name] / kind.threshold
        for kind in BEHAVIOURS
        if scores[kind.name] is not None and scores[kind.name] > kind.threshold
    }
    broad = factors.pop("broad", None)
    if factors:
        return max(factors, key=factors.get)
    return MIXED if broad is None else "broad"


# -- two traces ----------------------------------------------------------------------------------------------------


def check_comparable(trace: AttentionTrace, other: AttentionTrace) -> None:
    """`DemoError` unless two traces have the same layers, heads and tokens."""
    shapes = [f"{one.num_layers} layers of {one.num_heads} heads" for one in (trace, other)]
    if shapes[0] != shapes[1]:
        raise DemoError(
            f"{trace.checkpoint} has {shapes[0]}, {other.checkpoint} {shapes[1]}: compare two of one shape."
        )
    if len(trace.tokens) != len(other.tokens):
        raise DemoError(
            f"The traces have {trace.num_tokens} and {other.num_tokens} tokens: compare one text, cut up the same way."
        )
    for position, (one, two) in enumerate(zip(trace.tokens, other.tokens, strict=True)):
        if one != two:
            raise DemoError(f"Token {position} is '{one}' in one trace and '{two}' in the other: compare one text.")
