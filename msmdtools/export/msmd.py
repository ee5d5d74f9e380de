"""A dataset in the folders of the original MSMD, so that programs written for it run.

    FOLDER/PIECE/PIECE.ly                                    a note of where the source is
    FOLDER/PIECE/PIECE.midi                                  that of the performance nearest to tempo 1
    FOLDER/PIECE/meta.yml                                    counts, title, composer, licence
    FOLDER/PIECE/scores/PIECE_ly/PIECE_ly.pdf
    FOLDER/PIECE/scores/PIECE_ly/img/01.png …                the pages
    FOLDER/PIECE/scores/PIECE_ly/mung/01.xml …               note heads and systems (MuNG, version 1)
    FOLDER/PIECE/scores/PIECE_ly/coords/notes_01.npy …       float64 (heads, 2): row and column of each centre
    FOLDER/PIECE/scores/PIECE_ly/coords/systems_01.npy …     float64 (systems, 4, 2): rows, columns of the corners
    FOLDER/PIECE/performances/NAME/NAME.midi                 NAME is PIECE_tempo-1000_SOUNDFONT
    FOLDER/PIECE/performances/NAME/features/NAME_notes.npy   float64 (events, 5), by onset, from the highest down
                                            NAME_onsets.npy  float32 (events,): frames, ascending
                                            NAME_midi.npy    uint8 (128, frames): keys that are down
                                            NAME_spec.npy    float32 (92, frames)
    FOLDER/split.yaml                                        with a split: pieces by part

Columns of `_notes.npy` are onset and pitch, duration, velocity and part; times are in seconds. A frame is a
twentieth of a second; an onset belongs to the first frame that does not begin before it.

In the original a system is a node of the class `staff`, whatever the number of its staves, and all heads are
`notehead-full`. A played head has, for each performance, `NAME_note_event_idx` (a row of `_notes.npy`; the first
one where repeats are unfolded), `NAME_onset_seconds`, `NAME_onset_frame`, `NAME_duration_seconds` and
`NAME_duration_frame`. What else the dataset knows of a head is in items `msmdtools_…`, under the names of its
columns, so that `msmd import-msmd` gives the same heads again.

Matthias Dorfer, Jan Hajič jr., Andreas Arzt, Harald Frostel, Gerhard Widmer: Learning Audio–Sheet Music
Correspondences for Cross-Modal Retrieval and Piece Identification, TISMIR 1(1), 2018.
"""

import json
import shutil
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from msmdtools.dataset.reader import DatasetPiece
from msmdtools.export.boxes import HEAD, SYSTEM, Box, page_boxes
from msmdtools.export.notation import Node, Value, crop_objects_xml, pixels
from msmdtools.export.task import Task
from msmdtools.performance import PerformanceSpec

FRAMES_PER_S = 20
KEYS = 128
OURS = "msmdtools_"
"""How the keys of data begin that the original does not have."""
STAVES = f"{OURS}staves"
"""Key of a system's staves: x0, y0, x1, y1 of each."""
DATASET = "msmd"


@dataclass(frozen=True, slots=True, eq=False)
class Sound:
    """One performance of a piece, as its files have it.

    Attributes:
        performance: its name in the dataset.
        name: its name in the folders.
        notes: float64 (events, 5): onset, pitch, duration, velocity, part.
        row: int64 (notes,): the row of `notes` of each written note; -1 for one that was not played.
    """

    performance: str
    name: str
    notes: NDArray[np.float64]
    row: NDArray[np.int64]


def write(task: Task) -> Counter[str]:
    """Write the pieces of a task in the folders of MSMD.

    Args:
        task: the work.

    Returns:
        The number of images, performances, and of objects by category.

    Raises:
        DatasetError: a file of the dataset is missing or damaged.
    """
    written: Counter[str] = Counter()
    for piece in task.each():
        folder = task.folder / piece.piece
        # A recording has no MIDI file, which MSMD has of each performance.
        names = [str(n) for n in piece.performances.index if not piece.is_recorded(str(n))]
        sounds = [_sound(piece, name) for name in names]
        for sound in sounds:
            _write_performance(piece, sound, folder / "performances" / sound.name)
        written += _write_score(piece, sounds, folder / "scores" / f"{piece.piece}_ly")
        written["performances"] += len(sounds)
        synthetic = [n for n in piece.performances.index if not piece.is_human(str(n))]
        nearest = min(synthetic or names, key=lambda n: abs(piece.spec(str(n)).tempo - 1))
        shutil.copyfile(piece.midi_path(str(nearest)), folder / f"{piece.piece}.midi")
        (folder / f"{piece.piece}.ly").write_text(_source_note(piece), encoding="utf-8")
        (folder / "meta.yml").write_text(_yaml(_meta(piece, sounds)), encoding="utf-8")
    if task.split:
        pieces_of = defaultdict(list)
        for name, part in sorted(task.split.items()):
            pieces_of[part].append(name)
        (task.folder / "split.yaml").write_text(_yaml(pieces_of), encoding="utf-8")
    return written


def performance_name(piece: str, spec: PerformanceSpec) -> str:
    """The name of a performance in MSMD's way, such as "PIECE_tempo-1000_FluidR3_GM".

    A program other than the grand piano, and a velocity other than 64, are added to the soundfont.
    """
    font = Path(spec.soundfont).stem if spec.soundfont.lower().endswith((".sf2", ".sf3")) else ""
    program = "-src" if spec.program is None else f"-{spec.program:03d}" if spec.program else ""
    velocity = "" if spec.velocity == 64 else f"_v{spec.velocity or 'source'}"
    tempo = round(1000 * spec.tempo)
    return f"{piece}_tempo-{tempo}_{font or spec.soundfont}{program}{velocity}"


def frames(seconds: NDArray[np.float64]) -> NDArray[np.int64]:
    """The first frame that does not begin before each time."""
    # Times such as 0.15 s are a hair off a frame in binary numbers.
    return np.ceil(np.round(seconds * FRAMES_PER_S, 6)).astype(np.int64)


def _sound(piece: DatasetPiece, performance: str) -> Sound:
    events = piece.events(performance)
    onset, offset, pitch = (
        events[name].to_numpy(np.float64) for name in ("onset_s", "offset_s", "pitch")
    )
    order = np.lexsort((events["event"].to_numpy(), -pitch, onset))
    row_of = np.empty(len(order), np.int64)
    row_of[order] = np.arange(len(order))
    event = piece.sounds(performance)[:, 2].astype(np.int64)
    row = np.where(event >= 0, row_of[event], -1)
    rest = events[["velocity", "part"]].to_numpy(np.float64)
    notes = np.column_stack([onset, pitch, offset - onset, rest])[order]
    name = performance_name(piece.piece, piece.spec(performance))
    if piece.is_human(performance):
        name = f"{piece.piece}_tempo-1000_{performance}"
    return Sound(performance, name, notes, row)


def _write_performance(piece: DatasetPiece, sound: Sound, folder: Path) -> None:
    features = folder / "features"
    features.mkdir(parents=True)
    shutil.copyfile(piece.midi_path(sound.performance), folder / f"{sound.name}.midi")
    onset, pitch = sound.notes[:, 0], sound.notes[:, 1].astype(np.int64)
    starts, ends = frames(onset), frames(onset + sound.notes[:, 2])
    keys = np.zeros((KEYS, int(ends.max(initial=0))), np.uint8)
    for key, start, end in zip(pitch, starts, ends, strict=True):
        keys[key, start:end] += 1
    for name, array in (
        ("notes", sound.notes),
        ("onsets", np.sort(starts).astype(np.float32)),
        ("midi", keys),
        ("spec", piece.spectrogram(sound.performance).astype(np.float32)),
    ):
        np.save(features / f"{sound.name}_{name}.npy", array)
    spec = piece.spec(sound.performance).to_json()
    (folder / "meta.yml").write_text(_yaml(spec), encoding="utf-8")


def _write_score(piece: DatasetPiece, sounds: Sequence[Sound], folder: Path) -> Counter[str]:
    for name in ("img", "mung", "coords"):
        (folder / name).mkdir(parents=True)
    if piece.pdf_path.is_file():
        shutil.copyfile(piece.pdf_path, folder / f"{folder.name}.pdf")
    written: Counter[str] = Counter()
    for page, image in enumerate(piece.pages, start=1):
        (folder / "img" / f"{page:02d}.png").write_bytes(piece.pages.content(page - 1))
        height, width = image.shape
        boxes: dict[str, list[Box]] = defaultdict(list)
        for box in page_boxes(piece, page, width, height):
            boxes[box.category].append(box)
        heads, systems = boxes[HEAD], boxes[SYSTEM]
        text = crop_objects_xml(
            _nodes(piece, heads, systems, sounds), DATASET, f"{folder.name}-P{page - 1:02d}"
        )
        (folder / "mung" / f"{page:02d}.xml").write_text(text, encoding="utf-8")
        np.save(folder / "coords" / f"notes_{page:02d}.npy", _centres(heads))
        np.save(folder / "coords" / f"systems_{page:02d}.npy", _corners(systems))
        written += Counter({"images": 1, HEAD: len(heads), SYSTEM: len(systems)})
    meta = {"n_pages": len(piece.pages), "engine": str(piece.header["engine"])}
    (folder / "meta.yml").write_text(_yaml(meta), encoding="utf-8")
    return written


def _nodes(
    piece: DatasetPiece, heads: Sequence[Box], systems: Sequence[Box], sounds: Sequence[Sound]
) -> Iterator[Node]:
    """The nodes of a page: ids count through the piece, heads first."""
    number_of = {box.attributes["system"]: len(piece.noteheads) + box.number for box in systems}
    on_system: dict[int, list[int]] = defaultdict(list)
    for box in heads:
        system = number_of.get(box.attributes["system"])
        links = [] if system is None else [system]
        for number in links:
            on_system[number].append(box.number)
        here = pixels(box.x0, box.y0, box.x1, box.y1)
        yield Node(box.number, "notehead-full", *here, None, (), links, _data(box, sounds))
    edges = ["x0", "y0", "x1", "y1"]
    for box in systems:
        number = number_of[box.attributes["system"]]
        own = piece.systems[piece.systems["system"] == box.attributes["system"]]
        data = {STAVES: own[edges].to_numpy(np.float64).ravel().tolist()}
        here = pixels(box.x0, box.y0, box.x1, box.y1)
        yield Node(number, "staff", *here, None, on_system[number], (), data)


def _data(box: Box, sounds: Sequence[Sound]) -> dict[str, Value]:
    """The data of a head."""
    head = box.attributes
    data: dict[str, Value] = {
        "midi_pitch_code": head["pitch"],
        "tied": int(head["role"] == "tied"),
    }
    if head["role"] == "played":
        for sound in sounds:
            row = int(sound.row[head["event"]])
            if row < 0:
                continue
            seconds = sound.notes[row, [0, 2]]
            for kind, value in zip(("onset", "duration"), seconds, strict=True):
                data[f"{sound.name}_{kind}_seconds"] = float(value)
                data[f"{sound.name}_{kind}_frame"] = int(frames(value))
            data[f"{sound.name}_note_event_idx"] = row
    if head.get("source"):
        data["ly_link"] = f"textedit:///{head['source']}"
    ours = {"x0": box.x0, "y0": box.y0, "x1": box.x1, "y1": box.y1, **head}
    for name, value in ours.items():
        if value != "":  # which readers take for nothing at all
            data[OURS + name] = int(value) if isinstance(value, bool) else value
    return data


def _centres(heads: Sequence[Box]) -> NDArray[np.float64]:
    """Row and column of each head's centre; pixel 0 has its centre at 0."""
    places = [((box.y0 + box.y1 - 1) / 2, (box.x0 + box.x1 - 1) / 2) for box in heads]
    return np.array(places, np.float64).reshape(-1, 2)


def _corners(systems: Sequence[Box]) -> NDArray[np.float64]:
    """Row and column of the corners of each system, from the top left clockwise."""
    corners = [((b.y0, b.x0), (b.y0, b.x1), (b.y1, b.x1), (b.y1, b.x0)) for b in systems]
    return np.array(corners, np.float64).reshape(-1, 4, 2)


def _meta(piece: DatasetPiece, sounds: Sequence[Sound]) -> dict[str, Any]:
    row = piece.header
    events = len(sounds[0].notes) if sounds else 0
    statistics = {
        "n_mungos": int(row["noteheads"] + row["systems"]),
        "n_system_mungos": int(row["systems"]),
        "n_events": events,
        "n_aln_pairs": int(row["played"]),
        "n_mungos_aligned_correct_pitch": int(row["played"]),
        "n_mungos_not_aligned_tied": int(row["tied"]),
        "n_mungos_not_aligned_not_tied": int(row["silent"]),
        "n_events_without_corresponding_mungo": int(row["events_without_head"]),
    }
    texts = ("title", "composer", "opus", "style", "date", "licence", "licence_text", "path")
    return {
        "n_pages": len(piece.pages),
        "n_performances": len(sounds),
        "n_scores": 1,
        "aligned_well": True,
        "processed": True,
        "aln_piece_stats": statistics,
        **{name: str(row[name]) for name in texts},
    }


def _source_note(piece: DatasetPiece) -> str:
    row = piece.header
    return (
        f"% {piece.piece}: the source is not part of the dataset.\n"
        f"% path: {row['path']}\n% sha256: {row['sha256']}\n"
    )


def _yaml(values: Mapping[str, Any]) -> str:
    """A mapping as YAML: a line for each key, its value as JSON, which is YAML too."""
    return "".join(f"{key}: {json.dumps(value)}\n" for key, value in values.items())
