"""Device, threads and precision for computing on this machine."""

from __future__ import annotations

import json
import math
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from .places import home

if TYPE_CHECKING:
    import torch

CLEARLY_FASTER = 1.2  # times; below that, bf16 is not worth its lower precision
LOCK_SECONDS = 60  # that a process waits for another one to measure


def pick_device() -> torch.device:
    """The GPU if there is one, else the CPU."""
    import torch

    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def count_threads() -> int:
    """The number of threads of a matrix product."""
    import torch

    return torch.get_num_threads()


@dataclass(frozen=True)
class Precision:
    """The precision of training, and why it is the one for this machine."""

    name: str  # "bf16" | "fp32"
    reason: str


def pick_precision() -> str:
    """The precision of training on this machine: "bf16" or "fp32"."""
    return choose_precision().name


@cache
def choose_precision() -> Precision:
    """bf16 where the hardware multiplies bf16 matrices, and clearly faster than float32, else fp32.

    A CPU is measured: with AMX, bf16 is several times faster; with AVX512_BF16 alone it may be twice as fast, or take
    twice as long. The measurement is kept in `home()`, so that every later run on this machine has the same precision
    and, with the same seed, the same curve."""
    import torch

    if torch.cuda.is_available():
        if torch.cuda.is_bf16_supported(including_emulation=False):
            return Precision("bf16", "the GPU multiplies bf16 matrices")
        return Precision("fp32", "the GPU has no bf16 products")
    features = torch.cpu.get_capabilities()
    if not (features.get("amx_bf16") or features.get("avx512_bf16")):
        return Precision("fp32", "this processor has no bf16 products")
    seconds = _seconds_on_record({"processor": features.get("cpu_name", ""), "torch": torch.__version__})
    speedup = seconds["fp32"] / seconds["bf16"]
    name = "bf16" if speedup >= CLEARLY_FASTER else "fp32"
    return Precision(name, f"when this machine was measured, bf16 was {speedup:.1f} times as fast as fp32")


def _seconds_on_record(machine: dict[str, str]) -> dict[str, float]:
    """`product_seconds` of bf16 and fp32, measured once for this processor and this version of torch.

    The first of several processes measures, the others wait. A file that is damaged or of another machine is replaced;
    where none can be written, each process measures."""
    import filelock

    file = home() / "precision.json"
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(file.with_suffix(".lock"), timeout=LOCK_SECONDS):
            if (seconds := _read_seconds(file, machine)) is None:
                seconds = product_seconds()
                file.with_suffix(".new").write_text(json.dumps({**machine, "seconds": seconds}), encoding="utf-8")
                file.with_suffix(".new").replace(file)
            return seconds
    except (OSError, filelock.Timeout):
        return _read_seconds(file, machine) or product_seconds()


def _read_seconds(file: Path, machine: dict[str, str]) -> dict[str, float] | None:
    """The seconds in the file; None if there are none of this machine."""
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
        seconds = {name: float(record["seconds"][name]) for name in ("bf16", "fp32")}
        is_usable = all(math.isfinite(value) and value > 0 for value in seconds.values())
        return seconds if is_usable and all(record[name] == value for name, value in machine.items()) else None
    except (OSError, ValueError, TypeError, KeyError):
        return None


def product_seconds(rounds: int = 24) -> dict[str, float]:
    """Seconds of a matrix product as large as a batch's in MiniLM's feed-forward layer, in bf16 and in fp32: the
    fastest of `rounds`. The two take turns, so that other programs slow down both."""
    import torch

    dtypes = {"bf16": torch.bfloat16, "fp32": torch.float32}
    rows, weights = torch.ones(1024, 384), torch.ones(1536, 384)  # no random number of a run is used up
    factors = {name: (rows.to(dtype), weights.to(dtype)) for name, dtype in dtypes.items()}
    fastest = dict.fromkeys(dtypes, math.inf)
    for _ in range(rounds):
        for name, pair in factors.items():
            start = time.perf_counter()
            torch.nn.functional.linear(*pair)
            fastest[name] = min(fastest[name], time.perf_counter() - start)
    return fastest
