"""A folder of one's own: its splits by the names of its files, in any format, and never called official."""

import json

import datasets
import pytest
from test_data import ROWS, named, write_jsonl, write_mirror, write_table
from test_workbook import save

from minilm_demo.data.folders import find_parts
from minilm_demo.data.sources import mirror_folder, open_source, read_extra
from minilm_demo.errors import DataError
from minilm_demo.tasks import TASKS

SST2, MNLI = TASKS["sst2"], TASKS["mnli"]


def sentences(split, number):
    return [{"sentence": f"{split} {index}", "label": index % 2} for index in range(number)]


NAMES = {  # names of files -> splits
    "as GLUE": (["train.csv", "dev.csv", "test.csv"], ["test", "train", "validation"]),
    "as the Hub": (["train.csv", "validation.csv"], ["train", "validation"]),
    "short": (["training.csv", "val.csv"], ["train", "validation"]),
    "valid": (["Train.csv", "Valid.csv"], ["train", "validation"]),
    "with a name before": (["reviews-train.csv", "reviews_test.csv"], ["test", "train"]),
    "with a name after": (["train_reviews.csv", "test_reviews.csv"], ["test", "train"]),
    "as SQuAD": (["train-v2.0.csv", "dev-v2.0.csv"], ["train", "validation"]),
    "more of a split": (["train.csv", "train_more.csv", "dev.csv"], ["train", "train_more", "validation"]),
    "matched and not": (
        ["train.tsv", "dev_matched.tsv", "dev_mismatched.tsv"],
        ["train", "validation_matched", "validation_mismatched"],
    ),
    "beside others": (["train.csv", "dev.csv", "notes.txt", "README.md", ".hidden.csv"], ["train", "validation"]),
}


@pytest.mark.parametrize("case", NAMES)
def test_splits_are_named_by_files(case, tmp_path):
    names, splits = NAMES[case]
    for name in names:
        (tmp_path / name).write_text("sentence,label\nfine,1\n")
    assert sorted(find_parts(tmp_path)) == splits


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "json", "xlsx", "parquet"])
def test_a_folder_of_any_format_has_its_splits(kind, tmp_path):
    for split, number in (("train", 6), ("dev", 4), ("test", 2)):
        rows, file = sentences(split, number), tmp_path / f"{split}.{kind}"
        if kind in ("csv", "tsv"):
            write_table(file, rows, "\t" if kind == "tsv" else ",")
        elif kind == "jsonl":
            write_jsonl(file, rows)
        elif kind == "json":
            file.write_text(json.dumps(rows, indent=1))
        elif kind == "xlsx":
            save(file, Data=[list(rows[0]), *(list(row.values()) for row in rows)])
        else:
            datasets.Dataset.from_list(rows).to_parquet(file)
    source = open_source(SST2, str(tmp_path))
    assert (source.kind, source.eval_splits) == ("folder", ("validation",))
    assert source.read("train") == sentences("train", 6)
    assert source.read("validation") == sentences("dev", 4)
    assert source.read("train+test") == sentences("train", 6) + sentences("test", 2)
    with pytest.raises(DataError, match=r"No split 'dev': .* train, validation"):
        source.require_splits("dev")
    assert source.read("all") == sentences("train", 6) + sentences("dev", 4)
    assert len(read_extra(SST2, str(tmp_path)).rows) == 6


def test_without_validation_a_part_of_train_is_kept_apart(tmp_path):
    write_table(tmp_path / "train.csv", sentences("train", 20))
    write_table(tmp_path / "test.csv", sentences("test", 4))
    source = open_source(SST2, str(tmp_path))
    assert (len(source.read("train")), len(source.read("validation")), len(source.read("test"))) == (16, 4, 4)
    assert len(source.read("all")) == 20


@pytest.mark.parametrize("name", ["my.csv", "train.csv", "test.csv"])
def test_a_folder_with_one_file_is_that_file(name, tmp_path):
    (tmp_path / "own").mkdir()
    write_table(tmp_path / "own" / name, sentences("row", 10))
    alone, inside = open_source(SST2, str(tmp_path / "own" / name)), open_source(SST2, str(tmp_path / "own"))
    assert inside.read("validation") == alone.read("validation")
    assert inside.title == "own folder own"


@pytest.mark.parametrize("layout", ["one", "splits"])
def test_what_datasets_saves_is_read(layout, tmp_path):
    features = datasets.Features(
        {"sentence": datasets.Value("string"), "label": datasets.ClassLabel(names=["positive", "negative"])}
    )
    train, dev = (datasets.Dataset.from_list(sentences(split, 10), features=features) for split in ("train", "dev"))
    saved = train if layout == "one" else datasets.DatasetDict(train=train, validation=dev)
    saved.save_to_disk(tmp_path / "own")
    source = open_source(SST2, str(tmp_path / "own"))
    rows = source.read("all" if layout == "one" else "train")
    assert [row["label"] for row in rows] == [1, 0] * 5  # by name, not by number


def test_several_tables_without_names_of_splits_are_refused(tmp_path):
    for name in ("a.csv", "b.csv"):
        write_table(tmp_path / name, sentences("row", 2))
    with pytest.raises(DataError, match=r"holds 2 tables: a\.csv and b\.csv\. Name them train"):
        open_source(SST2, str(tmp_path))


def test_two_files_for_one_split_are_refused(tmp_path):
    for name in ("train.csv", "train.tsv", "dev.csv"):
        write_table(tmp_path / name, sentences("row", 2))
    with pytest.raises(DataError, match=r"several files for train: train\.csv and train\.tsv"):
        open_source(SST2, str(tmp_path))


def own_jsonl(folder):
    write_jsonl(folder / "train.jsonl", sentences("train", 6))
    write_jsonl(folder / "validation.jsonl", sentences("dev", 4))


def own_parquet(folder):
    folder.mkdir(parents=True)
    for split in ("train", "validation"):
        datasets.Dataset.from_list(sentences(split, 6)).to_parquet(folder / f"{split}-00000-of-00001.parquet")


def too_many(folder):
    folder.mkdir(parents=True)
    for split in ("train", "validation"):
        rows = [row | {"idx": index} for index, row in enumerate(sentences(split, 900))]
        datasets.Dataset.from_list(rows).to_parquet(folder / f"{split}-00000-of-00001.parquet")


@pytest.mark.parametrize("write", [own_jsonl, own_parquet, too_many])
@pytest.mark.parametrize(
    "place, given", [("sst2", "sst2"), ("glue/sst2", ""), ("glue/sst2", "glue/sst2"), ("own", "own")]
)
def test_own_data_is_never_called_official(place, given, write, tmp_path, monkeypatch):
    write(tmp_path / place)
    assert mirror_folder(SST2, tmp_path) is None
    if place == "glue/sst2" and not given:
        monkeypatch.setenv("MINILM_DATA", str(tmp_path))
        with pytest.raises(DataError, match="no data for sst2"):
            open_source(SST2, "mirror")
        return
    source = open_source(SST2, str(tmp_path / given))
    described = source.describe({"train": 6, "validation": 4})
    assert not described.is_official
    assert described.description == f"own folder {place.split('/')[-1]}: 6 rows of train, 4 rows of validation"


def test_a_mirror_stays_a_mirror(tmp_path):
    folder = write_mirror(tmp_path, MNLI, {"train": ROWS["mnli"], "validation_matched": ROWS["mnli"]})
    for place in (tmp_path, folder):
        source = open_source(MNLI, str(place))
        assert source.kind == "mirror"
        assert source.read("train") == ROWS["mnli"]
        assert "4 of 4 local rows of train (official: 392,702)" in source.describe({"train": 4}).description
    moved = folder.rename(tmp_path / "mine")
    assert open_source(MNLI, str(moved)).kind == "folder"
    assert open_source(MNLI, str(moved)).read("train") == ROWS["mnli"]


def test_labels_of_a_folder_are_read_by_name(tmp_path):
    write_table(tmp_path / "train.csv", named(MNLI, ROWS["mnli"]))
    write_table(tmp_path / "dev.csv", named(MNLI, ROWS["mnli"]))
    assert open_source(MNLI, str(tmp_path)).read("train") == ROWS["mnli"]
