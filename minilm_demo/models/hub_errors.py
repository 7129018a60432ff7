"""Errors of the Hugging Face Hub as sentences: what came, what it means, what to do."""

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
HUB_SECONDS = 10.0  # for a request to a Hub that answered the probe
WITHOUT_MODEL = "the bundled checkpoint works without the Hub"
WITHOUT_DATA = "--data sample works without the Hub"
INCOMPLETE = "Complete it or choose another one"


def endpoint() -> str:
    return os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")


class NotTheHub(Exception):
    """Something else answered: the login page of a network, a proxy, a wrong HF_ENDPOINT."""


@contextmanager
def explained(what: str, instead: str = WITHOUT_MODEL) -> Iterator[None]:
    """Turn whatever the libraries raise while loading `what` into one line a person can act on; `instead` ends it."""
    try:
        yield
    except DemoError:
        raise
    except Exception as error:  # the libraries raise dozens of types; every one becomes a line, none is hidden
        raise Unavailable(_sentence(what, error, instead)) from error


def could_not_load(what: str, came: str, do: str, instead: str) -> str:
    return f"Could not load {what}: {came}. {'; '.join(filter(None, (do, instead)))}."


def _sentence(what: str, error: Exception, instead: str) -> str:
    chain = list(_chain(error))
    for matches, came, do in _meanings():
        for one in chain:
            if matches(one):
                facts = {"status": _status(one), "wait": _wait(one), "seconds": f"{HUB_SECONDS:g}"}
                return could_not_load(what, came.format(**facts), do.format(**facts), instead)
    first = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return could_not_load(what, first[:200].rstrip("."), "", instead[:1].upper() + instead[1:])


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
