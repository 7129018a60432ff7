"""The checks of the command `doctor`, to be run before class: what is available on this machine, one sentence each."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

from .. import models
from ..data import local_sources, sample_source
from ..errors import DemoError, Unavailable
from ..models import hub
from ..runs import versions
from ..tasks import TASKS

MIN_FREE_GIGABYTES = 2.0  # a few runs of 90 MB each
MIN_MEMORY_GIGABYTES = 2.0


@dataclass(frozen=True)
class Check:
    """The outcome of one check."""

    name: str
    ok: bool
    needed: bool  # whether a class needs it
    says: str  # one sentence: what was found, or why the check failed


def examine() -> list[Check]:
    """Run all checks; the machine, the weights and the Hub are tested, not only looked up."""
    folders = [_folder("runs folder", models.home), _folder("uploads folder", models.uploads_root)]
    checks = [_packages(), _machine(), *folders, _bundled(), _skills(), _sample()]
    return [*checks, _mirror(), _hub(), *_catalog()]


def _check(name: str, needed: bool, find: Callable[[], str]) -> Check:
    """The outcome of `find`: ok with the sentence it returns, or failed with the error it raises."""
    try:
        return Check(name, True, needed, find())
    except (DemoError, OSError, ImportError) as error:
        return Check(name, False, needed, str(error))
    except Exception as error:  # a damaged installation may raise anything; the other checks still run
        return Check(name, False, needed, f"{type(error).__name__}: {' '.join(str(error).split())[:200]}")


def _packages() -> Check:
    installed = versions()
    missing = [name for name in ("torch", "transformers", "gradio") if name not in installed]
    says = ", ".join(f"{name} {version}" for name, version in installed.items())
    return Check("packages", not missing, True, says if not missing else f"missing: {', '.join(missing)}")


def _machine() -> Check:
    def find() -> str:
        free = psutil.virtual_memory().available / 1e9
        says = (
            f"{platform.machine()}, {os.cpu_count()} cores, {models.count_threads()} threads, "
            f"{free:.1f} GB of memory free, device {models.pick_device()}, training in {models.pick_precision()}"
        )
        if free < MIN_MEMORY_GIGABYTES:
            raise Unavailable(f"{says}; {MIN_MEMORY_GIGABYTES:g} GB of memory are needed")
        return says

    return _check("machine", True, find)


def _folder(name: str, place: Callable[[], Path]) -> Check:
    """Whether a folder can be written, and has room."""

    def find() -> str:
        folder = place()
        try:
            models.require_writable(folder)
        except OSError as error:
            raise Unavailable(models.not_writable(folder, error)) from error
        free = shutil.disk_usage(folder).free / 1e9
        if free < MIN_FREE_GIGABYTES:
            raise OSError(f"only {free:.1f} GB free in {folder}; {MIN_FREE_GIGABYTES:g} GB are needed")
        return f"{folder}, {free:.0f} GB free"

    return _check(name, True, find)


def _bundled() -> Check:
    def find() -> str:
        models.verify_bundled()
        checkpoint = models.load_checkpoint("bundled")
        weights = sum(parameter.numel() for parameter in checkpoint.model.parameters())
        return f"all-MiniLM-L6-v2 verified and loaded, {weights:,} weights"

    return _check("bundled", True, find)


def _skills() -> Check:
    def find() -> str:
        shipped = [entry for entry in models.CATALOG.values() if entry.is_skill]
        if not shipped:
            raise Unavailable("none here; the Predict tab answers once a model is trained")
        return ", ".join(f"{entry.name} ({', '.join(entry.tasks)})" for entry in shipped)

    return _check("skills", False, find)


def _sample() -> Check:
    def find() -> str:
        rows = {name: len(sample_source(task).read("train")) for name, task in TASKS.items()}
        return ", ".join(f"{name} {count}" for name, count in rows.items())

    return _check("sample rows", True, find)


def _mirror() -> Check:
    def find() -> str:
        mirrored = [name for name, task in TASKS.items() if "mirror" in local_sources(task)]
        if not mirrored:
            raise Unavailable("none; set MINILM_DATA to a folder with glue/<task>/…")
        return f"MINILM_DATA has {', '.join(mirrored)}"

    return _check("local mirror", False, find)


def _hub() -> Check:
    def find() -> str:
        if hub.is_offline_by_choice():
            raise Unavailable("switched off by HF_HUB_OFFLINE")
        if not hub.is_reachable():
            raise Unavailable("not reachable; the app works without it")
        return "reachable"

    return _check("Hub", False, find)


def _catalog() -> list[Check]:
    return [_fetched(entry) for entry in models.CATALOG.values() if entry.repo]


def _fetched(entry: models.CatalogEntry) -> Check:
    def find() -> str:
        if not models.is_on_disk(entry):
            raise Unavailable(f"fetch {entry.megabytes} MB ({entry.repo})")
        return "on disk"

    return _check(entry.name, False, find)
