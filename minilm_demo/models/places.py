"""The folders for runs and caches on this machine."""

from __future__ import annotations

import os
from pathlib import Path


def home() -> Path:
    """The folder for runs and caches: `MINILM_HOME`, else a folder in the user's cache."""
    if path := os.environ.get("MINILM_HOME"):
        return Path(path).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "minilm-demo"


def runs_root() -> Path:
    return home() / "runs"
