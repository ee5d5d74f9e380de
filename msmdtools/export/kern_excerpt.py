"""Cut bars out of a **kern score, such that what is cut out is a score of its own.

Before the first bar stand the interpretations in force: of each spine the staff, the instrument, the clef, the key
and the metre. Where a spine is divided at that place, all interpretations before it are kept instead, in their
order, so that the spines are what they are there.
"""

import re
from collections.abc import Callable, Iterator, Sequence

_MANIPULATORS = frozenset({"*^", "*v", "*x", "*+", "*-"})
# Kinds of interpretation, of which the last of each is in force.
_KINDS = (
    r"\*staff", r"\*part", r"\*I[a-z]", r"\*I[A-Z]", r'\*I"', r"\*I'", r"\*Tr", r"\*clef", r"\*k\[",
    r"\*[A-Ga-g][#-]*:", r"\*M\d", r"\*met", r"\*MM",
)  # fmt: skip
_KIND = re.compile("|".join(f"({kind})" for kind in _KINDS))


def cutter(text: str, bars: int) -> Callable[[int, int], str] | None:
    """Read a score of which bars are to be cut out.

    Args:
        text: the score.
        bars: how many bars it must have for the bars to be counted alike.

    Returns:
        A function that takes the first and the last bar, from 0, and gives them as a score; None if it does not
        have that many, or does not begin with its spines.
    """
    lines = [line for line in text.splitlines() if line and not line.startswith("!!")]
    starts = _starts(lines)
    if len(starts) != bars or not lines[0].startswith("**"):
        return None

    def cut(first: int, last: int) -> str:
        begin = starts[first]
        end = starts[last + 1] if last + 1 < bars else len(lines)
        kept = [line for line in lines[begin:end] if not _ends(line)]
        closing = [lines[end]] if end < len(lines) and lines[end].startswith("=") else []
        body = [*_state(lines[:begin]), *kept, *closing]
        return "\n".join([*body, _last(body), ""])

    return cut


def _starts(lines: Sequence[str]) -> list[int]:
    """The line with which each bar begins: its bar line, or the first with music where none is before it."""
    starts: list[int] = []
    pending: int | None = None
    for number, line in enumerate(lines):
        if line.startswith("="):
            pending = number
        elif not line.startswith(("*", "!")) and (pending is not None or not starts):
            starts.append(number if pending is None else pending)
            pending = None
    return starts


def _state(lines: Sequence[str]) -> list[str]:
    """The interpretations in force after some lines, as lines of their own."""
    interpretations = [line for line in lines if line.startswith("*")]
    spines = [{"": token} for token in interpretations[0].split("\t")]
    count = len(spines)
    for line in interpretations[1:]:
        tokens = line.split("\t")
        if _MANIPULATORS & set(tokens):
            spines = list(_moved(spines, tokens))
            continue
        for spine, token in zip(spines, tokens, strict=False):
            if match := _KIND.match(token):
                spine[_KINDS[(match.lastindex or 1) - 1]] = token
    if len(spines) != count:
        return interpretations
    found = ["\t".join(spine[""] for spine in spines)]
    for kind in _KINDS:
        if any(kind in spine for spine in spines):
            found.append("\t".join(spine.get(kind, "*") for spine in spines))
    return found


def _moved(spines: Sequence[dict[str, str]], tokens: Sequence[str]) -> Iterator[dict[str, str]]:
    """The spines after a line that divides, joins or exchanges them."""
    at = 0
    while at < len(tokens):
        token = tokens[at]
        if token == "*^":
            yield dict(spines[at])
            yield dict(spines[at])
        elif token == "*v":
            yield dict(spines[at])
            while at + 1 < len(tokens) and tokens[at + 1] == "*v":
                at += 1
        elif token == "*x" and at + 1 < len(tokens):
            yield dict(spines[at + 1])
            yield dict(spines[at])
            at += 1
        elif token != "*-":
            yield dict(spines[at])
        at += 1


def _ends(line: str) -> bool:
    """Whether a line ends all spines."""
    return set(line.split("\t")) == {"*-"}


def _last(lines: Sequence[str]) -> str:
    """The line that ends the spines that are there after some lines."""
    count = len(lines[0].split("\t"))
    for line in lines[1:]:
        tokens = line.split("\t")
        if line.startswith("*") and _MANIPULATORS & set(tokens):
            count = sum(1 for _ in _moved([{} for _ in tokens], tokens))
    return "\t".join(["*-"] * count)
