"""A suspicion: the labels of rows, or the outputs of a checkpoint, mean something else than they were taken for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ..results import ValueMeaning, percent
from ..tasks import Task
from .uncertainty import wilson

FEWEST_ROWS = 20  # below, another order may fit better by chance


def order_hint(task: Task, table: Sequence[Sequence[int]], values: Sequence[ValueMeaning], answerer: str) -> str:
    """A sentence if the answers fit the labels far better in another order; "" if not.

    `table[true id][predicted id]` counts rows. `values` are the values of the label column that were taken for labels,
    and `answerer` names the model in a sentence. Another order has to be better than the given one and than always
    answering one label, both beyond the 95 % interval."""
    from scipy.optimize import linear_sum_assignment

    counts = np.array(table)
    if len(counts) != len(task.labels) or counts.sum() < FEWEST_ROWS:
        return ""
    _, order = linear_sum_assignment(-counts)  # label of the rows -> the label that the model means by it
    rows = int(counts.sum())
    now, best = counts.trace() / rows, counts[np.arange(len(counts)), order].sum() / rows
    lowest = wilson(best, rows)[0]
    if lowest <= wilson(now, rows)[1] or lowest <= counts.sum(1).max() / rows:
        return ""
    meant = {label: task.labels[other] for label, other in zip(task.labels, order, strict=True)}
    return (
        f"{answerer} agrees with {percent(now)} of the labels as they were read, and with {percent(best)} if "
        f"{_changes(meant, values)}. Look at a few rows; what a value of the label column means can be said (`labels`)."
    )


def _changes(meant: Mapping[str, str], values: Sequence[ValueMeaning]) -> str:
    """The other order in words, by the values of the label column where there are any."""
    by_value = [(value.value, meant[value.label]) for value in values]
    changes = by_value or [(f"“{label}”", f"“{other}”") for label, other in meant.items() if label != other]
    return " and ".join(f"{value} means {label}" for value, label in changes)
