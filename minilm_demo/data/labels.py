"""The label column of rows: which class or score each value means. A column is looked at as a whole, because one value
alone may mean several things: 1 is a class of its own where there is a 0, and the first of two where there is a 2."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from ..errors import DataError
from ..results import ScoreScale, ValueMeaning
from ..tasks import Task

# Label -> other spellings of it in published files.
SPELLINGS: Mapping[str, tuple[str, ...]] = {
    "entailment": ("entailed", "entails", "entail", "supports", "supported", "e"),
    "neutral": ("neither", "not_enough_info", "n"),
    "contradiction": ("contradictory", "contradicts", "contradicted", "contradict", "refutes", "refuted", "c"),
    "not_entailment": ("non_entailment", "notentailment", "no_entailment", "not_entailed"),
    "positive": ("pos", "+"),
    "negative": ("neg",),
    "equivalent": ("paraphrase", "same"),
    "not_equivalent": ("not_paraphrase", "non_paraphrase", "different"),
    "duplicate": ("is_duplicate",),
    "not_duplicate": ("non_duplicate", "different"),
    "acceptable": ("grammatical", "good"),
    "unacceptable": ("ungrammatical", "*"),
}
YES, NO = ("true", "yes", "y", "t"), ("false", "no", "n", "f")
NO_LABEL = ("", "-", "--", "-1", "?", "nan", "none", "null", "na", "n/a", "n_a", "no_label", "unlabeled", "unlabelled")
FEW_ROWS = 0.05  # share of the rows that may be slips of the pen
EXAMPLE_CHARACTERS = 90  # of one text
ODD_SCORES = 0.1  # if a larger share of the scores lies outside the scale, the scale is asked for
SMALL_SCALE = 0.2  # scores that fill at most this share of the scale may be on another one


class Unusable(Exception):
    """A row cannot be used; the message goes on after "because"."""


@dataclass(frozen=True)
class LabelMeaning:
    """What a person says of the label column of their own rows."""

    labels: Mapping[str, str] = field(default_factory=dict)  # value -> label, "" to leave these rows out
    score_range: tuple[float, float] | None = None  # the lowest and highest score that is possible
    columns: Mapping[str, str] = field(default_factory=dict)  # column of the task -> column of the file
    needed: bool = True  # whether rows without a label are of no use; a distillation reads texts alone


def said_meaning(text: str, columns: Mapping[str, str]) -> LabelMeaning:
    """The meaning that a person writes down: "1=negative, 2=positive" of classes, "0, 1" of scores, "" of neither.
    Raises `DataError`."""
    if not text.strip():
        return LabelMeaning(columns=columns)
    if "=" in text:
        return LabelMeaning(parse_labels(text), columns=columns)
    return LabelMeaning(score_range=parse_range(text), columns=columns)


def parse_labels(text: str) -> dict[str, str]:
    """The mapping of "0=negative,1=positive". Raises `DataError`."""
    pairs = [pair.partition("=") for pair in text.split(",")]
    if not all(separator and value.strip() for value, separator, _ in pairs):
        raise DataError(f"'{text}' is no mapping; write VALUE=LABEL,VALUE=LABEL")
    return {value.strip(): label.strip() for value, _, label in pairs}


def parse_range(text: str) -> tuple[float, float]:
    """The two numbers of "0,1". Raises `DataError`."""
    try:
        low, high = map(float, text.split(","))
    except ValueError:
        raise DataError(f"'{text}' is no range; write LOW,HIGH, as 0,1") from None
    return low, high


@dataclass(frozen=True)
class Column:
    """The rows whose labels are read: with the columns of the task, unchecked."""

    rows: Sequence[Mapping]
    names: Sequence[str] | None = None  # the source's own order of class names, if it has one
    meaning: LabelMeaning = field(default_factory=LabelMeaning)
    where: str = ""
    asks: bool = True  # whether to refuse a column that could mean several things


class NoLabels:
    """Reads no label: a row's texts are all that is needed of it."""

    values: tuple[ValueMeaning, ...] = ()
    scale = None

    def read(self, row: Mapping) -> None:
        """None for every row."""


def plain(value: object) -> str:
    """A label in one spelling: "Not Entailment" -> "not_entailment", 1.0 and "1.0" -> "1", True -> "true"."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool):
        return str(value).casefold()
    text = str(value).strip().casefold().removeprefix("__label__")
    if re.fullmatch(r"[+-]?\d+([.,]0+)?", text):
        return str(int(re.split("[.,]", text)[0]))
    if re.fullmatch(r"label[_ -]?\d+", text):
        return str(int(re.sub(r"\D", "", text)))
    if re.fullmatch(r"[\W_]*", text):
        return text
    return re.sub(r"[\s_-]+", "_", text).strip("_")


def example_of(task: Task, row: Mapping) -> str:
    """The texts of a row, shortened."""
    texts = (" ".join(str(row.get(name) or "").split()) for name in task.text_fields)
    return " / ".join(
        text if len(text) <= EXAMPLE_CHARACTERS else f"{text[: EXAMPLE_CHARACTERS - 1].rstrip()}…" for text in texts
    )


# -- classes -------------------------------------------------------------------------------------------------------


class ClassReader:
    """Reads class ids, and counts what each value was taken for."""

    def __init__(self, task: Task, column: Column):
        self.task, self.column = task, column
        self.own = {plain(label): index for index, label in enumerate(task.labels)}
        self.given = self._given_meanings()
        self.ids = self._spellings() | self._yes_and_no() | self._numbers() | self.own
        self.counts: Counter[tuple[str, int]] = Counter()
        self.examples: dict[tuple[str, int], Mapping] = {}

    def read(self, row: Mapping) -> int:
        """The class id of a row. Raises `Unusable`."""
        value = row[self.task.label_field]
        names = self.column.names
        if names is not None and type(value) is int and 0 <= value < len(names):
            value = names[value]
        text = plain(value)
        if text in self.given:
            label = self.given[text]
            if label is None:
                raise Unusable(f"the label is '{value}', which is to be left out")
        elif text in self.ids and (text in self.own or text not in NO_LABEL):
            label = self.ids[text]
        elif text in NO_LABEL:
            raise Unusable(
                "it has no label" if text == "" else f"the label is '{value}', which means that there is none"
            )
        else:
            raise Unusable(f"the label is '{str(value)[:40]}'; it must be {_choices(self.task)}")
        if text not in self.own or text in self.given:
            shown = str(value).strip()
            self.counts[shown, label] += 1
            self.examples.setdefault((shown, label), row)
        return label

    @property
    def values(self) -> tuple[ValueMeaning, ...]:
        """What the values were taken for that are not the names of labels themselves."""
        return tuple(
            ValueMeaning(value, self.task.labels[label], rows, example_of(self.task, self.examples[value, label]))
            for (value, label), rows in sorted(self.counts.items())
        )

    scale = None

    def _given_meanings(self) -> dict[str, int | None]:
        """Value -> class id by what was said of the column; None for values to leave out."""
        given: dict[str, int | None] = {}
        for value, label in self.column.meaning.labels.items():
            if str(label).strip() and plain(label) not in self.own:
                raise DataError(
                    f"labels says that '{value}' means '{label}'; {self.task.name} has the labels "
                    f"{', '.join(self.task.labels)}."
                )
            given[plain(value)] = self.own[plain(label)] if str(label).strip() else None
        return given

    def _spellings(self) -> dict[str, int]:
        ids: dict[str, int] = {}
        for label, index in self.own.items():
            ids |= dict.fromkeys(SPELLINGS.get(label, ()), index)
        return ids

    def _yes_and_no(self) -> dict[str, int]:
        """Yes and no, for a task of two labels one of which says yes."""
        if len(self.task.labels) != 2 or self.task.affirmative not in self.task.labels:
            return {}
        yes = self.task.label2id[self.task.affirmative]
        return dict.fromkeys(YES, yes) | dict.fromkeys(NO, 1 - yes)

    def _numbers(self) -> dict[str, int]:
        """The numbers 0 to n - 1 in the order of the task's labels. `DataError` for numbers that may be counted in
        another way."""
        number = len(self.task.labels)
        values = {plain(row.get(self.task.label_field)) for row in self.column.rows}
        found = {int(value) for value in values - set(self.given) - set(self.own) if re.fullmatch(r"-?\d+", value)}
        one_based = found and min(found) == 1 and max(found) == number
        signs = number == 2 and found == {-1, 1}
        if self.column.names is None and self.column.asks and (one_based or signs or self._are_other_numbers(found)):
            listed = " and ".join(map(str, sorted(found)))
            meanings = ",".join(f"{value}=…" for value in sorted(found))
            raise DataError(
                f"{self.column.where}: the label column holds {listed}, and it is not plain what each means. The "
                f"labels are {', '.join(self.task.labels)}. Say what each number means: labels {meanings}. First row: "
                f"{example_of(self.task, self.column.rows[0])} ({self.column.rows[0].get(self.task.label_field)})."
            )
        return {str(index): index for index in range(number)}

    def _are_other_numbers(self, found: Collection[int]) -> bool:
        """Whether the column counts something else, such as stars: more than a few rows hold a number that is no class
        id."""
        other = {str(value) for value in found if not 0 <= value < len(self.task.labels)} - set(NO_LABEL)
        rows = sum(plain(row.get(self.task.label_field)) in other for row in self.column.rows)
        return rows > max(1, FEW_ROWS * len(self.column.rows))


def _choices(task: Task) -> str:
    if len(task.labels) > 6:
        return f"one of {', '.join(task.labels[:6])}, … ({len(task.labels)} labels)"
    return ", ".join(f"{index} or {label}" for index, label in enumerate(task.labels))


# -- scores --------------------------------------------------------------------------------------------------------


class ScoreReader:
    """Reads scores, and brings them onto the scale of the task."""

    values: tuple[ValueMeaning, ...] = ()

    def __init__(self, task: Task, column: Column):
        self.task, self.column = task, column
        self.low, self.high = task.score_range
        self.read_range = column.meaning.score_range or task.score_range
        self.found: list[float] = []
        if not self.read_range[0] < self.read_range[1]:
            raise DataError(f"score_range is {_range(*self.read_range)}; the first number must be the lower one.")
        if column.asks and column.meaning.score_range is None:
            self._check_scale()

    def read(self, row: Mapping) -> float:
        """The score of a row on the task's scale. Raises `Unusable`."""
        value, (first, last) = row[self.task.label_field], self.read_range
        score = number_of(value)
        if score is None and plain(value) in NO_LABEL:
            raise Unusable("it has no score")
        if score is None or not first <= score <= last:
            raise Unusable(f"the score is '{str(value)[:40]}'; it must be a number from {first:g} to {last:g}")
        self.found.append(score)
        if self.read_range == self.task.score_range:
            return score
        return self.low + (score - first) * (self.high - self.low) / (last - first)

    @property
    def scale(self) -> ScoreScale | None:
        """How the scores were read; None if there are none."""
        return (
            ScoreScale(min(self.found), max(self.found), *self.read_range, self.low, self.high) if self.found else None
        )

    def _check_scale(self) -> None:
        """`DataError` if the scores may be on another scale than the task's."""
        scores = [number_of(row.get(self.task.label_field)) for row in self.column.rows]
        scores = [score for score in scores if score is not None]
        if len(scores) < 2:
            return
        lowest, highest = min(scores), max(scores)
        outside = sum(not self.low <= score <= self.high for score in scores) / len(scores)
        small = self.low <= lowest and highest - self.low <= SMALL_SCALE * (self.high - self.low) and lowest < highest
        if outside > ODD_SCORES or small:
            likely = (0, 1) if lowest >= 0 and highest <= 1 else (math.floor(lowest), math.ceil(highest))
            raise DataError(
                f"{self.column.where}: the scores run from {lowest:g} to {highest:g}, those of {self.task.name} from "
                f"{self.low:g} to {self.high:g}, so it is not plain which scale they are on. Give the lowest and the "
                f"highest possible score: score_range {_range(*likely)}, or {_range(self.low, self.high)} if they are "
                "on the task's own."
            )


def number_of(value: object) -> float | None:
    """The finite number of a cell, also with a decimal comma; None for anything else."""
    if isinstance(value, bool) or value is None:
        return None
    try:
        number = float(str(value).strip().replace(",", "."))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _range(low: float, high: float) -> str:
    return f"{low:g},{high:g}"
