"""Made-up attention traces, drawn by the tests of the attention explorer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import view_samples as samples

from minilm_demo import views
from minilm_demo.results import AttentionExplanation, AttentionTrace, ExplainedWord, Traced, WordSpan

TOKENS = ("[CLS]", "a", "man", "un", "##happy", "[SEP]", "nobody", "is", "happy", "[SEP]")
WORDS = (("a", 0), ("man", 0), ("unhappy", 0), ("nobody", 1), ("is", 1), ("happy", 1))
SPECIAL = (0, 5, 9)
PREVIOUS, NEXT, SAME = (0, 0), (0, 1), (0, 2)  # (layer, head): what the made-up heads do
BROAD, ACROSS, SEPARATOR = (1, 0), (1, 1), (1, 2)


def made_up_weights() -> np.ndarray:
    """[2, 3, 10, 10], each head a plain case. ACROSS gives 0.64 to "un", 0.16 to "##happy", 0.2 to the first [SEP]."""
    size = len(TOKENS)
    places = np.arange(size)
    weights = np.zeros((2, 3, size, size), np.float32)
    weights[0, 0, places, np.maximum(places - 1, 0)] = 1
    weights[0, 1, places, np.minimum(places + 1, size - 1)] = 1
    weights[0, 2, places, places] = 1
    weights[1, 0] = 1 / size
    weights[1, 1, :, [3, 4, 5]] = np.float32([[0.64], [0.16], [0.2]])
    weights[1, 2, :, 9] = 1
    return weights


def made_up_trace(**changes) -> AttentionTrace:
    """A trace whose raw scores are the logarithms of its weights: keys that are the identity times √d."""
    weights = changes.pop("attentions", made_up_weights())
    size = weights.shape[-1]
    word_of = (None, 0, 1, 2, 2, None, 3, 4, 5, None)
    trace = AttentionTrace(
        checkpoint="nli",
        texts=("A man unhappy", "Nobody is happy"),
        tokens=TOKENS,
        segment_ids=(0,) * 6 + (1,) * 4,
        special_tokens_mask=tuple(place in SPECIAL for place in range(size)),
        separators=tuple(token == "[SEP]" for token in TOKENS),
        word_ids=word_of,
        words=tuple(WordSpan(segment, 0, len(text), text) for text, segment in WORDS),
        attentions=weights,
        queries=np.log(weights + np.float32(1e-6)),
        keys=np.broadcast_to(np.eye(size, dtype=np.float32) * np.float32(size**0.5), weights.shape),
        values=None,
        prediction=samples.nli_prediction(),
        milliseconds=8.1,
        truncated=False,
    )
    return replace(trace, **changes)


def long_trace(size: int) -> AttentionTrace:
    """One text of `size` tokens, every word one token, random weights: 6 layers, 12 heads."""
    weights = np.random.default_rng(0).dirichlet(np.full(size, 0.1), (6, 12, size)).astype(np.float32)
    tokens = ("[CLS]", *(f"w{place}" for place in range(1, size - 1)), "[SEP]")
    return made_up_trace(
        texts=(" ".join(tokens[1:-1]),),
        tokens=tokens,
        segment_ids=(0,) * size,
        special_tokens_mask=(True, *(False,) * (size - 2), True),
        separators=(*(False,) * (size - 1), True),
        word_ids=(None, *range(size - 2), None),
        words=tuple(WordSpan(0, 0, len(token), token) for token in tokens[1:-1]),
        attentions=weights,
        queries=None,
        prediction=None,
    )


def explanation() -> AttentionExplanation:
    rollouts, left_out = (0.1, 0.1, 0.4, 0.2, 0.1, 0.1), (0.02, 0.0, 0.31, None, -0.1, 0.1)
    numbers = list(zip(rollouts, left_out, (0.1, -0.2, 0.5, 0.1, 0.0, 0.3), strict=True))
    return AttentionExplanation(
        task="mnli",
        checkpoint="nli",
        texts=("A man unhappy", "Nobody is happy"),
        words=tuple(
            ExplainedWord(index, segment, 0, len(text), text, *numbers[index])
            for index, (text, segment) in enumerate(WORDS)
        ),
        correlations={("rollout", "left out"): 0.71, ("rollout", "gradient"): None},
        top=(2, 2, 2),
    )


def learning() -> dict:
    """Three steps of a run, from every head looking everywhere to the made-up trace."""
    end, even = made_up_weights(), np.full_like(made_up_weights(), 0.1)
    steps = [Traced(step, "trace.npz", samples.nli_prediction()) for step in (0, 10, 20)]
    return views.frames_payload(("a", "b"), steps, [even, (even + end) / 2, end])
