"""Run LilyPond on untrusted sources: within limits, and in a sandbox where the system has one.

A LilyPond source is a program. It runs with a time limit, limits on memory, output and processes, an empty
environment, and, with bubblewrap, without network and without privileges, seeing nothing but the engine, the
system's libraries and fonts, and its own folder, which is the only place it can write to. The files that it
writes there are as untrusted as the source (see `msmdtools.engrave.outputs`).
"""

import contextlib
import ctypes
import functools
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from msmdtools.base.folders import extent

SYSTEM_FOLDERS = ("/usr", "/lib", "/lib64", "/bin", "/etc/fonts", "/var/cache/fontconfig")
LOG_BYTES = 8 << 20
POLL_S = 0.02
LOOK_S = 0.25
# LilyPond writes a handful of files into one folder, and is one process.
MOST_FILES = 2_000
MOST_DEPTH = 8
MOST_PROCESSES = 32
# Root would otherwise keep its capabilities, with which it could make read-only mounts writable.
ISOLATED = ("--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL")
LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one run of the engraver.

    Attributes:
        timeout_s: wall-clock time, in seconds.
        memory_bytes: memory, in bytes.
        output_bytes: files written, in bytes.
    """

    timeout_s: float = 600.0
    memory_bytes: int = 4 << 30
    output_bytes: int = 256 << 20


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of a run.

    Attributes:
        returncode: exit status; negative for a signal.
        stopped: the limit that it exceeded: "timeout", "output-limit", "process-limit" or
            "out-of-memory"; "" for none.
        log: its output, at most `LOG_BYTES`.
    """

    returncode: int
    stopped: str
    log: str


@functools.cache
def sandbox_available() -> bool:
    """Whether bubblewrap is installed and the system lets it make a sandbox."""
    if (program := _bubblewrap()) is None:
        return False
    trial = [program, "--ro-bind", "/", "/", *ISOLATED, "true"]
    try:
        return subprocess.run(trial, capture_output=True, timeout=20, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


@functools.cache
def _bubblewrap() -> str | None:
    return shutil.which("bwrap")


def run_limited(
    command: Sequence[str | Path],
    folder: Path,
    *,
    readable: Sequence[Path],
    environment: Mapping[str, str],
    limits: Limits,
    sandbox: bool,
) -> Outcome:
    """Run a command in a folder, the only place it may write to, and wait for its end.

    Args:
        command: program and arguments; paths are absolute.
        folder: working folder; must exist.
        readable: paths that it may read besides the system's own libraries and fonts.
        environment: all of its environment variables.
        limits: see `Limits`; the kernel also enforces those of one process and one file. In addition it
            may write `MOST_FILES` files and folders, `MOST_DEPTH` levels deep, and run
            `MOST_PROCESSES` processes at once.
        sandbox: whether to run it in bubblewrap.

    Returns:
        Its exit status, the limit that stopped it, and its output.
    """
    arguments = [str(part) for part in command]
    if sandbox:
        arguments = _sandboxed(arguments, folder, readable, environment)

    def limit() -> None:
        # A killed worker takes its engraver with it (prctl PR_SET_PDEATHSIG; Linux only).
        if LIBC is not None:
            LIBC.prctl(1, signal.SIGKILL)
        resource.setrlimit(resource.RLIMIT_AS, (limits.memory_bytes, limits.memory_bytes))
        resource.setrlimit(resource.RLIMIT_FSIZE, (limits.output_bytes, limits.output_bytes))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    # A file without a name: nobody can put something else in its place.
    with tempfile.TemporaryFile(dir=folder.parent) as log:
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
            stopped = _watch(process, folder, log, limits) or _too_much(folder, log, limits)
        finally:
            # Also processes that it has left running in the background.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        log.seek(0)
        text = log.read(LOG_BYTES).decode("utf-8", errors="replace")
    return Outcome(process.returncode, stopped, text)


def _watch(process: subprocess.Popen[bytes], folder: Path, log: IO[bytes], limits: Limits) -> str:
    """Wait for the end of the process or of a limit, and say which limit."""
    start = time.monotonic()
    next_look = start + LOOK_S
    while True:
        try:
            process.wait(POLL_S if time.monotonic() - start < 2 else 10 * POLL_S)
            return ""
        except subprocess.TimeoutExpired:
            now = time.monotonic()
        if now - start > limits.timeout_s:
            return "timeout"
        if now > next_look:
            next_look = now + LOOK_S
            if stopped := _too_much(folder, log, limits) or _too_many(process.pid, limits):
                return stopped


def _too_much(folder: Path, log: IO[bytes], limits: Limits) -> str:
    """ "output-limit" when more was written than allowed, else ""."""
    output = extent(folder, MOST_FILES, MOST_DEPTH)
    too_large = output.bytes + os.fstat(log.fileno()).st_size > limits.output_bytes
    too_many = output.entries > MOST_FILES or output.depth > MOST_DEPTH
    return "output-limit" if too_large or too_many else ""


def _too_many(pid: int, limits: Limits) -> str:
    """The limit that a process and its descendants have passed together, or ""."""
    family = _family(pid)
    if len(family) > MOST_PROCESSES + 2:  # bubblewrap's own are two
        return "process-limit"
    memory = sum(_resident_bytes(member) for member in family)
    return "out-of-memory" if memory > limits.memory_bytes else ""


def _family(pid: int) -> list[int]:
    """A process and its descendants, as far as the system tells (Linux), not many more than allowed."""
    family = [pid]
    for member in family:
        if len(family) > MOST_PROCESSES + 2:
            break
        with contextlib.suppress(OSError):
            children = Path(f"/proc/{member}/task/{member}/children").read_text(encoding="ascii")
            family += map(int, children.split())
    return family


def _resident_bytes(pid: int) -> int:
    try:
        pages = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]
    except (OSError, IndexError):
        return 0
    return int(pages) * resource.getpagesize()


def _sandboxed(
    command: Sequence[str], folder: Path, readable: Sequence[Path], environment: Mapping[str, str]
) -> list[str]:
    prefix = [_bubblewrap() or "bwrap", *ISOLATED, "--clearenv"]
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
    prefix += ["--bind", str(folder), str(folder)]
    # What is mounted in memory would be a place for temporary files that nobody counts.
    prefix += ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", str(folder), "--"]
    # Inside only its own processes are counted for a user's limit; root has none, but is watched as well.
    if limiter := shutil.which("prlimit", path="/usr/bin:/bin"):
        prefix += [limiter, f"--nproc={MOST_PROCESSES}", "--"]
    return [*prefix, *command]
