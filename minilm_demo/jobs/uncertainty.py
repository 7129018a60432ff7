"""95 % intervals of a share, of a mean, and of any metric by resampling its rows.

scipy is slow to import, so the functions import it; `metrics.load_libraries` imports it ahead of time.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

# Metrics that are a share of right rows: Wilson's interval is accurate for these, without resampling. `no_answer_f1` is
# one of them: with an empty gold answer, F1 is 1 or 0 and equals exact match.
SHARES = frozenset(
    {"accuracy", "exact_match", "has_answer_exact_match", "no_answer_exact_match", "no_answer_f1"},
)
PERCENTILES_95 = (2.5, 97.5)


def wilson(share: float, num_rows: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share of `num_rows` rows (Wilson 1927). Unlike share ± 2 standard errors it stays
    within 0..1 and has a width even if every row is right."""
    import scipy.stats

    interval = scipy.stats.binomtest(round(share * num_rows), num_rows).proportion_ci(0.95, method="wilson")
    return float(interval.low), float(interval.high)


def mean_interval(values: Sequence[float]) -> tuple[float, float]:
    """Student's 95 % interval of the mean of two or more independent values (Student 1908); it may leave 0..1."""
    import scipy.stats

    mean, degrees_of_freedom = float(np.mean(values)), len(values) - 1
    half_width = float(scipy.stats.t.ppf(0.975, degrees_of_freedom) * np.std(values, ddof=1) / np.sqrt(len(values)))
    return mean - half_width, mean + half_width


def middle_95(values: np.ndarray) -> tuple[float, float]:
    """The range of the middle 95 % of the values (percentile bootstrap, Efron 1979)."""
    low, high = np.percentile(values, PERCENTILES_95)
    return float(low), float(high)


def resampled_mean(values: np.ndarray, rng: np.random.Generator, resamples: int) -> np.ndarray:
    """The mean of the values in each of `resamples` bootstrap samples: [resamples].

    Questions have few distinct F1 values, so the counts of these are drawn instead of the rows."""
    distinct, counts = np.unique(values, return_counts=True)
    return multinomial(counts, rng, resamples) @ distinct / len(values)


def multinomial(counts: np.ndarray, rng: np.random.Generator, resamples: int) -> np.ndarray:
    """Bootstrap counts [resamples, num_cells] of as many rows; `counts` must have no 0: rounding could put a row
    there."""
    return rng.multinomial(int(counts.sum()), counts / counts.sum(), size=resamples)
