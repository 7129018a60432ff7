"""The metrics of GLUE and SQuAD: name -> function, how sure a score is, and what a lazy answer would score.

Nothing here knows a model. Classification and regression come as two 1-D arrays of `num_rows` class ids or scores;
SQuAD comes as one answer text and a list of gold texts per question ("" and [] = no answer). Every metric is in 0..1,
the correlations in -1..1. Whatever is undefined (a constant side, no positive row) is 0, never nan.

GLUE: Wang et al. 2019. SQuAD: the rules of the official `evaluate-v2.0.py`, Rajpurkar et al. 2018.

scikit-learn and scipy take half a second to import, so they are imported where they are used; `load_libraries` imports
them ahead of time.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np

from ..errors import DataError
from ..tasks import Task

# Metrics that are a share of rows, each row right or wrong: these have an exact enough interval without resampling.
# `no_answer_f1` is one of them: where the gold answer is empty, F1 is 1 or 0 and equals exact match.
SHARES = frozenset(
    {"accuracy", "exact_match", "has_answer_exact_match", "no_answer_exact_match", "no_answer_f1"},
)
PERCENTILES_95 = (2.5, 97.5)
CHUNK = 2**18  # numbers resampled at once: 2 MB per array, so that resampling stays in the processor's cache


# -- metrics of two arrays -----------------------------------------------------------------------------------------


def accuracy(predictions, references) -> float:
    """The share of rows whose class id is right."""
    import sklearn.metrics

    predictions, references = _class_ids(predictions, references)
    return float(sklearn.metrics.accuracy_score(references, predictions))


def f1(predictions, references) -> float:
    """Binary F1 with class id 1 as the positive class, as in GLUE's MRPC and QQP; 0 where nothing is positive."""
    import sklearn.metrics

    predictions, references = _known_ids(predictions, references)
    # One label's F1 in a macro average: unlike `average="binary"` it takes a prediction of a third class.
    return float(sklearn.metrics.f1_score(references, predictions, labels=[1], average="macro", zero_division=0))


def matthews(predictions, references) -> float:
    """Matthews correlation for any number of classes, -1..1."""
    import sklearn.metrics

    predictions, references = _known_ids(predictions, references)
    if predictions.min() == predictions.max() or references.min() == references.max():
        return 0.0  # scikit-learn says the same, but warns when both sides are the same class
    return float(sklearn.metrics.matthews_corrcoef(references, predictions))


def pearson(predictions, references) -> float:
    """Linear correlation of two rows of scores, -1..1."""
    return float(_correlation(*_scores(predictions, references)))


def spearman(predictions, references) -> float:
    """Correlation of the ranks, -1..1; equal scores share their average rank."""
    predictions, references = _scores(predictions, references)
    return float(_rank_correlation(_places(predictions), _places(references)))


METRICS: Mapping[str, Callable[..., float]] = {
    "accuracy": accuracy,
    "f1": f1,
    "matthews": matthews,
    "pearson": pearson,
    "spearman": spearman,
}


# -- SQuAD ---------------------------------------------------------------------------------------------------------


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
    """F1 of the words that answer and gold share, the order of words aside; the best over all gold answers."""
    words = normalize_answer(answer).split()
    return max(_word_f1(words, gold.split()) for gold in _normalized_golds(golds))


ANSWER_METRICS: Mapping[str, Callable[[str, Sequence[str]], float]] = {
    "f1": answer_f1,
    "exact_match": answer_exact_match,
}


def _normalized_golds(golds: Sequence[str]) -> list[str]:
    """The gold answers, normalised. One that normalises to nothing does not count; with none left, the right answer
    is no answer."""
    return [gold for gold in map(normalize_answer, golds) if gold] or [""]


def _word_f1(words: list[str], gold_words: list[str]) -> float:
    if not words or not gold_words:  # no answer on one side: right only if there is none on the other
        return float(words == gold_words)
    shared = (Counter(words) & Counter(gold_words)).total()  # a repeated word counts as often as both sides have it
    return 2 * shared / (len(words) + len(gold_words))  # = 2PR / (P + R), P = shared / words, R = shared / gold words


def _answer_rows(task: Task, predictions: Sequence[str], references: Sequence[Sequence[str]]) -> dict[str, np.ndarray]:
    """Metric name -> its value for every question of the group, [num_questions_in_group], the task's metrics first.

    Where questions may have no answer, both kinds are also reported alone: `has_answer_f1`, `no_answer_f1`, ...
    """
    _check(np.shape(predictions), (len(references),))  # golds are ragged, so only their number is compared
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


# -- what the rest of the program calls ----------------------------------------------------------------------------


def score(task: Task, predictions, references) -> dict[str, float]:
    """Every metric of a task, its own order first.

    Classification and regression take two arrays [num_rows]; span takes a list of answers and a list of gold lists.
    """
    if task.kind == "span":
        return {name: float(values.mean()) for name, values in _answer_rows(task, predictions, references).items()}
    return {name: METRICS[name](predictions, references) for name in task.metrics}


def intervals(
    task: Task, predictions, references, seed: int = 0, resamples: int = 1000
) -> dict[str, tuple[float, float]]:
    """The 95 % interval (low, high) of every metric that `score` returns: where it might lie on other such rows.

    A share of rows has Wilson's interval. For the others the rows are drawn anew, with replacement, `resamples`
    times, and the interval is what the middle 95 % of the scores span (percentile bootstrap, Efron 1979). Each metric
    draws from its own generator, so one interval does not depend on which others are asked for.
    """

    if task.kind == "span":
        return {
            name: wilson(float(values.mean()), len(values))
            if name in SHARES
            else _middle_95(_resampled_mean(values, np.random.default_rng(seed), resamples))
            for name, values in _answer_rows(task, predictions, references).items()
        }
    return {
        name: wilson(METRICS[name](predictions, references), len(references))
        if name in SHARES
        else _middle_95(RESAMPLED[name](predictions, references, np.random.default_rng(seed), resamples))
        for name in task.metrics
    }


def baseline(task: Task, references, train_references=None) -> dict[str, float]:
    """What the same answer to every row would score: the majority class, the mean, or "no answer".

    Majority and mean are those of `train_references` if given, else of the split being scored. A correlation with a
    constant is 0. Where class 1 is the majority, F1 is large (MRPC: 0.81), because every positive row is found.
    """
    known = references if train_references is None else train_references
    _check((len(known),), (len(known),))
    return score(task, [CONSTANT_ANSWERS[task.kind](known)] * len(references), references)


CONSTANT_ANSWERS: Mapping[str, Callable] = {
    "classification": lambda references: int(np.bincount(_class_ids(references, references)[1]).argmax()),
    "regression": lambda references: float(np.mean(references)),
    "span": lambda references: "",
}


def confusion(predictions, references, num_labels: int) -> list[list[int]]:
    """How many rows of each true class (row) were given each class (column)."""
    return _table(predictions, references, num_labels).tolist()


def wilson(share: float, num_rows: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share of `num_rows` rows (Wilson 1927); unlike share ± 2 standard errors it stays
    within 0..1 and has a width even when every row is right."""
    import scipy.stats

    interval = scipy.stats.binomtest(round(share * num_rows), num_rows).proportion_ci(0.95, method="wilson")
    return float(interval.low), float(interval.high)


def mean_interval(values: Sequence[float]) -> tuple[float, float]:
    """The 95 % interval of the mean of two or more values that vary by chance alone (Student 1908); it may leave
    0..1."""
    import scipy.stats

    centre, freedom = float(np.mean(values)), len(values) - 1
    half = float(scipy.stats.t.ppf(0.975, freedom) * np.std(values, ddof=1) / np.sqrt(len(values)))
    return centre - half, centre + half


def load_libraries() -> None:
    """Import scikit-learn and scipy now, so that no time budget and no visitor pays for it later."""
    import scipy.stats  # noqa: F401
    import sklearn.metrics  # noqa: F401


# -- formulas, on one table or row of scores or on many at once ----------------------------------------------------


def _table_f1(tables: np.ndarray) -> np.ndarray:
    """F1 of class 1 from confusion tables [..., num_labels, num_labels]: 2 TP / (positives + predicted positives).

    scikit-learn takes one set of rows at a time, 1.4 ms each; here are a thousand tables at once."""
    return _ratio(2 * tables[..., 1, 1], tables[..., 1, :].sum(-1) + tables[..., :, 1].sum(-1))


def _table_matthews(tables: np.ndarray) -> np.ndarray:
    """Matthews correlation from confusion tables [..., num_labels, num_labels] (Gorodkin 2004, R_K).

    The counts are floats: a product of four overflows 64-bit integers from about 55,000 rows on."""
    rows = tables.sum((-2, -1))
    right = np.trace(tables, axis1=-2, axis2=-1)
    true, predicted = tables.sum(-1), tables.sum(-2)  # [..., num_labels]: rows of each class
    covariance = right * rows - (true * predicted).sum(-1)
    variances = (rows**2 - (true**2).sum(-1)) * (rows**2 - (predicted**2).sum(-1))
    return _ratio(covariance, np.sqrt(variances))


def _correlation(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Pearson correlation along the last axis: [..., num_rows] twice -> [...]; 0 where a side is constant."""
    import scipy.stats

    both_vary = _varies(x) & _varies(y)
    correlations = np.zeros(both_vary.shape)
    if both_vary.any():
        correlations[both_vary] = scipy.stats.pearsonr(x[both_vary], y[both_vary], axis=-1).statistic
    return correlations


def _varies(x: np.ndarray) -> np.ndarray:
    """Whether the values along the last axis differ by more than rounding error; not if one of them is nan."""
    return x.std(-1) > 1e-13 * np.abs(x.mean(-1))  # the mean of many 0.1 is not exactly 0.1


def _rank_correlation(x_places: np.ndarray, y_places: np.ndarray) -> np.ndarray:
    """Spearman correlation along the last axis; ranked anew, equal places sharing their average rank."""
    import scipy.stats

    return _correlation(scipy.stats.rankdata(x_places, axis=-1), scipy.stats.rankdata(y_places, axis=-1))


def _places(values: np.ndarray) -> np.ndarray:
    """For each value its place among the distinct values, from 0; nan comes last."""
    return np.unique(values, return_inverse=True)[1]


def _ratio(numerator, denominator) -> np.ndarray:
    """numerator / denominator, 0 where the denominator is 0 (or nan)."""
    denominator = np.asarray(denominator, dtype=float)
    return np.divide(numerator, denominator, out=np.zeros_like(denominator), where=denominator > 0)


# -- drawing rows anew ---------------------------------------------------------------------------------------------


def _resampled_tables(statistic, predictions, references, rng: np.random.Generator, resamples: int) -> np.ndarray:
    """A statistic of confusion tables, of `resamples` new draws of the rows: [resamples].

    Drawing rows and counting them into cells is one multinomial draw over the cells, whatever the number of rows.
    """
    table = _table(predictions, references)
    filled = np.flatnonzero(table)
    tables = np.zeros((resamples, table.size))
    tables[:, filled] = _multinomial(table.ravel()[filled], rng, resamples)
    return statistic(tables.reshape(resamples, *table.shape))


def _resampled_mean(values: np.ndarray, rng: np.random.Generator, resamples: int) -> np.ndarray:
    """The mean of the values, of `resamples` new draws of them: [resamples]. Questions share few distinct F1 values,
    so these are drawn instead of the rows."""
    distinct, counts = np.unique(values, return_counts=True)
    return _multinomial(counts, rng, resamples) @ distinct / len(values)


def _multinomial(counts: np.ndarray, rng: np.random.Generator, resamples: int) -> np.ndarray:
    """New counts [resamples, num_cells] of as many rows; no count may be 0, or rounding could put a row there."""
    return rng.multinomial(int(counts.sum()), counts / counts.sum(), size=resamples)


def _middle_95(values: np.ndarray) -> tuple[float, float]:
    low, high = np.percentile(values, PERCENTILES_95)
    return float(low), float(high)


def _resampled_pairs(
    statistic, prepare, predictions, references, rng: np.random.Generator, resamples: int
) -> np.ndarray:
    """A statistic of pairs of scores, of `resamples` new draws of the pairs: [resamples]."""
    x, y = map(prepare, _scores(predictions, references))
    at_once = max(1, CHUNK // len(x))
    results = []
    for done in range(0, resamples, at_once):
        rows = rng.integers(len(x), size=(min(at_once, resamples - done), len(x)))
        results.append(statistic(x[rows], y[rows]))
    return np.concatenate(results)


# Metric name -> (predictions, references, rng, resamples) -> the metric on each resample; ranks are ranked anew.
RESAMPLED: Mapping[str, Callable[..., np.ndarray]] = {
    "f1": partial(_resampled_tables, _table_f1),
    "matthews": partial(_resampled_tables, _table_matthews),
    "pearson": partial(_resampled_pairs, _correlation, np.asarray),
    "spearman": partial(_resampled_pairs, _rank_correlation, _places),
}


# -- checks --------------------------------------------------------------------------------------------------------


def _check(predictions_shape: tuple[int, ...], references_shape: tuple[int, ...]) -> None:
    """`DataError` unless both are one number or text per row, and there is a row."""
    if 0 in references_shape:
        raise DataError("No rows to score: choose a split or file with at least one labelled row.")
    if len(references_shape) != 1 or predictions_shape != references_shape:
        came, wanted = (" x ".join(map(str, shape)) for shape in (predictions_shape, references_shape))
        raise DataError(f"{came} predictions came for {wanted} rows; exactly one prediction per row is needed.")


def _class_ids(predictions, references) -> tuple[np.ndarray, np.ndarray]:
    """Both as integer arrays [num_rows], checked. GLUE's test splits carry -1 for "no label": nothing to compare."""
    _check(np.shape(predictions), np.shape(references))
    predictions, references = np.asarray(predictions).astype(int), np.asarray(references).astype(int)
    if references.min() < 0:
        row = int(np.argmax(references < 0))
        raise DataError(f"Row {row} has no label ({references[row]}); only labelled rows can be scored.")
    return predictions, references


def _scores(predictions, references) -> tuple[np.ndarray, np.ndarray]:
    """Both as float arrays [num_rows], checked."""
    _check(np.shape(predictions), np.shape(references))
    return np.asarray(predictions, dtype=float), np.asarray(references, dtype=float)


def _known_ids(predictions, references, num_labels: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Both as integer arrays [num_rows], checked: every id is 0 to `num_labels` - 1 where that is given."""
    predictions, references = _class_ids(predictions, references)
    highest = int(max(predictions.max(), references.max()))
    last = (num_labels or max(highest, 1) + 1) - 1  # at least two classes, so that there is a class 1
    for extreme in (highest, int(predictions.min())):
        if not 0 <= extreme <= last:
            raise DataError(f"Class id {extreme} came, but the ids of this task are 0 to {last}.")
    return predictions, references


def _table(predictions, references, num_labels: int | None = None) -> np.ndarray:
    """Confusion table [num_labels, num_labels] of counts, row = true id, column = predicted id."""
    import sklearn.metrics

    predictions, references = _known_ids(predictions, references, num_labels)
    num_labels = num_labels or max(predictions.max(), references.max(), 1) + 1
    return sklearn.metrics.confusion_matrix(references, predictions, labels=range(num_labels))
