"""The shapes in which programs write a whole table as one JSON document: pandas, the Hub, and lists in a field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...errors import DataError
from .annotations import is_annotated, is_answer
from .header import has_known_name, names_columns, names_of_unnamed
from .table import listed

Rows = tuple[list[dict], dict[str, list[str]], list[str]]  # rows, label names, notes
SPLITS = ("train", "validation", "dev", "valid", "val", "test")


def rows_of_document(name: str, document: Mapping | Sequence) -> Rows:
    """The rows of one JSON document that is not an array of objects. Raises `DataError` for any other shape."""
    if isinstance(document, list):
        return _of_list(name, document)
    for shape in (_annotated, _split, _viewer, _columns_of_lists, _columns_of_cells, _field_of_rows):
        if (rows := shape(name, document)) is not None:
            return rows
    return [document], {}, []  # one row


def _of_list(name: str, document: Sequence) -> Rows:
    """Rows as lists of cells, or texts."""
    if all(isinstance(value, str) for value in document):
        return [{"text": value} for value in document], {}, ["Read as a list of texts."]
    if document and all(isinstance(value, list) for value in document) and len({len(row) for row in document}) == 1:
        rows, notes = list(document), []
        if names_columns(rows):
            names, rows = [str(cell) for cell in rows[0]], rows[1:]
        else:
            names = names_of_unnamed(rows, len(rows[0]))
            notes = [f"The rows have no names of columns; they are called {listed(names)} here."]
        return [dict(zip(names, row, strict=True)) for row in rows], {}, notes
    strange = next((position, value) for position, value in enumerate(document, 1) if not isinstance(value, dict))
    raise DataError(
        f"{name}, line {strange[0]} of its list is not a JSON object: {str(strange[1])[:60]}. "
        "It must be an object for each row."
    )


def _annotated(name: str, document: Mapping) -> Rows | None:
    """Articles and paragraphs with questions, as SQuAD is published."""
    if is_annotated(document):
        return [dict(document)], {}, []
    return None


def _split(name: str, document: Mapping) -> Rows | None:
    """pandas, orient "split": names of columns and lists of cells."""
    columns, data = document.get("columns"), document.get("data")
    if not isinstance(columns, list) or not isinstance(data, list):
        return None
    names = list(map(str, columns))
    if not all(isinstance(row, list) and len(row) == len(names) for row in data):
        return None
    return [dict(zip(names, row, strict=True)) for row in data], {}, ["Read as pandas writes it with orient='split'."]


def _viewer(name: str, document: Mapping) -> Rows | None:
    """The answer of the Hub's data viewer, which has the names of labels."""
    rows = document.get("rows")
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) and "row" in row for row in rows):
        return None
    features = document.get("features")
    label_names = {
        feature["name"]: feature["type"]["names"]
        for feature in (features if isinstance(features, list) else [])
        if isinstance(feature, dict) and isinstance(feature.get("type"), dict) and "names" in feature["type"]
    }
    notes = ["Read as the answer of the Hub's data viewer."]
    cut = sum(bool(row.get("truncated_cells")) for row in rows)
    if cut:
        notes.append(f"The viewer has cut cells in {cut:,} of the {len(rows):,} rows.")
    total = document.get("num_rows_total")
    if isinstance(total, int) and total > len(rows):
        notes.append(f"It holds {len(rows):,} of {total:,} rows.")
    return [row["row"] for row in rows], label_names, notes


def _columns_of_lists(name: str, document: Mapping) -> Rows | None:
    """A list of cells for each column."""
    values = list(document.values())
    if len(values) < 1 or not all(isinstance(value, list) for value in values) or not has_known_name(list(document)):
        return None
    if any(isinstance(cell, dict) and not is_answer(cell) for value in values for cell in value):
        return None
    if len({len(value) for value in values}) != 1:
        lengths = listed([f"{column} has {len(value):,}" for column, value in document.items()])
        raise DataError(f"{name} holds lists of different lengths: {lengths}.")
    cells = zip(*values, strict=True)
    return [dict(zip(document, row, strict=True)) for row in cells], {}, ["Read as a list of cells for each column."]


def _columns_of_cells(name: str, document: Mapping) -> Rows | None:
    """pandas, orient "columns" (column -> row -> cell) or "index" (row -> column -> cell)."""
    values = list(document.values())
    if not values or not all(isinstance(value, dict) and value for value in values) or any(map(is_answer, values)):
        return None
    outer, inner = list(document), list(dict.fromkeys(key for value in values for key in value))
    by_row = _are_positions(outer), has_known_name(inner), len(outer) > len(inner)
    by_column = _are_positions(inner), has_known_name(outer), len(inner) > len(outer)
    if by_row[:2] == by_column[:2] == (False, False) and not all(set(value) == set(inner) for value in values):
        return None  # one row with fields within fields
    if by_row > by_column:
        return [dict(value) for value in values], {}, ["Read as pandas writes it with orient='index'."]
    rows = [{column: cells.get(row) for column, cells in document.items()} for row in inner]
    return rows, {}, ["Read as pandas writes it with to_json()."]


def _are_positions(names: Sequence[str]) -> bool:
    return all(name.isdecimal() for name in names)


def _field_of_rows(name: str, document: Mapping) -> Rows | None:
    """A field that holds the rows: {"data": [...]}."""
    fields = {
        field: value
        for field, value in document.items()
        if isinstance(value, list) and value and all(isinstance(row, dict) for row in value)
    }
    if not fields or any(is_answer(value) for value in document.values()):
        return None
    field = next((split for split in (*SPLITS, "data", "rows") if split in fields), None)
    if field is None and len(fields) > 1:
        raise DataError(f"{name} holds several lists of rows: {listed(list(fields))}. Keep one of them.")
    field = field or next(iter(fields))
    others = [other for other in document if other != field and isinstance(document[other], list)]
    notes = [f"The field {field} was read; {listed(others)} was left out."] if others else []
    return list(fields[field]), {}, notes
