"""The origin of a checkpoint, in a file beside its weights, so that a copy or a zip of the folder includes it.

    origin.json    {"how": "tuned" | "distilled", "base": name, "of_bundled": bool, "recipe": name of a distillation}

Only this module decides whether a checkpoint was made from the bundled model.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from ..errors import DemoError
from ..results import from_dict
from ..tasks import Task
from .catalog import BUNDLED_REPO, CATALOG, default_checkpoint
from .location import Location, bundled_or_none, locate

FILE = "origin.json"
NOT_PUBLIC = "an earlier run or folder"  # the file is copied with the weights, and the id of a run grants access to it


@dataclass(frozen=True)
class SavedOrigin:
    """The origin of a checkpoint, as in origin.json."""

    how: str  # "tuned" (further training of `base`) | "distilled" (`base` is the teacher)
    base: str  # a name of the catalog or of the Hub, else `NOT_PUBLIC`
    of_bundled: bool  # whether it was made from the bundled model, over any number of runs
    recipe: str = ""  # of a distillation


def write_origin(folder: str | Path, base: Location, how: str, recipe: str = "") -> None:
    """Write origin.json beside the weights in `folder`, which were made from `base`. Raises `OSError`."""
    text = json.dumps(asdict(_origin(base, how, recipe)), ensure_ascii=False)
    (Path(folder) / FILE).write_text(text + "\n", encoding="utf-8")


def read_origin(folder: str | Path) -> SavedOrigin | None:
    """The origin of the weights in `folder`, from its origin.json, else from the run.json in the folder above. None
    without either."""
    file, record = Path(folder) / FILE, Path(folder).parent / "run.json"
    if file.is_file():
        try:
            return from_dict(SavedOrigin, json.loads(file.read_text(encoding="utf-8")))
        except (AttributeError, TypeError, ValueError):  # another program's file of that name
            return None
    if not record.is_file():
        return None
    config = json.loads(record.read_text(encoding="utf-8")).get("config", {})
    how, recipe = ("distilled", config.get("recipe", "")) if "teacher" in config else ("tuned", "")
    base = config.get("checkpoint") or config.get("teacher") or default_checkpoint()
    try:
        return _origin(locate(base), how, recipe)
    except DemoError:  # the base no longer exists
        return SavedOrigin(how, NOT_PUBLIC, of_bundled=False, recipe=recipe)


def is_made_of_bundled(location: Location) -> bool:
    """Whether a checkpoint is the bundled one or was made from it, over any number of runs."""
    if location.is_skill or location.place in (str(bundled_or_none()), BUNDLED_REPO):
        return True
    origin = None if location.on_hub else read_origin(location.place)
    return origin is not None and origin.of_bundled


def seen_by_base(location: Location, task: Task) -> str:
    """The part of this task's data that the bundled model was trained on, in words; "" for a checkpoint not made from
    that model."""
    return task.seen_by_bundled if is_made_of_bundled(location) else ""


def _origin(base: Location, how: str, recipe: str) -> SavedOrigin:
    in_catalog = base.name in CATALOG and locate(base.name).place == base.place
    name = base.name if in_catalog else base.place if base.on_hub else NOT_PUBLIC
    return SavedOrigin(how, name, is_made_of_bundled(base), recipe)
