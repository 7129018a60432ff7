"""Answers in any shape that files have them in, each with its place in the text."""

import pytest

from minilm_demo.data.answers import locate, read_answers
from minilm_demo.data.labels import Unusable

CONTEXT = "In 2015 it had 5 colours and 1,250 guests, 7.5 of them Lena's. Lena left at 5:30 with Lenas."


@pytest.mark.parametrize(
    "answer, context, start",
    [
        ("5 colours", CONTEXT, 15),
        ("2015", CONTEXT, 3),
        ("7", "She was born in 1817 and played at the age of 7.", 46),
        ("5", "Since 2015 it has been sold in 5 colours.", 31),
        ("250", "It cost 1,250 or 250.", 17),
        ("7", "7.5 or 7", 7),
        ("art", "The start of art.", 13),
        ("(so)", "He said (so).", 8),
        ("大学", "東京大学です", 2),
        ("café", "un café.", 3),
    ],
)
def test_an_answer_stands_as_whole_words(answer, context, start):
    assert locate(answer, context) == start
    assert context[start : start + len(answer)] == answer


@pytest.mark.parametrize(
    "answer, context, words",
    [
        ("Lena", CONTEXT, "more than once; a column answer_start"),
        ("salt", "salt, then cream, and at the end more salt.", "more than once; a column answer_start"),
        ("15", "In 2015 only.", "only inside another word or number"),
        ("art", "The start.", "only inside another word or number"),
        ("25", "It cost 1,250.", "only inside another word or number"),
        ("Ida", "Nobody came.", "does not stand in the text"),
    ],
)
def test_an_answer_without_one_place_is_not_guessed(answer, context, words):
    with pytest.raises(Unusable, match=words):
        locate(answer, context)


PRINTED = [
    "{'text': ['Lena'], 'answer_start': [55]}",
    "{'text': array(['Lena'], dtype=object), 'answer_start': array([55])}",
    "{'text': array(['Lena'],\n      dtype=object), 'answer_start': array([55], dtype=int32)}",
    "{'text': np.array(['Lena']), 'answer_start': [np.int64(55)]}",
    '{"text": ["Lena"], "answer_start": [55]}',
    '{"answer_start": 55, "text": "Lena"}',
    "[{'text': 'Lena', 'answer_start': 55}]",
    {"text": ("Lena",), "answer_start": (55,)},
]


@pytest.mark.parametrize("printed", PRINTED, ids=str)
def test_answers_as_json_python_and_pandas_print_them(printed):
    assert read_answers(printed, None, CONTEXT) == {"text": ["Lena"], "answer_start": [55]}


@pytest.mark.parametrize(
    "printed",
    ["{'text': array([], dtype=object), 'answer_start': array([], dtype=int32)}", "[]", None, "", float("nan")],
)
def test_no_answer(printed):
    assert read_answers(printed, None, CONTEXT) == {"text": [], "answer_start": []}


def test_lists_and_offsets_in_columns_of_their_own():
    expected = {"text": ["Lena", "Lena"], "answer_start": [55, 63]}
    assert read_answers("['Lena', 'Lena']", "[55, 63]", CONTEXT) == expected
    assert read_answers("Lena", "63", CONTEXT) == read_answers("Lena", 63.0, CONTEXT)
    assert read_answers("[sic]", None, "He wrote [sic] here.") == {"text": ["[sic]"], "answer_start": [9]}


@pytest.mark.parametrize(
    "printed",
    [
        "{'text': __import__('os').getcwd(), 'answer_start': [0]}",
        "{'text': open('x'), 'answer_start': [0]}",
        "{'text': [x for x in 'a'], 'answer_start': [0]}",
        "{'text': 'a' * 9, 'answer_start': 0}",
        "{'text': ['Lena' 'Ida'], 'answer_start': [0]}",
        "{'text': ['Lena'], 'answer_start': [1]}",
        "{'text': ['Lena'], 'answer_start': []}",
        "{'text': ['Lena']}",
        "{" * 5000,
        "{'text': [" + "[" * 5000,
    ],
)
def test_what_is_no_answer_is_never_run(printed):
    with pytest.raises(Unusable):
        read_answers(printed, None, CONTEXT)
