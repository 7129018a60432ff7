"""SQuAD's metrics: one answer text against the gold texts of its question ("" and [] = no answer), 0..1.

The rules are those of the official `evaluate-v2.0.py`, Rajpurkar et al. 2018.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ..tasks import Task
from .array_metrics import check_sizes


def normalize_answer(text: str) -> str:
    """Lower case, no ASCII punctuation, no articles, single spaces: in this order, as the official script does it.

    "The U.S.A." and "usa" become the same; "the" becomes "".
    """
    text = text.lower().translate(_NO_PUNCTUATION)
    return " ".join(_ARTICLES.sub(" ", text).split())


_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLES = re.compile(r"\b(a|an|the)\b")


def answer_exact_match(answer: str, golds: Sequence[str]) -> int:
    """1 if the answer equals one of the gold answers after normalisation, else 0."""
    return int(normalize_answer(answer) in _normalized_golds(golds))


def answer_f1(answer: str, golds: Sequence[str]) -> float:
    """F1 of the words that answer and gold share, in any order; the best over all gold answers."""
    words = normalize_answer(answer).split()
    return max(_word_f1(words, gold.split()) for gold in _normalized_golds(golds))


ANSWER_METRICS: Mapping[str, Callable[[str, Sequence[str]], float]] = {
    "f1": answer_f1,
    "exact_match": answer_exact_match,
}


def _normalized_golds(golds: Sequence[str]) -> list[str]:
    """The gold answers, normalised and without empty ones; [""], the answer "no answer", if none is left."""
    return [gold for gold in map(normalize_answer, golds) if gold] or [""]


def _word_f1(words: list[str], gold_words: list[str]) -> float:
    if not words or not gold_words:  # "no answer" is right only if both sides have none
        return float(words == gold_words)
    overlap = (Counter(words) & Counter(gold_words)).total()  # a repeated word counts as often as both sides have it
    return 2 * overlap / (len(words) + len(gold_words))  # 2PR / (P + R), P = overlap / words, R = overlap / gold words


def answer_rows(task: Task, predictions: Sequence[str], references: Sequence[Sequence[str]]) -> dict[str, np.ndarray]:
    """Metric name -> its value for each question, [num_questions], the task's metrics first.

    If questions may have no answer, questions with and without one also get metrics of their own: `has_answer_f1`,
    `no_answer_f1`, ..., [number of such questions]."""
    check_sizes(np.shape(predictions), (len(references),))  # gold lists differ in length: only their number is compared
    has_answer = np.array([any(golds) for golds in references])
    groups = {"": np.full(len(references), True)}
    if task.has_unanswerable:
        groups |= {"has_answer_": has_answer, "no_answer_": ~has_answer}
    values = {
        name: np.array([ANSWER_METRICS[name](*row) for row in zip(predictions, references, strict=True)], dtype=float)
        for name in task.metrics
    }
    return {
        prefix + name: values[name][members]
        for prefix, members in groups.items()
        if members.any()
        for name in task.metrics
    }
