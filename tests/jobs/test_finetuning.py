"""The training loop on a tiny random encoder: its events, its numbers, what it saves, and how it ends."""

import itertools
import json
import math
import re
import shutil

import accelerate
import peft
import pytest
import safetensors.torch
import torch
import transformers
from small_runs import ENOUGH_TO_HOLD_BACK, drain, of, write_reviews

from minilm_demo import TrainConfig, evaluate, finetune, predict_rows
from minilm_demo.data import features
from minilm_demo.data.sources import open_source
from minilm_demo.data.splits import draw, hold_back
from minilm_demo.errors import DemoError
from minilm_demo.jobs import finetuning, metrics, tuning
from minilm_demo.jobs.configs import METHODS
from minilm_demo.jobs.evaluation import answers_at, best_threshold, outcome, predict_all, references
from minilm_demo.jobs.planning import Speed
from minilm_demo.jobs.train_rows import load_rows
from minilm_demo.jobs.training import cycle
from minilm_demo.models.loading import load_checkpoint
from minilm_demo.results import Evaluated, Fetching, Finished, Planned, Saved, Started, Stepped
from minilm_demo.tasks import TASKS

SST2 = TASKS["sst2"]
LETTERS = {Started: "S", Planned: "P", Stepped: "t", Evaluated: "e", Saved: "k", Finished: "F"}


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def few_rows(tmp_path_factory):
    """64 rows of train: too few to hold any back."""
    return write_reviews(tmp_path_factory.mktemp("few"), 64)


@pytest.fixture(scope="session")
def many_rows(tmp_path_factory):
    return write_reviews(tmp_path_factory.mktemp("many"), ENOUGH_TO_HOLD_BACK)


@pytest.fixture
def few(tiny_checkpoint, few_rows, tmp_path):
    """The options of a short run that holds no rows back."""
    options = {"checkpoint": str(tiny_checkpoint), "data": str(few_rows), "batch_size": 8}
    return options | {"output_dir": str(tmp_path), "overwrite": True}  # some tests run twice


@pytest.fixture
def many(few, many_rows):
    """The options of a short run that chooses its best checkpoint on held-back rows."""
    return few | {"data": str(many_rows)}


def losses(events) -> list[float]:
    return [event.loss for event in of(Stepped, events)]


@pytest.fixture
def loaded(monkeypatch):
    """The checkpoints that fine-tunes load from here on; the first one's model is what moves, and no event has it."""
    checkpoints = []

    def load(*arguments, **options):
        checkpoints.append(load_checkpoint(*arguments, **options))
        return checkpoints[-1]

    monkeypatch.setattr(finetuning, "load_checkpoint", load)
    return checkpoints


def fixed_speed(monkeypatch, update: float, row: float) -> None:
    """Planning takes these seconds for what it measured."""
    monkeypatch.setattr(finetuning, "measure_speed", lambda job, end: Speed(update, row))


def weights(model) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in model.state_dict().items()}


def assert_equal_weights(left, right):
    assert left.keys() == right.keys()
    assert [name for name in left if not torch.equal(left[name], right[name])] == []


# -- events --------------------------------------------------------------------------------------------------------


def test_events_come_in_order_without_held_back_rows(few):
    events = drain("sst2", **few, max_steps=5)
    letters = "".join(LETTERS[type(event)] for event in events)
    assert re.fullmatch(r"SPe(t+e?)*keF", letters), letters
    assert [event.step for event in of(Stepped, events)] == [1, 2, 3, 4, 5]
    assert events[0].held_back == 0
    assert events[-1].status == "completed"
    assert events[-1].result.step == 5


def test_events_come_in_order_with_held_back_rows(many):
    events = drain("sst2", **many, max_steps=6)
    letters = "".join(LETTERS[type(event)] for event in events)
    assert re.fullmatch(r"SP(ttte(k?)){2}F", letters), letters
    assert events[0].held_back == 52
    assert events[0].examples == ENOUGH_TO_HOLD_BACK - 52
    planned = events[1]
    assert [event.step for event in of(Evaluated, events)] == [planned.evaluate_every, 6]
    for event, following in itertools.pairwise(events):
        if isinstance(event, Evaluated):
            assert event.examples == 52
            assert isinstance(following, Saved) == event.best


def test_started_says_what_moves(few):
    started = drain("sst2", **few, max_steps=1)[0]
    model = load_checkpoint(few["checkpoint"], SST2, new_output_layer=True).model
    assert started.parameters == started.trainable == sum(p.numel() for p in model.parameters())
    assert (started.job, started.task, started.examples, started.processes) == ("finetune", "sst2", 64, 1)
    assert started.metric == "accuracy"
    assert started.data_source.splits == {"train": 64}
    assert "64 rows of train" in started.data_source.description


# -- how long ------------------------------------------------------------------------------------------------------


def test_measuring_leaves_the_weights_as_they_were(few, loaded):
    run = finetune("sst2", TrainConfig(**few, max_steps=2, learning_rate=0.01))
    next(run)
    model = loaded[0].model
    before = weights(model)
    assert isinstance(next(run), Planned)
    assert_equal_weights(before, weights(model))
    next(run)  # the same model does move after that
    next(run)
    assert any(not torch.equal(before[name], value) for name, value in weights(model).items())


@pytest.mark.parametrize("dropout", [0.0, 0.2])
def test_the_curve_is_the_same_without_measuring(few, monkeypatch, dropout):
    few |= {"max_steps": 4, "dropout": dropout, "learning_rate": 0.001}
    measured = losses(drain("sst2", **few))
    fixed_speed(monkeypatch, 0.01, 0.001)
    assert losses(drain("sst2", **few)) == measured


def test_the_seed_decides_the_curve(few):
    few |= {"max_steps": 4, "dropout": 0.1}
    first = losses(drain("sst2", **few, seed=3))
    assert losses(drain("sst2", **few, seed=3)) == first
    assert losses(drain("sst2", **few, seed=4)) != first


@pytest.mark.parametrize(
    ("asked", "steps"),
    [
        ({"max_steps": 1}, 1),
        ({"max_steps": 11}, 11),
        ({"epochs": 0.5}, 4),
        ({"epochs": 0.51}, 5),
        ({"epochs": 2}, 16),
        ({"epochs": 0.01}, 1),
        ({"epochs": 1, "train_examples": 20}, 3),
        ({}, math.ceil(8 * SST2.epochs)),
    ],
)
def test_steps_are_what_was_asked_for(few, asked, steps):
    events = drain("sst2", **few, **asked)
    assert events[1].steps == steps
    assert [event.step for event in of(Stepped, events)] == list(range(1, steps + 1))
    assert events[-1].result.steps == steps
    assert events[1].epochs == pytest.approx(steps / math.ceil(events[0].examples / 8))


def test_an_epoch_reads_every_row_once(few, monkeypatch):
    read = []
    monkeypatch.setattr(finetuning, "cycle", lambda batches, steps: spy(cycle(batches, steps), read))
    events = drain("sst2", **few, epochs=2)
    rows = [row for batch in read for row in batch]
    assert sorted(rows[:64]) == sorted(rows[64:]) == list(range(64))
    assert rows[:64] != rows[64:]
    result = events[-1].result
    assert (result.examples, result.rows_seen, result.examples_seen, result.epochs) == (64, 64, 128, 2)


def test_rows_seen_are_those_of_the_batches_and_not_all_there_are(few):
    result = drain("sst2", **few, max_steps=3)[-1].result
    assert (result.examples, result.rows_seen, result.examples_seen, result.epochs) == (64, 24, 24, 3 / 8)


def test_a_paragraph_in_several_windows_is_one_row(tiny_checkpoint_for, tmp_path):
    options = {"checkpoint": str(tiny_checkpoint_for("squad_v2")), "data": "sample", "eval_examples": 4}
    result = drain("squad_v2", **options, epochs=1, max_length=144, output_dir=str(tmp_path / "run"))[-1].result
    assert result.rows_seen == result.examples < result.examples_seen, "its windows are counted in all"
    assert result.epochs == 1


def spy(items, seen: list):
    for item in items:
        seen.append(item)
        yield item


def test_a_time_budget_becomes_steps_that_replay(many, monkeypatch):
    fixed_speed(monkeypatch, 0.4, 0.0001)
    events = drain("sst2", **many, time_budget=6)
    planned = events[1]
    assert 3 <= planned.steps <= 15
    assert len(losses(events)) == planned.steps
    again = drain("sst2", **many, max_steps=planned.steps)
    assert losses(again) == losses(events)
    assert [e.metrics for e in of(Evaluated, again)] == [e.metrics for e in of(Evaluated, events)]
    assert (again[1].warmup_steps, again[1].evaluate_every) == (planned.warmup_steps, planned.evaluate_every)


def test_a_run_on_the_sample_takes_the_time_of_its_task_if_no_length_is_given(tiny_checkpoint, tmp_path, monkeypatch):
    fixed_speed(monkeypatch, 1.0, 0.0)
    options = {"checkpoint": str(tiny_checkpoint), "data": "sample", "output_dir": str(tmp_path)}

    def planned_steps(**length) -> int:
        run = finetune("sst2", TrainConfig(**options, **length))
        plan = next(event for event in run if isinstance(event, Planned))
        run.close()
        return plan.steps

    assert planned_steps() == pytest.approx(SST2.sample_seconds, abs=5)
    assert planned_steps(epochs=1) == math.ceil(440 / SST2.batch_size)
    assert planned_steps(max_steps=3) == 3


@pytest.mark.parametrize(
    ("options", "factor"),
    [
        ({"max_steps": 50}, 1),
        ({"max_steps": 25}, 2),
        ({"max_steps": 1}, 3),
        ({"max_steps": 1, "method": "lora"}, 10),
        ({"max_steps": 1, "method": "head"}, 20),
    ],
)
def test_a_new_output_layer_learns_faster_in_few_steps(few, options, factor):
    events = drain("sst2", **few, **options)
    rate = SST2.learning_rate * factor
    assert of(Planned, events)[0].learning_rate == events[-1].result.settings.learning_rate == pytest.approx(rate)
    assert max(event.learning_rate for event in of(Stepped, events)) == pytest.approx(rate)


def test_a_rate_that_was_asked_for_and_a_trained_output_layer_keep_theirs(few, tiny_checkpoint_for):
    asked = drain("sst2", **few, max_steps=2, learning_rate=0.001)[-1].result.settings
    assert asked.learning_rate == 0.001
    trained = few | {"checkpoint": str(tiny_checkpoint_for("sst2"))}
    assert drain("sst2", **trained, max_steps=2)[-1].result.settings.learning_rate == SST2.learning_rate


def test_a_run_on_the_sample_has_the_rate_of_its_start(monkeypatch, tmp_path):
    fixed_speed(monkeypatch, 1.0, 0.0)
    task = TASKS["squad_v2"]

    def rate(**options) -> float:
        run = finetune(task, TrainConfig(max_steps=1, output_dir=str(tmp_path), **options))
        started = next(run)
        run.close()
        return started.settings.learning_rate

    assert rate(data="sample", checkpoint=task.start_from) == task.start_rate == 3e-5
    assert rate(data="sample", checkpoint="bundled") == task.learning_rate
    assert rate(data="sample", checkpoint=task.start_from, learning_rate=1e-3) == 1e-3
    assert rate(data="sample", checkpoint=task.start_from, method="lora") == 10 * task.learning_rate


def test_a_larger_budget_means_more_steps(few, monkeypatch):
    fixed_speed(monkeypatch, 1.0, 0.0)
    steps = []
    for budget in (60, 600):
        run = finetune("sst2", TrainConfig(**few, time_budget=budget))
        next(run)
        steps.append(next(run).steps)
        run.close()
    assert 30 <= steps[0] <= 60
    assert steps[1] == pytest.approx(steps[0] + 540, abs=30)


def test_a_run_over_its_budget_ends_and_keeps_its_best(many, monkeypatch):
    fixed_speed(monkeypatch, 0.01, 0.0)
    events, evaluated = [], None
    for event in finetune("sst2", TrainConfig(**many, time_budget=10)):
        events.append(event)
        if isinstance(event, Evaluated):
            evaluated = evaluated or event
            monkeypatch.setattr("minilm_demo.jobs.training.OVERTIME", 0)
    finished = events[-1]
    assert finished.status == "completed"  # nobody asked it to stop
    assert finished.result.steps == evaluated.step < events[1].steps
    assert finished.result.step == evaluated.step
    assert finished.result.evaluation.metrics["validation"]["accuracy"] >= 0


# -- stopping ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "kind", "step"),
    [
        ("few", Stepped, 1),
        ("few", Stepped, 7),
        ("many", Stepped, 2),
        ("many", Stepped, 30),
        ("many", Evaluated, 20),
        ("many", Saved, 20),
    ],
)
def test_stop_ends_at_once_and_keeps_a_scored_checkpoint(request, tmp_path, rows, kind, step):
    events = []

    def should_stop() -> bool:
        return any(event.step == step for event in of(kind, events))

    run = finetune("sst2", TrainConfig(**request.getfixturevalue(rows), max_steps=40), should_stop)
    for event in run:
        events.append(event)
    finished = events[-1]
    assert isinstance(finished, Finished)
    assert finished.status == "stopped"
    assert finished.result.steps == step
    best = [event.step for event in of(Evaluated, events) if event.best]
    assert finished.result.step == (best[-1] if best else finished.result.steps)
    scored = evaluate("sst2", str(tmp_path), data=request.getfixturevalue(rows)["data"])
    assert scored.metrics == finished.result.evaluation.metrics


@pytest.mark.parametrize("kind", [Started, Planned])
def test_a_stop_before_the_first_step_keeps_nothing(few, tmp_path, kind):
    events = []
    for event in finetune("sst2", TrainConfig(**few, max_steps=40), lambda: bool(of(kind, events))):
        events.append(event)
    assert type(events[-2]) is kind
    assert events[-1] == Finished("stopped", "Stopped before the first step.")
    assert not (tmp_path / "checkpoint").exists()


def test_stop_acts_within_one_update_of_a_long_run(few, monkeypatch):
    """A run of 20,000 steps has an event every fifty steps; it is asked at each."""
    made = []
    monkeypatch.setattr(finetuning, "cycle", lambda batches, steps: spy(cycle(batches, steps), made))
    events = list(finetune("sst2", TrainConfig(**few, max_steps=20_000), lambda: len(made) > 7))
    assert events[1].steps == 20_000
    assert of(Stepped, events) == []
    assert (events[-1].status, events[-1].result.steps) == ("stopped", 7)


def test_the_question_is_asked_at_every_step(few, monkeypatch):
    fixed_speed(monkeypatch, 0.01, 0.001)
    asked = []
    events = list(finetune("sst2", TrainConfig(**few, max_steps=20), lambda: bool(asked.append(1))))
    batches_scored = len(of(Evaluated, events)) - 1  # the last score is the final one
    assert len(asked) == 1 + 20 + batches_scored  # once before it begins
    assert events[-1].status == "completed"


def test_a_stop_breaks_off_measuring_and_scoring(many, tmp_path, monkeypatch):
    monkeypatch.setattr("minilm_demo.jobs.evaluation.BATCH_SIZE", 8)
    events, asked = [], []

    def should_stop() -> bool:
        asked.append(len(events))
        last = events[-1] if events else None
        return isinstance(last, Stepped) and last.step == 20 and asked.count(len(events)) == 3

    for event in finetune("sst2", TrainConfig(**many, max_steps=40), should_stop):
        events.append(event)
    assert of(Evaluated, events) == []  # the third of seven batches was the last
    assert (events[-1].status, events[-1].result.steps, events[-1].result.step) == ("stopped", 20, 20)
    assert load_checkpoint(str(tmp_path), SST2).model.config.num_labels == 2


def test_whoever_closes_a_run_leaves_a_whole_checkpoint_or_none(many, tmp_path):
    run = finetune("sst2", TrainConfig(**many, max_steps=40))
    for event in run:
        assert (tmp_path / "checkpoint").exists() == isinstance(event, Saved)
        if isinstance(event, Saved):
            break
    run.close()
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint"]
    assert load_checkpoint(str(tmp_path), SST2).model.config.num_labels == 2


def test_stop_at_the_last_step_is_a_completed_run(few):
    events = []
    for event in finetune("sst2", TrainConfig(**few, max_steps=2), lambda: len(of(Stepped, events)) == 2):
        events.append(event)
    assert events[-1].status == "completed"


# -- the curve of the score ----------------------------------------------------------------------------------------


def test_few_rows_have_a_curve_on_validation_rows_that_choose_nothing(few, tmp_path):
    events = drain("sst2", **few, max_steps=40, learning_rate=0.005)
    started, curve, result = events[0], of(Evaluated, events), events[-1].result
    assert (started.curve_split, started.curve_rows, started.baseline) == ("validation", 20, 0.5)
    assert [curve[0].step, curve[-1].step] == [0, 40]
    assert len(curve) > 5
    assert {(event.split, event.examples, event.best) for event in curve} == {("validation", 20, False)}
    assert len({event.metrics["accuracy"] for event in curve}) > 1
    assert [event.step for event in of(Saved, events)] == [40]
    assert result.step == 40
    assert curve[-1].metrics == result.evaluation.metrics["validation"]
    assert curve[-1].metrics == evaluate("sst2", str(tmp_path), data=few["data"]).metrics["validation"]


def test_many_rows_have_a_curve_on_held_back_rows(many):
    started, *_ = drain("sst2", **many, max_steps=1)
    assert (started.curve_split, started.curve_rows, started.baseline) == ("", 52, pytest.approx(0.5, abs=0.15))


def test_the_curve_is_of_the_rows_that_are_scored_at_the_end(few):
    events = drain("sst2", **few, max_steps=8, eval_examples=7)
    assert {event.examples for event in of(Evaluated, events)} == {7}
    assert events[0].curve_rows == 7
    assert of(Evaluated, events)[-1].metrics == events[-1].result.evaluation.metrics["validation"]


def test_scoring_does_not_change_what_is_learned(few, monkeypatch):
    few |= {"max_steps": 12, "dropout": 0.1, "learning_rate": 0.001}
    with_curve = drain("sst2", **few)
    monkeypatch.setattr(tuning, "MAX_EVALUATIONS", 1)
    without_curve = drain("sst2", **few)
    assert len(of(Evaluated, without_curve)) < len(of(Evaluated, with_curve))
    assert losses(with_curve) == losses(without_curve)


def test_a_stopped_run_without_held_back_rows_has_its_last_score(few):
    events = []
    for event in finetune("sst2", TrainConfig(**few, max_steps=40), lambda: bool(of(Stepped, events))):
        events.append(event)
    assert events[-1].status == "stopped"
    assert of(Evaluated, events)[-1].step == events[-1].result.step == 1


def test_a_machine_that_is_too_slow_for_all_scores_fewer_rows(tiny_checkpoint, tmp_path, monkeypatch):
    data = write_reviews(tmp_path / "rows", 64, validation=400)
    fixed_speed(monkeypatch, 0.5, 0.1)  # 40 s for all of them
    options = {"checkpoint": str(tiny_checkpoint), "data": str(data), "output_dir": str(tmp_path / "run")}
    events = drain("sst2", **options, time_budget=30)
    evaluation = events[-1].result.evaluation
    assert 50 <= evaluation.examples["validation"] <= 75
    assert {event.examples for event in of(Evaluated, events)} == {evaluation.examples["validation"]}
    assert events[-1].result.settings.eval_examples == evaluation.examples["validation"]
    assert of(Planned, events)[0].steps > 10


# -- which weights are kept ----------------------------------------------------------------------------------------


def test_the_best_weights_are_kept_not_the_last(many, tmp_path, monkeypatch):
    scores = iter([0.5, 0.9, 0.7, 0.9])  # of the held-back rows
    monkeypatch.setattr(tuning, "SCORING_SHARE", 100)
    monkeypatch.setattr(tuning, "MAX_EVALUATIONS", 4)
    monkeypatch.setattr(tuning.FineTuning, "_score", lambda job, end: {"accuracy": next(scores)})
    files, events = {}, []
    for event in finetune("sst2", TrainConfig(**many, max_steps=8, learning_rate=0.01)):
        events.append(event)
        if isinstance(event, Saved):
            files[event.step] = (tmp_path / "checkpoint" / "model.safetensors").read_bytes()
    assert [event.best for event in of(Evaluated, events)] == [True, True, False, False]
    assert list(files) == [2, 4]
    assert files[2] != files[4] == (tmp_path / "checkpoint" / "model.safetensors").read_bytes()
    assert events[-1].result.step == 4
    assert [path.name for path in tmp_path.glob("checkpoint*")] == ["checkpoint"]


def test_the_saved_checkpoint_scores_as_the_best_evaluation(many, tmp_path):
    events = drain("sst2", **many, max_steps=60, learning_rate=0.005)
    scores = [event.metrics["accuracy"] for event in of(Evaluated, events)]
    assert len(set(scores)) > 1
    source = open_source(SST2, many["data"])
    _, held = hold_back(SST2, *draw(source.read("train"), None, 0), 0)
    predictions = predict_all(SST2, load_checkpoint(str(tmp_path), SST2), held)
    assert metrics.score(SST2, outcome(SST2, predictions), references(SST2, held))["accuracy"] == max(scores)


def watch_precision(model) -> list[torch.dtype]:
    """The kind of number that comes out of the output layer at every training step from now on."""
    kinds = []

    def remember(layer, given, out):
        if layer.training:
            kinds.append(out.dtype)

    model.classifier.register_forward_hook(remember)
    return kinds


def test_training_stays_in_bf16_after_scoring(many, loaded):
    run = finetune("sst2", TrainConfig(**many, max_steps=8, precision="bf16"))
    next(run)
    kinds = watch_precision(loaded[0].model)
    events = list(run)
    assert len(of(Evaluated, events)) == 2
    assert len(kinds) >= 8
    assert set(kinds) == {torch.bfloat16}


def test_fp32_is_fp32(few, loaded):
    run = finetune("sst2", TrainConfig(**few, max_steps=2, precision="fp32"))
    assert next(run).precision == "fp32"
    kinds = watch_precision(loaded[0].model)
    list(run)
    assert set(kinds) == {torch.float32}


# -- the optimiser -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("ratio", "warmup"), [(0.0, 0), (0.2, 2), (0.5, 5)])
def test_the_learning_rate_rises_and_falls_in_straight_lines(few, ratio, warmup):
    events = drain("sst2", **few, max_steps=10, learning_rate=0.01, warmup_ratio=ratio)
    assert events[1].warmup_steps == warmup
    expected = [i / warmup if i < warmup else (10 - i) / (10 - warmup) for i in range(10)]
    assert [event.learning_rate / 0.01 for event in of(Stepped, events)] == pytest.approx(expected)


@pytest.mark.parametrize(("method", "times"), METHODS.items())
def test_each_method_has_its_learning_rate(few, method, times):
    events = drain("sst2", **few, max_steps=50, method=method, warmup_ratio=0.0)
    assert of(Stepped, events)[0].learning_rate == pytest.approx(SST2.learning_rate * times)


class RecordingAdamW(torch.optim.AdamW):
    """AdamW that remembers its groups and the norm of the gradients it was given at each step."""

    def __init__(self, groups, **options):
        super().__init__(groups, **options)
        RecordingAdamW.groups, RecordingAdamW.norms = self.param_groups, []

    def step(self, closure=None):
        gradients = [p.grad for group in self.param_groups for p in group["params"] if p.grad is not None]
        self.norms.append(torch.linalg.vector_norm(torch.stack([g.norm() for g in gradients])).item())
        return super().step(closure)


@pytest.mark.parametrize("method", ["full", "head"])
def test_biases_and_layer_norms_do_not_decay(few, loaded, monkeypatch, method):
    monkeypatch.setattr(torch.optim, "AdamW", RecordingAdamW)
    run = finetune("sst2", TrainConfig(**few, max_steps=1, weight_decay=0.3, method=method))
    next(run)
    names = {id(p): name for name, p in loaded[0].model.named_parameters() if p.requires_grad}
    list(run)
    decay = {names.pop(id(p)): group["weight_decay"] for group in RecordingAdamW.groups for p in group["params"]}
    assert names == {}
    assert decay["classifier.weight"] == 0.3
    for name, value in decay.items():
        assert value == (0.0 if name.endswith(".bias") or "LayerNorm" in name else 0.3), name


@pytest.mark.parametrize(("limit", "clipped"), [(0.01, True), (1000, False)])
def test_gradients_are_clipped(few, monkeypatch, limit, clipped):
    monkeypatch.setattr(torch.optim, "AdamW", RecordingAdamW)
    drain("sst2", **few, max_steps=3, max_grad_norm=limit)
    assert len(RecordingAdamW.norms) == 3
    assert (max(RecordingAdamW.norms) <= 0.0101) == clipped, RecordingAdamW.norms


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_dropout_is_what_was_asked_for(few, loaded, dropout):
    run = finetune("sst2", TrainConfig(**few, max_steps=2, dropout=dropout))
    next(run)
    model = loaded[0].model
    layers = [module for module in model.modules() if isinstance(module, torch.nn.Dropout)]
    assert layers
    assert {layer.p for layer in layers} == {dropout}
    next(run)
    next(run)
    torch.manual_seed(0)
    batch = {"input_ids": torch.tensor([[2, 70, 71, 72, 3]])}
    model.train()
    with torch.no_grad():
        assert torch.equal(model(**batch).logits, model(**batch).logits) == (dropout == 0)
    run.close()


# -- methods -------------------------------------------------------------------------------------------------------


def test_head_moves_the_output_layer_and_the_pooler_only(few, loaded, tmp_path):
    run = finetune("sst2", TrainConfig(**few, max_steps=4, method="head", learning_rate=0.01))
    started = next(run)
    before = weights(loaded[0].model)
    list(run)
    after = safetensors.torch.load_file(tmp_path / "checkpoint" / "model.safetensors")
    changed = {name for name, value in after.items() if not torch.equal(before[name], value)}
    above = {"bert.pooler.dense.weight", "bert.pooler.dense.bias", "classifier.weight", "classifier.bias"}
    assert changed == above
    assert started.trainable == sum(before[name].numel() for name in above)


def logits_of(model, checkpoint) -> torch.Tensor:
    tokenizer = transformers.AutoTokenizer.from_pretrained(checkpoint)
    batch = tokenizer(["the movie is bad", "a great story, very funny"], padding=True, return_tensors="pt")
    with torch.no_grad():
        return model.eval()(**batch).logits.float()


def test_lora_trains_adapters_and_gives_a_plain_checkpoint(few, tmp_path, tiny_checkpoint, monkeypatch):
    wrapped, adapt = [], peft.get_peft_model
    monkeypatch.setattr(peft, "get_peft_model", lambda *given: wrapped.append(adapt(*given)) or wrapped[-1])
    run = finetune("sst2", TrainConfig(**few, max_steps=12, method="lora", learning_rate=0.02, precision="fp32"))
    started = next(run)
    (model,) = wrapped
    untouched = {name: p.detach().clone() for name, p in model.named_parameters() if not p.requires_grad}
    moving = [name for name, p in model.named_parameters() if p.requires_grad]
    assert all("lora_" in name or ".classifier." in name or ".pooler." in name for name in moving)
    assert sum("lora_A" in name for name in moving) == 2 * 6  # two layers of query, key, value and three dense
    assert started.trainable == sum(p.numel() for p in model.parameters() if p.requires_grad) < started.parameters
    list(run)
    assert all(torch.equal(untouched[name], p) for name, p in model.named_parameters() if name in untouched)

    trained = logits_of(model, tiny_checkpoint)
    with model.disable_adapter():
        assert (logits_of(model, tiny_checkpoint) - trained).abs().max() > 0.01
    plain, report = transformers.AutoModelForSequenceClassification.from_pretrained(
        tmp_path / "checkpoint", output_loading_info=True
    )
    assert not report["missing_keys"]
    assert not report["unexpected_keys"]
    assert torch.allclose(logits_of(plain, tmp_path / "checkpoint"), trained, atol=1e-4)
    fresh = transformers.AutoModelForSequenceClassification.from_pretrained(tiny_checkpoint, num_labels=2)
    adapted = peft.PeftModel.from_pretrained(fresh, tmp_path / "adapter")
    assert torch.allclose(logits_of(adapted, tiny_checkpoint), trained, atol=1e-4)


def test_lora_goes_on_after_its_best_was_saved(many, tmp_path):
    events = drain("sst2", **many, max_steps=12, method="lora", learning_rate=0.02)
    assert len(of(Saved, events)) >= 1
    assert len(losses(events)) == 12
    again = evaluate("sst2", str(tmp_path), data=many["data"])
    assert again.metrics == events[-1].result.evaluation.metrics


# -- every kind of task --------------------------------------------------------------------------------------------

AUTO = {
    "classification": transformers.AutoModelForSequenceClassification,
    "regression": transformers.AutoModelForSequenceClassification,
    "span": transformers.AutoModelForQuestionAnswering,
}


@pytest.mark.parametrize("method", ["full", "lora", "head"])
@pytest.mark.parametrize("name", ["stsb", "mnli", "squad_v2"])
def test_every_kind_of_task_from_rows_to_plain_checkpoint(tiny_checkpoint, tmp_path, name, method):
    task = TASKS[name]
    options = {"batch_size": 4, "max_steps": 2, "train_examples": 12, "eval_examples": 8, "method": method}
    events = drain(name, checkpoint=str(tiny_checkpoint), data="sample", output_dir=str(tmp_path), **options)
    result = events[-1].result
    assert all(math.isfinite(loss) for loss in losses(events))
    scores = [event.train_score for event in of(Stepped, events)]
    assert all(score is None if task.kind == "regression" else 0 <= score <= 1 for score in scores)
    assert tuple(result.evaluation.metrics) == task.eval_splits
    for split in task.eval_splits:
        assert set(task.metrics) <= result.evaluation.metrics[split].keys()
        assert result.evaluation.examples[split] == 8
    model, report = AUTO[task.kind].from_pretrained(tmp_path / "checkpoint", output_loading_info=True)
    assert not report["missing_keys"]
    assert not report["unexpected_keys"]
    assert tuple(model.config.id2label.values()) == task.labels or not task.labels
    assert transformers.AutoTokenizer.from_pretrained(tmp_path / "checkpoint")("a movie")["input_ids"][0] == 2
    again = evaluate(name, str(tmp_path), data="sample", limit=8)
    assert again.metrics == result.evaluation.metrics
    assert again.intervals == result.evaluation.intervals
    assert json.loads(json.dumps(again.metrics)) == again.metrics


@pytest.mark.parametrize("method", ["full", "lora"])
def test_questions_get_their_own_no_answer_threshold(tiny_checkpoint, tmp_path, monkeypatch, method):
    """Chosen on the held-back rows for the weights that are kept, and saved with them."""
    monkeypatch.setattr("minilm_demo.data.splits.MIN_ROWS_TO_HOLD_BACK", 100)
    task = TASKS["squad_v2"]
    config = TrainConfig(
        checkpoint=str(tiny_checkpoint),
        data="sample",
        max_steps=4,
        batch_size=4,
        method=method,
        eval_examples=2,
        output_dir=str(tmp_path),
        precision="fp32",
    )
    events = list(finetune(task, config))
    held_back = load_rows(task, config).held_back
    assert 20 <= len(held_back) <= 24, "whole paragraphs"
    kept = load_checkpoint(str(tmp_path), task)
    predictions = predict_all(task, kept, held_back)
    golds = references(task, held_back)
    chosen = best_threshold(predictions, golds)
    assert kept.model.config.no_answer_threshold == chosen != 0.0
    score = max(event.metrics["f1"] for event in of(Evaluated, events))
    given = answers_at(predictions, kept.model.config.no_answer_threshold)
    assert score == pytest.approx(metrics.score(task, given, golds)["f1"])


def test_the_bundled_checkpoint_learns_from_64_sample_rows(tmp_path):
    size = {"train_examples": 64, "batch_size": 16, "max_steps": 12}
    events = drain("sst2", data="sample", **size, output_dir=str(tmp_path), learning_rate=5e-4)
    curve = losses(events)
    assert events[0].checkpoint == "bundled"
    assert curve[-1] < curve[0]
    assert sum(curve[-4:]) < 0.9 * sum(curve[:4])


# -- rows ----------------------------------------------------------------------------------------------------------


def test_extra_rows_are_trained_on_and_named(few, tmp_path):
    extra = tmp_path / "mine.csv"
    extra.write_text('text,label\n"fine, really",positive\nterrible,negative\nmeh,0\n', encoding="utf-8")
    folder = write_reviews(tmp_path / "more", 5)
    events = drain("sst2", **few, max_steps=1, extra_train=(str(extra), str(folder)))
    assert events[0].examples == 64 + 3 + 5
    assert events[-1].result.splits == {"train": 64, "mine.csv": 3, "more": 5}
    description = events[0].data_source.description
    assert "64 rows of train" in description
    assert "3 rows of mine.csv, 5 rows of more" in description


def test_extra_sets_of_one_name_are_counted_apart(few, tmp_path):
    folders = [write_reviews(tmp_path / name / "train", size) for name, size in (("a", 5), ("b", 6))]
    result = drain("sst2", **few, max_steps=1, extra_train=tuple(map(str, folders)))[-1].result
    assert result.splits == {"train": 64, "train (2)": 5, "train (3)": 6}


def test_drawn_rows_are_counted_and_the_rest_chooses_the_best(many_rows, many):
    started = drain("sst2", **many, max_steps=1, train_examples=40)[0]
    assert (started.examples, started.held_back) == (40, 0)
    assert started.data_source.splits == {"train": 40}
    assert "40 rows of train" in started.data_source.description


def test_splits_can_be_joined(few):
    started = drain("sst2", **few, max_steps=1, train_split="train+validation")[0]
    assert started.examples == 84
    assert started.data_source.splits == {"train+validation": 84}


def test_validation_rows_can_be_limited(few):
    evaluation = drain("sst2", **few, max_steps=1, eval_examples=7)[-1].result.evaluation
    assert evaluation.examples == {"validation": 7}


# -- bad days ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"epochs": 1, "max_steps": 5}, "one of epochs, max_steps and time_budget"),
        ({"max_steps": 5, "time_budget": 60}, "one of epochs, max_steps and time_budget"),
        ({"max_steps": 0}, "max_steps is 0; it must lie between 1 and"),
        ({"max_steps": 2.5}, "max_steps is 2.5; it must be a whole number"),
        ({"max_steps": "9"}, "max_steps is '9'; it must be a number"),
        ({"epochs": -1}, "epochs is -1; it must lie between 0.01 and 1000"),
        ({"epochs": float("nan")}, "epochs is 'nan'; it must be a number"),
        ({"time_budget": 1}, "time_budget is 1; it must lie between 5 and"),
        ({"batch_size": 0}, "batch_size is 0; it must lie between 1 and 1024"),
        ({"batch_size": True}, "batch_size is 'True'; it must be a number"),
        ({"learning_rate": 0}, "learning_rate is 0; it must lie between 1e-07 and 1"),
        ({"learning_rate": 5}, "learning_rate is 5; it must lie between"),
        ({"max_length": 4}, "max_length is 4; it must lie between 16 and 512"),
        ({"method": "qlora"}, "method is 'qlora'; it must be one of full, lora, head"),
        ({"precision": "fp16"}, "precision is 'fp16'; it must be one of auto, bf16, fp32"),
        ({"seed": -1}, "seed is -1; it must lie between"),
        ({"dropout": 1}, "dropout is 1; it must lie between 0 and 0.9"),
        ({"warmup_ratio": 1.5}, "warmup_ratio is 1.5; it must lie between 0 and 1"),
        ({"train_examples": 0}, "train_examples is 0"),
    ],
)
def test_a_bad_option_is_one_sentence(options, words):
    with pytest.raises(DemoError, match=re.escape(words)):
        TrainConfig(**options)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"data": "/no/such/data"}, "No data at '/no/such/data'"),
        ({"checkpoint": "nonsense"}, "Unknown checkpoint 'nonsense'"),
        ({"train_split": "trian"}, "No split 'trian': this folder has the splits all, train, validation"),
        ({"extra_train": ("/no/such/file.csv",)}, "No extra training data at"),
        ({"train_examples": 1}, "sst2 train has 1 rows; at least 2 are needed"),
    ],
)
def test_what_does_not_serve_is_said_before_the_start(few, options, words):
    with pytest.raises(DemoError, match=re.escape(words)):
        next(finetune("sst2", TrainConfig(**few | options, max_steps=1)))


def test_an_unknown_task_is_said_before_the_start():
    with pytest.raises(DemoError, match="Unknown task 'sst3'"):
        next(finetune("sst3", TrainConfig()))


def test_a_loss_that_is_no_number_ends_the_run_with_a_sentence(few, tiny_checkpoint, tmp_path):
    broken = tmp_path / "broken"
    shutil.copytree(tiny_checkpoint, broken)
    tensors = safetensors.torch.load_file(broken / "model.safetensors")
    tensors["pooler.dense.bias"][0] = math.nan
    safetensors.torch.save_file(tensors, broken / "model.safetensors", metadata={"format": "pt"})
    run = finetune("sst2", TrainConfig(**few | {"checkpoint": str(broken)}, max_steps=3, learning_rate=0.02))
    with pytest.raises(DemoError, match=r"The loss became nan at step 1\. Try a lower learning rate than 0\.02\."):
        list(run)


def test_a_folder_that_cannot_be_written_is_one_sentence(few, tmp_path):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(DemoError, match="could not be written"):
        drain("sst2", **few | {"output_dir": str(tmp_path / "taken")}, max_steps=1)


def test_a_full_disk_is_one_sentence_and_leaves_no_half_checkpoint(few, tmp_path, monkeypatch):
    """safetensors has an error of its own for it."""

    def save(self, folder):
        folder.mkdir(parents=True)
        (folder / "model.safetensors").write_bytes(b"half")
        raise safetensors.SafetensorError("I/O error: No space left on device")

    monkeypatch.setattr(transformers.PreTrainedModel, "save_pretrained", save)
    with pytest.raises(DemoError, match="could not be written: I/O error: No space left on device"):
        drain("sst2", **few, max_steps=1)
    assert not (tmp_path / "checkpoint.new").exists()


@pytest.mark.parametrize(("length", "reads_the_end"), [(32, False), (None, False), (256, True)])
def test_a_model_is_asked_with_the_length_it_learned_with(few, tmp_path, length, reads_the_end):
    """Not with the task's 128 tokens, behind which the last word stands here."""
    drain("sst2", **few, max_steps=10, max_length=length, learning_rate=0.01)
    loaded = load_checkpoint(str(tmp_path), SST2)
    assert features.input_length(SST2, loaded.model.config) == (length or SST2.max_length)
    texts = [" ".join([*["the"] * 140, word]) for word in ("good", "bad")]
    good, bad = predict_rows(SST2, loaded, [{"sentence": text} for text in texts])
    moved = abs(good.probabilities["positive"] - bad.probabilities["positive"])
    assert moved > 5e-6 if reads_the_end else moved < 1e-6  # rounding, in another place of the batch, moves it too
    assert good.truncated == bad.truncated == (not reads_the_end)


def test_the_random_state_of_the_caller_does_not_matter(few):
    first = losses(drain("sst2", **few, max_steps=2, method="lora"))
    accelerate.utils.set_seed(99)
    assert losses(drain("sst2", **few, max_steps=2, method="lora")) == first


# -- what was resolved, and budgets that are too short -------------------------------------------------------------


def test_what_was_left_open_is_recorded_as_resolved(many):
    events = drain("sst2", **many, max_steps=50)
    settings = of(Started, events)[0].settings
    assert settings == events[-1].result.settings
    task = TASKS["sst2"]
    assert settings.batch_size == many.get("batch_size", task.batch_size)
    assert settings.learning_rate == many.get("learning_rate", task.learning_rate)
    assert settings.train_examples == of(Started, events)[0].examples


def test_a_slow_machine_takes_smaller_batches_and_records_it(many, monkeypatch):
    fixed_speed(monkeypatch, 12.0, 0.0)
    events = drain("sst2", **{name: value for name, value in many.items() if name != "batch_size"}, time_budget=20)
    planned, result = of(Planned, events)[0], events[-1].result
    assert (planned.batch_size, planned.asked_batch_size) == (8, SST2.batch_size)
    assert of(Started, events)[0].settings.batch_size == SST2.batch_size
    assert result.settings.batch_size == 8
    assert result.steps == planned.steps >= 6
    assert result.examples_seen > 4 * planned.steps


@pytest.mark.parametrize("update", [30.0, 1000.0])
def test_a_batch_size_that_was_asked_for_stays_and_one_update_is_made(many, monkeypatch, update):
    fixed_speed(monkeypatch, update, 0.001)
    events = drain("sst2", **many, time_budget=30)
    assert events[-1].status == "completed"
    assert events[-1].result.steps == 1
    assert events[-1].result.settings.batch_size == many["batch_size"]


def test_a_download_can_be_stopped(many, monkeypatch):
    monkeypatch.setattr("minilm_demo.jobs.training.fetch", lambda name: iter([(1, 100), (2, 100)]))
    events = []
    for event in finetune("sst2", TrainConfig(**many), lambda: bool(events)):
        events.append(event)
    assert events == [Fetching(str(many["checkpoint"]), 1, 100), Finished("stopped", "Stopped before it began.")]
