"""CSV, TSV and their like."""

from __future__ import annotations

import csv
import io
from collections import Counter
from pathlib import Path

from ...errors import DataError
from .encodings import read_text


def read_separated(file: Path) -> list[dict]:
    """The rows of a CSV or TSV as text: "NA" and "" are not converted.

    A row that is longer or shorter than the header is an error, because an unquoted comma shifts the columns. Columns
    without a name, which spreadsheets leave behind, are dropped if they are empty, else named by their position."""
    text = read_text(file).lstrip("\r\n")
    header = text.partition("\n")[0]
    separator = "\t" if file.suffix.lower() == ".tsv" else max(",;\t|", key=header.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    rows = []
    try:
        header = next(reader, [])
        for row in reader:
            if not any(map(str.strip, row)):
                continue  # spreadsheets leave lines of separators behind
            if len(row) != len(header):
                raise DataError(
                    f"{file.name}, line {reader.line_num} has {len(row)} fields, the first line names "
                    f"{len(header)} columns. Text that holds '{separator}' must stand in double quotes."
                )
            rows.append(row)
    except csv.Error as error:
        raise DataError(
            f"{file.name} cannot be read as a table: line {reader.line_num}: {error}. The first line must name the "
            "columns; a text with double quotes in it must stand in double quotes, with those inside doubled."
        ) from error
    names = {
        position: name if name.strip() else f"column {position + 1}"
        for position, name in enumerate(header)
        if name.strip() or any(row[position].strip() for row in rows)
    }
    if duplicates := [name for name, count in Counter(names.values()).items() if count > 1]:
        raise DataError(f"{file.name} names the column '{duplicates[0]}' twice. Rename one of them.")
    return [{name: row[position] for position, name in names.items()} for row in rows]
