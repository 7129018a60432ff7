"""What is known of the rows of a fine-tune goes with it: first event, result, JSON, card and the page."""

import json
import random

import pytest
import small_runs

from minilm_demo import runs
from minilm_demo.data import LabelMeaning
from minilm_demo.errors import DataError
from minilm_demo.jobs import TrainConfig, evaluate, finetune
from minilm_demo.jobs.train_rows import load_rows
from minilm_demo.results import FINETUNE, Finished, Started, from_json, to_json
from minilm_demo.tasks import TASKS
from minilm_demo.views import run_payload
from minilm_demo.views.documents import finetune_document

SST2, MNLI = TASKS["sst2"], TASKS["mnli"]
SWAPPED = {"0": "contradiction", "1": "entailment", "2": "neutral"}


def lines(file, rows):
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(file)


@pytest.fixture(scope="module")
def noted_run(tiny_checkpoint, tmp_path_factory):
    """A run on a file with something to say about nearly every part of it: its record and its events."""
    folder = tmp_path_factory.mktemp("noted")
    rows = [
        {"premise": f"A man {word} {index}.", "hypothesis": "It is so. " * (40 if index % 2 else 1), "label": index % 2}
        for index in range(30)
        for word in ("sleeps", "sleeps", "reads")
    ]
    rows += [
        {"premise": "Nobody", "hypothesis": "came.", "label": "-"},
        {"premise": "", "hypothesis": "So.", "label": 1},
    ]
    config = TrainConfig(
        checkpoint=str(tiny_checkpoint),
        data=lines(folder / "mine.jsonl", rows),
        labels=SWAPPED,
        max_steps=2,
        max_length=64,
        output_dir=str(folder / "run"),
    )
    record = runs.create_run(FINETUNE, MNLI, config)
    events = list(runs.record_events(record, lambda should_stop: finetune(MNLI, config, should_stop)))
    return record, events


def test_everything_that_shows_the_run_says_the_same_of_its_rows(noted_run):
    record, events = noted_run
    (started,) = small_runs.of(Started, events)
    (finished,) = small_runs.of(Finished, events)
    expected = (
        "1 is taken for “entailment” (45 rows",
        "2 of 92 rows are left out: 1 because",
        "1 because the label is '-', which means that there is none (row 91 of mine.jsonl)",
        "1 because the column premise is empty (row 92 of mine.jsonl)",
        "No row of train is labelled “neutral”.",
        "rows of train (50 %) are longer than 64 tokens",
        "of train repeat the texts of an earlier row",
    )
    payload = run_payload(events, MNLI, status="completed", run_id="x")
    shown = {
        "first event": started.data_source.notes,
        "result": finished.result.evaluation.data_source.notes,
        "JSON": finetune_document(finished.result)["data_notes"],
        "card": [
            (runs.state(runs.run_folder(record.config.output_dir)).folder / "README.md").read_text(encoding="utf-8")
        ],
        "page, while it runs": [text for name, text in payload["facts"] if name == "About the rows"],
        "page, beside the score": payload["result"]["notes"],
    }
    for place, notes in shown.items():
        for words in expected:
            assert words in "\n".join(notes), (place, words)
    assert "of validation (" in "\n".join(finished.result.evaluation.data_source.notes)  # those that are cut there
    facts = finetune_document(finished.result)["data_facts"]
    assert [(value["value"], value["label"]) for value in facts["values"]] == [
        ("0", "contradiction"),
        ("1", "entailment"),
    ]
    assert facts["splits"]["validation"]["in_training"] == 0
    for event in (started, finished):
        assert from_json(to_json(event)) == event


def test_own_rows_are_never_beside_the_paper(noted_run):
    record, events = noted_run
    evaluation = events[-1].result.evaluation
    card = (runs.run_folder(record.config.output_dir) / "README.md").read_text(encoding="utf-8")
    page = json.dumps(run_payload(events, MNLI, status="completed", run_id="x")["result"])
    assert not evaluation.data_source.is_official
    for shown in (page, card):
        assert "the paper" not in shown.casefold() and "Wang et al." not in shown and "392,702" not in shown
    assert "nyu-mll/glue" not in card


def test_scoring_the_file_of_a_run_says_how_much_of_it_was_learned(noted_run):
    record, _ = noted_run
    meaning = LabelMeaning(SWAPPED)
    evaluation = evaluate(MNLI, record.config.output_dir, data=record.config.data, meaning=meaning)
    assert evaluation.examples == {"all": 90}
    (validation,) = evaluate(
        MNLI, record.config.output_dir, data=record.config.data, meaning=meaning, splits=["validation"]
    ).data_source.facts.splits.values()
    known = evaluation.data_source.facts.splits["all"].in_training
    assert (validation.in_training, known) == (0, 90 - validation.rows)
    assert f"{known} of 90 rows of all also stand in the training rows" in "\n".join(evaluation.data_source.notes)


def test_a_mapping_reaches_the_rows_and_extra_rows(tmp_path):
    rows = [{"premise": f"p {index}", "hypothesis": "h", "label": index % 3} for index in range(12)]
    data, extra = lines(tmp_path / "a.jsonl", rows), lines(tmp_path / "b.jsonl", rows[:2])
    loaded = load_rows(MNLI, TrainConfig(data=data, extra_train=(extra,), labels=SWAPPED))
    assert {row["premise"]: row["label"] for row in loaded.train[-2:]} == {"p 0": 2, "p 1": 0}
    assert sum(value.rows for value in loaded.facts.values) == 14
    with pytest.raises(DataError, match="'1' means 'good'"):
        load_rows(MNLI, TrainConfig(data=data, labels={"1": "good"}))


def test_what_cannot_be_learned_is_scored_near_chance(tmp_path):
    """Forty texts five times each, labelled by coin. Twins in both splits made 0.93 of this."""
    coin = random.Random(3)
    things, places = (
        ("lamp", "kettle", "window", "ladder", "violin"),
        ("roof", "hall", "door", "stairs", "yard", "shed", "wall", "gate"),
    )
    texts = {f"the {thing} stands by the {place}": coin.choice(SST2.labels) for thing in things for place in places}
    rows = [{"sentence": text, "label": label} for text, label in texts.items() for _ in range(5)]
    coin.shuffle(rows)
    events = small_runs.drain(
        "sst2", data=lines(tmp_path / "coin.jsonl", rows), max_steps=25, output_dir=str(tmp_path / "run")
    )
    evaluation = events[-1].result.evaluation
    low, _ = evaluation.intervals["validation"]["accuracy"]
    assert evaluation.examples == {"validation": 40}
    assert low <= 0.65 and evaluation.metrics["validation"]["accuracy"] <= 0.75
    assert evaluation.data_source.facts.splits["validation"].in_training == 0
