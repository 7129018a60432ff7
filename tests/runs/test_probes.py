"""Checks of the hand-written probes: the pass rate in a skill's model card is only worth as much as they are."""

import json
from collections import Counter
from pathlib import Path

import pytest
from test_sample_data import TASKS as SAMPLE_TASKS
from test_sample_data import TEXT_COLUMNS, normal, splits, words

from minilm_demo.models.catalog import CATALOG, skill_folder
from minilm_demo.models.loading import load_checkpoint
from minilm_demo.runs.skills import read_probes, run_probes
from minilm_demo.tasks import TASKS

PROBES = Path(__file__).resolve().parents[1] / "probes"
FILES = {"sentiment": ["sst2"], "nli": ["mnli"], "paraphrase": ["mrpc", "qqp"], "qa": ["squad_v2"]}


def load(name):
    return [json.loads(line) for line in (PROBES / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]


def texts(row):
    return [row[field] for field in TASKS[row["task"]].text_fields]


def test_every_file_is_a_skill():
    assert sorted(path.name for path in PROBES.iterdir()) == sorted(f"{name}.jsonl" for name in FILES)


@pytest.mark.parametrize("name", FILES)
def test_form(name):
    raw = (PROBES / f"{name}.jsonl").read_bytes()
    assert raw.endswith(b"}\n") and b"\r" not in raw and b"\\u" not in raw
    rows = load(name)
    assert len(rows) >= 40
    assert {row["task"] for row in rows} == set(FILES[name])
    for row in rows:
        assert list(row) == ["task", *TASKS[row["task"]].text_fields, "expected", "about"]
        for text in (*texts(row), row["about"]):
            assert text and text == " ".join(text.split())


@pytest.mark.parametrize("task", ["sst2", "mnli", "mrpc", "qqp"])
def test_classes_are_balanced(task):
    counts = Counter(row["expected"] for name in FILES for row in load(name) if row["task"] == task)
    assert set(counts) == set(TASKS[task].labels)
    assert max(counts.values()) / counts.total() <= 0.62, counts


def test_halves_of_paraphrase():
    counts = Counter(row["task"] for row in load("paraphrase"))
    assert counts["mrpc"] == counts["qqp"]


def test_answers_stand_in_their_context():
    rows = load("qa")
    for row in rows:
        assert isinstance(row["expected"], list)
        assert all(text and text in row["context"] for text in row["expected"]), row["question"]
        assert 40 <= len(row["context"].split()) <= 120
    assert 0.25 <= sum(not row["expected"] for row in rows) / len(rows) <= 0.42
    assert max(Counter(row["context"] for row in rows).values()) <= 2


def test_no_duplicates():
    """A pair and its mirror image count as the same row."""
    keys = Counter(frozenset(map(normal, texts(row))) for name in FILES for row in load(name))
    assert [set(key) for key, count in keys.items() if count > 1] == []


def test_nothing_is_copied_from_the_sample_data():
    """Texts of six words and more; shorter ones can meet by chance."""
    rows = [(task, row) for task in SAMPLE_TASKS for part in splits(task).values() for row in part]
    sample = {normal(row[column]) for task, row in rows for column in TEXT_COLUMNS[task]}
    ours = {normal(text): text for name in FILES for row in load(name) for text in texts(row) if len(words(text)) >= 6}
    assert [ours[key] for key in sample & set(ours)] == []


SHIPPED = [(entry.name, task) for entry in CATALOG.values() if entry.is_skill for task in FILES[entry.name]]


@pytest.mark.parametrize(("skill", "task"), SHIPPED)
def test_the_card_states_the_pass_rate_that_is_measured(skill, task):
    passed = run_probes(load_checkpoint(skill, TASKS[task]), TASKS[task], read_probes(PROBES / f"{skill}.jsonl"))
    folder = skill_folder(skill, task)
    stated = json.loads((folder / "skill.json").read_text())["probes"]
    assert stated["of"] == len(passed)
    assert abs(stated["right"] - sum(passed)) <= 1  # another processor rounds in another way
    said = f"Of {stated['of']} hand-written probes that no data set has seen (tests/probes), {stated['right']} came out"
    assert said in (folder / "README.md").read_text(encoding="utf-8")
