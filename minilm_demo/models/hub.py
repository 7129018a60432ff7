"""The Hugging Face Hub: reachability check, local cache, models and data sets."""

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

CHECK_SECONDS = 2.0  # timeout of the reachability check
CHECK_AGAIN_AFTER = 60.0  # seconds for which its result is reused
MAX_MODEL_BYTES = 3_000_000_000  # the largest encoders have 2.3 GB; a wrong name must not fill the disk
REVISION = re.compile(r"\w[\w.+-]*(/\w[\w.+-]*)*")  # it becomes a path in the cache
# A model is read from these files and the first of WEIGHTS that exists: no code, and no second copy of the weights.
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
_last_check: tuple[float, bool] | None = None  # monotonic time, and whether the Hub answered


def is_offline_by_choice() -> bool:
    """Whether the environment forbids requests to the Hub, read as `huggingface_hub` reads it."""
    choice = os.environ.get("HF_HUB_OFFLINE") or os.environ.get("TRANSFORMERS_OFFLINE") or ""
    return choice.upper() in ("1", "ON", "YES", "TRUE")


def is_reachable() -> bool:
    """Whether the Hub answers within two seconds. Any HTTP answer counts, an error page too."""
    global _last_check
    if is_offline_by_choice():
        return False
    if _last_check is None or time.monotonic() - _last_check[0] > CHECK_AGAIN_AFTER:
        _last_check = (time.monotonic(), _answers())
    return _last_check[1]


def _answers() -> bool:
    request = urllib.request.Request(f"{endpoint()}/api/models?limit=1", method="HEAD")
    try:
        with urllib.request.urlopen(request, timeout=CHECK_SECONDS):
            return True
    except urllib.error.HTTPError:
        return True
    except (OSError, ValueError, http.client.HTTPException):  # no route, refused, too slow; no address; no HTTP
        return False


def _require_reachable(what: str, instead: str) -> None:
    if is_offline_by_choice():
        reason = "HF_HUB_OFFLINE is set and the cache does not hold all of it"
        raise Unavailable(could_not_load(what, reason, "Fetch it once without that setting", instead))
    if not is_reachable():
        reason = f"the Hub ({endpoint()}) cannot be reached"
        raise Unavailable(could_not_load(what, reason, "Check the connection and try again in a minute", instead))


@contextmanager
def _time_limit() -> Iterator[None]:
    """Within the block, requests of `huggingface_hub` time out after `HUB_SECONDS`.

    Its HTTP client is shared by the process and has no timeout of its own. A timeout that was set elsewhere stays."""
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
    """The Hub's metadata of a repository ("model" or "dataset"), its commit included. This request fails without
    retries."""
    from huggingface_hub import HfApi

    request = HfApi().model_info if kind == "model" else HfApi().dataset_info
    try:
        return request(name, timeout=HUB_SECONDS, **options)
    except json.JSONDecodeError as error:
        raise NotTheHub from error


@hub_quiet
@_limited
def fetch_model(
    repo: str, revision: str | None = None, on_bytes: Callable[[int, int], None] | None = None
) -> tuple[Path, str]:
    """The folder in the Hub cache that holds a model's configuration, tokenizer and weights, and its commit.

    Missing files are downloaded; `on_bytes(done, total)` is called as they arrive. If the Hub is out of reach or fails,
    the commit fetched last is used. A full commit id that is cached needs no request. Raises `Unavailable`."""
    what = f"the model {repo}@{revision}" if revision else f"the model {repo}"
    if revision and not REVISION.fullmatch(revision):
        reason, advice = "that is no name of a revision", "After the @ stands a branch, a tag or a commit"
        raise Unavailable(could_not_load(what, reason, advice, WITHOUT_MODEL))
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
    """The files among `names` that a model is loaded from. Raises `Unavailable` if a required part is missing."""
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
    """The cached snapshot of a revision; None if it is incomplete, as after a broken download."""
    from huggingface_hub import get_cached_repo_tree, try_to_load_from_cache
    from huggingface_hub.errors import CachedRepoTreeNotFoundError

    config = try_to_load_from_cache(repo, "config.json", revision=revision)
    if not isinstance(config, str):
        return None
    folder = Path(config).parent
    try:
        names = [file.path for file in get_cached_repo_tree(repo, revision=folder.name)]
    except CachedRepoTreeNotFoundError:  # written by an older library, which keeps no list of files
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
        reason = f"it has {size / 1e9:.1f} GB, and this app reads encoders of up to {MAX_MODEL_BYTES / 1e9:.0f} GB"
        raise Unavailable(could_not_load(what, reason, "Choose a smaller one", WITHOUT_MODEL))
    folder = snapshot_download(repo, revision=info.sha, allow_patterns=files, tqdm_class=_progress_class(on_bytes))
    _write_reference(Path(folder), revision or "main")
    return Path(folder)


def _write_reference(snapshot: Path, revision: str) -> None:
    """Point `revision` to this snapshot in the cache, as the library does when it fetches by revision.

    The reference is written after the download, so that a broken one leaves the previous commit in its place."""
    reference = snapshot.parent.parent / "refs" / revision
    if revision == snapshot.name or (reference.is_file() and reference.read_text() == snapshot.name):
        return
    with suppress(OSError):  # a read-only cache is still usable
        reference.parent.mkdir(parents=True, exist_ok=True)
        draft = reference.with_name(f"{reference.name}.{os.getpid()}.tmp")
        draft.write_text(snapshot.name)
        draft.replace(reference)


def _progress_class(on_bytes: Callable[[int, int], None] | None) -> type:
    """A progress bar class for `snapshot_download` that draws nothing and calls `on_bytes(done, total)`."""
    from huggingface_hub.utils import tqdm

    class Progress(tqdm):
        def __init__(self, *args, **kwargs):
            self.is_of_bytes = kwargs.get("name") == "huggingface_hub.snapshot_download"  # one of several bars
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
    """One split through `datasets`, at the Hub's current commit; if the Hub is out of reach or fails, as it was
    prepared last. Raises `Unavailable`."""
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
    """Whether `load_dataset` can succeed: the Hub has the data set, or it was prepared before."""
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
    """The data set as `datasets` prepared it last, which is the library's own fallback when it is offline. Its offline
    switches are not used: they would cut off the downloads of all other threads."""
    from datasets.packaged_modules.cache.cache import Cache

    _, _, short = name.rpartition("/")
    return Cache(dataset_name=short, repo_id=name, config_name=configuration, version="auto", hash="auto")
