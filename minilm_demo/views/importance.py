"""Word importance as the payload of the `importance` component: the same text once for each method, and a table."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..results import WordImportance
from ..tasks import Task
from . import words
from .kinds import Explained, kind_of
from .payloads import ImportancePayload

NOTE = (
    "Neither is the whole truth. A sentence with a word left out is one that nobody wrote, and where two words do the "
    "same work, leaving out one of them changes nothing. A gradient is the slope at one point of a curved function: it "
    "says what a tiny change would do, not what the word did. Where the two disagree, trust neither alone."
)
AGREEMENT = ((0.7, "largely agree"), (0.4, "agree in part"), (0.2, "agree a little"), (-0.2, "hardly agree"))


def importance_payload(task: Task, importance: WordImportance) -> ImportancePayload:
    """The payload of the `importance` component.

    sentence: what is explained; findings [str]: the top word of each method, how far the two agree
    texts [{name, pieces [{text, word: index or null}]}]; words [{text, says}]: in the order of the indices
    panels [{title, about, marks [{share -1..1 or null, label}]}]: one a method, a mark for each word
    legend [{kind "for" | "against", text}]; hint: the line that is shown before a word is pointed at
    table {title, caption, headings [{text, descending}], rows [[{text, sort: number | str | null}]]}
    notes [str]
    """
    explained = kind_of(task).explained(task, importance)
    left_out = [word.left_out for word in importance.words]
    gradient = [word.gradient for word in importance.words]
    columns = _signed(left_out, explained.left_out_scale), _signed(gradient)
    numbered = list(zip(importance.words, *columns, strict=True))
    return {
        "kind": "importance",
        "sentence": kind_of(task).question(task, importance),
        "findings": [*_findings(task, importance, explained, columns), _agreement(importance)],
        "texts": _texts(task, importance),
        "words": [
            {
                "text": word.word,
                "says": f"“{word.word}”: leave-one-out {_with_unit(change, explained)}, gradient × input {slope}",
            }
            for word, change, slope in numbered
        ],
        "panels": [
            {
                "title": "Leave one word out",
                "about": f"How much {explained.value} falls when this one word is deleted.",
                "marks": _marks(left_out, [(word.word, _with_unit(change, explained)) for word, change, _ in numbered]),
            },
            {
                "title": "Gradient × input",
                "about": f"The slope of {explained.differentiated} along the word's embedding, times the embedding.",
                "marks": _marks(gradient, [(word.word, slope) for word, _, slope in numbered]),
            },
        ],
        "legend": [
            {"kind": "for", "text": explained.speaks_for},
            {"kind": "against", "text": explained.speaks_against},
        ],
        "hint": "Point at a word, or move with the arrow keys, to read its numbers.",
        "table": _table(task, importance, explained, columns),
        "notes": [*_limits(task, importance), NOTE],
    }


# -- in words ------------------------------------------------------------------------------------------------------


def _findings(task: Task, importance: WordImportance, explained: Explained, columns) -> list[str]:
    """One sentence for the top word of each method."""
    tops = [
        _top([word.left_out for word in importance.words]),
        _top([word.gradient for word in importance.words]),
    ]
    sentences = []
    if tops[0] is not None:
        word = importance.words[tops[0]]
        sentences.append(_left_out_sentence(task, importance.value, word.word, word.left_out, explained))
    if tops[1] is not None:
        word = importance.words[tops[1]]
        same = "also puts" if tops[0] == tops[1] and len(importance.words) > 1 else "puts"
        side = explained.speaks_for if word.gradient > 0 else explained.speaks_against
        sentences.append(f"Gradient × input {same} “{word.word}” first ({columns[1][tops[1]]}): it {side}.")
    return sentences


def _left_out_sentence(task: Task, value: float, word: str, change: float, explained: Explained) -> str:
    falls = "falls" if change > 0 else "rises"
    kind = kind_of(task)
    before, after = kind.explained_value(value), kind.explained_value(value - change)
    if before == after:
        return f"Leaving out any one word changes nearly nothing: {explained.value} stays at {before}."
    sentence = f"Leave-one-out puts “{word}” first: without it, {explained.value} {falls} from {before} to {after}."
    if kind.is_little(change):
        return f"{sentence} That is little: no single word decides here."
    return sentence


def _top(values: Sequence[float | None]) -> int | None:
    """The index of the largest absolute value; None if all are None or 0."""
    indices = [index for index, value in enumerate(values) if value]
    return max(indices, key=lambda index: abs(values[index]), default=None)


def _agreement(importance: WordImportance) -> str:
    if importance.rank_correlation is None:
        return "There are too few words to compare the two orders."
    compared = sum(word.left_out is not None for word in importance.words)
    verb = next((text for least, text in AGREEMENT if importance.rank_correlation >= least), "contradict each other")
    return (
        f"The two orders {verb}: Spearman rank correlation {words.number(importance.rank_correlation)} "
        f"over {words.counted(compared, 'word')}."
    )


def _limits(task: Task, importance: WordImportance) -> list[str]:
    """Notes on what was computed, and on the words that were not."""
    left_out = sum(word.left_out is not None for word in importance.words)
    rest = len(importance.words) - left_out
    lines = [
        f"Computed with {importance.checkpoint} in {words.milliseconds(importance.milliseconds)}: "
        f"{words.counted(left_out, 'word')} left out one by one, one gradient.",
        *kind_of(task).left_out(left_out, rest),
    ]
    if importance.truncated:
        lines.append("The text is longer than the model reads: words after the cut are not coloured.")
    if importance.num_windows > 1:
        lines.append("The text was read in several windows: only the words of the answer's window are coloured.")
    return lines


# -- numbers -------------------------------------------------------------------------------------------------------


def _signed(values: Sequence[float | None], scale: float = 1.0) -> list[str]:
    """Numbers with their sign, with enough digits for two figures of the largest one; "not left out" for None."""
    largest = max((abs(value * scale) for value in values if value is not None), default=0.0)
    digits = min(4, max(1, 1 - math.floor(math.log10(largest)))) if largest > 0 else 1
    return ["not left out" if value is None else _with_sign(value * scale, digits) for value in values]


def _with_sign(value: float, digits: int) -> str:
    text = words.number(value, digits)
    return f"+{text}" if value > 0 and float(text) > 0 else text


def _with_unit(text: str, explained: Explained) -> str:
    return text if text == "not left out" else f"{text} {explained.unit}"


def _marks(values: Sequence[float | None], labels: Sequence[tuple[str, str]]) -> list[dict]:
    """How strongly each word is coloured: its share of the largest absolute value of this method, -1 to 1."""
    largest = max((abs(value) for value in values if value is not None), default=0.0) or 1.0
    return [
        {"share": None if value is None else value / largest, "label": f"{word}: {text}"}
        for value, (word, text) in zip(values, labels, strict=True)
    ]


def _texts(task: Task, importance: WordImportance) -> list[dict]:
    """Each text in pieces. They are cut here because JavaScript counts an emoji as two characters."""
    texts = []
    for field in task.text_fields:
        text, done, pieces = importance.fields[field], 0, []
        for index, word in enumerate(importance.words):
            if word.field == field:
                pieces += [(text[done : word.start], None), (text[word.start : word.end], index)]
                done = word.end
        pieces.append((text[done:], None))
        texts.append({
            "name": words.capital(task.words_for(field)) if len(task.text_fields) > 1 else "",
            "pieces": [{"text": piece, "word": index} for piece, index in pieces if piece],
        })  # fmt: skip
    return texts


def _table(task: Task, importance: WordImportance, explained: Explained, columns) -> dict:
    several = len(task.text_fields) > 1
    numbers = [(word.left_out, word.gradient) for word in importance.words]
    rows = [
        [
            {"text": str(place), "sort": place},
            *([{"text": word.field, "sort": place}] if several else []),
            {"text": word.word, "sort": word.word.casefold()},
            *({"text": column[place - 1], "sort": value} for column, value in zip(columns, values, strict=True)),
        ]
        for place, (word, values) in enumerate(zip(importance.words, numbers, strict=True), start=1)
    ]
    headings = ["Place", *(["Text"] if several else []), "Word", f"Left out ({explained.unit})", "Gradient × input"]
    return {
        "title": "The words as a table",
        "caption": f"Each word with the number of each method; positive: it {explained.speaks_for}",
        "headings": [{"text": text, "descending": index >= len(headings) - 2} for index, text in enumerate(headings)],
        "rows": rows,
    }
