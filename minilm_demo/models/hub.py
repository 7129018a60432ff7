"""The Hugging Face Hub: probe, cache, models and data sets."""

from __future__ import annotations

import http.client
import json
import os
import re
import time
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..errors import Unavailable
from .hub_errors import (
    COMMIT,
    HUB_SECONDS,
    INCOMPLETE,
    WITHOUT_DATA,
    WITHOUT_MODEL,
    NotTheHub,
    could_not_load,
    endpoint,
    explained,
)
from .quiet import Shared, datasets_quiet, hub_quiet

PROBE_SECONDS = 2.0
PROBE_AGAIN_AFTER = 60.0  # seconds an answer is believed
MAX_MODEL_BYTES = 3_000_000_000  # the largest encoders have 2.3 GB; a wrong name must not fill the disk
REVISION = re.compile(r"\w[\w.+-]*(/\w[\w.+-]*)*")  # it becomes a path in the cache
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
        raise Unavailable(could_not_load(what, came, do, instead))
    if not is_reachable():
        came, do = f"the Hub ({endpoint()}) cannot be reached", "Check the connection and try again in a minute"
        raise Unavailable(could_not_load(what, came, do, instead))


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
        raise NotTheHub from error


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
        raise Unavailable(could_not_load(what, came, do, WITHOUT_MODEL))
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
        raise Unavailable(could_not_load(what, f"it has no {' and no '.join(missing)}", INCOMPLETE, WITHOUT_MODEL))
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
        raise Unavailable(could_not_load(what, came, "Choose a smaller one", WITHOUT_MODEL))
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
