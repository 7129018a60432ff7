"""Models and data sets by Hub name, against a loopback Hub: what loads, what is asked for, and each failure in a line.

`huggingface_hub` reads HF_ENDPOINT when it is imported, so the clients are processes of their own. Starting one costs
seconds, so each does several things and prints what it saw as JSON; the tests then check one thing each. A client is a
function `client_<name>` below, run by calling this file. `mark` leaves a line in the server's list of requests, so that
a test can tell which requests belong to what.
"""

import errno
import json
import logging
import os
import pickle
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
import warnings
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

import hub_server
from hub_server import HubServer, client_environment

from minilm_demo.errors import DemoError, Unavailable
from minilm_demo.models import hub, hub_errors
from minilm_demo.tasks import get_task

REPOSITORY = Path(__file__).resolve().parents[2]
SST2 = get_task("sst2")
SENTENCES = ("A good movie", "the plot is dull", "Hello")
# Label names as text; the Hub's features below number them the other way round than the task does.
ROWS = [{"sentence": f"a good movie {index}", "label": ("negative", "positive")[index % 2]} for index in range(6)]
FAILURES = ("404", "missing", "401", "429", "500", "truncated")


# -- the served repositories ---------------------------------------------------------------------------------------


def write_classifier(folder: Path) -> None:
    """A fine-tuned sst2 model in the layout of microsoft/MiniLM-L12-H384-uncased: pickled weights, bare vocab.txt."""
    import torch
    from transformers import BertForSequenceClassification

    hub_server.write_bin_only_model(folder)
    config = hub_server.tiny_bert(len(hub_server.default_vocabulary())).config
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        torch.save(BertForSequenceClassification(config).state_dict(), folder / "pytorch_model.bin")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    from datasets import ClassLabel, Features, Value

    folder = tmp_path_factory.mktemp("hub")
    models, data = folder / "models" / "org", folder / "datasets"
    write_classifier(models / "sst2-bin")
    write_classifier(models / "sst2-slow")
    hub_server.write_safetensors_model(models / "mini", seed=1)
    for name in ("pytorch_model.bin", "tf_model.h5", "flax_model.msgpack", "run.py", "README.md", "onnx/model.onnx"):
        (models / "mini" / name).parent.mkdir(exist_ok=True)
        (models / "mini" / name).write_text("never fetched")
    for name in ("sst2-truncated", "sst2-401"):
        hub_server.write_bin_only_model(models / name)
    hub_server.write_bin_only_model(models / "wordless")
    (models / "wordless" / "vocab.txt").unlink()

    names = ["positive", "negative"]
    features = Features({"sentence": Value("string"), "label": ClassLabel(names=names), "idx": Value("int32")})
    rows = [row | {"label": names.index(row["label"]), "idx": index} for index, row in enumerate(ROWS)]
    splits = {"train": rows, "validation": rows[:2], "test": [rows[0] | {"label": -1}]}
    for name in ("nyu-mll/glue", "org/glue-slow", "org/glue-truncated", "org/glue-401"):
        hub_server.write_parquet_dataset(data / name, "sst2", splits, features)
    return folder


@pytest.fixture(scope="module")
def server(root):
    with HubServer(root, slow_seconds=0.2, retry_after=7, revisions=["v1.0"]) as server:
        yield server


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


# -- the clients ---------------------------------------------------------------------------------------------------


def mark(name: str) -> None:
    with suppress(urllib.error.URLError):  # a 404, or no server at all
        urllib.request.urlopen(f"{hub.endpoint()}/mark/{name}", timeout=5)


def requests_after(server: HubServer, name: str) -> list[str]:
    """The requests between this mark and the next one."""
    lines = [f"{method} {path}" for method, path in server.requests]
    lines = lines[lines.index(f"GET /mark/{name}") + 1 :]
    end = next((index for index, line in enumerate(lines) if line.startswith("GET /mark/")), len(lines))
    return lines[:end]


def record_waits() -> list[float]:
    """Leave out the libraries' waits between retries, and note how long they would have been."""
    from huggingface_hub import file_download
    from huggingface_hub.utils import _http

    slept: list[float] = []
    _http.time = file_download.time = SimpleNamespace(sleep=slept.append, time=time.time)
    return slept


def line_of(function, *args) -> str:
    """What a person reads when the call fails."""
    try:
        function(*args)
    except DemoError as error:
        return str(error)
    return "no error"


def classified(name: str) -> dict:
    """A model by name, and what it says of the sentences, one probability each."""
    from minilm_demo.jobs.forward import forward
    from minilm_demo.jobs.prediction import predict
    from minilm_demo.models.loading import load_checkpoint

    checkpoint = load_checkpoint(name, SST2)
    inputs = [dict(checkpoint.tokenizer(text)) for text in SENTENCES]
    return {
        "name": checkpoint.name,
        "commit": checkpoint.commit,
        "ids": [one["input_ids"] for one in inputs],
        "lower_case_ids": [checkpoint.tokenizer(text.lower())["input_ids"] for text in SENTENCES],
        "logits": [output["logits"].tolist() for output in forward(checkpoint, inputs)],
        "label": predict(SST2, checkpoint, {"sentence": SENTENCES[0]}).label,
        "new_output_layer": checkpoint.new_output_layer,
    }


def encoded(name: str) -> dict:
    from minilm_demo.models.loading import load_checkpoint

    checkpoint = load_checkpoint(name)
    state = {key: value.double().sum().item() for key, value in checkpoint.model.state_dict().items()}
    return {"name": checkpoint.name, "commit": checkpoint.commit, "sums": state}


def rows_of(data: str, split: str, task=SST2) -> list[dict]:
    from minilm_demo.data.sources import open_source

    return open_source(task, data).read(split)


def client_online(commit: str, folder: str) -> dict:
    """Everything that should work, everything a second time, and the rows of the mirror and the file in `folder`."""
    seen, progress = {}, []
    mark("first")
    seen["first"] = classified("org/sst2-bin")
    mark("second")
    seen["second"] = classified("org/sst2-bin")
    mark("safetensors")
    hub.fetch_model("org/mini", on_bytes=lambda *counts: progress.append(counts))
    seen["progress"] = progress
    seen["safetensors"] = encoded("org/mini")
    mark("commit")
    seen["commit"] = encoded(f"org/mini@{commit}")
    mark("tag")
    seen["tag"] = encoded("org/mini@v1.0")
    mark("slow")
    seen["slow"] = classified("org/sst2-slow")
    mark("wordless")
    seen["wordless"] = line_of(hub.fetch_model, "org/wordless")
    mark("data")
    seen["hub"] = {split: rows_of("hub", split) for split in ("train", "validation")}
    mark("end")
    seen["auto"] = rows_of("auto", "train")
    seen["slow data"] = rows_of("hub", "train", replace(SST2, dataset=("org/glue-slow", "sst2")))
    seen["mirror"] = {split: rows_of(folder, split) for split in ("train", "validation")}
    seen["file"] = rows_of(f"{folder}/own.jsonl", "all")
    seen["split"] = line_of(rows_of, "hub", "nope")
    return seen


def client_failing() -> dict:
    """Each failure of a model and of a data set, and whether there is something to go on with afterwards."""
    from huggingface_hub.utils import get_session

    from minilm_demo.data.sources import open_source
    from minilm_demo.models.loading import load_checkpoint

    slept, seen = record_waits(), {}
    hub.is_reachable()
    for failure in FAILURES:
        task = replace(SST2, dataset=(f"org/glue-{failure}", "sst2"))
        mark(f"model-{failure}")
        seen[f"model {failure}"] = line_of(load_checkpoint, f"org/sst2-{failure}")
        mark(f"data-{failure}")
        seen[f"data {failure}"] = line_of(rows_of, "hub", "train", task)
        seen[f"waits {failure}"] = slept.copy()
        slept.clear()
        mark(f"auto-{failure}")
        seen[f"auto {failure}"] = open_source(task, "auto").kind
        seen[f"cached {failure}"] = hub.is_cached(f"org/sst2-{failure}")
    mark("revision")
    seen["revision"] = line_of(load_checkpoint, "org/mini@nope")
    mark("end")
    seen["name"] = line_of(load_checkpoint, "org/a..b")
    seen["bundled"] = load_checkpoint("bundled").name
    hub.MAX_MODEL_BYTES = 1000
    seen["large"] = line_of(load_checkpoint, "org/mini")
    seen["path"] = line_of(load_checkpoint, "org/mini@../../config")
    with hub._limited:
        seen["time limit"] = get_session().timeout.read
    hub.HUB_SECONDS = hub_errors.HUB_SECONDS = 0.05
    mark("late")
    seen["model too slow"] = line_of(load_checkpoint, "org/sst2-slow")
    seen["data too slow"] = line_of(rows_of, "hub", "train", replace(SST2, dataset=("org/glue-slow", "sst2")))
    return seen


def client_without_hub(commit: str) -> dict:
    """What the cache holds, and what it does not, without a Hub: forbidden by HF_HUB_OFFLINE or not listening."""
    from minilm_demo.data.sources import open_source
    from minilm_demo.models.loading import load_checkpoint

    slept = record_waits()
    seen = {
        "classified": classified("org/sst2-bin"),
        "encoded": encoded("org/mini"),
        "commit": encoded(f"org/mini@{commit}"),
        "rows": rows_of("hub", "train"),
        "auto": open_source(SST2, "auto").kind,
        "auto of another": open_source(replace(SST2, dataset=("org/other", "sst2")), "auto").kind,
        "model": line_of(load_checkpoint, "org/other"),
        "data": line_of(rows_of, "hub", "train", replace(SST2, dataset=("org/other", "sst2"))),
        "bundled": load_checkpoint("bundled").name,
    }
    hub._last_check = (time.monotonic(), True)  # it answered the check, and then went away
    seen["gone since"] = encoded("org/mini")["commit"]
    seen["gone since: model"] = line_of(load_checkpoint, "org/other")
    seen["gone since: data"] = line_of(rows_of, "hub", "train", replace(SST2, dataset=("org/other", "sst2")))
    return seen | {"waits": slept, "cached": [hub.is_cached(name) for name in ("org/mini", "org/other")]}


def settings() -> dict:
    """What the libraries and Python hold for the whole process and a notebook's user may have chosen."""
    import datasets
    import transformers
    from huggingface_hub.utils import are_progress_bars_disabled, get_session

    libraries = ("transformers", "datasets", "huggingface_hub", "peft", "accelerate")
    return {
        "verbosity": {name: logging.getLogger(name).level for name in libraries},
        "transformers bars": transformers.utils.logging.is_progress_bar_enabled(),
        "transformers hook": repr(transformers.utils.logging.set_tqdm_hook(None)),
        "datasets bars": not datasets.are_progress_bars_disabled(),
        "hub bars": [are_progress_bars_disabled(), are_progress_bars_disabled("mine")],
        "warnings": [str(entry) for entry in warnings.filters],
        "environment": dict(os.environ),
        "time limit": get_session().timeout.read,
    }


def client_notebook(folder: str) -> dict:
    """The settings before and after everything that changes some of them for a while. The libraries are imported
    before: several add warning filters of their own then."""
    import accelerate.data_loader  # noqa: F401
    import peft  # noqa: F401
    import transformers
    from huggingface_hub.utils import disable_progress_bars

    from minilm_demo import TrainConfig, finetune, predict, runs
    from minilm_demo.data import open_source
    from minilm_demo.jobs import metrics
    from minilm_demo.models import load_checkpoint

    metrics.load_libraries()
    transformers.utils.logging.set_verbosity_info()
    disable_progress_bars("mine")
    warnings.simplefilter("once", FutureWarning)
    before, seen = settings(), {}
    classified("org/sst2-bin")
    predict(SST2, "sentiment", {"sentence": SENTENCES[0]})
    seen["after models"] = settings()
    rows_of("hub", "train")
    seen["source"] = open_source(replace(SST2, dataset=("org/other", "sst2")), "auto").kind
    seen["after data"] = settings()
    line_of(load_checkpoint, "org/wordless")
    line_of(rows_of, "hub", "nope")
    seen["after failures"] = settings()
    config = TrainConfig(data="sample", max_steps=1, train_examples=16, eval_examples=4, method="lora")
    list(finetune(SST2, replace(config, output_dir=folder)))
    seen["after training"] = settings()
    runs.worker_context()
    seen["after the fork server"] = settings()
    return {"before": before, "seen": seen}


def run_client(server: HubServer, home: Path, name: str, *args: str, **env: str) -> dict:
    """What a client saw, as JSON, and what it wrote to stderr, where progress bars and warnings would be."""
    env = client_environment(
        server.endpoint, home, PYTHONPATH=str(REPOSITORY), MINILM_HOME=str(home.parent / "own"), **env
    )
    for setting in ("HF_HUB_DISABLE_PROGRESS_BARS", "DISABLE_SAFETENSORS_CONVERSION", "MINILM_DATA"):
        env.pop(setting, None)  # the program has to see to it itself
    command = [sys.executable, "-W", "ignore", __file__, name, *args]
    done = subprocess.run(command, env=env, cwd=home, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout) | {"stderr": done.stderr}


@pytest.fixture(scope="module")
def online(server, home, root, tmp_path_factory):
    folder = tmp_path_factory.mktemp("mirror")
    shutil.copytree(root / "datasets/nyu-mll/glue/sst2", folder / "glue/sst2")
    (folder / "own.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return run_client(server, home, "online", server.commit("models", "org/mini"), str(folder))


@pytest.fixture(scope="module")
def failing(server, tmp_path_factory):
    return run_client(server, tmp_path_factory.mktemp("failing"), "failing")


@pytest.fixture(scope="module", params=["HF_HUB_OFFLINE", "no listener"])
def without_hub(request, server, home, online):
    """The second program on this machine, with the cache that the first one left."""
    commit = server.commit("models", "org/mini")
    before = len(server.requests)
    if request.param == "HF_HUB_OFFLINE":
        seen = run_client(server, home, "without_hub", commit, HF_HUB_OFFLINE="1")
    else:
        server.stop()
        try:
            seen = run_client(server, home, "without_hub", commit)
        finally:
            server.start()
    return seen | {"case": request.param, "requests": server.requests[before:]}


# -- models --------------------------------------------------------------------------------------------------------


def test_pickled_model_gives_the_logits_of_the_saved_one(online, root, server):
    import torch
    from transformers import BertForSequenceClassification

    seen = online["first"]
    assert (seen["name"], seen["new_output_layer"]) == ("org/sst2-bin", False)
    assert seen["commit"] == server.commit("models", "org/sst2-bin")
    assert seen["label"] in SST2.labels
    assert seen["ids"] == seen["lower_case_ids"]
    folder = root / "models/org/sst2-bin"
    words = (folder / "vocab.txt").read_text().split()
    assert [words[index] for index in seen["ids"][2]] == ["[CLS]", "he", "##l", "##l", "##o", "[SEP]"]
    model = BertForSequenceClassification(hub_server.tiny_bert(len(words)).config).eval()
    model.load_state_dict(torch.load(folder / "pytorch_model.bin", weights_only=True))
    with torch.no_grad():
        for ids, logits in zip(seen["ids"], seen["logits"], strict=True):
            assert model(torch.tensor([ids])).logits[0].tolist() == pytest.approx(logits, abs=1e-5)


def test_safetensors_model_is_the_served_one(online, root, server):
    from safetensors.torch import load_file

    expected = load_file(root / "models/org/mini/model.safetensors")
    commit = server.commit("models", "org/mini")
    for case in ("safetensors", "commit", "tag"):
        seen = online[case]
        assert (seen["name"], seen["commit"]) == ("org/mini", commit)
        assert seen["sums"] == pytest.approx({key: value.double().sum().item() for key, value in expected.items()})


def test_only_what_is_read_is_fetched(online, server):
    def fetched(name):
        lines = requests_after(server, name)
        return sorted({line.rpartition("/")[2] for line in lines if line.startswith("GET") and "/resolve/" in line})

    assert fetched("first") == ["config.json", "pytorch_model.bin", "tokenizer_config.json", "vocab.txt"]
    small = ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "vocab.txt"]
    assert fetched("safetensors") == small


def test_second_load_asks_for_the_commit_only(online, server):
    assert online["second"] == online["first"]
    assert requests_after(server, "second") == ["GET /api/models/org/sst2-bin"]
    assert requests_after(server, "commit") == []
    assert requests_after(server, "tag") == ["GET /api/models/org/mini/revision/v1.0"]


def test_progress_ends_at_the_size_of_the_files(online, root):
    names = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "vocab.txt")
    size = sum((root / "models/org/mini" / name).stat().st_size for name in names)
    assert online["progress"][-1] == [size, size]
    done = [done for done, _total in online["progress"]]
    assert done == sorted(done)


def test_slow_hub_works(online, server):
    assert online["slow"]["logits"] == online["first"]["logits"]
    assert online["slow data"] == online["file"]


def test_model_without_a_vocabulary_is_refused_before_it_is_fetched(online, server):
    assert "it has no tokenizer (tokenizer.json or vocab.txt). Complete it or choose another" in online["wordless"]
    assert requests_after(server, "wordless") == ["GET /api/models/org/wordless"]


def test_nothing_is_printed_and_no_conversion_is_asked_for(online, server):
    assert online["stderr"] == ""
    words = ("/commits", "/discussions", "convert")
    assert not [path for _method, path in server.requests if any(word in path for word in words)]


# -- data sets -----------------------------------------------------------------------------------------------------


def test_hub_mirror_and_file_give_the_same_rows(online):
    """The Hub numbers the labels the other way round: they are mapped by name."""
    expected = [row | {"label": SST2.labels.index(row["label"])} for row in ROWS]
    assert online["hub"]["train"] == expected
    assert online["hub"] == online["mirror"]
    assert online["file"] == online["auto"] == expected


def test_data_set_is_read_at_one_commit(online, server):
    """Its name is asked for once a split; `main` is never resolved again by the library."""
    asked = requests_after(server, "data")
    assert asked.count("GET /api/datasets/nyu-mll/glue") == 2
    assert not [line for line in asked if "/resolve/main/" in line or "/revision/main" in line]


def test_unknown_split_is_named_with_those_there_are(online):
    assert online["split"].startswith("Could not load the data set nyu-mll/glue (sst2): Unknown split")
    assert "validation" in online["split"]


# -- failures ------------------------------------------------------------------------------------------------------

EXPECTED = {
    "404": "the Hub has none of this name, or it is private. Check the spelling, or log in with `hf auth login`",
    "missing": "the Hub has none of this name, or it is private. Check the spelling, or log in with `hf auth login`",
    "401": "its owner restricts it. Accept its terms on its Hub page and log in with `hf auth login`",
    "429": "the Hub had too many requests from here (429). Wait 7 s and try again",
    "500": "the Hub has a fault of its own (500). Try again later",
    "truncated": "the download broke off, and nothing of the broken file was kept. Try again",
}


@pytest.mark.parametrize("failure", FAILURES)
def test_failure_is_one_line_with_a_way_out(failing, failure):
    expected = EXPECTED[failure]
    assert failing[f"model {failure}"] == (
        f"Could not load the model org/sst2-{failure}: {expected}; the bundled checkpoint works without the Hub."
    )
    assert failing[f"data {failure}"] == (
        f"Could not load the data set org/glue-{failure} (sst2): {expected}; the bundled sample works without the Hub."
    )


@pytest.mark.parametrize("failure", ["404", "missing", "429", "500"])
def test_failure_costs_one_request(failing, server, failure):
    assert requests_after(server, f"model-{failure}") == [f"GET /api/models/org/sst2-{failure}"]
    assert requests_after(server, f"data-{failure}") == [f"GET /api/datasets/org/glue-{failure}"]
    assert requests_after(server, f"auto-{failure}") == [f"GET /api/datasets/org/glue-{failure}"]
    assert failing[f"waits {failure}"] == []


def test_gated_files_are_not_asked_for_again_and_again(failing, server):
    asked = requests_after(server, "model-401")
    assert len(asked) == len(set(asked)) <= 6  # the commit, the list of files, and each file once
    assert len(requests_after(server, "data-401")) <= 3
    assert failing["waits 401"] == []


def test_broken_download_is_resumed_and_then_given_up(failing, server):
    """The library goes on where a download broke off, five times, a second apart; that is worth its 5 s."""
    weights = [line for line in requests_after(server, "model-truncated") if line.endswith("pytorch_model.bin")]
    assert len(weights) == 7
    assert failing["waits truncated"] == [1] * 10
    assert not failing["cached truncated"]


def test_there_is_something_to_go_on_with(failing):
    assert failing["bundled"] == "bundled"
    assert [failing[f"auto {failure}"] for failure in ("404", "missing", "429", "500")] == ["sample"] * 4
    assert not any(failing[f"cached {failure}"] for failure in FAILURES)


def test_wrong_revision_name_and_size_are_told(failing, server):
    assert (
        "model org/mini@nope: the Hub has no such revision of it. Check what stands after the @;" in failing["revision"]
    )
    assert requests_after(server, "revision") == ["GET /api/models/org/mini/revision/nope"]
    assert "this is no name of a Hub repository. Names look like owner/name;" in failing["name"]
    assert "and this app reads encoders of up to 0 GB. Choose a smaller one;" in failing["large"]
    assert "that is no name of a revision. After the @ stands a branch, a tag or a commit;" in failing["path"]
    assert failing["stderr"] == ""


def test_no_request_may_wait_for_ever(failing, server):
    assert failing["time limit"] == hub.HUB_SECONDS
    for name in ("model too slow", "data too slow"):
        assert "the Hub is too slow, 0.05 s without an answer. Try again later;" in failing[name]
    asked = requests_after(server, "late")
    assert asked == ["GET /api/models/org/sst2-slow", "GET /api/datasets/org/glue-slow"]


def test_a_notebooks_settings_are_what_they_were(server, tmp_path_factory):
    """Verbosity, progress bars, warning filters, environment and the shared HTTP client's time limit."""
    home = tmp_path_factory.mktemp("notebook")
    told = run_client(server, home, "notebook", str(home / "run"))
    assert told["before"]["time limit"] is None and told["before"]["hub bars"] == [False, True]
    assert told["seen"].pop("source") == "sample"
    for when, after in told["seen"].items():
        assert after == told["before"], when


# -- without a Hub -------------------------------------------------------------------------------------------------


def test_cache_serves_without_a_hub(without_hub, online):
    assert without_hub["classified"] == online["first"]
    assert without_hub["encoded"] == without_hub["commit"] == online["safetensors"]
    assert without_hub["rows"] == online["hub"]["train"]
    assert (without_hub["auto"], without_hub["auto of another"]) == ("hub", "sample")
    assert without_hub["bundled"] == "bundled"
    assert without_hub["gone since"] == online["safetensors"]["commit"]
    assert without_hub["cached"] == [True, False]
    assert without_hub["stderr"] == ""


def test_nothing_is_asked_or_waited_for_without_a_hub(without_hub):
    assert without_hub["requests"] == []
    assert without_hub["waits"] == []


def test_what_is_not_cached_is_told(without_hub, server):
    if without_hub["case"] == "HF_HUB_OFFLINE":
        came = "HF_HUB_OFFLINE is set and the cache does not hold all of it. Fetch it once without that setting"
    else:
        came = f"the Hub ({server.endpoint}) cannot be reached. Check the connection and try again in a minute"
    model, data = "the bundled checkpoint works without the Hub.", "the bundled sample works without the Hub."
    assert without_hub["model"] == f"Could not load the model org/other: {came}; {model}"
    assert without_hub["data"] == f"Could not load the data set org/other (sst2): {came}; {data}"
    for line in (without_hub["gone since: model"], without_hub["gone since: data"]):
        assert "cannot be reached" in line or "HF_HUB_OFFLINE is set" in line


# -- errors in one line, and folders on this machine; no Hub --------------------------------------------------------


def raised(name: str) -> Exception:
    """An error as the libraries raise it."""
    from huggingface_hub import errors
    from huggingface_hub.utils import httpx
    from safetensors import SafetensorError

    below = OSError("Can't load weights for 'x'.\n\nMake sure that:\n- …")
    below.__cause__ = httpx.ReadTimeout("timed out")
    return {
        "slow": httpx.ReadTimeout("The read operation timed out"),
        "slow below": below,
        "refused": httpx.ConnectError("[Errno 111] Connection refused"),
        "reset": httpx.ReadError("[Errno 104] Connection reset by peer"),
        "short": OSError("Consistency check failed: file should be of size 9 but has size 4 (x).\nThis is usually …"),
        "portal": hub.NotTheHub(),
        "no headers": errors.FileMetadataError("Response from x is missing the 'X-Repo-Commit' header"),
        "full": OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
        "forbidden": PermissionError(errno.EACCES, "Permission denied", "/cache"),
        "code": pickle.UnpicklingError("Weights only load failed.\nUnsupported global: GLOBAL posix.system"),
        "safetensors": SafetensorError("Error while deserializing header: incomplete metadata"),
        "zip": RuntimeError("PytorchStreamReader failed reading zip archive: failed finding central directory"),
        "json": json.JSONDecodeError("Expecting value", "x", 0),
        "missing": FileNotFoundError(errno.ENOENT, "No such file or directory", "model-00001-of-00002.safetensors"),
        "memory": RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."),
        "other": ValueError("\n  first line. \nsecond line"),
        "silent": ValueError(),
    }[name]


NOT_THE_HUB = "what answers is not the Hub but perhaps a login page or a proxy. Check the connection and HF_ENDPOINT"


@pytest.mark.parametrize(
    ("name", "line"),
    {
        "slow": "the Hub is too slow, 10 s without an answer. Try again later",
        "slow below": "the Hub is too slow, 10 s without an answer. Try again later",
        "refused": "the Hub cannot be reached. Check the connection and try again in a minute",
        "reset": "the download broke off, and nothing of the broken file was kept. Try again",
        "short": "the download broke off, and nothing of the broken file was kept. Try again",
        "portal": NOT_THE_HUB,
        "no headers": NOT_THE_HUB,
        "full": "the disk is full. Make room, or set HF_HOME to a folder on another disk",
        "forbidden": (
            "one of its files or folders may not be read or written. "
            "Check the permissions, or set HF_HOME to another folder"
        ),
        "code": "its weights are a pickle with code in it, which is never run here. Choose one with safetensors",
        "safetensors": "its weight file is damaged or cut off. Copy or fetch it again",
        "zip": "its weight file is damaged or cut off. Copy or fetch it again",
        "json": "its config.json or a tokenizer file is damaged. Copy or fetch it again",
        "missing": "one of its files is missing. Copy or fetch it again",
        "memory": "the memory is full. End other programs",
        "other": "first line. The bundled checkpoint works without the Hub",
        "silent": "ValueError. The bundled checkpoint works without the Hub",
    }.items(),
)
def test_error_becomes_a_line(name, line):
    error = raised(name)
    with pytest.raises(Unavailable) as caught, hub.explained("the model org/x"):
        raise error
    ending = "" if line.endswith("the Hub") else "; the bundled checkpoint works without the Hub"
    assert str(caught.value) == f"Could not load the model org/x: {line}{ending}."
    assert caught.value.__cause__ is error


def test_own_errors_pass_through():
    error = DemoError("as it is")
    with pytest.raises(DemoError) as caught, hub.explained("the model org/x"):
        raise error
    assert caught.value is error


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def pickle_code(path: Path) -> None:
    """A weight file that runs a function when it is unpickled."""
    import torch

    torch.save({"x": shutil.rmtree}, path)


@pytest.mark.parametrize(
    ("kind", "file", "damage", "came"),
    [
        ("safetensors", "model.safetensors", cut, "its weight file is damaged"),
        ("bin_only", "pytorch_model.bin", cut, "its weight file is damaged"),
        ("bin_only", "pytorch_model.bin", lambda path: path.write_bytes(b""), "its weight file is damaged"),
        (
            "bin_only",
            "pytorch_model.bin",
            lambda path: path.write_text("version https://git-lfs"),
            "its weight file is",
        ),
        ("bin_only", "pytorch_model.bin", pickle_code, "its weights are a pickle with code in it"),
        ("safetensors", "config.json", lambda path: path.write_text("not json"), "its config.json or a tokenizer file"),
        ("safetensors", "config.json", lambda path: path.write_text("{}"), "its config.json or a tokenizer file"),
        ("safetensors", "tokenizer.json", lambda path: path.write_text("{"), "its config.json or a tokenizer file"),
        ("bin_only", "vocab.txt", Path.unlink, "it has no tokenizer (tokenizer.json or vocab.txt)"),
        ("safetensors", "model.safetensors", Path.unlink, "it has no weights (model.safetensors or pytorch_model.bin)"),
    ],
)
def test_damaged_folder_is_told(tmp_path, kind, file, damage, came):
    from minilm_demo.models.loading import load_checkpoint

    folder = tmp_path / "mine"
    getattr(hub_server, f"write_{kind}_model")(folder)
    assert load_checkpoint(str(folder)).name == "mine"
    damage(folder / file)
    with pytest.raises(Unavailable) as caught:
        load_checkpoint(str(folder))
    line = str(caught.value)
    assert line.startswith(f"Could not load the checkpoint mine: {came}")
    assert line.endswith("; the bundled checkpoint works without the Hub.")
    assert "\n" not in line


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        (["model.safetensors", "pytorch_model.bin"], ["model.safetensors"]),
        (["pytorch_model.bin", "model.onnx"], ["pytorch_model.bin"]),
        (
            ["model.safetensors.index.json", "model-00002-of-00002.safetensors", "model-00001-of-00002.safetensors"],
            ["model.safetensors.index.json", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"],
        ),
    ],
)
def test_one_set_of_weights_is_chosen(names, chosen):
    assert hub.model_files("x", ["run.py", "vocab.txt", "config.json", *names]) == ["config.json", "vocab.txt", *chosen]


def test_offline_is_read_as_the_library_reads_it(monkeypatch):
    for setting, value, is_offline in (("HF_HUB_OFFLINE", "true", True), ("HF_HUB_OFFLINE", "0", False)):
        monkeypatch.setenv(setting, value)
        assert hub.is_offline_by_choice() is is_offline
    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.setenv("TRANSFORMERS_OFFLINE", "1")
    assert hub.is_offline_by_choice()


if __name__ == "__main__":
    print(json.dumps(globals()[f"client_{sys.argv[1]}"](*sys.argv[2:])))
