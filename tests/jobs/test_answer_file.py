"""A whole file through a checkpoint: what comes out keeps everything that went in."""

import csv
import json
import math
import re

import pyarrow
import pyarrow.parquet
import pytest
import torch

from minilm_demo import TASKS, load_checkpoint, predict_rows
from minilm_demo.errors import DataError
from minilm_demo.jobs import answer_file as batch
from minilm_demo.jobs.answer_file import predict_file, task_of_table
from minilm_demo.tasks import skill_tasks

STRANGE = ('naïve "quoted", café', "日本語 😀", "two\nlines", "a; b\tc", "=1+1", "NA", "\u2028 separator")


READ = ("unsure", "truncated", "tokens_read", "tokens_total", "unknown_words")


def write_csv(path, columns, rows, **options):
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, **options)
        writer.writerows([columns, *rows])
    return path


def read_csv(path) -> tuple[list[str], list[dict]]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        return list(reader.fieldnames), list(reader)


@pytest.fixture
def output(tmp_path):
    return tmp_path / "out.csv"


def test_columns_order_and_characters_stay(tiny_checkpoint_for, tmp_path, output):
    rows = [[str(index), text, f"note {text}", ""] for index, text in enumerate(STRANGE)]
    source = write_csv(tmp_path / "in.csv", ["number", "sentence", "Nöte", "empty"], rows)
    assert predict_file([TASKS["sst2"]], str(tiny_checkpoint_for("sst2")), source, output).rows == len(STRANGE)
    columns, written = read_csv(output)
    assert columns == [
        *("number", "sentence", "Nöte", "empty", "prediction", "probability_negative", "probability_positive", *READ)
    ]
    as_text = [["'=1+1" if cell == "=1+1" else cell for cell in row] for row in rows]
    assert [list(row.values())[:4] for row in written] == as_text
    assert [path.name for path in tmp_path.iterdir() if "out" in path.name] == ["out.csv"]


def test_the_numbers_are_those_of_predict_rows(tiny_checkpoint_for, tmp_path, output):
    checkpoint = load_checkpoint(str(tiny_checkpoint_for("sst2")), TASKS["sst2"])
    weight = checkpoint.model.classifier.weight  # so large that texts have probabilities of their own
    weight.data = torch.randn(weight.shape, generator=torch.Generator().manual_seed(0)) * 20
    checkpoint.model.save_pretrained(tmp_path / "sure")
    checkpoint.tokenizer.save_pretrained(tmp_path / "sure")
    texts = ["a long and very long sentence about nothing", "short", *STRANGE]
    source = write_csv(tmp_path / "in.csv", ["sentence"], [[text] for text in texts])
    predict_file([TASKS["sst2"]], str(tmp_path / "sure"), source, output)
    expected = predict_rows(TASKS["sst2"], checkpoint, [{"sentence": text} for text in texts])
    _, written = read_csv(output)
    assert [row["prediction"] for row in written] == [one.label for one in expected]
    got = [float(row["probability_positive"]) for row in written]
    assert got == pytest.approx([one.probabilities["positive"] for one in expected], abs=1e-4)
    assert len(set(got)) >= len(texts) - 2


@pytest.mark.parametrize("kind", ["csv", "semicolons", "tsv", "jsonl", "parquet"])
def test_every_kind_of_file_and_guessed_columns(tiny_checkpoint_for, tmp_path, output, kind):
    rows = [{"Premise": "a man sleeps", "claim": "he runs, fast"}, {"Premise": "ü", "claim": "it is"}]
    if kind in ("csv", "semicolons", "tsv"):
        source = tmp_path / ("in.tsv" if kind == "tsv" else "in.csv")
        delimiter = {"csv": ",", "semicolons": ";", "tsv": "\t"}[kind]
        write_csv(source, list(rows[0]), [list(row.values()) for row in rows], delimiter=delimiter)
    elif kind == "jsonl":
        source = tmp_path / "in.jsonl"
        source.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    else:
        source = tmp_path / "in.parquet"
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), source)
    assert predict_file([TASKS["mnli"]], str(tiny_checkpoint_for("mnli")), source, output).rows == 2
    columns, written = read_csv(output)
    assert columns[:3] == ["Premise", "claim", "prediction"]
    assert [(row["Premise"], row["claim"]) for row in written] == [tuple(row.values()) for row in rows]
    assert {row["prediction"] for row in written} <= set(TASKS["mnli"].labels)
    for row in written:
        assert sum(float(row[f"probability_{label}"]) for label in TASKS["mnli"].labels) == pytest.approx(1, abs=1e-3)


def test_the_only_column_of_texts_is_read_whatever_it_is_called(tiny_checkpoint_for, tmp_path, output):
    rows = [["7", "Das war ein schöner Abend", "x"], ["8", "Nie wieder in dieses Haus", "y"]]
    source = write_csv(tmp_path / "in.csv", ["Nr", "Ihre Meinung", "Ort"], rows)
    answered = predict_file([TASKS["sst2"]], str(tiny_checkpoint_for("sst2")), source, output)
    assert answered.notes()[0] == "The column “Ihre Meinung” is read as sentence."
    assert all(row["prediction"] in TASKS["sst2"].labels for row in read_csv(output)[1])
    two = write_csv(tmp_path / "two.csv", ["Gut", "Schlecht"], [["Das war ein Abend", "Das war ein Morgen"]])
    with pytest.raises(DataError, match="no column for sentence"):
        predict_file([TASKS["sst2"]], str(tiny_checkpoint_for("sst2")), two, tmp_path / "none.csv")


def test_answers_come_with_their_place_in_the_text(tiny_checkpoint_for, tmp_path, output):
    rows = [["7", "Who?", "Ada wrote 😀 notes."], ["8", "What is it?", "A book, “blue”."]]
    source = write_csv(tmp_path / "in.csv", ["id", "question", "context"], rows)
    checkpoint = str(tiny_checkpoint_for("squad_v2"))
    predict_file([TASKS["squad_v2"]], checkpoint, source, output, threshold=1e9)
    columns, written = read_csv(output)
    assert columns == ["id", "question", "context", "prediction", "start", "end", "no_answer_score", *READ]
    for row in written:
        assert row["prediction"]
        assert row["context"][int(row["start"]) : int(row["end"])] == row["prediction"]
        assert float(row["no_answer_score"])
    predict_file([TASKS["squad_v2"]], checkpoint, source, output, overwrite=True, threshold=-1e9)
    assert {(row["prediction"], row["start"], row["end"]) for row in read_csv(output)[1]} == {("", "", "")}


def test_a_score_is_one_column(tiny_checkpoint_for, tmp_path, output):
    source = write_csv(tmp_path / "in.csv", ["sentence1", "sentence2"], [["a cat", "a dog"], ["a", "b"]])
    predict_file([TASKS["stsb"]], str(tiny_checkpoint_for("stsb")), source, output)
    columns, written = read_csv(output)
    assert columns == ["sentence1", "sentence2", "prediction", *READ]
    assert all(re.fullmatch(r"-?\d+\.\d{1,4}", row["prediction"]) for row in written)


def test_progress_ends_at_the_number_of_rows(tiny_checkpoint_for, tmp_path, output):
    source = write_csv(tmp_path / "in.csv", ["sentence"], [[f"sentence {index}"] for index in range(70)])
    seen = []
    predict_file(
        [TASKS["sst2"]],
        str(tiny_checkpoint_for("sst2")),
        source,
        output,
        on_rows=lambda name, done, of: seen.append((name, done, of)),
    )
    assert seen == [("in.csv", 32, 70), ("in.csv", 64, 70), ("in.csv", 70, 70)]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("in.csv", "number,words\n1,hello\n", "in.csv has no column for sentence. Found: number, words."),
        ("in.csv", 'id,sentence\n1,\n2,"  "\n', "in.csv has 2 rows, and no text in sentence."),
        ("in.csv", "sentence\n", "in.csv has no rows."),
        ("in.csv", "", "in.csv has no rows."),
        ("in.doc", "hello", "in.doc: files may be"),
        ("in.csv", None, "There is no file"),
        ("in.csv", "id,sentence\n1,one, two\n", "1 row has 3 cells (line 2)"),
        ("in.jsonl", '{"sentence": ["a"]}\n{"sentence": ["b", "c"]}\n', "the column sentence holds 2 lists"),
        ("in.csv", "sentence\nУжасный\n".encode("koi8-r"), "in.csv is not UTF-8 text"),
    ],
)
def test_a_file_that_does_not_fit_is_one_sentence_and_leaves_no_output(
    tiny_checkpoint_for, tmp_path, output, name, content, words
):
    source = tmp_path / name
    if content is not None:
        source.write_bytes(content if isinstance(content, bytes) else content.encode())
    checkpoint = str(tiny_checkpoint_for("sst2"))
    with pytest.raises(DataError, match=re.escape(words)):
        predict_file([TASKS["sst2"]], checkpoint, source, output)
    assert [path.name for path in tmp_path.iterdir()] == ([name] if content is not None else [])


@pytest.mark.parametrize(
    ("name", "content", "texts"),
    [
        ("in.csv", "sentence,n\nfine,1\n\n,\n  ,2\nbad,3\n\n", ["fine", "", "", "  ", "bad"]),
        ("in.csv", "n,sentence\n1,fine\nn,sentence\n2,bad\n", ["fine", "sentence", "bad"]),
        (
            "in.jsonl",
            '{"sentence": "fine"}\n{"n": 2}\n{"sentence": null}\n{"sentence": "bad"}\n',
            ["fine", "", "", "bad"],
        ),
        ("in.txt", "fine\n\nbad\n", ["fine", "", "bad"]),
        ("in.csv", "n,sentence\r\n1,fine\r\n\r\n2,bad\r\n,\r\n,\r\n", ["fine", "", "bad", "", ""]),  # Excel's last
        ("in.csv", 'sentence\nfine\n""\nbad\n""\n', ["fine", "", "bad", ""]),  # as pandas writes one column
        ("in.tsv", "n\tsentence\n1\tfine\n\t\n2\tbad\n3\t\n\n", ["fine", "", "bad", ""]),
        ("in.csv", "sep=;\nn;sentence\n1;fine\nn;sentence\n2;bad\n", ["fine", "sentence", "bad"]),
        ("in.csv", "n,sentence\n1,fine\n\ufeffn,sentence \n2,bad\n", ["fine", "sentence ", "bad"]),  # two in one
        ("in.json", '[{"sentence": "fine"}, {}, {"sentence": NaN}, {"sentence": "bad"}]', ["fine", "", "", "bad"]),
    ],
)
def test_a_batch_keeps_number_and_order_of_the_rows(tiny_checkpoint_for, tmp_path, output, name, content, texts):
    (tmp_path / name).write_text(content)
    answered = predict_file([TASKS["sst2"]], str(tiny_checkpoint_for("sst2")), tmp_path / name, output)
    _, rows = read_csv(output)
    column = "text" if name == "in.txt" else "sentence"
    assert [row[column] for row in rows] == texts
    assert [bool(row["prediction"]) for row in rows] == [text in ("fine", "bad") for text in texts]
    repeats = sum(text.strip() == "sentence" for text in texts)
    assert (answered.rows, answered.empty, answered.repeated) == (len(texts), len(texts) - 2, repeats)
    assert any("names of the columns once more" in note for note in answered.notes()) is bool(repeats)


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({"max_rows": 2}, "in.csv has 3 rows; at most 2 are"),
        ({"max_characters": 11}, "in.csv has 12 characters of text; at most 11 are"),
        ({"max_rows": 3, "max_characters": 12}, None),
    ],
)
def test_too_much_is_refused_before_the_model_runs(tiny_checkpoint_for, tmp_path, output, monkeypatch, limits, words):
    source = write_csv(tmp_path / "in.csv", ["sentence", "other"], [["fine", "not read"]] * 3)
    checkpoint = str(tiny_checkpoint_for("sst2"))
    if words is None:
        assert predict_file([TASKS["sst2"]], checkpoint, source, output, **limits).rows == 3
        return
    monkeypatch.setattr(batch, "cached_checkpoint", lambda *_: pytest.fail("the checkpoint was loaded"))
    with pytest.raises(DataError, match=re.escape(words)):
        predict_file([TASKS["sst2"]], checkpoint, source, output, **limits)
    assert not output.exists()


def test_an_output_that_cannot_be_written_is_one_sentence(tiny_checkpoint_for, tmp_path):
    source = write_csv(tmp_path / "in.csv", ["sentence"], [["fine"]])
    with pytest.raises(DataError, match="cannot be written: No such file or directory"):
        predict_file([TASKS["sst2"]], str(tiny_checkpoint_for("sst2")), source, tmp_path / "no" / "out.csv")


@pytest.mark.parametrize("place", ["no/out.csv", "in.csv/out.csv", "folder", ".", "x" * 300])
def test_a_wrong_place_is_found_out_before_the_model_runs(place, tmp_path, monkeypatch):
    monkeypatch.setattr(batch, "cached_checkpoint", lambda *_: pytest.fail("the checkpoint was loaded"))
    source = write_csv(tmp_path / "in.csv", ["sentence"], [["fine"]])
    (tmp_path / "folder").mkdir()
    with pytest.raises(DataError, match=r"cannot be written: .*\.$"):
        predict_file([TASKS["sst2"]], "any", source, tmp_path / place)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "in.csv"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError, DataError])
def test_nothing_is_left_of_an_output_that_was_broken_off(tiny_checkpoint_for, tmp_path, output, monkeypatch, error):
    def broken(*_, **options):
        assert len(list(tmp_path.glob(".*-out.csv"))) == 1
        raise error("broken off")

    monkeypatch.setattr(batch, "predict_rows", broken)
    output.write_text("before")
    source = write_csv(tmp_path / "in.csv", ["sentence"], [["fine"]])
    with pytest.raises(error, match="broken off"):
        predict_file([TASKS["sst2"]], str(tiny_checkpoint_for("sst2")), source, output, overwrite=True)
    assert output.read_text() == "before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.csv", "out.csv"]


def test_a_failure_keeps_the_old_output(tiny_checkpoint_for, tmp_path, output):
    output.write_text("before")
    source = write_csv(tmp_path / "in.csv", ["other"], [["fine"]])
    with pytest.raises(DataError):
        predict_file([TASKS["sst2"]], str(tiny_checkpoint_for("sst2")), source, output)
    assert output.read_text() == "before"


def test_an_output_may_replace_its_input_and_be_read_again(tiny_checkpoint_for, tmp_path):
    source = write_csv(tmp_path / "in.csv", ["sentence"], [["fine"], ["bad"]])
    checkpoint = str(tiny_checkpoint_for("sst2"))
    predict_file([TASKS["sst2"]], checkpoint, source, source, overwrite=True)
    columns, first = read_csv(source)
    predict_file([TASKS["sst2"]], checkpoint, source, source, overwrite=True)
    again, second = read_csv(source)
    # What the first model said stands beside what the second says.
    assert again == [*columns, *(f"{name}_2" for name in columns[1:])]
    assert [{name: row[name] for name in columns} for row in second] == first
    assert [row["prediction_2"] for row in second] == [row["prediction"] for row in first]


def test_a_text_without_tokens_does_not_take_the_other_answers_with_it(tiny_checkpoint_for, tmp_path):
    rows = [["Who?", "\u200b"], ["Who?", "Ann and Ben."]]
    source = write_csv(tmp_path / "in.csv", ["question", "context"], rows)
    output = tmp_path / "out.csv"
    assert predict_file([TASKS["squad_v2"]], str(tiny_checkpoint_for("squad_v2")), source, output).rows == 2
    odd, other = read_csv(output)[1]
    assert (odd["prediction"], odd["start"], odd["no_answer_score"]) == ("", "", "")
    assert math.isfinite(float(other["no_answer_score"]))


def test_half_a_surrogate_pair_does_not_take_the_answers_with_it(tiny_checkpoint_for, tmp_path):
    source, output = tmp_path / "in.jsonl", tmp_path / "out.csv"
    source.write_text('{"sentence": "fine \\ud83d", "mine \\ud83d": "x \\ud83d"}\n', encoding="utf-8")
    assert predict_file([TASKS["sst2"]], str(tiny_checkpoint_for("sst2")), source, output).rows == 1
    columns, (row,) = read_csv(output)
    assert columns[:2] == ["sentence", "mine ?"]
    assert (row["sentence"], row["mine ?"]) == ("fine ?", "x ?")


@pytest.mark.parametrize(
    ("columns", "texts", "expected"),
    [
        (["sentence1", "sentence2"], ["Is it?", "Is it not?"], "mrpc"),  # named as the task names them
        (["question1", "question2"], ["He came.", "He went."], "qqp"),
        (["text1", "text2"], ["He came.", "He went."], "mrpc"),
        (["text1", "text2"], ["Is it?", "Is it not?"], "qqp"),
        (["other"], ["Is it?"], "mrpc"),  # predict_file says what is missing
        ([], [], "mrpc"),
    ],
)
def test_a_file_is_for_the_task_whose_columns_it_has(columns, texts, expected):
    table = [dict(zip(columns, texts, strict=True))]
    assert task_of_table(skill_tasks("paraphrase"), table).name == expected
    assert task_of_table([TASKS["qqp"]], table).name == "qqp"


# -- a spreadsheet, and what was not read --------------------------------------------------------------------------

CELLS = {  # as it comes in -> as it goes out
    "=1+1": "'=1+1",
    '=HYPERLINK("http://example.org","great")': '\'=HYPERLINK("http://example.org","great")',
    "+49 30 1234": "'+49 30 1234",
    "-terrible-": "'-terrible-",
    "@SUM(A1)": "'@SUM(A1)",
    "\t=1+1": "'\t=1+1",
    "＝1+1": "'＝1+1",
    "-2+3+cmd|' /C calc'!A0": "'-2+3+cmd|' /C calc'!A0",
    " =1+1": "' =1+1",
    "\xa0@SUM(A1)": "'\xa0@SUM(A1)",
    "good;=1+1;x": "good;'=1+1;x",  # where semicolons separate, a cell of its own
    ";=1+1": ";'=1+1",
    "good\t+cmd|' /C calc'!A0": "good\t'+cmd|' /C calc'!A0",
    "good; -2+3": "good; '-2+3",
    "two lines\n=1+1": "two lines\n=1+1",
    **{cell: cell for cell in ("-5", "+4930", "-3,5", "-1.25e-3", "12 %", "1,000.5", "'quoted", "a=b", "", "🙂")},
    **{cell: cell for cell in ("fun ;-) =D", "a; b\tc", "1 -2; e=mc", "well; - no")},
}


@pytest.mark.parametrize("cell", CELLS)
def test_no_cell_runs_in_a_spreadsheet_and_numbers_stay_numbers(tiny_checkpoint_for, tmp_path, output, cell):
    source = write_csv(tmp_path / "in.csv", ["id", "sentence", "mine"], [["001", "fine", cell], ["2", "bad", "x"]])
    predict_file([TASKS["sst2"]], str(tiny_checkpoint_for("sst2")), source, output)
    _, rows = read_csv(output)
    assert [row["mine"] for row in rows] == [CELLS[cell], "x"]
    assert rows[0]["id"] == "001"


def test_names_of_columns_do_not_run_either(tiny_checkpoint_for, tmp_path, output):
    source = write_csv(tmp_path / "in.csv", ["=1+1", "sentence"], [["a", "fine"]])
    predict_file([TASKS["sst2"]], str(tiny_checkpoint_for("sst2")), source, output)
    assert read_csv(output)[0][0] == "'=1+1"


def test_a_spreadsheet_knows_the_encoding(tiny_checkpoint_for, tmp_path, output):
    source = write_csv(tmp_path / "in.csv", ["sentence"], [["Jürgen Müßig — “Łukasz”"]])
    predict_file([TASKS["sst2"]], str(tiny_checkpoint_for("sst2")), source, output)
    assert output.read_bytes().startswith(b"\xef\xbb\xbf")
    assert read_csv(output)[1][0]["sentence"] == "Jürgen Müßig — “Łukasz”"


def test_what_was_not_read_stands_in_columns_and_is_counted(tmp_path, output):
    texts = ["A fine film. " * 60, "🤮🤮🤮 この", "\u200b\u200b", "", "A fine film."]
    source = write_csv(tmp_path / "in.csv", ["sentence"], [[text] for text in texts])
    answered = predict_file([TASKS["sst2"]], "sentiment", source, output)
    long, unknown, invisible, empty, plain = read_csv(output)[1]
    assert (long["truncated"], long["tokens_read"], long["tokens_total"]) == ("true", "128", "242")
    assert "🤮🤮🤮" in unknown["unknown_words"].split()
    assert (plain["truncated"], plain["unknown_words"], plain["unsure"]) == ("false", "", "false")
    assert not any(invisible[name] for name in READ) and not any(empty[name] for name in READ)
    assert (answered.rows, answered.empty, answered.truncated, answered.with_unknown_words) == (5, 2, 1, 1)
    assert "2 rows without a text: no answer stands beside it." in answered.notes()


def test_a_cell_that_is_no_number_is_no_text(tiny_checkpoint_for, tmp_path, output):
    source = tmp_path / "in.parquet"
    table = {"sentence": ["fine", None, "bad"], "score": [1.0, float("nan"), 2.0]}
    pyarrow.parquet.write_table(pyarrow.table(table), source)
    predict_file([TASKS["sst2"]], str(tiny_checkpoint_for("sst2")), source, output)
    assert [bool(row["prediction"]) for row in read_csv(output)[1]] == [True, False, True]
    pyarrow.parquet.write_table(pyarrow.table({"sentence": table["score"]}), source)
    predict_file([TASKS["sst2"]], str(tiny_checkpoint_for("sst2")), source, output, overwrite=True)
    assert [bool(row["prediction"]) for row in read_csv(output)[1]] == [True, False, True]


def test_columns_named_like_those_of_the_answers_stay(tiny_checkpoint_for, tmp_path, output):
    mine = ["sentence", "prediction", "unsure", "truncated", "tokens_read", "prediction_2"]
    source = write_csv(tmp_path / "in.csv", mine, [["fine", "mine", "a", "b", "c", "d"]])
    predict_file([TASKS["sst2"]], str(tiny_checkpoint_for("sst2")), source, output)
    columns, (row,) = read_csv(output)
    assert columns[: len(mine)] == mine and [row[name] for name in mine] == ["fine", "mine", "a", "b", "c", "d"]
    assert row["prediction_3"] in TASKS["sst2"].labels
    assert (row["unsure_2"], row["truncated_2"], row["tokens_read_2"].isdecimal()) == ("true", "false", True)
