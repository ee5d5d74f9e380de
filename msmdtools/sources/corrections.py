"""Small corrections of sources that no LilyPond sets as they are, kept as data (`corrections.toml`).

They are applied to the build's copy, after convert-ly, and recorded in the piece's row. A rule reaches
only files that were written for an old enough LilyPond, and only the kind of text that it is about.
"""

import functools
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msmdtools.errors import PieceError
from msmdtools.sources.places import Places
from msmdtools.sources.versions import Version, parse_version


@dataclass(frozen=True, slots=True)
class Rule:
    """Old syntax that convert-ly leaves alone: what is mended wherever it matches in an old file.

    Attributes:
        pattern: regular expression.
        replacement: what each match becomes.
        kinds: of `places.Span`, one of which the text must be in which a match begins.
        before: files written for this version, or a later one, or for none that is known, are left alone;
            None reaches all.
        why: for people; it goes into the row of each piece that the rule has changed.
    """

    pattern: re.Pattern[str]
    replacement: str
    kinds: frozenset[str]
    before: Version | None
    why: str

    def apply(self, text: str, scheme: bool = False) -> tuple[str, int]:
        """The text (LilyPond, or Scheme) with what matches replaced, and how often that was."""
        if not self.pattern.search(text):
            return text, 0
        places, count = Places(text, scheme), 0

        def mend(match: re.Match[str]) -> str:
            nonlocal count
            if places.kind(match.start()) not in self.kinds:
                return match[0]
            count += 1
            return match.expand(self.replacement)

        return self.pattern.sub(mend, text), count

    def reaches(self, version: str) -> bool:
        """Whether a file of this version ("2.18.2", or "" for unknown) can have what is mended."""
        written = parse_version(version)
        return self.before is None or (written is not None and written < self.before)


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
def rules() -> tuple[Rule, ...]:
    """All rules, in the order in which they are applied."""
    return tuple(
        Rule(
            re.compile(entry["pattern"], re.MULTILINE),
            entry["replacement"],
            frozenset(entry["in"]),
            parse_version(entry.get("before", "")),
            entry["why"],
        )
        for entry in _data()["rule"]
    )


@functools.cache
def corrections() -> Mapping[str, Correction]:
    """All corrections, by file."""
    return {
        file: Correction(file, entry["why"], tuple((old, new) for old, new in entry["replace"]))
        for entry in _data()["correction"]
        for file in entry["files"]
    }


def correct(folder: Path, versions: Mapping[str, str]) -> str:
    """Apply what rules and corrections there are to the copies of a piece's files in `folder`.

    Args:
        versions: the piece's files, each with the version that it was written for ("" when unknown).

    Returns:
        Why, for each corrected file; "" when there was nothing to correct.

    Raises:
        PieceError: stage "source", reason "correction-misses": the source is not the one that the
            correction was made for.
    """
    reasons: dict[str, list[str]] = {}
    for file, version in versions.items():
        path = folder / file
        original = text = path.read_bytes().decode("utf-8", errors="surrogateescape")
        for rule in rules():
            count = 0
            if rule.reaches(version):
                text, count = rule.apply(text, scheme=path.suffix == ".scm")
            if count:
                reasons.setdefault(rule.why, []).append(Path(file).name)
        if correction := corrections().get(file):
            for old, new in correction.replace:
                text, count = re.subn(old, new, text, flags=re.MULTILINE)
                if not count:
                    raise PieceError(
                        "source",
                        "correction-misses",
                        f"{file}: nothing matches {old!r}. The source has changed: see whether it"
                        " still needs its correction in corrections.toml",
                    )
            reasons.setdefault(correction.why, []).append(Path(file).name)
        if text != original:
            path.write_bytes(text.encode("utf-8", errors="surrogateescape"))
    return "; ".join(f"{', '.join(names)}: {why}" for why, names in reasons.items())


def _data() -> dict[str, list[dict[str, Any]]]:
    path = Path(__file__).with_name("corrections.toml")
    return tomllib.loads(path.read_text(encoding="utf-8"))
