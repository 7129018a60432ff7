"""JSON: one object a line, one object after another, or one document in a shape that programs write."""

from __future__ import annotations

import json

from ...errors import DataError
from .annotations import read_annotations, simplified
from .encodings import decode
from .json_shapes import rows_of_document
from .table import Table, counted, table_of

SHOWN_CHARACTERS = 60


def read_json(name: str, data: bytes, *, every_row: bool = False) -> Table:
    """The table of a JSON file, whatever its suffix says: of lines or of one document. Raises `DataError`.

    Objects within cells become columns with dotted names. Lists and answers stay as they are."""
    text, notes = decode(name, data)
    if not text.strip():
        return Table((), [], {}, tuple(notes))
    document, is_document = _document(name, text)
    if not is_document:
        rows, label_names = [row for row in _lines(name, text) if not _is_head(row)], {}
    elif isinstance(document, list) and all(isinstance(row, dict) for row in document):
        rows, label_names = document, {}
    else:
        rows, label_names, words = rows_of_document(name, document)
        notes += words
    rows, words = read_annotations(rows)
    notes += words
    rows, words = simplified(rows)
    return table_of(rows, label_names, [*notes, *words])


def _document(name: str, text: str) -> tuple[object, bool]:
    """The value of a text that is one JSON document, and whether it is one. Python also refuses a nesting of a thousand
    levels, and numbers of 4,300 digits."""
    try:
        document = json.loads(text, parse_constant=_no_number)
        return document, isinstance(document, dict | list)
    except json.JSONDecodeError as error:
        if text.lstrip().startswith("[") and error.msg != "Extra data":
            raise DataError(f"{name} is not JSON: {error.msg} at character {error.pos + 1}.") from error
    except (RecursionError, ValueError) as error:
        if len(text.strip().split("\n", 1)) == 1 and text.lstrip().startswith("["):
            raise DataError(f"{name} is nested too deeply, or holds a number with too many digits.") from error
    return None, False


def _no_number(_constant: str) -> None:
    """NaN and Infinity, which programs write for an empty cell."""
    return


def _lines(name: str, text: str) -> list[dict]:
    """The objects of a file with one a line; only "\\n" ends a line: JSON may hold U+2028 and similar characters. If
    the lines are not objects, the objects may follow each other over several lines."""
    rows, faults = [], []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line, parse_constant=_no_number)
        except json.JSONDecodeError as error:
            faults.append((number, f"line {number} is not JSON: {error.msg} at character {error.pos + 1}"))
        except (RecursionError, ValueError):
            faults.append((number, f"line {number} is nested too deeply, or holds a number with too many digits"))
        else:
            if isinstance(value, dict):
                rows.append(value)
            else:
                shown = line.strip()[:SHOWN_CHARACTERS]
                faults.append((number, f"line {number} is not a JSON object: {shown}"))
    if not faults:
        return rows
    if len(faults) > 1 and (one_after_another := _objects(text)):
        return one_after_another
    more = f" {counted(len(faults), 'line')} of {len(rows) + len(faults):,} cannot be read." if len(faults) > 1 else ""
    raise DataError(f"{name}, {faults[0][1]}.{more} One JSON object a line, or one document.")


def _objects(text: str) -> list[dict]:
    """The objects of a text in which they follow each other, with or without commas between them; else none."""
    decoder, position, objects = json.JSONDecoder(parse_constant=_no_number), 0, []
    while position < len(text):
        while position < len(text) and (text[position].isspace() or (objects and text[position] == ",")):
            position += 1
        if position == len(text):
            break
        try:
            value, position = decoder.raw_decode(text, position)
        except (ValueError, RecursionError):
            return []
        if not isinstance(value, dict):
            return []
        objects.append(value)
    return objects


def _is_head(row: dict) -> bool:
    """Whether the row only describes the file, as the first line of the MRQA sets."""
    return list(row) == ["header"]
