"""Windows slid over whole pieces: over the strip of the sheet and over a recording.

No note head, onset or alignment is used: windows stand at equal distances. A sheet needs only its
pages and the boxes of its systems (`Paged`), a recording only its spectrogram.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from msmdtools.errors import MsmdError
from msmdtools.features.spectrogram import FRAMES_PER_SECOND
from msmdtools.inputs.pages import Sheet
from msmdtools.paper.strip import begin, unroll
from msmdtools.snippets.onsets import system_boxes

if TYPE_CHECKING:
    import pandas as pd

Image = NDArray[np.uint8]


class Paged(Protocol):
    """Page images and where the systems are on them: a piece of a dataset, or a `Sheet`.

    Attributes:
        piece: its id.
        pages: uint8 (height, width), as wide and upright as training pages; page n is pages[n - 1].
        systems: one row per staff of each system: page, system (in the piece), x0, y0, x1, y1 in px.
    """

    @property
    def piece(self) -> str:  # noqa: D102
        ...

    @property
    def pages(self) -> Sequence[Image]:  # noqa: D102
        ...

    @property
    def systems(self) -> "pd.DataFrame":  # noqa: D102
        ...


@dataclass(frozen=True, slots=True, eq=False)
class SheetWindows:
    """Windows of a sheet from left to right through all systems; arrays of one length.

    Attributes:
        images: uint8 (n, rows, columns), 255 is white; a view of the strip, not to be written to.
        page: page of each window's centre, from 1; (n,).
        system: its system in the piece, from 1; (n,).
        x: x of the window's centre in px of the page, or of the picture that a `Sheet` was made from; (n,).
        y: y of the middle of its system in the same px, (n,).
    """

    images: NDArray[np.uint8]
    page: NDArray[np.int64]
    system: NDArray[np.int64]
    x: NDArray[np.float64]
    y: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class AudioWindows:
    """Windows of a recording in time; arrays of one length.

    Attributes:
        spectrograms: (n, 92, frames), of the type of the spectrogram; a view, not to be written to.
        second: the start of each window's middle frame, where an onset would be; (n,).
    """

    spectrograms: NDArray[Any]
    second: NDArray[np.float64]


def sheet_windows(piece: Paged, shape: tuple[int, int], stride: int) -> SheetWindows:
    """Slide windows over a sheet, centred every `stride` pixels of the strip of its systems.

    The first centre is half a stride after the start of the first system. A window near the end of
    a system shows the beginning of the next one, as snippets do.

    Args:
        piece: the sheet.
        shape: rows and columns of a window, in px.
        stride: px between the centres of windows.

    Returns:
        The windows and where they are.

    Raises:
        MsmdError: the stride is not positive, or the piece has no systems.
        DatasetError: a file of the dataset is missing or damaged.
    """
    if stride < 1:
        raise MsmdError(f"the sheet stride is {stride} px; it must be at least 1")
    rows, columns = shape
    boxes: pd.DataFrame = system_boxes(piece.systems)
    if not len(boxes):
        raise MsmdError(f"{piece.piece}: no systems, so there is nothing to index")
    strip = unroll(piece.pages, boxes, rows, columns)
    numbers = np.array(sorted(strip.begins, key=strip.begins.__getitem__))
    begins = np.array([strip.begins[n] for n in numbers])
    lefts = np.array([strip.lefts[n] for n in numbers])
    total = begins[-1] + strip.widths[int(numbers[-1])]
    centres = np.arange(min(stride, total) / 2, total, stride)
    first = strip.pad + begin(float(centres[0]), columns)
    at = np.searchsorted(begins, centres, side="right") - 1
    box = boxes.loc[numbers[at]]
    page = box["page"].to_numpy(np.int64)
    x = centres - begins[at] + lefts[at]
    y = ((box["y0"] + box["y1"]) / 2).to_numpy(np.float64)
    if isinstance(piece, Sheet):
        x, y = piece.on_picture(page, x, y)
    return SheetWindows(
        images=_slid(strip.image, columns, first, stride, len(centres)),
        page=page,
        system=numbers[at].astype(np.int64),
        x=x,
        y=y,
    )


def edge_windows(frames: int, stride_s: float) -> int:
    """Return how many windows at either end of a recording are less than two thirds inside of it.

    Args:
        frames: number of frames in a window.
        stride_s: seconds between windows.
    """
    return -(-frames // (6 * round(stride_s * FRAMES_PER_SECOND)))


def audio_windows(spectrogram: NDArray[Any], frames: int, stride_s: float) -> AudioWindows:
    """Slide windows over a recording, one every `stride_s` seconds from its start, with silence around it.

    Args:
        spectrogram: (92, frames of the recording).
        frames: number of frames in a window.
        stride_s: seconds between windows, rounded to whole frames of 0.05 s.

    Returns:
        The windows and their times.

    Raises:
        MsmdError: the stride is less than a frame, or the recording has no frames.
    """
    step = round(stride_s * FRAMES_PER_SECOND)
    if step < 1:
        raise MsmdError(f"the audio stride is {stride_s:g} s; it must be at least 0.05")
    if not spectrogram.shape[1]:
        raise MsmdError("the recording is empty")
    before = frames // 2
    padded = np.pad(spectrogram, ((0, 0), (before, frames)))
    centres = np.arange(0, spectrogram.shape[1], step)
    windows = _slid(padded, frames, 0, step, len(centres))
    return AudioWindows(windows, centres / FRAMES_PER_SECOND)


def _slid(whole: NDArray[Any], columns: int, first: int, stride: int, count: int) -> NDArray[Any]:
    """Windows of a wide picture, the first one from column `first` on: (count, rows, columns)."""
    views = np.lib.stride_tricks.sliding_window_view(whole, columns, axis=1)
    return views[:, first::stride][:, :count].transpose(1, 0, 2)
