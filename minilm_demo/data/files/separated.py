"""CSV, TSV and their like: which character separates, what a quotation mark means, and where a row ends.

In a TSV, a quotation mark is a character, unless the whole file is quoted as a spreadsheet would do it. In the other
formats it encloses a cell if it opens and closes one, and is a character elsewhere.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

from .encodings import decode
from .grid import Grid, table_of_grid
from .header import has_known_name, is_number, is_vocabulary
from .table import Table, counted

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
SEPARATOR_LINE = re.compile(r'\A"?sep=(.)"?[;,\t]*\n', re.I)
SAMPLE_CHARACTERS = 200_000  # for the choice of the separator
BLANK_END = re.compile(r"(?:\n *)+\Z")  # lines without a cell
FIRST_ROWS = 5  # among which the header must stand
MOST_BENT = 0.1  # share of rows of another width, below which a .txt file is a table


@dataclass(frozen=True)
class Records:
    """The rows of a text as one reading of its quotation marks gives them."""

    rows: list[list[str]]
    lines: list[int]  # where each row begins, from 1
    quoted: int = 0  # cells in quotation marks
    needless: int = 0  # of these, cells that no program would have to quote, in columns where not all are
    only_commas: int = 0  # quoted cells that hold a comma or semicolon, and nothing else for which they must be
    bare: int = 0  # cells without quotation marks around them, but with one inside
    bare_lines: tuple[int, ...] = ()
    unquoted_words: int = 0  # cells without quotation marks that are neither empty nor a number
    unquoted_commas: int = 0  # cells without quotation marks that hold a comma or semicolon
    spanning: tuple[int, ...] = ()  # positions of rows with a cell of several lines

    @property
    def is_even(self) -> bool:
        """Whether all rows that are not blank have as many cells as the first."""
        return len({len(row) for row in self.rows if any(map(str.strip, row))}) <= 1

    @property
    def is_quoted_by_a_program(self) -> bool:
        """Whether every cell that must be quoted is, and no other: then a program wrote the quotation marks. Some quote
        all texts, or all texts of a column, and some those with a comma."""
        if self.bare or not self.quoted:
            return False
        return not self.unquoted_words or not (self.needless or (self.only_commas and self.unquoted_commas))


def read_separated(name: str, data: bytes, *, every_row: bool = False) -> Table:
    """The table of a CSV or TSV. Cells stay text: "NA" and "" are not converted. Raises `DataError`."""
    text, notes = decode(name, data)
    text = _one_line_end(text)
    first_line = 1 + len(text) - len(text := text.lstrip("\n"))
    separator_line = SEPARATOR_LINE.match(text)
    if separator_line:
        text, first_line = text[separator_line.end() :], first_line + 1
    separator = separator_line[1] if separator_line else _separator(text, name.lower().endswith((".tsv", ".tab")))
    expected = {".csv": ",", ".tsv": "\t", ".tab": "\t"}.get(name.lower()[-4:])
    if separator != expected:
        notes.append(f"Columns are separated by {SEPARATORS.get(separator, repr(separator))}.")
    return _table(name, text, separator, first_line, notes, every_row)


def read_lines(name: str, data: bytes, *, every_row: bool = False) -> Table:
    """The table of a .txt file: its columns where it plainly has some, else one text a line."""
    text, notes = decode(name, data)
    text = _one_line_end(text)
    separator = _separator(text, prefer_tabs=True)
    sample = [row for row in _records(text[:SAMPLE_CHARACTERS], separator, False).rows if any(map(str.strip, row))]
    widths = Counter(map(len, sample))
    is_even = sum(widths.values()) - widths[len(sample[0])] <= MOST_BENT * len(sample) if sample else False
    has_columns = bool(sample) and len(sample[0]) > 1
    names_all = has_columns and all(has_known_name([cell]) for cell in sample[0])
    if names_all or (is_even and has_columns and (separator == "\t" or has_known_name(sample[0]))):
        return read_separated(name, data, every_row=every_row)
    lines = text.split("\n")
    has_header = has_known_name(lines[:1])
    texts = lines[has_header:]
    if every_row:
        while texts and not texts[-1].strip():
            texts.pop()
    else:
        texts = [line for line in texts if line.strip()]
    column = lines[0] if has_header else "text"
    return Table((column,), [{column: line} for line in texts], {}, (*notes, "Read as one text a line."))


def _one_line_end(text: str) -> str:
    text = text.replace("\r\r\n", "\n").replace("\r\n", "\n")
    return text if "\n" in text else text.replace("\r", "\n")


def _table(name: str, text: str, separator: str, first_line: int, notes: list[str], every_row: bool) -> Table:
    records, words = _read_quotes(BLANK_END.sub("", text), separator)
    records = replace(records, lines=[line + first_line - 1 for line in records.lines])
    notes += words
    if records.spanning:
        lines = text.rstrip("\n").count("\n") + 1
        notes.append(
            f"{lines:,} lines hold {len(records.rows):,} rows, the header included: "
            f"{counted(len(records.spanning), 'row')} with a cell of several lines "
            f"(the first: line {records.lines[records.spanning[0]]})."
        )
    return table_of_grid(Grid(name, records.rows, records.lines, "line", separator, tuple(notes)), every_row=every_row)


def _separator(text: str, prefer_tabs: bool) -> str:
    """The separator by which most rows have the same number of cells. One column has any."""
    shares = {}
    for separator in sorted(SEPARATORS, key=lambda separator: separator != "\t") if prefer_tabs else SEPARATORS:
        records = _records(text[:SAMPLE_CHARACTERS], separator, True)
        rows = [row for row in records.rows if any(map(str.strip, row))]
        if len(text) > SAMPLE_CHARACTERS and len(rows) > 1:
            rows.pop()
        width, number = Counter(map(len, rows)).most_common(1)[0] if rows else (0, 0)
        headers = [row for row in rows[:FIRST_ROWS] if has_known_name(row)] or rows[:1]
        if any(len(row) > 1 for row in headers):
            shares[separator] = (number / len(rows) if width > 1 else 0, len(headers[0]))
    return max(shares, key=shares.get, default="\t" if prefer_tabs else ",")


# -- quotation marks -------------------------------------------------------------------------------------------------


def _read_quotes(text: str, separator: str) -> tuple[Records, list[str]]:
    """The rows by the sound reading of the quotation marks, and a sentence if that was a decision."""
    if '"' not in text:
        return _plain(text, separator), []
    plain = _plain(text, separator)
    if separator == "\t" and len(plain.rows[0]) > 1:
        return _read_quotes_of_tsv(text, plain)
    spanning = _records(text, separator, True)
    if len(plain.rows[0]) < 2:
        return _one_column(text, separator, spanning)
    if '\\"' in text and (spanning.bare or not spanning.is_even):
        escaped = _records(text, separator, True, escapes=True)
        if escaped.is_even and not escaped.bare:
            return escaped, [r"A quotation mark within a cell is written \" here."]
    if spanning.spanning:
        by_line = _records(text, separator, False)
        if by_line.is_even and (not spanning.is_even or _are_rows(by_line, spanning)):
            return by_line, _bare_note(by_line)
    return spanning, _bare_note(spanning)


def _read_quotes_of_tsv(text: str, plain: Records) -> tuple[Records, list[str]]:
    """The rows of a TSV: with quotation marks as characters, unless a program quoted the whole file.

    QQP is published as a TSV in which a program quoted its source, and its official rows have these marks in their
    texts."""
    is_qqp = plain.is_even and {"question1", "question2"} <= set(plain.rows[0])
    if not is_qqp:
        quoted = _records(text, "\t", spanning=not plain.is_even)
        if quoted.is_quoted_by_a_program and quoted.is_even:
            return quoted, [
                "Quotation marks enclose cells, as a spreadsheet writes them, and are no part of the texts."
            ]
    return plain, ["Quotation marks are read as characters."]


def _bare_note(records: Records) -> list[str]:
    if not records.bare:
        return []
    return [
        f"In {counted(records.bare, 'cell')} (the first: line {records.bare_lines[0]}) a quotation mark does not "
        "enclose the cell and is read as a character."
    ]


def _one_column(text: str, separator: str, spanning: Records) -> tuple[Records, list[str]]:
    """A file whose header has one cell. Where its texts hold the separator, each line is one text."""
    if spanning.is_even:
        return spanning, _bare_note(spanning)
    return _plain(text, separator), []


def _are_rows(by_line: Records, spanning: Records) -> bool:
    """Whether the lines of a cell of several lines are complete rows: in a column of few values or of numbers, they
    have such values too. Then the quotation mark was never closed."""
    starts = {line: position for position, line in enumerate(spanning.lines)}
    inside, current = [], 0
    for row, line in zip(by_line.rows, by_line.lines, strict=True):
        current = starts.get(line, current)
        if current in set(spanning.spanning):
            inside.append(row)
    single_lines = [row for position, row in enumerate(spanning.rows) if position and position not in spanning.spanning]
    for column in range(len(by_line.rows[0])):
        values = [row[column].strip() for row in single_lines if len(row) > column]
        pieces = [row[column].strip() for row in inside if len(row) > column]
        if is_vocabulary(values) and set(pieces) <= set(values):
            return True
        if values and all(map(is_number, values)) and all(map(is_number, pieces)):
            return True
    return False


def _plain(text: str, separator: str) -> Records:
    """The rows with quotation marks as characters: a line is a row."""
    lines = text.split("\n")
    if lines and not lines[-1]:
        lines.pop()
    rows = [line.split(separator) for line in lines]
    return Records(rows, list(range(1, len(rows) + 1)))


def _records(text: str, separator: str, spanning: bool, escapes: bool = False) -> Records:
    """The rows with cells in quotation marks, which may run over several lines if `spanning`."""
    rows, lines, row, line, start = [], [], [], 1, 1
    bare_lines, spans = [], []
    counts: Counter = Counter()
    quoted, needless = Counter(), Counter()  # by column
    for cell, is_quoted, ends_row in _cells(text, separator, spanning, escapes):
        if is_quoted:
            quoted[len(row)] += 1
            needs_quotes, has_comma = any(mark in cell for mark in (separator, '"', "\n")), "," in cell or ";" in cell
            needless[len(row)] += not needs_quotes and not has_comma
            counts["only_commas"] += not needs_quotes and has_comma
            if "\n" in cell and spans[-1:] != [len(rows)]:
                spans.append(len(rows))
        elif '"' in cell:
            bare_lines.append(start)
        else:
            counts["unquoted_words"] += not is_number(cell) and bool(cell.strip())
            counts["unquoted_commas"] += "," in cell or ";" in cell
        row.append(cell)
        line += cell.count("\n")
        if ends_row:
            rows.append(row)
            lines.append(start)
            line += 1
            row, start = [], line
    partly = [column for column in needless if quoted[column] < len(rows) - 1]
    return Records(
        rows,
        lines,
        quoted=quoted.total(),
        needless=sum(needless[column] for column in partly),
        bare=len(bare_lines),
        bare_lines=tuple(bare_lines[:1]),
        spanning=tuple(spans),
        **counts,
    )


def _cells(text: str, separator: str, spanning: bool, escapes: bool) -> Iterator[tuple[str, bool, bool]]:
    """The cells in order: their text, whether they stood in quotation marks, whether they end their row."""
    mark, within = re.escape(separator), "" if spanning else r"\n"
    escaped = r"|\\." if escapes else ""
    inside = rf'(?:[^"{within}{chr(92) * 2 if escapes else ""}]++|""{escaped})*+'
    pattern = re.compile(rf'(?: *"({inside})" *(?={mark}|\n|\Z)|([^{mark}\n]*))({mark}|\n|\Z)', re.S)
    position = 0
    while position < len(text):
        match = pattern.match(text, position)
        enclosed, cell, end = match.groups()
        position = match.end()
        if enclosed is not None:
            cell = enclosed.replace('""', '"')
            cell = re.sub(r"\\(.)", r"\1", cell, flags=re.S) if escapes else cell
        yield cell, enclosed is not None, end != separator
    if text.endswith(separator):
        yield "", False, True
