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


NAMES = (
    (("None", "Mild", "Severe"), ("None", "Mild", "Severe")),
    (("+", "-"), ("+", "-")),
    (("-1", "0", "1"), ("-1", "0", "1")),
    (("True", "False"), ("True", "False")),
    (("7", "12", "90210"), ("7", "12", "90210")),
    (("🙂", "😡", "😐"), ("🙂", "😡", "😐")),
    (('say "hi"', "it's", "a,b"), ('say "hi"', "it's", "a,b")),
    (("<b>", "</b>", "a|b%"), ("<b>", "</b>", "a|b%")),
    (("x" * 60, "y" * 60), ("x" * 60, "y" * 60)),
    (("two\nlines", "one"), ("two lines", "one")),
    (("NA", "spam", "ham"), ("spam", "ham")),
    (("unlabeled", "spam", "ham"), ("spam", "ham")),
)


@pytest.mark.parametrize(("values", "classes"), NAMES)
def test_names_of_classes_are_kept_and_marks_of_none_are_said(write, values, classes):
    file = write("mine.csv", ("text", "label"), [(f"A text, number {n}", values[n % len(values)]) for n in range(60)])
    preview = preview_data(OWN, "file", file)
    assert preview.can_train
    each = 60 // len(values)
    assert f"taken as {len(classes)} classes" in preview.sentence
    assert all(f"{name} {each}" in preview.sentence for name in classes)
    assert any("left out" in note for note in preview.notes) == (len(classes) < len(values))
    (shown,) = [note for note in preview.notes if note.startswith("One row of each: ")]
    assert all(f"{name}: “A text, number" in shown for name in classes)


def test_a_mark_of_none_is_a_class_if_it_is_said_to_be_one(write):
    file = write("r.csv", ("text", "label"), [(f"A text, number {n}", ("NA", "EU", "Asia")[n % 3]) for n in range(60)])
    preview = preview_data(OWN, "file", file, LabelMeaning(labels={"NA": "North America"}))
    assert "North America 20" in preview.sentence and preview.can_train


def test_one_class_beside_rows_without_a_label_makes_no_classifier(write):
    file = write("u.csv", ("text", "label"), [(f"A text, number {n}", ("", "spam", "NA")[n % 3]) for n in range(60)])
    assert not preview_data(OWN, "file", file).can_train


def test_rare_classes_are_said_and_many_even_ones_are_not(write):
    labels = ["often"] * 96 + ["seldom"] * 4 + ["usual"] * 100
    file = write("rare.csv", ("text", "label"), [(f"A text, number {n}", label) for n, label in enumerate(labels)])
    (hint,) = [note for note in preview_data(OWN, "file", file).notes if note.startswith("Few rows to learn from")]
    assert "“seldom” (3) of 160" in hint, "of those that are not kept for scoring"
    even = [(f"A text, number {n}", f"class {n % 50}") for n in range(500)]
    notes = preview_data(OWN, "file", write("even.csv", ("text", "label"), even)).notes
    assert not any("Few rows" in note for note in notes)
    few = [(f"A text, number {n}", f"class {n % 50}") for n in range(150)]
    notes = preview_data(OWN, "file", write("few.csv", ("text", "label"), few)).notes
    (hint,) = [note for note in notes if "Few rows" in note]
    assert "and 44 more" in hint


@pytest.mark.parametrize(
    ("labels", "said"),
    [(("7", "007", "9"), "“7” = “007”"), (("Food", "food", "Sport"), "“Food” = “food”"), (("a", "b", "c"), "")],
)
def test_spellings_that_are_one_class_are_named(write, labels, said):
    file = write("s.csv", ("text", "label"), [(f"A text, number {n}", labels[n % 3]) for n in range(60)])
    sentence = preview_data(OWN, "file", file).sentence
    assert (f"Spelled in several ways, but one class each: {said}." in sentence) == bool(said)
    assert ("Spelled" in sentence) == bool(said)


def test_a_file_with_two_label_columns_can_be_taken_as_classes_of_ones_own(write):
    rows = [(f"A text, number {n}", n % 5 + 1, (1, 5)[n % 2]) for n in range(60)]
    file = write("two.csv", ("text", "rating", "stars"), rows)
    preview = preview_data(get_task("sst2"), "file", file)
    assert not preview.can_train and preview.fits_own
