"""The files that come with the code: `assets/` and `examples/datasets/`."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def shipped(place: str) -> Path:
    """The path of a file or folder that comes with the code, like `shipped("assets/page.css")`.

    A checkout has these folders beside the package; the wheel puts them into it (pyproject.toml)."""
    root = _PACKAGE if (_PACKAGE / "assets").is_dir() else _PACKAGE.parent
    return root / place
