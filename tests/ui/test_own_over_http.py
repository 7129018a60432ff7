"""A table of one's own over HTTP: uploaded, trained on, asked, explained, looked into, and taken away."""

import io
import time
import urllib.request
import zipfile
from functools import partial

import pytest
from gradio_client import Client, handle_file
from own_files import ASKED, write_own_table
from running_app import running_app

from minilm_demo import TrainConfig, finetune, get_task, runs
from minilm_demo.jobs import with_rows_of_own
from minilm_demo.results import FINAL

SECONDS = 120  # a bound for a slow machine, not an expectation


def ended(client, run: str) -> dict:
    """The status of a run at its end."""
    end = time.monotonic() + SECONDS
    while (status := client.predict(run, api_name="/run_status"))["status"] not in FINAL and time.monotonic() < end:
        time.sleep(0.3)
    return status


@pytest.mark.parametrize("name", ASKED)
def test_from_the_upload_to_the_zip(client, tmp_path, name):
    file, (text, expected) = write_own_table(tmp_path, name), ASKED[name]
    steps = {"max_steps": 30 if name == "stars" else 12, "batch_size": 16, "learning_rate": 3e-4}
    run = client.predict("own", file=handle_file(str(file)), **steps, api_name="/start_finetune")["run"]
    status = ended(client, run)
    assert status["status"] == "completed", status["error"]
    answer = client.predict(text, run, api_name="/predict_own")
    if name == "stars":
        low, high = expected
        assert low <= answer["score"] <= high
    else:
        assert answer["label"] == expected
    explained = client.predict("own", text, "", run, api_name="/explain_words")
    assert {word["word"] for word in explained["words"]} >= set(text.replace(",", "").split())
    assert client.predict(text, "", run, api_name="/trace_attention")["shape"][:2] == [6, 12]
    scored = client.predict(handle_file(str(file)), run, api_name="/score_file")
    (rows,) = scored["rows"].values()
    assert rows == len(file.read_text(encoding="utf-8").splitlines()) - 1, "all rows, also those that it learned from"
    assert any("also stand in the training rows" in note for note in scored["data_notes"])
    (metrics,) = scored["metrics"].values()
    assert metrics.get("accuracy", 1) > 0.6
    with urllib.request.urlopen(f"{client.src.rstrip('/')}/runs/{run}.zip", timeout=60) as answer:
        names = zipfile.ZipFile(io.BytesIO(answer.read())).namelist()
    assert {"README.md"} <= {one.rsplit("/", 1)[-1] for one in names}
    assert any(one.endswith("model.safetensors") for one in names)


def test_a_model_of_ones_own_answers_after_the_server_was_started_again(own_home, tmp_path):
    config = TrainConfig(data=str(write_own_table(tmp_path, "spam")), max_steps=1, method="head")
    task, config = with_rows_of_own(get_task("own"), config)
    record = runs.create_run("finetune", task, config, "page")
    *_, last = runs.record_events(record, partial(finetune, task, record.config))
    assert last.status == "completed", last.message
    with running_app(own_home) as address:
        client = Client(address, verbose=False)
        assert client.predict("Free prize", record.run_id, api_name="/predict_own")["label"] in ("ham", "spam")
        assert client.predict(record.run_id, api_name="/run_status")["status"] == "completed"


def test_what_numbers_mean_can_be_said(client, tmp_path):
    file = tmp_path / "stars.csv"
    file.write_text("text,stars\n" + "".join(f"Fine {n},{(1, 2)[n % 2]}\n" for n in range(40)), encoding="utf-8")
    start = {"file": handle_file(str(file)), "max_steps": 1, "api_name": "/start_finetune"}
    refused = ended(client, client.predict("sst2", **start)["run"])
    assert refused["status"] == "failed" and "not plain what each means" in refused["error"]
    said = ended(client, client.predict("sst2", labels={"1": "negative", "2": "positive"}, **start)["run"])
    assert said["status"] == "completed", said["error"]
