"""Which rows are trained on and which are kept apart. Twins, rows with the same texts, stay on one side."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence

from ..tasks import Task
from .kinds import kind_of, same_text

MAX_HELD_BACK = 1000
MIN_ROWS_TO_HOLD_BACK = 500


def draw(rows: Sequence[dict], number: int | None, seed: int) -> tuple[list[dict], list[dict]]:
    """`number` rows drawn at random by `seed`, and the rest. All rows, in their order, if `number` is None or too
    large."""
    if number is None or number >= len(rows):
        return list(rows), []
    order = random.Random(seed).sample(range(len(rows)), len(rows))
    return [rows[index] for index in order[:number]], [rows[index] for index in order[number:]]


def set_apart(task: Task, rows: Sequence[dict], number: int, seed: int) -> tuple[list[dict], list[dict]]:
    """The rows without, and with, about `number` rows set apart, both in the order of `rows`.

    Twins are on one side. As far as they allow it, every class has the same share of the rows that are set apart, and
    neither side is empty."""
    groups = _twins(task, rows)
    order = random.Random(seed).sample(range(len(groups)), len(groups))
    strata = [Counter(_stratum(task, rows[index]) for index in group) for group in groups]
    wanted = _shares(sum(strata, Counter()), number)
    apart: list[int] = []
    for position in order:
        group, counts = groups[position], strata[position]
        gain = sum(min(rows_of, max(0, wanted[stratum])) for stratum, rows_of in counts.items())
        if 2 * gain >= len(group) and len(apart) + len(group) < len(rows):
            apart += group
            wanted.subtract(counts)
    if not apart and len(groups) > 1:
        apart = min(groups, key=len)
    chosen = set(apart)
    return [row for index, row in enumerate(rows) if index not in chosen], [rows[index] for index in sorted(chosen)]


def _stratum(task: Task, row: dict) -> object:
    label = row[task.label_field]
    return None if label is None else kind_of(task).stratum(task, label)


def _twins(task: Task, rows: Sequence[dict]) -> list[list[int]]:
    """The indices of the rows, those of twins together. If all rows are twins, as the questions of one context are,
    those with all texts the same."""
    by_key: dict[tuple[str, ...], list[int]] = {}
    for index, row in enumerate(rows):
        by_key.setdefault(kind_of(task).twin_key(task, row), []).append(index)
    if len(by_key) == 1:
        by_key = {}
        for index, row in enumerate(rows):
            by_key.setdefault(tuple(same_text(row[name]) for name in task.text_fields), []).append(index)
    return list(by_key.values())


def _shares(sizes: Counter, number: int) -> Counter:
    """`number` divided among groups of these sizes in proportion, by the largest remainders."""
    total = sum(sizes.values())
    exact = {name: number * size / total for name, size in sizes.items()}
    shares = Counter({name: int(share) for name, share in exact.items()})
    by_remainder = sorted(exact, key=lambda name: (shares[name] - exact[name], -sizes[name], str(name)))
    for name in by_remainder[: number - sum(shares.values())]:
        shares[name] += 1
    return shares


def hold_back(task: Task, rows: list[dict], rest: list[dict], seed: int) -> tuple[list[dict], list[dict]]:
    """Rows to train on, and held-back rows to choose the best checkpoint by.

    A tenth of the rows is held back, at most 1,000, none of fewer than 500. Held-back rows come from `rest`, the train
    rows that were not drawn, if it has enough that are no twins of `rows`, else from `rows`."""
    number = min(MAX_HELD_BACK, len(rows) // 10)
    if len(rows) < MIN_ROWS_TO_HOLD_BACK:
        return rows, []
    if len(rest) >= number:
        kind, chosen = kind_of(task), []
        known = {kind.twin_key(task, row) for row in rows}
        for row in rest:
            if len(chosen) == number:
                break
            if kind.twin_key(task, row) not in known:
                chosen.append(row)
        if len(chosen) == number:
            return rows, chosen
    return set_apart(task, rows, number, seed)
