"""Small corrections of sources that LilyPond cannot set as they stand; they are data (`corrections.toml`).

A rule mends old syntax wherever it occurs; a correction mends one file. Both change the build's copy of
the source, after convert-ly, and are recorded in the piece's row. A rule applies only to files that were
written for an old enough LilyPond, and only to one kind of text, such as music or lyrics.
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
    """A replacement of old syntax that convert-ly leaves alone, wherever it matches in an old file.

    Attributes:
        pattern: regular expression.
        replacement: what each match becomes, as a template of `re.sub`.
        kinds: kinds of text (of `places.Span`); a match counts where it begins in one of them.
        before: the rule applies to files written for an older version than this one, and not to those
            whose version is unknown; None: to all files.
        reason: explanation for people, which goes into the row of each piece that the rule has changed.
    """

    pattern: re.Pattern[str]
    replacement: str
    kinds: frozenset[str]
    before: Version | None
    reason: str

    def apply(self, text: str, scheme: bool = False) -> tuple[str, int]:
        """The text (LilyPond, or Scheme) with its matches replaced, and the number of matches."""
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
        """Whether the rule applies to files of this version ("2.18.2", or "" for unknown)."""
        parsed = parse_version(version)
        return self.before is None or (parsed is not None and parsed < self.before)


@dataclass(frozen=True, slots=True)
class Correction:
    """The replacements that mend one source file.

    Attributes:
        file: path in the source tree.
        reason: explanation for people, which goes into the piece's row.
        replace: (regular expression, replacement) pairs, each of which must match somewhere.
    """

    file: str
    reason: str
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
        file: Correction(
            file,
            entry["why"],
            tuple((pattern, replacement) for pattern, replacement in entry["replace"]),
        )
        for entry in _data()["correction"]
        for file in entry["files"]
    }


def correct(folder: Path, versions: Mapping[str, str]) -> str:
    """Apply the rules and corrections to the copies of a piece's files in `folder`.

    Args:
        versions: the piece's files, each with the version that it was written for ("" when unknown).

    Returns:
        The corrected files with the reason for each, as text; "" when there was nothing to correct.

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
                reasons.setdefault(rule.reason, []).append(Path(file).name)
        if correction := corrections().get(file):
            for pattern, replacement in correction.replace:
                text, count = re.subn(pattern, replacement, text, flags=re.MULTILINE)
                if not count:
                    raise PieceError(
                        "source",
                        "correction-misses",
                        f"{file}: nothing matches {pattern!r}. The source has changed: check whether it"
                        " still needs its correction in corrections.toml",
                    )
            reasons.setdefault(correction.reason, []).append(Path(file).name)
        if text != original:
            path.write_bytes(text.encode("utf-8", errors="surrogateescape"))
    return "; ".join(f"{', '.join(names)}: {reason}" for reason, names in reasons.items())


def _data() -> dict[str, list[dict[str, Any]]]:
    path = Path(__file__).with_name("corrections.toml")
    return tomllib.loads(path.read_text(encoding="utf-8"))
