"""The answers of a question about a text: in any shape that files have them in, each with its place in the text."""

from __future__ import annotations

import ast
import io
import itertools
import json
import re
import tokenize
from collections.abc import Mapping

from .labels import NO_LABEL, Unusable

SHAPE = 'the answers are not {"text": [...], "answer_start": [...]} with a start for each text'
# A letter or digit, but of no script that writes words without spaces between them.
WORD_EDGE = "(?![\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af])\\w"
ARRAYS = ("array", "asarray")  # calls in the text form of numpy values whose first argument is the value
MOST_ANSWER_CHARACTERS = 200_000  # of a cell that holds answers as text


def read_answers(value: object, answer_start: object, context: str) -> dict[str, list]:
    """`{"text": [...], "answer_start": [...]}` with characters of `context`; empty lists for no answer.

    `value` is such a dict, a list of `{"text", "answer_start"}`, the text form of either in JSON or Python, or a single
    answer. `answer_start` is the offset of a single answer, or None. Raises `Unusable`."""
    value = _unfolded(value)
    if isinstance(value, Mapping):
        return _checked(_pairs(value), context)
    start = _unfolded(answer_start)
    if isinstance(value, list):
        if all(isinstance(answer, Mapping) for answer in value):
            return _checked([pair for answer in value for pair in _pairs(answer)], context)
        starts = start if isinstance(start, list) and len(start) == len(value) else [None] * len(value)
    else:
        value, starts = [value], [start[0] if isinstance(start, list) and start else start]
    is_empty = [text is None or text != text or not str(text).strip() for text in value]  # no number: not itself
    texts = [(str(text), place) for text, place, empty in zip(value, starts, is_empty, strict=True) if not empty]
    return _checked(
        [(text, _whole(place) if _is_given(place) else locate(text, context)) for text, place in texts], context
    )


def locate(answer: str, context: str) -> int:
    """The character where the answer stands in the context as whole words, once. Raises `Unusable`."""
    before = r"(?<!\w)(?<!\d[.,])" if re.match(WORD_EDGE, answer) else ""
    after = r"(?!\w)(?![.,]\d)" if re.search(rf"{WORD_EDGE}\Z", answer) else ""
    places = [match.start() for match in re.finditer(f"{before}{re.escape(answer)}{after}", context)]
    if len(places) == 1:
        return places[0]
    if places:
        raise Unusable(
            "the answer stands in the text more than once; a column answer_start with the character at which it "
            "starts would say where it is meant"
        )
    if answer in context:
        raise Unusable("the answer stands in the text only inside another word or number")
    raise Unusable("the answer does not stand in the text")


def _checked(pairs: list[tuple[object, object]], context: str) -> dict[str, list]:
    answers = [(str(text), _whole(start)) for text, start in pairs]
    for text, start in answers:
        if not text or start < 0 or context[start : start + len(text)] != text:
            raise Unusable("the answer does not stand in the text at its answer_start")
    return {"text": [text for text, _ in answers], "answer_start": [start for _, start in answers]}


def _pairs(value: Mapping) -> list[tuple[object, object]]:
    """The (text, start) pairs of one dict, which has a list or a single value under each name."""
    if "text" not in value or "answer_start" not in value:
        raise Unusable(SHAPE)
    text, start = value["text"], value["answer_start"]
    if isinstance(text, str) and not isinstance(start, list):
        return [(text, start)]
    if not isinstance(text, list | tuple) or not isinstance(start, list | tuple) or len(text) != len(start):
        raise Unusable(SHAPE)
    return list(zip(text, start, strict=True))


def _whole(value: object) -> int:
    try:
        return int(float(str(value).strip()))
    except (TypeError, ValueError, OverflowError) as error:
        raise Unusable(SHAPE) from error


def _is_given(value: object) -> bool:
    return value is not None and str(value).strip().casefold() not in NO_LABEL


# -- answers as text -----------------------------------------------------------------------------------------------


def _unfolded(value: object) -> object:
    """The dict or list of a cell that holds one as text, in JSON or as Python and pandas print it; other values
    unchanged. numpy arrays become lists. Raises `Unusable` for a text that begins so and is neither."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if not isinstance(value, str) or not re.match(r"\s*(\{|\[\s*([\"'{\d\]]))", value):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        pass
    try:
        if len(value) > MOST_ANSWER_CHARACTERS:
            raise ValueError("too long")
        _check_separate(value)
        return _literal(ast.parse(value.strip(), mode="eval").body)
    except (ValueError, SyntaxError, RecursionError, MemoryError, tokenize.TokenError) as error:
        if value.lstrip().startswith("["):
            return value  # a text in brackets
        raise Unusable(f"the answers '{value[:40]}…' are neither JSON nor what pandas prints") from error


def _check_separate(text: str) -> None:
    """`ValueError` for texts with only a space between them, as numpy prints an array: Python would join them."""
    kinds = [token.type for token in tokenize.generate_tokens(io.StringIO(text.strip()).readline)]
    kinds = [kind for kind in kinds if kind not in (tokenize.NL, tokenize.NEWLINE)]
    if (tokenize.STRING, tokenize.STRING) in itertools.pairwise(kinds):
        raise ValueError("no comma between two texts")


def _literal(node: ast.expr) -> object:
    """The value of a Python literal in which numpy's arrays and numbers may stand. Nothing is run. `ValueError` for
    anything else."""
    if isinstance(node, ast.Dict):
        return {_literal(name): _literal(value) for name, value in zip(node.keys, node.values, strict=True) if name}
    if isinstance(node, ast.List | ast.Tuple):
        return [_literal(item) for item in node.elts]
    if isinstance(node, ast.Call) and node.args:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name in ARRAYS or re.fullmatch(r"(str_|u?int\d+|float\d+|list|tuple)", name):
            return _literal(node.args[0])
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_literal(node.operand)
    if isinstance(node, ast.Constant) and isinstance(node.value, str | int | float | None):
        return node.value
    raise ValueError(f"no literal: {ast.dump(node)[:40]}")
