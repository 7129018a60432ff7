"""Rows, texts and features: their sources, the reading of files, and how a text becomes tokens and words."""

from .columns import guess_columns, preview_file
from .files import FILE_KINDS, Table, read_table, require_plain
from .labels import LabelMeaning, example_of, parse_labels, parse_range, said_meaning
from .outputs import listed, new_file, require_free, require_new_file
from .own import TARGETS, OwnTable, UnclearColumns, only_text_column, own_table, whole_table, with_own_task
from .reading import (
    MAX_TEXT_CHARACTERS,
    MAX_TOKENS,
    PlacedWord,
    ReadInput,
    check_row,
    check_texts,
    place_words,
    read_input,
    word_spans,
)
from .rows import AS_SAID, CheckedRows, encodable, require_rows, split_facts, twin_numbers
from .sources import Source, find_extra, find_place, local_sources, open_source, read_extra, sample_source, short_name
from .splits import draw, hold_back
from .texts import Texts, TokenIds, load_texts, own_place
from .unread import Reading, is_blank, reading_of

__all__ = [
    "AS_SAID",
    "FILE_KINDS",
    "MAX_TEXT_CHARACTERS",
    "MAX_TOKENS",
    "TARGETS",
    "CheckedRows",
    "LabelMeaning",
    "OwnTable",
    "PlacedWord",
    "ReadInput",
    "Reading",
    "Source",
    "Table",
    "Texts",
    "TokenIds",
    "UnclearColumns",
    "check_row",
    "check_texts",
    "draw",
    "encodable",
    "example_of",
    "find_extra",
    "find_place",
    "guess_columns",
    "hold_back",
    "is_blank",
    "listed",
    "load_texts",
    "local_sources",
    "new_file",
    "only_text_column",
    "open_source",
    "own_place",
    "own_table",
    "parse_labels",
    "parse_range",
    "place_words",
    "preview_file",
    "read_extra",
    "read_input",
    "read_table",
    "reading_of",
    "require_free",
    "require_new_file",
    "require_plain",
    "require_rows",
    "said_meaning",
    "sample_source",
    "short_name",
    "split_facts",
    "twin_numbers",
    "whole_table",
    "with_own_task",
    "word_spans",
]
