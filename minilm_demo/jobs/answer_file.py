"""Predictions for every row of a CSV, TSV, JSONL or parquet file, written to a CSV file beside the input's columns."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ..data import encodable, find_place, guess_columns, new_file, read_table
from ..errors import DataError
from ..models import Location, cached_checkpoint
from ..tasks import Task, task_for_texts
from .kinds import kind_of
from .prediction import predict_rows


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
) -> int:
    """Write `output`, one line per row of `source` with the prediction's columns added; returns the number of rows.

    If the file already has a column "prediction", the new one is called `prediction_2`, and so on. `candidates` are the
    tasks that the checkpoint answers; the file decides which one (`task_of_table`). `on_rows(file name, rows_done,
    num_rows)` is called after each batch. The input and the output path are checked before the model runs, and the
    output appears only when it is complete; only `overwrite` lets it replace a file. `DataError` for a file that cannot
    be read or written, has an empty text, or has more than `max_rows` rows or `max_characters` characters of text."""
    place = find_place(source)
    if place is None or place.is_dir():
        raise DataError(f"There is no file {source}.")
    table = read_table(place).rows
    if not table:
        raise DataError(f"{source.name} has no rows.")
    _check_limit(max_rows, len(table), "rows", source)
    task, columns = task_of_table(candidates, table), _columns(table)
    column_of = guess_columns(task, columns)
    missing = [field for field in task.text_fields if field not in column_of]
    if missing:
        raise DataError(
            f"{source.name} has no column for {' and '.join(missing)}. Found: {', '.join(columns)}. "
            f"Needed: {', '.join(task.text_fields)}."
        )
    rows = [{field: str(row.get(column_of[field]) or "") for field in task.text_fields} for row in table]
    for number, row in enumerate(rows, 1):
        if empty := [column_of[field] for field in task.text_fields if not row[field].strip()]:
            raise DataError(f"{source.name}, row {number}: the column {empty[0]} is empty.")
    _check_limit(max_characters, sum(len(text) for row in rows for text in row.values()), "characters of text", source)
    report = on_rows and (lambda rows_done: on_rows(source.name, rows_done, len(rows)))
    with (
        new_file(output, overwrite=overwrite) as partial,
        partial.open("w", newline="", encoding="utf-8") as file,
    ):
        predictions = predict_rows(
            task, cached_checkpoint(checkpoint, task), rows, threshold=threshold, on_batch=report
        )
        answers = [kind_of(task).columns(prediction) for prediction in predictions]
        writer = csv.writer(file)
        writer.writerow(map(_cell, [*columns, *(_free_name(name, columns) for name in answers[0])]))
        for row, answer in zip(table, answers, strict=True):
            writer.writerow(map(_cell, [*(row.get(column) for column in columns), *answer.values()]))
    return len(rows)


def _columns(table: Sequence[Mapping]) -> list[str]:
    """The names of all columns, in order of their first appearance."""
    return list(dict.fromkeys(column for row in table for column in row))


def _free_name(name: str, columns: Sequence[str]) -> str:
    candidates = itertools.chain([name], (f"{name}_{number}" for number in itertools.count(2)))
    return next(candidate for candidate in candidates if candidate not in columns)


def _cell(value: object) -> object:
    return encodable(value) if isinstance(value, str) else value


def _check_limit(limit: int | None, number: int, unit: str, source: Path) -> None:
    if limit is not None and number > limit:
        raise DataError(
            f"{source.name} has {number:,} {unit}; at most {limit:,} are answered at once here. Split the file, or use "
            "the command line: `python -m minilm_demo predict --help`."
        )
