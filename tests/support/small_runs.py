"""Shared by the tests of training: rows that a tiny encoder can learn, short runs, and processes to run them in."""

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

from minilm_demo import TrainConfig, finetune

ROOT = Path(__file__).resolve().parents[2]
NOUNS = ("movie", "film", "story", "plot", "actor", "scene", "music", "book")
WORDS = (("bad", "worst", "hate", "dull", "boring"), ("good", "great", "best", "love", "funny"))
ENOUGH_TO_HOLD_BACK = 520  # rows: 52 held-back rows choose the best checkpoint, 468 are trained on


def write_reviews(folder: Path, train: int, validation: int = 20) -> Path:
    """Write the two splits of sst2 to a folder: sentences of different lengths, whose one adjective determines the
    label."""
    folder.mkdir(parents=True, exist_ok=True)
    generator = random.Random(0)
    for split, number in (("train", train), ("validation", validation)):
        rows = []
        for index in range(number):
            words = ["the", generator.choice(NOUNS), "is", *["very"] * generator.randrange(8)]
            rows.append({"sentence": " ".join([*words, generator.choice(WORDS[index % 2])]), "label": index % 2})
        (folder / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return folder


def drain(task: str, **config) -> list:
    """All events of a fine-tune."""
    return list(finetune(task, TrainConfig(**config)))


def of(kind: type, events) -> list:
    """The events of this type."""
    return [event for event in events if isinstance(event, kind)]


def environment(**extra: str) -> dict[str, str]:
    """The environment of a subprocess: this package on its path, and one thread, since many processes share few
    cores."""
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return os.environ | {"PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"} | extra


def python(*arguments, timeout: float = 120, **options) -> subprocess.CompletedProcess:
    """Run this Python on `arguments` and capture its output."""
    command = [sys.executable, *map(str, arguments)]
    options = {"env": environment(), "cwd": ROOT, "capture_output": True, "text": True, "timeout": timeout} | options
    return subprocess.run(command, **options)


def wait_for(condition, timeout: float = 150):
    """The first true value of `condition()`. Raises `AssertionError` after `timeout` seconds."""
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.05)
    raise AssertionError(f"nothing happened for {timeout:g} s")
