"""A task made from a person's own table: which columns hold the texts, which one says what they are, and whether that
is one of several classes or a number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import DataError
from ..tasks import MOST_CLASSES, MOST_LABEL_CHARACTERS, OWN_FIELDS, Task, own_classes, own_scores
from .columns import LABEL_NAMES, TEXT_NAMES, check_columns, guess_columns
from .files import Table
from .folders import WHOLE, find_parts
from .labels import NO_LABEL, LabelMeaning, number_of, plain
from .rows import AS_SAID

TARGETS = ("auto", "classes", "numbers")  # what the labels of a person's own table are taken for
PAIRS = (  # names of two columns that are read as a pair
    *(("premise", name) for name in ("hypothesis", "hypo")),
    *((f"{name}{a}", f"{name}{b}") for name in ("sentence", "question", "text", "text_") for a, b in ("12", "ab")),
    ("text", "second_text"),
    ("question", "sentence"),
    ("query", "passage"),
)
SCORE_NAMES = ("stars", "rating", "score", "grade", "similarity", "points", "polarity")
NEVER = ("id", "index", "timestamp", "date", "time", "created_at", "annotator", "annotation_id", "lead_time", "user")
# Marks of a missing label in a table of one's own; -1 and "none" are names of classes as good as others there.
MISSING = frozenset(NO_LABEL) - {"-1", "none"}
SIGNS = frozenset(("-", "--", "?"))
FEW_WORDS = 2.0  # mean words of a column below which it is hardly a text
SHARED = 0.5  # distinct values of a label column per row, at most
FEW_NUMBERS = 10  # whole numbers that are classes, unless the name of their column says that they are scores


class UnclearColumns(DataError):
    """A table of which more than one column could be the label, or the text: a person has to say which."""


@dataclass(frozen=True)
class OwnTable:
    """What a person's own table is taken for. `labels`: label -> the rows that have it; empty for numbers."""

    task: Task
    columns: Mapping[str, str]  # column of the task -> column of the file
    labels: Mapping[str, int]
    meaning: str  # a sentence on what the label column is taken for


def with_own_task(task: Task, data: str, meaning: LabelMeaning = AS_SAID, target: str = "auto"):
    """(task, meaning): for a task that is not known before its table is read, the one that this table makes, and
    `meaning` with its columns; any other task as it is. Raises `DataError`."""
    if not task.is_open:
        return task, meaning
    path = Path(data).expanduser()
    if not path.exists():
        raise DataError(
            f"{task.name} is a task made from a table of yours: give the file as data (a text column and a label "
            f"column). '{data}' is no file."
        )
    own = own_table(whole_table(path), path.name, meaning, target)
    return own.task, replace(meaning, columns=own.columns)


def whole_table(path: Path) -> Table:
    """The rows that a file, or the training files of a folder, hold. Raises `DataError`."""
    tables = find_parts(path)
    parts = tables.get("train") or tables.get(WHOLE) or next(iter(tables.values()), ())
    if not parts:
        raise DataError(f"{path.name} holds no table.")
    read = [part.read() for part in parts]
    columns = tuple(dict.fromkeys(column for table in read for column in table.columns))
    rows = [dict.fromkeys(columns) | dict(row) for table in read for row in table.rows]
    return replace(read[0], columns=columns, rows=rows)


def with_own_columns(task: Task, table: Table, where: str, meaning: LabelMeaning) -> LabelMeaning:
    """`meaning` with the columns of this table, for a task made from an own table whose columns had other names.
    Raises `DataError`."""
    if (
        not task.own
        or not meaning.needed
        or set(guess_columns(task, table.columns, meaning.columns)) >= {*task.columns}
    ):
        return meaning
    return replace(meaning, columns=own_table(table, where, meaning).columns)


def own_table(table: Table, where: str, meaning: LabelMeaning = AS_SAID, target: str = "auto") -> OwnTable:
    """What a table is taken for. `meaning.columns` names columns (`text`, `second_text`, `label`), `meaning.labels` are
    values to rename or, with "", to leave out, `meaning.score_range` is the scale of numbers, and `target` is one of
    `TARGETS`. Raises `DataError`, which names the choices, where the table does not say it plainly."""
    if target not in TARGETS:
        raise DataError(f"target is '{target}'; it must be one of {', '.join(TARGETS)}.")
    if not table.rows:
        raise DataError(f"{where} has no rows.")
    given = {name: column for name, column in meaning.columns.items() if column}
    check_columns(given, (*OWN_FIELDS, "label"), table.columns, where)
    texts = [given[name] for name in OWN_FIELDS if name in given]
    label = given.get("label") or _label_column(table, texts, where)
    texts = texts or _text_columns(table, label, where)
    columns = dict(zip(OWN_FIELDS, texts, strict=False)) | {"label": label}
    if len(set(columns.values())) < len(columns):
        raise DataError(f"{where}: the column '{label}' cannot be both a text and the label.")
    values = _values(table, label, meaning.labels)
    if not values:
        raise DataError(f"{where}: the column '{label}' is empty in every row.")
    numbers = [number_of(value) for value in values]
    are_numbers = all(number is not None for number in numbers)
    if target == "numbers" and not are_numbers:
        odd = next(value for value, number in zip(values, numbers, strict=True) if number is None)
        raise DataError(f"{where}: the column '{label}' holds '{str(odd)[:40]}', which is no number. Take classes.")
    if target == "numbers" or (target == "auto" and are_numbers and _look_like_scores(label, numbers)):
        return _scores(columns, numbers, meaning)
    return _classes(columns, values, meaning, where)


# -- which column is what ------------------------------------------------------------------------------------------


def _values(table: Table, column: str, labels: Mapping[str, str] | None = None) -> list[object]:
    """The cells of a column that say something. A mark of a missing label does where a person names it in `labels`, and
    a sign such as "-" where there would be fewer than two classes without it."""
    missing = MISSING - {plain(value) for value in labels or ()}
    cells = [row[column] for row in table.rows]
    said = [cell for cell in cells if plain(cell) not in missing]
    if len({plain(cell) for cell in said}) < 2:
        return [cell for cell in cells if plain(cell) not in missing - SIGNS]
    return said


def _simple(name: str) -> str:
    return name.strip().casefold().replace(" ", "_")


def _words(table: Table, column: str) -> float:
    """Mean words of a column's cells."""
    cells = [str(row[column]) for row in table.rows if str(row[column] or "").strip()]
    return sum(len(cell.split()) for cell in cells) / max(1, len(cells))


def _label_column(table: Table, texts: Sequence[str], where: str) -> str:
    """The one column that can be the label. `DataError` if there is none, or if several can be it."""
    names = table.label_names or {}
    likely = [column for column in table.columns if column not in texts and _could_be_label(table, column)]
    named = [column for column in likely if _simple(column) in LABEL_NAMES or column in names]
    candidates = named or likely
    if len(candidates) == 1:
        return candidates[0]
    if not candidates:
        raise DataError(
            f"{where} has no column that could be the label: one with 2 to {MOST_CLASSES} different names that come "
            f"again and again, or with numbers. It has: {', '.join(table.columns)}. Name the column if it is one of "
            "these."
        )
    listed = " and ".join(f"'{column}' ({_sample(table, column)})" for column in candidates)
    raise UnclearColumns(f"{where}: more than one column could be the label: {listed}. Say which one it is.")


def _could_be_label(table: Table, column: str) -> bool:
    if _simple(column) in NEVER or not column.strip():
        return False
    values = _values(table, column)
    distinct = {plain(value) for value in values}
    if len(distinct) < 2:
        return False
    if all(number_of(value) is not None for value in values):
        return _simple(column) in LABEL_NAMES or len(distinct) <= max(2, SHARED * len(values))
    is_short = max(len(str(value)) for value in values) <= MOST_LABEL_CHARACTERS
    return is_short and len(distinct) <= min(MOST_CLASSES, max(2, SHARED * len(values)))


def _sample(table: Table, column: str) -> str:
    common = Counter(str(value).strip() for value in _values(table, column)).most_common(3)
    return ", ".join(value[:30] for value, _ in common)


def _text_columns(table: Table, label: str, where: str) -> list[str]:
    """The column, or the pair of columns, that holds the texts. `DataError` if there is none, or if several can be
    it."""
    others = [column for column in table.columns if column != label and _simple(column) not in NEVER]
    by_name = {_simple(column): column for column in reversed(others)}
    for first, second in PAIRS:
        if first in by_name and second in by_name:
            return [by_name[first], by_name[second]]
    candidates = [column for column in others if _is_text(table, column)]
    if named := [column for column in candidates or others if _simple(column) in TEXT_NAMES]:
        return named[:1]
    if len(candidates) == 1:
        return candidates
    if not candidates:
        raise DataError(
            f"{where} has no column with texts beside the label '{label}'. It has: {', '.join(table.columns)}. Name "
            "the column if it is one of these."
        )
    listed = " and ".join(f"'{column}'" for column in candidates)
    raise UnclearColumns(
        f"{where}: more than one column could be the text: {listed}. Say which one, or which two, to read."
    )


def only_text_column(table: Table) -> str | None:
    """The one column that holds texts, whatever it is called; None if there is none, or more than one."""
    candidates = [column for column in table.columns if _is_text(table, column)]
    return candidates[0] if len(candidates) == 1 else None


def _is_text(table: Table, column: str) -> bool:
    cells = _values(table, column)
    return bool(cells) and any(number_of(cell) is None for cell in cells) and _words(table, column) >= FEW_WORDS


def _look_like_scores(column: str, numbers: Sequence[float]) -> bool:
    distinct = set(numbers)
    if len(distinct) <= 2:
        return False
    are_whole = all(number.is_integer() for number in distinct)
    return _simple(column) in SCORE_NAMES or not are_whole or len(distinct) > FEW_NUMBERS


# -- what the label is taken for -----------------------------------------------------------------------------------


def _scores(columns: Mapping[str, str], numbers: Sequence[float], meaning: LabelMeaning) -> OwnTable:
    low, high = meaning.score_range or (min(numbers), max(numbers))
    task = own_scores(low, high, len(columns) - 1)
    distinct = len(set(numbers))
    other = " It can be taken as classes instead." if distinct <= MOST_CLASSES else ""
    sentence = f"“{columns['label']}” is taken as a number from {low:g} to {high:g} ({distinct} different ones).{other}"
    return OwnTable(task, columns, {}, sentence)


def _as_one(spellings: Mapping[str, Counter[str]]) -> str:
    """A sentence on the spellings that are taken as one class; empty if each class has one."""
    several = [counts for counts in spellings.values() if len(counts) > 1]
    if not several:
        return ""
    classes = "; ".join(" = ".join(f"“{name}”" for name, _ in counts.most_common(3)) for counts in several[:3])
    more = f"; and so in {len(several) - 3} more classes" if len(several) > 3 else ""
    return f" Spelled in several ways, but one class each: {classes}{more}."


def _classes(columns: Mapping[str, str], values: Sequence[object], meaning: LabelMeaning, where: str) -> OwnTable:
    """Values that differ in case, spaces, or how a number is written are one class, named by its most frequent
    spelling."""
    renamed = {plain(value): label for value, label in meaning.labels.items()}
    names = [" ".join(str(renamed.get(plain(value), value)).split()) for value in values]
    spellings: dict[str, Counter[str]] = {}
    for name in names:
        if name:
            spellings.setdefault(plain(name), Counter())[name] += 1
    rows = {counts.most_common(1)[0][0]: counts.total() for counts in spellings.values()}
    labels = sorted(rows, key=lambda label: (number_of(label) is None, number_of(label) or 0, label.casefold()))
    if not 2 <= len(labels) <= MOST_CLASSES:
        raise DataError(
            f"{where}: the column '{columns['label']}' has {len(labels)} different values; a classifier needs 2 to "
            f"{MOST_CLASSES} classes."
        )
    long = next((label for label in labels if len(label) > MOST_LABEL_CHARACTERS), None)
    if long:
        raise DataError(
            f"{where}: a class is called '{long[:60]}…'; the name of a class has at most {MOST_LABEL_CHARACTERS} "
            "characters."
        )
    counted = ", ".join(f"{label} {rows[label]:,}" for label in labels[:12])
    more = f" and {len(labels) - 12} more" if len(labels) > 12 else ""
    are_numbers = all(number_of(label) is not None for label in labels)
    other = " It can be taken as a number instead." if are_numbers and len(labels) > 2 else ""
    sentence = f"“{columns['label']}” is taken as {len(labels)} classes: {counted}{more}.{_as_one(spellings)}{other}"
    return OwnTable(own_classes(labels, len(columns) - 1), columns, {label: rows[label] for label in labels}, sentence)
