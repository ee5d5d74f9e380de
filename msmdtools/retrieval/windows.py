"""Windows slid over whole pieces: over the strip of the sheet and over a recording.

No note head, onset or alignment is used: windows stand at equal distances. Of a sheet only its
systems' boxes are needed, of a recording only its spectrogram.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from msmdtools.errors import MsmdError
from msmdtools.features.spectrogram import FRAMES_PER_SECOND
from msmdtools.snippets.onsets import system_boxes
from msmdtools.snippets.strip import begin, unroll

if TYPE_CHECKING:
    import pandas as pd

    from msmdtools.dataset.reader import DatasetPiece


@dataclass(frozen=True, slots=True, eq=False)
class SheetWindows:
    """Windows of a sheet from left to right through all systems; arrays of one length.

    Attributes:
        images: uint8, (n, rows, columns), 255 is white.
        page, system: where the window's centre is, from 1.
        x: the window's centre in pixels of the page.
    """

    images: NDArray[np.uint8]
    page: NDArray[np.int64]
    system: NDArray[np.int64]
    x: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class AudioWindows:
    """Windows of a recording in time; arrays of one length.

    Attributes:
        spectrograms: (n, 92, frames), of the type of the spectrogram.
        second: the start of the window's middle frame, which is where an onset would be.
    """

    spectrograms: NDArray[Any]
    second: NDArray[np.float64]


def sheet_windows(piece: "DatasetPiece", shape: tuple[int, int], stride: int) -> SheetWindows:
    """The windows of a piece of a dataset, centred every `stride` pixels of the strip.

    The first centre is half a stride behind the start of the first system. A window near the end of
    a system shows the beginning of the next one, as snippets do.

    Args:
        shape: rows and columns of a window.

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
    starts = [strip.pad + begin(float(centre), columns) for centre in centres]
    at = np.searchsorted(begins, centres, side="right") - 1
    return SheetWindows(
        images=np.stack([strip.image[:, start : start + columns] for start in starts]),
        page=boxes["page"].loc[numbers[at]].to_numpy(np.int64),
        system=numbers[at].astype(np.int64),
        x=centres - begins[at] + lefts[at],
    )


def audio_windows(spectrogram: NDArray[Any], frames: int, stride_s: float) -> AudioWindows:
    """The windows of a recording, one every `stride_s` seconds from its start, silence around it.

    Args:
        spectrogram: (92, frames of the recording).
        frames: of a window.
        stride_s: rounded to whole frames of 0.05 s.

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
    windows = np.stack([padded[:, centre : centre + frames] for centre in centres])
    return AudioWindows(windows, centres / FRAMES_PER_SECOND)
