"""Checks of the bundled sample data: a wrong label column or answer offset would surface only in front of a class."""

import json
import re
from collections import Counter
from pathlib import Path

import pyarrow.parquet as parquet
import pytest

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "examples" / "datasets"

TEXT_COLUMNS = {
    "cola": ["sentence"],
    "sst2": ["sentence"],
    "mrpc": ["sentence1", "sentence2"],
    "qqp": ["question1", "question2"],
    "stsb": ["sentence1", "sentence2"],
    "mnli": ["premise", "hypothesis"],
    "qnli": ["question", "sentence"],
    "rte": ["sentence1", "sentence2"],
    "wnli": ["sentence1", "sentence2"],
    "squad_v2": ["question", "context"],
}
TASKS = sorted(TEXT_COLUMNS)
GLUE = [task for task in TASKS if task != "squad_v2"]
CLASSIFICATION = [task for task in GLUE if task != "stsb"]

# The least a split may hold, (train, each validation split); more rows are welcome.
MIN_ROWS = dict.fromkeys(("sst2", "mnli", "mrpc", "qqp", "stsb", "squad_v2"), (160, 100))
MIN_ROWS |= dict.fromkeys(("cola", "qnli", "rte", "wnli"), (80, 60))


def split_names(task):
    return ["train", "validation_matched", "validation_mismatched"] if task == "mnli" else ["train", "validation"]


def load(task, split):
    lines = (SAMPLES / task / f"{split}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def splits(task):
    return {split: load(task, split) for split in split_names(task)}


def normal(text):
    """Lower-case letters and digits only, so that spacing and quote marks do not hide a copy."""
    return re.sub(r"[\W_]+", "", text.lower())


def words(text):
    return re.findall(r"\w+", text.lower())


def whole_text(task, row):
    return " ".join(row[column] for column in TEXT_COLUMNS[task])


def jaccard(left, right):
    return len(left & right) / len(left | right) if left and right else 0.0


def five_grams(tokens):
    return {tuple(tokens[i : i + 5]) for i in range(len(tokens) - 4)}


def label_range(task):
    return {0, 1, 2} if task == "mnli" else {0, 1}


def test_every_folder_is_a_known_task():
    assert sorted(path.name for path in SAMPLES.iterdir() if path.is_dir()) == TASKS


@pytest.mark.parametrize("task", TASKS)
def test_files(task):
    assert sorted(path.name for path in (SAMPLES / task).iterdir()) == [f"{name}.jsonl" for name in split_names(task)]
    for split, rows in splits(task).items():
        raw = (SAMPLES / task / f"{split}.jsonl").read_bytes()
        assert raw.endswith(b"}\n") and b"\r" not in raw and b"\\u" not in raw
        assert len(rows) >= MIN_ROWS[task][split != "train"]


@pytest.mark.parametrize("task", GLUE)
def test_glue_columns(task):
    for rows in splits(task).values():
        for i, row in enumerate(rows):
            assert list(row) == TEXT_COLUMNS[task] + ["label", "idx"]
            assert row["idx"] == i
            for column in TEXT_COLUMNS[task]:
                assert row[column] and row[column] == " ".join(row[column].split())


@pytest.mark.parametrize("task", CLASSIFICATION)
def test_labels_are_balanced(task):
    for split, rows in splits(task).items():
        counts = Counter(row["label"] for row in rows)
        assert all(type(label) is int for label in counts)
        assert set(counts) == label_range(task)
        assert max(counts.values()) / len(rows) <= 0.62, (split, counts)


def test_stsb_scores_cover_the_scale():
    for rows in splits("stsb").values():
        scores = [row["label"] for row in rows]
        assert all(type(score) is float and 0 <= score <= 5 and round(score, 1) == score for score in scores)
        assert {min(int(score), 4) for score in scores} == {0, 1, 2, 3, 4}


def test_squad_rows():
    ids = []
    for rows in splits("squad_v2").values():
        for row in rows:
            assert list(row) == ["id", "title", "context", "question", "answers"]
            assert list(row["answers"]) == ["text", "answer_start"]
            assert len(row["answers"]["text"]) == len(row["answers"]["answer_start"])
            for text, start in zip(row["answers"]["text"], row["answers"]["answer_start"], strict=True):
                assert text and row["context"][start : start + len(text)] == text
            ids.append(row["id"])
    assert all(isinstance(name, str) for name in ids)
    assert len(ids) == len(set(ids))


def test_squad_unanswerable_share():
    for split, rows in splits("squad_v2").items():
        share = sum(not row["answers"]["text"] for row in rows) / len(rows)
        assert 0.25 <= share <= 0.42, (split, share)


def test_squad_contexts():
    train, validation = ({normal(row["context"]) for row in rows} for rows in splits("squad_v2").values())
    assert len(train) + len(validation) >= 40
    assert not train & validation
    for rows in splits("squad_v2").values():
        longest = max(len(words(row["context"])) for row in rows)
        assert longest >= 350, "one context per split has to be long enough to need several windows"


@pytest.mark.parametrize("task", TASKS)
def test_no_exact_duplicates(task):
    """A pair and its mirror image count as the same row."""
    keys = Counter()
    for rows in splits(task).values():
        keys.update(frozenset(normal(row[column]) for column in TEXT_COLUMNS[task]) for row in rows)
    assert [set(key) for key, count in keys.items() if count > 1] == []


@pytest.mark.parametrize("task", TASKS)
def test_no_field_is_shared_between_splits(task):
    seen = {}
    for split, rows in splits(task).items():
        for row in rows:
            for column in TEXT_COLUMNS[task]:
                assert seen.setdefault(normal(row[column]), split) == split, row[column]


@pytest.mark.parametrize("task", TASKS)
def test_no_near_duplicates(task):
    """Across splits for every task; inside a split too, except Winograd twins and SQuAD's shared contexts."""
    rows = [(split, words(whole_text(task, row))) for split, part in splits(task).items() for row in part]
    items = [(split, set(tokens), five_grams(tokens)) for split, tokens in rows]
    twins_allowed = task in ("wnli", "squad_v2")
    for i, (split, tokens, grams) in enumerate(items):
        for j in range(i):
            if twins_allowed and items[j][0] == split:
                continue
            close = max(jaccard(tokens, items[j][1]), jaccard(grams, items[j][2]))
            assert close < 0.8, (" ".join(rows[i][1]), " ".join(rows[j][1]))


@pytest.mark.parametrize("task", TASKS)
def test_nothing_is_copied_from_the_real_data(task, real_data):
    """Fields of six words and more; shorter ones can meet by chance."""
    files = sorted((real_data / ("squad_v2" if task == "squad_v2" else f"glue/{task}")).glob("*.parquet"))
    ours = {}
    for rows in splits(task).values():
        for row in rows:
            ours |= {normal(row[c]): row[c] for c in TEXT_COLUMNS[task] if len(words(row[c])) >= 6}
    for file in files:
        table = parquet.read_table(file, columns=TEXT_COLUMNS[task])
        for column in TEXT_COLUMNS[task]:
            real = {normal(text) for text in table[column].unique().to_pylist() if text}
            assert [ours[key] for key in real & set(ours)] == [], file.name
