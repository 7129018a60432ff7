"""The Hugging Face Hub: is it there, what is in its cache, and what its errors mean in one sentence.

The libraries retry an unreachable Hub for up to a minute. We ask once with a timeout of our own and go on from the
cache when there is no answer. Nothing is downloaded unless someone asked for it by name.
"""

from __future__ import annotations

import os
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from .errors import DemoError, Unavailable

PROBE_SECONDS = 2.0
PROBE_AGAIN_AFTER = 60.0  # seconds an answer is believed
_probe: tuple[float, bool] | None = None  # when, and whether the Hub answered


def endpoint() -> str:
    return os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")


def is_offline_by_choice() -> bool:
    return os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE")


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
    except (OSError, ValueError):  # no route, refused, name unknown, too slow; or an endpoint that is no address
        return False


def is_cached(repo: str) -> bool:
    """Whether a model's configuration and weights lie in the local Hub cache."""
    from huggingface_hub import try_to_load_from_cache

    has = [isinstance(try_to_load_from_cache(repo, name), str) for name in ("model.safetensors", "pytorch_model.bin")]
    return any(has) and isinstance(try_to_load_from_cache(repo, "config.json"), str)


def load_dataset(name: str, configuration: str | None, split: str):
    """One split through `datasets`, from its cache when the Hub is out of reach."""
    import datasets

    if not is_reachable():
        datasets.config.HF_HUB_OFFLINE = True
    datasets.disable_progress_bars()
    return datasets.load_dataset(name, configuration, split=split)


@contextmanager
def explained(what: str, local: bool = False) -> Iterator[None]:
    """Turn whatever the libraries raise while fetching `what` into one sentence a person can act on."""
    try:
        yield
    except DemoError:
        raise
    except Exception as error:  # the libraries raise dozens of types; every one becomes a sentence, none is hidden
        raise Unavailable(_sentence(what, error, local)) from error


def _sentence(what: str, error: Exception, local: bool) -> str:
    return f"Could not load {what}: {error}"
