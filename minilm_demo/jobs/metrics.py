"""The metrics of GLUE and SQuAD: name -> function, how sure a score is, and what a lazy answer would score.

Nothing here knows a model. Classification and regression come as two 1-D arrays of `num_rows` class ids or scores;
SQuAD comes as one answer text and a list of gold texts per question ("" and [] = no answer). Every metric is in 0..1,
the correlations in -1..1. Whatever is undefined (a constant side, no positive row) is 0, never nan.

scikit-learn and scipy take half a second to import, so they are imported where they are used; `load_libraries` imports
them ahead of time.
"""

from __future__ import annotations

from ..tasks import Task
from .answer_metrics import ANSWER_METRICS, answer_exact_match, answer_f1, normalize_answer
from .array_metrics import METRICS, RESAMPLED, accuracy, check_sizes, confusion, f1, matthews, pearson, spearman
from .kinds import kind_of
from .uncertainty import SHARES, mean_interval, wilson

__all__ = [
    "ANSWER_METRICS",
    "METRICS",
    "RESAMPLED",
    "SHARES",
    "accuracy",
    "answer_exact_match",
    "answer_f1",
    "baseline",
    "confusion",
    "f1",
    "intervals",
    "load_libraries",
    "matthews",
    "mean_interval",
    "normalize_answer",
    "pearson",
    "score",
    "spearman",
    "wilson",
]


def score(task: Task, predictions, references) -> dict[str, float]:
    """Every metric of a task, its own order first.

    Classification and regression take two arrays [num_rows]; span takes a list of answers and a list of gold lists.
    """
    return kind_of(task).score(task, predictions, references)


def intervals(
    task: Task, predictions, references, seed: int = 0, resamples: int = 1000
) -> dict[str, tuple[float, float]]:
    """The 95 % interval (low, high) of every metric that `score` returns: where it might lie on other such rows.

    A share of rows has Wilson's interval. For the others the rows are drawn anew, with replacement, `resamples`
    times, and the interval is what the middle 95 % of the scores span (percentile bootstrap, Efron 1979). Each metric
    draws from its own generator, so one interval does not depend on which others are asked for.
    """
    return kind_of(task).intervals(task, predictions, references, seed, resamples)


def baseline(task: Task, references, train_references=None) -> dict[str, float]:
    """What the same answer to every row would score: the majority class, the mean, or "no answer".

    Majority and mean are those of `train_references` if given, else of the split being scored. A correlation with a
    constant is 0. Where class 1 is the majority, F1 is large (MRPC: 0.81), because every positive row is found.
    """
    known = references if train_references is None else train_references
    check_sizes((len(known),), (len(known),))
    return score(task, [kind_of(task).constant_answer(known)] * len(references), references)


def load_libraries() -> None:
    """Import scikit-learn and scipy now, so that no time budget and no visitor pays for it later."""
    import scipy.stats  # noqa: F401
    import sklearn.metrics  # noqa: F401
