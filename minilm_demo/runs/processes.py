"""Processes for runs, with the worker's imports done before they start."""

from __future__ import annotations

import multiprocessing
import os
import time
from pathlib import Path


def worker_context() -> multiprocessing.context.BaseContext:
    """Processes that start with the worker's imports done: forked from a server that has them (Linux, macOS).

    The children run `__main__` again under another name; that is why app.py does everything under its guard."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    # The fork server of Python 3.11 looks for what it imports here and in its working directory, not in our sys.path.
    here, *paths = str(Path(__file__).resolve().parents[2]), *os.environ.get("PYTHONPATH", "").split(os.pathsep)
    if here not in paths:
        os.environ["PYTHONPATH"] = os.pathsep.join([here, *filter(None, paths)])
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["minilm_demo.runs.worker"])
    return context


def warm_up() -> float:
    """Start the fork server, so that the first run does not wait for imports. Seconds it took."""
    started = time.perf_counter()
    process = worker_context().Process(target=os.getpid, daemon=True)
    process.start()
    process.join()
    return time.perf_counter() - started
