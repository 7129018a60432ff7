"""The model card: what it says of a run is what the run was."""

import dataclasses

import pytest
from huggingface_hub import ModelCard

from minilm_demo import TASKS, TrainConfig
from minilm_demo.models.places import runs_root
from minilm_demo.results import DataSource, Evaluation, FinetuneResult
from minilm_demo.runs import cards
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
        "SST-2: is this review positive or negative? Trained with MiniLM Demo; it saw 12,345 of 12,345 rows, 2 epochs: "
        "24,690 in all, in 62 s; the weights of step 40 of 60 were kept.",
        "Scored on: some source: 872 of 872 rows of validation.",
        "| validation | accuracy | 0.810 | 0.755 to 0.900 | 0.509 |",
        "Rows to learn from: train (12,300 rows), mine.csv (45 rows).",
        "max_steps=60",
        "learning_rate=3e-05",
        "seed=0",
        "Versions: python 3.11.7, torch 2.13.0.",
    ):
        assert words in text, words
    assert "epochs=" not in text
    assert "/somewhere" not in text


@pytest.mark.parametrize("task", TASKS)
def test_every_score_of_every_split_has_a_row(task):
    rows = [line for line in card(task).splitlines() if line.startswith("| validation")]
    assert len(rows) == len(TASKS[task].eval_splits) * len(TASKS[task].metrics)
    assert all(row.count("|") == 6 for row in rows)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize(("kind", "named"), [("hub", True), ("mirror", True), ("sample", False), ("file", False)])
def test_only_official_rows_are_called_the_official_data_set(task, kind, named):
    """In the front matter and in its table of results, which the Hub shows beside the data set."""
    name, configuration = TASKS[task].dataset
    front = ModelCard(card(task, kind=kind)).data
    assert front.datasets == ([name] if named else None)
    assert front.library_name == "transformers"
    for result in front.eval_results:
        assert (result.dataset_type == name) == named
        assert result.dataset_config == (configuration if named else None)
        assert "/" in result.dataset_type or not named
        assert result.dataset_name == "some source: 872 of 872 rows of validation"


def test_the_hub_reads_every_score():
    front = ModelCard(card("stsb")).data
    assert front.model_name == "bundled fine-tuned on stsb"
    assert front.metrics == ["pearsonr", "spearmanr"]
    scores = [(one.dataset_split, one.metric_type, one.metric_name, one.metric_value) for one in front.eval_results]
    assert scores == [("validation", "pearsonr", "pearson", 0.81), ("validation", "spearmanr", "spearman", 0.81)]
    assert {one.task_type for one in front.eval_results} == {"text-classification"}
    spans = ModelCard(card("squad")).data.eval_results
    assert {(one.task_type, one.metric_type) for one in spans} == {
        ("question-answering", "f1"),
        ("question-answering", "exact_match"),
    }


@pytest.mark.parametrize(
    ("checkpoint", "base"),
    [
        ("bundled", "sentence-transformers/all-MiniLM-L6-v2"),
        ("nli", "sentence-transformers/all-MiniLM-L6-v2"),  # an adapter of it
        ("minilm-l12", "microsoft/MiniLM-L12-H384-uncased"),
        ("someone/else@v1", "someone/else"),
        ("/a/run/that/is/gone", None),
    ],
)
def test_the_base_model_is_a_name_of_the_hub(checkpoint, base):
    assert ModelCard(card(checkpoint=checkpoint)).data.base_model == base


def test_a_folder_of_this_machine_is_no_base_model(tiny_checkpoint):
    assert ModelCard(card(checkpoint=str(tiny_checkpoint))).data.base_model is None


def test_words_in_braces_are_no_template():
    text = card(splits={"{{ 7 * 7 }}.csv": 45})
    assert "Rows to learn from: {{ 7 * 7 }}.csv (45 rows)." in text


@pytest.mark.parametrize("name", ["fine_tune", "student", "experiment", "skill"])
def test_every_card_ends_with_one_line_break(name):
    assert (cards.TEMPLATES / f"{name}.md").read_text(encoding="utf-8").endswith(".\n")
    assert card().endswith(".\n")


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
