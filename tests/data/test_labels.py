"""The label column: every spelling that published files have, numbers in any order, scores on any scale."""

import pytest

from minilm_demo.data import LabelMeaning
from minilm_demo.data.labels import SPELLINGS, number_of, plain
from minilm_demo.data.rows import check_rows
from minilm_demo.errors import DataError
from minilm_demo.results import row_notes
from minilm_demo.tasks import TASKS

SST2, MNLI, RTE, WNLI, STSB, COLA = (TASKS[name] for name in ("sst2", "mnli", "rte", "wnli", "stsb", "cola"))


def checked(task, labels, meaning=None, names=None, **options):
    raw = [{name: f"{name} {index}" for name in task.text_fields} | {"label": v} for index, v in enumerate(labels)]
    return check_rows(task, raw, names, "mine.csv", meaning or LabelMeaning(), **options)


def ids(task, labels, **options):
    return [row["label"] for row in checked(task, labels, **options).rows]


@pytest.mark.parametrize(
    "task, labels, expected",
    [
        (SST2, ["TRUE", "FALSE", "true", False, True], [1, 0, 1, 0, 1]),
        (SST2, ["yes", "No", " Y ", "n"], [1, 0, 1, 0]),
        (SST2, [1.0, 0.0, "1.0", "0,0", 1, "0"], [1, 0, 1, 0, 1, 0]),
        (SST2, ["pos", "NEG", "Positive ", "__label__negative"], [1, 0, 1, 0]),
        (SST2, ["LABEL_1", "label_0", "LABEL 1"], [1, 0, 1]),
        (COLA, ["*", "acceptable", "ungrammatical"], [0, 1, 0]),
        (MNLI, ["contradictory", "Contradiction", "CONTRADICTS", "entails", "neutral "], [2, 2, 2, 0, 1]),
        (MNLI, ["e", "n", "c", "REFUTES", "SUPPORTS", "not enough info"], [0, 1, 2, 2, 0, 1]),
        (RTE, ["not entailment", "Not-Entailment", "non_entailment", "entailment", "NO", "YES"], [1, 1, 1, 0, 1, 0]),
        (WNLI, ["not entailment", "entailment", "no", "yes"], [0, 1, 0, 1]),
    ],
)
def test_spellings_of_labels(task, labels, expected):
    assert ids(task, labels) == expected


def test_spellings_are_of_labels_that_exist_and_plain():
    labels = {label for task in TASKS.values() for label in task.labels}
    assert set(SPELLINGS) <= labels
    assert all(plain(word) == word for words in SPELLINGS.values() for word in words)
    for task in TASKS.values():
        words = [word for label in task.labels for word in (label, *SPELLINGS.get(label, ()))]
        assert len(words) == len(set(words))
        assert (task.affirmative in task.labels) == (len(task.labels) == 2)


@pytest.mark.parametrize("none", ["-", -1, "-1", -1.0, "", None, float("nan"), "nan", "n/a", "NA", "no label"])
def test_rows_without_a_label_are_left_out_and_counted(none):
    found = checked(MNLI, ["entailment", none, "neutral", "contradiction", none])
    assert [row["label"] for row in found.rows] == [0, 1, 2]
    (group,) = found.facts.left_out
    assert (group.rows, group.first, found.facts.read) == (2, (2, 5), 5)
    assert any("2 of 5 rows are left out: 2 because" in note for note in row_notes(found.facts))


def test_rows_without_any_label_are_refused_with_the_reason():
    with pytest.raises(DataError, match=r"20 of 20 rows cannot be used: 20 because the label is '-1', which means"):
        checked(SST2, [-1] * 20)


def test_all_reasons_are_said_at_once():
    raw = [{"sentence": "fine", "label": "1"}, {"sentence": " ", "label": "0"}, {"sentence": "so", "label": "maybe"}]
    raw += [{"sentence": None, "label": "1"}, {"sentence": "well", "label": "-"}]
    with pytest.raises(DataError) as caught:
        check_rows(SST2, raw, None, "mine.csv")
    for words in (
        "4 of 5 rows cannot be used",
        "2 because the column sentence is empty (rows 2 and 4)",
        "1 because the label is 'maybe'; it must be 0 or negative, 1 or positive (row 3)",
        "1 because the label is '-', which means that there is none (row 5)",
    ):
        assert words in str(caught.value)


def test_one_empty_cell_does_not_refuse_a_file():
    raw = [{"sentence": "fine", "label": "1"}, {"sentence": "", "label": "0"}, {"sentence": "dull", "label": "0"}]
    assert [row["label"] for row in check_rows(SST2, raw, None, "mine.csv").rows] == [1, 0]


# -- numbers -------------------------------------------------------------------------------------------------------


def test_what_a_number_is_taken_for_is_said_with_a_row():
    facts = checked(MNLI, [0, 1, 2, 1]).facts
    assert [(value.value, value.label, value.rows) for value in facts.values] == [
        ("0", "entailment", 1),
        ("1", "neutral", 2),
        ("2", "contradiction", 1),
    ]
    (note,) = row_notes(facts)
    assert "1 is taken for “neutral” (2 rows, such as “premise 1 / hypothesis 1”)" in note
    assert "`labels`" in note


def test_names_of_labels_need_no_word():
    assert checked(MNLI, ["entailment", "Neutral"]).facts.values == ()
    assert checked(SST2, [0, 1], names=["negative", "positive"]).facts.values == ()


def test_a_mapping_says_what_numbers_mean():
    meaning = LabelMeaning({"0": "contradiction", "1": "entailment", "2": "neutral"})
    found = checked(MNLI, [0, "1", 2.0], meaning)
    assert [row["label"] for row in found.rows] == [2, 0, 1]
    assert [value.label for value in found.facts.values] == ["contradiction", "entailment", "neutral"]
    assert ids(
        SST2, ["gut", "schlecht", "egal"], meaning=LabelMeaning({"gut": "positive", "schlecht": "negative", "egal": ""})
    ) == [1, 0]


def test_a_mapping_to_no_label_of_the_task_is_refused():
    with pytest.raises(DataError, match=r"'0' means 'good'; sst2 has the labels negative, positive"):
        checked(SST2, [0, 1], LabelMeaning({"0": "good"}))


@pytest.mark.parametrize(
    "task, labels", [(MNLI, [1, 2, 3]), (SST2, ["1", "2", "2"]), (SST2, [-1, 1, 1]), (MNLI, [1.0, 3.0])]
)
def test_numbers_that_are_counted_in_another_way_are_asked(task, labels):
    with pytest.raises(DataError, match=r"it is not plain what each means.*Say what each number means: labels"):
        checked(task, labels)
    numbers = sorted({plain(label) for label in labels})
    assert ids(task, labels, meaning=LabelMeaning(dict(zip(numbers, task.labels, strict=False))))


def test_a_column_with_a_zero_needs_no_question():
    assert ids(MNLI, [0, 2, 2]) == [0, 2, 2]
    assert len(checked(SST2, [0, 1, 1, 7]).facts.left_out) == 1


# -- scores --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value, number", [("4,5", 4.5), (" 4.5 ", 4.5), (3, 3.0), ("", None), (True, None), ("inf", None), ("x", None)]
)
def test_numbers_of_cells(value, number):
    assert number_of(value) == number


def test_scores_on_a_scale_that_is_not_plain_are_asked():
    with pytest.raises(
        DataError, match=r"the scores run from 0.1 to 0.9, those of stsb from 0 to 5.*score_range 0,1, or 0,5"
    ):
        checked(STSB, [0.1, 0.5, 0.9])
    with pytest.raises(DataError, match=r"score_range 10,95"):
        checked(STSB, [10, 50, 95])
    assert ids(STSB, [0.1, 0.5, 0.9], meaning=LabelMeaning(score_range=(0, 1))) == [0.5, 2.5, 4.5]
    assert ids(STSB, [0.1, 0.5, 0.9], meaning=LabelMeaning(score_range=(0, 5))) == [0.1, 0.5, 0.9]
    assert ids(STSB, [1, 3, 5], meaning=LabelMeaning(score_range=(1, 5))) == [0, 2.5, 5]


def test_the_scale_is_said():
    (note,) = row_notes(checked(STSB, ["0,5", "4,5", 1]).facts)
    assert note.startswith("Scores: 0 to 5; the rows have 0.5 to 4.5.")
    (note,) = row_notes(checked(STSB, [0, 1], LabelMeaning(score_range=(0, 1))).facts)
    assert note.startswith("Scores: 0 to 1 are read as 0 to 5; the rows have 0 to 1.")


def test_a_few_scores_outside_the_scale_are_left_out_and_counted():
    found = checked(STSB, [*[index / 4 for index in range(20)], 7])
    assert len(found.rows) == 20
    assert [(group.rows, group.first) for group in found.facts.left_out] == [(1, (21,))]


def test_a_scale_from_high_to_low_is_refused():
    with pytest.raises(DataError, match="the first number must be the lower one"):
        checked(STSB, [1, 2], LabelMeaning(score_range=(5, 0)))


@pytest.mark.parametrize("task", [SST2, STSB], ids=lambda task: task.name)
def test_texts_alone_need_no_label(task):
    raw = [dict.fromkeys(task.text_fields, "text") | {"label": -1}, dict.fromkeys(task.text_fields, "more")]
    assert len(check_rows(task, raw, None, "mine.csv", LabelMeaning(needed=False)).rows) == 2
