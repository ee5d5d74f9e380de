"""Made-up MIDI files, and their notation read back from its MusicXML alone."""

from collections import Counter
from fractions import Fraction as F

from lxml import etree

from msmdtools.midi.reading import MidiFile, MidiNote
from msmdtools.notate import Notation

QUARTER = 480

STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


def midi(*notes: tuple[float, ...], **more: object) -> MidiFile:
    """A file of notes: onset and end in quarter notes, pitch, and perhaps track, channel and program."""
    made = []
    for onset, end, pitch, *rest in notes:
        track, channel, program = (*map(int, rest), *(0, 0, -1)[len(rest) :])
        ticks = round(onset * QUARTER), round(end * QUARTER)
        made.append(MidiNote(track, channel, *ticks, int(pitch), 64, program))
    made.sort(key=lambda n: (n.onset_tick, n.track, n.pitch))
    last = max((n.offset_tick for n in made), default=0)
    return MidiFile(QUARTER, tuple(made), end_tick=last, **more)  # type: ignore[arg-type]


class Heads:
    """The heads of a notation, read from its MusicXML alone.

    Attributes:
        at: of each note's id (pitch, onset, length, staff, voice, whether it is a grace note).
        bars: length of each bar, from the voices of the first part, which are all as long.
    """

    def __init__(self, notation: Notation) -> None:
        self.at: dict[str, tuple[int, F, F, int, str, bool]] = {}
        self.tied: dict[str, tuple[str, ...]] = {}
        self.root = etree.fromstring(notation.text.encode())
        for part in self.root.iter("part"):
            self.bars: list[F] = []
            start, divisions = F(0), 1
            for measure in part:
                divisions = int(measure.findtext("attributes/divisions") or divisions)
                now = before = F(0)
                ends = set()
                for element in measure:
                    length = F(int(element.findtext("duration") or 0), divisions)
                    if element.tag == "backup":
                        ends.add(now)
                        assert now == length
                        now = F(0)
                    elif element.tag == "note":
                        chord = element.find("chord") is not None
                        onset = before if chord else now
                        self._note(element, start + onset, length)
                        before, now = onset, now if chord else now + length
                ends.add(now)
                assert len(ends) == 1, "all voices of a bar are as long"
                self.bars.append(now)
                start += now

    def _note(self, element: etree._Element, onset: F, length: F) -> None:
        identity = element.get("id")
        if identity is None:
            return
        pitch = -1
        if element.find("pitch") is not None:
            step, octave = element.findtext("pitch/step"), element.findtext("pitch/octave")
            alter = int(element.findtext("pitch/alter") or 0)
            pitch = STEPS[str(step)] + alter + 12 * (int(str(octave)) + 1)
        assert identity not in self.at
        self.at[identity] = (
            pitch,
            onset,
            length,
            int(str(element.findtext("staff"))),
            str(element.findtext("voice")),
            element.find("grace") is not None,
        )
        self.tied[identity] = tuple(str(tie.get("type")) for tie in element.iter("tie"))

    def sounding(self, notation: Notation) -> dict[int, tuple[int, F, F]]:
        """Pitch, onset and length with ties of each note of the file."""
        found: dict[int, tuple[int, F, F]] = {}
        for identity, (pitch, onset, length, *_) in self.at.items():
            number = notation.notes[identity]
            before = found.get(number)
            if before is None:
                found[number] = pitch, onset, length
                assert "stop" not in self.tied[identity]
            else:
                assert before[0] == pitch and before[1] + before[2] == onset
                assert "stop" in self.tied[identity]
                found[number] = pitch, before[1], before[2] + length
        return found


def accounted(file: MidiFile, notation: Notation) -> dict[int, tuple[int, F, F]]:
    """Check that each note of a file is a note of the score once, or shares a head; return the former."""
    found = Heads(notation).sounding(notation)
    assert set(found) == set(notation.notes.values())
    shared = [unison.index for unison in notation.unisons]
    assert Counter([*found, *shared]) == Counter(range(len(file.notes)))
    for number, (pitch, *_) in found.items():
        assert pitch in (file.notes[number].pitch, -1)
    for unison in notation.unisons:
        assert file.notes[unison.index].pitch == file.notes[unison.other].pitch
    return found
