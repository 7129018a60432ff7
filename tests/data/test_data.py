"""Rows from a mirror, a file, the sample and the Hub: the same columns, labels and splits whoever answers."""

import csv
import dataclasses
import json
import shutil
from pathlib import Path

import datasets
import hub_server
import pyarrow
import pyarrow.parquet
import pytest

from minilm_demo.data import folders, sources
from minilm_demo.data.columns import guess_columns, preview_file, read_file
from minilm_demo.data.files import Table, read_table, reading
from minilm_demo.data.rows import check_rows, require_rows
from minilm_demo.data.sources import find_extra, open_source, read_extra, sample_source, short_name, split_files
from minilm_demo.data.splits import draw, hold_back
from minilm_demo.errors import DataError
from minilm_demo.tasks import TASKS

SST2, MNLI, STSB, SQUAD, SQUAD_2 = (TASKS[name] for name in ("sst2", "mnli", "stsb", "squad", "squad_v2"))

CONTEXT = "Ada Lovelace wrote notes. Ada wrote them in 1843, says “the” archive."
ROWS = {
    "mnli": [
        {"premise": "NA", "hypothesis": 'a "quoted", word', "label": 0},
        {"premise": "null", "hypothesis": "  spaces stay ", "label": 1},
        {"premise": "naïve café", "hypothesis": "日本 😀\u2028line", "label": 2},
        {"premise": "1", "hypothesis": "2.50", "label": 0},
    ],
    "stsb": [
        {"sentence1": "A cat.", "sentence2": "A dog; a cow.", "label": 0.0},
        {"sentence1": "A cat.", "sentence2": "A\ttab", "label": 4.25},
        {"sentence1": "x", "sentence2": "x", "label": 5.0},
    ],
    "squad_v2": [
        {"question": "Who?", "context": CONTEXT, "answers": {"text": ["Ada"], "answer_start": [26]}, "id": "a1"},
        {"question": "When?", "context": CONTEXT, "answers": {"text": [], "answer_start": []}, "id": "a2"},
        {
            "question": "What?",
            "context": CONTEXT,
            "answers": {"text": ["notes", "“the”"], "answer_start": [19, 55]},
            "id": "3",
        },
    ],
}


def named(task, rows):
    """The rows with label names in place of ids."""
    return [row | {"label": task.labels[row["label"]]} for row in rows] if task.labels else rows


def reversed_labels(task, rows):
    """The same rows as a data set that numbers its labels the other way round, and its features."""
    if not task.labels:
        return rows, None
    names = list(task.labels[::-1])
    features = {field: datasets.Value("string") for field in task.text_fields} | {
        "label": datasets.ClassLabel(names=names)
    }
    turned = [row | {"label": names.index(task.labels[row["label"]])} for row in rows]
    assert turned != rows
    return turned, datasets.Features(features)


def write_mirror(root, task, splits):
    """A mirror in the layout and with the columns of `nyu-mll/glue`, its labels numbered the other way round."""
    name, configuration = task.dataset
    folder = root / name.split("/")[-1] if configuration else root
    turned = {split: reversed_labels(task, rows) for split, rows in splits.items()}
    for split, (rows, features) in turned.items():
        others = task.official_columns - set(rows[0])
        rows = [row | {name: index if name == "idx" else "" for name in others} for index, row in enumerate(rows)]
        if features:
            features = datasets.Features(features | {"idx": datasets.Value("int32")})
        hub_server.write_parquet_dataset(folder, configuration or task.name, {split: rows}, features)
    return folder / (configuration or task.name)


def write_jsonl(file, rows):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return file


def write_table(file, rows, delimiter=",", encoding="utf-8"):
    rows = [{key: json.dumps(v) if isinstance(v, dict) else v for key, v in row.items()} for row in rows]
    with file.open("w", newline="", encoding=encoding) as out:
        writer = csv.DictWriter(out, list(rows[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)
    return file


def write_text(file, text, encoding="utf-8"):
    file.write_bytes(text.encode(encoding))
    return file


# -- the same rows, whoever answers --------------------------------------------------------------------------------


def from_mirror(task, rows, tmp_path, monkeypatch):
    write_mirror(tmp_path, task, {"train": rows})
    return open_source(task, str(tmp_path)).read("train")


def from_own_folder(task, rows, tmp_path, monkeypatch):
    return open_source(task, str(write_mirror(tmp_path, task, {"train": rows}))).read("train")


def from_jsonl_folder(task, rows, tmp_path, monkeypatch):
    write_jsonl(tmp_path / "train.jsonl", named(task, rows))
    write_jsonl(tmp_path / "dev.jsonl", named(task, rows[:1]))
    return open_source(task, str(tmp_path)).read("train")


def from_sample(task, rows, tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "SAMPLE_ROOT", tmp_path)
    write_jsonl(tmp_path / task.sample_folder / "train.jsonl", rows)
    return open_source(task, "sample").read("train")


def from_hub(task, rows, tmp_path, monkeypatch):
    turned, features = reversed_labels(task, rows)
    dataset = datasets.Dataset.from_list(turned, features=features)
    asked = []
    monkeypatch.setattr(sources.hub, "load_dataset", lambda *args, **options: asked.append(args) or dataset)
    found = open_source(task, "hub").read("train")
    assert asked[0][:3] == (*task.dataset, "train")
    return found


def from_csv_with_names(task, rows, tmp_path, monkeypatch):
    return open_source(task, str(write_table(tmp_path / "my.csv", named(task, rows)))).read("all")


def from_tsv_with_ids(task, rows, tmp_path, monkeypatch):
    return open_source(task, str(write_table(tmp_path / "my.tsv", rows, "\t"))).read("all")


def from_semicolons_with_a_byte_order_mark(task, rows, tmp_path, monkeypatch):
    return open_source(task, str(write_table(tmp_path / "my.csv", rows, ";", "utf-8-sig"))).read("all")


def from_jsonl(task, rows, tmp_path, monkeypatch):
    return open_source(task, str(write_jsonl(tmp_path / "my.jsonl", named(task, rows)))).read("all")


def from_json_array(task, rows, tmp_path, monkeypatch):
    return open_source(task, str(write_text(tmp_path / "my.json", json.dumps(rows, indent=1)))).read("all")


def from_parquet_file(task, rows, tmp_path, monkeypatch):
    (file,) = write_mirror(tmp_path, task, {"train": rows}).glob("*.parquet")
    return open_source(task, str(file)).read("all")


@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize(
    "read",
    [
        from_mirror,
        from_own_folder,
        from_jsonl_folder,
        from_sample,
        from_hub,
        from_csv_with_names,
        from_tsv_with_ids,
        from_semicolons_with_a_byte_order_mark,
        from_jsonl,
        from_json_array,
        from_parquet_file,
    ],
)
def test_every_source_gives_the_same_rows(read, name, tmp_path, monkeypatch):
    assert read(TASKS[name], ROWS[name], tmp_path, monkeypatch) == ROWS[name]


@pytest.mark.parametrize("task", TASKS.values(), ids=lambda task: task.name)
def test_the_sample_serves_every_task(task):
    source = open_source(task, "sample")
    for split in ("train", *task.eval_splits):
        rows = source.read(split)
        assert len(rows) >= 15
        assert all(set(task.columns) <= set(row) <= {*task.columns, "id"} for row in rows)
    assert source.kind == "sample"
    assert f"not {task.benchmark}" in source.describe({"train": 3}).description


@pytest.mark.parametrize("task", TASKS.values(), ids=lambda task: task.name)
def test_the_mirror_serves_every_task(task, real_data):
    source = open_source(task, str(real_data))
    for split in task.eval_splits:
        rows = source.read(split)
        assert 0 < len(rows) <= task.official_rows[split]
        assert all(set(task.columns) <= set(row) for row in rows)
        if task.labels:  # every class occurs, at about the share of its name in the official data
            assert {row["label"] for row in rows} == set(range(len(task.labels)))


MAJORITY = {"mrpc": "equivalent", "qqp": "not_duplicate", "cola": "acceptable", "rte": "entailment"}


@pytest.mark.parametrize("name, label", MAJORITY.items())
def test_labels_of_the_mirror_mean_what_they_say(name, label, real_data):
    rows = open_source(TASKS[name], str(real_data)).read("validation")
    assert sum(TASKS[name].labels[row["label"]] == label for row in rows) > len(rows) / 2


@pytest.mark.parametrize(
    "name, folder",
    [
        ("mnli", "snli"),
        ("mnli", "sick"),
        ("mnli", "cad_nli"),
        ("mnli", "mnli_no_period"),
        ("qqp", "quora_pairs"),
        ("squad_v2", "tydiqa_goldp_en"),
    ],
)
def test_other_data_sets_serve_as_extra_rows(name, folder, real_data):
    if not (real_data / "kin" / folder).is_dir():
        pytest.skip(f"no {folder} beside the mirror")
    rows = read_extra(TASKS[name], str(real_data / "kin" / folder)).rows
    assert len(rows) > 1000
    assert set(rows[0]) - {"id"} == set(TASKS[name].columns)


# -- splits --------------------------------------------------------------------------------------------------------


def sentences(prefix, number):
    return [{"sentence": f"{prefix} {index}", "label": index % 2} for index in range(number)]


@pytest.fixture
def mirror(tmp_path):
    """An SST-2 mirror whose splits share beginnings of names, one of them in two files."""
    folder = write_mirror(tmp_path, SST2, {"train": sentences("train", 4), "validation": sentences("validation", 3)})
    write_mirror(tmp_path, SST2, {"train_more": sentences("more", 2), "train_extra": sentences("extra", 5)})
    (first,) = split_files(folder, "train")
    first.rename(folder / "train-00000-of-00002.parquet")
    shutil.copy(split_files(folder, "train_more")[0], folder / "train-00001-of-00002.parquet")
    return tmp_path


def test_a_split_is_read_by_its_exact_name(mirror):
    rows = open_source(SST2, str(mirror)).read("train")
    assert [row["sentence"] for row in rows] == ["train 0", "train 1", "train 2", "train 3", "more 0", "more 1"]


def test_splits_are_joined_in_the_order_asked_for(mirror):
    rows = open_source(SST2, str(mirror)).read("train_extra+train_more")
    assert [row["sentence"] for row in rows] == [*(f"extra {i}" for i in range(5)), "more 0", "more 1"]


def test_matched_and_mismatched_stay_apart(tmp_path):
    row = ROWS["mnli"][0]
    write_mirror(
        tmp_path,
        MNLI,
        {split: [row | {"premise": split}] for split in ("train", "validation_matched", "validation_mismatched")},
    )
    source = open_source(MNLI, str(tmp_path))
    assert [source.read(split)[0]["premise"] for split in source.eval_splits] == list(MNLI.eval_splits)
    with pytest.raises(DataError, match=r"There is: train, validation_matched, validation_mismatched"):
        source.read("validation")


def test_a_missing_split_names_those_that_are_there(mirror):
    with pytest.raises(DataError, match=r"No split 'test' for sst2 .* There is: train, train_extra, train_more, val"):
        open_source(SST2, str(mirror)).read("test")


def test_a_mirror_without_a_train_split_says_so(tmp_path):
    write_mirror(tmp_path, SQUAD, {"validation": ROWS["squad_v2"][:1]})
    source = open_source(SQUAD, str(tmp_path))
    assert len(source.read("validation")) == 1
    with pytest.raises(DataError, match=r"No split 'train' for squad .*train-\*\.parquet.*There is: validation"):
        source.read("train")


def test_the_real_mirror_has_no_train_split_for_squad(real_data):
    with pytest.raises(DataError, match=r"No split 'train' for squad in .* There is: validation"):
        open_source(SQUAD, str(real_data)).read("train")


def test_a_folder_without_the_task_says_what_was_expected(tmp_path):
    with pytest.raises(DataError, match=r"no data for sst2: expected glue/sst2/<split>-\*\.parquet"):
        open_source(SST2, str(tmp_path))


def test_the_folder_of_another_task_is_refused_with_its_columns(tmp_path):
    folder = write_mirror(tmp_path, STSB, {"train": ROWS["stsb"]})
    with pytest.raises(DataError, match=r"no column for sentence\. Found: sentence1, sentence2, label.*A cat"):
        open_source(SST2, str(folder)).read("train")


def test_a_place_that_is_nowhere_lists_what_is_allowed():
    with pytest.raises(DataError, match=r"No data at 'nowhere'\. Give auto, mirror, hub, sample, a folder"):
        open_source(SST2, "nowhere")


@pytest.mark.parametrize("name", ["~nouser/x", "x" * 5000, "a/" * 3000, "zero\0byte", ""])
def test_a_name_no_file_can_have_is_nowhere(name):
    with pytest.raises(DataError, match=r"No data at '|no data for sst2") as caught:
        open_source(SST2, name)
    assert len(str(caught.value)) < 400
    with pytest.raises(DataError, match=r"No extra training data at '|No split 'train'"):
        read_extra(SST2, name)


@pytest.mark.parametrize("split", ["*", "/etc/*", "../train", "", "tra[i]n"])
def test_a_split_is_a_name_and_no_pattern(split, mirror):
    with pytest.raises(DataError, match="No split"):
        open_source(SST2, str(mirror)).read(split)


def test_questions_without_an_answer_are_left_out_where_the_task_has_none(tmp_path):
    file = write_jsonl(tmp_path / "rows.jsonl", ROWS["squad_v2"])
    assert [row["id"] for row in read_file(SQUAD, file).rows] == ["a1", "3"]
    assert [row["id"] for row in read_file(SQUAD_2, file).rows] == ["a1", "a2", "3"]
    assert all(row["answers"]["text"] for row in sample_source(SQUAD).read("train"))
    assert not all(row["answers"]["text"] for row in sample_source(SQUAD_2).read("train"))


@pytest.mark.parametrize("number, validation", [(2, 1), (3, 1), (10, 2), (100, 20), (6000, 1000)])
def test_a_file_is_split_once_and_for_all(number, validation, tmp_path):
    file = write_table(tmp_path / "my.csv", sentences("row", number))
    source = open_source(SST2, str(file))
    train, held = source.read("train"), source.read("validation")
    assert (len(train), len(held)) == (number - validation, validation)
    assert source.eval_splits == ("validation",)
    texts = [row["sentence"] for row in train + held]
    assert len(set(texts)) == number
    assert sorted(texts) == sorted(row["sentence"] for row in source.read("all"))
    assert open_source(SST2, str(file)).read("validation") == held


def test_a_file_knows_no_other_split(tmp_path):
    source = open_source(SST2, str(write_table(tmp_path / "my.csv", sentences("row", 3))))
    with pytest.raises(DataError, match="splits all, validation, train; 'test' was asked for"):
        source.read("test")


def test_splits_are_looked_for_before_a_row_is_read(mirror, tmp_path, monkeypatch):
    def refuse(*_):
        raise AssertionError("a row was read")

    for module in (sources, folders):
        monkeypatch.setattr(module, "read_rows", refuse)
    monkeypatch.setattr(folders, "read_table", refuse)
    monkeypatch.setattr(sources.hub, "load_dataset", refuse)
    (tmp_path / "own").mkdir()
    broken = write_text(tmp_path / "own" / "my.csv", "no such columns\n")
    open_source(SST2, str(mirror)).require_splits("train+train_more", "validation")
    open_source(SST2, "sample").require_splits("train", "validation")
    open_source(SST2, str(broken)).require_splits("train+all", "validation")
    open_source(SST2, "hub").require_splits("whatever the Hub has")
    for place in (str(mirror), "sample", str(broken)):
        with pytest.raises(DataError, match=r"No split 'trian' for sst2|splits all, validation, train; 'trian'"):
            open_source(SST2, place).require_splits("train+trian", "validation")
    assert find_extra(SST2, str(broken)) == broken
    assert find_extra(SST2, str(mirror / "glue" / "sst2")) == mirror / "glue" / "sst2"
    for place, words in (("gone.csv", "No extra"), (str(mirror), "No split 'train'")):
        with pytest.raises(DataError, match=words):
            find_extra(SST2, place)


def test_a_file_of_another_kind_is_refused_when_it_is_opened(tmp_path):
    file = write_text(tmp_path / "my.xls", "sentence")
    for look in (open_source, find_extra):
        with pytest.raises(DataError, match=r"files may be \.csv.* Save it as \.xlsx or CSV"):
            look(SST2, str(file))


@pytest.mark.parametrize("kind", ["mirror", "sample", "file", "hub"])
def test_a_split_is_read_once(kind, mirror, tmp_path, monkeypatch):
    read = []
    prepared = datasets.Dataset.from_list(sentences("hub", 3))
    for module, name in ((sources, "read_rows"), (folders, "read_table")):
        plain = getattr(module, name)
        monkeypatch.setattr(module, name, lambda file, plain=plain: read.append(file) or plain(file))
    monkeypatch.setattr(sources.hub, "load_dataset", lambda *asked: read.append(asked) or prepared)
    file = write_table(tmp_path / "my.csv", sentences("row", 9))
    source = open_source(SST2, {"mirror": str(mirror), "file": str(file)}.get(kind, kind))
    assert read == []
    first = source.read("validation")
    again = source.read("validation")
    assert first == again
    assert first is not again  # whoever shuffles the list shuffles their own
    assert len(read) == 1


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/a/kin/snli", "snli"),
        ("/a/mine.csv", "mine.csv"),
        ("/a/kin/xnli_en/test-00000-of-00001.parquet", "xnli_en/test"),
        ("xnli_en/train_extra-00001-of-00002.parquet", "xnli_en/train_extra"),
        ("/a/my-rows.parquet", "my-rows.parquet"),
        ("test-00000-of-00001.parquet", "test"),
    ],
)
def test_rows_have_a_short_name(path, name):
    assert short_name(Path(path)) == name


def test_extra_rows_from_a_folder_or_a_file(mirror, tmp_path):
    assert len(read_extra(SST2, str(mirror / "glue" / "sst2")).rows) == 6
    file = write_table(tmp_path / "more.csv", named(SST2, sentences("own", 3)))
    assert read_extra(SST2, str(file)).rows == sentences("own", 3)
    with pytest.raises(DataError, match=r"No extra training data at 'gone\.csv'"):
        read_extra(SST2, "gone.csv")


# -- which source answers ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "mirror_is_set, reachable, task, splits, kind",
    [
        (True, True, SST2, ("train", "validation"), "mirror"),
        (True, False, SST2, ("train+train_more", "validation"), "mirror"),
        (True, True, SST2, ("train+gone",), "hub"),
        (True, True, STSB, ("train",), "hub"),
        (True, False, STSB, ("train",), "sample"),
        (False, True, SST2, ("train",), "hub"),
        (False, False, SST2, ("train",), "sample"),
    ],
)
def test_auto_takes_the_first_that_has_all(mirror_is_set, reachable, task, splits, kind, mirror, monkeypatch):
    if mirror_is_set:
        monkeypatch.setenv("MINILM_DATA", str(mirror))
    monkeypatch.setattr(sources.hub, "has_dataset", lambda *dataset: reachable)
    assert open_source(task, "auto", splits).kind == kind


def test_a_mirror_that_is_gone_is_passed_over(monkeypatch, tmp_path):
    monkeypatch.setenv("MINILM_DATA", str(tmp_path / "gone"))
    monkeypatch.setattr(sources.hub, "has_dataset", lambda *dataset: False)
    assert open_source(SST2).kind == "sample"


def test_the_mirror_by_name(mirror, monkeypatch):
    with pytest.raises(DataError, match="no local mirror: set MINILM_DATA"):
        open_source(SST2, "mirror")
    monkeypatch.setenv("MINILM_DATA", str(mirror))
    assert len(open_source(SST2, "mirror").read("train")) == 6
    with pytest.raises(DataError, match="no data for stsb"):
        open_source(STSB, "mirror")


# -- words beside a result -----------------------------------------------------------------------------------------


def test_a_partial_mirror_says_how_partial(mirror):
    source = open_source(SST2, str(mirror))
    found = source.describe({"train": 4, "validation": 3})
    assert found.kind == "mirror"
    assert found.splits == {"train": 4, "validation": 3}
    assert "4 of 6 local rows of train (official: 67,349)" in found.description
    assert "3 of 3 local rows of validation (official: 872)" in found.description
    assert (
        "7 of 8 local rows of train+train_more (official: 67,349)"
        in source.describe({"train+train_more": 7}).description
    )


def test_a_complete_mirror_counts_official_rows(real_data):
    source = open_source(SST2, str(real_data))
    assert "1,000 of 67,349 rows of train" in source.describe({"train": 1000}).description
    partial = open_source(MNLI, str(real_data)).describe({"train": 12925}).description
    assert "12,925 of 12,925 local rows of train (official: 392,702)" in partial


def test_other_sources_name_themselves(tmp_path, monkeypatch):
    file = write_table(tmp_path / "reviews.csv", sentences("row", 5))
    own = open_source(SST2, str(file)).describe({"train": 4, "more.csv": 2}).description
    assert own == "own file reviews.csv: 4 rows of train, 2 rows of more.csv"
    sample = open_source(SST2, "sample").describe({"train": 40}).description
    assert sample == "bundled sample, written for this demo, not GLUE: 40 rows of train"
    assert "67,349" not in sample
    assert "200 of 67,349 rows of train" in open_source(SST2, "hub").describe({"train": 200}).description


# -- a file of one's own -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "task, columns, guess",
    [
        (SST2, ["text", "label"], {"sentence": "text", "label": "label"}),
        (SST2, ["Review", " Sentiment "], {"sentence": "Review", "label": " Sentiment "}),
        (SST2, ["id", "SENTENCE", "text", "y"], {"sentence": "SENTENCE", "label": "y"}),
        (SST2, ["a", "b"], {}),
        (
            MNLI,
            ["sentence1", "sentence2", "gold_label"],
            {"premise": "sentence1", "hypothesis": "sentence2", "label": "gold_label"},
        ),
        (MNLI, ["premise", "claim", "label"], {"premise": "premise", "hypothesis": "claim", "label": "label"}),
        (
            TASKS["mrpc"],
            ["premise", "hypothesis", "label"],
            {"sentence1": "premise", "sentence2": "hypothesis", "label": "label"},
        ),
        (TASKS["qqp"], ["q1", "q2", "label"], {"question1": "q1", "question2": "q2", "label": "label"}),
        (STSB, ["text_a", "text_b", "score"], {"sentence1": "text_a", "sentence2": "text_b", "label": "score"}),
        (SQUAD, ["query", "passage", "answer"], {"question": "query", "context": "passage", "answers": "answer"}),
    ],
)
def test_columns_are_guessed_by_name(task, columns, guess):
    assert guess_columns(task, columns) == guess


def test_a_guess_uses_each_column_once():
    both_mean_text = dataclasses.replace(SST2, text_fields=("sentence", "context"))
    assert guess_columns(both_mean_text, ["text", "y"]) == {"sentence": "text", "label": "y"}
    assert guess_columns(both_mean_text, ["text", "passage"]) == {"sentence": "text", "context": "passage"}


def test_a_preview_shows_the_file_as_it_is(tmp_path):
    file = write_text(tmp_path / "my.csv", "Text,stars\nfine,1\n,2\nbad,3\n")
    preview = preview_file(SST2, file)
    assert preview.columns == ("Text", "stars")
    assert preview.guess == {"sentence": "Text", "label": "stars"}
    assert preview.missing == ()
    assert preview.first_rows[:2] == ({"Text": "fine", "stars": "1"}, {"Text": "", "stars": "2"})
    assert preview.rows == 3


BAD_FILES = {
    "other columns": (
        "my.csv",
        "words,place\nfine,1\n",
        ["sentence and label", "Found: words, place", "Needed: sentence, label", '"words": "fine"'],
    ),
    "empty texts": (
        "my.csv",
        "sentence,label\nfine,1\n  ,0\n,1\n",
        ["2 of 3 rows cannot be used", "2 because the column sentence is empty (rows 2 and 3)"],
    ),
    "two faults": (
        "my.jsonl",
        '{"sentence": "fine", "label": 1}\n{"label": 1}\n{"sentence": "dull", "label": "so"}\n',
        ["1 because the column sentence is empty (row 2)", "1 because the label is 'so'", "(row 3)"],
    ),
    "unknown label": (
        "my.csv",
        "sentence,label\nfine,good\n",
        ["(row 1)", "'good'", "0 or negative, 1 or positive", '"fine"'],
    ),
    "label out of range": ("my.csv", "sentence,label\nfine,2\n", ["'2'", "0 or negative, 1 or positive"]),
    "labels out of range": (
        "my.csv",
        "sentence,label\nfine,2\nbad,0\ngood,2\n",
        ["holds 0 and 2", "not plain what each means", "negative, positive"],
    ),
    "test split": ("my.jsonl", '{"sentence": "fine", "label": -1}\n', ["'-1'"]),
    "no label": (
        "my.jsonl",
        '{"sentence": "fine"}\n{"sentence": "fine", "label": null}\n',
        ["2 because it has no label (rows 1 and 2)"],
    ),
    "short row": ("my.csv", "sentence,label\nfine\n", ["line 2", "1 cell", "2 columns (sentence and label)"]),
    "comma without quotes everywhere": (
        "my.csv",
        "sentence,label\nwell, no,0\nyes, yes,1\n",
        ["2 rows have 3 cells", "line 2", "double quotes"],
    ),
    "no rows": ("my.csv", "sentence,label\n", ["my.csv has no rows"]),
    "nothing": ("my.csv", "", ["my.csv has no rows"]),
    "nothing, as JSON": ("my.jsonl", "\n\n", ["my.jsonl has no rows"]),
    "not JSON": ("my.jsonl", '{"sentence": "fine", "label": 1}\nfine\n', ["line 2 is not JSON"]),
    "not an object": ("my.jsonl", '"fine"\n', ["line 1 is not a JSON object"]),
    "not a JSON array": ("my.json", '[{"sentence": "fine"}\n', ["my.json is not JSON"]),
    "not parquet": ("my.parquet", "sentence,label\n", ["my.parquet cannot be read as parquet"]),
    "nested too deeply": ("my.jsonl", "[" * 100_000, ["my.jsonl is nested too deeply"]),
    "a line nested too deeply": ("my.jsonl", '{"a":' * 100_000, ["line 1 is nested too deeply"]),
    "a number without end": ("my.jsonl", '{"label": ' + "1" * 5000 + "}", ["line 1", "too many digits"]),
    "another kind": ("my.doc", "sentence", [".csv, .tsv, .jsonl, .json, .parquet, .xlsx, .txt, .zip, .gz"]),
}


@pytest.mark.parametrize("name, text, words", BAD_FILES.values(), ids=BAD_FILES.keys())
def test_a_bad_file_is_refused_in_words(name, text, words, tmp_path):
    with pytest.raises(DataError) as caught:
        read_file(SST2, write_text(tmp_path / name, text))
    for word in words:
        assert word in str(caught.value)
    assert str(tmp_path) not in str(caught.value)


def test_a_huge_file_is_refused_before_it_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "MAX_FILE_BYTES", 10)
    with pytest.raises(DataError, match="at most"):
        read_file(SST2, write_text(tmp_path / "my.csv", "sentence,label\nfine,1\n"))


def unfolding(name: str) -> pyarrow.Table:
    """Tables that parquet keeps in a few kilobytes."""
    once = pyarrow.array(["x" * 10_000])
    return {
        "a text in every row": lambda: pyarrow.table({"sentence": ["x" * 1000] * 300_000}),
        "a text kept once": lambda: pyarrow.table(
            {"sentence": pyarrow.DictionaryArray.from_arrays(pyarrow.array([0] * 100_000, pyarrow.int32()), once)}
        ),
        "many rows": lambda: pyarrow.table({"sentence": pyarrow.nulls(1_000_001)}),
        "many columns": lambda: pyarrow.table({f"c{index}": pyarrow.nulls(100_000) for index in range(101)}),
        "a long list": lambda: pyarrow.table({"answers": [[0] * 10_000_001]}),
        "a large column": lambda: pyarrow.table({"sentence": ["x" * 100_000_000, "y" * 110_000_000]}),
    }[name]()


@pytest.mark.parametrize(
    "name",
    ["a text in every row", "a text kept once", "many rows", "many columns", "a long list", "a large column"],
)
def test_a_parquet_file_that_unfolds_is_refused_before_it_is_read(name, tmp_path, monkeypatch):
    file = tmp_path / "my.parquet"
    pyarrow.parquet.write_table(unfolding(name), file, compression="zstd")
    assert file.stat().st_size < 100_000
    monkeypatch.setattr(pyarrow.parquet, "read_table", lambda file: pytest.fail("it was read"))
    with pytest.raises(
        DataError, match=r"^my\.parquet unfolds to [\d,]+ rows with [\d,]+ values and at least .* read\.$"
    ):
        read_table(file)


def test_a_parquet_file_of_much_text_is_read(tmp_path):
    rows = [{"sentence": f"{'word ' * 100}{index}", "label": index % 2} for index in range(5000)]
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "my.parquet")
    assert read_table(tmp_path / "my.parquet") == Table(("sentence", "label"), rows, {})


@pytest.mark.parametrize(
    "metadata", ["{", "[]", "null", '{"info": null}', '{"info": {"features": [1]}}', '{"a":' * 100_000, b"\xff\xfe"]
)
def test_broken_metadata_of_a_parquet_file_is_one_sentence(metadata, tmp_path):
    table = pyarrow.table({"sentence": ["fine"], "label": [1]}).replace_schema_metadata({"huggingface": metadata})
    pyarrow.parquet.write_table(table, tmp_path / "my.parquet")
    with pytest.raises(DataError, match=r"^my\.parquet: its metadata named 'huggingface', .* is broken\.$"):
        read_file(SST2, tmp_path / "my.parquet")


def test_a_parquet_text_that_is_not_utf_8_is_one_sentence(tmp_path):
    latin = pyarrow.array([b"caf\xe9"]).view(pyarrow.string())
    pyarrow.parquet.write_table(pyarrow.table({"sentence": latin, "label": [1]}), tmp_path / "my.parquet")
    with pytest.raises(DataError, match=r"^my\.parquet cannot be read as parquet: 'utf-8' codec"):
        read_file(SST2, tmp_path / "my.parquet")


@pytest.mark.parametrize("label", ["positive", "POSITIVE", " Positive ", "1", "1.0"])
def test_labels_are_read_generously(label, tmp_path):
    file = write_text(tmp_path / "my.csv", f"sentence,label\nfine,{label}\n")
    assert read_file(SST2, file).rows == [{"sentence": "fine", "label": 1}]


@pytest.mark.parametrize("label", ["not entailment", "Not-Entailment", "not_entailment"])
def test_labels_of_two_words_are_read_generously(label):
    raw = [{"sentence1": "a", "sentence2": "b", "label": label}]
    assert check_rows(TASKS["rte"], raw, None, "here").rows[0]["label"] == 1
    assert check_rows(TASKS["wnli"], raw, None, "here").rows[0]["label"] == 0


@pytest.mark.parametrize("score", ["", "high", "nan", "inf", "-0.1", "5.1", None])
def test_scores_outside_the_scale_are_refused(score):
    with pytest.raises(DataError, match=r"must be a number from 0 to 5|it has no score"):
        check_rows(STSB, [{"sentence1": "a", "sentence2": "b", "label": score}], None, "here")


def test_blank_lines_of_a_spreadsheet_are_passed_over(tmp_path):
    file = write_text(tmp_path / "my.csv", "\r\nsentence,label\r\nfine,1\r\n,\r\n\r\n , \r\nbad,0\r\n")
    assert [row["sentence"] for row in read_file(SST2, file).rows] == ["fine", "bad"]


def test_columns_without_a_name_are_left_out_where_they_are_empty(tmp_path):
    file = write_text(tmp_path / "my.csv", ",sentence,label,,\n0,fine,1,,\n1,bad,0,,\n")
    assert read_table(file).rows == [
        {"column 1": "0", "sentence": "fine", "label": "1"},
        {"column 1": "1", "sentence": "bad", "label": "0"},
    ]
    assert [row["sentence"] for row in read_file(SST2, file).rows] == ["fine", "bad"]


def test_columns_of_one_name_are_numbered(tmp_path):
    table = read_table(write_text(tmp_path / "my.csv", "id,label,text,label\n1,0,fine,1\n"))
    assert table.columns == ("id", "label (1)", "text", "label (2)")
    assert table.notes == ("Several columns are called label; they are numbered here: label (1) and label (2).",)


def test_a_quoted_text_may_hold_line_ends(tmp_path):
    file = write_text(tmp_path / "my.csv", 'sentence,label\n"one\ntwo, ""three""",1\n')
    assert read_file(SST2, file).rows == [{"sentence": 'one\ntwo, "three"', "label": 1}]


def test_half_a_surrogate_pair_becomes_a_question_mark(tmp_path):
    file = write_text(tmp_path / "my.jsonl", '{"sentence": "a\\ud83d b \\ud83d\\ude00", "label": 1}\n')
    assert read_file(SST2, file).rows[0]["sentence"] == "a? b 😀"


# -- answers -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answers, beside, expected",
    [
        ({"text": ["Ada"], "answer_start": [26]}, {}, [("Ada", 26)]),
        ({"text": ["Ada", "Ada L"], "answer_start": ["0", 0]}, {}, [("Ada", 0), ("Ada L", 0)]),
        ('{"text": ["Ada"], "answer_start": [26]}', {}, [("Ada", 26)]),
        ({"text": [], "answer_start": []}, {}, []),
        ("Ada Lovelace", {}, [("Ada Lovelace", 0)]),
        ({"text": "Ada", "answer_start": 26}, {}, [("Ada", 26)]),
        ("Ada", {"answer_start": "26"}, [("Ada", 26)]),
        ("Ada", {"answer_start": 26}, [("Ada", 26)]),
        ("archive", {"answer_start": ""}, [("archive", 61)]),
        (1843, {}, [("1843", 44)]),
        ("", {"answer_start": 3}, []),
        ("  ", {}, []),
        (None, {}, []),
    ],
)
def test_shapes_of_an_answer(answers, beside, expected):
    raw = [{"question": "Who?", "context": CONTEXT, "answers": answers} | beside]
    (row,) = check_rows(SQUAD_2, raw, None, "here").rows
    assert list(zip(row["answers"]["text"], row["answers"]["answer_start"], strict=True)) == expected


@pytest.mark.parametrize(
    "answers, words",
    [
        ("Babbage", "the answer does not stand in the text ("),
        ({"text": ["Ada"], "answer_start": [1]}, "the answer does not stand in the text at its answer_start"),
        ({"text": ["Ada"], "answer_start": [-1]}, "the answer does not stand in the text at its answer_start"),
        ({"text": [""], "answer_start": [4]}, "does not stand in the text at its answer_start"),
        ({"text": ["Ada"], "answer_start": []}, "a start for each text"),
        ({"text": ["Ada"]}, "a start for each text"),
        ({"text": ["Ada"], "answer_start": [None]}, "a start for each text"),
        ("{not json", "are neither JSON nor what pandas prints"),
        ('{"text":' * 100_000, "are neither JSON nor what pandas prints"),
        ("Ada", "stands in the text more than once; a column answer_start"),
        ("184", "stands in the text only inside another word or number"),
        ("['Ada' 'notes']", "does not stand in the text"),
    ],
)
def test_answers_that_do_not_fit_are_refused(answers, words):
    with pytest.raises(DataError, match=r"here: 1 of 1 row cannot be used: 1 because .* \(row 1\)") as caught:
        check_rows(SQUAD_2, [{"question": "Who?", "context": CONTEXT, "answers": answers}], None, "here")
    assert words in str(caught.value)


# -- choosing rows -------------------------------------------------------------------------------------------------


def numbered(number):
    return [{"n": index} for index in range(number)]


def distinct(number):
    return [{"n": index, "sentence": f"row {index}", "label": index % 2} for index in range(number)]


def test_a_draw_is_a_function_of_seed_and_number():
    rows = numbered(100)
    drawn, rest = draw(rows, 30, seed=1)
    assert draw(rows, 30, seed=1) == (drawn, rest)
    assert draw(rows, 30, seed=2)[0] != drawn
    assert draw(rows, 50, seed=1)[0][:30] == drawn  # a larger draw begins with the smaller one
    assert sorted(row["n"] for row in drawn + rest) == list(range(100))
    assert [row["n"] for row in drawn] != list(range(30))


@pytest.mark.parametrize("number", [None, 100, 101])
def test_a_draw_of_all_keeps_the_order(number):
    assert draw(numbered(100), number, seed=5) == (numbered(100), [])


@pytest.mark.parametrize("number, held", [(1, 0), (499, 0), (500, 50), (5009, 500), (20000, 1000)])
@pytest.mark.parametrize("rest", ["none", "enough", "too few"])
def test_rows_held_back(number, held, rest):
    rows = distinct(number)
    number_of_others = {"none": 0, "enough": held + 5, "too few": held - 1}[rest]
    others = [{"n": -1 - index, "sentence": f"other {index}", "label": 0} for index in range(number_of_others)]
    kept, chosen = hold_back(SST2, rows, others, seed=0)
    assert len(chosen) == held
    if rest == "enough":  # nothing drawn is lost
        assert kept == rows
        assert all(row["n"] < 0 for row in chosen)
    else:
        assert sorted(row["n"] for row in kept + chosen) == list(range(number))
    assert hold_back(SST2, rows, others, seed=0) == (kept, chosen)


def test_too_few_rows_are_refused():
    require_rows(SST2, numbered(2), "train", at_least=2)
    with pytest.raises(DataError, match="sst2 train has 1 rows; at least 2"):
        require_rows(SST2, numbered(1), "train", at_least=2)
