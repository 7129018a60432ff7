"""Errors of the Hugging Face Hub as sentences: the reason, and what to do."""

from __future__ import annotations

import errno
import json
import os
import pickle
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

from ..errors import DemoError, Unavailable

COMMIT = re.compile(r"[0-9a-f]{40}")
HUB_SECONDS = 10.0  # timeout of a request, after the Hub passed the reachability check
WITHOUT_MODEL = "the bundled checkpoint works without the Hub"
WITHOUT_DATA = "the bundled sample works without the Hub"
INCOMPLETE = "Complete it or choose another one"


def endpoint() -> str:
    return os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")


class NotTheHub(Exception):
    """Another server answered: the login page of a network, a proxy, a wrong HF_ENDPOINT."""


@contextmanager
def explained(what: str, instead: str = WITHOUT_MODEL) -> Iterator[None]:
    """Turn every error of the libraries while loading `what` into an `Unavailable` with one sentence for people, which
    ends with `instead`."""
    try:
        yield
    except DemoError:
        raise
    except Exception as error:  # the libraries raise dozens of types; each becomes a sentence, none is hidden
        raise Unavailable(_sentence(what, error, instead)) from error


def could_not_load(what: str, reason: str, advice: str, instead: str) -> str:
    return f"Could not load {what}: {reason}. {'; '.join(filter(None, (advice, instead)))}."


def _sentence(what: str, error: Exception, instead: str) -> str:
    chain = list(_chain(error))
    for matches, reason, advice in _meanings():
        for cause in chain:
            if matches(cause):
                facts = {"status": _status(cause), "wait": _wait(cause), "seconds": f"{HUB_SECONDS:g}"}
                return could_not_load(what, reason.format(**facts), advice.format(**facts), instead)
    first_line = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return could_not_load(what, first_line[:200].rstrip("."), "", instead[:1].upper() + instead[1:])


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error and its causes: the libraries wrap the original error, or raise another one while handling it."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


@cache
def _meanings() -> list[tuple[Callable[[BaseException], bool], str, str]]:
    """Rows of (test of an error, reason, advice). The first row that matches any error of the chain is used."""
    from huggingface_hub import errors as hub
    from huggingface_hub.utils import httpx
    from safetensors import SafetensorError

    return [
        (
            _is(hub.GatedRepoError, text="is a gated dataset"),
            "its owner restricts it",
            "Accept its terms on its Hub page and log in with `hf auth login`",
        ),
        (
            _is(hub.RevisionNotFoundError, text="^Revision '.*' doesn't exist"),
            "the Hub has no such revision of it",
            "Check what stands after the @",
        ),
        (
            _is(hub.RepositoryNotFoundError, text="doesn't exist on the Hub or cannot be accessed"),
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
            _is(NotTheHub, hub.FileMetadataError),
            "what answers is not the Hub but perhaps a login page or a proxy",
            "Check the connection and HF_ENDPOINT",
        ),
        (
            _is(httpx.TimeoutException, TimeoutError),
            "the Hub is too slow, {seconds} s without an answer",
            "Try again later",
        ),
        (
            _is(httpx.RemoteProtocolError, httpx.ReadError, hub.XetDownloadError, text="Consistency check failed"),
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
            _is(text="(?i)unsupported (global|class)"),
            "its weights are a pickle with code in it, which is never run here",
            "Choose one with safetensors",
        ),
        (
            _is(SafetensorError, pickle.UnpicklingError, EOFError, text="PytorchStreamReader|unexpected EOF"),
            "its weight file is damaged or cut off",
            "Copy or fetch it again",
        ),
        (
            _is(json.JSONDecodeError, UnicodeDecodeError, text="`model_type` key"),
            "its config.json or a tokenizer file is damaged",
            "Copy or fetch it again",
        ),
        (
            _is(FileNotFoundError, hub.EntryNotFoundError),
            "one of its files is missing",
            "Copy or fetch it again",
        ),
        (_is(MemoryError, text="can't allocate memory|out of memory"), "the memory is full", "End other programs"),
    ]


def _is(*classes: type, text: str = "") -> Callable[[BaseException], bool]:
    """A test whether an error is of one of the classes, or its text matches the pattern `text`."""
    return lambda error: isinstance(error, classes) or bool(text and re.search(text, str(error)))


def _has_status(*statuses: int) -> Callable[[BaseException], bool]:
    return lambda error: _status(error) in statuses


def _status(error: BaseException) -> int:
    return getattr(getattr(error, "response", None), "status_code", 0)


def _wait(error: BaseException) -> str:
    """The waiting time of a rate limit in words: "12 s", or "a minute" where the Hub does not say."""
    from huggingface_hub.utils import parse_ratelimit_headers

    headers = getattr(getattr(error, "response", None), "headers", {})
    limit = parse_ratelimit_headers(headers)
    seconds = str(limit.reset_in_seconds) if limit else headers.get("retry-after", "")
    return f"{seconds} s" if seconds.isdecimal() else "a minute"
