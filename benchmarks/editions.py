"""Scanned editions with marked beats, as sheet-midi-sync has them, and how far an alignment is from the marks.

Used by real.py and confidence.py. FOLDER is that of sheet-midi-sync, or one that holds its files flat:
NAME_vN.pdf, NAME.mid, NAME_beats.csv (where each beat is printed) and NAME_seconds.csv or midi/NAME.csv (when it
is played).
"""

import csv
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pypdfium2
from numpy.typing import NDArray

from msmdtools.features.spectrogram import spectrogram_parts
from msmdtools.follow.alignment import Alignment
from msmdtools.inputs.midi import read_music
from msmdtools.inputs.pages import Sheet
from msmdtools.paper.width import NOMINAL_WIDTH
from msmdtools.perform.soundfonts import find_soundfont
from msmdtools.perform.synth import rendering
from msmdtools.performance import PerformanceSpec


@dataclass(frozen=True, slots=True)
class Beat:
    """A beat of an edition: when it is played, and where it is printed, in points from a border of the page."""

    second: float
    page: int
    system: int
    x: float


@dataclass(frozen=True, slots=True)
class Edition:
    """A scanned edition of a piece, with its beats in the order in which they are played."""

    name: str
    piece: str
    pdf: Path
    midi: Path
    beats: tuple[Beat, ...]
    systems: Mapping[int, int]
    """How many systems of the piece each page has, those without a marked beat included."""


def editions(folder: Path) -> Iterator[Edition]:
    for marks in sorted(folder.rglob("*_beats.csv")):
        piece = marks.name.removesuffix("_beats.csv")
        pdfs = {path.stem: path for path in sorted(folder.rglob(f"{piece}_v*.pdf"))}
        midi = next(iter(sorted(folder.rglob(f"{piece}.mid"))), None)
        times = next(
            (path for n in (f"{piece}_seconds.csv", f"{piece}.csv") for path in folder.rglob(n)),
            None,
        )
        if midi is None or times is None:
            continue
        seconds = [float(row.split(",")[0]) for row in times.read_text("utf-8-sig").split()]
        rows = defaultdict(list)
        with open(marks, encoding="utf-8-sig", newline="") as file:
            for row in csv.DictReader(file):
                rows[row["score"].rsplit("_", 1)[1]].append(row)
        for version, marked in rows.items():
            name = f"{piece}_{version}"
            if name not in pdfs:
                continue
            beats = [
                Beat(second, int(row["page"]) + 1, int(row["strip"]), float(row["hpixel"]))
                # Some pieces have a beat or two more in one of the files, at its end.
                for second, row in zip(seconds, marked, strict=False)
                if row["hpixel"].strip()
            ]
            counts: dict[int, int] = defaultdict(int)
            for row in marked:
                page = int(row["page"]) + 1
                counts[page] = max(counts[page], int(row["strip"]))
            yield Edition(name, piece, pdfs[name], midi, tuple(beats), dict(counts))


def heard(midi: Path, soundfont: str) -> NDArray[np.float16]:
    """The spectrogram of a MIDI file with its own velocities and pedals."""
    spec = PerformanceSpec(1.0, soundfont, velocity=None)
    sound = rendering(read_music(midi), spec, find_soundfont(soundfont)).rounded()
    return np.concatenate(list(spectrogram_parts(sound)), axis=1)


def errors_s(
    edition: Edition, numbers: dict[int, list[int]], found: Alignment
) -> NDArray[np.float64]:
    """The error of each beat in s; infinite on pages with a wrong number of systems.

    `numbers` are those of `numbers_of`.
    """
    wanted = edition.systems
    whole = {page for page, count in wanted.items() if len(numbers.get(page, ())) == count}
    document = pypdfium2.PdfDocument(edition.pdf)
    points = {page: document[page - 1].get_width() / NOMINAL_WIDTH for page in wanted}
    axis = found.axis
    strip = found.at([beat.second for beat in edition.beats])
    # Before the first moment the music has not moved yet.
    strip = np.where(np.isnan(strip), found.strip[0], strip)
    places = axis.places(strip)
    named = {
        system: (page, n)
        for page, systems in numbers.items()
        for n, system in enumerate(systems, 1)
    }
    here = [
        (*named.get(int(system), (int(page), 0)), float(x) * points.get(int(page), 1.0))
        for page, system, x in zip(places.page, places.system, places.x, strict=True)
    ]
    border = borders(edition.beats, here)
    rights = {named[int(s)]: k for k, s in enumerate(axis.system) if int(s) in named}
    boxes = axis.boxes()
    lines: dict[tuple[int, int], list[tuple[float, float]]] = defaultdict(list)
    for number, beat in enumerate(edition.beats):
        key = beat.page, beat.system
        lines[key].append((beat.x + border.get(beat.page, 0.0), beat.second))
        following = edition.beats[number + 1] if number + 1 < len(edition.beats) else None
        if following and (following.page, following.system) != key and key in rights:
            end = boxes[rights[key], 2] * points[beat.page]
            lines[key].append((max(end, lines[key][-1][0]), following.second))
    errors = np.full(len(edition.beats), np.inf)
    for number, (beat, (page, system, x)) in enumerate(zip(edition.beats, here, strict=True)):
        if beat.page in whole and page in whole and (page, system) in lines:
            xs, seconds = np.array(lines[page, system]).T
            order = np.argsort(xs, kind="stable")
            errors[number] = abs(float(np.interp(x, xs[order], seconds[order])) - beat.second)
    return errors


def numbers_of(edition: Edition, sheet: Sheet) -> dict[int, list[int]]:
    """The systems found on each marked page, from top to bottom, without those of other music.

    The piece may begin below other music and end above it: on its first page what is too much is left out
    at the top, on its last page at the bottom.
    """
    table = sheet.systems.drop_duplicates("system")
    numbers = {int(page): rows["system"].tolist() for page, rows in table.groupby("page")}
    wanted = edition.systems
    first, last = min(wanted), max(wanted)
    if first != last:
        numbers[first] = numbers.get(first, [])[-wanted[first] :]
    numbers[last] = numbers.get(last, [])[: wanted[last]]
    return {page: numbers[page] for page in wanted if page in numbers}


def borders(beats: tuple[Beat, ...], here: list[tuple[int, int, float]]) -> dict[int, float]:
    """What had been cut off each page at its left before it was marked, in points: the median difference."""
    apart = defaultdict(list)
    for beat, (page, system, x) in zip(beats, here, strict=True):
        if (page, system) == (beat.page, beat.system):
            apart[page].append(x - beat.x)
    every = [value for values in apart.values() for value in values]
    known = {page: float(np.median(values)) for page, values in apart.items() if len(values) >= 5}
    middle = float(np.median(every)) if every else 0.0
    return {beat.page: known.get(beat.page, middle) for beat in beats}
