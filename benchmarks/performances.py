"""Account for every note of human performances in a dataset, against the published note alignments.

    msmd build ASAP --out D && msmd perform D --from ASAP
    python benchmarks/performances.py D --asap ASAP
    python benchmarks/performances.py D --vienna VIENNA --parangonar

The alignments of (n)ASAP (`.tsv`) and of the Vienna 4x22 corpus (`.match`) are read here by code of its own, and
MIDI files by mido. Printed for each performance, and in all:

- notes: performed notes of the file, and events of the dataset that sound; they must be as many;
- matched, ornaments, insertions, deletions; matched + deletions are the written notes of the passes played, and
  `once` those that the written music has, each of which must be there;
- pairs: of the alignment, and of these the ones that the dataset has, with the same note of the score, the
  same pass, pitch and onset (within 1 ms);
- ms: from the first onset to the first sample that is not silent (`--listen`, which renders the sound again);
- with `--parangonar`: the share of the published matches whose written note parangonar's alignment, made here from
  the MIDI file and the dataset alone, has within 10 ms, and the processor time for it.
"""

import argparse
import csv
import re
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import mido
import numpy as np
import pandas as pd

from msmdtools.dataset import reader
from msmdtools.perform.played import read_played, sounding
from msmdtools.perform.soundfonts import find_soundfont
from msmdtools.performed import parangonar
from msmdtools.performed.linking import link
from msmdtools.performed.reading import MIDI_ENDINGS
from msmdtools.performed.written import WrittenNotes

SAME_S, NEAR_S = 0.001, 0.010
SNOTE = re.compile(r"snote\(([^,]+),")
NOTE = re.compile(r"note\(\w+,(\d+),(\d+),")


def published(path: Path) -> tuple[list[tuple[str, float, int]], int]:
    """The pairs of an alignment as (id, onset in s, pitch), and how many notes it says were performed."""
    if path.suffix == ".tsv":
        with path.open(encoding="utf-8", newline="") as file:
            rows = [r for r in csv.DictReader(file, delimiter="\t") if r["midi_id"] != "deletion"]
        pairs = [
            (r["xml_id"], float(r["onset"]), int(r["pitch"]))
            for r in rows
            if r["xml_id"] != "insertion"
        ]
        return pairs, len(rows)
    text = path.read_text(encoding="utf-8")
    clock = {k: int(v) for k, v in re.findall(r"info\((midiClock\w+),(\d+)\)", text)}
    second = clock["midiClockRate"] / clock["midiClockUnits"] / 1e6
    pairs, performed = [], 0
    for line in text.splitlines():
        if (note := NOTE.search(line)) and not line.startswith("info"):
            performed += 1
            if score := SNOTE.match(line):
                pairs.append((score[1], int(note[2]) * second, int(note[1])))
    return pairs, performed


def struck_keys(path: Path) -> int:
    """How many notes a MIDI file has."""
    messages = (m for track in mido.MidiFile(path).tracks for m in track)
    return sum(m.type == "note_on" and m.velocity > 0 for m in messages)


def kept(pairs: list[tuple[str, float, int]], events: pd.DataFrame, ids: set[str]) -> int:
    """How many pairs the events of a performance have."""
    have: Counter[tuple[str, int, int, int]] = Counter()
    linked = events[events["link"].isin(("match", "ornament"))]
    columns = (linked[c] for c in ("source", "pass", "pitch", "onset_s"))
    for source, turn, pitch, onset in zip(*columns, strict=True):
        have[source, turn, pitch, round(onset / SAME_S)] += 1
    found = 0
    for identity, onset, pitch in pairs:
        source, turn = f"#{identity}", 1
        if source not in ids:
            base, _, number = identity.rpartition("-")
            source, turn = f"#{base}", int(number)
            source = source if source in ids or f"{source}-1" not in ids else f"{source}-1"
        at = round(onset / SAME_S)
        for key in ((source, turn, pitch, at + d) for d in (0, -1, 1)):
            if have[key]:
                have[key] -= 1
                found += 1
                break
    return found


def first_sound_ms(piece: reader.DatasetPiece, name: str) -> float:
    """Milliseconds from the first onset to the first sample that is not silent."""
    spec = piece.spec(name)
    played = read_played(piece.midi_path(name))
    start = 0
    for block in sounding(played, spec, find_soundfont(spec.soundfont)).blocks:
        loud = np.flatnonzero(np.abs(block) > 2)
        if len(loud):
            return 1000 * ((start + loud[0]) / 22050 - played.notes[0].onset_s)
        start += len(block)
    return float("nan")


def agreement(file: Path, written: WrittenNotes, events: pd.DataFrame) -> tuple[int, int, float]:
    """Published matches that parangonar has within 10 ms, published matches, and processor seconds."""
    begun = time.process_time()
    played = read_played(file)
    links = link(parangonar.align(played, written), written)
    seconds = time.process_time() - begun
    ours = {
        (e.note, e.turn): played.notes[e.played].onset_s for e in links.events if e.link == "match"
    }
    matched = events[events["link"] == "match"]
    near = sum(
        abs(ours.get((note, turn), np.inf) - onset) <= NEAR_S
        for note, turn, onset in zip(
            matched["note"], matched["pass"], matched["onset_s"], strict=True
        )
    )
    return near, len(matched), seconds


def sources(asap: Path | None, vienna: Path | None) -> Iterator[tuple[Path, Path]]:
    """The performed files with their alignments."""
    if asap:
        for path in sorted(asap.rglob("*.tsv")):
            yield path.with_suffix(".mid"), path
    if vienna:
        for path in sorted(vienna.rglob("*.match")):
            yield path, path


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--asap", type=Path, help="folder of scores and performances of (n)ASAP")
    parser.add_argument("--vienna", type=Path, help="folder of the Vienna 4x22 corpus")
    parser.add_argument("--listen", action="store_true", help="render the beginning of each sound")
    parser.add_argument("--parangonar", action="store_true", help="align anew with parangonar")
    arguments = parser.parse_args()
    dataset = reader.open(arguments.dataset)
    table = dataset.table("performances").to_pandas()
    table = table[table["kind"] == "performed"].drop_duplicates(["piece", "source_sha256"])
    by_file = {(row["source"], row["piece"]): row for row in table.to_dict("records")}
    total: Counter[str] = Counter()
    lags, done = [], set()
    for file, alignment in sources(arguments.asap, arguments.vienna):
        match = [
            row
            for (source, piece), row in by_file.items()
            if source == file.name
            and dataset[piece]
            .header["path"]
            .startswith(file.parent.name if arguments.asap else file.name.rpartition("_")[0])
        ]
        if len(match) != 1:
            print(f"{file}: {len(match)} performances in the dataset")
            total["missing"] += 1
            continue
        piece, name = dataset[match[0]["piece"]], match[0]["performance"]
        done.add((piece.piece, name))
        events = pd.concat([piece.events(name), piece.deletions(name)])
        pairs, said = published(alignment)
        midi = file.suffix.lower() in MIDI_ENDINGS
        links = Counter(events["link"])
        written = WrittenNotes.of(piece)
        have = set(events.loc[events["link"].isin(("match", "deletion")), "note"])
        counts = Counter(
            {
                "notes": struck_keys(file) if midi else said,
                "events": len(piece.events(name)),
                **{k: links[k] for k in ("match", "ornament", "insertion", "deletion")},
                "once": len(written.music.notes),
                "there": len(have & set(range(len(written.music.notes)))),
                "pairs": len(pairs),
                "kept": kept(pairs, events, set(piece.noteheads["source"])),
            }
        )
        line = f"{piece.piece[:36]:36} {name[:24]:24} " + " ".join(
            f"{key} {value}" for key, value in counts.items()
        )
        if arguments.listen:
            lags.append(first_sound_ms(piece, name))
            line += f" ms {lags[-1]:.1f}"
        if arguments.parangonar and midi:
            near, matches, seconds = agreement(file, written, piece.events(name))
            counts += Counter({"near": near, "matches": matches})
            line += f" near {near / matches:.4f} cpu_s {seconds:.1f}"
        total += counts
        print(line, flush=True)
    print(f"{len(done)} performances:", dict(total))
    print(f"notes in files - events: {total['notes'] - total['events']}")
    print(f"written notes without a row: {total['once'] - total['there']}")
    print(f"pairs kept: {total['kept']} of {total['pairs']}")
    if lags:
        print(f"first sound after the first onset: {min(lags):.1f} to {max(lags):.1f} ms")
    if total["matches"]:
        print(f"parangonar within 10 ms: {total['near'] / total['matches']:.4%}")


if __name__ == "__main__":
    main()
