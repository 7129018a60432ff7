"""plotly.js from the installed package `plotly`, which the page serves itself: it requests no other host."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from pathlib import Path

VERSION = importlib.metadata.version("plotly")


def plotly_js() -> bytes:
    """The script, about 5 MB. It sets `window.Plotly`."""
    package = Path(importlib.util.find_spec("plotly").origin).parent  # without importing it
    return (package / "package_data" / "plotly.min.js").read_bytes()
