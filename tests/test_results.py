"""Events and results as JSON lines and back: the same values, the same types, one line each."""

import json
import math
import types
from dataclasses import replace

import numpy as np
import pytest

from minilm_demo import results
from minilm_demo.results import (
    AblationResult,
    AblationSettings,
    ArmGain,
    ArmScores,
    Candidate,
    DataSource,
    DistillResult,
    DistillSettings,
    Evaluated,
    Evaluation,
    Fetching,
    FinetuneResult,
    FinetuneSettings,
    Finished,
    Mistake,
    Planned,
    Prediction,
    Probed,
    Saved,
    Scored,
    Started,
    Stepped,
    Traced,
    Working,
    from_dict,
    from_json,
    read_lines,
    to_dict,
    to_json,
)

SOURCE = DataSource("mirror", "1,000 of 67,349 rows of train", {"train": 1000})
EVALUATION = Evaluation(
    task="mnli",
    checkpoint="bundled",
    data_source=SOURCE,
    metrics={"validation_matched": {"accuracy": 0.75}, "validation_mismatched": {"accuracy": 0.5}},
    intervals={"validation_matched": {"accuracy": (0.7, 0.8)}, "validation_mismatched": {"accuracy": (0.4, 0.6)}},
    baseline={"validation_matched": {"accuracy": 0.35}, "validation_mismatched": {"accuracy": 0.36}},
    examples={"validation_matched": 4, "validation_mismatched": 2},
    labels=("entailment", "neutral", "contradiction"),
    confusion={"validation_matched": [[1, 0, 0], [0, 2, 0], [0, 1, 0]]},
    mistakes=(
        Mistake(
            "validation_matched", 3, {"premise": "«A»\nB\u2028C", "hypothesis": "日本 😀"}, "neutral", "entailment", 0.9
        ),
        Mistake("validation_mismatched", 0, {"premise": "p", "hypothesis": "h"}, "entailment", "neutral", 0.4),
    ),
    seconds=1.5,
)
RESULT = FinetuneResult(EVALUATION, "runs/x", 20, 40, 900, 1280, 12.5, 102.4, {"train": 900, "extra.csv": 100})
STUDENT = DistillResult(
    task="sst2",
    data_source=SOURCE,
    teacher="bundled",
    recipe="minilm_v1",
    losses={"attention": 0.15, "value_relation": 0.09},
    losses_before={"attention": 0.97, "value_relation": 0.6},
    learned=("attention", "value_relation"),
    validation_examples=256,
    layers=3,
    hidden_size=192,
    heads=12,
    parameters=7_330_944,
    teacher_parameters=22_713_216,
    output_dir="runs/y",
    steps=300,
    examples=66_978,
    examples_seen=9600,
    seconds=61.5,
    steps_per_second=5.1,
)
SCORED = Scored(
    "copied_distilled", 0, 0.8, (0.77, 0.83), 0.51, "validation", 872, {"attention": 0.1}, 9600,
    {"distilling": 41.5, "fine-tuning": 20.0, "scoring": 2.5},
)  # fmt: skip
EXPERIMENT = AblationResult(
    task="sst2",
    metric="accuracy",
    split="validation",
    data_source=SOURCE,
    teacher="bundled",
    layers=3,
    hidden_size=384,
    heads=12,
    parameters=17_389_824,
    train_examples=2000,
    epochs=3,
    steps=300,
    batch_size=32,
    texts=9600,
    examples=872,
    baseline=0.51,
    arms=(ArmScores("copied_distilled", "Copied, then distilled", (0,), (0.8,), 0.8, (0.77, 0.83), "rows"),),
    gains=(ArmGain("copied_distilled", "copied", (0, 1), 0.01, (-0.01, 0.03), "seeds"),),
    students=(SCORED,),
    planned=10,
    seconds=SCORED.seconds,
)
EVENTS = [
    Fetching("minilm-l12", 45_000_000, 133_000_000),
    Started("finetune", "mnli", "bundled", SOURCE, 900, 100, 22_700_000, 1155, "cpu", "bf16", 1, 0, "accuracy"),
    Planned(40, 1.25, 30.0, 0.75, 4, 10),
    Stepped(7, 0.2, 0.6931, 5e-5, 0.5, 210.0, 5.25, 24.75),
    Stepped(7, 0.2, 0.6931, 5e-5, None, 210.0, 5.25, 24.75),
    Stepped(7, 0.2, 1.2, 5e-5, None, 210.0, 5.25, 24.75, losses={"attention": 0.7, "value_relation": 0.5}),
    Probed(
        0,
        2,
        {"QK": "AAEC"},
        {"QK": (0.25, 0.5)},
        ("[CLS]", "yes", "[SEP]"),
        {"QK": "AgEA"},
        ("yes",),
        (None, 0, None),
    ),
    Probed(7, 2, {"QK": "AAEC"}, {"QK": (0.25, 0.5)}),
    Evaluated(10, {"accuracy": 0.8}, 100, True),
    Traced(7, "runs/x/probe/step-0000007.npz", Prediction("stsb", "bundled", 3.0, score=4.2)),
    Saved(10, "runs/x/checkpoint"),
    Working("copied_distilled", 0, "distilling", 10, 300, 1, 10, None),
    Working("copied_distilled", 0, "fine-tuning", 10, 189, 1, 10, 71.5),
    SCORED,
    Finished("completed", "Scored 1 of 10 students.", EXPERIMENT),
    Finished("completed", "Kept step 20 of 40.", RESULT),
    Finished("completed", "Made 300 steps.", STUDENT),
    Finished("failed", "The loss became nan at step 3."),
]


def test_every_kind_of_event_is_covered():
    assert {type(event) for event in EVENTS} == set(results.EVENTS.values())


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_an_event_is_one_json_line_and_comes_back_the_same(event):
    line = to_json(event)
    assert "\n" not in line
    assert json.loads(line)["event"] == type(event).__name__.lower()
    back = from_json(line)
    assert type(back) is type(event)
    assert back == event


SETTINGS = {
    "finetune": FinetuneSettings(batch_size=32, learning_rate=1e-4, max_length=128, train_examples=900),
    "distill": DistillSettings(layers=3, hidden=192, heads=12, loss=("attention",), betas=(0.7, 0.9), assistant=True),
    "ablation": AblationSettings(arms=("random", "copied"), seeds=5, distill_learning_rates={"random": 0.004}),
}


@pytest.mark.parametrize("job", SETTINGS)
def test_the_settings_are_those_of_the_job(job):
    started = replace(EVENTS[1], job=job, settings=SETTINGS[job])
    back = from_json(to_json(started))
    assert back == started
    assert type(back.settings) is type(started.settings)


def test_the_result_names_its_kind():
    lines = [json.loads(to_json(event)) for event in EVENTS[-4:]]
    assert [line.get("kind") for line in lines] == ["ablation", "finetune", "distill", None]
    alike = {name: value for name, value in lines[1]["result"].items() if name in ("output_dir", "steps", "settings")}
    line = lines[1] | {"kind": "distill", "result": lines[2]["result"] | alike}
    assert isinstance(from_json(json.dumps(line)).result, DistillResult)


@pytest.mark.parametrize(("number", "job"), [(-4, "ablation"), (-3, "finetune"), (-2, "distill")])
def test_a_result_of_an_older_program_is_that_of_the_job(number, job):
    """Its line names no kind, and its settings were a mapping with fewer keys."""
    began = replace(EVENTS[1], job=job, settings=SETTINGS[job])
    first, last = (json.loads(to_json(event)) for event in (began, EVENTS[number]))
    del last["kind"], last["result"]["settings"]
    first["settings"] = {"hidden": 192} if job != "finetune" else {}
    assert read_lines(map(json.dumps, (first, last))) == (
        replace(began, settings=type(SETTINGS[job])(**first["settings"])),
        EVENTS[number],
    )


def test_numbers_of_every_kind_survive():
    """Of numpy too, and those that are none."""
    numbers = {"nan": float("nan"), "inf": float("inf"), "half": np.float64(0.5), "single": np.float32(0.25)}
    back = from_json(to_json(Evaluated(np.int64(3), numbers, 100, np.bool_(True))))
    assert math.isnan(back.metrics["nan"])
    assert back.metrics["inf"] == math.inf
    assert (back.metrics["half"], back.metrics["single"], back.step, back.best) == (0.5, 0.25, 3, True)
    assert {type(value) for value in back.metrics.values()} == {float}


def test_mappings_that_are_no_dict_survive():
    source = DataSource("file", "mine", types.MappingProxyType({"train": 3}))
    assert from_dict(DataSource, to_dict(source)) == DataSource("file", "mine", {"train": 3})


@pytest.mark.parametrize(
    "line", ['{"event": "steped", "step": 3}', '{"event": "saved", "step": "three", "path": "x"}', '{"step": 3}']
)
def test_a_line_that_is_no_event_is_a_value_error(line):
    with pytest.raises(ValueError):
        from_json(line)


def test_nested_dataclasses_and_tuples_come_back_as_such():
    evaluation = from_json(to_json(EVENTS[-3])).result.evaluation
    assert isinstance(evaluation, Evaluation)
    assert isinstance(evaluation.data_source, DataSource)
    assert isinstance(evaluation.labels, tuple)
    assert isinstance(evaluation.intervals["validation_matched"]["accuracy"], tuple)
    assert isinstance(evaluation.mistakes, tuple)
    assert all(isinstance(mistake, Mistake) for mistake in evaluation.mistakes)


@pytest.mark.parametrize(
    "result",
    [
        EVALUATION,
        Prediction("sst2", "bundled", 3.0, label="positive", probabilities={"negative": 0.25, "positive": 0.75}),
        Prediction("stsb", "bundled", 3.0, score=4.2, truncated=True),
        Prediction(
            "squad_v2", "bundled", 9.0, answer="Ada", start=4, end=7, score=3.0, no_answer_score=-3.0, threshold=0.0,
            candidates=(Candidate("Ada", 4, 7, 9.5), Candidate("Ada L", 4, 9, 8.0)), num_windows=2,
        ),
    ],
    ids=["evaluation", "classification", "regression", "span"],
)  # fmt: skip
def test_results_survive_json(result):
    back = from_dict(type(result), json.loads(json.dumps(to_dict(result))))
    assert back == result


def test_an_older_program_reads_a_newer_run():
    line = json.loads(to_json(EVENTS[-3]))
    line["added_later"] = 1
    line["result"]["evaluation"]["mistakes"][0]["added_later"] = {"x": 1}
    assert from_json(json.dumps(line)) == EVENTS[-3]


def test_a_step_of_an_older_program_is_read():
    """It knew no terms of a loss."""
    values = json.loads(to_json(EVENTS[3]))
    del values["losses"]
    assert from_json(json.dumps(values)) == EVENTS[3]
