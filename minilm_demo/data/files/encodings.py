"""From bytes to text."""

from __future__ import annotations

from pathlib import Path

from ...errors import DataError


def read_text(file: Path) -> str:
    """The text of a UTF-8 file. Raises `DataError`."""
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise DataError(f"{file.name} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise DataError(
            f"{file.name} is not UTF-8 text (byte {error.start}). Save it as UTF-8 and try again."
        ) from error
    if "\0" in text:
        raise DataError(f"{file.name} is not UTF-8 text (it holds zero bytes). Save it as UTF-8 and try again.")
    return text
