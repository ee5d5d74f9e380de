"""CPU time of performances against that of bare FluidSynth, for the same MIDI and soundfont.

    python benchmarks/sound.py [--soundfont NAME] [--pieces N] [MIDI …]

Ours is all that `perform` does (events, MIDI file, audio, spectrogram, writing), for all pieces in
one process, as a worker of a build does it. Bare is `fluidsynth -ni -r 22050 -F out.wav FONT MIDI`,
once per piece. The pieces are MIDI files (such as the performance.mid files of a dataset; only
their notes, tempi and pedals are used) or, when none are given, N made-up piano pieces of one to
five minutes.
"""

import argparse
import random
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msmdtools.midi.actions import DRUM_CHANNEL
from msmdtools.midi.reading import read_midi
from msmdtools.perform import find_soundfont, perform
from msmdtools.performance import PerformanceSpec
from msmdtools.score import TICKS_PER_QUARTER, Music, Note, PedalChange, TempoChange


def made_up(seed: int) -> Music:
    """Two hands: chords of one to four notes, eighths to halves."""
    chance = random.Random(seed)
    notes = []
    for part, (low, high) in enumerate([(60, 88), (33, 60)]):
        tick = 0
        for _ in range(chance.randrange(150, 700)):
            length = chance.choice([96, 192, 192, 384, 768])
            for pitch in chance.sample(range(low, high), chance.choice([1, 1, 2, 3, 4])):
                notes.append(Note(tick, tick + length, pitch, 64, part, False, 1, ""))
            tick += length
    notes.sort(key=lambda n: (n.onset_tick, n.channel, n.pitch))
    return Music(tuple(notes), (TempoChange(0, chance.randrange(350_000, 900_000)),), ())


def from_midi(path: Path) -> Music:
    file = read_midi(path)

    def ticks(tick: int) -> int:
        return round(tick * TICKS_PER_QUARTER / file.ticks_per_quarter)

    notes = [
        Note(
            *(ticks(n.onset_tick), ticks(n.offset_tick), n.pitch, n.velocity),
            *(n.channel, n.channel == DRUM_CHANNEL, 1, ""),
        )
        for n in file.notes
    ]
    notes.sort(key=lambda n: (n.onset_tick, n.channel, n.pitch))
    return Music(
        tuple(notes),
        tuple(TempoChange(ticks(tick), us) for tick, us in file.tempi),
        tuple(PedalChange(ticks(p.tick), p.channel, p.value) for p in file.pedals),
    )


@contextmanager
def cpu(total: dict[str, float], name: str, who: int) -> Iterator[None]:
    before = resource.getrusage(who)
    yield
    after = resource.getrusage(who)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    total[name] = total.get(name, 0.0) + spent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("midi", nargs="*", type=Path)
    parser.add_argument("--soundfont", default="TimGM6mb")
    parser.add_argument("--pieces", type=int, default=10)
    arguments = parser.parse_args()
    if shutil.which("fluidsynth") is None:
        sys.exit("the program fluidsynth is missing: apt install fluidsynth")
    pieces = [from_midi(path) for path in arguments.midi] or list(
        map(made_up, range(arguments.pieces))
    )
    font = find_soundfont(arguments.soundfont)
    spec = PerformanceSpec(1.0, arguments.soundfont)
    spent: dict[str, float] = {}
    seconds = 0.0
    with tempfile.TemporaryDirectory() as temporary:
        for i, music in enumerate(pieces):
            folder = Path(temporary) / str(i)
            with cpu(spent, "ours", resource.RUSAGE_SELF):
                seconds += perform(music, spec, folder).duration_s
            command = ["fluidsynth", "-ni", "-r", "22050", "-F", str(folder / "out.wav")]
            with cpu(spent, "bare", resource.RUSAGE_CHILDREN):
                subprocess.run(
                    [*command, str(font), str(folder / "performance.mid")],
                    check=True,
                    capture_output=True,
                )
            (folder / "out.wav").unlink()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{len(pieces)} pieces, {seconds / 60:.1f} minutes of audio, {arguments.soundfont}")
    print(f"performances    {spent['ours']:8.2f} s CPU, {seconds / spent['ours']:5.0f} x real time")
    print(f"bare FluidSynth {spent['bare']:8.2f} s CPU, {seconds / spent['bare']:5.0f} x real time")
    print(f"ratio           {spent['ours'] / spent['bare']:8.2f}")
    print(f"memory          {memory:8.0f} MB at most")


if __name__ == "__main__":
    main()
