"""Windows slid over whole pieces: over the strip of the sheet and over a recording.

No note head, onset or alignment is used: windows stand at equal distances. A sheet needs only its
pages and the boxes of its systems (`Paged`), a recording only its spectrogram.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from msmdtools.errors import MsmdError
from msmdtools.features.spectrogram import FRAMES_PER_SECOND
from msmdtools.inputs.pages import as_shown
from msmdtools.paper.axis import Image, Paged
from msmdtools.paper.strip import begin, unroll


@dataclass(frozen=True, slots=True, eq=False)
class SheetWindows:
    """Windows of a sheet from left to right through all systems; arrays of one length.

    Attributes:
        images: uint8 (n, rows, columns), 255 is white; a view of the strip, not to be written to.
        page: page of each window's centre, from 1; (n,).
        system: its system in the piece, from 1; (n,).
        x: x of the window's centre in px of the page, or of the picture from which a `Sheet` was read; (n,).
        y: y of the middle of its system in the same px, (n,).
    """

    images: Image
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

    In the strip all staves have the height that models are trained on.

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
    if not len(piece.systems):
        raise MsmdError(f"{piece.piece}: no systems, so there is nothing to index")
    strip = unroll(piece, rows, columns)
    length = strip.axis.length
    centres = np.arange(min(stride, length) / 2, length, stride)
    first = strip.pad + begin(float(centres[0]), columns)
    images = _slid(strip.image, columns, first, stride, len(centres))
    return SheetWindows(images, *as_shown(piece, strip.axis.on_pages(centres)))


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
