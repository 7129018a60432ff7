"""Rows within rows: SQuAD's articles and paragraphs, annotated texts of Label Studio, and cells that are objects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from .table import counted, listed

MAX_LEVELS = 4  # of objects within a cell that become columns with dotted names


def is_answer(value: object) -> bool:
    """Whether a cell holds the answers of a question: texts and where they start."""
    return isinstance(value, Mapping) and "text" in value and ("answer_start" in value or "start" in value)


def is_annotated(row: Mapping) -> bool:
    """Whether an object holds paragraphs with questions, at any level that SQuAD has."""
    data = row.get("data")
    if isinstance(data, list):
        return any(isinstance(article, dict) and is_annotated(article) for article in data[:5])
    return isinstance(row.get("paragraphs"), list) or ("context" in row and isinstance(row.get("qas"), list))


def read_annotations(rows: Sequence[Mapping]) -> tuple[list[dict], list[str]]:
    """The rows within the rows where those are SQuAD's articles or Label Studio's tasks; else the rows themselves."""
    if rows and all(map(is_annotated, rows)):
        questions = [question for row in rows for question in _questions(row)]
        without = sum(not question["answers"]["text"] for question in questions)
        return questions, [
            f"Read as SQuAD is published: {counted(len(questions), 'question')}, {without:,} of them without an answer."
        ]
    if rows and all(isinstance(row.get("data"), dict) and "annotations" in row for row in rows):
        return _labelled(rows)
    return [dict(row) for row in rows], []


# -- SQuAD -----------------------------------------------------------------------------------------------------------


def _questions(row: Mapping, title: str = "") -> Iterator[dict]:
    """The questions of an article or a paragraph, each as a row."""
    title = str(row.get("title", title))
    for part in (*_list(row, "data"), *_list(row, "paragraphs")):
        yield from _questions(part, title)
    for question in _list(row, "qas"):
        number = question.get("id", question.get("qid", ""))
        answers = [] if question.get("is_impossible") else [*_answers(question)]
        yield {
            "id": str(number),
            "title": title,
            "question": question.get("question", ""),
            "context": row.get("context", ""),
            "answers": {"text": [text for text, _ in answers], "answer_start": [start for _, start in answers]},
        }


def _list(row: Mapping, field: str) -> list[Mapping]:
    value = row.get(field)
    return [part for part in value if isinstance(part, Mapping)] if isinstance(value, list) else []


def _answers(question: Mapping) -> Iterator[tuple[str, int]]:
    """Answer texts and their starts, as SQuAD has them, or as the MRQA sets do."""
    for answer in _list(question, "detected_answers"):
        yield from ((answer.get("text", ""), span[0]) for span in answer.get("char_spans", [])[:1])
    for answer in _list(question, "answers"):
        yield answer.get("text", ""), answer.get("answer_start", -1)


# -- Label Studio ----------------------------------------------------------------------------------------------------


def _labelled(rows: Sequence[Mapping]) -> tuple[list[dict], list[str]]:
    """A row for each task: its data, and what people chose. Where they do not agree, there is no label."""
    labelled, apart, empty = [], 0, 0
    for row in rows:
        choices = [
            _choices(annotation) for annotation in _list(row, "annotations") if not annotation.get("was_cancelled")
        ]
        distinct = [choice for position, choice in enumerate(choices) if choice not in choices[:position]]
        apart += len(distinct) > 1
        empty += not any(distinct)
        labelled.append({"id": row.get("id")} | dict(row["data"]) | (distinct[0] if len(distinct) == 1 else {}))
    notes = ["Read as Label Studio exports it."]
    if apart:
        notes.append(f"In {counted(apart, 'row')} the annotations do not agree; there is no label then.")
    if empty:
        notes.append(f"{counted(empty, 'row')} without an annotation.")
    return labelled, notes


def _choices(annotation: Mapping) -> dict[str, object]:
    """What one person chose: name of the question -> choice, number, text or marked passages."""
    choices: dict[str, object] = {}
    for result in _list(annotation, "result"):
        name, value = str(result.get("from_name", "label")), result.get("value")
        if not isinstance(value, Mapping):
            continue
        if "start" in value and "text" in value:
            marked = choices.setdefault(name, {"text": [], "answer_start": []})
            marked["text"].append(value["text"])
            marked["answer_start"].append(value["start"])
        else:
            chosen = next((value[kind] for kind in ("choices", "rating", "number", "text") if kind in value), None)
            choices[name] = _single(chosen)
    return choices


# -- cells -----------------------------------------------------------------------------------------------------------


def _single(value: object) -> object:
    """The only entry of a list."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def simplified(rows: Sequence[Mapping]) -> tuple[list[dict], list[str]]:
    """Rows whose cells are no objects: their fields are columns with dotted names, and lists of one entry are the
    entry. Answers stay as they are."""
    flat = [dict(_fields(row)) for row in rows]
    lists: dict[str, list] = {}
    for row in flat:
        for column, value in row.items():
            if isinstance(value, list):
                lists.setdefault(column, []).append(value)
    unfolded, kept, notes = [], [], []
    for column, values in lists.items():
        entries = [entry for value in values for entry in value]
        if not any(isinstance(entry, Mapping | list) for entry in entries) and all(len(value) < 2 for value in values):
            unfolded.append(column)
        elif sum(len(value) == 1 for value in values) > len(values) / 2 and column in ("label", "labels"):
            unfolded.append(column)
            several = sum(len(value) > 1 for value in values)
            notes.append(f"{counted(several, 'row')} with more than one entry in the column {column}.")
        else:
            kept.append(column)
    for row in flat:
        for column in unfolded:
            if isinstance(row.get(column), list) and len(row[column]) < 2:
                row[column] = row[column][0] if row[column] else None
    if kept:
        verb = "holds" if len(kept) == 1 else "hold"
        notes.append(f"The column{'s' * (len(kept) > 1)} {listed(kept)} {verb} lists, which are no text and no label.")
    return flat, notes


def _fields(row: Mapping, prefix: str = "", level: int = 0) -> Iterator[tuple[str, object]]:
    for field, value in row.items():
        name = f"{prefix}{field}"
        if isinstance(value, Mapping) and value and not is_answer(value) and level < MAX_LEVELS:
            yield from _fields(value, f"{name}.", level + 1)
        elif isinstance(value, list) and value and all(map(_is_passage, value)):
            yield name, {key: [passage[other] for passage in value] for key, other in PASSAGE}
        else:
            yield name, value


PASSAGE = (("text", "text"), ("answer_start", "start"))  # field of an answer -> of a passage marked in Label Studio


def _is_passage(value: object) -> bool:
    return isinstance(value, Mapping) and all(other in value for _, other in PASSAGE)
