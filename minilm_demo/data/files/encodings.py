"""From bytes to text. What is not plain UTF-8 is said in a note, with words of the file by which a person can check."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from ...errors import DataError

BYTE_ORDER_MARKS = (  # longer ones first: that of UTF-32 begins like that of UTF-16
    (codecs.BOM_UTF8, "utf-8", "UTF-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32-be", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16-le", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16-be", "UTF-16"),
)
# What spreadsheets write where European languages are spoken, the most frequent first.
EUROPEAN = {
    "cp1252": "Windows-1252",
    "mac_roman": "Mac Roman",
    "cp1254": "Windows-1254",
    "cp1250": "Windows-1250",
    "cp850": "DOS (code page 850)",
}
MOST_FOREIGN = 0.4  # share of letters beyond ASCII in a European text; other scripts have far more
SAMPLE_BYTES = 200_000  # for guesses
SHOWN_WORDS = 3
RARE = frozenset("ÐðÞþ¤¦§¨©ª«¬®¯°±²³´¶·¸¹º»¼½¾¿×÷ƒˆ˜†‡•‰‹›™Łłˇ˘˙˛˝∂∆∏∑√∞∫≈≠≤≥◊Ωπ")
JOINING = frozenset("'’‘-–—…\u00ad\u00b7/")
MOJIBAKE = re.compile("[ÃÂ][\u0080-\u00bf\u201a-\u203a€™œžŸ]|â€[\u0090-\u00bf™œ\u02dc\u2022]|ð\u0178[\u0080-\u00bf‘˜™]")


def read_text(file: Path) -> str:
    """The text of a file, without the notes. Raises `DataError`."""
    return read_text_and_notes(file)[0]


def read_text_and_notes(file: Path) -> tuple[str, list[str]]:
    """The text of a file, and sentences on how it was read. Raises `DataError`."""
    return decode(file.name, read_bytes(file))


def read_bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise DataError(f"{file.name} cannot be read: {error.strerror}.") from error


def decode(name: str, data: bytes) -> tuple[str, list[str]]:
    """The text of a file called `name`, and sentences on its encoding. Raises `DataError` if it is no text."""
    text, notes = _decode(name, data)
    if "\0" in text:
        raise DataError(f"{name} is not text: it holds zero bytes. Save it as UTF-8 and try again.")
    if lost := text.count("\ufffd"):
        notes.append(f"{_times(lost)} a letter was lost before this file was saved (\ufffd).")
    if broken := MOJIBAKE.findall(text):
        word = next(word for word in text.split() if MOJIBAKE.search(word))
        notes.append(
            f"{_times(len(broken))} the text looks as if another program had read it in the wrong encoding, "
            f"for example “{word[:40]}”; it is taken as it stands."
        )
    return text, notes


def _times(number: int) -> str:
    return "Once" if number == 1 else f"{number:,} times"


def _decode(name: str, data: bytes) -> tuple[str, list[str]]:
    for mark, codec, title in BYTE_ORDER_MARKS:
        if data.startswith(mark):
            try:
                text = data[len(mark) :].decode(codec)
            except UnicodeDecodeError as error:
                if codec == "utf-8":
                    return _without_unicode(name, data[len(mark) :], error.start)
                raise DataError(
                    f"{name} begins as {title} text, but is not {title} (byte {error.start}). Save it as UTF-8 and try "
                    "again."
                ) from error
            return text, [] if codec == "utf-8" else [f"Read as {title}."]
    if b"\0" in data[:SAMPLE_BYTES] and (codec := _utf_16(data)):
        return data.decode(codec), ["Read as UTF-16."]
    try:
        return data.decode("utf-8"), []
    except UnicodeDecodeError as error:
        return _without_unicode(name, data, error.start)


def _utf_16(data: bytes) -> str | None:
    """The byte order of UTF-16 without a mark, if it is that: the zero bytes stand on one side of the characters."""
    even, odd = data[:SAMPLE_BYTES:2].count(0), data[1:SAMPLE_BYTES:2].count(0)
    codec = "utf-16-le" if odd > even else "utf-16-be"
    try:
        text = data.decode(codec)
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else codec


def _without_unicode(name: str, data: bytes, position: int) -> tuple[str, list[str]]:
    """The text of a file that is not Unicode, wholly or in some lines."""
    if b"\0" in data:
        raise DataError(f"{name} is not text: it holds zero bytes. Save it as UTF-8 and try again.")
    if mixed := _some_lines(data):
        return mixed
    codec = _european(data)
    if codec:
        text, title = data.decode(codec), EUROPEAN[codec]
        if codec == "cp1252" and not any(0x80 <= byte < 0xA0 for byte in set(data)):
            title = "Latin-1 (ISO 8859-1)"
    else:
        text, title = _guess(name, data, position)
    return text, [f"Read as {title}: {_check_by(text)}. If that looks wrong, save the file as UTF-8."]


def _check_by(text: str) -> str:
    words = dict.fromkeys(
        word.strip(".:!?\"'()“”") for word in re.split(r"[\s,;|]+", text[:SAMPLE_BYTES]) if not word.isascii()
    )
    return "for example " + ", ".join(f"“{word[:40]}”" for word in list(words)[:SHOWN_WORDS])


def _some_lines(data: bytes) -> tuple[str, list[str]] | None:
    """The text of a UTF-8 file with a few lines in Windows-1252, as it comes about when files are joined; else None."""
    lines, good, bad = [], 0, []
    for number, line in enumerate(data.split(b"\n"), 1):
        try:
            lines.append(line.decode("utf-8"))
            good += not line.isascii()
        except UnicodeDecodeError:
            lines.append(line.decode("cp1252", "replace"))
            bad.append(number)
    if good < len(bad) or not good:
        return None
    which = f"line {bad[0]} is" if len(bad) == 1 else f"{len(bad):,} lines (the first: line {bad[0]}) are"
    return "\n".join(lines), [f"Read as UTF-8, but {which} not UTF-8 and read as Windows-1252."]


def _european(data: bytes) -> str | None:
    """The encoding in which the letters beyond ASCII stand in words as they do in European languages, if any."""
    oddities = {}
    for codec in EUROPEAN:
        try:
            text = data.decode(codec)
        except UnicodeDecodeError:
            continue
        sample = text[:SAMPLE_BYTES]
        foreign = sum(not character.isascii() for character in sample if character.isalpha())
        if foreign <= MOST_FOREIGN * sum(map(str.isalpha, sample)):
            oddities[codec] = sum(_oddities(word) for word in sample.split() if not word.isascii())
    best = min(oddities, key=oddities.get, default=None)
    number = sum(not word.isascii() for word in data[:SAMPLE_BYTES].split())
    return best if best and oddities[best] <= number / 4 else None


def _oddities(word: str) -> int:
    """How often a character beyond ASCII stands where no European language has it."""
    number = 0
    for before, character, after in _neighbours(word):
        if character.isascii():
            continue
        inside = before.isalpha() and after.isalpha()
        if character.isalpha():
            number += character.isupper() and before.islower()
            number += character in RARE
        elif "\x80" <= character < "\xa0" or "\u2500" <= character < "\u25a0":  # control characters, parts of frames
            number += 3
        else:
            number += inside and character not in JOINING
            number += character in RARE and (before.isalpha() or after.isalpha())
    return number


def _neighbours(word: str) -> Iterator[tuple[str, str, str]]:
    padded: Sequence[str] = f" {word} "
    return zip(padded, padded[1:], padded[2:], strict=False)


def _guess(name: str, data: bytes, position: int) -> tuple[str, str]:
    """Text and encoding as charset-normalizer finds them. It is believed where it also recognised a language."""
    from charset_normalizer import from_bytes

    found = from_bytes(data[:SAMPLE_BYTES]).best()
    if found and found.coherence > 0:
        try:
            return data.decode(found.encoding), found.encoding.replace("_", "-")
        except UnicodeDecodeError:
            pass
    raise DataError(
        f"{name} is not UTF-8 text (byte {position}), and its encoding cannot be told for certain. Save it as UTF-8 "
        "and try again."
    )
