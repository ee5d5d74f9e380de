"""Find out which precision a machine calculates fast with, and how much memory it has free."""

import os
from pathlib import Path

import torch

# What Linux calls the instructions for bfloat16 of x86 and ARM processors.
_INSTRUCTIONS = {"avx512_bf16", "amx_bf16", "bf16", "svebf16"}
_CPU = Path("/proc/cpuinfo")
_MEMORY = Path("/proc/meminfo")
# The limits of a container or of a batch system's job, version 2.
_LIMITS = Path("/sys/fs/cgroup")


def precision(choice: str, accelerator: str) -> str:
    """Translate a precision into Lightning's name.

    Args:
        choice: "32", "bf16", or "auto" for bfloat16 if the hardware has it.
        accelerator: "auto", "cpu", "cuda" and so on.
    """
    if choice == "32":
        return "32-true"
    if choice == "bf16" or _has_bf16(accelerator):
        return "bf16-mixed"
    return "32-true"


def tune() -> None:
    """Let GPUs choose the fastest convolutions, as windows have one size, and multiply in 19 bits."""
    torch.backends.cudnn.benchmark = True
    torch.set_float32_matmul_precision("high")


def free_memory() -> int:
    """Bytes of memory that are free or hold only copies of files."""
    try:
        lines = _MEMORY.read_text().splitlines()
        free = next(int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration):
        free = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    try:
        limit = int((_LIMITS / "memory.max").read_text())
        used = int((_LIMITS / "memory.current").read_text())
    except (OSError, ValueError):  # no limits, or "max"
        return free
    return min(free, max(limit - used, 0))


def _has_bf16(accelerator: str) -> bool:
    if accelerator != "cpu" and torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported())
    try:
        words = _CPU.read_text().split()
    except OSError:
        return False
    return not _INSTRUCTIONS.isdisjoint(words)
