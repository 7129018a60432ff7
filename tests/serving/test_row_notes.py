"""What a person is told of own rows before Train, by the checkpoint and the length of the run."""

import csv

import pytest

from minilm_demo.data import LabelMeaning
from minilm_demo.errors import DataError
from minilm_demo.serving import preview_data
from minilm_demo.serving.row_notes import notes_before
from minilm_demo.tasks import TASKS

SST2, MNLI, STSB = (TASKS[name] for name in ("sst2", "mnli", "stsb"))
REVIEWS = [("A wonderful, warm film.", 1), ("A dull waste of an evening.", 0), ("I loved it.", 1), ("It is awful.", 0)]


@pytest.fixture
def table(tmp_path):
    """Write a CSV of these columns and rows, and return its path."""

    def write(columns, rows):
        with (tmp_path / "mine.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([columns, *rows])
        return str(tmp_path / "mine.csv")

    return write


def reviews(swapped=False):
    return [(f"{text} {index}", 1 - label if swapped else label) for index in range(10) for text, label in REVIEWS]


def test_what_numbers_are_taken_for_stands_in_the_preview(table):
    preview = preview_data(SST2, "file", table(("sentence", "label"), reviews()))
    assert "20 negative, 20 positive" in preview.sentence
    (note,) = [note for note in preview.notes if "label column" in note]
    assert "0 is taken for “negative” (20 rows, such as “A dull waste of an evening. 0”)" in note
    assert not any("agrees" in note for note in preview.notes)


def test_the_shipped_skill_doubts_labels_in_another_order(table):
    file = table(("sentence", "label"), reviews(swapped=True))
    assert "if 0 means positive and 1 means negative" in " ".join(notes_before(SST2, file))
    said = LabelMeaning({"0": "positive", "1": "negative"})
    preview = preview_data(SST2, "file", file, said)
    assert preview.notes and not any("agrees" in note for note in preview.notes)
    assert "20 negative, 20 positive" in preview.sentence


def test_cut_rows_depend_on_the_length_of_the_run(table):
    rows = [
        (f"{'very long ' * 70}{text} {index}", "positive" if label else "negative")
        for index in range(10)
        for text, label in REVIEWS
    ]
    file = table(("sentence", "label"), rows)
    (note,) = notes_before(SST2, file)
    assert "32 of 32 rows of train (100 %) are longer than 128 tokens" in note
    assert "A length of 192" in note and "reads all of them whole" in note
    assert notes_before(SST2, file, max_length=192) == ()


def test_a_changed_file_is_read_again(table):
    assert notes_before(STSB, table(("sentence1", "sentence2", "score"), [("a", "b", 0.5), ("c", "d", 4.5)] * 5))
    file = table(("sentence1", "sentence2", "score"), [(f"a {n}", "b", n / 10) for n in range(10)])
    preview = preview_data(STSB, "file", file)
    assert "it is not plain which scale they are on" in preview.sentence
    with pytest.raises(DataError, match="score_range 0,1"):
        notes_before(STSB, file)
    assert "0 to 1 are read as 0 to 5" in notes_before(STSB, file, LabelMeaning(score_range=(0, 1)))[0]
