"""Metrics of two 1-D arrays of `num_rows` class ids or scores (`METRICS`), and the same on bootstrap samples of the
rows (`RESAMPLED`). The metrics are those of GLUE, Wang et al. 2019.

Every metric is in 0..1, the correlations in -1..1. An undefined metric (a constant side, no positive row) is 0, never
nan.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

from ..errors import DataError
from .uncertainty import multinomial

CHUNK = 2**18  # numbers resampled at once: 2 MB per array, which fit into the processor's cache


def accuracy(predictions, references) -> float:
    """The share of rows whose class id is right."""
    import sklearn.metrics

    predictions, references = class_ids(predictions, references)
    return float(sklearn.metrics.accuracy_score(references, predictions))


def f1(predictions, references) -> float:
    """Binary F1 with class id 1 as the positive class, as in GLUE's MRPC and QQP; 0 without a positive row."""
    import sklearn.metrics

    predictions, references = _valid_ids(predictions, references)
    # A macro average over one label: unlike `average="binary"` it allows predictions of a third class.
    return float(sklearn.metrics.f1_score(references, predictions, labels=[1], average="macro", zero_division=0))


def matthews(predictions, references) -> float:
    """Matthews correlation for any number of classes, -1..1."""
    import sklearn.metrics

    predictions, references = _valid_ids(predictions, references)
    if predictions.min() == predictions.max() or references.min() == references.max():
        return 0.0  # scikit-learn returns the same, but warns if both sides are the same class
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


def confusion(predictions, references, num_labels: int) -> list[list[int]]:
    """Confusion table [num_labels][num_labels]: the number of rows by true class (row) and predicted class (column)."""
    return _table(predictions, references, num_labels).tolist()


# -- formulas, for one sample or many at once ----------------------------------------------------------------------


def _table_f1(tables: np.ndarray) -> np.ndarray:
    """F1 of class 1 from confusion tables [..., num_labels, num_labels]: 2 TP / (positives + predicted positives).

    scikit-learn takes one sample at a time, 1.4 ms each; this takes a thousand at once."""
    return _ratio(2 * tables[..., 1, 1], tables[..., 1, :].sum(-1) + tables[..., :, 1].sum(-1))


def _table_matthews(tables: np.ndarray) -> np.ndarray:
    """Matthews correlation from confusion tables [..., num_labels, num_labels] (Gorodkin 2004, R_K).

    The counts are floats: a product of four overflows 64-bit integers from about 55,000 rows on."""
    num_rows = tables.sum((-2, -1))
    num_right = np.trace(tables, axis1=-2, axis2=-1)
    true, predicted = tables.sum(-1), tables.sum(-2)  # [..., num_labels]: rows of each class
    covariance = num_right * num_rows - (true * predicted).sum(-1)
    variances = (num_rows**2 - (true**2).sum(-1)) * (num_rows**2 - (predicted**2).sum(-1))
    return _ratio(covariance, np.sqrt(variances))


def _correlation(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Pearson correlation along the last axis of two arrays [..., num_rows]: [...]; 0 if a side is constant."""
    import scipy.stats

    defined = _varies(x) & _varies(y)
    correlations = np.zeros(defined.shape)
    if defined.any():
        correlations[defined] = scipy.stats.pearsonr(x[defined], y[defined], axis=-1).statistic
    return correlations


def _varies(x: np.ndarray) -> np.ndarray:
    """Whether the values along the last axis differ by more than rounding error; False if one of them is nan."""
    return x.std(-1) > 1e-13 * np.abs(x.mean(-1))  # the mean of many 0.1 is not exactly 0.1


def _rank_correlation(x_places: np.ndarray, y_places: np.ndarray) -> np.ndarray:
    """Spearman correlation along the last axis of two arrays of places: each sample is ranked, ties share their average
    rank."""
    import scipy.stats

    return _correlation(scipy.stats.rankdata(x_places, axis=-1), scipy.stats.rankdata(y_places, axis=-1))


def _places(values: np.ndarray) -> np.ndarray:
    """The place of each value among the distinct values, from 0; nan comes last."""
    return np.unique(values, return_inverse=True)[1]


def _ratio(numerator, denominator) -> np.ndarray:
    """numerator / denominator, 0 where the denominator is 0 (or nan)."""
    denominator = np.asarray(denominator, dtype=float)
    return np.divide(numerator, denominator, out=np.zeros_like(denominator), where=denominator > 0)


# -- bootstrap samples ---------------------------------------------------------------------------------------------


def _resampled_tables(statistic, predictions, references, rng: np.random.Generator, resamples: int) -> np.ndarray:
    """A statistic of the confusion table of each of `resamples` bootstrap samples: [resamples].

    Drawing rows and counting them into cells is one multinomial draw over the cells, whatever the number of rows."""
    table = _table(predictions, references)
    cells = np.flatnonzero(table)
    tables = np.zeros((resamples, table.size))
    tables[:, cells] = multinomial(table.ravel()[cells], rng, resamples)
    return statistic(tables.reshape(resamples, *table.shape))


def _resampled_pairs(
    statistic, prepare, predictions, references, rng: np.random.Generator, resamples: int
) -> np.ndarray:
    """A statistic of the pairs of scores in each of `resamples` bootstrap samples: [resamples]."""
    x, y = map(prepare, _scores(predictions, references))
    chunk = max(1, CHUNK // len(x))  # samples
    results = []
    for start in range(0, resamples, chunk):
        rows = rng.integers(len(x), size=(min(chunk, resamples - start), len(x)))
        results.append(statistic(x[rows], y[rows]))
    return np.concatenate(results)


# Metric name -> function of (predictions, references, rng, resamples): the metric of each bootstrap sample.
RESAMPLED: Mapping[str, Callable[..., np.ndarray]] = {
    "f1": partial(_resampled_tables, _table_f1),
    "matthews": partial(_resampled_tables, _table_matthews),
    "pearson": partial(_resampled_pairs, _correlation, np.asarray),
    "spearman": partial(_resampled_pairs, _rank_correlation, _places),
}


# -- checks --------------------------------------------------------------------------------------------------------


def check_sizes(predictions_shape: tuple[int, ...], references_shape: tuple[int, ...]) -> None:
    """`DataError` unless both have one number or text per row, and at least one row."""
    if 0 in references_shape:
        raise DataError("No rows to score: choose a split or file with at least one labelled row.")
    if len(references_shape) != 1 or predictions_shape != references_shape:
        num_predictions, num_rows = (" x ".join(map(str, shape)) for shape in (predictions_shape, references_shape))
        raise DataError(
            f"{num_predictions} predictions came for {num_rows} rows; exactly one prediction per row is needed."
        )


def class_ids(predictions, references) -> tuple[np.ndarray, np.ndarray]:
    """Both as integer arrays [num_rows]. `DataError` for a row without a label, -1 as in GLUE's test splits."""
    check_sizes(np.shape(predictions), np.shape(references))
    predictions, references = np.asarray(predictions).astype(int), np.asarray(references).astype(int)
    if references.min() < 0:
        row = int(np.argmax(references < 0))
        raise DataError(f"Row {row} has no label ({references[row]}); only labelled rows can be scored.")
    return predictions, references


def _scores(predictions, references) -> tuple[np.ndarray, np.ndarray]:
    """Both as float arrays [num_rows]; `DataError` if they differ in length."""
    check_sizes(np.shape(predictions), np.shape(references))
    return np.asarray(predictions, dtype=float), np.asarray(references, dtype=float)


def _valid_ids(predictions, references, num_labels: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Both as integer arrays [num_rows]; `DataError` for an id that is negative or, with `num_labels`, too high."""
    predictions, references = class_ids(predictions, references)
    highest = int(max(predictions.max(), references.max()))
    last = (num_labels or max(highest, 1) + 1) - 1  # at least two classes: F1 needs class 1
    for class_id in (highest, int(predictions.min())):
        if not 0 <= class_id <= last:
            raise DataError(f"Class id {class_id} came, but the ids of this task are 0 to {last}.")
    return predictions, references


def _table(predictions, references, num_labels: int | None = None) -> np.ndarray:
    """Confusion table [num_labels, num_labels] of counts, row = true id, column = predicted id."""
    import sklearn.metrics

    predictions, references = _valid_ids(predictions, references, num_labels)
    num_labels = num_labels or max(predictions.max(), references.max(), 1) + 1
    return sklearn.metrics.confusion_matrix(references, predictions, labels=range(num_labels))
