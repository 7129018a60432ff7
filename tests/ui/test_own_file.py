"""A visitor's own file in the Fine-tune tab: its columns, and what its labels mean, said by hand."""

import pytest

from minilm_demo.errors import DataError
from minilm_demo.tasks import OWN, get_task
from minilm_demo.ui import finetune_tab, own_file


def write(folder, header: str, rows) -> str:
    file = folder / "own.csv"
    file.write_text(header + "\n" + "".join(f"A text of mine {n},{rows[n % len(rows)]}\n" for n in range(30)))
    return str(file)


def test_what_numbers_mean_is_said_by_hand(tmp_path):
    file = write(tmp_path, "text,label", "12")
    said, *_, train = finetune_tab.look_at_data("sst2", "file", file)
    assert "not plain what each means" in said and not train.interactive
    said, *_, train = finetune_tab.look_at_data("sst2", "file", file, meaning="1=negative, 2=positive")
    assert "15 negative, 15 positive" in said and "1 is taken for “negative”" in said and train.interactive


def test_the_scale_of_scores_is_said_by_hand(tmp_path):
    file = tmp_path / "own.csv"
    rows = "".join(f"One {n},Another {n},{n % 5 / 4}\n" for n in range(30))
    file.write_text(f"sentence1,sentence2,score\n{rows}")
    said, *_, train = finetune_tab.look_at_data("stsb", "file", str(file))
    assert "not plain which scale" in said and not train.interactive
    said, *_, train = finetune_tab.look_at_data("stsb", "file", str(file), meaning="0, 1")
    assert train.interactive


def test_a_meaning_that_is_none_waits_for_its_end(tmp_path):
    said, *_, train = finetune_tab.look_at_data("sst2", "file", write(tmp_path, "text,label", "12"), meaning="1=,=")
    assert "write VALUE=LABEL" in said and not train.interactive
    with pytest.raises(DataError, match="write LOW,HIGH"):
        own_file.said_of_file(get_task("stsb"), "file", "", "", "", "from 0 to 1")


def test_columns_and_meaning_are_those_of_a_file_alone():
    said = own_file.said_of_file(OWN, "file", "mine", "", "kind", "a=b")
    assert (said.columns, said.labels) == ({"text": "mine", "label": "kind"}, {"a": "b"})
    assert own_file.said_of_file(OWN, "sample", "mine", "", "kind", "a=b").columns == {}
