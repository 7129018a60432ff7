"""The page's handlers and the named HTTP endpoints, through a real server in this process and `gradio_client`."""

import base64
import functools
import io
import tempfile
import time
import zipfile
from functools import partial

import numpy as np
import pytest

from minilm_demo import runs
from minilm_demo.errors import DemoError, UnknownName
from minilm_demo.jobs.configs import TrainConfig
from minilm_demo.jobs.finetuning import finetune
from minilm_demo.results import FINAL
from minilm_demo.tasks import get_task

PUBLIC = [
    "/answer_question",
    "/distillation_targets",
    "/explain_words",
    "/predict_nli",
    "/predict_own",
    "/predict_paraphrase",
    "/predict_sentiment",
    "/run_status",
    "/score_file",
    "/start_distillation",
    "/start_finetune",
    "/stop_run",
    "/trace_attention",
]


@pytest.fixture
def shared_run(tiny_checkpoint):
    """A finished run made from the shell of this machine, which the page may offer to everybody."""

    def make(task: str = "sst2", checkpoint: str = str(tiny_checkpoint)) -> str:
        config = TrainConfig(checkpoint=checkpoint, data="sample", max_steps=1, eval_examples=16)
        record = runs.create_run("finetune", get_task(task), config)
        *_, last = runs.record_events(record, partial(finetune, task, record.config))
        assert last.status == "completed", last.message
        return record.run_id

    return make


def test_exactly_these_endpoints_are_public(client):
    assert sorted(client.view_api(return_format="dict", print_info=False)["named_endpoints"]) == PUBLIC


def test_health(client):
    import httpx

    answer = httpx.get(client.src.rstrip("/") + "/healthz")
    assert (answer.status_code, answer.text) == (200, "ok")


def test_the_shipped_skill_answers_unless_another_is_named(client, shared_run):
    answer = client.predict("A joy from start to end.", api_name="/predict_sentiment")
    assert (answer["checkpoint"], answer["label"]) == ("sentiment", "positive")
    run = shared_run()
    answer = client.predict("A joy from start to end.", run, api_name="/predict_sentiment")
    assert answer["checkpoint"] == run
    assert sum(answer["probabilities"].values()) == pytest.approx(1)
    assert set(answer["probabilities"]) == {"negative", "positive"}


def test_a_pair_and_a_question(client, shared_run):
    run = shared_run("mnli")
    answer = client.predict("A man sleeps.", "Nobody is awake.", run, api_name="/predict_nli")
    assert list(answer["probabilities"]) == ["entailment", "neutral", "contradiction"]
    run = shared_run("squad_v2")
    answer = client.predict("Who sleeps?", "A man sleeps.", run, api_name="/answer_question")
    assert answer["answer"] == ("A man sleeps."[answer["start"] : answer["end"]] if answer["answer"] else "")


def test_paraphrase_answers_for_both_of_its_tasks(client, shared_run):
    for task, label in (("qqp", "duplicate"), ("mrpc", "equivalent")):
        run = shared_run(task)
        answer = client.predict("How old is the sea?", "What age has the sea?", run, api_name="/predict_paraphrase")
        assert label in answer["probabilities"]


def test_the_shipped_skill_reads_questions_with_the_adapter_for_questions(client):
    ask = functools.partial(client.predict, api_name="/predict_paraphrase")
    assert "duplicate" in ask("How old is the sea?", "What age has the sea?", "paraphrase")["probabilities"]
    assert "equivalent" in ask("The sea is old.", "What age has the sea?", "paraphrase")["probabilities"]


def test_attention_over_http(client):
    traced = client.predict("A man is asleep.", "Nobody is awake.", "bundled", api_name="/trace_attention")
    weights = np.frombuffer(base64.b64decode(traced["attentions"]), "<f4").reshape(traced["shape"])
    assert traced["shape"] == [6, 12, len(traced["tokens"]), len(traced["tokens"])]
    np.testing.assert_allclose(weights.sum(axis=-1), 1, atol=1e-5)
    with pytest.raises(Exception, match="There is no text"):
        client.predict(" ", "", "bundled", api_name="/trace_attention")


def test_distillation_targets_over_http(client):
    targets = client.predict("A man is asleep.", api_name="/distillation_targets")
    assert (targets["teacher"], targets["student"], targets["badge"]) == ("bundled", "nli", "not a distillation")
    assert targets["shape"] == [12, len(targets["tokens"]), len(targets["tokens"])]
    for relation in targets["relations"].values():
        teacher, student = (
            np.frombuffer(base64.b64decode(relation[side]), "<f4").reshape(targets["shape"]).astype(float)
            for side in ("teacher", "student")
        )
        divergence = np.frombuffer(base64.b64decode(relation["divergence"]), "<f4").reshape(targets["shape"][:2])
        np.testing.assert_allclose((teacher * np.log(teacher / student)).sum(axis=-1), divergence, atol=1e-4)
        assert divergence.mean() == pytest.approx(relation["loss"], abs=1e-6)
    with pytest.raises(Exception, match="Unknown recipe"):
        client.predict("A man.", "", "bundled", "nli", "tinybert", api_name="/distillation_targets")


@pytest.mark.parametrize(
    "checkpoint", ["/etc", "../x", "microsoft/anything", "sst2-tooshort", "a\x00b", "bert-base", "minilm-l6-sst2"]
)
def test_a_visitor_names_no_path_and_no_repository_and_starts_no_download(client, checkpoint):
    with pytest.raises(Exception, match="Unknown checkpoint"):
        client.predict("text", checkpoint, api_name="/predict_sentiment")


@pytest.mark.parametrize("data", ["/etc/passwd", "tests", "file"])
def test_a_visitor_names_no_data_path(client, data):
    with pytest.raises(Exception, match="data is"):
        client.predict("sst2", 30, data, api_name="/start_finetune")


def test_errors_are_sentences(client):
    with pytest.raises(Exception, match="Unknown task 'mlni'"):
        client.predict("mlni", api_name="/start_finetune")
    with pytest.raises(Exception, match="The sentence is empty"):
        client.predict(" ", api_name="/predict_sentiment")
    with pytest.raises(Exception, match="no such run"):
        client.predict("../../x", api_name="/run_status")


def stopped_after_a_step(client, run: str) -> dict:
    """The status of a run at its end, if it is stopped after its first step."""
    end = time.monotonic() + 120
    while time.monotonic() < end:
        status = client.predict(run, api_name="/run_status")
        if status["status"] == "running" and status["step"]:
            assert status["seconds_left"] > 0 and status["result"] is None
            said = client.predict(run, api_name="/stop_run")
            assert said["status"] in ("stopping", "stopped") and said["run_id"] == run
        if status["status"] in FINAL:
            break
        time.sleep(0.2)
    assert status["status"] == "stopped", status
    return status


def test_a_fine_tune_over_http_takes_the_settings_of_the_page(client, tiny_checkpoint, monkeypatch):
    monkeypatch.setenv("MINILM_CHECKPOINT", str(tiny_checkpoint))
    given = {"method": "head", "learning_rate": 0.01, "batch_size": 4, "max_length": 32, "max_steps": 2, "seed": 7}
    run = client.predict("sst2", data="sample", train_examples=8, **given, api_name="/start_finetune")["run"]
    config = runs.state(runs.visitor_run_folder(run)).record.config
    assert {name: getattr(config, name) for name in given} == given
    assert (config.time_budget, config.epochs, config.train_examples) == (None, None, 8)
    second = client.predict("sst2", data="sample", checkpoint="sentiment", epochs=0.5, api_name="/start_finetune")[
        "run"
    ]
    config = runs.state(runs.visitor_run_folder(second)).record.config
    assert (config.checkpoint, config.epochs, config.time_budget) == ("sentiment", 0.5, None)
    for started in (run, second):
        client.predict(started, api_name="/stop_run")
    with pytest.raises(Exception, match="Unknown checkpoint"):
        client.predict("sst2", checkpoint="/etc", api_name="/start_finetune")
    with pytest.raises(Exception, match="method is 'all'"):
        client.predict("sst2", method="all", api_name="/start_finetune")


def test_every_endpoint_says_what_it_takes_and_answers(client):
    described = client.view_api(return_format="dict")["named_endpoints"]
    assert {"/start_finetune", "/run_status", "/predict_nli"} <= described.keys()
    for name, endpoint in described.items():
        assert len(endpoint["description"].split()) > 4, name
        for part in (*endpoint["parameters"], *endpoint["returns"]):
            assert len(part["python_type"]["description"].split()) > 1, (name, part["label"])
            assert part["label"] == part.get("parameter_name", "answer")
    seconds = next(one for one in described["/start_finetune"]["parameters"] if one["label"] == "seconds")
    assert seconds["python_type"]["description"].startswith("how long the run may take")


def test_a_run_over_http(client, tiny_checkpoint, monkeypatch):
    """Start, follow and stop a run, in a real worker process."""
    monkeypatch.setenv("MINILM_CHECKPOINT", str(tiny_checkpoint))
    run = client.predict("sst2", 600, "sample", api_name="/start_finetune")["run"]
    status = stopped_after_a_step(client, run)
    assert 0 < status["step"] < status["steps"], status
    assert status["metrics"] == status["result"]["metrics"] and status["error"] is None
    assert runs.state(runs.visitor_run_folder(run)).has_checkpoint
    assert runs.latest_run(("sst2",)) is None  # runs from the page are private: nobody else's question goes to them


def test_a_distillation_over_http(client, tiny_checkpoint, monkeypatch):
    """Start, follow and stop it, in a real worker process; its student can be looked into."""
    monkeypatch.setenv("MINILM_CHECKPOINT", str(tiny_checkpoint))
    options = {"data": "sample", "hidden": 8, "loss": "vr", "seconds": 600}
    run = client.predict(**options, api_name="/start_distillation")["run"]
    status = stopped_after_a_step(client, run)
    assert status["result"]["hidden_size"] == 8
    assert status["metrics"] == {"validation": status["result"]["losses"]}
    compared = client.predict("A man.", "", run, run, api_name="/distillation_targets")
    assert (compared["badge"], compared["shape"][0]) == ("the same model", 2)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"teacher": "/etc"}, "Unknown checkpoint"),
        ({"teacher": "bert-base"}, "Unknown checkpoint"),  # no question starts a download
        ({"data": "/etc/passwd"}, "data is"),
        ({"recipe": "tinybert"}, "recipe is"),
        ({"loss": "qq"}, "loss names 'qq'"),
        ({"seconds": 6000}, "time_budget is 6,000"),
        ({"layers": 40}, "layers is 40"),
        ({"probe": "word " * 40}, "sentence to watch has 40 words"),
    ],
)
def test_a_distillation_that_cannot_be_is_a_sentence(client, options, said):
    with pytest.raises(Exception, match=said):
        client.predict(**options, api_name="/start_distillation")


def test_the_checkpoint_lists_show_own_and_shared_runs_only(shared_run, tiny_checkpoint):
    from minilm_demo import serving

    config = TrainConfig(checkpoint=str(tiny_checkpoint), data="sample", max_steps=1)
    private = runs.create_run("finetune", get_task("sst2"), config, origin="page")
    *_, _ = runs.record_events(private, partial(finetune, "sst2", private.config))
    shared = shared_run()
    tasks = (get_task("sst2"),)
    assert [name for _, name in serving.checkpoint_choices(tasks, ())] == ["sentiment", shared]
    mine = [name for _, name in serving.checkpoint_choices(tasks, (private.run_id, "sst2-gone-gone-gone-gone-1"))]
    assert set(mine) == {"sentiment", shared, private.run_id}


def test_the_zip_is_a_checkpoint(client, shared_run, tmp_path):
    import httpx
    import transformers

    answer = httpx.get(f"{client.src}runs/{shared_run()}.zip")
    assert answer.status_code == 200 and "minilm-sst2.zip" in answer.headers["content-disposition"]
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        archive.extractall(tmp_path)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(tmp_path)
    assert model.config.id2label == {0: "negative", 1: "positive"}
    assert "95 % interval" in (tmp_path / "README.md").read_text()


def test_a_download_leaves_nothing_behind(client, shared_run, tmp_path, monkeypatch):
    """Neither one that is broken off nor one that asks for something odd."""
    import httpx

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    address = f"{client.src}runs/{shared_run()}.zip"
    assert httpx.get(address, headers={"Range": "bytes=nonsense"}).status_code == 200
    with httpx.stream("GET", address) as answer:
        next(answer.iter_raw(100))
        assert int(answer.headers["content-length"]) > 1000
    assert list(tmp_path.rglob("*")) == []


@pytest.mark.parametrize("run", ["nobody", "..%2F..%2Fetc", "sst2-AAAAAAAAAAAAAAAAAAAAAA"])
def test_only_a_run_can_be_downloaded(client, run):
    import httpx

    assert httpx.get(f"{client.src}runs/{run}.zip").status_code == 404
    assert httpx.get(f"{client.src}runs/{run}/adapter.zip").status_code == 404


def test_a_look_at_an_own_file(tmp_path):
    from minilm_demo.ui import finetune_tab

    file = tmp_path / "own.csv"
    rows = [("fine", "positive"), ("awful", "negative")] * 5
    file.write_text("review,stars\n" + "".join(f"{text} {place},{label}\n" for place, (text, label) in enumerate(rows)))
    said, table, *_ = finetune_tab.look_at_data("sst2", "file", str(file))
    assert "sentence ← review, label ← stars. 5 negative, 5 positive." in said
    assert table.value["data"][:2] == [["fine 0", "positive"], ["awful 1", "negative"]]


def test_a_run_that_is_gone_is_said_to_the_page():
    from minilm_demo.ui import following

    assert following.poll_run({"run": "sst2-AAAAAAAAAAAAAAAAAAAAAA"}) == {
        "gone": "There is no such run here. It may have been deleted, or the server was set up anew."
    }


def test_what_the_base_had_seen_stands_under_an_answer(shared_run):
    from minilm_demo import serving
    from minilm_demo.ui import predict_tab

    run = shared_run("mnli", checkpoint="bundled")
    payload = predict_tab.answer_payload(serving.Question("nli", ("A man sleeps.", "Nobody is awake."), run))
    assert "277,230 SNLI and MNLI pairs" in payload["note"]


def test_a_model_that_is_gone_hides_no_other():
    from minilm_demo.ui import predict_tab

    question = {"skill": "sentiment", "texts": ["Fine.", ""]}
    drawn = predict_tab.ask_models(question | {"checkpoints": ["sentiment", "sst2-AAAAAAAAAAAAAAAAAAAAAA"]})
    assert [(one["kind"], one["title"]) for one in drawn["lanes"]] == [
        ("classification", "Sentiment skill (shipped)"), ("error", "another model")
    ]  # fmt: skip
    drawn = predict_tab.ask_models(question | {"checkpoints": ["sst2-AAAAAAAAAAAAAAAAAAAAAA", "sentiment"]})
    assert [one["kind"] for one in drawn["lanes"]] == ["error", "classification"]


def test_errors_become_toasts_in_one_place():
    import gradio as gr

    from minilm_demo import serving
    from minilm_demo.ui import handlers

    def handler():
        raise DemoError("What came, what is allowed, what to do.")

    with pytest.raises(gr.Error, match="what is allowed"):
        handlers.says_errors(handler)()
    with pytest.raises(UnknownName):
        serving.resolve("nobody")
