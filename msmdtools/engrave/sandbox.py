"""Running LilyPond on sources that nobody has read: with limits, and in a sandbox where there is one.

A LilyPond source is a program. It runs with a time limit, limits on memory and output, an empty
environment, and, with bubblewrap, without network, seeing nothing but the engine, the system's libraries
and fonts, and its own folder, which is the only place it can write to.
"""

import ctypes
import functools
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

SYSTEM_FOLDERS = ("/usr", "/lib", "/lib64", "/bin", "/etc/fonts", "/var/cache/fontconfig")
LOG_BYTES = 8 << 20
POLL_S = 0.02
LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


@dataclass(frozen=True, slots=True)
class Limits:
    """What one run of the engraver may use: wall-clock seconds, address space, and bytes written."""

    timeout_s: float = 600
    memory_bytes: int = 4 << 30
    output_bytes: int = 256 << 20


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended.

    Attributes:
        returncode: exit status; negative for a signal.
        stopped: "" or the limit that stopped it: "timeout" or "output-limit".
        log: what it printed, at most `LOG_BYTES`.
    """

    returncode: int
    stopped: str
    log: str


@functools.cache
def sandbox_available() -> bool:
    """Whether bubblewrap is installed and the system lets it make a sandbox."""
    program = shutil.which("bwrap")
    if program is None:
        return False
    trial = [program, "--ro-bind", "/", "/", "--unshare-all", "--die-with-parent", "true"]
    try:
        return subprocess.run(trial, capture_output=True, timeout=20, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def run_limited(
    command: Sequence[str | Path],
    folder: Path,
    *,
    readable: Sequence[Path],
    environment: Mapping[str, str],
    limits: Limits,
    sandbox: bool,
) -> Outcome:
    """Run `command` in `folder`, the only place it may write to, and wait for its end.

    Args:
        command: program and arguments, absolute paths.
        folder: working folder; must exist.
        readable: what it may read beside the system's own libraries and fonts.
        environment: its whole environment.
        limits: see `Limits`; memory and file size are also enforced by the kernel.
        sandbox: whether to run it in bubblewrap.
    """
    arguments = [str(part) for part in command]
    if sandbox:
        arguments = _sandboxed(arguments, folder, readable, environment)
    log_path = folder.parent / f"{folder.name}.log"

    def limit() -> None:
        # A killed worker takes its engraver with it (prctl PR_SET_PDEATHSIG; Linux only).
        if LIBC is not None:
            LIBC.prctl(1, signal.SIGKILL)
        resource.setrlimit(resource.RLIMIT_AS, (limits.memory_bytes, limits.memory_bytes))
        resource.setrlimit(resource.RLIMIT_FSIZE, (limits.output_bytes, limits.output_bytes))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    with open(log_path, "wb") as log:
        # preexec_fn is safe here: workers have one thread.
        process = subprocess.Popen(
            arguments,
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=limit,  # noqa: PLW1509
        )
        try:
            stopped = _watch(process, folder, log_path, limits)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
    with open(log_path, "rb") as printed:
        text = printed.read(LOG_BYTES).decode("utf-8", errors="replace")
    log_path.unlink()
    return Outcome(process.returncode, stopped, text)


def _watch(process: subprocess.Popen[bytes], folder: Path, log: Path, limits: Limits) -> str:
    """Wait for the end of the process or of a limit, and say which limit."""
    start = time.monotonic()
    next_look = start + 1
    while True:
        try:
            process.wait(POLL_S if time.monotonic() - start < 2 else 10 * POLL_S)
            return ""
        except subprocess.TimeoutExpired:
            now = time.monotonic()
        if now - start > limits.timeout_s:
            return "timeout"
        if now > next_look:
            next_look = now + 0.5
            written = sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())
            if written + log.stat().st_size > limits.output_bytes:
                return "output-limit"


def _sandboxed(
    command: Sequence[str], folder: Path, readable: Sequence[Path], environment: Mapping[str, str]
) -> list[str]:
    prefix = ["bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--clearenv"]
    for name, value in environment.items():
        prefix += ["--setenv", name, value]
    for path in SYSTEM_FOLDERS:
        if os.path.islink(path):
            prefix += ["--symlink", os.readlink(path), path]
        elif os.path.exists(path):
            prefix += ["--ro-bind", path, path]
    prefix += ["--proc", "/proc", "--dev", "/dev"]
    for place in readable:
        prefix += ["--ro-bind", str(place), str(place)]
    return [*prefix, "--bind", str(folder), str(folder), "--chdir", str(folder), "--", *command]
