"""Markdown as plain parts that the page draws as text: headings, paragraphs, lists, tables and code.

The page makes the elements itself, so that nothing in the Markdown, HTML included, can become markup."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING

from .payloads import MarkdownBlock, MarkdownPart

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token


def markdown_blocks(text: str) -> list[MarkdownBlock]:
    """The blocks of a text in Markdown, in order. The first row of a table is its headings."""
    return list(_blocks(_parser().parse(text)))


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark", {"html": False}).enable("table")


def _blocks(tokens: Sequence[Token]) -> Iterator[MarkdownBlock]:
    kind, level, cells = "text", 0, []
    for token in tokens:
        if token.type == "heading_open":
            kind, level = "heading", int(token.tag[1:])
        elif token.type == "list_item_open":
            kind = "item"
        elif token.type in ("heading_close", "list_item_close"):
            kind, level = "text", 0
        elif token.type == "tr_open":
            cells.append([])
        elif token.type == "table_close":
            yield {"kind": "table", "level": 0, "parts": [], "cells": cells}
            cells = []
        elif token.type in ("fence", "code_block"):
            yield _block("code", 0, [{"text": token.content.rstrip("\n"), "code": True}])
        elif token.type == "inline":
            if cells:
                cells[-1].append("".join(part["text"] for part in _parts(token)))
            else:
                yield _block(kind, level, _parts(token))


def _block(kind: str, level: int, parts: list[MarkdownPart]) -> MarkdownBlock:
    return {"kind": kind, "level": level, "parts": parts, "cells": []}


def _parts(token: Token) -> list[MarkdownPart]:
    """The text of a paragraph, heading or cell; emphasis and links are their words."""
    parts: list[MarkdownPart] = []
    for child in token.children or ():
        text = " " if child.type in ("softbreak", "hardbreak") else child.content
        is_code = child.type == "code_inline"
        if parts and parts[-1]["code"] == is_code:
            parts[-1] = {"text": parts[-1]["text"] + text, "code": is_code}
        elif text:
            parts.append({"text": text, "code": is_code})
    return parts
