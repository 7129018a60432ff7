"""Excel workbooks: which sheet, what a cell is, and what does not fit into memory."""

import datetime
import io
import zipfile

import openpyxl
import pytest

from minilm_demo.data.columns import read_file
from minilm_demo.data.files import read_table, workbook
from minilm_demo.errors import DataError
from minilm_demo.tasks import TASKS


def save(file, **sheets):
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    book.save(file)
    return file


def test_cells_keep_their_kind(tmp_path):
    day = datetime.datetime(2026, 5, 1)
    rows = [["text", "label", "when"], ["fine", 1, day], [2012, 0.5, day.replace(hour=3)], ["", True, None]]
    table = read_table(save(tmp_path / "my.xlsx", Data=rows))
    assert [list(row.values()) for row in table.rows] == [
        ["fine", 1, "2026-05-01"],
        [2012, 0.5, "2026-05-01 03:00:00"],
        ["", True, ""],
    ]
    assert table.notes == ()


def test_a_sheet_serves_a_task(tmp_path):
    file = save(tmp_path / "my.xlsx", Data=[["Review", "Label"], ["fine", 1], ["bad", "negative"]])
    assert read_file(TASKS["sst2"], file).rows == [{"sentence": "fine", "label": 1}, {"sentence": "bad", "label": 0}]


def test_the_sheet_with_the_table_is_found(tmp_path):
    table = [["text", "label"], ["fine", 1]]
    found = read_table(save(tmp_path / "my.xlsx", Notes=[["read"], ["me"]], Data=table, More=[["a"], ["b"]]))
    assert found.rows == [{"text": "fine", "label": 1}]
    assert found.notes == ("The sheet Data was read; there are also Notes and More.",)


def test_a_hidden_sheet_is_not_read(tmp_path):
    book = openpyxl.load_workbook(save(tmp_path / "my.xlsx", Old=[["text", "label"], ["x", 0]], New=[["text"], ["y"]]))
    book["Old"].sheet_state = "hidden"
    book.save(tmp_path / "my.xlsx")
    assert read_table(tmp_path / "my.xlsx").rows == [{"text": "y"}]


def test_titles_blank_rows_and_columns_are_passed_over(tmp_path):
    rows = [["Survey of May"], [], ["text", None, "label"], ["fine", None, 1], [], ["bad", None, 0], [None]]
    table = read_table(save(tmp_path / "my.xlsx", Data=rows))
    assert table.rows == [{"text": "fine", "label": 1}, {"text": "bad", "label": 0}]
    assert table.notes == (
        "What stands above the names of the columns was left out (“Survey of May”).",
        "1 blank row was passed over (the first: row 5).",
    )
    assert len(read_table(tmp_path / "my.xlsx", every_row=True).rows) == 3


def test_formulas_without_a_value_are_said(tmp_path):
    file = save(tmp_path / "my.xlsx", Data=[["text", "label"], ["a", 1], ['="a"&"b"', 0]])
    table = read_table(file)
    assert table.rows[1] == {"text": "", "label": 0}
    assert "1 formula without a stored value" in table.notes[0]


@pytest.mark.parametrize("name", ["my.csv", "my.txt"])
def test_a_workbook_is_known_by_its_content(name, tmp_path):
    save(tmp_path / "my.xlsx", Data=[["text"], ["fine"]]).rename(tmp_path / name)
    assert read_table(tmp_path / name).rows == [{"text": "fine"}]


def test_a_text_called_a_workbook_is_read(tmp_path):
    (tmp_path / "my.xlsx").write_text("text,label\nfine,1\n")
    assert read_table(tmp_path / "my.xlsx").rows == [{"text": "fine", "label": "1"}]


@pytest.mark.parametrize("data", [b"PK\x03\x04", b"PK\x03\x04" + b"\0" * 500])
def test_a_broken_workbook_is_one_sentence(data, tmp_path):
    (tmp_path / "my.xlsx").write_bytes(data)
    with pytest.raises(DataError, match=r"my\.xlsx cannot be read as an Excel workbook"):
        read_table(tmp_path / "my.xlsx")


def test_an_archive_that_is_no_workbook_is_one_sentence(tmp_path):
    with zipfile.ZipFile(tmp_path / "my.xlsx", "w") as file:
        file.writestr("a.txt", "text")
    with pytest.raises(DataError, match=r"my\.xlsx cannot be read as an Excel workbook"):
        read_table(tmp_path / "my.xlsx")


def test_a_workbook_that_unfolds_is_refused_before_it_is_read(tmp_path, monkeypatch):
    with zipfile.ZipFile(save(tmp_path / "my.xlsx", Data=[["text"], ["a"]]), "a", zipfile.ZIP_DEFLATED) as file:
        file.writestr("xl/media/image.bin", bytes(210_000_000))
    monkeypatch.setattr(openpyxl, "load_workbook", lambda *_, **__: pytest.fail("it was read"))
    with pytest.raises(DataError, match=r"unfolds to 210 MB; at most 200 MB"):
        read_table(tmp_path / "my.xlsx")


def test_cells_far_to_the_right_are_counted(tmp_path, monkeypatch):
    book = openpyxl.Workbook()
    for row in range(1, 40):
        book.active.cell(row, 1000, "far")
    book.save(tmp_path / "my.xlsx")
    monkeypatch.setattr(workbook, "MAX_CELLS", 20_000)
    with pytest.raises(DataError, match="more than 20,000 rows or cells"):
        read_table(tmp_path / "my.xlsx")


def test_a_wrong_dimension_is_not_believed(tmp_path):
    data = io.BytesIO()
    with (
        zipfile.ZipFile(save(tmp_path / "a.xlsx", Data=[["text"], ["fine"]])) as old,
        zipfile.ZipFile(data, "w") as new,
    ):
        for name in old.namelist():
            new.writestr(name, old.read(name).replace(b'<dimension ref="A1:A2"', b'<dimension ref="A1:XFD1048576"'))
    (tmp_path / "my.xlsx").write_bytes(data.getvalue())
    assert read_table(tmp_path / "my.xlsx").rows == [{"text": "fine"}]
