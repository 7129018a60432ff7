"""What a fine-tune begins with if nothing is chosen, and how often it reads its rows."""

import json

import pytest

from minilm_demo import TrainConfig, finetune, models, runs
from minilm_demo.models import CATALOG
from minilm_demo.runs import latest_speed
from minilm_demo.serving import chosen_start, default_start, preview_data, rounds_sentence
from minilm_demo.tasks import TASKS

SST2, MNLI, QNLI, RTE, WNLI = (TASKS[name] for name in ("sst2", "mnli", "qnli", "rte", "wnli"))


def test_on_the_sample_a_run_starts_from_the_skill_of_the_table():
    starts = {name: default_start(task, "sample") for name, task in TASKS.items()}
    assert starts["sst2"] == "bundled"
    assert starts["mnli"] == "nli"
    assert all(CATALOG[start].is_skill for start in starts.values() if start != "bundled")


@pytest.mark.parametrize("data", ["mirror", "hub", "file"])
def test_with_other_rows_it_starts_from_the_bundled_checkpoint(data):
    assert default_start(MNLI, data) == "bundled"


def test_the_default_of_a_server_has_precedence(monkeypatch):
    monkeypatch.setenv("MINILM_CHECKPOINT", "minilm-l12")
    assert default_start(MNLI, "sample") == "minilm-l12"


@pytest.mark.parametrize(
    ("checkpoint", "task", "data", "start"),
    [
        ("bundled", MNLI, "sample", "nli"),
        ("nli", SST2, "sample", "bundled"),
        ("nli", QNLI, "sample", "qa"),
        ("nli", MNLI, "hub", "bundled"),
        ("student_sst2-aaaaaaaaaaaaaaaaaaaaaa", MNLI, "sample", "student_sst2-aaaaaaaaaaaaaaaaaaaaaa"),
        ("minilm-l12", MNLI, "sample", "minilm-l12"),
    ],
)
def test_only_a_default_gives_way_to_another_default(checkpoint, task, data, start):
    assert chosen_start(task, data, checkpoint) == start


def test_the_preview_says_where_a_run_starts_and_what_it_cannot_teach():
    assert "few rows" not in preview_data(SST2, "sample").sentence
    mnli, rte, wnli = (preview_data(task, "sample").sentence for task in (MNLI, RTE, WNLI))
    assert f"a run starts from the {CATALOG['nli'].title}" in mnli
    assert "nearly nothing" not in mnli
    assert "a run starts from" in rte and "nearly nothing" in rte
    assert "a run starts from" not in wnli and "nearly nothing" in wnli


def test_how_often_the_rows_are_read_is_said_once_the_speed_is_known(tiny_checkpoint, tmp_path):
    assert rounds_sentence(SST2, "sample", None, 600) == ""
    config = TrainConfig(checkpoint=str(tiny_checkpoint), data="sample", max_steps=2)
    record = runs.create_run("finetune", SST2, config)
    list(runs.record_events(record, lambda should_stop: finetune("sst2", record.config, should_stop)))
    speed = runs.state(models.runs_root() / record.run_id).result.examples_per_second
    assert latest_speed("sst2") == speed
    assert latest_speed("mnli") is None
    sentence = rounds_sentence(SST2, "sample", None, 44_000 / speed)
    assert sentence == "At the speed of the latest run here each of the 440 rows is read about 100 times."
    assert rounds_sentence(SST2, "sample", None, 440 / speed) == ""
    assert rounds_sentence(SST2, "sample", None, None) == ""
    assert rounds_sentence(SST2, "hub", None, 600) == ""
    assert rounds_sentence(SST2, "file", None, 600) == ""
    own = tmp_path / "own.jsonl"
    own.write_text("".join(json.dumps({"sentence": f"text {n}", "label": n % 2}) + "\n" for n in range(100)))
    assert "each of the 80 rows is read about 550 times" in rounds_sentence(SST2, "file", str(own), 44_000 / speed)
