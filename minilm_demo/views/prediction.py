"""Predictions as payloads: one for the `prediction` component, several side by side for `answers`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..results import Prediction, outputs_note
from ..tasks import Task
from . import words
from .kinds import kind_of
from .payloads import AnswersPayload, AskPayload, Expected, PredictionPayload, Sentence
from .unread import unread_notes

UNREAD = "Unsure: no word of the text could be read, so the answer does not rest on what it says."


def prediction_payload(
    task: Task, prediction: Prediction, fields: Mapping[str, str], note: str = ""
) -> PredictionPayload:
    """The payload of the `prediction` component, for a prediction on the texts in `fields`.

    Always: kind, sentence (the answer in words), unsure (a sentence | ""), notes [str] (what was not read), footer
    [str], note. By kind:
    classification: bars [{label, name: the label in JSON, share 0..1, text, best bool}] in the order of the labels
    regression: scale {low, high, at, ticks [float]}
    span: pieces [{text, mark bool}] of the context with the best span marked, found (that span), candidates
    [[text, score]], and for tasks with unanswerable questions decision {score, threshold, low, high}: "no answer" is
    given when score > threshold, so the page can move the threshold without another prediction
    """
    return {
        "kind": task.kind,
        **kind_of(task).draw(task, prediction, fields),
        "unsure": unsure_sentence(task, prediction.unsure, prediction.nothing_read, prediction.probabilities),
        "notes": _notes(prediction),
        "footer": _footer(prediction),
        "note": note,
    }


def unsure_sentence(task: Task, unsure: bool, nothing_read: bool, probabilities: Mapping[str, float] | None) -> str:
    """Why an answer with these fields of `Prediction` is unsure; "" for one that is not."""
    if nothing_read:
        return UNREAD
    return kind_of(task).unsure(task, probabilities) if unsure else ""


def _notes(prediction: Prediction) -> list[str]:
    """What was not read of the text, and what the answers were taken for if the checkpoint does not say it."""
    counts = prediction.tokens_read, prediction.tokens_total
    outputs = outputs_note(prediction.assumed_outputs)
    unread = unread_notes(*counts, prediction.unknown_words)
    return [*unread, outputs] if outputs else unread


def error_payload(sentence: str) -> Sentence:
    """The payload that shows an error instead of an answer."""
    return {"kind": "error", "sentence": sentence}


def answers_payload(
    skill: str, task: Task, fields: Mapping[str, str], lanes: Sequence[Mapping], asked: Mapping | None = None
) -> AnswersPayload:
    """The answers of one or more checkpoints to one input; `lanes` are payloads of this module with a `title`.

    The page keeps `input` in its history, one for each `skill`; the server never gets it back. `asked` is the question
    as it came from the page, which compares it with its form."""
    return {
        "kind": "lanes",
        "skill": skill,
        "task": task.name,
        "input": [{"name": words.capital(task.words_for(name)), "text": fields[name]} for name in task.text_fields],
        "lanes": list(lanes),
        "asked": dict(asked or {}),
    }


def ask_payload(question: Mapping, note: str = "") -> AskPayload:
    """A value with which the page asks `question` at once. `note` stands below the answers to it."""
    return {"kind": "ask", "question": dict(question), "note": note}


def expected_answer(task: Task, answer: str, right: bool) -> Expected:
    """The right answer of an example, beside the answer of a model."""
    named = kind_of(task).named(task, answer)
    if right:
        return {"sentence": f"Right: {named} is this example's answer.", "right": True}
    return {"sentence": f"This model falls for it: the right answer is {named}.", "right": False}


def _footer(prediction: Prediction) -> list[str]:
    """Checkpoint and time, and the number of windows."""
    lines = [f"Answered by {prediction.checkpoint} in {words.milliseconds(prediction.milliseconds)}."]
    if prediction.num_windows > 1:
        lines.append(f"The text was read in {prediction.num_windows} overlapping windows.")
    return lines
