"""Device, threads and precision for computing on this machine."""

from __future__ import annotations

import time
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def pick_device() -> torch.device:
    """The GPU if there is one, else the CPU."""
    import torch

    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def count_threads() -> int:
    """The number of threads of a matrix product."""
    import torch

    return torch.get_num_threads()


@cache
def pick_precision() -> str:
    """The precision of training: "bf16" where the hardware multiplies bf16 matrices, and faster than float32, else
    "fp32".

    A CPU is measured: with AMX, bf16 is several times faster; with AVX512_BF16 alone it may be twice as fast, or take
    twice as long."""
    import torch

    if torch.cuda.is_available():
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    features = torch.cpu.get_capabilities()
    if not (features.get("amx_bf16") or features.get("avx512_bf16")):
        return "fp32"
    return "bf16" if product_seconds(torch.bfloat16) < product_seconds(torch.float32) else "fp32"


def product_seconds(dtype: torch.dtype, rounds: int = 12) -> float:
    """Seconds of a matrix product as large as a batch's in MiniLM's feed-forward layer: the fastest of `rounds`."""
    import torch

    rows, weights = torch.randn(1024, 384, dtype=dtype), torch.randn(1536, 384, dtype=dtype)
    seconds = []
    for _ in range(rounds):
        start = time.perf_counter()
        torch.nn.functional.linear(rows, weights)
        seconds.append(time.perf_counter() - start)
    return min(seconds)
