"""What a machine calculates fast with."""

from pathlib import Path

import torch

# What Linux calls the instructions for bfloat16 of x86 and ARM processors.
_INSTRUCTIONS = {"avx512_bf16", "amx_bf16", "bf16", "svebf16"}


def precision(asked: str, accelerator: str) -> str:
    """Lightning's name of a precision.

    Args:
        asked: "32", "bf16", or "auto" for bfloat16 where the hardware has it.
        accelerator: "auto", "cpu", "cuda" and so on.
    """
    if asked == "32":
        return "32-true"
    if asked == "bf16" or _has_bf16(accelerator):
        return "bf16-mixed"
    return "32-true"


def _has_bf16(accelerator: str) -> bool:
    if accelerator != "cpu" and torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported())
    try:
        words = Path("/proc/cpuinfo").read_text().split()
    except OSError:
        return False
    return not _INSTRUCTIONS.isdisjoint(words)
