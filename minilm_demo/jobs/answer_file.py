"""A whole file through a checkpoint: CSV, TSV, JSONL or parquet in, CSV out, the input's columns kept as they are."""

from __future__ import annotations

import csv
import errno
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from ..data import encodable, find_place, guess_columns, read_table
from ..errors import DataError
from ..models import Location, cached_checkpoint
from ..tasks import Task, task_for_texts
from .kinds import kind_of
from .prediction import predict_rows


def task_of_table(candidates: Sequence[Task], table: Sequence[Mapping]) -> Task:
    """Of the tasks that one checkpoint answers, the one of these rows: that whose columns they have, else that of such
    texts."""
    columns = _columns(table)
    named = [task for task in candidates if set(task.text_fields) <= set(columns)]
    if named:
        return named[0]
    places = guess_columns(candidates[0], columns)
    texts = [str(row.get(places.get(field)) or "") for row in table for field in candidates[0].text_fields]
    return task_for_texts(candidates, texts)


def predict_file(
    candidates: Sequence[Task],
    checkpoint: str | Location,
    source: Path,
    output: Path,
    *,
    threshold: float | None = None,
    max_rows: int | None = None,
    max_characters: int | None = None,
    on_rows: Callable[[str, int, int], None] | None = None,
) -> int:
    """Write `output`, one line per row of `source`, with the prediction's columns added; the number of rows. Where the
    file has a column of such a name, that of the prediction is called `prediction_2` and so on. `candidates`: the tasks
    that the checkpoint answers; the file decides which (`task_of_table`).

    The whole input and the place of the output are checked before the model runs, and the output appears only when it
    is complete. A file with more than `max_rows`, or `max_characters` in the texts, is refused."""
    place = find_place(source)
    if place is None or place.is_dir():
        raise DataError(f"There is no file {source}.")
    table, _ = read_table(place)
    if not table:
        raise DataError(f"{source.name} has no rows.")
    _at_most(max_rows, len(table), "rows", source)
    task, columns = task_of_table(candidates, table), _columns(table)
    guess = guess_columns(task, columns)
    missing = [field for field in task.text_fields if field not in guess]
    if missing:
        raise DataError(
            f"{source.name} has no column for {' and '.join(missing)}. Found: {', '.join(columns)}. "
            f"Needed: {', '.join(task.text_fields)}."
        )
    rows = [{field: str(row.get(guess[field]) or "") for field in task.text_fields} for row in table]
    for number, row in enumerate(rows, 1):
        if empty := [guess[field] for field in task.text_fields if not row[field].strip()]:
            raise DataError(f"{source.name}, row {number}: the column {empty[0]} is empty.")
    _at_most(max_characters, sum(len(text) for row in rows for text in row.values()), "characters of text", source)
    report = on_rows and (lambda done: on_rows(source.name, min(done, len(rows)), len(rows)))
    with _complete_or_not_at_all(output) as file:
        loaded = cached_checkpoint(checkpoint, task)
        predictions = predict_rows(task, loaded, rows, threshold=threshold, on_batch=report)
        added = [kind_of(task).columns(prediction) for prediction in predictions]
        writer = csv.writer(file)
        writer.writerow(map(_cell, [*columns, *(_free_name(name, columns) for name in added[0])]))
        for row, more in zip(table, added, strict=True):
            writer.writerow(map(_cell, [*(row.get(column) for column in columns), *more.values()]))
    return len(rows)


def _columns(table: Sequence[Mapping]) -> list[str]:
    return list(dict.fromkeys(column for row in table for column in row))


def _free_name(name: str, columns: Sequence[str]) -> str:
    names = itertools.chain([name], (f"{name}_{number}" for number in itertools.count(2)))
    return next(one for one in names if one not in columns)


def _cell(value: object) -> object:
    return encodable(value) if isinstance(value, str) else value


def _at_most(most: int | None, number: int, what: str, source: Path) -> None:
    if most is not None and number > most:
        raise DataError(
            f"{source.name} has {number:,} {what}; at most {most:,} are answered at once here. Split the file, or use "
            "the command line: python -m minilm_demo predict --help."
        )


@contextmanager
def _complete_or_not_at_all(output: Path) -> Iterator[TextIO]:
    """A file beside `output` that takes its place when all went well, and is gone when anything did not.

    It is opened at once: nobody should wait for an hour of predictions to hear that they cannot be written."""
    partial = output.parent / f"{output.name}.part"
    try:
        if output.is_dir():
            raise IsADirectoryError(errno.EISDIR, "it is a folder")
        with partial.open("w", newline="", encoding="utf-8") as file:
            yield file
        partial.replace(output)
    except OSError as error:
        raise DataError(f"{output} cannot be written: {error.strerror}.") from error
    finally:
        with suppress(OSError):
            partial.unlink()
