"""What MusicXML says about ties that Verovio loses or takes for others.

Seen with Verovio 6.4.1:

- Of several ties from grace notes to one chord (a written arpeggio), it keeps the end of one.
- It tells the ties of a chord apart by pitch. Unpitched notes have none, so their ties are crossed, lead to a
  note of the same chord, or past a chord.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from lxml import etree

Key = tuple[str, ...]
"""What two notes have in common that are tied: their place on the staff, and their pitch or instrument."""


@dataclass(frozen=True, slots=True)
class SourceTies:
    """What a document says about ties, by the ids of its notes.

    Attributes:
        from_graces: the notes at which a tie from a grace note before them ends.
        unpitched: for each unpitched note that is tied onwards the note to which its tie leads, if there is one.
    """

    from_graces: frozenset[str] = frozenset()
    unpitched: Mapping[str, str] = field(default_factory=dict)


UNSAID = SourceTies()
"""What a document of another format says."""


def source_ties(parts: Iterable[etree._Element]) -> SourceTies:
    """The ties of the parts of a document (score-partwise)."""
    from_graces: set[str] = set()
    unpitched: dict[str, str] = {}
    for part in parts:
        from_graces.update(_from_graces(part))
        unpitched.update(_unpitched(part))
    return SourceTies(frozenset(from_graces), unpitched)


def _from_graces(part: etree._Element) -> Iterator[str]:
    """The notes at which ties end that begin at the grace notes before them in their voice."""
    if next(part.iter("grace"), None) is None:
        return
    begun: dict[str, set[Key]] = defaultdict(set)
    over: set[str] = set()
    for note in part.iter("note"):
        voice = note.findtext("voice", "")
        grace = note.find("grace") is not None
        if note.find("chord") is None:
            if voice in over:  # the main note of the grace notes before
                begun[voice].clear()
            (over.discard if grace else over.add)(voice)
        if not grace and not begun[voice]:
            continue
        pitch = tuple(note.findtext(f"pitch/{name}", "") for name in ("step", "alter", "octave"))
        ends = _ends(note)
        if grace and "start" in ends:
            begun[voice].add(pitch)
        elif not grace and "stop" in ends and pitch in begun[voice]:
            yield note.get("id", "")


def _unpitched(part: etree._Element) -> Iterator[tuple[str, str]]:
    """The two ends of each tie of unpitched notes: of one voice, or else of one part."""
    begun: dict[Key, dict[str, str]] = defaultdict(dict)
    for unpitched in part.iter("unpitched"):
        note = unpitched.getparent()
        if note is None or not (ends := _ends(note)):
            continue
        instrument = note.find("instrument")
        key = (
            unpitched.findtext("display-step", ""),
            unpitched.findtext("display-octave", ""),
            "" if instrument is None else instrument.get("id", ""),
        )
        voice, name = note.findtext("voice", ""), note.get("id", "")
        if "stop" in ends and (waiting := begun[key]):
            yield waiting.pop(voice if voice in waiting else next(iter(waiting))), name
        if "start" in ends:
            begun[key][voice] = name


def _ends(note: etree._Element) -> set[str | None]:
    """Which ends of printed ties a note has: "start", "stop"."""
    return {tied.get("type") for tied in note.iterfind("notations/tied")}
