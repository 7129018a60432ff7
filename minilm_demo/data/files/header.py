"""Whether the first row of a table names its columns, and what columns without names are called."""

from __future__ import annotations

from collections.abc import Sequence

from ...tasks import TASKS

KNOWN_NAMES = frozenset(
    {column for task in TASKS.values() for column in task.columns}
    | {"id", "idx", "index", "text", "texts", "review", "reviews", "content", "comment", "comments", "message", "tweet"}
    | {"title", "body", "document", "passage", "answer", "answer_text", "answer_start", "labels", "class", "category"}
    | {"target", "sentiment", "score", "rating", "stars", "gold_label", "is_duplicate", "quality", "#1 id", "#2 id"}
    | {"#1 string", "#2 string", "text1", "text2", "text_a", "text_b", "q1", "q2", "qid1", "qid2", "genre"}
    | {"timestamp", "date", "prediction", "name", "source", "url", "similarity"}
)
COLA_LAYOUT = ("source", "label", "mark", "sentence")  # how CoLA is published
MOST_LABELS = 50
SAMPLE_ROWS = 1000
TEXT_WORDS = 3  # words of a cell on average, from which a column is one of texts
SENTENCE_WORDS = 4


def has_known_name(row: Sequence[object]) -> bool:
    """Whether one of the cells is a name that columns have."""
    return any(str(cell).strip().casefold().lstrip("\ufeff") in KNOWN_NAMES for cell in row if cell is not None)


def is_number(cell: object) -> bool:
    if isinstance(cell, int | float):
        return True
    try:
        return bool(float(str(cell).strip().replace(",", "."))) or True
    except ValueError:
        return False


def is_vocabulary(values: Sequence[str]) -> bool:
    """Whether the values are few that come again and again, as labels do."""
    return 0 < len(set(values)) <= min(MOST_LABELS, max(2, len(values) // 2)) and len(values) > 1


def column_of(rows: Sequence[Sequence[object]], position: int) -> list[str]:
    """The cells of a column as text, without the blank ones."""
    cells = (row[position] for row in rows if position < len(row))
    return [text for cell in cells if cell is not None and (text := str(cell).strip())]


def names_columns(rows: Sequence[Sequence[object]]) -> bool:
    """Whether the first row names the columns, rather than being like all others."""
    first, body = rows[0], rows[1 : SAMPLE_ROWS + 1]
    if has_known_name(first) or not body or [str(cell) for cell in first] == [str(i) for i in range(len(first))]:
        return True
    for position, cell in enumerate(first):
        text, values = "" if cell is None else str(cell).strip(), column_of(body, position)
        if not text or not values:
            continue
        if is_number(text) and all(map(is_number, values)):
            return False
        if is_vocabulary(values) and values.count(text) > 1:
            return False
    cells = [str(cell).strip() for cell in first if cell is not None and str(cell).strip()]
    return not all(len(cell.split()) >= SENTENCE_WORDS and cell.rstrip("\"'”’)").endswith((".", "!")) for cell in cells)


def is_text_column(values: Sequence[str]) -> bool:
    """Whether the cells are texts rather than numbers, labels or ids."""
    return bool(values) and sum(len(value.split()) for value in values) >= TEXT_WORDS * len(values)


def names_of_unnamed(rows: Sequence[Sequence[object]], width: int) -> tuple[str, ...]:
    """Names for the columns of a table without any: texts and label where they are plain, else positions."""
    columns = [column_of(rows[:SAMPLE_ROWS], position) for position in range(width)]
    if width == len(COLA_LAYOUT) and set(columns[1]) <= {"0", "1"} and set(columns[2]) <= {"*"} and len(columns[1]):
        return COLA_LAYOUT
    texts = [position for position, values in enumerate(columns) if is_text_column(values)]
    words = [
        position
        for position, values in enumerate(columns)
        if len(set(values)) == len(values) and not any(map(is_number, values))
    ]
    if not texts and len(words) == 1:
        texts = words
    labels = [
        position
        for position, values in enumerate(columns)
        if position not in texts and len(set(values)) > 1 and is_vocabulary(values)
    ]
    numbers = [
        position
        for position, values in enumerate(columns)
        if values and all(map(is_number, values)) and len(set(values)) < len(values)
    ]
    names = [f"column {position + 1}" for position in range(width)]
    for number, position in enumerate(texts, 1):
        names[position] = "text" if len(texts) == 1 else f"text{number}"
    for candidates in (labels, numbers):
        if len(candidates) == 1:
            names[candidates[0]] = "label"
            break
    return tuple(names)
