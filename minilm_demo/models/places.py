"""The folders for runs, caches and uploads on this machine."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path


def home() -> Path:
    """The folder for runs and caches: `MINILM_HOME`, else a folder in the user's cache."""
    if path := os.environ.get("MINILM_HOME"):
        return Path(path).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "minilm-demo"


def runs_root() -> Path:
    return home() / "runs"


def uploads_root() -> Path:
    """The folder for visitors' files: `GRADIO_TEMP_DIR`, else one below `home()`. Gradio's own default is a folder that
    all users of the machine share, and that belongs to the first of them."""
    return Path(os.environ.get("GRADIO_TEMP_DIR") or home() / "uploads").expanduser()


def require_writable(folder: Path) -> None:
    """Make the folder if it is not there, for its owner alone, and write a file in it. Raises `OSError` if that
    fails."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    attempt = folder / f".{secrets.token_hex(8)}"
    try:
        attempt.write_bytes(b"?")
    finally:
        with contextlib.suppress(OSError):  # it was not made
            attempt.unlink()


def not_writable(folder: Path, error: OSError) -> str:
    """Sentences on a folder for which `require_writable` raised: what is wrong, and what to do."""
    setting = "GRADIO_TEMP_DIR" if folder == uploads_root() and os.environ.get("GRADIO_TEMP_DIR") else "MINILM_HOME"
    return (
        f"{folder} cannot be written: {error.strerror}. Make room in it or take over its rights, or set {setting} to a "
        "folder of your own."
    )
