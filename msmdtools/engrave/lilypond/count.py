"""Count the notes of a source and the length of its music, without engraving it."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from msmdtools.base.quantities import how_many
from msmdtools.engrave.lilypond.engine import Engine
from msmdtools.engrave.lilypond.fonts import font_cache
from msmdtools.engrave.lilypond.records_file import rational
from msmdtools.engrave.outputs import take_over
from msmdtools.engrave.sandbox import Limits, run_limited

COUNT = Path(__file__).with_name("count.ily")
MOST_BYTES = 1000


@dataclass(frozen=True, slots=True)
class Count:
    """The size of the music in a source.

    Attributes:
        notes: notes in all of its scores.
        quarters: sum of the scores' lengths, in quarter notes.
    """

    notes: int
    quarters: Fraction

    def text(self) -> str:
        """The count in words, such as "37 notes in 44 quarters"."""
        return f"{how_many(self.notes, 'note')} in {float(self.quarters):g} quarters"


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
    """Let LilyPond read a source and count its notes.

    Args:
        source: the LilyPond file, inside `base`.
        base: folder that holds the source and all files that it includes.
        folder: an empty folder outside of `base`, for the output of the run.
        engine: the LilyPond to run.
        include: folders in `base` to search for included files, besides the source's own.
        limits: limits of the run; None: the default ones.
        sandbox: whether to run LilyPond inside bubblewrap.
        cache: folder for fontconfig's cache; None: the user's.

    Returns:
        The count, or None where LilyPond finds errors.
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
    return _count(folder)


def _count(folder: Path) -> Count | None:
    """Read the output of the run, which a source could have written, too: two numbers in a small file."""
    try:
        with tempfile.TemporaryDirectory(dir=folder.parent) as ours:
            path = take_over("count.tsv", folder, Path(ours), MOST_BYTES)
            notes, wholes = path.read_text(encoding="ascii").split("\t")
        return Count(int(notes), 4 * rational(wholes.strip()))
    except (OSError, ValueError, ZeroDivisionError):
        return None
