"""The rows that a fine-tune learns from, the rows held back to choose its best checkpoint, and its learning rate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ..data import draw, hold_back, open_source, read_extra, require_rows, short_name, split_facts, twin_numbers
from ..results import CutRows, DataSource, RowFacts, joined_facts
from ..tasks import Task
from .configs import METHODS, TrainConfig

RARE_ROWS, RARE_SHARE = 5, 0.02  # rows of a class, and their share, below which it is hardly learned
LISTED = 6  # classes in a sentence
BUDGET_ROWS = 100_000  # limit with a time budget, which saves encoding rows that a CPU does not get to


@dataclass(frozen=True)
class TrainRows:
    """The rows of a fine-tune, and the source of its validation rows."""

    source: object
    train: list[dict]
    held_back: list[dict]  # these choose the best checkpoint
    used: Mapping[str, int]  # split or file -> number of rows trained on
    eval_examples: int | None  # rows of each validation split to score at the end, at most
    facts: RowFacts  # of all rows that the run reads
    drawn: int | None = None  # rows drawn at random from the train split; None: all

    @property
    def split(self) -> str:
        """The name of the rows that are trained on, in words of the facts."""
        return next(iter(self.used))

    def describe(self, cut: CutRows | None = None) -> DataSource:
        """The source of the rows that are trained on. `cut`: how many of them are longer than the model reads."""
        name = self.split
        facts = self.facts.with_splits(**{name: replace(self.facts.splits[name], cut=cut)})
        return self.source.describe(self.used, facts)

    @property
    def validation_size(self) -> int:
        """The number of rows to score at the end."""
        return sum(len(self._validation(split)) for split in self.source.eval_splits)

    @property
    def curve_split(self) -> str:
        """The split whose rows are scored along the way: "" for held-back rows, else the first validation split.

        Nothing is chosen by validation rows: the last weights are kept, so their score at the end is a fair one."""
        return "" if self.held_back else self.source.eval_splits[0]

    @property
    def curve_rows(self) -> list[dict]:
        """The rows that are scored along the way."""
        return self.held_back or self._validation(self.curve_split)

    def _validation(self, split: str) -> list[dict]:
        """The rows of a split that `evaluate` scores at the end."""
        return draw(self.source.read(split), self.eval_examples, seed=0)[0]


def load_rows(task: Task, config: TrainConfig) -> TrainRows:
    """The rows a fine-tune with this configuration reads, the same on each call. Raises `DemoError` if there are too
    few, or if the data cannot be read."""
    source = open_source(task, config.data, (config.train_split, *task.eval_splits), config.meaning)
    number = config.train_examples or (BUDGET_ROWS if config.time_budget else None)
    drawn, rest = draw(source.read(config.train_split), number, config.seed)
    require_rows(task, drawn, config.train_split, at_least=2)
    train, held_back = hold_back(task, drawn, rest, config.seed)
    used, facts = {config.train_split: len(train)}, [source.facts((config.train_split, *source.eval_splits))]
    for path in config.extra_train:
        extra = read_extra(task, path, config.meaning)
        train = train + extra.rows
        facts.append(extra.facts)
        name = short_name(Path(path))
        namesakes = sum(label == name or label.startswith(f"{name} (") for label in used)
        used[f"{name} ({namesakes + 1})" if namesakes else name] = len(extra.rows)
    learned = frozenset(twin_numbers(task, train))
    splits = {config.train_split: split_facts(task, train)}
    splits |= {split: split_facts(task, source.read(split), learned) for split in source.eval_splits}
    facts = joined_facts(facts).with_splits(**splits).with_hints(rare_classes(splits[config.train_split].labels))
    return TrainRows(source, train, held_back, used, config.eval_examples, facts, len(drawn) if rest else None)


def rare_classes(labels: Mapping[str, int]) -> list[str]:
    """A sentence on the classes of which a run has too few rows to learn them; none if all have enough. `labels`: label
    -> its rows. One of many classes is rare at half of an even share."""
    total = sum(labels.values())
    share = min(RARE_SHARE, 0.5 / max(1, len(labels)))
    rare = {label: rows for label, rows in labels.items() if rows > 0 and (rows < RARE_ROWS or rows < share * total)}
    if not rare:
        return []
    listed = ", ".join(f"“{label}” ({rows:,})" for label, rows in list(rare.items())[:LISTED])
    more = f" and {len(rare) - LISTED} more" if len(rare) > LISTED else ""
    return [f"Few rows to learn from: {listed}{more} of {total:,}. A class of so few rows is hardly ever answered."]


def learning_rate(task: Task, config: TrainConfig) -> float:
    """The peak learning rate: the configured one, else the task's own times the factor of the method."""
    return config.learning_rate or task.learning_rate * METHODS[config.method]


def start_rate(task: Task, method: str, start: str, source: str) -> float | None:
    """The learning rate that the table of tasks has for the bundled sample and the start `start`; None if it has none.

    `source` is the kind of the rows: "sample", "mirror", …"""
    return task.start_rate if source == "sample" and start == task.start_from and method == "full" else None


def default_rate(task: Task, method: str, start: str, source: str) -> float:
    """The peak learning rate of a fine-tune for which none is given. A new output layer has up to `MAX_RATE_FACTOR`
    times it in a run of few steps."""
    return start_rate(task, method, start, source) or task.learning_rate * METHODS[method]
