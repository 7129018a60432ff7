"""Weights and tokens as JSON, for every component that draws them.

Weights are sent as bytes of their square roots, in base64: the many small weights keep three digits, and 64 tokens x
72 heads take 393 kB. For longer inputs the payload has an overview of every head; the page fetches single heads.
"""

from __future__ import annotations

import base64

import numpy as np

from ..attention_weights import pool, quantised
from ..results import AttentionTrace, DistillationTargets
from .unread import unread_notes

ALL_HEADS_UP_TO = 64  # tokens; longer inputs have an overview of every head, and single heads on demand
OVERVIEW = 32  # rows and columns of it


def heads_up_to(alone: bool) -> int:
    """The number of tokens up to which a payload has every head in full. A page without a server (`alone`) has a higher
    limit, because it cannot fetch heads."""
    return 2 * ALL_HEADS_UP_TO if alone else ALL_HEADS_UP_TO


def weights_payload(weights: np.ndarray, limit: int) -> dict:
    """Weights [..., num_tokens, num_tokens] in full for at most `limit` tokens, else their overview."""
    if weights.shape[-1] <= limit:
        return {"weights": quantised(weights), "overview": None}
    return {"weights": None, "overview": {"size": OVERVIEW, "weights": quantised(pool(weights, OVERVIEW))}}


def tokens_payload(result: AttentionTrace | DistillationTargets) -> dict:
    """The texts, their tokens, and the word of each token."""
    return {
        "texts": list(result.texts),
        "tokens": {
            "texts": list(result.tokens),
            "segments": list(result.segment_ids),
            "special": list(result.special_tokens_mask),
            "separator": list(result.separators),
            "words": list(result.word_ids),
        },
        "words": [{"text": word.text, "segment": word.segment} for word in result.words],
        "size": len(result.tokens),
    }


def reading_notes(result: AttentionTrace | DistillationTargets) -> list[str]:
    """What was not read of the texts."""
    return unread_notes(len(result.tokens), result.tokens_total, result.unknown_words)


def floats(values: np.ndarray) -> str:
    """Values of any shape -> base64 of little-endian float32."""
    return base64.b64encode(np.ascontiguousarray(values, dtype="<f4").tobytes()).decode("ascii")
