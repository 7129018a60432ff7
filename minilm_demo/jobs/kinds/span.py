"""Question answering: the answer is the best span over all windows of a context, or "no answer"."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from ...data import PlacedWord, features, place_words, word_spans
from ...errors import DataError
from ...models import Checkpoint
from ...results import Candidate, Prediction, ScoredRow
from ...tasks import Task
from ..answer_metrics import answer_f1, answer_rows
from ..certainty import is_close
from ..forward import forward
from ..uncertainty import SHARES, middle_95, resampled_mean, wilson
from .base import MAX_LEFT_OUT, Case, Kind

N_BEST = 20  # start and end positions per window that form candidates, as in run_qa.py
SHOWN_CANDIDATES = 5
NO_ANSWER = "(no answer)"
# Limits on the context words that leave-one-out removes. The words nearest to the answer come first.
MAX_CONTEXT_LEFT_OUT = 60
MIN_CONTEXT_LEFT_OUT = 20
MAX_SPAN_TOKENS = 12_000  # tokens of all variants of one input, a few seconds on two cores


class Span(Kind):
    """References are lists of gold answers, outcomes are answers; [] and "" mean no answer. Word importance explains
    the sum of the best span's start and end logit."""

    def decode(
        self,
        task: Task,
        row: Mapping[str, str],
        windows: Sequence[features.Window],
        outputs: Sequence[Mapping[str, np.ndarray]],
        threshold: float,
    ) -> dict:
        return decode_span(task, row[task.text_fields[1]], windows, outputs, threshold)

    def columns(self, prediction: Prediction) -> dict[str, object]:
        score = prediction.no_answer_score
        return {
            "prediction": prediction.answer,
            "start": prediction.start,
            "end": prediction.end,
            "no_answer_score": None if score is None else round(score, 4),
        }

    def references(self, task: Task, rows: Sequence[Mapping]) -> list[list[str]]:
        return [row[task.label_field]["text"] for row in rows]

    def outcome(self, task: Task, predictions: Sequence[Prediction]) -> list[str]:
        return [prediction.answer for prediction in predictions]

    def score(self, task: Task, outcome, references) -> dict[str, float]:
        return {name: float(values.mean()) for name, values in answer_rows(task, outcome, references).items()}

    def intervals(self, task: Task, outcome, references, seed: int, resamples: int) -> dict[str, tuple[float, float]]:
        return {
            name: wilson(float(values.mean()), len(values))
            if name in SHARES
            else middle_95(resampled_mean(values, np.random.default_rng(seed), resamples))
            for name, values in answer_rows(task, outcome, references).items()
        }

    def constants(self, task: Task, references) -> dict[str, str]:
        """No answer: any other answer is a part of its own context, so it cannot be the same everywhere."""
        return {NO_ANSWER: ""}

    def batch_accuracy(self, output, batch: Mapping) -> float:
        """The share of windows with the right start and end."""
        starts = output.start_logits.argmax(-1) == batch["start_positions"]
        ends = output.end_logits.argmax(-1) == batch["end_positions"]
        return (starts & ends).float().mean().item()

    def judge(self, task: Task, label: Mapping, prediction: Prediction) -> tuple:
        """The value is the answer's F1. If questions may have no answer, the cell is (1 if the question has none, 1 if
        none is predicted)."""
        golds = label["text"]
        cell = (int(not any(golds)), int(not prediction.answer)) if task.has_unanswerable else None
        f1 = answer_f1(prediction.answer, golds)
        return golds[0] if golds else NO_ANSWER, prediction.answer or NO_ANSWER, f1, cell

    def mistake(self, row: ScoredRow) -> float | None:
        """1 - F1 of an answer whose F1 is at most one half."""
        return 1.0 - row.value if row.value <= 0.5 else None

    def is_right(self, prediction: Prediction, expected: Sequence[str]) -> bool:
        return answer_f1(prediction.answer, expected) > 0.5

    def agrees(self, prediction: Prediction, answer: str) -> bool:
        return self.is_right(prediction, [answer] if answer else [])

    def case(self, task: Task, checkpoint: Checkpoint, row: Mapping[str, str], prediction: Prediction) -> Case:
        """Each variant removes the tokens of one word from the window of the answer. A shorter text could fall into
        other windows; this way there is always one."""
        if not prediction.candidates:
            raise DataError(
                f"The {task.text_fields[1]} holds no word the model can read, so there is no answer to explain."
            )
        (question_field, question), (context_field, context) = row.items()
        best = prediction.candidates[0]
        window, first, last = _window_of(task, checkpoint, row, best.start, best.end)
        with checkpoint.lock:
            question_words = _question_words(checkpoint.tokenizer, question_field, question)
            inside = [(position, span) for position, span in enumerate(window.offsets) if span is not None]
            context_words = place_words(context_field, context, word_spans(checkpoint.tokenizer, context), inside)
        words = [*question_words, *context_words]
        in_question = range(len(question_words))[: MAX_LEFT_OUT - MAX_CONTEXT_LEFT_OUT]
        affordable = MAX_SPAN_TOKENS // len(window.offsets) - len(in_question)
        limit = max(MIN_CONTEXT_LEFT_OUT, min(MAX_CONTEXT_LEFT_OUT, affordable))
        in_context = [len(question_words) + index for index in _nearest(context_words, best.start, best.end, limit)]

        def value_without(index: int, output: Mapping[str, np.ndarray]) -> float:
            removed = words[index].tokens
            start, end = (position - sum(token < position for token in removed) for position in (first, last))
            return float(output["start_logits"][start] + output["end_logits"][end])

        return Case(
            window.inputs,
            words,
            best.score,
            lambda outputs: outputs.start_logits[0, first] + outputs.end_logits[0, last],
            {index: _without_tokens(window.inputs, words[index].tokens) for index in (*in_question, *in_context)},
            value_without,
            span=(best.start, best.end),
            no_answer=not prediction.answer,
        )


def decode_span(
    task: Task,
    context: str,
    windows: Sequence[features.Window],
    outputs: Sequence[Mapping[str, np.ndarray]],
    threshold: float,
) -> dict:
    """The fields of `Prediction` for one context: its best valid spans over all windows, and the answer.

    As in run_qa.py, the null score is the smallest start[0] + end[0] of the windows. Candidates lie between the 20 best
    starts and ends; a valid one ends at or after its start, has at most `max_answer_length` tokens and lies inside the
    context. Without a valid span among these 20, all positions count, so that every context with a token has a best
    span and a finite score. The candidates of the result do not overlap."""
    null_score = min(float(output["start_logits"][0] + output["end_logits"][0]) for output in outputs)
    scores: dict[tuple[int, int], float] = {}  # (first, end character) -> logit sum
    for num_positions in (N_BEST, None):
        for window, output in zip(windows, outputs, strict=True):
            for start, end, score in _window_spans(window, output, task.max_answer_length, num_positions):
                scores[start, end] = max(score, scores.get((start, end), -np.inf))
        if scores:
            break
    ranked = sorted(scores.items(), key=lambda item: (-item[1], item[0]))
    candidates = tuple(
        Candidate(context[start:end], start, end, score) for (start, end), score in _apart(ranked, SHOWN_CANDIDATES)
    )
    fields = {"candidates": candidates, "num_windows": len(windows), "threshold": threshold}
    if not candidates:  # no character of the context is part of a token
        return fields | {"answer": ""}
    no_answer_score = null_score - candidates[0].score
    rivals = [candidate.score for candidate in candidates[:2]]
    if task.has_unanswerable:
        rivals.append(null_score - threshold)
    fields |= {"no_answer_score": no_answer_score, "score": -no_answer_score, "unsure": is_close(rivals)}
    if task.has_unanswerable and no_answer_score > threshold:
        return fields | {"answer": ""}
    best = candidates[0]
    return fields | {"answer": best.text, "start": best.start, "end": best.end}


def _apart(ranked: Iterable[tuple[tuple[int, int], float]], number: int) -> list[tuple[tuple[int, int], float]]:
    """The first `number` spans, each of which overlaps none before it (non-maximum suppression). `ranked` are pairs of
    (first, end character) and score, the best first."""
    kept: list[tuple[tuple[int, int], float]] = []
    for (start, end), score in ranked:
        if len(kept) == number:
            break
        if all(end <= other_start or other_end <= start for (other_start, other_end), _ in kept):
            kept.append(((start, end), score))
    return kept


def _window_spans(
    window: features.Window, output: Mapping[str, np.ndarray], max_tokens: int, num_positions: int | None
):
    """(first character, end character, logit sum) of the valid spans between a window's best starts and ends."""
    inside = np.array([span is not None for span in window.offsets])
    starts = _best(output["start_logits"], inside, num_positions)
    ends = _best(output["end_logits"], inside, num_positions)
    for start in starts:
        for end in ends:
            if start <= end < start + max_tokens:
                score = float(output["start_logits"][start] + output["end_logits"][end])
                yield window.offsets[start][0], window.offsets[end][1], score


def _best(logits: np.ndarray, inside: np.ndarray, number: int | None) -> np.ndarray:
    """The positions of the `number` highest logits (None: all) inside the context."""
    positions = np.flatnonzero(inside)
    return positions[np.argsort(-logits[positions], kind="stable")[:number]]


def _window_of(task: Task, checkpoint: Checkpoint, row: Mapping[str, str], start: int, end: int):
    """The window in which characters start..end of the context score highest, and their first and last token there."""
    length = features.input_length(task, checkpoint.model.config)
    with checkpoint.lock:
        windows = features.encode(task, checkpoint.tokenizer, [row], length, min(task.doc_stride, length // 3))
    places = []
    for window in windows:
        spans = [(position, span) for position, span in enumerate(window.offsets) if span is not None]
        starts = [position for position, span in spans if span[0] == start]
        ends = [position for position, span in spans if span[1] == end]
        places += [(window, first, last) for first in starts for last in ends if first <= last]
    distinct = list({id(window): window for window, _, _ in places}.values())
    outputs = dict(zip(map(id, distinct), forward(checkpoint, [w.inputs for w in distinct]), strict=True))

    def score(place) -> float:
        window, first, last = place
        return float(outputs[id(window)]["start_logits"][first] + outputs[id(window)]["end_logits"][last])

    return max(places, key=score)


def _question_words(tokenizer, field: str, question: str) -> list[PlacedWord]:
    """The words of the question, which follows [CLS] in the input without its leading spaces."""
    text = question.lstrip()
    encoded = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
    shift = len(question) - len(text)
    words = place_words(field, text, word_spans(tokenizer, text), enumerate(encoded["offset_mapping"], start=1))
    return [PlacedWord(field, word.start + shift, word.end + shift, word.tokens) for word in words]


def _nearest(words: Sequence[PlacedWord], start: int, end: int, limit: int) -> list[int]:
    """Indices of the `limit` context words nearest to the answer, in order of the text.

    The answer's own words are left out of them: without one, the span is another answer with logits of its own."""
    answer = [index for index, word in enumerate(words) if word.start < end and word.end > start]
    candidates = [index for index in range(len(words)) if index not in answer]
    candidates.sort(key=lambda index: min(abs(index - position) for position in answer))
    return sorted(candidates[:limit])


def _without_tokens(inputs: Mapping[str, list[int]], removed: Sequence[int]) -> dict[str, list[int]]:
    return {
        name: [value for position, value in enumerate(values) if position not in removed]
        for name, values in inputs.items()
    }
