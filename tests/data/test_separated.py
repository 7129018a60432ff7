"""CSV and TSV as people have them: separators, quotation marks, headers, rows that do not fit."""

import csv
import io

import pytest

from minilm_demo.data.columns import guess_columns
from minilm_demo.data.files import read_table
from minilm_demo.errors import DataError
from minilm_demo.tasks import TASKS


def read(tmp_path, name, text, **options):
    (tmp_path / name).write_text(text, encoding="utf-8", newline="")
    return read_table(tmp_path / name, **options)


def cells(table):
    return [tuple(row.values()) for row in table.rows]


READ = {  # name, text -> columns, cells, notes (parts of them, in order)
    "a comma within quotes": ("a.csv", 'text,label\n"well, no",1\n', ["text", "label"], [("well, no", "1")], []),
    "line ends of Windows": ("a.csv", "text,label\r\nfine,1\r\n", ["text", "label"], [("fine", "1")], []),
    "line ends of old Macs": (
        "a.csv",
        "text,label\rfine,1\rbad,0\r",
        ["text", "label"],
        [("fine", "1"), ("bad", "0")],
        [],
    ),
    "a line that names the separator": (
        "a.csv",
        "sep=;\ntext;label\na, b;1\n",
        ["text", "label"],
        [("a, b", "1")],
        ["separated by semicolons"],
    ),
    "a quoted line that names the separator": (
        "a.csv",
        '"sep=|"\ntext|label\na;b|1\n',
        ["text", "label"],
        [("a;b", "1")],
        ["separated by vertical bars"],
    ),
    "semicolons": (
        "a.csv",
        "text;label\na, b, c;1\nd;0\n",
        ["text", "label"],
        [("a, b, c", "1"), ("d", "0")],
        ["semicolons"],
    ),
    "tabs in a .csv": ("a.csv", "text\tlabel\na, b\t1\n", ["text", "label"], [("a, b", "1")], ["separated by tabs"]),
    "commas in a .tsv": ("a.tsv", "text,label\na b,1\n", ["text", "label"], [("a b", "1")], ["separated by commas"]),
    "decimal commas": (
        "a.csv",
        "text;score\na;4,8\nb;0\nc;\n",
        ["text", "score"],
        [("a", "4.8"), ("b", "0"), ("c", "")],
        ["semicolons", "The comma in the numbers of the column score is read as the decimal point (4,8)."],
    ),
    "commas of thousands": (
        "a.csv",
        'text,number\na,"1,200"\nb,"3,400"\n',
        ["text", "number"],
        [("a", "1,200"), ("b", "3,400")],
        ["thousands"],
    ),
    "spaces after commas": ("a.csv", 'text, label\n"well, no", 1\n', ["text", "label"], [("well, no", " 1")], []),
    "line ends within quotes": (
        "a.csv",
        'text,label\n"one\ntwo",1\nb,0\n',
        ["text", "label"],
        [("one\ntwo", "1"), ("b", "0")],
        ["4 lines hold 3 rows, the header included: 1 row with a cell of several lines (the first: line 2)."],
    ),
    "a letter of two lines": (
        "a.csv",
        'text,label\n"Hello,\nhow are you?",1\nfine,0\nbad,1\nso,0\n',
        ["text", "label"],
        [("Hello,\nhow are you?", "1"), ("fine", "0"), ("bad", "1"), ("so", "0")],
        ["6 lines hold 5 rows"],
    ),
    "a quotation mark that never closes": (
        "a.csv",
        'text,label\n"fine,1\nbad,0\n',
        ["text", "label"],
        [('"fine', "1"), ("bad", "0")],
        ["In 1 cell (the first: line 2) a quotation mark does not enclose the cell"],
    ),
    "two of them, lines apart": (
        "a.csv",
        'label,a,b\n1,p,q\n1,"We are,c\n0,d,e\n0,back.",f\n1,g,h\n',
        ["label", "a", "b"],
        [("1", "p", "q"), ("1", '"We are', "c"), ("0", "d", "e"), ("0", 'back."', "f"), ("1", "g", "h")],
        ["In 2 cells"],
    ),
    "a word in quotes": (
        "a.csv",
        'text,label\n"Great" film,1\n',
        ["text", "label"],
        [('"Great" film', "1")],
        ["In 1 cell"],
    ),
    "inches": ("a.csv", 'text,label\n5" pipe,1\n', ["text", "label"], [('5" pipe', "1")], ["In 1 cell"]),
    "quotes with a backslash": (
        "a.csv",
        'text,label\n"He said \\"no\\", twice",1\nfine,0\n',
        ["text", "label"],
        [('He said "no", twice', "1"), ("fine", "0")],
        [r"A quotation mark within a cell is written \" here."],
    ),
    "TSV: quotation marks are characters": (
        "a.tsv",
        'label\ta\tb\n1\t"We are\tc\n0\td\tback."\n1\te "f\tg\n',
        ["label", "a", "b"],
        [("1", '"We are', "c"), ("0", "d", 'back."'), ("1", 'e "f', "g")],
        ["Quotation marks are read as characters."],
    ),
    "TSV: also around a whole text": (
        "a.tsv",
        'text\tlabel\n"fine"\t1\nbad\t0\n',
        ["text", "label"],
        [('"fine"', "1"), ("bad", "0")],
        ["as characters"],
    ),
    "TSV: doubled marks beside single ones": (
        "a.tsv",
        'text\tlabel\n"a ""b"""\t1\nc "d\t0\n',
        ["text", "label"],
        [('"a ""b"""', "1"), ('c "d', "0")],
        ["as characters"],
    ),
    "TSV: quoted by a program where needed": (
        "a.tsv",
        'text\tlabel\n"a\tb"\t1\n"say ""no"""\t0\nplain\t1\n',
        ["text", "label"],
        [("a\tb", "1"), ('say "no"', "0"), ("plain", "1")],
        ["as a spreadsheet writes them"],
    ),
    "TSV: QQP has the marks of its source in its texts": (
        "a.tsv",
        'id\tquestion1\tquestion2\tis_duplicate\n1\t"What is ""it""?"\tWhat?\t0\n',
        ["id", "question1", "question2", "is_duplicate"],
        [("1", '"What is ""it""?"', "What?", "0")],
        ["as characters"],
    ),
    "TSV: every cell quoted": (
        "a.tsv",
        '"text"\t"label"\n"fine"\t"1"\n',
        ["text", "label"],
        [("fine", "1")],
        ["as a spreadsheet writes them"],
    ),
    "one column of texts with commas": (
        "a.csv",
        "sentence\nwell, no\nyes, sir, no\nok\n",
        ["sentence"],
        [("well, no",), ("yes, sir, no",), ("ok",)],
        [],
    ),
    "one column, quoted where needed": (
        "a.csv",
        'sentence\n"well, no"\nok\n',
        ["sentence"],
        [("well, no",), ("ok",)],
        [],
    ),
    "blank rows": (
        "a.csv",
        "\r\ntext,label\r\nfine,1\r\n\r\n,\r\n , \r\nbad,0\r\n\r\n",
        ["text", "label"],
        [("fine", "1"), ("bad", "0")],
        ["3 blank rows were passed over (the first: line 4)."],
    ),
    "the header again": (
        "a.csv",
        "text,label\nfine,1\ntext,label\nbad,0\n",
        ["text", "label"],
        [("fine", "1"), ("bad", "0")],
        ["The names of the columns stand between the rows once more (the first: line 3)"],
    ),
    "empty cells": ("a.csv", "text,label\n,1\nbad,\n", ["text", "label"], [("", "1"), ("bad", "")], []),
    "a title above": (
        "a.csv",
        "My survey,,\n,,\ntext,label,x\na b,1,2\n",
        ["text", "label", "x"],
        [("a b", "1", "2")],
        ["(“My survey”)"],
    ),
    "an index of pandas": (
        "a.csv",
        ",text,label\n0,fine,1\n",
        ["column 1", "text", "label"],
        [("0", "fine", "1")],
        [],
    ),
    "row names of R": (
        "a.csv",
        "text,label\n1,fine x,a\n2,bad,b\n",
        ["column 1", "text", "label"],
        [("1", "fine x", "a"), ("2", "bad", "b")],
        [],
    ),
    "surplus empty cells": (
        "a.csv",
        "text,label\nfine,1,,\nbad,0,\n",
        ["text", "label"],
        [("fine", "1"), ("bad", "0")],
        [],
    ),
    "last cells left out": (
        "a.tsv",
        "text\tlabel\tremark\na\t1\t\nb\t0\nc\t1\tx\n",
        ["text", "label", "remark"],
        [("a", "1", ""), ("b", "0", ""), ("c", "1", "x")],
        ["1 row without the last cells (the first: line 3)"],
    ),
    "commas without quotes": (
        "a.csv",
        "text,label\nfine,1\nwell, no, never,0\n",
        ["text", "label"],
        [("fine", "1"), ("well, no, never", "0")],
        ["1 row has a ',' without quotation marks (the first: line 3); it is read as part of the column text."],
    ),
    "commas without quotes beside ids and labels": (
        "a.csv",
        'id,text,label\n1,"a, b",pos\n2,c, d,neg\n3,e,pos\n4,f,neg\n',
        ["id", "text", "label"],
        [("1", "a, b", "pos"), ("2", "c, d", "neg"), ("3", "e", "pos"), ("4", "f", "neg")],
        ["read as part of the column text"],
    ),
    "line ends converted twice": (
        "a.csv",
        "text,label\r\r\nfine,1\r\r\n",
        ["text", "label"],
        [("fine", "1")],
        [],
    ),
    "a .txt with a header of commas": (
        "a.txt",
        "label,text\nham,hello there\nspam,so there\n",
        ["label", "text"],
        [("ham", "hello there"), ("spam", "so there")],
        ["separated by commas"],
    ),
    "no header: CoLA": (
        "a.tsv",
        "gj04\t1\t\tThe first one is good.\ngj04\t0\t*\tSecond one bad is.\nx\t1\t\tThe third one is good.\n",
        ["source", "label", "mark", "sentence"],
        [
            ("gj04", "1", "", "The first one is good."),
            ("gj04", "0", "*", "Second one bad is."),
            ("x", "1", "", "The third one is good."),
        ],
        ["The first line is a row like the others and names no columns; they are called source, label, mark"],
    ),
    "no header: label and text": (
        "a.csv",
        'ham,"Well, see you there then"\nspam,You have won a prize\nham,Nobody told me so\nham,All is well here\n',
        ["label", "text"],
        [
            ("ham", "Well, see you there then"),
            ("spam", "You have won a prize"),
            ("ham", "Nobody told me so"),
            ("ham", "All is well here"),
        ],
        ["they are called label and text here."],
    ),
    "no header: a .txt with tabs": (
        "a.txt",
        "Not my kind of phone.\t0\nIt works very well.\t1\nI would buy it again.\t1\n",
        ["text", "label"],
        [("Not my kind of phone.", "0"), ("It works very well.", "1"), ("I would buy it again.", "1")],
        ["tabs", "text and label"],
    ),
    "a .txt of texts": (
        "a.txt",
        "First, a line.\n\nSecond; another\n",
        ["text"],
        [("First, a line.",), ("Second; another",)],
        ["one text a line"],
    ),
    "a .txt of texts with a name above": (
        "a.txt",
        "sentence\nOne, two.\n",
        ["sentence"],
        [("One, two.",)],
        ["one text a line"],
    ),
    "long questions of a form": (
        "a.csv",
        "Timestamp,How did you like the course?,Would you come again?\n2026/1/1,It was good fun,Yes\n",
        ["Timestamp", "How did you like the course?", "Would you come again?"],
        [("2026/1/1", "It was good fun", "Yes")],
        [],
    ),
}


@pytest.mark.parametrize("case", READ)
def test_a_table_is_read_as_it_is_meant(case, tmp_path):
    name, text, columns, rows, notes = READ[case]
    table = read(tmp_path, name, text)
    assert list(table.columns) == columns
    assert cells(table) == rows
    assert len(table.notes) == len(notes)
    for note, words in zip(table.notes, notes, strict=True):
        assert words in note


@pytest.mark.parametrize("case", [case for case in READ if case != "line ends converted twice"])
def test_fewer_rows_than_lines_are_never_without_a_word(case, tmp_path):
    name, text, *_ = READ[case]
    table = read(tmp_path, name, text)
    lines = text.replace("\r\n", "\n").replace("\r", "\n").strip("\n").split("\n")
    assert len(table.rows) >= len(lines) - 1 or table.notes


def test_every_row_stays_for_a_batch(tmp_path):
    text = 'text,score\nfine,"4,8"\n\n,\ntext,score\nbad,1\n\n\n'
    assert cells(read(tmp_path, "a.csv", text, every_row=True)) == [
        ("fine", "4,8"),
        ("", ""),
        ("", ""),
        ("text", "score"),
        ("bad", "1"),
    ]
    assert cells(read(tmp_path, "a.csv", text)) == [("fine", "4.8"), ("bad", "1")]


def test_rows_that_do_not_fit_are_refused_all_at_once(tmp_path):
    rows = ["a,b", "c,1", "x", "p,q,r,s", "d,2", "y", "e,f,g"]
    with pytest.raises(DataError) as caught:
        read(tmp_path, "a.csv", "text,label\n" + "\n".join(rows))
    for words in (
        "names 2 columns (text and label)",
        "2 rows have 1 cell (the first: line 4)",
        "1 row has 3 cells (line 8)",
        "1 row has 4 cells (line 5)",
        "of 7 in all",
        "must stand in double quotes",
    ):
        assert words in str(caught.value)


def test_few_broken_rows_of_many_are_left_out_and_counted(tmp_path):
    rows = [f"text {index},{index % 2}" for index in range(400)]
    rows[7] = "broken"
    table = read(tmp_path, "a.csv", "sentence,label\n" + "\n".join(rows))
    assert len(table.rows) == 399
    assert table.notes == ("1 row of 400 does not have the 2 cells of the header (first: line 9); it was left out.",)
    with pytest.raises(DataError, match="1 row has 1 cell"):
        read(tmp_path, "a.csv", "sentence,label\n" + "\n".join(rows), every_row=True)


TEXTS = [
    "plain",
    'with "quotes"',
    '"opens',
    'closes"',
    "a\ttab",
    "a, comma",
    "a; semicolon",
    "two\nlines",
    "",
    "ünï 😀",
]


@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_what_a_program_writes_is_read_back(separator, quoting, tmp_path):
    rows = [(text, other, index % 2) for index, (text, other) in enumerate(zip(TEXTS, TEXTS[::-1], strict=True))]
    file = io.StringIO()
    writer = csv.writer(file, delimiter=separator, quoting=quoting)
    writer.writerows([("sentence1", "sentence2", "label"), *rows])
    table = read(tmp_path, "a.csv", file.getvalue())
    assert cells(table) == [(text, other, str(label)) for text, other, label in rows]


GLUE = {  # task -> header of a split as it is published, its columns of the task
    "sst2": ("sentence\tlabel", ["sentence", "label"]),
    "mrpc": ("\ufeffQuality\t#1 ID\t#2 ID\t#1 String\t#2 String", ["#1 String", "#2 String", "Quality"]),
    "qqp": ("id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate", ["question1", "question2", "is_duplicate"]),
    "stsb": (
        "index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2\tscore",
        ["sentence1", "sentence2", "score"],
    ),
    "mnli": (
        "index\tpromptID\tpairID\tgenre\tsentence1_binary_parse\tsentence2_binary_parse\tsentence1_parse\tsentence2_parse"
        "\tsentence1\tsentence2\tlabel1\tlabel2\tlabel3\tlabel4\tlabel5\tgold_label",
        ["sentence1", "sentence2", "gold_label"],
    ),
    "qnli": ("index\tquestion\tsentence\tlabel", ["question", "sentence", "label"]),
    "rte": ("index\tsentence1\tsentence2\tlabel", ["sentence1", "sentence2", "label"]),
    "wnli": ("index\tsentence1\tsentence2\tlabel", ["sentence1", "sentence2", "label"]),
}


@pytest.mark.parametrize("name", GLUE)
def test_glue_as_it_is_published_finds_its_columns(name, tmp_path):
    header, columns = GLUE[name]
    width = header.count("\t") + 1
    rows = [[f'"cell {row} "{column}' for column in range(width)] for row in range(3)]
    table = read(tmp_path, "train.tsv", "\n".join([header, *map("\t".join, rows)]))
    assert cells(table) == [tuple(row) for row in rows]
    assert list(guess_columns(TASKS[name], table.columns).values()) == columns


@pytest.mark.parametrize(
    "data, words",
    [
        (b"<!DOCTYPE html><html>", "holds a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid x\n", "git lfs pull"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old Excel"),
    ],
)
def test_what_is_no_table_is_refused_with_a_reason(data, words, tmp_path):
    (tmp_path / "my.csv").write_bytes(data)
    with pytest.raises(DataError, match=words):
        read_table(tmp_path / "my.csv")
