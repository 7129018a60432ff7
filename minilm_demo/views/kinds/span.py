"""An answer within a text: the text with the answer marked, or no answer."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from ...results import Candidate, Prediction, ScoredRow, WordImportance
from ...tasks import Task
from .. import words
from .base import Cells, Explained, Kind

NO_ANSWER = "No answer in this text"
ANSWERABLE, ANSWERED = ("has an answer", "has none"), ("answered", "“no answer”")  # rows and columns of the table


class Span(Kind):
    answer_fields = ("answer", "start", "end", "no_answer_score")
    needs_text = True
    below_constant = "were the steps too few, or the learning rate too high?"
    value_name = "F1"
    first_rows = "the lowest F1 first"
    confidence_name = "1 − F1"

    def draw(self, task: Task, prediction: Prediction, fields: Mapping[str, str]) -> dict:
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
            "candidates": [
                _candidate(candidate) for candidate in prediction.candidates if (candidate.start, candidate.end) != best
            ],
        }

    def answer_text(self, task: Task, answer: str, limit: int = 280) -> str:
        return words.shorten(answer, limit)

    def named(self, task: Task, answer: str) -> str:
        return super().named(task, answer) if answer else "“no answer”"

    def constant_name(self, task: Task, answer: str | None) -> str:
        """The only constant is no answer, whatever it scores."""
        return "never giving an answer"

    def measured(self, value: float) -> str:
        return words.percent(value, 0)

    def place(self, row: ScoredRow) -> float:
        return row.value

    def cells(self, task: Task) -> Cells:
        return Cells("Questions and answers", ANSWERABLE, ANSWERED, "The text {true}; the model said: {predicted}")

    def explained(self, task: Task, importance: WordImportance) -> Explained:
        logits = "the answer's start logit plus end logit"
        return Explained(logits, logits, "speaks for this answer", "speaks against this answer", "logits")

    def question(self, task: Task, importance: WordImportance) -> str:
        context = importance.fields[task.text_fields[1]]
        answer = words.shorten(context[importance.start : importance.end], 120)
        if importance.no_answer:
            return f"The model gives no answer. Why would “{answer}” be its best one?"
        return f"Why “{answer}”?"

    def left_out(self, left_out: int, rest: int) -> list[str]:
        return [
            "Left out were words of the question and those nearest to the answer; not the answer's own words, because "
            f"without them it is another answer. {words.counted(rest, 'word')} have a gradient only."
        ]

    def label_words(self, task: Task, label: Mapping) -> str:
        return label["text"][0] if label["text"] else "(no answer)"

    def balance(self, task: Task, labels: Sequence[Mapping]) -> str:
        if not task.has_unanswerable:
            return ""
        return f"{sum(not label['text'] for label in labels):,} without an answer."

    def short_example(self, task: Task) -> Mapping[str, str]:
        """Empty: a context is long."""
        return {}

    def limit(self, task: Task, index: int, most_characters: int) -> str:
        if index == 0:
            return "One question."
        return f"Any length up to {most_characters:,} characters: read in windows of {task.max_length} tokens."


def _decision(task: Task, prediction: Prediction) -> dict | None:
    """The no-answer score (null score minus best span score), the threshold and its range, in logits."""
    score, threshold = prediction.no_answer_score, prediction.threshold
    if not task.has_unanswerable or score is None or threshold is None:
        return None
    reach = max(10, math.ceil(abs(score)) + 1, math.ceil(abs(threshold)) + 1)
    return {"score": score, "threshold": threshold, "low": -reach, "high": reach}


def mark(context: str, start: int | None, end: int | None) -> list[dict]:
    """The context in pieces, the answer marked. They are cut here because JavaScript counts an emoji as two
    characters."""
    if start is None or end is None:
        return [{"text": context, "mark": False}]
    pieces = (context[:start], False), (context[start:end], True), (context[end:], False)
    return [{"text": text, "mark": marked} for text, marked in pieces if text]


def _candidate(candidate: Candidate) -> list[str]:
    return [words.shorten(candidate.text, 160), words.number(candidate.score, 1)]
