"""The environment of the server: what Gradio and httpx read from it is set here, before the page is built."""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable

from .. import models

LOOPBACK = ("localhost", "127.0.0.1", "::1")
_EVERYWHERE = ("", "0.0.0.0", "::")  # hosts to listen on, not to ask


def prepare(host: str | None = None) -> None:
    """Let the server reach itself without a proxy, and give uploads a folder. What the user has set stays.

    `host` is the name that the server listens on; by default Gradio's own, `GRADIO_SERVER_NAME`."""
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    _reach_directly((*LOOPBACK, host or os.environ.get("GRADIO_SERVER_NAME", "")))
    os.environ["GRADIO_TEMP_DIR"] = _uploads_folder()


def _reach_directly(hosts: Iterable[str]) -> None:
    """Add the hosts to NO_PROXY. Gradio asks its own address at the start, and with a proxy it would ask that.

    Programs read one spelling or the other, so both get the hosts of both."""
    given = [os.environ.get(name, "").split(",") for name in ("NO_PROXY", "no_proxy")]
    reached = [host.strip() for names in given for host in names if host.strip()]
    if "*" in reached:
        reached = ["*"]  # no host is asked through a proxy; beside other hosts the star would be one of them
    else:
        reached += [host for host in hosts if host not in _EVERYWHERE]
    for name in ("NO_PROXY", "no_proxy"):
        os.environ[name] = ",".join(dict.fromkeys(reached))


def _uploads_folder() -> str:
    """The folder for visitors' files; a fresh one, which is said, if that cannot be written: Gradio does not start
    without."""
    folder = models.uploads_root()
    try:
        models.require_writable(folder)
    except OSError as error:
        fresh = tempfile.mkdtemp(prefix="minilm-demo-uploads-")
        atexit.register(shutil.rmtree, fresh, ignore_errors=True)
        print(f"{models.not_writable(folder, error)} Until then uploads are kept in {fresh}.", file=sys.stderr)
        return fresh
    return str(folder)
