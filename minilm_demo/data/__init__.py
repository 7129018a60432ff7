"""Rows, texts and features: their sources, the reading of files, and how a text becomes tokens and words."""

from .columns import guess_columns, preview_file
from .files import FILE_KINDS, read_table
from .outputs import listed, new_file, require_free, require_new_file
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
from .rows import draw, encodable, hold_back, require_rows
from .sources import Source, find_extra, find_place, local_sources, open_source, read_extra, sample_source, short_name
from .texts import TEXT_KIND, Texts, TokenIds, load_texts, text_files

__all__ = [
    "FILE_KINDS",
    "MAX_TEXT_CHARACTERS",
    "MAX_TOKENS",
    "TEXT_KIND",
    "PlacedWord",
    "ReadInput",
    "Source",
    "Texts",
    "TokenIds",
    "check_row",
    "check_texts",
    "draw",
    "encodable",
    "find_extra",
    "find_place",
    "guess_columns",
    "hold_back",
    "listed",
    "load_texts",
    "local_sources",
    "new_file",
    "open_source",
    "place_words",
    "preview_file",
    "read_extra",
    "read_input",
    "read_table",
    "require_free",
    "require_new_file",
    "require_rows",
    "sample_source",
    "short_name",
    "text_files",
    "word_spans",
]
