"""Texts for distillation: every text of one's own files, without labels, and the whole of long ones."""

import json

import pytest

from minilm_demo.data.texts import divided, load_texts
from minilm_demo.errors import DataError
from minilm_demo.models import load_checkpoint
from minilm_demo.tasks import TASKS

SST2, MRPC = TASKS["sst2"], TASKS["mrpc"]
SENTENCES = [
    f"The {who} found {number} {what} on the way home."
    for number, (who, what) in enumerate(
        (who, what)
        for who in ("baker", "nurse", "student", "captain", "waiter")
        for what in ("maps", "coins", "hats", "keys")
    )
]


@pytest.fixture(scope="module")
def tokenizer():
    return load_checkpoint("bundled").tokenizer


def words(texts):
    return sorted(word for text in texts for word in text.split())


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1252"])
@pytest.mark.parametrize("lines", [1, 4, 20])
def test_the_whole_of_a_text_file_is_read(lines, encoding, tokenizer, tmp_path):
    """The same sentences, however many stand in a line."""
    text = "\n\n".join(" ".join(SENTENCES[start::lines]) for start in range(lines)) + " Fünf naïve cafés."
    (tmp_path / "own.txt").write_bytes(text.encode(encoding))
    texts = load_texts(SST2, str(tmp_path / "own.txt"), "train", tokenizer, 16)
    found = texts.train + texts.validation
    assert words(found) == words([*SENTENCES, "Fünf naïve cafés."])
    assert max(len(ids) for ids in tokenizer(found)["input_ids"]) <= 16
    if lines < 20:
        assert (
            f"{lines} different lines, all of them read, as 21 different sentences or windows"
            in texts.source.description
        )
    assert ("Read as" in texts.source.description) == (encoding != "utf-8")


def test_texts_that_fit_stay_whole(tokenizer):
    texts = ["One sentence. Another one.", "word " * 14]
    assert divided(texts, tokenizer, 16) == texts


def test_a_sentence_that_is_too_long_is_read_in_windows(tokenizer):
    text = " ".join(f"word{number}, 😀 unbelievably" for number in range(300))
    windows = divided([text], tokenizer, 32)
    assert " ".join(windows) == text
    assert max(len(ids) for ids in tokenizer(windows)["input_ids"]) <= 32
    assert len(windows) < 1.2 * len(tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]) / 30


@pytest.mark.parametrize("text", ["x" * 5000, "好" * 3000, "a. " * 2000, "é" * 700 + " " + "b " * 900])
def test_no_letter_of_a_long_line_is_lost(text, tokenizer):
    windows = divided([text], tokenizer, 16)
    assert "".join(windows).replace(" ", "") == text.replace(" ", "")
    assert max(len(ids) for ids in tokenizer(windows)["input_ids"]) <= 16


def write(tmp_path, name, rows):
    if name.endswith(".csv"):
        columns = list(rows[0])
        lines = [",".join(columns), *(",".join(f'"{row[column]}"' for column in columns) for row in rows)]
        (tmp_path / name).write_text("\n".join(lines))
    else:
        (tmp_path / name).write_text("\n".join(map(json.dumps, rows)))
    return str(tmp_path / name)


UNLABELLED = {
    "the column of the task": ([{"sentence": text} for text in SENTENCES], SST2, "column sentence"),
    "columns of another task": ([{"sentence": text} for text in SENTENCES], MRPC, "column sentence"),
    "labels of no task": ([{"text": text, "label": "-1"} for text in SENTENCES], SST2, "column text"),
    "beside ids and numbers": (
        [{"id": f"a{index}", "remark": text, "stars": "3"} for index, text in enumerate(SENTENCES)],
        SST2,
        "column remark",
    ),
    "two columns of texts": (
        [{"first": SENTENCES[index], "other one": SENTENCES[index + 1]} for index in range(0, 20, 2)],
        SST2,
        "columns first and other one",
    ),
}


@pytest.mark.parametrize("name", ["own.csv", "own.jsonl"])
@pytest.mark.parametrize("case", UNLABELLED)
def test_texts_need_no_labels(case, name, tokenizer, tmp_path):
    rows, task, said = UNLABELLED[case]
    texts = load_texts(task, write(tmp_path, name, rows), "train", tokenizer, 64)
    assert sorted(texts.train + texts.validation) == sorted(SENTENCES)
    assert texts.source.description == f"own text in {name}: 20 different texts of the {said}"


def test_every_split_of_a_folder_can_be_read(tmp_path):
    for split, chosen in (("train", SENTENCES[:12]), ("dev", SENTENCES[12:16]), ("test", SENTENCES[16:])):
        write(tmp_path, f"{split}.jsonl", [{"sentence": text, "label": -1} for text in chosen])
    texts = load_texts(SST2, str(tmp_path), "train")
    assert sorted(texts.train) == sorted(SENTENCES[:12])
    assert sorted(texts.validation) == sorted(SENTENCES[12:16])
    assert sorted(load_texts(SST2, str(tmp_path), "test").train) == sorted(SENTENCES[16:])
    with pytest.raises(DataError, match=r"No split 'extra' in .*There is: train, validation and test"):
        load_texts(SST2, str(tmp_path), "extra")


def test_a_folder_of_text_files_is_one_set(tmp_path):
    for number in range(4):
        (tmp_path / f"chapter {number}.txt").write_text("\n".join(SENTENCES[number::4]))
    texts = load_texts(SST2, str(tmp_path), "train")
    assert sorted(texts.train + texts.validation) == sorted(SENTENCES)
    assert texts.source.description == "own text in 4 files: 20 different lines"


def test_a_file_without_texts_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"own\.csv has no column of texts\. Found: id and stars"):
        load_texts(SST2, write(tmp_path, "own.csv", [{"id": "1", "stars": "2"}]), "train")
