"""Play the notes with FluidSynth, in this process and without a sound device, into arrays.

- Time. FluidSynth computes blocks of 64 samples (2.9 ms) and lets a note begin only at the first
  sample of one. Every key and pedal change is put to the nearest block, so an onset is off by at
  most 1.45 ms, and by nothing on average.
- Repeatability. Every performance gets a synthesizer of its own, so that no reverb tail, chorus
  phase or voice of an earlier performance can sound in it; that takes 2 to 7 ms. The soundfont, which is
  expensive to load, is loaded once per process and lent to each of them; the samples of a program are
  loaded when it is first used. Output is taken as floats, as FluidSynth adds noise
  (dither) to its 16-bit output that goes on from one piece to the next.
- Sound. `SETTINGS` has everything that is pinned. Gain, reverb and chorus are FluidSynth's
  defaults, written out: the original dataset was made with them, the logarithm of the spectrogram
  makes level a part of what a model hears, and a room is nearer to a recording than none. Reverb
  and chorus take a quarter of the time. Polyphony is more than the default, so that no note of an
  orchestra is cut for another's sake.
- Mono is (left + right) / 2, rounded to 16 bits.
"""

import contextlib
import ctypes
import io
import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from msmdtools.errors import PieceError, SoundfontError, ToolError
from msmdtools.features.spectrogram import SAMPLE_RATE
from msmdtools.midi.actions import DRUM_CHANNEL, MELODIC_CHANNELS, PROGRAM, Action
from msmdtools.perform.level import rounded
from msmdtools.perform.midi import Plan, plan
from msmdtools.perform.timing import TickMap
from msmdtools.performance import PerformanceSpec
from msmdtools.score import Music

BLOCK = 64
TAIL_S = 1.0
LONGEST_S = 24 * 3600  # beyond that a tempo mark is wrong, and a worker would be stopped as stuck
SCRATCH = 1024 * BLOCK

# Numbers as FluidSynth understands them; recorded with every dataset.
SETTINGS: dict[str, float | int] = {
    "synth.sample-rate": float(SAMPLE_RATE),
    "synth.gain": 0.2,
    "synth.polyphony": 1024,
    "synth.min-note-length": 10,
    "synth.reverb.active": 1,
    "synth.reverb.room-size": 0.2,
    "synth.reverb.damp": 0.0,
    "synth.reverb.width": 0.5,
    "synth.reverb.level": 0.9,
    "synth.chorus.active": 1,
    "synth.chorus.nr": 3,
    "synth.chorus.level": 2.0,
    "synth.chorus.speed": 0.3,
    "synth.chorus.depth": 8.0,
    "synth.cpu-cores": 1,
    "synth.dynamic-sample-loading": 1,
    "synth.lock-memory": 0,
}
INTERPOLATION = 4  # fourth order, FluidSynth's default

_DRUM_BANK = 128
_GEN_FINETUNE = 52  # the soundfont generator "fine tune", in cents
_log = logging.getLogger("msmdtools.fluidsynth")


@dataclass(slots=True)
class _Font:
    """A soundfont that stays loaded: the synthesizer that owns it, and the presets whose samples it
    keeps."""

    owner: int
    sfont: int
    identifier: int
    presets: dict[int, tuple[int, int]] = field(default_factory=dict)
    next_channel: int = 0


def fluidsynth_version() -> str:
    """The version of the FluidSynth library, such as "2.3.1".

    Raises:
        ToolError: there is no FluidSynth library.
    """
    version = (ctypes.c_int(), ctypes.c_int(), ctypes.c_int())
    _library().fluid_version(*(ctypes.byref(number) for number in version))
    return ".".join(str(number.value) for number in version)


@dataclass(frozen=True, slots=True)
class Rendering:
    """Audio that is made while it is read: mono, 22,050 Hz.

    Attributes:
        samples: number of samples in all blocks.
        blocks: float32 arrays, one after the other, in steps of 16 bits but not rounded to them; to be
            read once.
    """

    samples: int
    blocks: Iterator[npt.NDArray[np.float32]]

    def rounded(self) -> Iterator[npt.NDArray[np.int16]]:
        """The blocks, rounded to 16 bits; to be read instead of `blocks`."""
        return map(rounded, self.blocks)


def render(
    music: Music, spec: PerformanceSpec, soundfont: Path, tuning_cents: float = 0.0
) -> npt.NDArray[np.int16]:
    """Play a performance into one array.

    Args:
        music: the written music.
        spec: tempo, program and velocity.
        soundfont: the soundfont file.
        tuning_cents: how much higher than A4 = 440 Hz all notes are, -99 to 99 cents.

    Returns:
        The audio: int16, (samples,), mono, 22,050 Hz.

    Raises:
        ValueError, PieceError, ToolError, SoundfontError: as `rendering`.
    """
    streamed = rendering(music, spec, soundfont, tuning_cents)
    audio = np.empty(streamed.samples, dtype=np.int16)
    start = 0
    for block in streamed.rounded():
        audio[start : start + len(block)] = block
        start += len(block)
    return audio


def rendering(
    music: Music, spec: PerformanceSpec, soundfont: Path, tuning_cents: float = 0.0
) -> Rendering:
    """Play a performance in blocks of `SCRATCH` samples (the last one has fewer).

    It begins at tick 0 and ends `TAIL_S` after the last release of a key or change of a pedal. The
    same input gives the same samples, whatever was rendered before.

    Args:
        music: the written music.
        spec: tempo, program and velocity.
        soundfont: the soundfont file.
        tuning_cents: how much higher than A4 = 440 Hz all notes are, -99 to 99 cents.

    Returns:
        The number of samples, and the blocks, which are made while they are read.

    Raises:
        ValueError: the tuning is beyond these limits.
        PieceError: the music would last longer than `LONGEST_S`.
        ToolError: there is no FluidSynth library (this and the next ones when the first block is read).
        SoundfontError: FluidSynth cannot read the soundfont, or it lacks the program.
        PieceError: there are drum notes, and the soundfont has no drum kit; or it lacks the program of a
            part.
    """
    planned = plan(music, spec)
    ticks = [action.tick for action in planned.actions]
    seconds = TickMap.of(music.tempi, spec.tempo).seconds(ticks)
    return rendering_of(planned, seconds, spec, soundfont, tuning_cents)


def rendering_of(
    planned: Plan,
    seconds: npt.NDArray[np.float64],
    spec: PerformanceSpec,
    soundfont: Path,
    tuning_cents: float = 0.0,
) -> Rendering:
    """Play actions at given times, as `rendering`.

    Args:
        planned: the actions, at least one.
        seconds: when each of them happens, ascending.
        spec: the program; the rest is in the actions already.
        soundfont: the soundfont file.
        tuning_cents: as `rendering`.

    Returns:
        The number of samples, and the blocks, which are made while they are read.

    Raises:
        ValueError, PieceError, ToolError, SoundfontError: as `rendering`.
    """
    if not -99 <= tuning_cents <= 99:
        raise ValueError(f"a tuning of {tuning_cents} cents is not within -99 to 99")
    pending = planned.actions
    if seconds[-1] > LONGEST_S:
        message = (
            f"it would sound for {seconds[-1] / 3600:.1f} hours; at most {LONGEST_S // 3600} are"
            " performed: check the tempo marks of the source"
        )
        raise PieceError("perform", "too-long", message)
    length = math.ceil((float(seconds[-1]) + TAIL_S) * SAMPLE_RATE)

    def blocks() -> Iterator[npt.NDArray[np.float32]]:
        blocks_of_actions = np.rint(seconds * (SAMPLE_RATE / BLOCK)).astype(int)
        drums = any(action.channel == DRUM_CHANNEL for action in pending)
        with _synthesizer(soundfont, spec, planned, drums) as synth:
            if tuning_cents:
                for channel in range(16):
                    _library().fluid_synth_set_gen(synth, channel, _GEN_FINETUNE, tuning_cents)
            yield from _play(synth, pending, blocks_of_actions.tolist(), length)

    return Rendering(length, blocks())


def _play(
    synth: int, pending: list[Action], blocks: list[int], length: int
) -> Iterator[npt.NDArray[np.float32]]:
    library = _library()
    left, right = np.empty((2, SCRATCH), dtype=np.float32)
    at_left, at_right = left.ctypes.data, right.ctypes.data
    change = {
        0: lambda a: library.fluid_synth_noteoff(synth, a.channel, a.number),
        1: lambda a: library.fluid_synth_cc(synth, a.channel, a.number, a.value),
        2: lambda a: library.fluid_synth_pitch_bend(synth, a.channel, a.value + 8192),
        3: lambda a: library.fluid_synth_noteon(synth, a.channel, a.number, a.value),
        PROGRAM: lambda a: library.fluid_synth_program_change(synth, a.channel, a.value),
    }
    end = -(-length // BLOCK) * BLOCK
    yielded = filled = 0
    for until, action in [
        *((b * BLOCK, a) for a, b in zip(pending, blocks, strict=True)),
        (end, None),
    ]:
        while yielded + filled < until:
            count = min(until - yielded - filled, SCRATCH - filled)
            library.fluid_synth_write_float(synth, count, at_left, filled, 1, at_right, filled, 1)
            filled += count
            if filled == SCRATCH:
                yield _mono(left, right)[: length - yielded]
                yielded, filled = yielded + filled, 0
        if action is not None:
            change[action.kind](action)
    if length > yielded:
        yield _mono(left[:filled], right[:filled])[: length - yielded]


def _mono(left: npt.NDArray[np.float32], right: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return np.asarray((left + right) * np.float32(0.5 * 32767), np.float32)


@contextmanager
def _synthesizer(
    soundfont: Path, spec: PerformanceSpec, planned: Plan, drums: bool
) -> Iterator[int]:
    """A new synthesizer with the first programs on the melodic channels, and a drum kit for drums."""
    library = _library()
    status = soundfont.stat()
    font = _load(soundfont.resolve(), status.st_size, status.st_mtime_ns)
    melodic = {c: n for (_, c), n in planned.programs.items() if not (drums and c == DRUM_CHANNEL)}
    played = {a.value for a in planned.actions if a.kind == PROGRAM}.union(melodic.values())
    if spec.program is not None:
        played.add(spec.program)
    for program in sorted(played):
        if _keep(font, 0, program):
            continue
        message = (
            f"{soundfont} has no program {program} (bank 0): "
            "choose another soundfont or program with --soundfonts"
        )
        if spec.program is None:
            raise PieceError("perform", "soundfont-without-program", message)
        raise SoundfontError(message)
    if drums and not _keep(font, _DRUM_BANK, 0):
        message = f"the music has drum notes, and {soundfont} has no drum kit (bank 128)"
        raise PieceError("perform", "soundfont-without-drums", message)
    synth, settings = _new_synth()
    library.fluid_synth_set_interp_method(synth, -1, INTERPOLATION)
    # A font that is added gives each channel its preset at once. Setting the programs before keeps
    # it from loading the samples of presets that nobody plays, above all those of a drum kit.
    if not drums:
        library.fluid_synth_set_channel_type(synth, DRUM_CHANNEL, 0)
    for channel in MELODIC_CHANNELS if drums else range(16):
        program = melodic.get(channel, min(played, default=0))
        library.fluid_synth_program_change(synth, channel, program)
    try:
        library.fluid_synth_add_sfont(synth, font.sfont)
        yield synth
    finally:
        library.fluid_synth_all_sounds_off(synth, -1)
        library.fluid_synth_remove_sfont(synth, font.sfont)
        library.delete_fluid_synth(synth)
        library.delete_fluid_settings(settings)


@cache
def _load(soundfont: Path, _size: int, _mtime_ns: int) -> _Font:
    library = _library()
    owner, _ = _new_synth()
    identifier = library.fluid_synth_sfload(owner, str(soundfont).encode(), 0)
    if identifier < 0:
        raise SoundfontError(f"{soundfont}: FluidSynth {fluidsynth_version()} cannot read it")
    return _Font(owner, library.fluid_synth_get_sfont_by_id(owner, identifier), identifier)


def _keep(font: _Font, bank: int, program: int) -> bool:
    """Keep a preset's samples loaded, one on each channel of the owner; False if there is none."""
    if (bank, program) in font.presets.values():
        return True
    channel = font.next_channel
    chosen = _library().fluid_synth_program_select(
        font.owner, channel, font.identifier, bank, program
    )
    if chosen != 0:
        return False
    font.presets[channel] = (bank, program)
    font.next_channel = (channel + 1) % 16
    return True


def _new_synth() -> tuple[int, int]:
    library = _library()
    settings = library.new_fluid_settings()
    for name, value in SETTINGS.items():
        kind = "num" if isinstance(value, float) else "int"
        if getattr(library, f"fluid_settings_set{kind}")(settings, name.encode(), value) != 0:
            version = fluidsynth_version()
            raise ToolError(f"FluidSynth {version} has no setting {name}: 2.1 or later is needed")
    synth = library.new_fluid_synth(settings)
    if not synth:
        raise ToolError(f"FluidSynth {fluidsynth_version()} could not be started")
    return synth, settings


@cache
def _library() -> Any:
    """The FluidSynth library with the types of the functions used here, logging to Python's log."""
    try:
        # On a CI machine pyfluidsynth prints where it found the library.
        with contextlib.redirect_stdout(io.StringIO()):
            import fluidsynth

        name = fluidsynth.lib
    except (ImportError, AttributeError) as error:
        raise ToolError(
            "the FluidSynth library is missing: apt install libfluidsynth3 (elsewhere: FluidSynth "
            "2.1 or later by hand); and from PyPI pyfluidsynth, not the package fluidsynth, which "
            f"is something else ({error})"
        ) from error
    library = ctypes.CDLL(name)
    number, pointer, real, text = ctypes.c_int, ctypes.c_void_p, ctypes.c_double, ctypes.c_char_p
    to_buffer = (pointer, number, number)
    prototypes: dict[str, tuple[Any, ...]] = {
        "fluid_version": (None, pointer, pointer, pointer),
        "fluid_set_log_function": (pointer, number, pointer, pointer),
        "new_fluid_settings": (pointer,),
        "delete_fluid_settings": (None, pointer),
        "fluid_settings_setnum": (number, pointer, text, real),
        "fluid_settings_setint": (number, pointer, text, number),
        "new_fluid_synth": (pointer, pointer),
        "delete_fluid_synth": (None, pointer),
        "fluid_synth_sfload": (number, pointer, text, number),
        "fluid_synth_get_sfont_by_id": (pointer, pointer, number),
        "fluid_synth_add_sfont": (number, pointer, pointer),
        "fluid_synth_remove_sfont": (number, pointer, pointer),
        "fluid_synth_set_interp_method": (number, pointer, number, number),
        "fluid_synth_set_channel_type": (number, pointer, number, number),
        "fluid_synth_program_change": (number, pointer, number, number),
        "fluid_synth_program_select": (number, pointer, number, number, number, number),
        "fluid_synth_set_gen": (number, pointer, number, number, ctypes.c_float),
        "fluid_synth_noteon": (number, pointer, number, number, number),
        "fluid_synth_noteoff": (number, pointer, number, number),
        "fluid_synth_pitch_bend": (number, pointer, number, number),
        "fluid_synth_cc": (number, pointer, number, number, number),
        "fluid_synth_all_sounds_off": (number, pointer, number),
        "fluid_synth_write_float": (number, pointer, number, *to_buffer, *to_buffer),
    }
    try:
        for function, (result, *arguments) in prototypes.items():
            getattr(library, function).restype = result
            getattr(library, function).argtypes = arguments
    except AttributeError as error:
        raise ToolError(f"{name} is too old, FluidSynth 2.1 or later is needed: {error}") from error
    for level in range(5):
        library.fluid_set_log_function(level, _FORWARD, None)
    return library


def _forward(level: int, message: bytes, _data: Any) -> None:
    # 0 and 1 are errors (an exception follows), 2 warnings, 3 and 4 less; stderr belongs to msmd.
    _log.log(logging.INFO if level < 2 else logging.DEBUG, "%s", message.decode(errors="replace"))


_FORWARD = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)(_forward)
