"""What the folders of MSMD hold: sheets of heads and systems, recordings of events. See `msmdtools.export.msmd`.

Read are the files of the original, and those of `msmd export`, which say more of a head in items `msmdtools_…`.
"""

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from msmdtools.base.damage import Damage, why
from msmdtools.errors import PieceError
from msmdtools.export.msmd import OURS, STAVES
from msmdtools.features.spectrogram import BANDS
from msmdtools.performance import PerformanceSpec

Edges = tuple[float, float, float, float]
# PIECE_tempo-1000_FONT, with a program and a velocity that are not the usual ones.
_NAME = re.compile(r"(?:.*_)?tempo-(\d+)_(.+?)(?:-(\d{3}|src))?(?:_v(\d+|source))?")
_NOTES_COLUMNS = 3
_LAST_PROGRAM = 127
_LINK = "_note_event_idx"


@dataclass(frozen=True, slots=True)
class Head:
    """A note head of a sheet.

    Attributes:
        page: page, from 1.
        box: its left, top, right and bottom edge, in px.
        pitch: MIDI number; -1 if the file has none.
        tied: whether the file says that it continues another.
        system: its system, from 1; 0 for none.
        rows: the row of its event in `Recording.notes`, by the name of the recording.
        ours: its items `msmdtools_…`, without that.
    """

    page: int
    box: Edges
    pitch: int
    tied: bool
    system: int
    rows: Mapping[str, int]
    ours: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class System:
    """A system of a sheet, in the order of the piece.

    Attributes:
        page: page, from 1.
        staves: the edges of each staff, as far as they are known; else those of the system alone.
    """

    page: int
    staves: tuple[Edges, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """One score of a piece.

    Attributes:
        images: the files of its pages.
        pdf: its PDF; None if there is none.
        systems: system n is systems[n - 1].
        heads: its heads, in reading order.
    """

    images: tuple[Path, ...]
    pdf: Path | None
    systems: tuple[System, ...]
    heads: tuple[Head, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """One performance of a piece.

    Attributes:
        name: the name of its folder.
        spec: tempo, soundfont, program and velocity, as far as the name and the notes say.
        notes: float64 (events, 4): onset, pitch, duration, velocity; times in seconds.
        spectrogram: float16 (92, frames).
        midi: its MIDI file.
    """

    name: str
    spec: PerformanceSpec
    notes: NDArray[np.float64]
    spectrogram: NDArray[np.float16]
    midi: Path


def read_sheet(piece: Path) -> Sheet:
    """Read the score of a piece; of several, the first by name, as the original does.

    Args:
        piece: the folder of the piece.

    Returns:
        Its pages, systems and heads.

    Raises:
        PieceError: stage "source": there is none, or a file is missing or damaged.
    """
    folders = _entries(piece / "scores")
    if not folders:
        raise PieceError("source", "no-score", f"{piece / 'scores'} has no folder of a score")
    folder = folders[0]
    images = [path for path in _entries(folder / "img") if path.suffix.lower() == ".png"]
    graphs = [path for path in _entries(folder / "mung") if path.suffix == ".xml"]
    if not images or len(images) != len(graphs):
        message = f"{folder}: {len(images)} images in img, and {len(graphs)} files in mung"
        raise PieceError("source", "missing-source", message)
    nodes = [_nodes(path, page) for page, path in enumerate(graphs, start=1)]
    staves = [node for page in nodes for node in page if node.kind == "staff"]
    staves.sort(key=lambda node: (node.page, node.box[1], node.box[0]))
    systems = tuple(System(node.page, _staves(node)) for node in staves)
    system_of = {node.number: number for number, node in enumerate(staves, start=1)}
    heads = [
        _head(node, system_of)
        for page in nodes
        for node in page
        if node.kind.lower().startswith("notehead")
    ]
    pdf = next(iter(sorted(folder.glob("*.pdf"))), None)
    return Sheet(tuple(images), pdf, systems, tuple(sorted(heads, key=_reading_order)))


def read_recording(folder: Path) -> Recording:
    """Read a performance.

    Args:
        folder: its folder.

    Returns:
        Its events and files.

    Raises:
        PieceError: stage "source": a file is missing or damaged.
    """
    arrays = {ending: _array(folder, ending) for ending in ("notes", "spec")}
    notes, spectrogram = arrays["notes"], arrays["spec"]
    if notes.ndim != 2 or notes.shape[1] < _NOTES_COLUMNS or not np.isfinite(notes).all():
        raise _damaged(folder, f"its notes are an array of shape {notes.shape}")
    if spectrogram.ndim != 2 or len(spectrogram) != BANDS or not np.isfinite(spectrogram).all():
        raise _damaged(folder, f"its spectrogram is an array of shape {spectrogram.shape}")
    midis = [path for path in _entries(folder) if path.suffix in {".mid", ".midi"}]
    if len(midis) != 1:
        message = f"{folder} has {len(midis)} MIDI files, and is to have one"
        raise PieceError("source", "missing-source", message)
    velocity = notes[:, 3] if notes.shape[1] > _NOTES_COLUMNS else np.full(len(notes), 64.0)
    events = np.column_stack([notes[:, :_NOTES_COLUMNS], velocity])
    spec = _spec(folder.name, velocity)
    return Recording(folder.name, spec, events, spectrogram.astype(np.float16), midis[0])


@dataclass(frozen=True, slots=True)
class _Node:
    """A node of a graph, with the values of its data by key."""

    number: int
    kind: str
    page: int
    box: Edges
    outlinks: tuple[int, ...]
    data: Mapping[str, Any]


def _nodes(path: Path, page: int) -> list[_Node]:
    try:
        content = path.read_bytes()
        if b"<!DOCTYPE" in content:
            raise Damage("it has a document type, which such files do not have")
        root = ET.fromstring(content)
        elements = [*root.iter("CropObject"), *root.iter("Node")]
        return [_node(element, page) for element in elements]
    except (OSError, ET.ParseError, ValueError, TypeError) as error:
        raise _damaged(path, why(error)) from error


def _node(element: ET.Element, page: int) -> _Node:
    def number(name: str) -> float:
        return float(element.findtext(name) or "")

    left, top = number("Left"), number("Top")
    box = (left, top, left + number("Width"), top + number("Height"))
    links = tuple(int(link) for link in (element.findtext("Outlinks") or "").split())
    kind = element.findtext("ClassName") or element.findtext("MLClassName") or ""
    return _Node(int(number("Id")), kind, page, box, links, dict(_items(element)))


def _items(element: ET.Element) -> Iterator[tuple[str, Any]]:
    readers: dict[str, Any] = {"int": int, "float": float}
    for item in element.iter("DataItem"):
        key, kind, text = item.get("key") or "", item.get("type") or "str", item.text or ""
        if kind.startswith("list["):
            read = readers.get(kind[len("list[") : -1], str)
            yield key, [read(part) for part in text.split()]
        else:
            yield key, readers.get(kind, str)(text)


def _staves(node: _Node) -> tuple[Edges, ...]:
    edges = node.data.get(STAVES) or list(node.box)
    return tuple((x0, y0, x1, y1) for x0, y0, x1, y1 in zip(*[iter(edges)] * 4, strict=True))


def _head(node: _Node, system_of: Mapping[int, int]) -> Head:
    ours = {k.removeprefix(OURS): v for k, v in node.data.items() if k.startswith(OURS)}
    box = tuple(
        float(ours.get(n, e)) for n, e in zip(("x0", "y0", "x1", "y1"), node.box, strict=True)
    )
    rows = {k.removesuffix(_LINK): int(v) for k, v in node.data.items() if k.endswith(_LINK)}
    pitch = node.data.get("midi_pitch_code", -1)
    return Head(
        node.page,
        (box[0], box[1], box[2], box[3]),
        pitch if isinstance(pitch, int) and 0 <= pitch <= 127 else -1,
        node.data.get("tied", 0) == 1,
        next((system_of[link] for link in node.outlinks if link in system_of), 0),
        rows,
        ours,
    )


def _reading_order(head: Head) -> tuple[float, ...]:
    x0, y0, _, _ = head.box
    return (float(head.ours.get("notehead", 0)), head.page, head.system, x0, y0)


def _spec(name: str, velocity: NDArray[np.float64]) -> PerformanceSpec:
    """The specification of a performance of that name; a name of another form counts as that of a soundfont."""
    match = _NAME.fullmatch(name)
    tempo, font, program, stated = match.groups() if match else ("1000", name, None, None)
    one = {int(v) for v in np.unique(velocity)}
    loudness = one.pop() if len(one) == 1 and stated != "source" else None
    if program and program != "src" and int(program) > _LAST_PROGRAM:
        font, program = f"{font}-{program}", None
    number = None if program == "src" else int(program or 0)
    return PerformanceSpec(int(tempo) / 1000 or 1.0, font, number, loudness or None)


def _array(folder: Path, ending: str) -> NDArray[Any]:
    found = [path for path in _entries(folder / "features") if path.name.endswith(f"_{ending}.npy")]
    if len(found) != 1:
        message = f"{folder / 'features'} has {len(found)} files *_{ending}.npy, and is to have one"
        raise PieceError("source", "missing-source", message)
    try:
        return np.asarray(np.load(found[0], allow_pickle=False), np.float64)
    except (OSError, ValueError, EOFError, MemoryError, OverflowError, SyntaxError) as error:
        raise _damaged(found[0], why(error)) from error


def _entries(folder: Path) -> list[Path]:
    """What is in a folder, sorted, without hidden files; nothing if it is not there."""
    return sorted(folder.glob("[!.]*"))


def _damaged(path: Path, reason: str) -> PieceError:
    return PieceError("source", "damaged-source", f"{path}: {reason}")
