"""Processes for runs, which start with the worker's imports done."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

_FORK_SERVER = threading.Lock()  # two threads would restore each other's PYTHONPATH


def worker_context() -> multiprocessing.context.BaseContext:
    """The context for processes of runs. On Linux and macOS they are forked from a server with the worker's imports,
    which is started here unless it runs.

    The children run `__main__` again under another name; therefore app.py does everything under its guard."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    from multiprocessing import forkserver  # Windows has none

    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["minilm_demo.runs.worker"])
    with _FORK_SERVER, _package_on_path():
        forkserver.ensure_running()
    return context


@contextlib.contextmanager
def _package_on_path() -> Iterator[None]:
    """Within the block, PYTHONPATH includes this package: the fork server of Python 3.11 imports from PYTHONPATH and
    its working directory, not from our sys.path."""
    before = os.environ.get("PYTHONPATH")
    paths = [path for path in (before or "").split(os.pathsep) if path]
    os.environ["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).resolve().parents[2]), *paths])
    try:
        yield
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before


def warm_up() -> float:
    """Start the fork server, so that the first run does not wait for imports; returns the seconds it took."""
    start = time.perf_counter()
    process = worker_context().Process(target=os.getpid, daemon=True)
    process.start()
    process.join()
    return time.perf_counter() - start
