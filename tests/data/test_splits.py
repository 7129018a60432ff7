"""Twins stay on one side of a split, and classes have the same share of both."""

import random
from collections import Counter
from pathlib import Path

import pytest

from minilm_demo.data import split_facts, twin_numbers
from minilm_demo.data.kinds import kind_of
from minilm_demo.data.sources import open_source
from minilm_demo.data.splits import hold_back, set_apart
from minilm_demo.results import row_notes
from minilm_demo.results.rows import RowFacts
from minilm_demo.tasks import TASKS

SST2, STSB, SQUAD_2 = (TASKS[name] for name in ("sst2", "stsb", "squad_v2"))


def reviews(number, times=1):
    coin = random.Random(1)
    rows = [{"sentence": f"Text  number {index}", "label": coin.randrange(2)} for index in range(number)]
    return [
        row | {"sentence": row["sentence"].upper() if turn % 2 else row["sentence"]}
        for turn in range(times)
        for row in rows
    ]


def questions(contexts, each):
    return [
        {
            "question": f"What is {q}?",
            "context": f"Context {c} says {q}.".replace(f" says {q}", ""),
            "answers": {"text": [], "answer_start": []},
        }
        for c in range(contexts)
        for q in range(each)
    ]


@pytest.mark.parametrize(
    "task, rows", [(SST2, reviews(40, times=5)), (SQUAD_2, questions(10, 6)), (SST2, reviews(3, times=20))]
)
def test_twins_are_on_one_side(task, rows):
    train, apart = set_apart(task, rows, len(rows) // 5, seed=0)
    keys = [{kind_of(task).twin_key(task, row) for row in side} for side in (train, apart)]
    assert keys[0].isdisjoint(keys[1])
    assert len(train) + len(apart) == len(rows)
    assert 0 < len(apart) <= len(rows) * 0.4
    assert split_facts(task, apart, twin_numbers(task, train)).in_training == 0


def test_questions_on_one_context_are_split_all_the_same():
    train, apart = set_apart(SQUAD_2, questions(1, 10), 2, seed=0)
    assert (len(train), len(apart)) == (8, 2)
    facts = split_facts(SQUAD_2, apart, twin_numbers(SQUAD_2, train))
    assert facts.in_training == 2
    assert any(
        "2 of 2 rows of validation also stand in the training rows" in note
        for note in row_notes(RowFacts(splits={"validation": facts}))
    )


@pytest.mark.parametrize("number", [10, 50, 333])
def test_classes_have_the_same_share(number):
    rows = [{"sentence": f"row {index}", "label": int(index % 5 == 0)} for index in range(number)]
    _, apart = set_apart(SST2, rows, number // 5, seed=0)
    assert len(apart) == number // 5
    share = Counter(row["label"] for row in apart)[1] / len(apart)
    assert share == pytest.approx(Counter(row["label"] for row in rows)[1] / number, abs=1 / len(apart))


def test_scores_of_every_height_are_on_both_sides():
    rows = [{"sentence1": f"a {index}", "sentence2": "b", "label": index % 51 / 10} for index in range(200)]
    train, apart = set_apart(STSB, rows, 40, seed=0)
    for side in (train, apart):
        assert {min(4, int(row["label"])) for row in side} == set(range(5))


@pytest.mark.parametrize("rows", [reviews(1), reviews(1, times=4)])
def test_one_text_is_not_divided(rows):
    train, apart = set_apart(SST2, rows, 1, seed=0)
    assert (len(train), len(apart)) == (len(rows), 0)


@pytest.mark.parametrize("rest", [[], reviews(600, times=2)])
def test_held_back_rows_are_no_twins(rest):
    rows = reviews(600, times=2)
    train, held = hold_back(SST2, rows, rest, seed=0)
    assert split_facts(SST2, held, twin_numbers(SST2, train)).in_training == 0
    assert len(held) == pytest.approx(120, abs=5)


def test_labels_of_twins_that_contradict_each_other_are_counted():
    rows = [{"sentence": "Fine.", "label": 0}, {"sentence": "fine. ", "label": 1}, {"sentence": "dull", "label": 0}]
    facts = split_facts(SST2, rows)
    assert (facts.repeated, facts.contradicting, facts.labels) == (1, 2, {"negative": 2, "positive": 1})
    assert any(
        "2 rows of train have the texts of another row and another label" in note
        for note in row_notes(RowFacts(splits={"train": facts}))
    )


def test_a_class_that_never_occurs_is_said():
    facts = split_facts(SST2, [{"sentence": "fine", "label": 1}])
    assert row_notes(RowFacts(splits={"train": facts})) == ("No row of train is labelled “negative”.",)


def test_a_folder_says_how_many_validation_rows_stand_in_training(tmp_path):
    for split, texts in (("train", "abcd"), ("validation", "cdef")):
        lines = [f'{{"sentence": "text {text}", "label": {index % 2}}}' for index, text in enumerate(texts)]
        Path(tmp_path / f"{split}.jsonl").write_text("\n".join(lines), encoding="utf-8")
    source = open_source(SST2, str(tmp_path))
    assert split_facts(SST2, source.read("validation"), twin_numbers(SST2, source.read("train"))).in_training == 2
