"""Where runs and caches live on this machine, and what the id of a run looks like."""

from __future__ import annotations

import os
import re
from pathlib import Path

RUN_ID = re.compile(r"[a-z0-9_]+-[A-Za-z0-9_-]{16,}")


def home() -> Path:
    """Where runs and caches live: `MINILM_HOME`, else a folder in the user's cache."""
    if path := os.environ.get("MINILM_HOME"):
        return Path(path).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "minilm-demo"


def runs_root() -> Path:
    return home() / "runs"
