"""JSON as programs write it: lines, documents of pandas and of the Hub, SQuAD's own, annotated texts."""

import json

import pandas
import pytest

from minilm_demo.data.columns import read_file
from minilm_demo.data.files import read_table
from minilm_demo.errors import DataError
from minilm_demo.tasks import TASKS

ROWS = [
    {"sentence": "fine {day}", "label": 1},
    {"sentence": "so\u2028so", "label": 0},
    {"sentence": "bad [night]", "label": 0},
]


def read(tmp_path, name, document):
    text = document if isinstance(document, str) else json.dumps(document, ensure_ascii=False)
    (tmp_path / name).write_text(text, encoding="utf-8")
    return read_table(tmp_path / name)


SHAPES = {
    "an array": ROWS,
    "lines": "\n".join(json.dumps(row, ensure_ascii=False) for row in ROWS) + "\n\n",
    "objects over several lines": "\n".join(json.dumps(row, indent=2) for row in ROWS),
    "objects with commas between": ",\n".join(json.dumps(row, indent=2) for row in ROWS),
    "an array over several lines": json.dumps(ROWS, indent=4),
    "in a field": {"version": "1", "data": ROWS},
    "in a field of any name": {"reviews": ROWS},
    "a list for each column": {"sentence": [row["sentence"] for row in ROWS], "label": [row["label"] for row in ROWS]},
    "rows as lists with names": [list(ROWS[0]), *(list(row.values()) for row in ROWS)],
    "the answer of a viewer": {
        "features": [{"feature_idx": 0, "name": "sentence", "type": {"dtype": "string", "_type": "Value"}}],
        "rows": [{"row_idx": index, "row": row, "truncated_cells": []} for index, row in enumerate(ROWS)],
        "num_rows_total": 3,
    },
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("suffix", [".json", ".jsonl"])
def test_every_shape_gives_the_same_rows(shape, suffix, tmp_path):
    table = read(tmp_path, f"my{suffix}", SHAPES[shape])
    assert table.rows == ROWS
    assert table.columns == ("sentence", "label")


@pytest.mark.parametrize("names", [None, ["a", "b", "c"], [10, 20, 30]])
@pytest.mark.parametrize("orient", ["columns", "index", "split", "records", "table"])
def test_pandas_is_read_in_every_orient(orient, names, tmp_path):
    frame = pandas.DataFrame(ROWS, index=names)
    table = read(tmp_path, "my.json", frame.to_json(orient=orient))
    assert [{name: row[name] for name in ROWS[0]} for row in table.rows] == ROWS


def test_lists_of_any_names_are_columns(tmp_path):
    table = read(tmp_path, "my.json", {"what they said": ["fine", "bad"], "mood": ["up", "down"]})
    assert table.rows == [{"what they said": "fine", "mood": "up"}, {"what they said": "bad", "mood": "down"}]


def test_pandas_without_names_of_columns_gets_some(tmp_path):
    table = read(tmp_path, "my.json", pandas.DataFrame(ROWS).to_json(orient="values"))
    assert table.columns == ("text", "label")
    assert table.notes == ("The rows have no names of columns; they are called text and label here.",)


def test_the_names_of_labels_of_the_viewer_are_kept(tmp_path):
    document = {
        "features": [{"name": "label", "type": {"names": ["positive", "negative"], "_type": "ClassLabel"}}],
        "rows": [{"row_idx": 0, "row": {"text": "fine", "label": 0}, "truncated_cells": ["text"]}],
        "num_rows_total": 500,
    }
    table = read(tmp_path, "my.json", document)
    assert table.label_names == {"label": ["positive", "negative"]}
    assert table.notes[1:] == ("The viewer has cut cells in 1 of the 1 rows.", "It holds 1 of 500 rows.")
    assert read_file(TASKS["sst2"], tmp_path / "my.json").rows == [{"sentence": "fine", "label": 1}]


def squad(version, **of_second):
    context = "The mill was built in 1784 by a clockmaker."
    return {
        "version": version,
        "data": [
            {
                "title": "Mill",
                "paragraphs": [
                    {
                        "context": context,
                        "qas": [
                            {"id": "1", "question": "When?", "answers": [{"text": "1784", "answer_start": 22}]},
                            {"id": "2", "question": "Who owns it?", **of_second},
                        ],
                    }
                ],
            }
        ],
    }


SECOND = {
    "1.1": ({"answers": [{"text": "a clockmaker", "answer_start": 30}] * 2}, ["a clockmaker"] * 2, [30, 30]),
    "v2.0": (
        {"is_impossible": True, "answers": [], "plausible_answers": [{"text": "1784", "answer_start": 22}]},
        [],
        [],
    ),
}


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("version", SECOND)
def test_squad_is_read_as_it_is_published(version, indent, tmp_path):
    of_second, texts, starts = SECOND[version]
    table = read(tmp_path, "dev.json", json.dumps(squad(version, **of_second), indent=indent))
    first, second = table.rows
    assert first["answers"] == {"text": ["1784"], "answer_start": [22]}
    assert second["answers"] == {"text": texts, "answer_start": starts}
    assert (second["id"], second["title"], second["question"]) == ("2", "Mill", "Who owns it?")
    assert f"2 questions, {int(not texts)} of them without an answer" in table.notes[0]
    assert len(read_file(TASKS["squad_v2"], tmp_path / "dev.json").rows) == 2


@pytest.mark.parametrize("part", ["articles", "paragraphs", "lines"])
def test_parts_of_squad_are_read_too(part, tmp_path):
    articles = squad("1.1", answers=[{"text": "1784", "answer_start": 22}])["data"]
    paragraphs = articles[0]["paragraphs"]
    document = {"articles": articles, "paragraphs": {"paragraphs": paragraphs}, "lines": json.dumps(paragraphs[0])}[
        part
    ]
    assert [row["question"] for row in read(tmp_path, "my.json", document).rows] == ["When?", "Who owns it?"]


def test_lines_of_the_mrqa_sets_are_read(tmp_path):
    paragraph = {
        "context": "Built in 1784.",
        "qas": [
            {
                "qid": "q1",
                "question": "When?",
                "answers": ["1784"],
                "detected_answers": [{"text": "1784", "char_spans": [[9, 12]]}],
            }
        ],
    }
    lines = [{"header": {"dataset": "own"}}, paragraph]
    table = read(tmp_path, "my.jsonl", "\n".join(map(json.dumps, lines)))
    assert table.rows[0]["answers"] == {"text": ["1784"], "answer_start": [9]}
    assert table.rows[0]["id"] == "q1"


def annotation(value, name="sentiment", **more):
    return {"result": [{"from_name": name, "to_name": "text", "type": "choices", "value": value}], **more}


def test_label_studio_is_read_as_it_exports(tmp_path):
    positive, negative = annotation({"choices": ["Positive"]}), annotation({"choices": ["Negative"]})
    tasks = [
        {"id": 1, "data": {"text": "fine"}, "annotations": [positive, positive], "predictions": []},
        {"id": 2, "data": {"text": "hm"}, "annotations": [positive, negative]},
        {"id": 3, "data": {"text": "bad"}, "annotations": [negative | {"was_cancelled": True}, positive]},
        {"id": 4, "data": {"text": "new"}, "annotations": []},
        {"id": 5, "data": {"text": "stars"}, "annotations": [annotation({"rating": 4}, "stars")]},
        {
            "id": 6,
            "data": {"text": "Built in 1784."},
            "annotations": [annotation({"start": 9, "end": 13, "text": "1784", "labels": ["Answer"]}, "answers")],
        },
    ]
    table = read(tmp_path, "export.json", tasks)
    assert [row["sentiment"] for row in table.rows] == ["Positive", None, "Positive", None, None, None]
    assert table.rows[4]["stars"] == 4
    assert table.rows[5]["answers"] == {"text": ["1784"], "answer_start": [9]}
    assert table.notes == (
        "Read as Label Studio exports it.",
        "In 1 row the annotations do not agree; there is no label then.",
        "1 row without an annotation.",
    )


@pytest.mark.parametrize("field, text", [("label", "text"), ("labels", "text"), ("label", "data")])
def test_doccano_is_read_as_it_exports(field, text, tmp_path):
    lines = [
        {"id": number, text: f"text {number}", field: labels}
        for number, labels in enumerate((["positive"], ["negative"]))
    ]
    read(tmp_path, "all.jsonl", "\n".join(map(json.dumps, lines)))
    assert read_file(TASKS["sst2"], tmp_path / "all.jsonl").rows == [
        {"sentence": "text 0", "label": 1, "id": "0"},
        {"sentence": "text 1", "label": 0, "id": "1"},
    ]


def test_choices_of_label_studios_short_export_are_labels(tmp_path):
    rows = [{"text": "a", "mood": {"choices": ["up"]}}, {"text": "b", "mood": "down"}]
    assert [row["mood"] for row in read(tmp_path, "my.json", rows).rows] == ["up", "down"]


def test_objects_in_cells_become_columns(tmp_path):
    table = read(tmp_path, "my.json", [{"text": "a", "meta": {"by": {"name": "x"}, "year": 2}}, {"text": "b"}])
    assert table.rows == [
        {"text": "a", "meta.by.name": "x", "meta.year": 2},
        {"text": "b", "meta.by.name": None, "meta.year": None},
    ]


def test_lists_are_kept_and_are_no_text(tmp_path):
    table = read(tmp_path, "my.json", [{"sentence": ["a", "b"], "label": 1}, {"sentence": ["c"], "label": 0}])
    assert table.notes == ("The column sentence holds lists, which are no text and no label.",)
    with pytest.raises(DataError, match=r"the column sentence holds 2 lists or objects \(the first: row 1\)"):
        read_file(TASKS["sst2"], tmp_path / "my.json")


def test_what_is_no_number_is_an_empty_cell(tmp_path):
    assert read(tmp_path, "my.json", '[{"text": "a", "label": NaN}]').rows == [{"text": "a", "label": None}]


REFUSED = {
    "several bad lines": ('{"a": 1}\nx\n"y"\n', "line 2 is not JSON: .* 2 lines of 3 cannot be read"),
    "numbers": ("[1, 2]", "line 1 of its list is not a JSON object: 1"),
    "a word": ('"word"', "line 1 is not a JSON object"),
    "two lists": ({"a": [{"x": 1}], "b": [{"x": 1}]}, "holds several lists of rows: a and b"),
    "lists of different lengths": ({"text": ["a", "b"], "label": [1]}, "text has 2 and label has 1"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_another_shape_is_refused_in_words(case, tmp_path):
    document, words = REFUSED[case]
    with pytest.raises(DataError, match=words):
        read(tmp_path, "my.json", document)
