"""The files of a finished run that people take away: its model, or the adapter of a LoRA run alone."""

from __future__ import annotations

import re
import unicodedata
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from ..errors import DataError
from ..results import FINAL
from .cards import adapter_card
from .jobs import JOBS
from .places import CARD
from .records import RunState


@dataclass(frozen=True)
class Packed:
    """The contents of a zip: files, and texts by their names."""

    name: str  # of the zip, without its suffix
    files: Sequence[Path]
    texts: dict[str, str]


def run_files(run: RunState) -> Packed:
    """The checkpoint of a finished run and its model card. Raises `DataError` for a run without one."""
    if run.status not in FINAL or not run.has_checkpoint:
        raise DataError("This run has no model to take away yet.")
    files = [*sorted((run.folder / "checkpoint").iterdir()), run.folder / CARD]
    return Packed(_name(run), [file for file in files if file.is_file()], {})


def has_adapter(folder: Path) -> bool:
    return (folder / "adapter" / "adapter_config.json").is_file()


def adapter_files(run: RunState) -> Packed:
    """The adapter of a finished LoRA run, and a card that says how it is loaded. Raises `DataError` for another run."""
    if run.status not in FINAL or not has_adapter(run.folder) or run.result is None:
        raise DataError("This run has no adapter to take away: only a finished run with the method lora has one.")
    weights = [file for file in sorted((run.folder / "adapter").iterdir()) if file.is_file() and file.name != CARD]
    return Packed(f"{_name(run)}-adapter", weights, {CARD: adapter_card(run.record, run.result)})


def write_zip(place: IO[bytes] | Path, packed: Packed) -> None:
    """Write the zip to a file."""
    with zipfile.ZipFile(place, "w", zipfile.ZIP_STORED) as archive:  # weights do not shrink
        for source in packed.files:
            archive.write(source, source.name)
        for name, text in packed.texts.items():
            archive.writestr(name, text)


def _name(run: RunState) -> str:
    """The name that a person gave, in plain letters; else the task, or "student"."""
    plain = unicodedata.normalize("NFKD", run.record.name).encode("ascii", "ignore").decode()
    named = "-".join(re.findall(r"[a-z0-9]+", plain.lower()))
    kind = "student" if JOBS[run.record.job].makes == "distilled" else run.record.task
    return f"minilm-{named or kind}"
