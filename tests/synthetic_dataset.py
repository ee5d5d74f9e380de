"""A small dataset made without an engraver: drawn staves and heads, sounding sines, all tables.

Two pieces of two pages, two systems a page, two staves a system, and a third piece that failed. The
upper staff moves in quarters, the lower in whole notes. The lower note of system 2's start is tied
over from system 1, the last upper head is silent, and the last event has no head.
"""

import hashlib
import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import mido
import numpy as np
import pyarrow.parquet as pq

from msmdtools.dataset import music_file, tables
from msmdtools.features.spectrogram import SAMPLE_RATE, spectrogram
from msmdtools.score import Music, Note, TempoChange

PIECES = ("BachJS__first", "BachJS__second")
PERFORMANCES_OF = {"Sine-000_x1.00": 1.0, "Sine-000_x2.00": 2.0}
WIDTH, HEIGHT, SPACE = 420, 500, 7
SECONDS_PER_QUARTER = 0.5
MELODY = (12, 17, 20, 15, 22, 25, 19, 23)
COLUMNS = len(MELODY)  # quarters in a system


def make(folder: Path) -> Path:
    """Writes the dataset to `folder`, which is new, and returns it."""
    rows: dict[str, list[dict[str, Any]]] = {table.name: [] for table in tables.TABLES}
    for number, piece in enumerate(PIECES):
        _piece(folder / "pieces" / piece, piece, 60 + 2 * number, rows)
    rows["pieces"].append(_failed("BachJS__third"))
    for table in tables.TABLES:
        write(folder, table.name, rows[table.name])
    description = {"format": tables.FORMAT, "options": {"width": WIDTH, "repeats": "written"}}
    (folder / tables.DESCRIPTION).write_text(json.dumps(description))
    return folder


def write(folder: Path, name: str, rows: list[dict[str, Any]]) -> None:
    """Writes one table, with few rows a row group so that reading by row group is tried."""
    table = next(table for table in tables.TABLES if table.name == name)
    pq.write_table(table.from_rows(rows), folder / f"{name}.parquet", row_group_size=40)


def edit(folder: Path, name: str, change: Callable[[list[dict[str, Any]]], object]) -> None:
    """Lets `change` alter the rows of a table in place."""
    rows = pq.read_table(folder / f"{name}.parquet").to_pylist()
    change(rows)
    write(folder, name, rows)


def without_measures(folder: Path) -> None:
    """Takes out of a dataset what versions that recorded no bars did not write."""
    (folder / "measures.parquet").unlink()
    pieces = folder / "pieces.parquet"
    pq.write_table(pq.read_table(pieces).drop_columns(["measures"]), pieces)


def _piece(folder: Path, piece: str, base: int, rows: dict[str, list[dict[str, Any]]]) -> None:
    folder.mkdir(parents=True)
    pages = [np.full((HEIGHT, WIDTH), 255, np.uint8) for _ in range(2)]
    systems = [_system(pages, piece, n) for n in range(1, 5)]
    heads, notes = _music(pages, piece, base)
    files = []
    for n, page in enumerate(pages, 1):
        files.append(f"page-{n:02d}.png")
        cv2.imwrite(str(folder / files[-1]), page)
    (folder / "score.pdf").write_bytes(b"%PDF-1.4\n")
    files.append(music_file.MUSIC_FILE)
    (folder / files[-1]).write_bytes(music_file.to_bytes(_written(notes)))
    for name, tempo in PERFORMANCES_OF.items():
        performance = folder / "performances" / name
        performance.mkdir(parents=True)
        row = {"piece": piece, "performance": name, "tempo": tempo}
        rows["performances"].append(row | _perform(performance, row, notes, rows["events"]))
        files += [f"performances/{name}/{f}" for f in ("performance.mid", "spectrogram.npy")]
    for file in sorted(files):
        size, sha = (folder / file).stat().st_size, _sha256(folder / file)
        rows["files"].append({"piece": piece, "file": file, "bytes": size, "sha256": sha})
    rows["systems"] += [row for system in systems for row in system]
    rows["measures"] += [row for n in range(1, 5) for row in _measures(piece, n)]
    rows["noteheads"] += heads
    part = {"piece": piece, "part": 0, "place": 1, "name": "", "short": "", "program": 0}
    rows["parts"].append(part | {"programs": [0], "drum": False, "events": len(notes)})
    roles = [head["role"] for head in heads]
    counts = {role: roles.count(role) for role in ("played", "tied", "silent")}
    rows["pieces"].append(
        _header(piece)
        | {"status": "ok", "stage": "", "reason": "", "message": "", "engine": "drawn"}
        | {"pages": 2, "systems": 4, "staves": 8, "noteheads": len(heads)}
        | counts
        | {"events": len(notes), "events_without_head": 1, "performances": len(PERFORMANCES_OF)}
        | {"parts": 1, "measures": 8}
    )


def _system(pages: list[np.ndarray], piece: str, number: int) -> list[dict[str, Any]]:
    """Draws a system's staff lines; its rows of the systems table."""
    page = (number + 1) // 2
    result = []
    for staff in (1, 2):
        y0, y1 = _top(number, staff), _top(number, staff) + 4 * SPACE
        for y in range(y0, y1 + 1, SPACE):
            pages[page - 1][y, 20 : WIDTH - 20] = 0
        place = {"piece": piece, "page": page, "system": number, "staff": staff}
        result.append(place | {"x0": 20.0, "y0": y0, "x1": WIDTH - 20.0, "y1": y1 + 1.0})
    return result


def _measures(piece: str, system: int) -> list[dict[str, Any]]:
    """The rows of a system's two bars in the measures table."""
    box = {"y0": _top(system, 1), "y1": _top(system, 2) + 4 * SPACE + 1.0}
    length = {"duration_quarters": 4.0, "duration_fraction": "4", "time_signature": "4/4"}
    rows = []
    for half, edges in enumerate([(20.0, 210.0), (210.0, WIDTH - 20.0)]):
        measure = 2 * (system - 1) + half
        row = {"piece": piece, "page": (system + 1) // 2, "system": system, "measure": measure}
        row |= {"number": str(measure + 1), "x0": edges[0], "x1": edges[1], "plays": 1}
        row |= {"onset_quarters": 4.0 * measure, "onset_fraction": str(4 * measure)}
        rows.append(row | box | length)
    return rows


def _music(pages: list[np.ndarray], piece: str, base: int) -> tuple[list[Any], list[Any]]:
    """Draws the heads; their rows, and the notes as (quarter, quarters, pitch, heads, reason)."""
    heads: list[dict[str, Any]] = []
    notes: list[list[Any]] = []
    place = {
        "piece": piece,
        "grace": False,
        "grace_quarters": 0.0,
        "cents": 0.0,
        "reason": "",
        "event": -1,
        "tied_to": -1,
    }
    for system in range(1, 5):
        for column in range(COLUMNS):
            quarter = COLUMNS * (system - 1) + column
            for staff in (1, 2) if column % 4 == 0 else (1,):
                pitch = base + MELODY[column] if staff == 1 else base - 12
                length = 1 if staff == 1 else 4
                x, y = 70 + 40 * column, _top(system, staff) + SPACE * (1 + column % 3)
                axes = (5, 3)
                cv2.ellipse(pages[(system - 1) // 2], (x, y), axes, 0, 0, 360, 0, cv2.FILLED)
                head = place | {"notehead": len(heads), "page": (system + 1) // 2}
                head |= {"system": system, "staff": staff, "pitch": pitch, "role": "played"}
                head |= {"x0": x - 5.0, "y0": y - 3.0, "x1": x + 6.0, "y1": y + 4.0}
                head |= {"onset_quarters": quarter, "onset_fraction": str(Fraction(quarter))}
                head |= {"duration_quarters": float(length)}
                if (system, column, staff) == (2, 0, 2):
                    tied_to = max(h["notehead"] for h in heads if h["pitch"] == pitch)
                    head |= {"role": "tied", "tied_to": tied_to}
                    notes[heads[tied_to]["event"]][1] += length
                    head["event"] = heads[tied_to]["event"]
                elif (system, column) == (4, 7):
                    head |= {"role": "silent", "reason": "cue"}
                else:
                    head["event"] = len(notes)
                    notes.append([quarter, length, pitch, 1, ""])
                head |= {"part": 0 if head["event"] >= 0 else -1, "source": ""}
                heads.append(head | {"events": [head["event"]] if head["event"] >= 0 else []})
    notes.append([COLUMNS * 4, 1, base + 30, 0, "percent-repeat"])
    return heads, notes


def _written(notes: list[Any]) -> Music:
    """The notes as the music that performances are made of."""
    return Music(
        tuple(
            Note(384 * quarter, 384 * (quarter + length), pitch, 64, 0, False, heads, reason)
            for quarter, length, pitch, heads, reason in notes
        ),
        (TempoChange(0, round(1e6 * SECONDS_PER_QUARTER)),),
        (),
    )


def _perform(
    folder: Path, performance: dict[str, Any], notes: list[Any], events: list[Any]
) -> dict[str, Any]:
    """Renders the notes as decaying sines; appends to `events`, returns the rest of the row."""
    tempo = performance["tempo"]
    beat = SECONDS_PER_QUARTER / tempo
    duration = notes[-1][0] * beat + 2.0
    audio = np.zeros(int(duration * SAMPLE_RATE))
    track = mido.MidiTrack()
    actions = []
    for event, (quarter, length, pitch, heads, reason) in enumerate(notes):
        onset, offset = quarter * beat, (quarter + length) * beat
        t = np.arange(int((offset - onset) * SAMPLE_RATE)) / SAMPLE_RATE
        tone = np.sin(2 * np.pi * 440 * 2 ** ((pitch - 69) / 12) * t) * np.exp(-3 * t)
        tone[-200:] *= np.linspace(1, 0, 200)
        start = int(onset * SAMPLE_RATE)
        audio[start : start + len(tone)] += 0.2 * tone
        actions += [(quarter, "note_on", pitch), (quarter + length, "note_off", pitch)]
        row = {key: performance[key] for key in ("piece", "performance")}
        row |= {
            "event": event,
            "pitch": pitch,
            "cents": 0.0,
            "drum": False,
            "part": 0,
            "onset_s": onset,
            "offset_s": offset,
            "velocity": 64,
        }
        events.append(row | {"heads": heads, "reason": reason})
    now = 0
    for quarter, kind, pitch in sorted(actions):
        track.append(mido.Message(kind, note=pitch, velocity=64, time=(quarter - now) * 384))
        now = quarter
    mido.MidiFile(ticks_per_beat=384, tracks=[track]).save(folder / "performance.mid")
    features = spectrogram((audio * 32767).clip(-32768, 32767).astype(np.int16))
    np.save(folder / "spectrogram.npy", features)
    row = {
        "soundfont": "Sine",
        "soundfont_sha256": "",
        "program": 0,
        "velocity": "64",
        "duration_s": duration,
    }
    row |= {"frames": features.shape[1], "midi_sha256": _sha256(folder / "performance.mid")}
    row |= {
        "spectrogram_sha256": _sha256(folder / "spectrogram.npy"),
        "audio_sha256": "",
        "audio_gain": 0,
        "alignment": "exact",
    }
    return row


def _header(piece: str) -> dict[str, Any]:
    texts = {column.name: "" for column in tables.PIECES.columns if column.type == "string"}
    numbers = {column.name: 0 for column in tables.PIECES.columns if column.type != "string"}
    named = {"piece": piece, "title": piece.split("__")[1].title(), "composer": "J. S. Bach"}
    return texts | numbers | named | {"licence": "CC0-1.0", "extra": "{}"}


def _failed(piece: str) -> dict[str, Any]:
    reason = {"status": "failed", "stage": "engrave", "reason": "timeout", "message": "took 600 s"}
    return _header(piece) | reason


def _top(system: int, staff: int) -> int:
    return 38 + 220 * ((system - 1) % 2) + 80 * (staff - 1)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
