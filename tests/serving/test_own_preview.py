"""What is said of a person's own table before Train."""

import csv

import pytest

from minilm_demo.data import LabelMeaning
from minilm_demo.serving import preview_data
from minilm_demo.tasks import OWN, get_task


@pytest.fixture
def write(tmp_path):
    def written(name, columns, rows):
        with (tmp_path / name).open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([columns, *rows])
        return str(tmp_path / name)

    return written


def test_three_topics_are_three_classes(write):
    topics = ("sport", "a <b>bold</b> one", "politics | home")
    file = write("topics.csv", ("text", "topic"), [(f"A text about it, number {n}", topics[n % 3]) for n in range(30)])
    preview = preview_data(OWN, "file", file)
    assert preview.can_train
    assert preview.guess == {"text": "text", "label": "topic"}
    assert "3 classes" in preview.sentence
    assert "sport 10" in preview.sentence


def test_stars_are_a_number_unless_classes_are_asked_for(write):
    file = write("stars.csv", ("review", "stars"), [(f"A review of mine, number {n}", n % 5 + 1) for n in range(30)])
    assert "a number from 1 to 5" in preview_data(OWN, "file", file).sentence
    assert "5 classes" in preview_data(OWN, "file", file, target="classes").sentence


def test_two_plausible_label_columns_are_asked_and_can_be_chosen(write):
    rows = [(f"A text of mine, number {n}", "ab"[n % 2], "xyz"[n % 3]) for n in range(30)]
    file = write("two.csv", ("text", "label", "category"), rows)
    asked = preview_data(OWN, "file", file)
    assert not asked.can_train
    assert "'label'" in asked.sentence and "'category'" in asked.sentence
    chosen = preview_data(OWN, "file", file, LabelMeaning(columns={"label": "category"}))
    assert chosen.can_train
    assert "3 classes" in chosen.sentence


def test_labels_that_a_task_lacks_can_be_classes_of_ones_own(write):
    file = write("spam.csv", ("text", "label"), [(f"A message, number {n}", ("ham", "spam")[n % 2]) for n in range(30)])
    refused = preview_data(get_task("sst2"), "file", file)
    assert not refused.can_train
    assert refused.fits_own
