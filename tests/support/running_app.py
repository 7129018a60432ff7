"""`python app.py` in a process of its own, for tests and pictures."""

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 90  # a bound for a slow machine, not an expectation


@contextlib.contextmanager
def running_app(home: Path, **environment: str) -> Iterator[str]:
    """The address of an app whose runs and caches are in `home`; it ends with the block."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    given = {name: value for name, value in os.environ.items() if name != "MINILM_DATA"}
    given |= {"MINILM_HOME": str(home), "GRADIO_SERVER_PORT": str(port)} | environment
    with (home / "log.txt").open("w") as log:
        process = subprocess.Popen([sys.executable, "app.py"], cwd=ROOT, env=given, stdout=log, stderr=log)
        try:
            _wait_for(f"http://127.0.0.1:{port}/healthz", process, home / "log.txt")
            yield f"http://127.0.0.1:{port}/"
        finally:
            process.terminate()
            process.wait(timeout=30)


def _wait_for(address: str, process: subprocess.Popen, log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:
                assert answer.status == 200
                return
        except OSError:
            time.sleep(0.3)
    raise RuntimeError(f"the app did not start:\n{log.read_text()}")
