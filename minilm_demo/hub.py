"""The Hugging Face Hub: models and data sets by name, and what its errors mean in one line.

The libraries retry an unwilling Hub for up to a minute, some of their requests wait for ever, and what they say then is
a page long. Here the first request for a repository is our own, with a time limit and without a second try; it
resolves the name to a commit, which the libraries fetch without asking again. When it fails, what the cache holds is
taken, and only when that is not enough one line says what came and what to do. Nothing is downloaded unless someone
asked for it by name.
"""

from __future__ import annotations

import errno
import http.client
import json
import os
import pickle
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from .errors import DemoError, Unavailable
from .quiet import Shared, datasets_quiet, hub_quiet

PROBE_SECONDS = 2.0
PROBE_AGAIN_AFTER = 60.0  # seconds an answer is believed
HUB_SECONDS = 10.0  # for a request to a Hub that answered the probe
MAX_MODEL_BYTES = 3_000_000_000  # the largest encoders have 2.3 GB; a wrong name must not fill the disk
COMMIT = re.compile(r"[0-9a-f]{40}")
REVISION = re.compile(r"\w[\w.+-]*(/\w[\w.+-]*)*")  # it becomes a path in the cache

WITHOUT_MODEL = "the bundled checkpoint works without the Hub"
WITHOUT_DATA = "--data sample works without the Hub"
INCOMPLETE = "Complete it or choose another one"

# The files of a model that are read: these and the first of WEIGHTS that is there. Nothing that runs, nothing twice.
VOCABULARIES = ("tokenizer.json", "vocab.txt", "vocab.json", "sentencepiece.bpe.model")
SMALL_FILES = (
    "config.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "merges.txt",
    *VOCABULARIES,
)
WEIGHTS = ("model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json")

_probe: tuple[float, bool] | None = None  # when, and whether the Hub answered


# -- is it there? --------------------------------------------------------------------------------------------------


def endpoint() -> str:
    return os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")


def is_offline_by_choice() -> bool:
    """Whether the environment forbids to ask, read as `huggingface_hub` reads it."""
    choice = os.environ.get("HF_HUB_OFFLINE") or os.environ.get("TRANSFORMERS_OFFLINE") or ""
    return choice.upper() in ("1", "ON", "YES", "TRUE")


def is_reachable() -> bool:
    """Whether the Hub answers within two seconds. Any HTTP answer counts, an error page too."""
    global _probe
    if is_offline_by_choice():
        return False
    if _probe is None or time.monotonic() - _probe[0] > PROBE_AGAIN_AFTER:
        _probe = (time.monotonic(), _ask())
    return _probe[1]


def _ask() -> bool:
    request = urllib.request.Request(f"{endpoint()}/api/models?limit=1", method="HEAD")
    try:
        with urllib.request.urlopen(request, timeout=PROBE_SECONDS):
            return True
    except urllib.error.HTTPError:
        return True
    except (OSError, ValueError, http.client.HTTPException):  # no route, refused, too slow; no address; no HTTP
        return False


def _require_reachable(what: str, instead: str) -> None:
    if is_offline_by_choice():
        came, do = "HF_HUB_OFFLINE is set and the cache does not hold all of it", "Fetch it once without that setting"
        raise Unavailable(_line(what, came, do, instead))
    if not is_reachable():
        came, do = f"the Hub ({endpoint()}) cannot be reached", "Check the connection and try again in a minute"
        raise Unavailable(_line(what, came, do, instead))


class _NotTheHub(Exception):
    """Something else answered: the login page of a network, a proxy, a wrong HF_ENDPOINT."""


@contextmanager
def _time_limit() -> Iterator[None]:
    """Requests of the library end after `HUB_SECONDS` without an answer. Its own client, which all of the process
    share, waits for ever; a client that somebody gave a limit keeps it."""
    from huggingface_hub.utils import get_session, httpx

    session = get_session()
    unlimited = session.timeout == httpx.Timeout(None)
    if unlimited:
        session.timeout = httpx.Timeout(HUB_SECONDS)
    try:
        yield
    finally:
        if unlimited:
            session.timeout = httpx.Timeout(None)


_limited = Shared(_time_limit)


@hub_quiet
@_limited
def _info(kind: str, name: str, **options):
    """What the Hub says of a repository ("model" or "dataset"), its commit above all: the one request that fails at
    once."""
    from huggingface_hub import HfApi

    ask = HfApi().model_info if kind == "model" else HfApi().dataset_info
    try:
        return ask(name, timeout=HUB_SECONDS, **options)
    except json.JSONDecodeError as error:
        raise _NotTheHub from error


# -- models --------------------------------------------------------------------------------------------------------


@hub_quiet
@_limited
def fetch_model(
    repo: str, revision: str | None = None, on_bytes: Callable[[int, int], None] | None = None
) -> tuple[Path, str]:
    """The folder in the Hub cache that holds a model's configuration, tokenizer and weights, and its commit.

    What is missing is downloaded; `on_bytes(done, total)` is called as it arrives. When the Hub is out of reach or
    fails, the commit fetched last serves. A whole commit id that is in the cache is not asked for again."""
    what = f"the model {repo}@{revision}" if revision else f"the model {repo}"
    if revision and not REVISION.fullmatch(revision):
        came, do = "that is no name of a revision", "After the @ stands a branch, a tag or a commit"
        raise Unavailable(_line(what, came, do, WITHOUT_MODEL))
    with explained(what):
        cached = _cached_model(repo, revision)
    if cached and COMMIT.fullmatch(revision or ""):
        return cached, cached.name
    try:
        _require_reachable(what, WITHOUT_MODEL)
        with explained(what):
            folder = _download_model(what, repo, revision, on_bytes)
    except Unavailable:
        if cached is None:
            raise
        folder = cached
    return folder, folder.name


def is_cached(repo: str, revision: str | None = None) -> bool:
    """Whether a model can be loaded without the Hub."""
    with suppress(Unavailable), explained(repo):
        return _cached_model(repo, revision) is not None
    return False


def model_files(what: str, names: Iterable[str]) -> list[str]:
    """Those of a folder's files that a model is loaded from. Raises `Unavailable` when a part of it is missing."""
    names = set(names)
    weights = next((name for name in WEIGHTS if name in names), None)
    parts = {
        "config.json": "config.json" in names,
        f"tokenizer ({' or '.join(VOCABULARIES[:2])})": bool(names.intersection(VOCABULARIES)),
        f"weights ({WEIGHTS[0]} or {WEIGHTS[2]})": weights is not None,
    }
    if missing := [part for part, is_there in parts.items() if not is_there]:
        raise Unavailable(_line(what, f"it has no {' and no '.join(missing)}", INCOMPLETE, WITHOUT_MODEL))
    stem, ending = weights.removesuffix(".index.json").split(".")
    shard = re.compile(rf"{stem}-\d+-of-\d+\.{ending}")
    shards = [name for name in names if shard.fullmatch(name)] if weights.endswith(".index.json") else []
    return [name for name in SMALL_FILES if name in names] + [weights, *sorted(shards)]


def _cached_model(repo: str, revision: str | None) -> Path | None:
    """The cached snapshot of a revision, if all of the model is in it. A broken download leaves a part."""
    from huggingface_hub import get_cached_repo_tree, try_to_load_from_cache
    from huggingface_hub.errors import CachedRepoTreeNotFoundError

    config = try_to_load_from_cache(repo, "config.json", revision=revision)
    if not isinstance(config, str):
        return None
    folder = Path(config).parent
    try:
        names = [file.path for file in get_cached_repo_tree(repo, revision=folder.name)]
    except CachedRepoTreeNotFoundError:  # fetched by an older library, which did not note what there is
        names = [file.name for file in folder.iterdir()]
    try:
        files = model_files(repo, names)
    except Unavailable:
        return None
    shards = [shard for name in files if name.endswith(".index.json") for shard in _shards(folder / name)]
    return folder if all((folder / name).is_file() for name in (*files, *shards)) else None


def _shards(index: Path) -> set[str]:
    return set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()) if index.is_file() else set()


def _download_model(what: str, repo: str, revision: str | None, on_bytes) -> Path:
    from huggingface_hub import snapshot_download

    info = _info("model", repo, revision=revision, files_metadata=True)
    sizes = {file.rfilename: file.size or 0 for file in info.siblings or ()}
    files = model_files(what, sizes)
    size = sum(sizes[name] for name in files)
    if size > MAX_MODEL_BYTES:
        came = f"it has {size / 1e9:.1f} GB, and this app reads encoders of up to {MAX_MODEL_BYTES / 1e9:.0f} GB"
        raise Unavailable(_line(what, came, "Choose a smaller one", WITHOUT_MODEL))
    folder = snapshot_download(repo, revision=info.sha, allow_patterns=files, tqdm_class=_progress_class(on_bytes))
    _remember(Path(folder), revision or "main")
    return Path(folder)


def _remember(snapshot: Path, revision: str) -> None:
    """Note that this is what `revision` stands for, as the library does when it fetches by revision; only now that
    all of it is here, so that a broken download leaves the previous commit in its place."""
    note = snapshot.parent.parent / "refs" / revision
    if revision == snapshot.name or (note.is_file() and note.read_text() == snapshot.name):
        return
    with suppress(OSError):  # a cache that may not be written to still serves
        note.parent.mkdir(parents=True, exist_ok=True)
        draft = note.with_name(f"{note.name}.{os.getpid()}.tmp")
        draft.write_text(snapshot.name)
        draft.replace(note)


def _progress_class(on_bytes: Callable[[int, int], None] | None) -> type:
    """A progress bar class for `snapshot_download` that draws nothing and tells `on_bytes` what arrived."""
    from huggingface_hub.utils import tqdm

    class Progress(tqdm):
        def __init__(self, *args, **kwargs):
            self.is_of_bytes = kwargs.get("name") == "huggingface_hub.snapshot_download"  # it keeps several bars
            super().__init__(*args, **{**kwargs, "disable": True})

        def update(self, n=1):
            self.n += n
            if self.is_of_bytes and on_bytes:
                on_bytes(int(self.n), int(self.total or 0))

    return Progress


# -- data sets -----------------------------------------------------------------------------------------------------


@datasets_quiet
@hub_quiet
@_limited
def load_dataset(name: str, configuration: str | None, split: str):
    """One split through `datasets`, at the commit the Hub has now; what was prepared last when the Hub is out of reach
    or fails."""
    what = f"the data set {name}" + (f" ({configuration})" if configuration else "")
    try:
        _require_reachable(what, WITHOUT_DATA)
        with explained(what, WITHOUT_DATA):
            return _download_dataset(name, configuration, split)
    except Unavailable as failure:
        try:
            return _prepared(name, configuration).as_dataset(split=split)
        except (ValueError, OSError):  # not in the cache, or not this split
            raise failure from failure.__cause__


def has_dataset(name: str, configuration: str | None) -> bool:
    """Whether `load_dataset` will find something: the Hub knows it, or it was prepared before."""
    with suppress(Unavailable), explained(name):
        if is_reachable():
            return bool(_info("dataset", name).sha)
    with suppress(ValueError, OSError):
        return bool(_prepared(name, configuration))
    return False


def _download_dataset(name: str, configuration: str | None, split: str):
    import datasets

    commit = _info("dataset", name).sha
    return datasets.load_dataset(name, configuration, split=split, revision=commit)


@datasets_quiet
def _prepared(name: str, configuration: str | None):
    """What `datasets` prepared last, which is what it falls back on itself. Asking it to, by its offline switches,
    would cut off the downloads of every other thread."""
    from datasets.packaged_modules.cache.cache import Cache

    _, _, short = name.rpartition("/")
    return Cache(dataset_name=short, repo_id=name, config_name=configuration, version="auto", hash="auto")


# -- errors in one line --------------------------------------------------------------------------------------------


@contextmanager
def explained(what: str, instead: str = WITHOUT_MODEL) -> Iterator[None]:
    """Turn whatever the libraries raise while loading `what` into one line a person can act on; `instead` ends it."""
    try:
        yield
    except DemoError:
        raise
    except Exception as error:  # the libraries raise dozens of types; every one becomes a line, none is hidden
        raise Unavailable(_sentence(what, error, instead)) from error


def _line(what: str, came: str, do: str, instead: str) -> str:
    return f"Could not load {what}: {came}. {'; '.join(filter(None, (do, instead)))}."


def _sentence(what: str, error: Exception, instead: str) -> str:
    chain = list(_chain(error))
    for matches, came, do in _meanings():
        for one in chain:
            if matches(one):
                facts = {"status": _status(one), "wait": _wait(one), "seconds": f"{HUB_SECONDS:g}"}
                return _line(what, came.format(**facts), do.format(**facts), instead)
    first = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return _line(what, first[:200].rstrip("."), "", instead[:1].upper() + instead[1:])


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error and those below it: the libraries wrap what came, or say something else while handling it."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


@cache
def _meanings() -> list[tuple[Callable[[BaseException], bool], str, str]]:
    """What comes -> what it means -> what to do. The first row that fits any error of the chain is taken."""
    from huggingface_hub import errors as hub
    from huggingface_hub.utils import httpx
    from safetensors import SafetensorError

    return [
        (
            _is(hub.GatedRepoError, says="is a gated dataset"),
            "its owner restricts it",
            "Accept its terms on its Hub page and log in with `hf auth login`",
        ),
        (
            _is(hub.RevisionNotFoundError, says="^Revision '.*' doesn't exist"),
            "the Hub has no such revision of it",
            "Check what stands after the @",
        ),
        (
            _is(hub.RepositoryNotFoundError, says="doesn't exist on the Hub or cannot be accessed"),
            "the Hub has none of this name, or it is private",
            "Check the spelling, or log in with `hf auth login`",
        ),
        (_is(hub.HFValidationError), "this is no name of a Hub repository", "Names look like owner/name"),
        (_has_status(429), "the Hub had too many requests from here (429)", "Wait {wait} and try again"),
        (
            _has_status(401, 403, 407),
            "the Hub or a proxy refused access ({status})",
            "Log in with `hf auth login`",
        ),
        (_has_status(*range(500, 600)), "the Hub has a fault of its own ({status})", "Try again later"),
        (
            _is(_NotTheHub, hub.FileMetadataError),
            "what answers is not the Hub but perhaps a login page or a proxy",
            "Check the connection and HF_ENDPOINT",
        ),
        (
            _is(httpx.TimeoutException, TimeoutError),
            "the Hub is too slow, {seconds} s without an answer",
            "Try again later",
        ),
        (
            _is(httpx.RemoteProtocolError, httpx.ReadError, hub.XetDownloadError, says="Consistency check failed"),
            "the download broke off, and nothing of the broken file was kept",
            "Try again",
        ),
        (
            _is(httpx.TransportError, hub.OfflineModeIsEnabled, ConnectionError),
            "the Hub cannot be reached",
            "Check the connection and try again in a minute",
        ),
        (
            lambda error: getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT),
            "the disk is full",
            "Make room, or set HF_HOME to a folder on another disk",
        ),
        (
            _is(PermissionError),
            "one of its files or folders may not be read or written",
            "Check the permissions, or set HF_HOME to another folder",
        ),
        (
            _is(says="(?i)unsupported (global|class)"),
            "its weights are a pickle with code in it, which is never run here",
            "Choose one with safetensors",
        ),
        (
            _is(SafetensorError, pickle.UnpicklingError, EOFError, says="PytorchStreamReader|unexpected EOF"),
            "its weight file is damaged or cut off",
            "Copy or fetch it again",
        ),
        (
            _is(json.JSONDecodeError, UnicodeDecodeError, says="`model_type` key"),
            "its config.json or a tokenizer file is damaged",
            "Copy or fetch it again",
        ),
        (
            _is(FileNotFoundError, hub.EntryNotFoundError),
            "one of its files is missing",
            "Copy or fetch it again",
        ),
        (_is(MemoryError, says="can't allocate memory|out of memory"), "the memory is full", "End other programs"),
    ]


def _is(*classes: type, says: str = "") -> Callable[[BaseException], bool]:
    """Whether an error is one of the classes, or says something in the words of the libraries."""
    return lambda error: isinstance(error, classes) or bool(says and re.search(says, str(error)))


def _has_status(*wanted: int) -> Callable[[BaseException], bool]:
    return lambda error: _status(error) in wanted


def _status(error: BaseException) -> int:
    return getattr(getattr(error, "response", None), "status_code", 0)


def _wait(error: BaseException) -> str:
    """How long a Hub that is asked too often wants to be left alone."""
    from huggingface_hub.utils import parse_ratelimit_headers

    headers = getattr(getattr(error, "response", None), "headers", {})
    limit = parse_ratelimit_headers(headers)
    seconds = str(limit.reset_in_seconds) if limit else headers.get("retry-after", "")
    return f"{seconds} s" if seconds.isdecimal() else "a minute"
