"""The engraver: which LilyPond there is, and bringing old sources up to its version with convert-ly."""

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from msmdtools.errors import ToolError

MINIMUM_VERSION = (2, 24)


@dataclass(frozen=True, slots=True)
class Engine:
    """One LilyPond executable and its version, such as "2.25.12"."""

    path: Path
    version: str

    @property
    def name(self) -> str:
        """Such as "LilyPond 2.25.12"."""
        return f"LilyPond {self.version}"


def find_engines(extra: Path | None = None) -> tuple[Engine, ...]:
    """The engines to try for each piece, in this order: `extra`, the `lilypond` package's, the one on PATH.

    Raises:
        ToolError: there is none of version 2.24 or later, or `extra` is not one.
    """
    candidates = [extra, _packaged_lilypond(), _lilypond_on_path()]
    engines: list[Engine] = []
    for path in candidates:
        if path is None or any(path.resolve() == engine.path for engine in engines):
            continue
        version = lilypond_version(path)
        if version is not None and tuple(map(int, version.split(".")[:2])) >= MINIMUM_VERSION:
            engines.append(Engine(path.resolve(), version))
        elif path == extra:
            raise ToolError(
                f"{extra} is not a LilyPond of version 2.24 or later "
                f"({version or 'it does not answer --version'}). Name another one, or leave "
                "the option out to use the one that came with msmdtools."
            )
    if not engines:
        raise ToolError("There is no LilyPond. Install it with: pip install lilypond==2.25.12")
    return tuple(engines)


def _packaged_lilypond() -> Path | None:
    try:
        import lilypond
    except ImportError:
        return None
    path = Path(str(lilypond.executable()))
    return path if path.is_file() else None


def _lilypond_on_path() -> Path | None:
    found = shutil.which("lilypond")
    return Path(found) if found else None


def lilypond_version(path: Path) -> str | None:
    """The version that `path` says it is ("2.25.12"), or None if it does not run or is no LilyPond."""
    try:
        answer = subprocess.run(
            [path, "--version"], capture_output=True, text=True, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.match(r"GNU LilyPond (\d+\.\d+\.\d+)", answer.stdout)
    return match.group(1) if match else None


def convert(files: Sequence[Path], engine: Engine | None = None) -> dict[Path, str]:
    """Bring source files up to the engine's version, in place, with one call of convert-ly.

    Work on copies: the files are overwritten. A file without \\version keeps its syntax. One file's
    trouble never stops the others.

    Returns:
        For each file, what convert-ly said of it ("" when all went well).
    """
    engine = engine or find_engines()[0]
    messages = dict.fromkeys(files, "")
    program = engine.path.with_name("convert-ly")
    for latin in files:
        _to_utf8(latin)
    if not program.is_file() or not files:
        return messages
    # A file name that begins with a dash would be read as an option: absolute paths never do.
    answer = subprocess.run(
        [program, "--edit", "--loglevel=WARNING", *(file.absolute() for file in files)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        env={**os.environ, "LC_ALL": "C.UTF-8", "PYTHONIOENCODING": "utf-8"},
    )
    text = answer.stdout + answer.stderr
    for file in files:
        file.with_name(file.name + "~").unlink(missing_ok=True)
        place = str(file.absolute())
        lines = [s for s in text.splitlines() if place in s and "Processing `" not in s]
        messages[file] = "\n".join(lines).replace(place, file.name)
    return messages


def _to_utf8(file: Path) -> None:
    """Rewrite a source in another encoding as UTF-8: LilyPond and convert-ly read nothing else."""
    raw = file.read_bytes()
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = raw.decode("utf-16")
    else:
        try:
            raw.decode("utf-8")
        except UnicodeDecodeError:
            text = raw.decode("cp1252", errors="replace")
        else:
            return
    file.write_text(text, encoding="utf-8", newline="")
