"""The model card: what it says of a run is what the run was."""

import dataclasses

import pytest

from minilm_demo import TASKS, TrainConfig
from minilm_demo.models.places import runs_root
from minilm_demo.results import DataSource, Evaluation, FinetuneResult
from minilm_demo.runs.cards import model_card
from minilm_demo.runs.folder import RunRecord


def card(task="sst2", kind="hub", splits=None, **config) -> str:
    config = TrainConfig(**{"checkpoint": "bundled", "output_dir": "/somewhere"} | config)
    record = RunRecord(
        "id", "finetune", task, config, "shell", "2024-05-01T10:00:00+00:00", {"python": "3.11.7", "torch": "2.13.0"}
    )
    per_split = {split: dict.fromkeys(TASKS[task].metrics, 0.81) for split in TASKS[task].eval_splits}
    evaluation = Evaluation(
        task=task,
        checkpoint="id",
        data_source=DataSource(kind, "some source: 872 of 872 rows of validation", {"validation": 872}),
        metrics=per_split,
        intervals={split: dict.fromkeys(values, (0.7554, 0.9)) for split, values in per_split.items()},
        baseline={split: dict.fromkeys(values, 0.509) for split, values in per_split.items()},
        examples=dict.fromkeys(per_split, 872),
    )
    result = FinetuneResult(evaluation, "/somewhere", 40, 60, 12_345, 24_690, 61.6, 400.0, splits or {"train": 12_345})
    return model_card(record, result)


def test_the_card_says_what_was_done():
    text = card(max_steps=60, learning_rate=3e-5, splits={"train": 12_300, "mine.csv": 45})
    assert text.splitlines()[-1] == "A model made for teaching, from few rows: not for decisions about people."
    for words in (
        "# bundled fine-tuned on sst2",
        "SST-2: is this review positive or negative? Trained with MiniLM Demo on 12,345 rows in 62 s; the weights of "
        "step 40 of 60 were kept.",
        "Scored on: some source: 872 of 872 rows of validation.",
        "| validation | accuracy | 0.810 | 0.755 to 0.900 | 0.509 |",
        "Trained on: train (12,300 rows), mine.csv (45 rows).",
        "max_steps=60",
        "learning_rate=3e-05",
        "seed=0",
        "Versions: python 3.11.7, torch 2.13.0.",
    ):
        assert words in text, words
    assert "epochs" not in text
    assert "/somewhere" not in text


@pytest.mark.parametrize("task", TASKS)
def test_every_score_of_every_split_has_a_row(task):
    rows = [line for line in card(task).splitlines() if line.startswith("| validation")]
    assert len(rows) == len(TASKS[task].eval_splits) * len(TASKS[task].metrics)
    assert all(row.count("|") == 6 for row in rows)


@pytest.mark.parametrize(("kind", "named"), [("hub", True), ("mirror", True), ("sample", False), ("file", False)])
def test_only_official_rows_are_called_the_official_data_set(kind, named):
    front = card(kind=kind).split("---")[1].strip().splitlines()
    assert ("datasets: [nyu-mll/glue]" in front) == named
    assert "library_name: transformers" in front


@pytest.mark.parametrize(
    ("task", "checkpoint", "said"),
    [
        ("qqp", "bundled", True),
        ("qnli", "nli", True),  # a skill is made of it
        ("qqp", "minilm-l12", False),
        ("qqp", "/a/run/that/is/gone", False),
        ("sst2", "bundled", False),
        ("squad_v2", "bundled", True),
    ],
)
def test_the_card_says_what_the_bundled_checkpoint_had_seen(task, checkpoint, said):
    text = card(task, checkpoint=checkpoint)
    assert ("had already seen" in text) == said
    assert not said or TASKS[task].seen_by_bundled in text


def test_the_card_names_no_run_whose_id_would_open_it(tmp_path, monkeypatch):
    monkeypatch.setenv("MINILM_HOME", str(tmp_path))
    run = "distill_sst2-AbCdEfGhIjKlMnOpQrSt"
    (runs_root() / run).mkdir(parents=True)
    text = card(checkpoint=run)
    assert run not in text
    assert "# an earlier run fine-tuned on sst2" in text
    assert "checkpoint=an earlier run" in text
    named = "distilbert-base-uncased-finetuned-sst-2-english"  # looks like one
    assert f"# {named} fine-tuned on sst2" in card(checkpoint=named)


def test_options_that_were_left_open_are_not_listed():
    asked = next(line for line in card().splitlines() if line.startswith("Asked for: "))
    open_ones = [one.name for one in dataclasses.fields(TrainConfig) if one.default in (None, ())]
    assert not [name for name in open_ones if f"{name}=" in asked]
    assert "method=full" in asked


def test_no_folder_of_the_machine_is_named():
    text = card(
        checkpoint="/home/ada/models/mine", data="../secret/place", extra_train=("/mnt/x/more.csv", "~/y/z.csv")
    )
    assert "# mine fine-tuned" in text and "data=place" in text and "extra_train=more.csv, z.csv" in text
    assert not any(name in text for name in ("ada", "secret", "mnt", "~"))
