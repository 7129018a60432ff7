"""From bytes to text: every encoding that programs write, and a word on what was decided."""

import codecs

import pytest

from minilm_demo.data.files import read_table
from minilm_demo.errors import DataError

FRENCH = "text,label\nUn café “léger” – ça va,1\nTrès déçu,0\n"
READ = {  # encoding -> text, what is said
    "utf-8": (FRENCH, ()),
    "utf-8-sig": (FRENCH, ()),
    "utf-16": (FRENCH, ("Read as UTF-16.",)),
    "utf-16-le": (FRENCH, ("Read as UTF-16.",)),
    "utf-16-be": (FRENCH, ("Read as UTF-16.",)),
    "utf-32": (FRENCH, ("Read as UTF-32.",)),
    "cp1252": (FRENCH, ("Read as Windows-1252: for example “café”, “léger”",)),
    "latin-1": ("text,label\nStraße und Bäume,1\n", ("Read as Latin-1 (ISO 8859-1): for example “Straße”",)),
    "mac_roman": (FRENCH, ("Read as Mac Roman: for example “café”",)),
    "cp850": (
        "text,label\nDas ist schön und größer,1\nMüll,0\n",
        ("Read as DOS (code page 850): for example “schön”",),
    ),
    "cp1254": ("text,label\nBu film çok kötüydü ama şarkılar güzeldi,0\nığdır,1\n", ("Read as Windows-1254",)),
    "cp1250": ("text,label\nŁódź jest piękna,1\nzażółć gęślą jaźń,0\n", ("Read as",)),
}


@pytest.mark.parametrize("encoding", READ)
def test_an_encoding_is_read_and_said(encoding, tmp_path):
    text, said = READ[encoding]
    (tmp_path / "my.csv").write_bytes(text.encode(encoding))
    table = read_table(tmp_path / "my.csv")
    assert [row["text"] for row in table.rows] == [line.rpartition(",")[0] for line in text.splitlines()[1:]]
    assert len(table.notes) == len(said)
    for note, beginning in zip(table.notes, said, strict=True):
        assert note.startswith(beginning)


@pytest.mark.parametrize("name", ["my.jsonl", "my.json", "my.tsv", "my.txt"])
def test_every_text_format_is_decoded(name, tmp_path):
    text = '{"text": "naïf", "label": 1}\n' if "json" in name else "text\tlabel\nnaïf\t1\n"
    (tmp_path / name).write_bytes(text.encode("utf-16"))
    table = read_table(tmp_path / name)
    assert table.rows[0]["text"] == "naïf"
    assert table.notes[0] == "Read as UTF-16."


def test_a_cyrillic_file_is_read_by_its_language(tmp_path):
    text = "text,label\n" + "Этот фильм был очень хорошим, и мы смотрели его вместе с друзьями всю ночь.,1\n" * 5
    (tmp_path / "my.tsv").write_bytes(text.replace(",1", "\t1").replace("text,", "text\t").encode("cp1251"))
    table = read_table(tmp_path / "my.tsv")
    assert table.rows[0]["text"].startswith("Этот фильм был очень хорошим")
    assert "Read as cp1251: for example “Этот”" in table.notes[0]


@pytest.mark.parametrize("encoding", ["shift_jis", "koi8-r"])
def test_what_cannot_be_told_for_certain_is_refused(encoding, tmp_path):
    text = "text,label\n" + ("最悪だった" if encoding == "shift_jis" else "Ужасный") + ",0\n"
    (tmp_path / "my.csv").write_bytes(text.encode(encoding))
    with pytest.raises(DataError, match=r"my\.csv is not UTF-8 text \(byte 11\).* Save it as UTF-8 and try again"):
        read_table(tmp_path / "my.csv")


def test_files_that_were_joined_are_read_line_by_line(tmp_path):
    (tmp_path / "my.csv").write_bytes("text,label\nnaïf,1\n".encode() + "café,0\n".encode("cp1252"))
    table = read_table(tmp_path / "my.csv")
    assert [row["text"] for row in table.rows] == ["naïf", "café"]
    assert table.notes == ("Read as UTF-8, but line 3 is not UTF-8 and read as Windows-1252.",)


@pytest.mark.parametrize(
    "text, words", [("cafÃ© au lait", "wrong encoding, for example “cafÃ©”"), ("caf\ufffd", "lost")]
)
def test_what_was_broken_before_is_said(text, words, tmp_path):
    (tmp_path / "my.csv").write_text(f"text,label\n{text},1\n", encoding="utf-8")
    table = read_table(tmp_path / "my.csv")
    assert table.rows[0]["text"] == text
    assert any(words in note for note in table.notes)


@pytest.mark.parametrize("data", [b"\x00\x01\x02\x03" * 9, codecs.BOM_UTF16_LE + b"a", b"text\x00\xff\xfe,1\n"])
def test_what_is_no_text_is_refused(data, tmp_path):
    (tmp_path / "my.csv").write_bytes(data)
    with pytest.raises(DataError, match="Save it as UTF-8"):
        read_table(tmp_path / "my.csv")
