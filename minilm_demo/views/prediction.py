"""Predictions as payloads: one for the `prediction` component, several side by side for `answers`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from ..results import Candidate, Prediction
from ..tasks import Task
from . import words
from .payloads import AnswersPayload, PredictionPayload, Sentence

NO_ANSWER = "No answer in this text"


def prediction_payload(
    task: Task, prediction: Prediction, fields: Mapping[str, str], note: str = ""
) -> PredictionPayload:
    """A prediction for the texts in `fields` -> what to draw.

    Always: kind, sentence (the answer in words), footer [str], note. By kind:
    classification: bars [{label, share 0..1, text, best bool}] in the order of the task's labels
    regression: scale {low, high, at, ticks [float]}
    span: pieces [{text, mark bool}] of the context with the best span marked, found (that span), candidates
    [[text, score]], and for tasks with unanswerable questions decision {score, threshold, low, high}: "no answer" is
    given when score > threshold, so that the page can move the threshold without asking the model again
    """
    draw = {"classification": _bars, "regression": _scale, "span": _span}[task.kind]
    return {
        "kind": task.kind,
        **draw(task, prediction, fields),
        "footer": _footer(prediction),
        "note": note,
    }


def error_payload(sentence: str) -> Sentence:
    """What went wrong, instead of an answer."""
    return {"kind": "error", "sentence": sentence}


def answers_payload(skill: str, task: Task, fields: Mapping[str, str], lanes: Sequence[Mapping]) -> AnswersPayload:
    """The answers of one or more checkpoints to one input; `lanes` are payloads of this module with a `title`.

    `input` is what was asked, for the history that the page keeps, one for each `skill`; it never comes back to the
    server."""
    return {
        "kind": "lanes",
        "skill": skill,
        "task": task.name,
        "input": [{"name": name.capitalize(), "text": fields[name]} for name in task.text_fields],
        "lanes": list(lanes),
    }


def _bars(task: Task, prediction: Prediction, fields: Mapping[str, str]) -> dict:
    """Bars stay in the order of the labels, so that two answers can be compared at a glance."""
    shares = prediction.probabilities
    labels = [label for label in task.labels if label in shares] or list(shares)
    return {
        "sentence": f"{words.label_name(prediction.label)}, {words.percent(shares[prediction.label])}",
        "bars": [
            {
                "label": words.label_name(label),
                "share": shares[label],
                "text": words.percent(shares[label]),
                "best": label == prediction.label,
            }
            for label in labels
        ],
    }


def _scale(task: Task, prediction: Prediction, fields: Mapping[str, str]) -> dict:
    """A model may answer outside the range of its targets; the words say what came, the marker stays on the scale."""
    low, high = task.score_range
    return {
        "sentence": f"{words.number(prediction.score, 1)} on a scale from {low:g} to {high:g}",
        "scale": {
            "low": low,
            "high": high,
            "at": min(high, max(low, prediction.score)),
            "ticks": [low + step * (high - low) / 5 for step in range(6)],
        },
    }


def _span(task: Task, prediction: Prediction, fields: Mapping[str, str]) -> dict:
    context = fields[task.text_fields[-1]]
    best = (prediction.start, prediction.end)
    if prediction.start is None and prediction.candidates:
        best = (prediction.candidates[0].start, prediction.candidates[0].end)
    return {
        "sentence": prediction.answer or NO_ANSWER,
        "found": "" if best[0] is None else context[slice(*best)],
        "none": NO_ANSWER,
        "pieces": mark(context, *best),
        "decision": _decision(task, prediction),
        "candidates": [_candidate(one) for one in prediction.candidates if (one.start, one.end) != best],
    }


def _decision(task: Task, prediction: Prediction) -> dict | None:
    """The no-answer score (null score minus best span score, in logits) and where a threshold may stand."""
    score, threshold = prediction.no_answer_score, prediction.threshold
    if not task.has_unanswerable or score is None or threshold is None:
        return None
    reach = max(10, math.ceil(abs(score)) + 1, math.ceil(abs(threshold)) + 1)
    return {"score": score, "threshold": threshold, "low": -reach, "high": reach}


def mark(context: str, start: int | None, end: int | None) -> list[dict]:
    """The context in pieces, the answer marked. Cut here and not in the browser: Python counts characters, JavaScript
    counts an emoji as two."""
    if start is None or end is None:
        return [{"text": context, "mark": False}]
    pieces = (context[:start], False), (context[start:end], True), (context[end:], False)
    return [{"text": text, "mark": marked} for text, marked in pieces if text]


def _candidate(one: Candidate) -> list[str]:
    return [words.shorten(one.text, 160), words.number(one.score, 1)]


def _footer(prediction: Prediction) -> list[str]:
    """Who answered, how long it took, and what of the text was read."""
    lines = [f"Answered by {prediction.checkpoint} in {words.milliseconds(prediction.milliseconds)}."]
    if prediction.truncated:
        lines.append("The text is longer than the model reads: its end was cut off.")
    if prediction.num_windows > 1:
        lines.append(f"The text was read in {prediction.num_windows} overlapping windows.")
    return lines
