"""Where a checkpoint comes from, kept in a file beside its weights: the file goes where they go, into a copy or a zip.

    origin.json    {"how": "tuned" | "distilled", "base": name, "of_bundled": bool, "recipe": name of a distillation}

The one place that answers whether a checkpoint was made of the bundled model.
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
NOT_PUBLIC = "an earlier run or folder"  # the file travels, and the id of a run is the key to it


@dataclass(frozen=True)
class SavedOrigin:
    """How a checkpoint came to be, as origin.json says it."""

    how: str  # "tuned" (further training of `base`) | "distilled" (`base` is the teacher)
    base: str  # a name of the catalog or of the Hub, else `NOT_PUBLIC`
    of_bundled: bool  # whether the bundled model stands behind it, over any number of runs
    recipe: str = ""  # of a distillation


def write_origin(folder: str | Path, base: Location, how: str, recipe: str = "") -> None:
    """Write origin.json beside the weights in `folder`, which were made of `base`. Raises `OSError`."""
    text = json.dumps(asdict(_made_of(base, how, recipe)), ensure_ascii=False)
    (Path(folder) / FILE).write_text(text + "\n", encoding="utf-8")


def read_origin(folder: str | Path) -> SavedOrigin | None:
    """The origin of the weights in `folder`; of a run without origin.json what the run.json above the folder says. None
    where neither is known."""
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
        return _made_of(locate(base), how, recipe)
    except DemoError:  # what it was made of is gone
        return SavedOrigin(how, NOT_PUBLIC, of_bundled=False, recipe=recipe)


def is_made_of_bundled(location: Location) -> bool:
    """Whether a checkpoint is the bundled one or came from it, over any number of runs."""
    if location.is_skill or location.place in (str(bundled_or_none()), BUNDLED_REPO):
        return True
    origin = None if location.on_hub else read_origin(location.place)
    return origin is not None and origin.of_bundled


def seen_by_base(location: Location, task: Task) -> str:
    """What the bundled model's own training had seen of this task's data; "" for a checkpoint not made of it."""
    return task.seen_by_bundled if is_made_of_bundled(location) else ""


def _made_of(base: Location, how: str, recipe: str) -> SavedOrigin:
    of_catalog = base.name in CATALOG and locate(base.name).place == base.place
    name = base.name if of_catalog else base.place if base.on_hub else NOT_PUBLIC
    return SavedOrigin(how, name, is_made_of_bundled(base), recipe)
