"""Small corrections of sources that no LilyPond sets as they are, kept as data (`corrections.toml`).

A correction is applied to the build's copy, after convert-ly, and recorded in the piece's row.
"""

import functools
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from msmdtools.errors import PieceError


@dataclass(frozen=True, slots=True)
class Correction:
    """What is mended in one source file, and why.

    Attributes:
        file: path in the source tree.
        why: for people; it goes into the piece's row.
        replace: (regular expression, replacement) pairs, each of which must match somewhere.
    """

    file: str
    why: str
    replace: tuple[tuple[str, str], ...]


@functools.cache
def corrections() -> dict[str, Correction]:
    """All corrections, by file."""
    path = Path(__file__).with_name("corrections.toml")
    entries = tomllib.loads(path.read_text(encoding="utf-8"))["correction"]
    return {
        file: Correction(file, entry["why"], tuple((old, new) for old, new in entry["replace"]))
        for entry in entries
        for file in entry["files"]
    }


def correct(folder: Path, files: list[str]) -> str:
    """Apply what corrections there are to the copies of `files` in `folder`.

    Returns:
        Why, for each corrected file; "" when there was nothing to correct.

    Raises:
        PieceError: stage "source", reason "correction-misses": the source is not the one that the
            correction was made for.
    """
    reasons = []
    for file in files:
        correction = corrections().get(file)
        if correction is None:
            continue
        path = folder / file
        text = path.read_text(encoding="utf-8")
        for old, new in correction.replace:
            text, count = re.subn(old, new, text, flags=re.MULTILINE)
            if not count:
                raise PieceError(
                    "source",
                    "correction-misses",
                    f"{file}: nothing matches {old!r}. The source has changed: see whether it"
                    " still needs its correction in corrections.toml",
                )
        path.write_text(text, encoding="utf-8", newline="")
        reasons.append(f"{Path(file).name}: {correction.why}")
    return "; ".join(reasons)
