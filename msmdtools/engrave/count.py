"""How many notes a source has and how long its music is, without engraving it."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from msmdtools.engrave.engine import Engine
from msmdtools.engrave.fonts import font_cache
from msmdtools.engrave.outputs import take_over
from msmdtools.engrave.records import rational
from msmdtools.engrave.sandbox import Limits, run_limited

COUNT = Path(__file__).with_name("count.ily")
MOST_BYTES = 1000


@dataclass(frozen=True, slots=True)
class Count:
    """The notes in the scores of a source, and the sum of the scores' lengths in quarter notes."""

    notes: int
    quarters: Fraction

    def text(self) -> str:
        """Such as "37 notes in 44 quarters"."""
        return f"{self.notes} notes in {float(self.quarters):g} quarters"


def count_notes(
    source: Path,
    base: Path,
    folder: Path,
    *,
    engine: Engine,
    include: Sequence[str] = (),
    limits: Limits | None = None,
    sandbox: bool = True,
    cache: Path | None = None,
) -> Count | None:
    """Let LilyPond read `source` and count; None where it finds errors.

    Args:
        base: holds the source and all that it includes.
        folder: an empty one, outside of `base`, for what the run writes.
        include: folders in `base` in which included files are looked for, beside the source's own.
        cache: as for `engrave`.
    """
    home = font_cache(engine, cache)
    places = [source.parent, *(base / place for place in include)]
    outcome = run_limited(
        [
            engine.path,
            "--loglevel=ERROR",
            f"-dinclude-settings={COUNT}",
            *(part for place in places for part in ("-I", place)),
            source,
        ],
        folder,
        readable=[engine.path.parent.parent, COUNT, home, base],
        environment={"HOME": str(home), "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
        limits=limits or Limits(),
        sandbox=sandbox,
    )
    if outcome.returncode != 0 or outcome.stopped:
        return None
    return _read(folder)


def _read(folder: Path) -> Count | None:
    """What the run wrote, which a source could have written as well: small, and two numbers or nothing."""
    try:
        with tempfile.TemporaryDirectory(dir=folder.parent) as ours:
            path = take_over("count.tsv", folder, Path(ours), MOST_BYTES)
            notes, wholes = path.read_text(encoding="ascii").split("\t")
        return Count(int(notes), 4 * rational(wholes.strip()))
    except (OSError, ValueError, ZeroDivisionError):
        return None
