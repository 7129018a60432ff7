"""The device and the precision of this machine."""

from __future__ import annotations

import time
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def pick_device() -> torch.device:
    import torch

    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def count_threads() -> int:
    """How many threads a matrix product may use here."""
    import torch

    return torch.get_num_threads()


@cache
def pick_precision() -> str:
    """ "bf16" where the machine multiplies bf16 matrices in hardware, and faster than float32; else "fp32".

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
    """How long a product takes, of the size of a batch's in MiniLM's feed-forward layer: the fastest of the rounds."""
    import torch

    rows, weights = torch.randn(1024, 384, dtype=dtype), torch.randn(1536, 384, dtype=dtype)
    seconds = []
    for _ in range(rounds):
        began = time.perf_counter()
        torch.nn.functional.linear(rows, weights)
        seconds.append(time.perf_counter() - began)
    return min(seconds)
