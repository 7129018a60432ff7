"""An attention trace as the payload of the `attention` component: weights, words, and the head it opens on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ..attention_weights import (
    BEHAVIOURS,
    MEAN,
    answer_tokens,
    chosen_weights,
    crossing_heads,
    head_behaviours,
    pair_mass,
    quantised,
    raw_scores,
    span_mass,
)
from ..results import AttentionExplanation, AttentionTrace, LearnedPositions, Prediction, Traced
from ..tasks import get_task
from . import words
from .code import trace_code
from .payloads import AttentionFrames, AttentionPayload
from .prediction import prediction_payload
from .weights import floats, heads_up_to, reading_notes, tokens_payload, weights_payload


def attention_payload(
    trace: AttentionTrace,
    *,
    title: str = "",
    before: AttentionTrace | None = None,
    before_title: str = "",
    explanation: AttentionExplanation | None = None,
    frames: Mapping | None = None,
    learned: LearnedPositions | None = None,
    view: Mapping | None = None,
    asked: Mapping | None = None,
    notes: Sequence[str] = (),
    precomputed: bool = False,
    alone: bool = False,
) -> AttentionPayload:
    """The payload of the attention explorer; attention.js describes its keys.

    `before` is another trace of the same tokens and heads for comparison: of another checkpoint, or from before a word
    was masked. The page sends `asked` back with every request. It opens on `view`, what a person had chosen, else on
    `first_look`. `alone` is for a page without a server: the payload then has every head of up to 128 tokens, of a
    longer input the head it opens on, and the raw scores of that head."""
    limit = heads_up_to(alone)
    selected = _selected(view) or first_look(trace, learned)
    crossing = crossing_heads(trace) if trace.is_pair else []
    return {
        "kind": "attention",
        "title": title or trace.checkpoint,
        **tokens_payload(trace),
        "layers": trace.num_layers,
        "heads": trace.num_heads,
        **weights_payload(trace.attentions, limit),
        "behaviours": _behaviours(trace),
        "pair": _rounded(pair_mass(trace)) if trace.is_pair else None,
        "crossing": [{"layer": layer, "head": head, "mass": mass} for layer, head, mass in crossing] or None,
        "answer": _answer(trace),
        "prediction": _prediction(trace.prediction, trace.texts),
        "selected": selected,
        "rows": _rows(trace, selected) if alone else None,
        "changed": {
            "masked": list(trace.masked_tokens),
            "ablated": [{"layer": layer, "head": head} for layer, head in trace.ablated_heads],
        },
        "positions": _positions(trace, learned),
        "before": before and _before(before, before_title, limit),
        "frames": frames,
        "explanation": explanation and _explanation(explanation, trace),
        "full": _full_heads(trace, before, view or selected) if alone and trace.num_tokens > limit else [],
        "view": view and dict(view),
        "code": trace_code(trace),
        "asked": dict(asked or {}),
        "notes": [*notes, *reading_notes(trace), *_position_notes(trace, learned)],
        "footer": [] if precomputed else [f"Traced in {words.milliseconds(trace.milliseconds)}."],
        "precomputed": precomputed,
    }


def frames_payload(texts: Sequence[str], traced: Sequence[Traced], weights: Sequence[np.ndarray]) -> AttentionFrames:
    """A run's traces: step, weights [num_layers, num_heads, num_tokens, num_tokens] and answer of each."""
    return {
        "steps": [event.step for event in traced],
        "weights": [quantised(step_weights) for step_weights in weights],
        "predictions": [_prediction(event.prediction, texts) for event in traced],
    }


def head_payload(weights: np.ndarray) -> dict:
    """The payload of one head, or of a mean of heads, [num_tokens, num_tokens]."""
    return {"weights": quantised(weights)}


def row_payload(trace: AttentionTrace, layer: int, head: int, token: int) -> dict:
    """The exact raw scores q·k/√d of one query token, [num_tokens]; None for a masked key."""
    scores = raw_scores(trace, layer, head)[token]
    masked = set(trace.masked_tokens)
    return {"scores": [None if key in masked else float(score) for key, score in enumerate(scores)]}


def _selected(view: Mapping | None) -> dict | None:
    """The head and the word of a view as those on which the explorer opens; None unless it has one of each."""
    if view is None or MEAN in (view["layer"], view["head"]) or not view["chosen"]["tokens"]:
        return None
    return {"layer": view["layer"], "head": view["head"], "token": view["chosen"]["tokens"][0]}


def _full_heads(trace: AttentionTrace, before: AttentionTrace | None, place: Mapping) -> list[dict]:
    """The head that is looked at, in full, of both traces."""
    chosen = {"layer": place["layer"], "head": place["head"], "rollout": bool(place.get("rollout"))}
    traces = [trace] if before is None else [trace, before]
    return [
        {**chosen, "before": one is before, "weights": quantised(chosen_weights(one, *chosen.values()))}
        for one in traces
    ]


def _positions(trace: AttentionTrace, learned: LearnedPositions | None) -> dict | None:
    if learned is None or trace.num_tokens <= learned.number:
        return None
    about = (
        f"This text has {trace.num_tokens} tokens, and this model never learned positions beyond {learned.number}: "
        "words there are in italics. What it does with them is not what it was trained for."
    )
    return {"learned": learned.number, "about": about}


def _position_notes(trace: AttentionTrace, learned: LearnedPositions | None) -> list[str]:
    return [learned.source] if learned is not None and trace.num_tokens > learned.number else []


def first_look(trace: AttentionTrace, learned: LearnedPositions | None = None) -> dict:
    """The layer, head and token on which the explorer opens, among the positions that the model learned.

    A pair opens on the head with the largest mass between the two texts, a single text on the head with the largest
    weight between two tokens that are not neighbours; the token is the one with the largest weight in that head."""
    special = np.array(trace.special_tokens_mask)
    segments = np.array(trace.segment_ids)
    content = np.flatnonzero(~special)
    if learned is not None:
        content = content[content < learned.number]
    inside = trace.attentions[:, :, content][:, :, :, content].copy()
    if trace.is_pair:
        inside *= segments[content][:, None] != segments[content][None, :]
    inside[:, :, np.arange(len(content)), np.arange(len(content))] = 0
    if trace.is_pair and (crossing := crossing_heads(trace, 1)):
        layer, head, _ = crossing[0]
    else:  # position alone explains attention to neighbours
        inside *= np.abs(content[:, None] - content[None, :]) > 1
        layer, head = divmod(int(inside.max(axis=(2, 3)).argmax()), trace.num_heads)
    row = int(inside[layer, head].max(axis=1).argmax())
    return {"layer": layer, "head": head, "token": int(content[row])}


def _behaviours(trace: AttentionTrace) -> dict:
    behaviours = head_behaviours(trace)
    return {
        "kinds": [
            {"name": kind.name, "title": kind.title, "threshold": kind.threshold, "about": kind.about}
            for kind in BEHAVIOURS
        ],
        "labels": [[head.label for head in layer] for layer in behaviours],
        "scores": {
            kind.name: [[_round(head.scores.get(kind.name)) for head in layer] for layer in behaviours]
            for kind in BEHAVIOURS
        },
    }


def _answer(trace: AttentionTrace) -> dict | None:
    """The predicted answer's tokens, and the mass that the question gives to them in every head."""
    tokens = answer_tokens(trace)
    if not tokens:
        return None
    return {"tokens": list(tokens), "mass": _rounded(span_mass(trace, tokens)), "text": trace.prediction.answer}


def _prediction(prediction: Prediction | None, texts: Sequence[str]) -> dict | None:
    if prediction is None:
        return None
    task = get_task(prediction.task)
    drawn = prediction_payload(task, prediction, dict(zip(task.text_fields, texts, strict=True)))
    bars = [{name: bar[name] for name in ("label", "share", "text")} for bar in drawn.get("bars", [])]
    return {"sentence": drawn["sentence"], "bars": bars, "unsure": drawn["unsure"]}


def _rows(trace: AttentionTrace, selected: Mapping) -> dict | None:
    if trace.queries is None:
        return None
    layer, head = selected["layer"], selected["head"]
    return {"layer": layer, "head": head, "scores": floats(raw_scores(trace, layer, head))}


def _before(trace: AttentionTrace, title: str, limit: int) -> dict:
    return {
        "title": title or trace.checkpoint,
        **weights_payload(trace.attentions, limit),
        "prediction": _prediction(trace.prediction, trace.texts),
    }


def _explanation(explanation: AttentionExplanation, trace: AttentionTrace) -> dict:
    """Three numbers per word, and the rank correlations of the three methods."""
    return {
        "names": ["Attention rollout", "Left out", "Gradient × input"],
        "about": [
            "How much of the answer's position can be followed back to the word, all layers together.",
            "How much the answer changes without the word.",
            "How much the answer would change with a small change of the word.",
        ],
        "words": [
            {
                "word": word.text,
                "segment": word.segment,
                "tokens": [token for token, word_id in enumerate(trace.word_ids) if word_id == word.index],
                "values": [_round(word.rollout), _round(word.left_out), _round(word.gradient)],
            }
            for word in explanation.words
        ],
        "correlations": [
            {"pair": f"{first} and {second}", "value": _round(value)}
            for (first, second), value in explanation.correlations.items()
        ],
        "top": list(explanation.top),
        "note": "Attention says where a model looked, not why it answered. If the three orders differ, none of them is "
        "the explanation; masking a word and asking again is the test.",
    }


def _round(value: float | None) -> float | None:
    return None if value is None else round(float(value), 4)


def _rounded(values: np.ndarray) -> list:
    return np.round(values.astype(float), 4).tolist()
