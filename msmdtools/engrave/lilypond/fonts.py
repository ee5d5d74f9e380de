"""A home folder for each engine that already has fontconfig's cache of the system's fonts."""

import functools
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from msmdtools.engrave.lilypond.engine import Engine
from msmdtools.engrave.sandbox import Limits, run_limited


def cache_folder(engines: Sequence[Engine], fallback: Path) -> tuple[Path, str]:
    """The user's folder for caches, or `fallback` where that cannot be written to.

    Returns:
        The folder, and the reason why it is not the user's ("" if it is).
    """
    folder = Path("~/.cache")
    try:
        folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "msmdtools"
        if not all((_home(engine, folder) / "ready").exists() for engine in engines):
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                pass
    except (OSError, RuntimeError) as error:  # no home at all is a RuntimeError
        reason = error.strerror if isinstance(error, OSError) else error
        return fallback, f"{folder} cannot be written to ({reason})"
    return folder, ""


@functools.cache
def font_cache(engine: Engine, folder: Path | None = None) -> Path:
    """The home folder of an engine, inside a folder for caches (the user's by default); made on first use."""
    if folder is None:
        folder, problem = cache_folder([engine], Path())
        folder = Path(tempfile.mkdtemp(prefix="msmdtools-")) if problem else folder
    home = _home(engine, folder)
    if not (home / "ready").exists():
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as scratch:
            work = Path(scratch) / "work"
            work.mkdir()
            trial = work / "trial.ly"
            trial.write_text('\\version "2.24.0"\n\\markup "x"\n')
            run_limited(
                [engine.path, "--loglevel=ERROR", "--pdf", trial],
                work,
                readable=[],
                environment={"HOME": str(home), "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
                limits=Limits(),
                sandbox=False,
            )
        (home / "ready").touch()
    return home


def _home(engine: Engine, folder: Path) -> Path:
    return folder / f"lilypond-{engine.version}"
