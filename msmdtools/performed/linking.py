"""Link performed notes with the written notes of a dataset's piece, by a note alignment.

Each written note of each pass is matched or a deletion, each performed note a match, an insertion or an ornament:

- A pair of the alignment links a performed note with a written note in a pass of the music, of which the id has
  the number ("n12-2" is note n12, played the second time). That is a match.
- Two heads that share one key at once are one written note; where an alignment names a performed note for each,
  the earlier one is the match and the other an ornament. So is each further sound of a note that an alignment
  calls an ornament.
- A note that the source hides, such as those of a trill written out for playback, or prints as a cue, is no note
  of the written music: what plays it is an ornament without a written note. Its `source` says which it is.
- Written notes that the alignment does not name at all are deletions of the first pass, or of their own
  pass where repeats are unfolded.

Ids and pitches show whether an alignment is of this score: see `MOST_UNKNOWN` and `MOST_OTHER_PITCH`.
"""

from collections import Counter
from dataclasses import dataclass

from msmdtools.performance import DELETION, INSERTION, MATCH, ORNAMENT
from msmdtools.performed.alignment import NoteAlignment, Pair, refuse
from msmdtools.performed.written import Named, WrittenNotes

MOST_UNKNOWN = 0.5
"""Of the notes that an alignment names, this share may be without a head: scores hide those of trills."""
MOST_OTHER_PITCH = 0.1
"""Of the pairs, this share may have another pitch than the written note."""
LEAST_PLAYED = 0.5
"""Of the performed notes, this share must be written ones: otherwise it is another piece that was played."""


@dataclass(frozen=True, slots=True)
class Linked:
    """One event of a human performance.

    Attributes:
        link: match, insertion, ornament or deletion.
        played: number of the performed note in `Played.notes`; -1 for a deletion.
        note: number of the written note in `Music.notes`; -1 for none.
        turn: the pass of the music, from 1; 0 for an insertion.
        source: the note that the alignment names, as in noteheads.source; "" for none.
    """

    link: str
    played: int
    note: int
    turn: int
    source: str


@dataclass(frozen=True, slots=True)
class Links:
    """All events of a human performance: one for each performed note in their order, then the deletions.

    Attributes:
        events: the events.
        unwritten: notes that the alignment has as not played, and that are not in the written music.
    """

    events: tuple[Linked, ...]
    unwritten: int

    def count(self, link: str) -> int:
        """How many events have a link."""
        return sum(event.link == link for event in self.events)

    @property
    def played_share(self) -> float:
        """The share of performed notes that play a written note, ornaments left out."""
        return self.count(MATCH) / max(self.count(MATCH) + self.count(INSERTION), 1)

    @property
    def written_share(self) -> float:
        """The share of written notes, of the passes played, that were played."""
        return self.count(MATCH) / max(self.count(MATCH) + self.count(DELETION), 1)


def link(alignment: NoteAlignment, written: WrittenNotes) -> Links:
    """Link the notes of a performance with the written ones.

    Raises:
        PieceError: the alignment is of another score, or the performance of another piece (stage "align").
    """
    named = _named(alignment, written)
    _check_score(alignment, named, written)
    notes = alignment.played.notes
    events: dict[int, Linked] = {}
    taken: set[tuple[int, int]] = set()
    unwritten = 0
    absent: dict[tuple[int, int], str] = {}
    pairs = sorted(
        zip(alignment.pairs, named, strict=True), key=lambda p: (p[0].note, p[0].ornament)
    )
    for pair, name in pairs:
        key = (name.note, name.turn) if name else (-1, 0)
        if pair.note < 0:
            if name is None or name.note < 0:
                unwritten += 1
            else:
                absent.setdefault(key, name.source)
            continue
        if pair.note in events:
            onset = notes[pair.note].onset_s
            raise refuse(
                "damaged",
                f"the alignment has the performed note at {onset:.3f} s (pitch {notes[pair.note].pitch}) twice",
            )
        if name is None:
            events[pair.note] = Linked(INSERTION, pair.note, -1, 0, "")
        elif name.note < 0 or pair.ornament or key in taken:
            events[pair.note] = Linked(ORNAMENT, pair.note, *key, name.source)
        else:
            taken.add(key)
            events[pair.note] = Linked(MATCH, pair.note, *key, name.source)
    found = {note for note, _ in taken | absent.keys()}
    for note in range(len(written.music.notes)):
        if note not in found:
            absent[note, written.turn[note]] = ""
    deletions = [
        Linked(DELETION, -1, note, turn, source)
        for (note, turn), source in sorted(absent.items())
        if (note, turn) not in taken
    ]
    links = Links((*(events[number] for number in range(len(notes))), *deletions), unwritten)
    if links.played_share < LEAST_PLAYED:
        raise refuse(
            "too-few-matches",
            f"{links.played_share:.0%} of the performed notes are written ones, and at least "
            f"{LEAST_PLAYED:.0%} must be: it seems to be a performance of another piece",
        )
    return links


def _named(alignment: NoteAlignment, written: WrittenNotes) -> list[Named | None]:
    """What each pair names: by its id or, where most ids are unknown, by its place; None for an insertion."""
    by_id = [
        Named("", (pair.written[0],), pair.written[1], True)
        if pair.written
        else written.named(pair.score)
        if pair.score
        else None
        for pair in alignment.pairs
    ]
    fitting = sum(
        _fits(p, n, alignment, written) for p, n in zip(alignment.pairs, by_id, strict=True)
    )
    by_place = [
        written.named(pair.score, pair.place) if pair.score and pair.place else name
        for pair, name in zip(alignment.pairs, by_id, strict=True)
    ]
    placed = sum(
        _fits(p, n, alignment, written) for p, n in zip(alignment.pairs, by_place, strict=True)
    )
    return by_place if placed > 2 * fitting else by_id


def _fits(pair: Pair, name: Named | None, alignment: NoteAlignment, written: WrittenNotes) -> bool:
    """Whether a pair joins a performed note with a written one of its pitch."""
    if name is None or name.note < 0 or pair.note < 0:
        return False
    return alignment.played.notes[pair.note].pitch == written.music.notes[name.note].pitch


def _check_score(
    alignment: NoteAlignment, named: "list[Named | None]", written: WrittenNotes
) -> None:
    """Refuse an alignment with another score: of other ids, or of the same ids for other notes."""
    counts: Counter[str] = Counter()
    example = ""
    for pair, name in zip(alignment.pairs, named, strict=True):
        if name is None:
            continue
        counts["named"] += 1
        if not name.known:
            counts["unknown"] += 1
            example = example or name.source.removeprefix("#")
        elif pair.note >= 0 and name.note >= 0 and not pair.ornament:
            counts["pairs"] += 1
            counts["other"] += not _fits(pair, name, alignment, written)
    if counts["unknown"] > MOST_UNKNOWN * counts["named"]:
        raise refuse(
            "alignment-of-another-score",
            f"{counts['unknown']:,} of the {counts['named']:,} written notes that the alignment names are not in "
            f"the score, such as {example}: it is of another score or edition",
        )
    if counts["other"] > MOST_OTHER_PITCH * counts["pairs"]:
        raise refuse(
            "alignment-of-another-score",
            f"{counts['other']:,} of the {counts['pairs']:,} performed notes have another pitch than the written "
            "note that the alignment names: it is of another score or edition",
        )
