"""A standard MIDI file as notes in ticks, by track and channel.

How a file is understood:

- *Notes.* A key is struck by a note-on and released by a note-off, or by a note-on of velocity 0, of
  the same track, channel and key. Tracks are apart also where they share a channel: what one strikes, no
  other releases.
- *Overlaps.* A key that is struck again before it is released sounds twice; releases end these notes in the
  order in which they were struck.
- *What does not fit.* A release of a key that is up does nothing (but see `muted` of `read_midi`). A note
  that is never released ends with the file: at the last tick of the longest track.
- *Programs.* A note has the program that its own track has chosen for its channel before it, or else the one
  that any track has.
- *Order.* Whatever happens at one tick happens in the order of the tracks, and in a track in that of the
  file. A tempo holds for all tracks, whichever it stands in; of several at one tick the last counts.
- *Formats.* 0 and 1, tracks that are played together. Format 2, tracks that are pieces of their own,
  is refused, and so is time in frames of film (SMPTE) instead of quarter notes.
- *No length.* A note that is never released, but whose key was released in vain at the tick at which it is
  struck, has no length: some programs write grace notes so.
- *Signatures.* Of several of a kind at one tick the last counts, whichever track it stands in.
- *Damage.* Data bytes above 127 count as 127. A key signature that is none is left out.
  Texts are UTF-8, or else Latin-1.
"""

import io
import re
from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from msmdtools.midi.actions import SOFT_PEDAL, SOSTENUTO_PEDAL, SUSTAIN_PEDAL

if TYPE_CHECKING:
    import mido

# What mido raises for files that are none.
_DAMAGE = (
    OSError,
    EOFError,
    ValueError,
    IndexError,
    KeyError,
    TypeError,
    AttributeError,
    OverflowError,
)
# A key signature of more than seven accidentals, such as LilyPond writes and mido refuses, and one of none.
_STRANGE_KEY = re.compile(
    rb"\xff\x59\x02(?:[\x08-\xf8][\x00\x01]|[\x00-\xff][\x02-\xff])", re.DOTALL
)
_NO_KEY = b"\xff\x01\x02  "


@dataclass(frozen=True, slots=True)
class MidiNote:
    """A note of a MIDI file.

    Attributes:
        track: counts from 0.
        channel: from 0 to 15; `DRUM_CHANNEL` has percussion sounds.
        velocity: from 1 to 127; 0 for one that is struck without sound (`muted` of `read_midi`).
        program: of General MIDI, in force where the note begins; -1 where the file names none.
    """

    track: int
    channel: int
    onset_tick: int
    offset_tick: int
    pitch: int
    velocity: int
    program: int = -1


class Change(NamedTuple):
    """A new value of a pedal (0 to 127) or of a pitch bend (-8192 to 8191) of a channel, in a track."""

    tick: int
    track: int
    channel: int
    value: int


@dataclass(frozen=True, slots=True)
class MidiFile:
    """What a MIDI file plays; times are in its own ticks.

    Attributes:
        notes: by onset, track and pitch.
        tempi: (tick, microseconds per quarter note from there on), by tick.
        pedals, bends: of the sustain pedal and of pitch bend, by tick and track.
        end_tick: the last of the longest track.
        metres: (tick, numerator, denominator) of the time signatures, by tick.
        keys: (tick, sharps (flats are negative), whether minor) of the key signatures, by tick.
        texts: (track, kind, text) of the meta events of texts, by tick and track; kinds are "track_name", "text",
            "copyright", "instrument_name" and others.
        tracks: how many tracks it has.
        other_pedals: (controller, change) of the sostenuto (66) and the soft pedal (67), by tick and track.
    """

    ticks_per_quarter: int
    notes: tuple[MidiNote, ...] = ()
    tempi: tuple[tuple[int, int], ...] = ()
    pedals: tuple[Change, ...] = ()
    bends: tuple[Change, ...] = ()
    end_tick: int = 0
    metres: tuple[tuple[int, int, int], ...] = ()
    keys: tuple[tuple[int, int, bool], ...] = ()
    texts: tuple[tuple[int, str, str], ...] = ()
    tracks: int = 1
    other_pedals: tuple[tuple[int, Change], ...] = ()

    def name(self, track: int) -> str:
        """The name of a track; "" for none."""
        names = (text for at, kind, text in self.texts if at == track and kind == "track_name")
        return next(names, "")


def read_midi(path: Path, *, muted: bool = False) -> MidiFile:
    """Read a MIDI file.

    Args:
        muted: whether a note-on of velocity 0 strikes a key that is up, without sound.

    Raises:
        ValueError: it cannot be read, is no MIDI file, or one that cannot be played (format 2, SMPTE).
    """
    file = _file(path)
    if file.ticks_per_beat == 0:
        raise ValueError("it counts 0 ticks in a quarter note, so that its notes have no time")
    if file.ticks_per_beat < 0 or file.type == 2:
        raise ValueError(
            "a MIDI file of SMPTE time or of type 2, which cannot be played; save it as type 0 or 1"
        )
    keys = _Keys(muted)
    tempi, pedals, bends, other_pedals = [], [], [], []
    metres: dict[int, tuple[int, int]] = {}
    signatures: dict[int, tuple[int, bool]] = {}
    texts = []
    tick = 0
    for tick, track, message in _in_order(file):
        kind = message.type
        if kind in ("note_on", "note_off"):
            keys.move(tick, track, message)
        elif kind == "program_change":
            keys.choose(track, message)
        elif kind == "set_tempo":
            tempi.append((tick, message.tempo))
        elif kind == "control_change" and message.control == SUSTAIN_PEDAL:
            pedals.append(Change(tick, track, message.channel, message.value))
        elif kind == "control_change" and message.control in (SOSTENUTO_PEDAL, SOFT_PEDAL):
            change = Change(tick, track, message.channel, message.value)
            other_pedals.append((message.control, change))
        elif kind == "pitchwheel":
            bends.append(Change(tick, track, message.channel, message.pitch))
        elif kind == "time_signature":
            metres[tick] = message.numerator, message.denominator
        elif kind == "key_signature":
            signatures[tick] = _sharps(message.key)
        elif text := _text(getattr(message, "name", getattr(message, "text", ""))):
            texts.append((track, kind, text))
    return MidiFile(
        file.ticks_per_beat,
        keys.notes(tick),
        tuple(tempi),
        tuple(pedals),
        tuple(bends),
        tick,
        tuple((at, *metre) for at, metre in metres.items()),
        tuple((at, *key) for at, key in signatures.items()),
        tuple(texts),
        len(file.tracks),
        tuple(other_pedals),
    )


def _sharps(key: str) -> tuple[int, bool]:
    """The sharps of a key such as "Ebm", flats as negative, and whether it is minor."""
    minor = key.endswith("m")
    tonic = key.removesuffix("m")
    sharps = "FCGDAEB".index(tonic[0]) - 1 + 7 * (tonic.count("#") - tonic.count("b"))
    return sharps - 3 * minor, minor


def _text(latin: str) -> str:
    """A text that mido has read as Latin-1."""
    try:
        return latin.encode("latin-1").decode("utf-8").strip()
    except UnicodeError:
        return latin.strip()


def _file(path: Path) -> "mido.MidiFile":
    import mido

    try:
        try:
            return mido.MidiFile(path, clip=True)
        except mido.KeySignatureError:
            content = _STRANGE_KEY.sub(_NO_KEY, path.read_bytes())
            return mido.MidiFile(file=io.BytesIO(content), clip=True)
    except (*_DAMAGE, mido.KeySignatureError) as error:
        why = str(error) or "it ends too early"
        raise ValueError(f"not a MIDI file that can be read ({why})") from error


def _in_order(file: "mido.MidiFile") -> Iterator[tuple[int, int, "mido.Message"]]:
    """All messages of all tracks with their ticks and tracks."""
    messages = []
    for number, track in enumerate(file.tracks):
        tick = 0
        for message in track:
            tick += message.time
            messages.append((tick, number, message))
    yield from sorted(messages, key=lambda m: m[0])


class _Keys:
    """The keys that are down, and the notes that have ended."""

    def __init__(self, muted: bool) -> None:
        self._muted = muted
        self._ended: list[MidiNote] = []
        # By (track, channel, pitch): onset, velocity, program.
        self._down: dict[tuple[int, int, int], deque[tuple[int, int, int]]] = defaultdict(deque)
        self._own: dict[tuple[int, int], int] = {}
        self._any: dict[int, int] = {}
        # The last tick at which a key that was up has been released.
        self._vain: dict[tuple[int, int, int], int] = {}

    def choose(self, track: int, message: "mido.Message") -> None:
        self._own[track, message.channel] = self._any[message.channel] = message.program

    def move(self, tick: int, track: int, message: "mido.Message") -> None:
        channel, pitch = message.channel, message.note
        down = self._down[track, channel, pitch]
        silently = self._muted and not down
        if message.type == "note_on" and (message.velocity > 0 or silently):
            program = self._own.get((track, channel), self._any.get(channel, -1))
            down.append((tick, message.velocity, program))
        elif down:
            self._end(track, channel, pitch, tick)
        else:
            self._vain[track, channel, pitch] = tick

    def notes(self, end: int) -> tuple[MidiNote, ...]:
        """All notes; those that are still down end at the given tick."""
        for key, down in self._down.items():
            while down:
                onset = down[0][0]
                self._end(*key, onset if self._vain.get(key) == onset else end)
        return tuple(sorted(self._ended, key=lambda n: (n.onset_tick, n.track, n.pitch)))

    def _end(self, track: int, channel: int, pitch: int, tick: int) -> None:
        onset, velocity, program = self._down[track, channel, pitch].popleft()
        self._ended.append(MidiNote(track, channel, onset, tick, pitch, velocity, program))
