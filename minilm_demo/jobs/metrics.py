"""The metrics of GLUE and SQuAD, their 95 % intervals, and the score of a constant answer.

Classification and regression take two 1-D arrays of `num_rows` class ids or scores. SQuAD takes an answer text and a
list of gold texts per question ("" and [] = no answer). Every metric is in 0..1, the correlations in -1..1. An
undefined metric (a constant side, no positive row) is 0, never nan.

scikit-learn and scipy take half a second to import, so the functions import them; `load_libraries` imports them ahead
of time.
"""

from __future__ import annotations

from ..results import Constant
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
    "best_constant",
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
    """Every metric by name, those of `task.metrics` first.

    Classification and regression take two arrays [num_rows]; span takes a list of answers and a list of gold lists.
    `DataError` without rows, or if the two differ in length."""
    return kind_of(task).score(task, predictions, references)


def intervals(
    task: Task, predictions, references, seed: int = 0, resamples: int = 1000
) -> dict[str, tuple[float, float]]:
    """The 95 % interval (low, high) of every metric that `score` returns, by name.

    A share of right rows has Wilson's interval. For other metrics the rows are drawn with replacement, `resamples`
    times, and the interval is the range of the middle 95 % of the scores (percentile bootstrap, Efron 1979). Each
    metric has its own random generator, so an interval does not depend on the other metrics of the task."""
    return kind_of(task).intervals(task, predictions, references, seed, resamples)


def best_constant(task: Task, references) -> dict[str, Constant]:
    """For every metric that `score` returns, the best score of one answer to all rows, and that answer.

    Each metric has its own: accuracy that of the majority class, F1 that of class 1, however rare. A correlation with a
    constant is 0, whatever the constant. `DataError` without rows."""
    check_sizes((len(references),), (len(references),))
    constants = kind_of(task).constants(task, references)
    scores = {name: score(task, [answer] * len(references), references) for name, answer in constants.items()}
    best = {}
    for metric in next(iter(scores.values())):
        name = max(scores, key=lambda name: scores[name][metric])
        value = scores[name][metric]
        best[metric] = Constant(value, name if value > 0 else "")
    return best


def load_libraries() -> None:
    """Import scikit-learn and scipy now, outside of any time budget and before the first visitor."""
    import scipy.stats  # noqa: F401
    import sklearn.metrics  # noqa: F401
