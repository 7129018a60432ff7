"""JSON: one object a line, or an array of objects."""

from __future__ import annotations

import json
from pathlib import Path

from ...errors import DataError
from .encodings import read_text


def read_jsonl(file: Path) -> list[dict]:
    """The rows of a file with one JSON object per line, or with one array of objects. Raises `DataError`.

    Only "\\n" ends a line: JSON may hold U+2028 and similar characters."""
    text = read_text(file)
    if text.lstrip().startswith("["):
        values = list(enumerate(_parse(text, file.name), 1))
    else:
        lines = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
        hint = " One JSON object a line."
        values = [(number, _parse(line, f"{file.name}, line {number}", hint)) for number, line in lines]
    for number, value in values:
        if not isinstance(value, dict):
            raise DataError(f"{file.name}, line {number} is not a JSON object: {str(value)[:60]}")
    return [value for _, value in values]


def _parse(text: str, where: str, hint: str = ""):
    """The value of a JSON text. Python also refuses a nesting of a thousand levels, and numbers of 4,300 digits."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise DataError(f"{where} is not JSON: {error.msg} at character {error.pos + 1}.{hint}") from error
    except (RecursionError, ValueError) as error:
        raise DataError(f"{where} is nested too deeply, or holds a number with too many digits.") from error
