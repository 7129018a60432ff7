"""The Python under "Code": it runs as it stands and makes what was shown."""

import dataclasses
import json
import shlex
from pathlib import Path

import pytest

from minilm_demo import DistillConfig, TrainConfig, evaluate_rows, predict, runs, views, word_importance
from minilm_demo.cli import main
from minilm_demo.jobs.ablation import AblationConfig, ablation
from minilm_demo.jobs.distilling import distill
from minilm_demo.jobs.finetuning import finetune
from minilm_demo.results import AblationResult, Evaluated, Planned, Stepped
from minilm_demo.runs import JOBS

REVIEW = {"sentence": "Not a single joke lands: \"dull\" is the word, {however} '''quoted''' and\nhowever long."}


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run a snippet in a folder of its own, as somebody does who copied it -> its names."""
    monkeypatch.chdir(tmp_path)

    def run_one(code: str) -> dict:
        scope = {}
        exec(code, scope)
        (page,) = tmp_path.glob("*.html")
        assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
        return scope

    return run_one


@pytest.fixture
def tiny(tmp_path, tiny_checkpoint) -> str:
    """The tiny checkpoint by a name in that folder: no code names a place on the server."""
    (tmp_path / "tiny").symlink_to(tiny_checkpoint)
    return "tiny"


@pytest.fixture
def tuned(tiny_checkpoint_for) -> str:
    return str(tiny_checkpoint_for("sst2"))


def test_an_answer(run, tuned):
    scope = run(views.prediction_code("sst2", tuned, REVIEW))
    assert scope["prediction"].probabilities == predict("sst2", tuned, REVIEW).probabilities


def test_the_words_that_mattered(run, tuned):
    scope = run(views.importance_code("sst2", tuned, REVIEW))
    assert scope["importance"].words == word_importance("sst2", tuned, REVIEW).words


def test_scored_rows(run, tuned):
    scope = run(views.rows_code("sst2", tuned, "sample", 12))
    assert scope["rows"].rows == evaluate_rows("sst2", tuned, data="sample", limit=12).rows


def finished(events) -> list:
    """The events of a job that ended well."""
    events = list(events)
    assert events[-1].status == "completed", events[-1].message
    return events


def curve(events, until: int) -> list[tuple]:
    """Step, loss and learning rate of every update, and every score before the last one.

    A machine that becomes slower ends a timed run before its last update (`until`); its code makes all of them."""
    steps = [(event.step, event.loss, event.learning_rate) for event in events if isinstance(event, Stepped)]
    scores = [(event.step, *event.metrics.values()) for event in events if isinstance(event, Evaluated)]
    points = [point for point in steps if point[0] <= until] + [point for point in scores if point[0] < until]
    return [tuple(pytest.approx(number, rel=1e-3, abs=1e-5) for number in point) for point in points]


def shell_events(code: str, monkeypatch, capsys) -> tuple:
    """Run the line for a shell that stands at the end of the code -> the events of its run."""
    comment, line = code.splitlines()[-2:]
    assert comment == "# The same in a shell:"
    words = shlex.split(line.removeprefix("# "))
    assert words[:3] == ["python", "-m", "minilm_demo"]
    assert main([*words[3:], "--json"]) == 0, capsys.readouterr().err
    folder = json.loads(capsys.readouterr().out.splitlines()[-1])["output_dir"]
    return runs.state(Path(folder)).events


TIMED = {"data": "sample", "time_budget": 5, "seed": 5, "train_examples": 300, "eval_examples": 8}


@pytest.mark.parametrize(
    ("task", "options"),
    [
        ("sst2", TIMED | {"method": "lora"}),
        ("squad_v2", {"data": "sample", "time_budget": 5, "train_examples": 24, "eval_examples": 4, "max_length": 192}),
        ("stsb", {"data": "auto", "epochs": 0.5, "batch_size": 8, "precision": "fp32", "eval_examples": 8}),
    ],
)
def test_the_code_of_a_fine_tune_repeats_it(task, options, run, tiny_checkpoint_for, tmp_path, monkeypatch, capsys):
    """In Python and in a shell: as many updates of the same rows, with the same losses."""
    monkeypatch.delenv("MINILM_DATA", raising=False)
    (tmp_path / "tiny").symlink_to(tiny_checkpoint_for(task))
    monkeypatch.chdir(tmp_path)
    config = TrainConfig(checkpoint="tiny", output_dir="first", **options)
    first = finished(finetune(task, config))
    code = views.run_code(JOBS["finetune"].snippet, task, config, first)
    result = first[-1].result
    (planned,) = [event for event in first if isinstance(event, Planned)]
    for said in (f"max_steps={planned.steps}", f"seed={config.seed}", f"precision={first[0].precision!r}"):
        assert said in code
    for said in ("learning_rate=", "batch_size=", "max_length=", "data='sample'", "checkpoint='tiny'"):
        assert said in code
    assert "time_budget" not in code and "epochs=" not in code and "output_dir" not in code
    again = run(code)
    assert curve(again["events"], result.steps) == curve(first, result.steps)
    assert curve(shell_events(code, monkeypatch, capsys), result.steps) == curve(first, result.steps)
    if result.steps == planned.steps:
        assert again["result"].rows_seen == result.rows_seen and again["result"].step == result.step


def test_the_code_of_a_distillation_repeats_it(run, tiny, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    config = DistillConfig(teacher=tiny, data="sample", layers=1, hidden=8, time_budget=5, batch_size=4, seed=3)
    first = finished(distill(dataclasses.replace(config, output_dir="first")))
    code = views.run_code(JOBS["distill"].snippet, config.task, config, first)
    steps = first[-1].result.steps
    planned = [event for event in first if isinstance(event, Planned)][-1]
    for said in (f"    steps={planned.steps}", "heads=2", "max_length=64", "learning_rate=", "seed=3"):
        assert said in code
    assert "time_budget" not in code
    assert curve(run(code)["events"], steps) == curve(first, steps)
    assert curve(shell_events(code, monkeypatch, capsys), steps) == curve(first, steps)


def test_the_code_of_an_experiment_repeats_it(run, tiny, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = AblationConfig(
        teacher=tiny, data="sample", layers=1, arms="random", seeds=1, train_examples=8, steps=1, time_budget=600
    )
    first = finished(ablation(config))
    code = views.run_code(JOBS["ablation"].snippet, config.task, config, first)
    assert "time_budget" not in code and "epochs=" in code and "shell" not in code
    result = run(code)["result"]
    assert isinstance(result, AblationResult)
    assert [arm.scores for arm in result.arms] == [arm.scores for arm in first[-1].result.arms]


def test_the_code_of_a_waiting_run_has_what_was_asked():
    config = TrainConfig(data="sample", time_budget=30)
    code = views.run_code(JOBS["finetune"].snippet, "sst2", config)
    assert "TrainConfig(data='sample', time_budget=30)" in code
    assert code.endswith("# python -m minilm_demo finetune sst2 --data sample --time-budget 30")


def test_the_code_of_a_stopped_run_says_so(tiny, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    calls = iter(range(10_000))
    options = {"data": "sample", "max_steps": 40, "batch_size": 4, "eval_examples": 8, "output_dir": "stopped"}
    config = TrainConfig(checkpoint=tiny, **options)
    events = list(finetune("sst2", config, lambda: next(calls) > 15))
    made = events[-1].result.steps
    assert events[-1].status == "stopped" and 0 < made < 40
    code = views.run_code(JOBS["finetune"].snippet, "sst2", config, events)
    assert f"# The run ended after step {made} of these 40; up to there this one is the same." in code
    assert "max_steps=40" in code, "fewer would lower the learning rate sooner"


def test_texts_and_labels_survive_the_shell():
    config = TrainConfig(data="/srv/my rows.csv", labels={"0": "good", "1": "it's bad"}, probe=('It\'s "fine".',))
    line = views.run_code(JOBS["finetune"].snippet, "sst2", config).splitlines()[-1]
    words = shlex.split(line.removeprefix("# "))
    assert words[words.index("--data") + 1] == "my rows.csv"
    assert words[words.index("--labels") + 1] == "0=good,1=it's bad"
    assert words[words.index("--probe") + 1] == 'It\'s "fine".'


def test_files_and_folders_of_the_server_are_called_by_their_names():
    config = TrainConfig(data="/srv/uploads/3f2a/reviews.csv", checkpoint="/srv/base", extra_train=("/srv/more.csv",))
    code = views.run_code(JOBS["finetune"].snippet, "sst2", config)
    assert "data='reviews.csv'" in code and "checkpoint='base'" in code and "/srv" not in code
    assert "'org/model'" in views.run_code(JOBS["finetune"].snippet, "sst2", TrainConfig(checkpoint="org/model"))


def test_a_run_is_known_on_its_own_machine_only():
    assert "its own machine" in views.prediction_code("sst2", "sst2-abcdefghijklmnopqrstuv", REVIEW)
    assert "its own machine" not in views.prediction_code("sst2", "sentiment", REVIEW)


def test_the_id_of_an_earlier_run_stays_secret():
    config = DistillConfig(teacher="student_sst2-abcdefghijklmnopqrstuv")
    code = views.run_code(JOBS["distill"].snippet, config.task, config)
    assert "student_sst2" not in code and "teacher='earlier-run'" in code
    assert "# earlier-run: the downloaded folder" in code
