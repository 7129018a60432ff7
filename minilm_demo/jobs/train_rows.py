"""The rows that a fine-tune learns from, and those that choose its best checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..data import draw, hold_back, open_source, read_extra, require_rows, short_name
from ..tasks import Task
from .configs import METHODS, TrainConfig

BUDGET_ROWS = 100_000  # more are not encoded for a time budget: no CPU gets through them


@dataclass(frozen=True)
class TrainRows:
    """What is trained on, what chooses the best checkpoint, and where the validation rows are."""

    source: object
    train: list[dict]
    held_back: list[dict]
    used: Mapping[str, int]
    validation_size: int


def load_rows(task: Task, config: TrainConfig) -> TrainRows:
    """The rows a fine-tune with this configuration reads, the same each time."""
    source = open_source(task, config.data, (config.train_split, *task.eval_splits))
    number = config.train_examples or (BUDGET_ROWS if config.time_budget else None)
    drawn, rest = draw(source.read(config.train_split), number, config.seed)
    require_rows(task, drawn, config.train_split, at_least=2)
    train, held_back = hold_back(drawn, rest, config.seed)
    used = {config.train_split: len(train)}
    for path in config.extra_train:
        extra = read_extra(task, path)
        train = train + extra
        name = short_name(Path(path))
        same = sum(other == name or other.startswith(f"{name} (") for other in used)
        used[f"{name} ({same + 1})" if same else name] = len(extra)
    size = sum(min(len(source.read(split)), config.eval_examples or 10**9) for split in source.eval_splits)
    return TrainRows(source, train, held_back, used, size)


def learning_rate(task: Task, config: TrainConfig) -> float:
    """The peak learning rate: what was asked for, else the task's own, scaled to how much of the model moves."""
    return config.learning_rate or task.learning_rate * METHODS[config.method]
