"""Predictions for every row of a file, written to a CSV file beside the input's columns."""

from __future__ import annotations

import csv
import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..data import (
    Table,
    encodable,
    find_place,
    guess_columns,
    is_blank,
    new_file,
    only_text_column,
    read_table,
    require_plain,
)
from ..errors import DataError
from ..models import Location, cached_checkpoint, read_trained_columns
from ..results import Prediction
from ..tasks import Task, task_for_texts
from .kinds import kind_of
from .prediction import predict_rows

# A cell that begins with one of these may run as a formula in a spreadsheet (OWASP, "CSV Injection"); behind an
# apostrophe it is text. A number is none: it means the same as a formula.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
# The same behind a semicolon or a tab, where the spreadsheets of some languages begin a new cell. An emoticon is none.
FORMULA_INSIDE = re.compile(r"([;\t]\s*)(?=[=+@＝＋＠]|[-－][\d(])")
NUMBER = re.compile(r"[+-]?[\d.,]*\d[\d.,]*(e[+-]?\d+)?\s?%?", re.IGNORECASE)


@dataclass(frozen=True)
class AnsweredFile:
    """How many rows were written, and how many of them have no answer: those with an empty text, and among them
    `repeated`, those with the names of the columns. Of the others, how many were cut off, have words that the model
    cannot read, or have an unsure answer."""

    rows: int
    empty: int
    repeated: int = 0
    truncated: int = 0
    with_unknown_words: int = 0
    unsure: int = 0
    reading: tuple[str, ...] = ()  # sentences on how the file was read

    def notes(self) -> list[str]:
        """Sentences on how the file was read, and on each number that is not 0."""
        counts = [
            (self.empty - self.repeated, "without a text: no answer stands beside it"),
            (self.repeated, "with the names of the columns once more: no answer stands beside it"),
            (self.truncated, "longer than the model reads: the columns tokens_read and tokens_total say how much"),
            (self.with_unknown_words, "with words that the model cannot read: the column unknown_words names them"),
            (self.unsure, "with an unsure answer: the column unsure"),
        ]
        said = [f"{number:,} {'row' if number == 1 else 'rows'} {words}." for number, words in counts if number]
        return [*self.reading, *said]


def task_of_table(candidates: Sequence[Task], table: Sequence[Mapping]) -> Task:
    """The task of these rows among the candidates: the first whose columns they have, else the one for such texts."""
    columns = _columns(table)
    matching = [task for task in candidates if set(task.text_fields) <= set(columns)]
    if matching:
        return matching[0]
    column_of = guess_columns(candidates[0], columns)
    texts = [str(row.get(column_of.get(field)) or "") for row in table for field in candidates[0].text_fields]
    return task_for_texts(candidates, texts)


def predict_file(
    candidates: Sequence[Task],
    checkpoint: str | Location,
    source: Path,
    output: Path,
    *,
    overwrite: bool = False,
    threshold: float | None = None,
    max_rows: int | None = None,
    max_characters: int | None = None,
    on_rows: Callable[[str, int, int], None] | None = None,
) -> AnsweredFile:
    """Write `output`, one line per row of `source`, in its order, with the prediction's columns added, and those of
    `reading_columns`. A row with an empty text, and one that repeats the names of the columns, stays and has no answer.

    The output is UTF-8 with a byte-order mark, and no cell can run as a formula, so that spreadsheets open it right.

    If the file already has a column "prediction", the new one is called `prediction_2`, and so on. `candidates` are the
    tasks that the checkpoint answers; the file decides which one (`task_of_table`). `on_rows(file name, rows_done,
    num_rows)` is called after each batch. The input and the output path are checked before the model runs, and the
    output appears only when it is complete; only `overwrite` lets it replace a file. `DataError` for a file that cannot
    be read or written, has no text, or has more than `max_rows` rows or `max_characters` characters of text."""
    place = find_place(source)
    if place is None or place.is_dir():
        raise DataError(f"There is no file {source}.")
    read = read_table(place, every_row=True)
    table = read.rows
    if not table:
        raise DataError(f"{source.name} has no rows.")
    _check_limit(max_rows, len(table), "rows", source)
    task, columns = task_of_table(candidates, table), _columns(table)
    column_of = _columns_of_texts(task, read, source, checkpoint)
    rows, repeated, filled = _questions(task, read, source, column_of)
    _check_limit(max_characters, sum(len(text) for row in rows for text in row.values()), "characters of text", source)
    report = on_rows and (lambda rows_done: on_rows(source.name, rows_done, len(filled)))
    with (
        new_file(output, overwrite=overwrite) as partial,
        partial.open("w", newline="", encoding="utf-8-sig") as file,
    ):
        predictions = predict_rows(
            task, cached_checkpoint(checkpoint, task), [rows[i] for i in filled], threshold=threshold, on_batch=report
        )
        columns_of = [kind_of(task).columns(prediction) | reading_columns(prediction) for prediction in predictions]
        answers = dict(zip(filled, columns_of, strict=True))
        names = list(answers[filled[0]])
        writer = csv.writer(file)
        writer.writerow(map(_cell, [*columns, *(_free_name(name, columns) for name in names)]))
        for position, row in enumerate(table):
            answer = answers.get(position, dict.fromkeys(names))
            writer.writerow(map(_cell, [*(row.get(column) for column in columns), *answer.values()]))
    return AnsweredFile(
        rows=len(rows),
        empty=len(rows) - len(filled),
        repeated=len(repeated),
        truncated=sum(prediction.truncated for prediction in predictions),
        with_unknown_words=sum(bool(prediction.unknown_words) for prediction in predictions),
        unsure=sum(prediction.unsure for prediction in predictions),
        reading=(*read.notes, *_taken(task, columns, column_of)),
    )


def _columns_of_texts(task: Task, read: Table, source: Path, checkpoint: str | Location) -> dict[str, str]:
    """Text field -> its column, by name; where no name fits, the columns that the checkpoint learned from; for a single
    text the only column that holds texts. Raises `DataError` if a field has none."""
    columns, fields = _columns(read.rows), task.text_fields
    column_of = guess_columns(task, columns)
    if column_of.keys() >= set(fields):
        return column_of
    learned = {field: column for field, column in read_trained_columns(checkpoint).items() if column in columns}
    column_of = guess_columns(task, columns, learned)
    only = only_text_column(read) if len(fields) == 1 and fields[0] not in column_of else None
    column_of |= {fields[0]: only} if only else {}
    if missing := [field for field in fields if field not in column_of]:
        raise DataError(
            f"{source.name} has no column for {' and '.join(missing)}. Found: {', '.join(columns)}. "
            f"Needed: {', '.join(fields)}."
        )
    return column_of


def _taken(task: Task, columns: Sequence[str], column_of: Mapping[str, str]) -> list[str]:
    """A sentence for each column that is read though its name does not say so."""
    named = guess_columns(task, columns)
    return [f"The column “{column_of[field]}” is read as {field}." for field in task.text_fields if field not in named]


def _questions(
    task: Task, read: Table, source: Path, column_of: Mapping[str, str]
) -> tuple[list[dict[str, str]], list[int], list[int]]:
    """The texts of every row, and the positions of two kinds of rows: those that repeat the names of the columns, and
    those that are asked about, which are all others with texts. Raises `DataError` if no row is asked about."""
    columns = _columns(read.rows)
    require_plain(read, column_of, source.name, task.text_fields)
    rows = [{field: _text(row.get(column_of[field])) for field in task.text_fields} for row in read.rows]
    names = [name.strip() for name in columns]
    cells = [[_text(cell).strip("\ufeff ") for cell in row.values()] for row in read.rows]
    repeated = [position for position, row in enumerate(cells) if row == names]
    filled = [
        position
        for position, texts in enumerate(rows)
        if cells[position] != names and not any(map(is_blank, texts.values()))
    ]
    if not filled:
        raise DataError(f"{source.name} has {len(rows):,} rows, and no text in {', '.join(column_of.values())}.")
    return rows, repeated, filled


def reading_columns(prediction: Prediction) -> dict[str, object]:
    """What the model read of a row, as table columns: the keys of its JSON."""
    return {
        "unsure": str(prediction.unsure).lower(),
        "truncated": str(prediction.truncated).lower(),
        "tokens_read": prediction.tokens_read,
        "tokens_total": prediction.tokens_total,
        "unknown_words": " ".join(prediction.unknown_words),
    }


def _text(cell: object) -> str:
    return "" if cell is None or cell != cell else str(cell)  # only "not a number" differs from itself


def _columns(table: Sequence[Mapping]) -> list[str]:
    """The names of all columns, in order of their first appearance."""
    return list(dict.fromkeys(column for row in table for column in row))


def _free_name(name: str, columns: Sequence[str]) -> str:
    candidates = itertools.chain([name], (f"{name}_{number}" for number in itertools.count(2)))
    return next(candidate for candidate in candidates if candidate not in columns)


def _cell(value: object) -> object:
    """The value as a cell that a spreadsheet shows and does not run."""
    if not isinstance(value, str):
        return value
    start = value.lstrip(" \ufeff\u200b\xa0")  # what a spreadsheet may pass over
    is_formula = start.startswith(FORMULA_STARTS) and not NUMBER.fullmatch(start)
    first, rest = (f"'{value[0]}", value[1:]) if is_formula else ("", value)
    return encodable(first + FORMULA_INSIDE.sub(r"\1'", rest))


def _check_limit(limit: int | None, number: int, unit: str, source: Path) -> None:
    if limit is not None and number > limit:
        raise DataError(
            f"{source.name} has {number:,} {unit}; at most {limit:,} are answered at once here. Split the file, or use "
            "the command line: `python -m minilm_demo predict --help`."
        )
