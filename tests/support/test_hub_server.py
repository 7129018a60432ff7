"""The loopback Hub against the real client libraries: what loads from it, and which exception each failure becomes.

`huggingface_hub` reads HF_ENDPOINT and HF_HUB_OFFLINE when it is imported, so the clients run in processes of their
own. Starting one takes seconds (torch, transformers, datasets), so each client does several things and prints its
observations as JSON; each test checks one of them.
"""

import http.client
import json
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import hub_server
from hub_server import HubServer, client_environment

SLOW_SECONDS = 1.5
ROWS = {
    "train": [{"sentence": f"a good movie {index}", "label": index % 2, "idx": index} for index in range(6)],
    "validation": [{"sentence": "the plot is dull", "label": 0, "idx": 0}],
    "test": [{"sentence": "who knows", "label": -1, "idx": 0}],
}

LOADING_CLIENT = """
import json, os, sys
import torch
from datasets import load_dataset
from huggingface_hub import HfApi, hf_hub_download, snapshot_download
from transformers import AutoModel, AutoTokenizer

served, commit = sys.argv[1:]
offline = os.environ.get("HF_HUB_OFFLINE") == "1"
seen = {"weights_only": []}
load = torch.load

def recording_load(*args, **kwargs):
    seen["weights_only"].append(kwargs.get("weights_only"))
    return load(*args, **kwargs)

torch.load = recording_load

def check(repo_id, **kwargs):
    model = AutoModel.from_pretrained(repo_id, **kwargs).eval()
    tokenizer = AutoTokenizer.from_pretrained(repo_id, **kwargs)
    if repo_id.endswith("bin"):
        expected = load(f"{served}/models/{repo_id}/pytorch_model.bin", weights_only=True)
    else:
        from safetensors.torch import load_file
        expected = load_file(f"{served}/models/{repo_id}/model.safetensors")
    actual = model.state_dict()
    with torch.no_grad():
        output = model(**tokenizer("A good movie zzz", return_tensors="pt")).last_hidden_state
    return {
        "class": type(model).__name__,
        "equal": sorted(actual) == sorted(expected) and all(torch.equal(actual[key], expected[key]) for key in actual),
        "tokens": tokenizer.tokenize("A good movie zzz"),
        "shape": list(output.shape),
    }

seen["org/mini-bin"] = check("org/mini-bin")
seen["org/mini"] = check("org/mini")
seen["mini"] = check("mini", revision=commit)
glue = load_dataset("org/glue", "sst2")
seen["rows"] = {split: [dict(row) for row in rows] for split, rows in glue.items()}
seen["names"] = {split: rows.features["label"].names for split, rows in glue.items()}
if not offline:
    api = HfApi()
    seen["snapshot"] = sorted(os.listdir(snapshot_download("org/mini", revision="v1.0")))
    seen["paths"] = [entry.path for entry in api.get_paths_info("org/glue", ["sst2", "x"], repo_type="dataset")]
    seen["listing"] = sorted(api.list_repo_files("org/glue", repo_type="dataset"))
    seen["shas"] = [api.model_info("mini").sha, api.list_repo_refs("mini").branches[0].target_commit]
print(json.dumps(seen))
"""

# The libraries' waits between retries are recorded and left out, so that the default number of retries can run.
FAILING_CLIENT = """
import json, os, sys, time
from types import SimpleNamespace
from datasets import load_dataset
from huggingface_hub import HfApi, errors, file_download, hf_hub_download
from huggingface_hub.utils import _http
from transformers import AutoConfig, AutoModel

slept = []
_http.time = file_download.time = SimpleNamespace(sleep=slept.append, time=time.time)

def names(error):
    seen = []
    while error is not None:
        seen.append(type(error).__name__)
        error = error.__cause__ or error.__context__
    return seen

def attempt(function, *args, **kwargs):
    slept.clear()
    start = time.monotonic()
    try:
        function(*args, **kwargs)
        chain, bases, text = ["none"], [], ""
    except Exception as error:
        chain, bases, text = names(error), [base.__name__ for base in type(error).__mro__], str(error)
    return {"chain": chain, "bases": bases, "text": text, "waits": list(slept), "took": time.monotonic() - start}

seen = {}
for suffix in ("404", "401", "429", "500", "missing"):
    seen[f"hub {suffix}"] = attempt(hf_hub_download, f"org/mini-{suffix}", "config.json")
    seen[f"transformers {suffix}"] = attempt(AutoConfig.from_pretrained, f"org/mini-{suffix}")
    seen[f"datasets {suffix}"] = attempt(load_dataset, f"org/glue-{suffix}", "sst2")
seen["hub truncated"] = attempt(hf_hub_download, "org/mini-truncated", "pytorch_model.bin")
seen["transformers truncated"] = attempt(AutoModel.from_pretrained, "org/mini-truncated")
seen["datasets truncated"] = attempt(load_dataset, "org/glue-truncated", "sst2")
seen["hub slow"] = attempt(hf_hub_download, "org/mini-slow", "config.json")
seen["hub revision"] = attempt(hf_hub_download, "org/mini", "config.json", revision="nope")
seen["transformers revision"] = attempt(AutoConfig.from_pretrained, "org/mini", revision="nope")
seen["datasets revision"] = attempt(load_dataset, "org/glue", "sst2", revision="nope")
seen["hub entry"] = attempt(hf_hub_download, "org/mini", "nope.json")
seen["hub with a token"] = attempt(hf_hub_download, "org/mini-missing", "config.json", token="hf_x")
seen["whoami"] = attempt(HfApi().whoami, token="hf_x")
print(json.dumps(seen))
"""

# case -> the exception, the one below it, and the waits of the library's default retries (Retry-After is 1 here)
BACKOFF = [1, 2, 4, 8, 8]
FAILURES = {
    "hub 404": ("RepositoryNotFoundError", "HTTPStatusError", []),
    "transformers 404": ("OSError", "RepositoryNotFoundError", []),
    "datasets 404": ("DatasetNotFoundError", None, []),
    "hub missing": ("RepositoryNotFoundError", "HTTPStatusError", []),
    "transformers missing": ("OSError", "RepositoryNotFoundError", []),
    "datasets missing": ("DatasetNotFoundError", None, []),
    "hub with a token": ("RepositoryNotFoundError", "HTTPStatusError", []),
    "hub 401": ("GatedRepoError", "HTTPStatusError", []),
    "transformers 401": ("OSError", "GatedRepoError", []),
    "datasets 401": ("DatasetNotFoundError", None, []),
    "hub 429": ("LocalEntryNotFoundError", "HfHubHTTPError", [2.0] * 5),
    "transformers 429": ("OSError", "LocalEntryNotFoundError", [2.0] * 5),
    "datasets 429": ("FileNotFoundError", None, [2.0] * 5),
    "hub 500": ("LocalEntryNotFoundError", "HfHubHTTPError", BACKOFF),
    "transformers 500": ("OSError", "LocalEntryNotFoundError", BACKOFF),
    "datasets 500": ("FileNotFoundError", None, BACKOFF),
    "hub truncated": ("RemoteProtocolError", "RemoteProtocolError", [1] * 5),
    "transformers truncated": ("OSError", "RemoteProtocolError", [1] * 5),
    "datasets truncated": ("RemoteProtocolError", "RemoteProtocolError", [1] * 5),
    "hub revision": ("RevisionNotFoundError", "HTTPStatusError", []),
    "transformers revision": ("OSError", "RevisionNotFoundError", []),
    "datasets revision": ("DatasetNotFoundError", None, []),
    "hub entry": ("RemoteEntryNotFoundError", "HTTPStatusError", []),
    "hub slow": ("none", None, []),
}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """The served folder: two kinds of models, one without an organisation, a dataset, and the failing repositories."""
    from datasets import ClassLabel, Features, Value

    features = Features(
        {"sentence": Value("string"), "label": ClassLabel(names=["negative", "positive"]), "idx": Value("int32")}
    )
    folder = tmp_path_factory.mktemp("hub")
    for name in ("org/mini-bin", "org/mini-slow", "org/mini-truncated", "org/mini-401"):
        hub_server.write_bin_only_model(folder / "models" / name)
    hub_server.write_safetensors_model(folder / "models/org/mini", seed=1)
    hub_server.write_safetensors_model(folder / "models/mini", seed=2)
    for name in ("glue", "glue-truncated"):
        hub_server.write_parquet_dataset(folder / "datasets/org" / name, "sst2", ROWS, features)
        hub_server.write_parquet_dataset(folder / "datasets/org" / name, "cola", {"train": ROWS["train"]}, features)
    return folder


@pytest.fixture(scope="module")
def hub(root):
    """The server for all tests; pages of three entries make every listing use paging."""
    with HubServer(root, slow_seconds=SLOW_SECONDS, revisions=["v1.0"], page_size=3) as server:
        yield server


def run_client(script: str, *args: str, env: dict[str, str], cwd: Path) -> dict:
    """Run a client script in a fresh process and return the JSON of its last line."""
    command = [sys.executable, "-W", "ignore", "-c", script, *args]
    done = subprocess.run(command, env=env, cwd=cwd, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def loaded(hub, home):
    """The observations of a client that loads everything, and its requests."""
    before = len(hub.requests)
    env = client_environment(hub.endpoint, home)
    seen = run_client(LOADING_CLIENT, str(hub.root), hub.commit("models", "mini"), env=env, cwd=home)
    return seen | {"requests": hub.requests[before:]}


@pytest.fixture(scope="module")
def failed(hub, tmp_path_factory):
    """The exceptions in a client by case, and its requests."""
    folder = tmp_path_factory.mktemp("failing-home")
    env = client_environment(hub.endpoint, folder, HF_HUB_ETAG_TIMEOUT="1")
    before = len(hub.requests)
    seen = run_client(FAILING_CLIENT, env=env, cwd=folder)
    return seen | {"requests": hub.requests[before:]}


@pytest.mark.parametrize("repo_id", ["org/mini-bin", "org/mini", "mini"])
def test_model_and_tokenizer_load(loaded, repo_id):
    assert loaded[repo_id] == {
        "class": "BertModel",
        "equal": True,
        "tokens": ["a", "good", "movie", "z", "##z", "##z"],
        "shape": [1, 8, 32],
    }


def test_pickled_weights_are_read_with_weights_only(loaded):
    assert loaded["weights_only"]
    assert all(loaded["weights_only"])


def test_no_conversion_is_asked_for(loaded):
    """Loading a .bin file makes transformers look for a conversion, which is switched off here."""
    assert {method for method, _path in loaded["requests"]} == {"GET", "HEAD", "POST"}
    posts = [path for method, path in loaded["requests"] if method == "POST"]
    assert posts == ["/api/datasets/org/glue/paths-info/main"]
    words = ("/commits", "/discussions", "convert")  # the first request of a conversion asks for the commits
    assert not [path for _method, path in loaded["requests"] if any(word in path for word in words)]


def test_pinned_commit_needs_no_other_revision(hub, loaded):
    """With `revision=<commit>` the model is read from that commit, without asking what `main` is."""
    files = [path for _method, path in loaded["requests"] if path.startswith("/mini/resolve/")]
    assert files
    assert all(path.startswith(f"/mini/resolve/{hub.commit('models', 'mini')}/") for path in files)


def test_dataset_rows_and_label_names(loaded):
    assert loaded["rows"] == ROWS
    assert list(loaded["rows"]) == ["train", "validation", "test"]
    assert set(map(tuple, loaded["names"].values())) == {("negative", "positive")}


def test_api_lists_what_is_on_disk(hub, loaded):
    folder = hub.root / "datasets/org/glue"
    assert loaded["listing"] == sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
    assert loaded["snapshot"] == sorted(path.name for path in (hub.root / "models/org/mini").iterdir())
    assert loaded["paths"] == ["sst2"]
    assert loaded["shas"] == [hub.commit("models", "mini")] * 2


def test_second_load_offline_makes_no_request(hub, home, loaded):
    before = list(hub.requests)
    env = client_environment(hub.endpoint, home, HF_HUB_OFFLINE="1")
    seen = run_client(LOADING_CLIENT, str(hub.root), hub.commit("models", "mini"), env=env, cwd=home)
    assert hub.requests == before
    assert seen == {key: loaded[key] for key in seen}


@pytest.mark.parametrize("case", FAILURES)
def test_failure_becomes_the_expected_exception(failed, case):
    exception, below, waits = FAILURES[case]
    seen = failed[case]
    assert seen["chain"][0] == exception, seen
    assert below is None or seen["chain"][1] == below, seen
    assert seen["waits"] == waits, seen


def test_datasets_hides_the_reason_of_a_failure(failed):
    """The status of a 429 or 500 is only in the contexts of load_dataset's exception, "gated" only in its text."""
    for status in ("429", "500"):
        seen = failed[f"datasets {status}"]
        assert seen["bases"][:2] == ["FileNotFoundError", "OSError"]
        assert status not in seen["text"].replace(f"glue-{status}", "")
        assert "HfHubHTTPError" in seen["chain"]
    assert "GatedRepoError" not in failed["datasets 401"]["chain"]
    assert "gated" in failed["datasets 401"]["text"]
    assert "gated" not in failed["datasets 404"]["text"]


def test_truncated_download_is_no_oserror(failed):
    assert "OSError" not in failed["hub truncated"]["bases"]
    assert "OSError" not in failed["datasets truncated"]["bases"]
    assert "HTTPError" in failed["hub truncated"]["bases"]


def test_slow_answer_outlasts_a_short_etag_timeout(failed):
    """HF_HUB_ETAG_TIMEOUT=1 ends the first attempt only; the next one waits for up to 60 s, so the file arrives."""
    assert failed["hub slow"]["took"] >= 1 + 2 * SLOW_SECONDS
    methods = [method for method, path in failed["requests"] if "-slow/resolve/" in path]
    assert methods == ["HEAD", "HEAD", "GET"]


def test_whoami_is_refused(failed):
    assert "HfHubHTTPError" in failed["whoami"]["bases"] + failed["whoami"]["chain"]


def request(server: HubServer, method: str, path: str, **headers: str) -> tuple[int, dict, bytes]:
    """One request by the standard library: status, headers and body."""
    connection = http.client.HTTPConnection(urlsplit(server.endpoint).netloc, timeout=10)
    try:
        connection.request(method, path, headers={name.replace("_", "-"): text for name, text in headers.items()})
        response = connection.getresponse()
        return response.status, dict(response.headers), response.read()
    finally:
        connection.close()


@pytest.fixture
def small(tmp_path):
    """A server with small files, which needs none of the libraries."""
    for name in ("mini", "mini-slow", "mini-truncated"):
        folder = tmp_path / "models/org" / name
        folder.mkdir(parents=True)
        (folder / "config.json").write_text("{}")
        (folder / "pytorch_model.bin").write_bytes(bytes(range(100)))
    with HubServer(tmp_path, slow_seconds=0.3, retry_after=7) as server:
        yield server


def test_file_headers_and_ranges(small):
    path = "/org/mini/resolve/main/pytorch_model.bin"
    status, headers, body = request(small, "HEAD", path)
    assert (status, headers["Content-Length"], headers["X-Linked-Size"], body) == (200, "100", "100", b"")
    assert headers["X-Repo-Commit"] == small.commit("models", "org/mini")
    assert headers["ETag"] == headers["X-Linked-ETag"]
    assert headers["Accept-Ranges"] == "bytes"
    for wanted, content in (("10-19", range(10, 20)), ("90-", range(90, 100)), ("-5", range(95, 100))):
        status, headers, body = request(small, "GET", path, Range=f"bytes={wanted}")
        assert (status, body) == (206, bytes(content))
        assert headers["Content-Range"] == f"bytes {content[0]}-{content[-1]}/100"
    assert request(small, "GET", path, Range="bytes=100-")[0] == 416


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/org/mini/resolve/main/nope.txt", 404, "EntryNotFound"),
        ("/org/mini/resolve/main/../mini-slow/config.json", 404, "EntryNotFound"),
        ("/org/mini/resolve/nope/config.json", 404, "RevisionNotFound"),
        ("/api/models/org/mini/revision/nope", 404, "RevisionNotFound"),
        ("/api/models/org/mini/tree/main/nope", 404, "EntryNotFound"),
        ("/api/models/org", 401, "RepoNotFound"),
        ("/api/models/org/other", 401, "RepoNotFound"),
        ("/api/models/org/other-404", 404, "RepoNotFound"),
        ("/org/other-401/resolve/main/config.json", 401, "GatedRepo"),
        ("/api/datasets/org/other-429", 429, None),
        ("/api/datasets/org/other-500/tree/main", 500, None),
        ("/nowhere", 404, None),
    ],
)
def test_error_answers(small, path, status, code):
    seen, headers, body = request(small, "GET", path)
    assert (seen, headers.get("X-Error-Code")) == (status, code)
    assert json.loads(body)["error"] == headers["X-Error-Message"]
    assert headers.get("Retry-After") == ("7" if status == 429 else None)
    assert small.requests == [("GET", path)]


def test_missing_repository_with_a_token_is_404(small):
    status, headers, _body = request(small, "GET", "/api/models/org/other", Authorization="Bearer hf_x")
    assert (status, headers["X-Error-Code"]) == (404, "RepoNotFound")


def test_truncated_file_stops_in_the_middle(small):
    path = "/org/mini-truncated/resolve/main/pytorch_model.bin"
    for headers, expected in (({}, 50), ({"Range": "bytes=40-"}, 10), ({"Range": "bytes=50-"}, 0)):
        with pytest.raises(http.client.IncompleteRead) as caught:
            request(small, "GET", path, **headers)
        assert len(caught.value.partial) == expected
    assert request(small, "GET", "/org/mini-truncated/resolve/main/config.json")[2] == b"{}"


def test_commit_follows_the_files(small):
    old = small.commit("models", "org/mini")
    assert json.loads(request(small, "GET", "/api/models/org/mini")[2])["sha"] == old
    (small.root / "models/org/mini/config.json").write_text('{"changed": true}')
    assert small.commit("models", "org/mini") != old
    assert request(small, "GET", f"/org/mini/resolve/{old}/config.json")[1]["X-Error-Code"] == "RevisionNotFound"


def test_stop_cuts_open_connections_and_start_uses_the_same_port(small):
    connection = http.client.HTTPConnection(urlsplit(small.endpoint).netloc, timeout=10)
    connection.request("GET", "/api/models/org/mini")
    connection.getresponse().read()
    endpoint = small.endpoint
    small.stop()
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        connection.request("GET", "/api/models/org/mini")
        connection.getresponse()
    with pytest.raises(ConnectionError):
        request(small, "GET", "/api/models/org/mini")
    small.start()
    assert small.endpoint == endpoint
    assert request(small, "GET", "/api/models/org/mini")[0] == 200


def test_slow_repository_answers_late_and_stop_does_not_wait_for_it(small):
    start = time.monotonic()
    assert request(small, "GET", "/org/mini-slow/resolve/main/config.json")[2] == b"{}"
    assert time.monotonic() - start >= 0.3
    small.slow_seconds = 60
    connection = http.client.HTTPConnection(urlsplit(small.endpoint).netloc, timeout=10)
    connection.request("GET", "/api/models/org/mini-slow")
    stopping = threading.Thread(target=small.stop, daemon=True)
    stopping.start()
    with pytest.raises((ConnectionError, http.client.HTTPException)):  # the answer would come after a minute
        connection.getresponse()
    stopping.join(30)
    assert not stopping.is_alive()
