"""How sure a score is: intervals of a share, of a mean, and of rows drawn anew.

scipy takes a while to import, so it is imported where it is used; `metrics.load_libraries` imports it ahead of time.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

# Metrics that are a share of rows, each row right or wrong: these have an exact enough interval without resampling.
# `no_answer_f1` is one of them: where the gold answer is empty, F1 is 1 or 0 and equals exact match.
SHARES = frozenset(
    {"accuracy", "exact_match", "has_answer_exact_match", "no_answer_exact_match", "no_answer_f1"},
)
PERCENTILES_95 = (2.5, 97.5)


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


def middle_95(values: np.ndarray) -> tuple[float, float]:
    """What the middle 95 % of the values span (percentile bootstrap, Efron 1979)."""
    low, high = np.percentile(values, PERCENTILES_95)
    return float(low), float(high)


def resampled_mean(values: np.ndarray, rng: np.random.Generator, resamples: int) -> np.ndarray:
    """The mean of the values, of `resamples` new draws of them: [resamples]. Questions share few distinct F1 values,
    so these are drawn instead of the rows."""
    distinct, counts = np.unique(values, return_counts=True)
    return multinomial(counts, rng, resamples) @ distinct / len(values)


def multinomial(counts: np.ndarray, rng: np.random.Generator, resamples: int) -> np.ndarray:
    """New counts [resamples, num_cells] of as many rows; no count may be 0, or rounding could put a row there."""
    return rng.multinomial(int(counts.sum()), counts / counts.sum(), size=resamples)
