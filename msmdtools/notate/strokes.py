"""What each voice of a staff writes in a bar: note values with their notes, ties, grace notes and beams."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from msmdtools.notate.bars import ScoreBar
from msmdtools.notate.rhythm import PLAIN, Span, Value, write
from msmdtools.notate.voices import Chord

_REST = -1


@dataclass(slots=True)
class Stroke:
    """A printed note value with what sounds in it, and what joins it to others.

    Attributes:
        value: the note value; a rest for the whole bar has the base 0.
        notes: (pitch, number, id, whether it is tied from before, whether it is tied on).
        graces: the grace notes before it: chords of (pitch, number).
        beams: of each level, "begin", "continue", "end" or a hook.
    """

    value: Value
    notes: list[tuple[int, int, str, bool, bool]]
    graces: list[Chord] = field(default_factory=list)
    beams: list[str] = field(default_factory=list)


def by_bar(voice: Sequence[Chord], bars: Sequence[ScoreBar]) -> list[list[Chord]]:
    """The chords of a voice that sound in each bar."""
    found: list[list[Chord]] = [[] for _ in bars]
    first = 0
    for chord in voice:
        while bars[first].end <= chord.onset:
            first += 1
        for i in range(first, len(bars)):
            if bars[i].onset >= chord.offset and i > first:
                break
            found[i].append(chord)
    return found


def strokes_of(
    voices: Sequence[Sequence[Chord]],
    bar: ScoreBar,
    identity: Callable[[int], str],
    *,
    ties: bool,
) -> list[list[Stroke]]:
    """Write a bar of a staff.

    Args:
        voices: the chords of each voice that sound in the bar.
        bar: the bar.
        ties: whether what takes more than one note value is tied; otherwise rests follow the first one.
        identity: gives an id for the next part of a note, by its number.

    Returns:
        What each voice does: nothing for one that rests, unless all do.
    """
    if any(voices):
        return [_voice(chords, bar, identity, ties) if chords else [] for chords in voices]
    return [_voice([], bar, identity, ties), *([] for _ in voices[1:])]


def _voice(
    chords: Sequence[Chord], bar: ScoreBar, identity: Callable[[int], str], ties: bool
) -> list[Stroke]:
    if not chords and bar.regular:
        return [Stroke(Value(Fraction(0), bar.length, _REST, Fraction(0), 0), [])]
    sounding = [chord for chord in chords if chord.offset > chord.onset]
    graces: dict[Fraction, list[Chord]] = {}
    for chord in chords:
        if chord.offset == chord.onset:
            graces.setdefault(chord.onset - bar.onset, []).append(chord)
    strokes = []
    for value in write(_spans(sounding, sorted(graces), bar), bar.length, bar.levels()):
        notes = []
        if value.event != _REST:
            chord = sounding[value.event]
            before = bar.onset + value.start > chord.onset
            after = ties and bar.onset + value.end < chord.offset
            sounding_on = chord.notes if ties or not before else []
            notes = [(p, number, identity(number), before, after) for p, number in sounding_on]
        strokes.append(Stroke(value, notes, graces.pop(value.start, [])))
    _beam(strokes, _cell(bar))
    return strokes


def _spans(chords: Sequence[Chord], cuts: Iterable[Fraction], bar: ScoreBar) -> list[Span]:
    """A bar of a voice without gaps: chords, and rests, which begin anew where grace notes stand."""
    spans: list[Span] = []
    now = Fraction(0)
    for i, chord in enumerate(chords):
        start, end = max(chord.onset - bar.onset, now), min(chord.offset - bar.onset, bar.length)
        spans += _rests(now, start, cuts)
        spans.append(Span(start, end, i))
        now = end
    return [*spans, *_rests(now, bar.length, cuts)]


def _rests(start: Fraction, end: Fraction, cuts: Iterable[Fraction]) -> Iterator[Span]:
    for cut in (*cuts, end):
        if start < cut <= end:
            yield Span(start, cut, _REST)
            start = cut


def _cell(bar: ScoreBar) -> Fraction:
    """The part of a bar whose short notes have a common beam."""
    levels = bar.levels() if bar.regular else ()
    if levels and levels[-1] == 3 and bar.signature[1] > 4:
        return Fraction(12, bar.signature[1])
    return max(Fraction(4, bar.signature[1]), Fraction(1))


def _beam(strokes: Sequence[Stroke], cell: Fraction) -> None:
    """Join short notes by beams, within a part of the bar and within a tuplet."""
    group: list[Stroke] = []
    tuplet, key = 0, (-1, 0)
    for stroke in strokes:
        value = stroke.value
        tuplet += value.first
        here = (int(value.start // cell), tuplet if value.ratio != PLAIN else 0)
        short = bool(stroke.notes) and value.base < 1
        if group and (not short or here != key):
            _beam_group(group)
            group = []
        if short:
            group.append(stroke)
        key = here
    _beam_group(group)


def _beam_group(group: Sequence[Stroke]) -> None:
    if len(group) < 2:
        return
    levels = [stroke.value.base.denominator.bit_length() - 1 for stroke in group]
    for i, stroke in enumerate(group):
        for level in range(1, levels[i] + 1):
            before = i > 0 and levels[i - 1] >= level
            after = i + 1 < len(group) and levels[i + 1] >= level
            if before and after:
                beam = "continue"
            elif before or after:
                beam = "begin" if after else "end"
            else:
                beam = "forward hook" if i == 0 else "backward hook"
            stroke.beams.append(beam)
