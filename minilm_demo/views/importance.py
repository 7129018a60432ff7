"""Which words mattered, as the payload that the `importance` component draws."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ..results import WordImportance
from ..tasks import Task
from . import words
from .payloads import ImportancePayload

NOTE = (
    "Neither is the whole truth. A sentence with a word left out is one that nobody wrote, and where two words do the "
    "same work, leaving out one of them changes nothing. A gradient is the slope at one point of a curved function: it "
    "says what a tiny change would do, not what the word did. Where the two disagree, trust neither alone."
)
AGREEMENT = ((0.7, "largely agree"), (0.4, "agree in part"), (0.2, "agree a little"), (-0.2, "hardly agree"))
LITTLE = 0.01  # of the probability: below this no single word decided


@dataclass(frozen=True)
class _Kind:
    """How one kind of task speaks of what is explained."""

    value: str  # what falls when a supporting word is left out
    differentiated: str  # what the gradient is of
    speaks_for: str
    speaks_against: str
    unit: str  # of leave-one-out, as said behind a number
    left_out_scale: float = 1.0


def importance_payload(task: Task, importance: WordImportance) -> ImportancePayload:
    """Word importance -> what to draw.

    sentence: what is explained; findings [str]: the top word of each method, how far the two agree
    texts [{name, pieces [{text, word: index or null}]}]; words [{text, says}]: in the order of the indices
    panels [{title, about, marks [{share -1..1 or null, label}]}]: one a method, a mark for each word
    legend [{kind "for" | "against", text}]; hint: the line for the word pointed at, before there is one
    table {title, caption, headings [{text, descending}], rows [[{text, sort: number | str | null}]]}
    notes [str]
    """
    kind = _kind(task, importance)
    left_out = [one.left_out for one in importance.words]
    gradient = [one.gradient for one in importance.words]
    columns = _signed(left_out, kind.left_out_scale), _signed(gradient)
    both = list(zip(importance.words, *columns, strict=True))
    return {
        "kind": "importance",
        "sentence": _sentence(task, importance),
        "findings": [*_findings(task, importance, kind, columns), _agreement(importance)],
        "texts": _texts(task, importance),
        "words": [
            {
                "text": one.word,
                "says": f"“{one.word}”: leave-one-out {_with_unit(a, kind)}, gradient × input {b}",
            }
            for one, a, b in both
        ],
        "panels": [
            {
                "title": "Leave one word out",
                "about": f"How much {kind.value} falls when this one word is deleted.",
                "marks": _marks(left_out, [(one.word, _with_unit(a, kind)) for one, a, _ in both]),
            },
            {
                "title": "Gradient × input",
                "about": f"The slope of {kind.differentiated} along the word's embedding, times the embedding.",
                "marks": _marks(gradient, [(one.word, b) for one, _, b in both]),
            },
        ],
        "legend": [
            {"kind": "for", "text": kind.speaks_for},
            {"kind": "against", "text": kind.speaks_against},
        ],
        "hint": "Point at a word, or move with the arrow keys, to read its numbers.",
        "table": _table(task, importance, kind, columns),
        "notes": [*_limits(task, importance), NOTE],
    }


def _kind(task: Task, importance: WordImportance) -> _Kind:
    if task.kind == "span":
        logits = "the answer's start logit plus end logit"
        return _Kind(logits, logits, "speaks for this answer", "speaks against this answer", "logits")
    if task.kind == "regression":
        return _Kind("the score", "the score", "raises the score", "lowers the score", "points of the score")
    label = f"“{words.label_name(importance.target)}”"
    return _Kind(
        f"the probability of {label}", f"the logit of {label}", f"speaks for {label}", f"speaks against {label}",
        "percentage points", 100.0,
    )  # fmt: skip


# -- in words ------------------------------------------------------------------------------------------------------


def _value(task: Task, value: float) -> str:
    if task.kind == "classification":
        return words.percent(value)
    return words.number(value, 2)


def _sentence(task: Task, importance: WordImportance) -> str:
    if task.kind == "classification":
        return f"Why “{words.label_name(importance.target)}”, {words.percent(importance.value)}?"
    if task.kind == "regression":
        low, high = task.score_range
        return f"Why {words.number(importance.value, 1)} on a scale from {low:g} to {high:g}?"
    answer = words.shorten(importance.fields[task.text_fields[1]][importance.start : importance.end], 120)
    if importance.no_answer:
        return f"The model gives no answer. Why would “{answer}” be its best one?"
    return f"Why “{answer}”?"


def _findings(task: Task, importance: WordImportance, kind: _Kind, columns) -> list[str]:
    """The top word of each method, in a sentence each."""
    tops = [
        _top([one.left_out for one in importance.words]),
        _top([one.gradient for one in importance.words]),
    ]
    found = []
    if tops[0] is not None:
        word = importance.words[tops[0]]
        found.append(_left_out_sentence(task, importance.value, word.word, word.left_out, kind))
    if tops[1] is not None:
        word = importance.words[tops[1]]
        same = "also puts" if tops[0] == tops[1] and len(importance.words) > 1 else "puts"
        side = kind.speaks_for if word.gradient > 0 else kind.speaks_against
        found.append(f"Gradient × input {same} “{word.word}” first ({columns[1][tops[1]]}): it {side}.")
    return found


def _left_out_sentence(task: Task, value: float, word: str, change: float, kind: _Kind) -> str:
    falls = "falls" if change > 0 else "rises"
    before, after = _value(task, value), _value(task, value - change)
    if before == after:
        return f"Leaving out any one word changes nearly nothing: {kind.value} stays at {before}."
    sentence = f"Leave-one-out puts “{word}” first: without it, {kind.value} {falls} from {before} to {after}."
    if task.kind == "classification" and abs(change) < LITTLE:
        return f"{sentence} That is little: no single word decides here."
    return sentence


def _top(values: Sequence[float | None]) -> int | None:
    """The index of the largest absolute value; None where there is none."""
    known = [index for index, value in enumerate(values) if value]
    return max(known, key=lambda index: abs(values[index]), default=None)


def _agreement(importance: WordImportance) -> str:
    if importance.rank_correlation is None:
        return "There are too few words to compare the two orders."
    compared = sum(one.left_out is not None for one in importance.words)
    says = next((text for least, text in AGREEMENT if importance.rank_correlation >= least), "contradict each other")
    return (
        f"The two orders {says}: Spearman rank correlation {words.number(importance.rank_correlation)} "
        f"over {words.counted(compared, 'word')}."
    )


def _limits(task: Task, importance: WordImportance) -> list[str]:
    """What was computed, and what was not looked at."""
    left_out = sum(one.left_out is not None for one in importance.words)
    rest = len(importance.words) - left_out
    lines = [
        f"Computed with {importance.checkpoint} in {words.milliseconds(importance.milliseconds)}: "
        f"{words.counted(left_out, 'word')} left out one by one, one gradient."
    ]
    if task.kind == "span":
        lines.append(
            "Left out were words of the question and those nearest to the answer; not the answer's own words, because "
            f"without them it is another answer. {words.counted(rest, 'word')} have a gradient only."
        )
    elif rest:
        lines.append(f"Only the first {words.counted(left_out, 'word')} were left out; the other {rest} have a "
                     "gradient only.")  # fmt: skip
    if importance.truncated:
        lines.append("The text is longer than the model reads: words after the cut are not coloured.")
    if importance.num_windows > 1:
        lines.append("The text was read in several windows: only the words of the answer's window are coloured.")
    return lines


# -- numbers -------------------------------------------------------------------------------------------------------


def _signed(values: Sequence[float | None], scale: float = 1.0) -> list[str]:
    """Numbers with their sign, with as many digits as show two figures of the largest; "not left out" for None."""
    largest = max((abs(value * scale) for value in values if value is not None), default=0.0)
    digits = min(4, max(1, 1 - math.floor(math.log10(largest)))) if largest > 0 else 1
    return ["not left out" if value is None else _with_sign(value * scale, digits) for value in values]


def _with_sign(value: float, digits: int) -> str:
    text = words.number(value, digits)
    return f"+{text}" if value > 0 and float(text) > 0 else text


def _with_unit(text: str, kind: _Kind) -> str:
    return text if text == "not left out" else f"{text} {kind.unit}"


def _marks(values: Sequence[float | None], said: Sequence[tuple[str, str]]) -> list[dict]:
    """For each word how strongly it is coloured: its share of the largest value of this method."""
    largest = max((abs(value) for value in values if value is not None), default=0.0) or 1.0
    return [
        {"share": None if value is None else value / largest, "label": f"{word}: {text}"}
        for value, (word, text) in zip(values, said, strict=True)
    ]


def _texts(task: Task, importance: WordImportance) -> list[dict]:
    """Each text in pieces. Cut here and not in the browser: Python counts characters, JavaScript an emoji as two."""
    texts = []
    for field in task.text_fields:
        text, done, pieces = importance.fields[field], 0, []
        for index, word in enumerate(importance.words):
            if word.field == field:
                pieces += [(text[done : word.start], None), (text[word.start : word.end], index)]
                done = word.end
        pieces.append((text[done:], None))
        texts.append({
            "name": field.capitalize() if len(task.text_fields) > 1 else "",
            "pieces": [{"text": piece, "word": index} for piece, index in pieces if piece],
        })  # fmt: skip
    return texts


def _table(task: Task, importance: WordImportance, kind: _Kind, columns) -> dict:
    several = len(task.text_fields) > 1
    numbers = [(one.left_out, one.gradient) for one in importance.words]
    rows = [
        [
            {"text": str(place), "sort": place},
            *([{"text": word.field, "sort": place}] if several else []),
            {"text": word.word, "sort": word.word.casefold()},
            *({"text": column[place - 1], "sort": value} for column, value in zip(columns, values, strict=True)),
        ]
        for place, (word, values) in enumerate(zip(importance.words, numbers, strict=True), start=1)
    ]
    headings = ["Place", *(["Text"] if several else []), "Word", f"Left out ({kind.unit})", "Gradient × input"]
    return {
        "title": "The words as a table",
        "caption": f"Each word with the number of each method; positive: it {kind.speaks_for}",
        "headings": [{"text": text, "descending": index >= len(headings) - 2} for index, text in enumerate(headings)],
        "rows": rows,
    }
