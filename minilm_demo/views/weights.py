"""How maps of weights and the tokens beside them travel to the page, for every component that draws them.

Weights travel as bytes of their square roots, in base64: small weights, of which there are many, keep three digits, and
64 tokens x 72 heads take 393 kB. Longer inputs send an overview of every head and fetch single heads when asked.
"""

from __future__ import annotations

import base64

import numpy as np

from ..attention_weights import pool, quantised
from ..results import AttentionTrace, DistillationTargets

ALL_HEADS_UP_TO = 64  # tokens; above, an overview of every head travels, and single heads on demand
OVERVIEW = 32  # rows and columns of it


def heads_up_to(alone: bool) -> int:
    """The tokens up to which every head travels in full; a page without a server cannot fetch one later."""
    return 2 * ALL_HEADS_UP_TO if alone else ALL_HEADS_UP_TO


def weights_payload(weights: np.ndarray, limit: int) -> dict:
    """Weights [..., num_tokens, num_tokens] of at most `limit` tokens in full, else their overview."""
    if weights.shape[-1] <= limit:
        return {"weights": quantised(weights), "overview": None}
    return {"weights": None, "overview": {"size": OVERVIEW, "weights": quantised(pool(weights, OVERVIEW))}}


def tokens_payload(result: AttentionTrace | DistillationTargets) -> dict:
    """The texts, their tokens, and the words that those belong to."""
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


def truncation_notes(result: AttentionTrace | DistillationTargets) -> list[str]:
    return ["The text is longer than the model reads: its end was cut off."] if result.truncated else []


def floats(values: np.ndarray) -> str:
    """Values of any shape -> base64 of little-endian float32."""
    return base64.b64encode(np.ascontiguousarray(values, dtype="<f4").tobytes()).decode("ascii")
