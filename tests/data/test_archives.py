"""Packed files: what is inside is read in memory, within limits, and said."""

import bz2
import gzip
import json
import lzma
import zipfile

import pytest

from minilm_demo.data.files import read_table, reading
from minilm_demo.data.sources import open_source
from minilm_demo.errors import DataError
from minilm_demo.tasks import TASKS

CSV = "sentence,label\nfine,1\nbad,0\n"


def pack(file, members):
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return file


@pytest.mark.parametrize("suffix, compress", [(".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress)])
@pytest.mark.parametrize("name, text", [("my.csv", CSV), ("my.jsonl", '{"sentence": "fine", "label": 1}'), ("my", CSV)])
def test_a_compressed_file_is_the_file(name, text, suffix, compress, tmp_path):
    (tmp_path / f"{name}{suffix}").write_bytes(compress(text.encode()))
    assert read_table(tmp_path / f"{name}{suffix}").rows[0]["sentence"] == "fine"


ONE = {
    "alone": {"my.csv": CSV},
    "in a folder": {"data/": "", "data/my.csv": CSV},
    "beside a description": {"README.md": "#", "readme.txt": "words", "my.csv": CSV},
    "as macOS packs it": {"my.csv": CSV, "__MACOSX/._my.csv": "\0\1", ".DS_Store": "\0"},
    "a path that leads out": {"../../../etc/my.csv": CSV},
}


@pytest.mark.parametrize("case", ONE)
def test_the_one_table_of_an_archive_is_read(case, tmp_path):
    table = read_table(pack(tmp_path / "my.zip", ONE[case]))
    assert table.rows == [{"sentence": "fine", "label": "1"}, {"sentence": "bad", "label": "0"}]
    (member,) = [name for name in ONE[case] if name.endswith("my.csv") and "MACOSX" not in name]
    assert table.notes == (f"Of the archive, {member} was read.",)
    assert [file.name for file in tmp_path.iterdir()] == ["my.zip"]


def test_splits_of_an_archive_are_splits(tmp_path):
    lines = [json.dumps({"sentence": f"text {index}", "label": index % 2}) for index in range(6)]
    file = pack(
        tmp_path / "SST-2.zip",
        {
            "SST-2/train.tsv": "sentence\tlabel\nfine \t1\nbad \t0\n",
            "SST-2/dev.jsonl": "\n".join(lines),
            "SST-2/test.tsv": "index\tsentence\n0\tnew\n",
            "SST-2/original/train.txt": "words",
        },
    )
    source = open_source(TASKS["sst2"], str(file))
    assert source.eval_splits == ("validation",)
    assert [row["sentence"] for row in source.read("train")] == ["fine ", "bad "]
    assert len(source.read("validation")) == 6
    table = read_table(file)  # as a preview shows it
    assert len(table.rows) == 2
    assert table.notes == (
        "Of the archive, SST-2/train.tsv was read here; it also holds SST-2/dev.jsonl and SST-2/test.tsv.",
    )


REFUSED = {
    "two tables": ({"a.csv": CSV, "b.csv": CSV}, "holds 2 tables: a.csv and b.csv. Keep one table"),
    "no table": ({"a.md": "#"}, "holds no table, but a.md"),
    "nothing": ({}, "holds nothing"),
    "an archive": ({"inner.zip": "PK"}, "holds no table, but inner.zip"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_an_archive_without_one_table_is_refused(case, tmp_path):
    members, words = REFUSED[case]
    with pytest.raises(DataError, match=words):
        read_table(pack(tmp_path / "my.zip", members))


@pytest.mark.parametrize("name", ["my.zip", "my.csv.gz", "my.csv.xz", "my.csv.bz2"])
def test_a_broken_archive_is_one_sentence(name, tmp_path):
    (tmp_path / name).write_bytes(b"no archive")
    with pytest.raises(DataError, match="cannot be unpacked"):
        read_table(tmp_path / name)


@pytest.mark.parametrize("name", ["my.zip", "my.csv.gz"])
def test_what_unfolds_too_far_is_refused(name, tmp_path):
    bomb = b"a" * 201_000_000
    if name == "my.zip":
        pack(tmp_path / name, {"my.csv": bomb})
    else:
        (tmp_path / name).write_bytes(gzip.compress(bomb, 1))
    with pytest.raises(DataError, match="unfolds to more than 200 MB"):
        read_table(tmp_path / name)


def test_many_files_and_tar_are_refused(tmp_path):
    with pytest.raises(DataError, match="holds 1,001 files; at most 1,000"):
        read_table(pack(tmp_path / "my.zip", {f"{index}.csv": CSV for index in range(1001)}))
    (tmp_path / "my.tar.gz").write_bytes(gzip.compress(b"x"))
    with pytest.raises(DataError, match=r"is a \.tar archive; unpack it"):
        read_table(tmp_path / "my.tar.gz")


def test_a_compressed_file_in_an_archive_is_read(tmp_path):
    pack(tmp_path / "my.zip", {"my.csv.gz": gzip.compress(CSV.encode())})
    assert len(read_table(tmp_path / "my.zip").rows) == 2


@pytest.mark.parametrize("name", sorted(reading.ADVICE))
def test_what_people_try_has_its_advice(name, tmp_path):
    (tmp_path / f"my{name}").write_bytes(b"x")
    with pytest.raises(DataError, match=r"files may be \.csv.*(Save|Unpack|Export|save)"):
        read_table(tmp_path / f"my{name}")
