"""The Python under "Code": it runs as it stands and makes what was shown."""

import pytest

from minilm_demo import DistillConfig, TrainConfig, evaluate_rows, predict, views, word_importance
from minilm_demo.jobs.ablation import AblationConfig
from minilm_demo.results import AblationResult, DistillResult, FinetuneResult
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
    scope = run(views.slice_code("sst2", tuned, "sample", 12))
    assert scope["rows"].rows == evaluate_rows("sst2", tuned, data="sample", limit=12).rows


def test_a_fine_tune(run, tiny):
    config = TrainConfig(checkpoint=tiny, data="sample", max_steps=2, batch_size=8, eval_examples=8, output_dir="gone")
    code = views.run_code(JOBS["finetune"].snippet, "sst2", config)
    assert "output_dir" not in code and "seed" not in code, "what stands at its default is left out"
    result = run(code)["result"]
    assert isinstance(result, FinetuneResult) and result.steps == 2


def test_a_distillation(run, tiny):
    config = DistillConfig(teacher=tiny, data="sample", layers=1, hidden=8, steps=2, batch_size=4)
    result = run(views.run_code(JOBS["distill"].snippet, config.task, config))["result"]
    assert isinstance(result, DistillResult) and result.steps == 2


def test_an_experiment(run, tiny):
    config = AblationConfig(teacher=tiny, data="sample", layers=1, arms="random", seeds=1, train_examples=8, steps=1)
    result = run(views.run_code(JOBS["ablation"].snippet, config.task, config))["result"]
    assert isinstance(result, AblationResult) and [arm.arm for arm in result.arms] == ["random"]


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
