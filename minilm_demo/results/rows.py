"""What is known of the rows of a data source: how they were read, what was left out, and what a score on them is worth.

`row_notes` says all of it in sentences. Everything that shows rows or a score uses these: the preview before a run, its
first event, its JSON document, its card, and the result on the page.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

FIRST_ROWS = 5  # numbers of rows that a sentence lists
LISTED = 6  # labels that a sentence lists
MANY_REPEATED = 0.01  # a smaller share of repeated rows needs no sentence
PERCENT_SHOWN = 0.005  # a smaller share is "under 1 %"


@dataclass(frozen=True)
class RowGroup:
    """Rows that have one thing in common, such as the reason why they were left out."""

    reason: str  # "the label is '-'": the rest of a sentence after "because"
    rows: int
    first: tuple[int, ...]  # the numbers of the first few, from 1
    where: str = ""  # the file or split


@dataclass(frozen=True)
class ValueMeaning:
    """What one value of the label column is taken for, with the texts of the first row that has it."""

    value: str  # as in the file: "0"
    label: str  # "entailment"
    rows: int
    example: str


@dataclass(frozen=True)
class ScoreScale:
    """How the numbers of a label column are read: `read_low`..`read_high` of the file become `low`..`high`."""

    found_low: float  # the lowest and highest number in the file
    found_high: float
    read_low: float
    read_high: float
    low: float
    high: float


@dataclass(frozen=True)
class CutRows:
    """Rows with more tokens than the model reads, so that the end of their text is lost."""

    rows: int  # that were measured
    cut: int
    max_length: int
    longer: int = 0  # a length that reads more of them whole; 0: there is none
    longer_cut: int = 0  # rows that this length still cuts


@dataclass(frozen=True)
class SplitFacts:
    """What is known of the rows of one split, as far as they are used."""

    rows: int
    labels: Mapping[str, int] = field(default_factory=dict)  # label -> rows, also those of no row; {} without classes
    repeated: int = 0  # rows whose texts stand in an earlier row too
    contradicting: int = 0  # rows whose texts stand in another row with another label
    in_training: int = 0  # rows whose texts stand in the training rows too; for questions, their context
    cut: CutRows | None = None


@dataclass(frozen=True)
class RowFacts:
    """All that is known of the rows of a source."""

    read: int = 0  # rows of the files, those left out included
    left_out: tuple[RowGroup, ...] = ()
    values: tuple[ValueMeaning, ...] = ()  # of the label column, where they are not the names of the labels
    scale: ScoreScale | None = None
    splits: Mapping[str, SplitFacts] = field(default_factory=dict)
    file_notes: tuple[str, ...] = ()  # whole sentences on how the files were read, like the next
    hints: tuple[str, ...] = ()

    @property
    def num_left_out(self) -> int:
        return sum(group.rows for group in self.left_out)

    def with_splits(self, **splits: SplitFacts) -> RowFacts:
        return replace(self, splits={**self.splits, **splits})

    def with_hints(self, hints: Sequence[str]) -> RowFacts:
        return replace(self, hints=tuple(dict.fromkeys((*self.hints, *hints))))


def joined_facts(parts: Sequence[RowFacts]) -> RowFacts:
    """The facts of several parts of a source, such as its splits, as one."""
    values: dict[tuple[str, str], ValueMeaning] = {}
    for meaning in (meaning for part in parts for meaning in part.values):
        earlier = values.get((meaning.value, meaning.label))
        rows = meaning.rows + (earlier.rows if earlier else 0)
        values[meaning.value, meaning.label] = replace(earlier or meaning, rows=rows)
    scales = [part.scale for part in parts if part.scale]
    scale = scales and replace(
        scales[0],
        found_low=min(scale.found_low for scale in scales),
        found_high=max(scale.found_high for scale in scales),
    )
    return RowFacts(
        read=sum(part.read for part in parts),
        left_out=tuple(group for part in parts for group in part.left_out),
        values=tuple(values.values()),
        scale=scale or None,
        splits={name: split for part in parts for name, split in part.splits.items()},
        file_notes=tuple(dict.fromkeys(note for part in parts for note in part.file_notes)),
        hints=tuple(dict.fromkeys(hint for part in parts for hint in part.hints)),
    )


# -- in words ------------------------------------------------------------------------------------------------------


def row_notes(facts: RowFacts) -> tuple[str, ...]:
    """The facts as sentences, those that change the meaning of a score first."""
    notes = [*_value_notes(facts), *_scale_notes(facts), *_left_out_notes(facts)]
    for name, split in facts.splits.items():
        notes += _split_notes(name, split)
    return (*facts.hints, *notes, *facts.file_notes)


def group_words(group: RowGroup) -> str:
    """ "2 because the label is '-' (rows 3 and 9 of my.csv)"; without the file if `where` is ""."""
    return f"{group.rows:,} because {group.reason} ({_numbers(group)})"


def _value_notes(facts: RowFacts) -> Iterator[str]:
    if facts.values:
        meanings = "; ".join(
            f"{meaning.value} is taken for “{meaning.label}” ({_rows(meaning.rows)}, such as “{meaning.example}”)"
            for meaning in facts.values
        )
        yield f"In the label column {meanings}. If a value means something else, say what: `labels`."


def _scale_notes(facts: RowFacts) -> Iterator[str]:
    if scale := facts.scale:
        found = f"the rows have {scale.found_low:g} to {scale.found_high:g}"
        own = (scale.read_low, scale.read_high) == (scale.low, scale.high)
        read = "" if own else f"{scale.read_low:g} to {scale.read_high:g} are read as "
        yield (
            f"Scores: {read}{scale.low:g} to {scale.high:g}; {found}. If the scale is another, give it: `score_range`."
        )


def _left_out_notes(facts: RowFacts) -> Iterator[str]:
    if facts.left_out:
        groups = "; ".join(map(group_words, facts.left_out))
        verb = "is" if facts.num_left_out == 1 else "are"
        yield f"{facts.num_left_out:,} of {_rows(facts.read)} {verb} left out: {groups}."


def _split_notes(name: str, split: SplitFacts) -> Iterator[str]:
    name = name.replace("_", " ")
    if never := [label for label, rows in split.labels.items() if not rows]:
        more = [f"{len(never) - LISTED} others"] if len(never) > LISTED + 1 else []
        labels = " or ".join([f"“{label}”" for label in (never[:LISTED] if more else never)] + more)
        yield f"No row of {name} is labelled {labels}."
    if split.in_training:
        verb = "stands" if split.in_training == 1 else "stand"
        yield (
            f"{split.in_training:,} of {_rows(split.rows)} of {name} also {verb} in the training rows: what a model "
            "knows by heart counts as right there."
        )
    if split.cut and split.cut.cut:
        yield _cut_sentence(name, split.cut)
    if split.repeated >= MANY_REPEATED * split.rows > 0:
        verb = "repeats" if split.repeated == 1 else "repeat"
        yield f"{split.repeated:,} of {_rows(split.rows)} of {name} {verb} the texts of an earlier row."
    if split.contradicting:
        yield (
            f"{_rows(split.contradicting)} of {name} have the texts of another row and another label: not all of them "
            "can be right."
        )


def _cut_sentence(name: str, cut: CutRows) -> str:
    share = percent(cut.cut / cut.rows)
    verb = "is" if cut.cut == 1 else "are"
    sentence = (
        f"{cut.cut:,} of {_rows(cut.rows)} of {name} ({share}) {verb} longer than {cut.max_length} tokens: the model "
        "does not see their end."
    )
    if not cut.longer:
        return sentence
    whole = "all of them" if not cut.longer_cut else f"{percent(1 - cut.longer_cut / cut.rows)} of them"
    return f"{sentence} A length of {cut.longer} (`max_length`; on the page under Advanced) reads {whole} whole."


def _rows(number: int) -> str:
    return f"{number:,} row{'' if number == 1 else 's'}"


def _numbers(group: RowGroup) -> str:
    numbers = [f"{number:,}" for number in group.first]
    more = ", …" if group.rows > len(numbers) else ""
    last = f" and {numbers[-1]}" if len(numbers) > 1 and not more else f", {numbers[-1]}" if len(numbers) > 1 else ""
    listed = f"{', '.join(numbers[:-1] or numbers)}{last}{more}"
    return f"{'row' if group.rows == 1 else 'rows'} {listed}{f' of {group.where}' if group.where else ''}"


def percent(share: float) -> str:
    """0.462 -> "46 %"; a share that is not 0 is never "0 %", one below 1 never "100 %"."""
    if 0 < share < PERCENT_SHOWN:
        return "under 1 %"
    return "over 99 %" if 1 - PERCENT_SHOWN < share < 1 else f"{100 * share:.0f} %"
