"""A small loopback server that implements enough of the Hugging Face Hub's API for the real client libraries.

The tests load models and datasets with the real `huggingface_hub`, `transformers` and `datasets` libraries and
without the outside network: the client process gets `HF_ENDPOINT=<server.endpoint>`. `huggingface_hub` reads that
variable when it is imported, so the client has to be a process of its own; `client_environment` gives its environment.

Layout of the served folder (a repository may also have no organisation: `models/<name>/<files>`)::

    root/models/<org>/<name>/<files>
    root/datasets/<org>/<name>/<files>

A repository's commit id is the SHA-1 of its file names and contents, so it changes when a file changes. `main`, that
commit and the names given as `HubServer(revisions=...)` resolve to it; any other revision is `RevisionNotFound`.

How a repository misbehaves is chosen by the end of its name:

=============  =======================================================================================================
name ends in   what every request for that repository gets
=============  =======================================================================================================
`-slow`        the right answer, `slow_seconds` late
`-404`         404 `RepoNotFound` (what a client with a token gets for a repository that does not exist)
`-401`         `GatedRepo` for each file, 401 without and 403 with a token; the API answers normally if the
               repository's folder exists
`-429`         429 with `Retry-After: <retry_after>`
`-500`         500
`-truncated`   the right answer, but the download of a weight or data file (`LFS_SUFFIXES`) announces its full length,
               sends the first half and closes the connection; no later range request gets past the middle either
=============  =======================================================================================================

The folder of the repository has to exist for `-slow` and `-truncated` only. A repository that does not exist answers
as on the real Hub: 401 `RepoNotFound` to an anonymous client, 404 `RepoNotFound` to one that sends a token.

The clients' exceptions with an empty cache and their default retries, measured with huggingface_hub 2.4.0,
transformers 5.23.0 and datasets 5.2.0 (`Retry-After: 1`; "<-" reads "caused by"; test_hub_server.py checks the classes
and the waits):

=============  ===============================  ===============================  =====================================
               hf_hub_download                  AutoConfig (all: plain OSError)  load_dataset
=============  ===============================  ===============================  =====================================
`-404`         RepositoryNotFoundError, 0 s     <- RepositoryNotFoundError, 0 s  DatasetNotFoundError, 0 s
does not       the same (401)                   the same                         the same
exist
`-401`         GatedRepoError, 0 s              <- GatedRepoError, 0 s           DatasetNotFoundError ("gated"), 0 s
`-429`         LocalEntryNotFoundError          <- LocalEntryNotFoundError       FileNotFoundError, 10 s
               <- HfHubHTTPError, 10 s          <- HfHubHTTPError, 10 s
`-500`         the same, 23 s                   the same, 23 s                   FileNotFoundError, 23 s
`-truncated`   httpx2.RemoteProtocolError, 5 s  AutoModel: OSError               httpx2.RemoteProtocolError, 5 s
                                                <- RemoteProtocolError, 5 s
no listener    LocalEntryNotFoundError          <- LocalEntryNotFoundError       ConnectionError, 23 s
               <- httpx2.ConnectError, 23 s     <- ConnectError, 23 s
never answers  LocalEntryNotFoundError          still waiting after 430 s        ConnectionError, 385 s (*)
               <- httpx2.ReadTimeout, 393 s     (a request without a timeout)
=============  ===============================  ===============================  =====================================

AutoTokenizer and AutoModel take twice as long as AutoConfig for 429, 500 and a port without a listener.
(*) with HF_HUB_ETAG_TIMEOUT=2, which shortens the first of seven attempts only; the other six wait 60 s each.

The server needs the standard library only. The functions that write test repositories import the libraries they use
when they are called.
"""

import hashlib
import json
import os
import re
import socket
import socketserver
import sys
import threading
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple, Self
from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit

LFS_SUFFIXES = (".bin", ".safetensors", ".parquet", ".arrow", ".pt", ".onnx")
API_ACTIONS = ("revision", "tree", "paths-info", "refs", "discussions", "commits", "parquet")
CHUNK_SIZE = 1 << 20

# What a plain BERT config.json has: model_type and the sizes, but no "architectures".
PLAIN_BERT_KEYS = (
    "attention_probs_dropout_prob",
    "hidden_act",
    "hidden_dropout_prob",
    "hidden_size",
    "initializer_range",
    "intermediate_size",
    "max_position_embeddings",
    "model_type",
    "num_attention_heads",
    "num_hidden_layers",
    "type_vocab_size",
    "vocab_size",
)

COMMON_WORDS = """
    the a an and or but not no yes is are was were be been has have had do does did will would can could should may
    i you he she it we they this that these those what who when where why how which there here
    of in on at to from by with for about as into over after before under between
    movie film story plot actor scene music good great bad best worst love like hate funny dull boring nice
    man woman child people dog cat bird house city street school car book water food day night year time
    plays playing eats reads runs sits stands walks sleeps sees makes takes gives says
    one two three red blue green big small old new first last very too more most all some any
"""


class RepoFile(NamedTuple):
    """One served file: where it is, its size and the two digests that the Hub uses as its identity."""

    path: Path
    size: int
    blob_id: str
    sha256: str
    lfs: bool

    @property
    def etag(self) -> str:
        """The Hub's ETag: the SHA-256 of a large file, the git blob id of a small one."""
        return self.sha256 if self.lfs else self.blob_id


class Repo(NamedTuple):
    """A repository as it is on disk now."""

    files: dict[str, RepoFile]
    commit: str


class HubServer:
    """Serves the repositories under `root` on a free port of 127.0.0.1 between `start()` and `stop()`.

    `requests` lists (method, path) of each request in the order of arrival; the path is percent-decoded and without
    the query. After `stop()` the port refuses connections; `start()` after `stop()` uses the same port again, which is
    how a test makes the Hub unreachable and reachable again.
    """

    def __init__(
        self,
        root: Path,
        slow_seconds: float = 4.0,
        *,
        retry_after: int = 1,
        revisions: Iterable[str] = (),
        page_size: int = 1000,
    ):
        self.root = Path(root)
        self.slow_seconds = slow_seconds
        self.retry_after = retry_after
        self.revisions = {"main", *revisions}
        self.page_size = page_size
        self.requests: list[tuple[str, str]] = []
        self.stopping = threading.Event()
        self._port = 0
        self._server: _Server | None = None
        self._digests: dict[tuple[str, int, int], tuple[str, str]] = {}

    @property
    def endpoint(self) -> str:
        """The value for HF_ENDPOINT. Raises `RuntimeError` before the first `start()`, which chooses the port."""
        if not self._port:
            raise RuntimeError("start the server first: its port is not chosen yet")
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> Self:
        if self._server is not None:
            raise RuntimeError("the server is running already")
        self.stopping.clear()
        self._server = _Server(self, self._port)
        self._port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), name="hub-server", daemon=True).start()
        return self

    def stop(self) -> None:
        """Stop listening and cut the open connections, also those that wait for a slow answer."""
        if self._server is None:
            return
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._server.close_connections()
        self._server = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_exc_info) -> None:
        self.stop()

    def find(self, kind: str, repo_id: str) -> Repo | None:
        """The repository of that kind ("models" or "datasets"), or None. A folder without files is no repository."""
        parts = repo_id.split("/")
        if len(parts) > 2 or not all(re.fullmatch(r"\w[\w.-]*", part) for part in parts):
            return None
        folder = self.root.joinpath(kind, *parts)
        if not folder.is_dir() or not any(entry.is_file() for entry in folder.iterdir()):
            return None
        files = {}
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                name = path.relative_to(folder).as_posix()
                files[name] = self._describe(path)
        listing = "".join(f"{name}\0{file.sha256}\n" for name, file in files.items())
        return Repo(files, hashlib.sha1(listing.encode(), usedforsecurity=False).hexdigest())

    def commit(self, kind: str, repo_id: str) -> str:
        """The commit id that `main` of an existing repository resolves to."""
        repo = self.find(kind, repo_id)
        if repo is None:
            raise KeyError(f"no repository {kind}/{repo_id} under {self.root}")
        return repo.commit

    def _describe(self, path: Path) -> RepoFile:
        """Size and digests of a file; the digests are computed once per size and time of change."""
        stat = path.stat()
        key = (str(path), stat.st_size, stat.st_mtime_ns)
        if key not in self._digests:
            content = path.read_bytes()
            blob = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False)
            self._digests[key] = (blob.hexdigest(), hashlib.sha256(content).hexdigest())
        return RepoFile(path, stat.st_size, *self._digests[key], lfs=path.suffix in LFS_SUFFIXES)


def client_environment(endpoint: str, home: Path, **extra: str) -> dict[str, str]:
    """The environment for a client process: this server as the Hub, `home` as the only cache, no telemetry.

    Variables of the calling process for the Hugging Face libraries are removed, so that a test does not depend on them.
    `extra` overrides the others.
    """
    prefixes = ("HF_", "HUGGING", "TRANSFORMERS_")
    env = {key: value for key, value in os.environ.items() if not key.startswith(prefixes)}
    env |= {
        "HF_ENDPOINT": endpoint,
        "HF_HOME": str(home),
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "DISABLE_SAFETENSORS_CONVERSION": "1",
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
    }
    return env | extra


class _Server(ThreadingHTTPServer):
    """The listening socket; keeps the open connections, because a client's keep-alive outlives `server_close`."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, hub: HubServer, port: int):
        self.hub = hub
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__(("127.0.0.1", port), _Handler)

    def server_bind(self) -> None:
        """Bind without http.server's reverse look-up of the host name, which can wait on a name server."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]

    def process_request(self, request, client_address) -> None:
        with self._lock:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request) -> None:
        with self._lock:
            self._connections.discard(request)
        super().shutdown_request(request)

    def close_connections(self) -> None:
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # the client closed it first

    def handle_error(self, request, client_address) -> None:
        """A client that hangs up in the middle of an answer is normal here; other errors are shown."""
        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)


class _HttpError(Exception):
    """An error answer in the Hub's form: status, the X-Error-Code header and a message."""

    def __init__(self, status: int, code: str | None, message: str, headers: dict[str, str] | None = None):
        super().__init__(message)
        self.status, self.code, self.message, self.headers = status, code, message, headers or {}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # the clients keep their connections open
    disable_nagle_algorithm = True  # headers and body are sent in two writes, without a wait between them
    server: _Server

    def log_message(self, *_args) -> None:
        """Print no access log; `HubServer.requests` records the requests."""

    def do_GET(self) -> None:
        self._answer()

    do_HEAD = do_POST = do_GET

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        self.body = self.rfile.read(length)
        url = urlsplit(self.path)
        self.query = parse_qs(url.query)
        self.server.hub.requests.append((self.command, unquote(url.path)))
        try:
            self._route(url.path)
        except _HttpError as error:
            headers = {"X-Error-Message": error.message} | error.headers
            if error.code:
                headers["X-Error-Code"] = error.code
            self._send_json({"error": error.message}, error.status, headers)

    def _route(self, path: str) -> None:
        resolve = re.fullmatch(r"/(datasets/)?([^/]+(?:/[^/]+)?)/resolve/([^/]+)/(.+)", path)
        if resolve:
            dataset, repo_id, revision, name = resolve.groups()
            self._send_file("datasets" if dataset else "models", unquote(repo_id), unquote(revision), unquote(name))
            return
        api = re.fullmatch(r"/api/(models|datasets)/(.+)", path)
        if api:
            self._send_api(api[1], api[2].split("/"))
            return
        if path == "/api/whoami-v2":
            raise _HttpError(401, None, "Invalid username or password.")
        raise _HttpError(404, None, f"Sorry, we can't find the page you are looking for: {path}")

    def _send_api(self, kind: str, parts: list[str]) -> None:
        """Answer /api/<kind>/<id>[/<action>[/<revision>[/<path>]]]; the id has one part or two."""
        id_length = 1 if len(parts) == 1 or parts[1] in API_ACTIONS else 2
        repo_id = unquote("/".join(parts[:id_length]))
        action, revision, path, *_rest = [*map(unquote, parts[id_length:]), "", "", ""]
        if len(parts) > id_length + 3:  # a path may come percent-encoded as one part, or as several
            path = unquote("/".join(parts[id_length + 2 :]))
        repo = self._open_repo(kind, repo_id, is_file=False)
        if action in ("", "revision"):
            self._check_revision(repo, revision or "main")
            self._send_json(self._repo_info(kind, repo_id, repo))
        elif action == "tree":
            self._check_revision(repo, revision)
            self._send_tree(repo, path.strip("/"))
        elif action == "paths-info":
            self._check_revision(repo, revision)
            entries = _tree_entries(repo)
            self._send_json([entries[name] for name in self._posted_paths() if name in entries])
        elif action == "refs":
            main = {"name": "main", "ref": "refs/heads/main", "targetCommit": repo.commit}
            self._send_json({"branches": [main], "converts": [], "tags": [], "pullRequests": []})
        else:
            raise _HttpError(404, None, f"this server does not have /api/{kind}/<id>/{action}")

    def _open_repo(self, kind: str, repo_id: str, is_file: bool) -> Repo:
        """The repository, or the error or delay that the end of its name stands for."""
        hub = self.server.hub
        suffix = repo_id.rpartition("-")[2]
        if suffix == "slow" and hub.stopping.wait(hub.slow_seconds):
            raise ConnectionAbortedError("the server was stopped during a slow answer")
        if suffix == "404":
            raise _HttpError(404, "RepoNotFound", "Repository not found")
        if suffix == "429":
            raise _HttpError(429, None, "We had to rate limit you.", {"Retry-After": str(hub.retry_after)})
        if suffix == "500":
            raise _HttpError(500, None, "Internal Error - We're working hard to fix this as soon as possible!")
        repo = hub.find(kind, repo_id)
        has_token = "Authorization" in self.headers
        if suffix == "401" and (is_file or repo is None):
            message = f"Access to {kind[:-1]} {repo_id} is restricted."
            raise _HttpError(403 if has_token else 401, "GatedRepo", message)
        if repo is None and has_token:
            raise _HttpError(404, "RepoNotFound", "Repository not found")
        if repo is None:
            raise _HttpError(401, "RepoNotFound", "Invalid username or password.")
        return repo

    def _check_revision(self, repo: Repo, revision: str) -> None:
        if revision != repo.commit and revision not in self.server.hub.revisions:
            raise _HttpError(404, "RevisionNotFound", f"Invalid rev id: {revision}")

    def _repo_info(self, kind: str, repo_id: str, repo: Repo) -> dict:
        blobs = self.query.get("blobs") == ["true"]
        siblings = [{"rfilename": name} | (_blob(file) if blobs else {}) for name, file in repo.files.items()]
        info = {
            "_id": repo.commit[:24],
            "id": repo_id,
            "author": repo_id.rpartition("/")[0] or None,
            "sha": repo.commit,
            "lastModified": "2024-01-01T00:00:00.000Z",
            "createdAt": "2024-01-01T00:00:00.000Z",
            "private": False,
            "gated": "manual" if repo_id.endswith("-401") else False,
            "disabled": False,
            "tags": [],
            "downloads": 0,
            "likes": 0,
            "siblings": siblings,
        }
        return info | ({"modelId": repo_id} if kind == "models" else {})

    def _send_tree(self, repo: Repo, path: str) -> None:
        """List a folder, page by page when there are more than `page_size` entries; a file lists itself."""
        entries = _tree_entries(repo)
        if path and path not in entries:
            raise _HttpError(404, "EntryNotFound", f'{path} does not exist on "main"', {"X-Repo-Commit": repo.commit})
        recursive = self.query.get("recursive", ["false"])[0].lower() in ("true", "1")
        prefix = f"{path}/" if path else ""
        listing = [
            entry
            for name, entry in entries.items()
            if name.startswith(prefix) and (recursive or "/" not in name[len(prefix) :])
        ]
        if path and entries[path]["type"] == "file":
            listing = [entries[path]]
        start = int(self.query.get("cursor", ["0"])[0])
        size = int(self.query.get("limit", [self.server.hub.page_size])[0])
        headers = {"X-Repo-Commit": repo.commit}
        if start + size < len(listing):
            query = {key: values[0] for key, values in self.query.items()} | {"cursor": start + size}
            headers["Link"] = f'<{self.server.hub.endpoint}{urlsplit(self.path).path}?{urlencode(query)}>; rel="next"'
        self._send_json(listing[start : start + size], headers=headers)

    def _posted_paths(self) -> list[str]:
        """The paths of a paths-info request, sent as a form or as JSON."""
        if "json" in self.headers.get("Content-Type", ""):
            return json.loads(self.body or b"{}").get("paths", [])
        return parse_qs(self.body.decode()).get("paths", [])

    def _send_json(self, value, status: int = 200, headers: dict[str, str] | None = None) -> None:
        content = json.dumps(value).encode()
        self.send_response(status)
        for name, text in (headers or {}).items():
            self.send_header(name, text)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _send_file(self, kind: str, repo_id: str, revision: str, name: str) -> None:
        repo = self._open_repo(kind, repo_id, is_file=True)
        self._check_revision(repo, revision)
        file = repo.files.get(name)
        if file is None:
            raise _HttpError(404, "EntryNotFound", "Entry not found", {"X-Repo-Commit": repo.commit})
        start, end = self._byte_range(file.size)
        partial = "Range" in self.headers
        self.send_response(206 if partial else 200)
        self.send_header("X-Repo-Commit", repo.commit)
        self.send_header("ETag", f'"{file.etag}"')
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Type", "application/octet-stream" if file.lfs else "text/plain; charset=utf-8")
        self.send_header("Content-Disposition", f"inline; filename*=UTF-8''{quote(Path(name).name)};")
        self.send_header("Content-Length", str(end - start))
        if partial:
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{file.size}")
        if file.lfs:
            self.send_header("X-Linked-Size", str(file.size))
            self.send_header("X-Linked-ETag", f'"{file.sha256}"')
        self.end_headers()
        if self.command == "HEAD":
            return
        if repo_id.endswith("-truncated") and file.lfs:
            end = min(end, file.size // 2)
            self.close_connection = True
        with file.path.open("rb") as source:
            source.seek(start)
            while start < end:
                chunk = source.read(min(CHUNK_SIZE, end - start))
                self.wfile.write(chunk)
                start += len(chunk)

    def _byte_range(self, size: int) -> tuple[int, int]:
        """The first byte to send and the one after the last; the whole file without a Range header."""
        header = self.headers.get("Range")
        if header is None:
            return 0, size
        match = re.fullmatch(r"\s*bytes\s*=\s*(\d*)\s*-\s*(\d*)\s*", header)
        first, last = match.groups() if match else ("", "")
        if first:
            start, end = int(first), min(int(last) + 1 if last else size, size)
        else:
            start, end = max(0, size - int(last or 0)), size
        if start >= end:
            raise _HttpError(416, None, f"cannot send the range {header}", {"Content-Range": f"bytes */{size}"})
        return start, end


def _blob(file: RepoFile) -> dict:
    """The details of a file in the repository info of a request with `blobs=true`."""
    lfs = {"lfs": {"sha256": file.sha256, "size": file.size, "pointerSize": 134}} if file.lfs else {}
    return {"size": file.size, "blobId": file.blob_id} | lfs


def _tree_entries(repo: Repo) -> dict[str, dict]:
    """Every folder and file of the repository as the tree API describes it, folders first."""
    folders = sorted({parent.as_posix() for name in repo.files for parent in Path(name).parents} - {"."})
    entries: dict[str, dict] = {}
    for name in folders:
        oid = hashlib.sha1(f"{repo.commit}/{name}".encode(), usedforsecurity=False).hexdigest()
        entries[name] = {"type": "directory", "oid": oid, "size": 0, "path": name}
    for name, file in repo.files.items():
        entries[name] = {"type": "file", "oid": file.blob_id, "size": file.size, "path": name}
        if file.lfs:
            entries[name]["lfs"] = {"oid": file.sha256, "size": file.size, "pointerSize": 134}
    return entries


def default_vocabulary() -> list[str]:
    """A WordPiece vocabulary in which every lower-case English text has tokens: BERT's special tokens, characters,
    their continuations and some common words."""
    characters = "abcdefghijklmnopqrstuvwxyz0123456789"
    punctuation = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *characters, *punctuation]
    tokens += [f"##{character}" for character in characters] + COMMON_WORDS.split()
    return list(dict.fromkeys(tokens))


def tiny_bert(vocabulary_size: int, seed: int = 0):
    """A BertModel with random weights that depend on the seed only; the global random state stays as it was."""
    import torch
    from transformers import BertConfig, BertModel

    config = BertConfig(
        vocab_size=vocabulary_size,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return BertModel(config).eval()


def write_vocabulary(folder: Path, vocabulary: list[str]) -> None:
    (folder / "vocab.txt").write_text("".join(f"{token}\n" for token in vocabulary), encoding="utf-8")


def write_bin_only_model(folder: Path, vocabulary: list[str] | None = None, seed: int = 0) -> None:
    """Write a repository laid out like microsoft/MiniLM-L12-H384-uncased: pickled weights, vocab.txt, a
    tokenizer_config.json that is just `{}` and a config.json; no safetensors and no tokenizer.json."""
    import torch

    vocabulary = vocabulary or default_vocabulary()
    folder.mkdir(parents=True, exist_ok=True)
    model = tiny_bert(len(vocabulary), seed)
    torch.save(model.state_dict(), folder / "pytorch_model.bin")
    config = {key: getattr(model.config, key) for key in PLAIN_BERT_KEYS}
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    (folder / "tokenizer_config.json").write_text("{}", encoding="utf-8")
    write_vocabulary(folder, vocabulary)


def write_safetensors_model(folder: Path, vocabulary: list[str] | None = None, seed: int = 0) -> None:
    """Write a repository as `save_pretrained` does today: model.safetensors, config.json, tokenizer.json; and the
    vocab.txt that most BERT repositories keep beside it."""
    from transformers import BertTokenizerFast

    vocabulary = vocabulary or default_vocabulary()
    folder.mkdir(parents=True, exist_ok=True)
    model = tiny_bert(len(vocabulary), seed)
    model.save_pretrained(folder)
    tokens = {token: index for index, token in enumerate(vocabulary)}
    BertTokenizerFast(vocab=tokens, model_max_length=model.config.max_position_embeddings).save_pretrained(folder)
    write_vocabulary(folder, vocabulary)


def write_parquet_dataset(folder: Path, config: str, splits: dict[str, list[dict]], features=None) -> None:
    """Add a configuration to a dataset repository laid out like nyu-mll/glue.

    Each split becomes `<config>/<split>-00000-of-00001.parquet`, written by `datasets`, so the features (the names of
    a ClassLabel too) are in the parquet metadata. The README's `configs:` then names every configuration in the folder.
    Call it once per configuration.
    """
    from datasets import Dataset

    target = folder / config
    target.mkdir(parents=True, exist_ok=True)
    for split, rows in splits.items():
        Dataset.from_list(rows, features=features).to_parquet(target / f"{split}-00000-of-00001.parquet")
    lines = ["---", "configs:"]
    for directory in sorted(path for path in folder.iterdir() if path.is_dir()):
        lines += [f"- config_name: {directory.name}", "  data_files:"]
        names = (path.name.rpartition("-00000-of-")[0] for path in directory.glob("*.parquet"))
        for split in sorted(names, key=_split_order):
            lines += [f"  - split: {split}", f"    path: {directory.name}/{split}-*"]
    (folder / "README.md").write_text("\n".join([*lines, "---", "", "A test dataset.", ""]), encoding="utf-8")


def _split_order(name: str) -> tuple[bool, bool, str]:
    """The order in which GLUE lists its splits: training, validation, test."""
    return name.startswith("test"), not name.startswith("train"), name
