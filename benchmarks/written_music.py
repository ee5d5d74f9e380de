"""The written music beside that of partitura, an independent reader of MusicXML, note by note.

    python benchmarks/written_music.py NAME=FOLDER … [--every N] [--list]

Reads every Nth MusicXML and MXL file below each folder twice, through Verovio and `msmdtools.mei` and through
partitura (pip install partitura), and compares the notes that begin a sound, by their ids: pitch, bar, and onset
in quarter notes from the beginning of the bar. (The pitch of a transposing part is printed pitch in partitura,
that under an octave sign is sounding.) What differs is counted by kind. Known are:

- tremolo: the second note of a tremolo, which partitura begins in its middle, as it is printed
- rounded: behind notes of a tuplet, whose durations the file rounds to its divisions. partitura adds up what the
  file says, `msmdtools.mei` the notated lengths. A difference is of this kind if rounding explains it: half a
  division for each note of a tuplet before it in its voice and bar
- gap: behind gaps in a voice that no note values fill: Verovio writes them in 512th notes and longer ones, and
  msmdtools reads what it has written. A difference is of this kind if a 512th note for each gap explains it
- unison: a note that the file ties, and that partitura strikes, where another voice has its pitch at its time
- unpaired: a tie of which the file says one end only, or which it plays (tie) and does not print (tied)
- cue: a note that makes no sound

All that is left is "other"; --list prints each difference. "apart" is the share of notes that are the same among
those without a known difference. "bars" are those whose length differs, since rounded tuplets add up. It prints a
table in Markdown.
"""

import argparse
import math
import tempfile
import warnings
import zipfile
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import verovio
from lxml import etree

from msmdtools.base.text_table import pipes
from msmdtools.mei.musicxml import mend
from msmdtools.mei.reading import read
from msmdtools.mei.written import Written, WrittenNote

KNOWN = ("tremolo", "rounded", "gap", "unison", "unpaired", "cue")
KINDS = (*KNOWN, "other", "bars")
SAME = 1e-4
GAP = 4 / 512

Starts = dict[str, tuple[int, float, set[int]]]
"""For each note that begins a sound, by id: bar, onset in quarter notes from the beginning of the bar, pitches."""


def document(file: Path) -> etree._Element:
    """The MusicXML of a file, every note with an id."""
    if file.suffix == ".mxl":
        with zipfile.ZipFile(file) as archive:
            name = next(n for n in archive.namelist() if not n.startswith("META-INF"))
            root = etree.fromstring(archive.read(name))
    else:
        root = etree.parse(file).getroot()
    for number, note in enumerate(root.iter("note")):
        if note.get("id") is None:
            note.set("id", f"note-{number}")
    return root


def ours(root: etree._Element, toolkit: verovio.toolkit) -> Written:
    mended = mend(root)
    if not toolkit.loadData(etree.tostring(root, encoding="unicode")):
        raise ValueError("Verovio does not read it")
    mei = toolkit.getMEI({"scoreBased": True})
    return read(mei, audible=mended.audible, ties=mended.ties)


def starts_of(written: Written) -> Starts:
    return {
        n.id: (
            n.measure,
            float(n.onset - written.measures[n.measure].onset),
            {n.pitch, n.written_pitch},
        )
        for n in written.notes
        if n.strikes or not n.continues
    }


def theirs(root: etree._Element) -> tuple[Starts, set[str], list[float]]:
    """What partitura reads: notes that begin a sound, the ids of all notes, and the lengths of the bars."""
    import partitura

    with tempfile.NamedTemporaryFile(suffix=".musicxml") as file:
        file.write(etree.tostring(root))
        file.flush()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            score = partitura.load_musicxml(file.name)
    starts: Starts = {}
    every: set[str] = set()
    lengths: list[float] = []
    for part in score.parts:
        divisions = [(int(time), int(size)) for time, size in part.quarter_durations()]
        bars = [(int(m.start.t), int(m.end.t)) for m in part.iter_all(partitura.score.Measure)]
        begins = [begin for begin, _ in bars]
        sizes = [divisions[bisect_right(divisions, (begin, 1 << 60)) - 1][1] for begin in begins]
        lengths = [(end - begin) / size for (begin, end), size in zip(bars, sizes, strict=True)]
        every |= {note.id for note in part.notes}
        for note in part.notes_tied:
            if hasattr(note, "midi_pitch"):
                bar = max(bisect_right(begins, int(note.start.t)) - 1, 0)
                onset = (int(note.start.t) - begins[bar]) / sizes[bar]
                starts[note.id] = bar, onset, {note.midi_pitch}
    return starts, every, lengths


def compare(root: etree._Element, toolkit: verovio.toolkit) -> Iterator[tuple[str, str]]:
    """For each note that begins a sound for one of the two: "" or a kind of difference, and its id."""
    second = set(_seconds(root))
    elements = {note.get("id"): note for note in root.iter("note")}
    judged, known, lengths = theirs(root)
    written = ours(root, toolkit)
    rounding = _rounding(root)
    mine = starts_of(written)
    notes = {n.id: n for n in written.notes}
    for measure, length in zip(written.measures, lengths, strict=False):
        if abs(float(measure.duration) - length) > SAME:
            yield "bars", measure.number
    for name in sorted(judged.keys() | mine.keys()):
        if name not in known or name not in notes:
            yield "other", name
        elif name not in mine or name not in judged:
            yield _of_tie(notes[name], written, elements), name
        else:
            difference = _difference(mine[name], judged[name], written)
            if difference <= SAME:
                yield "", name
            elif name in second:
                yield "tremolo", name
            else:
                tuplets, gaps = rounding[name]
                kind = "rounded" if difference <= tuplets + SAME else "gap"
                yield kind if difference <= tuplets + gaps + SAME else "other", name


def _difference(
    mine: tuple[int, float, set[int]], judged: tuple[int, float, set[int]], written: Written
) -> float:
    """By how many quarter notes onsets differ; infinite where pitch or bar does."""
    bar, onset, pitches = mine
    if judged[0] == bar + 1 and abs(onset - float(written.measures[bar].duration)) < SAME:
        bar, onset = bar + 1, 0.0  # grace notes at the end of a bar
    if not pitches & judged[2] or bar != judged[0]:
        return math.inf
    return abs(onset - judged[1])


def _of_tie(note: WrittenNote, written: Written, elements: dict[str, etree._Element]) -> str:
    """The kind of a note that only one of the two takes as the continuation of another."""
    if note.reason:
        return "cue"
    element = elements[note.id]
    printed = _ends(element, "notations/tied", "stop")
    if _ends(element, "tie", "stop") != printed:
        return "unpaired"
    alike = [n for n in written.notes if n.pitch == note.pitch and n.id != note.id]
    if note.continues and printed:
        here = any(n.onset == note.onset and not n.grace for n in alike)
        return "unison" if here else "other"
    if note.continues:
        return "unpaired"
    before = [n for n in alike if not n.grace and n.onset + n.duration == note.onset]
    begun = any(_ends(elements[n.id], "notations/tied", "start") for n in before)
    return "unpaired" if printed and not begun else "other"


def _ends(note: etree._Element, path: str, kind: str) -> bool:
    return any(tie.get("type") == kind for tie in note.findall(path))


def _rounding(root: etree._Element) -> dict[str, tuple[float, float]]:
    """By how many quarter notes tuplets, and gaps, may have moved each note, by its id."""
    moved: dict[str, tuple[float, float]] = {}
    for part in root.iter("part"):
        divisions = 1.0
        for measure in part.iter("measure"):
            tuplets: dict[str, int] = defaultdict(int)
            gaps: dict[str, int] = defaultdict(int)
            ends: dict[str, float] = defaultdict(float)
            at, before = 0.0, (0.0, 0.0)
            for element in measure:
                divisions = float(element.findtext("divisions") or divisions)
                length = float(element.findtext("duration") or 0)
                if element.tag in ("backup", "forward"):
                    at += length if element.tag == "forward" else -length
                elif element.tag == "note":
                    if element.find("chord") is None:
                        voice = element.findtext("voice", "")
                        gaps[voice] += at > ends[voice]
                        before = tuplets[voice] / divisions / 2, gaps[voice] * GAP
                        tuplets[voice] += element.find("time-modification") is not None
                        at += length
                        ends[voice] = at
                    moved[element.get("id")] = before
    return moved


def _seconds(root: etree._Element) -> Iterator[str]:
    """The notes with which tremolos between two notes or chords end."""
    ending = False
    for note in root.iter("note"):
        if note.find("chord") is None:
            ending = any(t.get("type") == "stop" for t in note.iter("tremolo"))
        if ending:
            yield note.get("id")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folders", nargs="+", metavar="NAME=FOLDER")
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--list", action="store_true")
    given = parser.parse_args()
    verovio.enableLog(verovio.LOG_OFF)
    toolkit = verovio.toolkit()
    rows = [["collection", "pieces", "notes", "the same", "apart", *KINDS]]
    for folder in given.folders:
        name, _, path = folder.partition("=")
        files = sorted(f for f in Path(path).rglob("*") if f.suffix in (".mxl", ".musicxml"))
        counts: Counter[str] = Counter()
        pieces = 0
        for file in files[:: given.every]:
            try:
                found = list(compare(document(file), toolkit))
            except Exception as error:  # whatever partitura raises: the piece is named
                print(f"{file}: {error!r}")
                continue
            pieces += 1
            counts.update(kind for kind, _ in found)
            for kind, note in found if given.list else ():
                if kind:
                    print(f"{file}: {kind} {note}")
        total = counts.total() - counts["bars"]
        others = total - sum(counts[kind] for kind in KNOWN)
        same = [f"{100 * counts[''] / max(n, 1):.3f} %" for n in (total, others)]
        rows.append([name, str(pieces), f"{total:,}", *same, *(str(counts[k]) for k in KINDS)])
    print("\n".join(pipes(rows, left=(0,))))


if __name__ == "__main__":
    main()
