"""Check the tables against pictures and sound: ink where heads are, energy where notes start.

Neither check uses the way in which the tables were made, so they find faults that tables which agree with
each other would hide: a picture of another page or scale, a spectrogram that is late, another piece's audio.
"""

import zlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from msmdtools.dataset.checks import SHOWN, Finding, Findings
from msmdtools.features.spectrogram import HOP, SAMPLE_RATE, WINDOW, band_frequencies

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]

MIN_DARKNESS = 0.2
SHIFTS = np.arange(-4, 5)
STEPS_PER_HEAD = 8
MIN_HEADS = 10

SAMPLED_ONSETS = 50
MIN_ONSETS = 8
MIN_RISE = 0.02
MIN_RISING = 0.9
CLEAR_S = 0.3
PEDAL_S = 2.0
LAGS = np.arange(-6, 7)
ALLOWED_LAGS = (-1, 3)
# Semitones from a note up to one whose onset its sound could hide: itself, neighbours, partials.
HIDING = (-1, 0, 1, 12, 19, 24)


@dataclass(frozen=True, slots=True)
class Evidence:
    """How much was compared with pictures and sound.

    Attributes:
        boxes: boxes of note heads on pages that could be read.
        inked: those with ink.
        onsets: onsets that were sampled.
        rising: those at which the sound rises.
    """

    boxes: int = 0
    inked: int = 0
    onsets: int = 0
    rising: int = 0

    def to_text(self) -> str:
        """The counts in words."""
        return (
            f"ink in {self.inked:,} of {self.boxes:,} boxes of note heads; "
            f"the sound rises at {self.rising:,} of {self.onsets:,} sampled onsets"
        )


def darkness(page: NDArray[np.uint8], boxes: Floats) -> Floats:
    """The mean darkness inside boxes, from 0 (white paper) to 1 (black).

    Args:
        page: (height, width).
        boxes: (n, 4), x0, y0, x1, y1 in pixels; parts of pixels count in part, and outside the page is white.
    """
    import cv2

    height, width = page.shape
    # Sums over all pixels above and left of a corner; between corners they are bilinear.
    sums = cv2.integral(255 - page, sdepth=cv2.CV_64F)
    x = np.clip(boxes[:, [0, 2]], 0, width)
    y = np.clip(boxes[:, [1, 3]], 0, height)
    total = np.zeros(len(boxes))
    for column, row, sign in ((1, 1, 1), (0, 1, -1), (1, 0, -1), (0, 0, 1)):
        left = np.minimum(x[:, column].astype(int), width - 1)
        top = np.minimum(y[:, row].astype(int), height - 1)
        u, v = x[:, column] - left, y[:, row] - top
        upper = sums[top, left] * (1 - u) + sums[top, left + 1] * u
        lower = sums[top + 1, left] * (1 - u) + sums[top + 1, left + 1] * u
        total += sign * (upper * (1 - v) + lower * v)
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return np.asarray(total / (255 * np.maximum(area, 1e-9)))


def check_ink(
    piece: str,
    heads: "pd.DataFrame",
    pages: Mapping[int, NDArray[np.uint8]],
    seen: Counter[str],
) -> Findings:
    """Check that each head's box has ink, and that no place nearby has more for all of them.

    A box has ink when its mean darkness is at least MIN_DARKNESS: a staff line alone, or the paper,
    has less, and the thinnest hollow head more. Then all boxes of the piece are moved together, up
    to four steps each way; a step is the height of a head over STEPS_PER_HEAD (0.95 px on a page
    835 px wide). Their darkness must be greatest unmoved or one step away. The boxes of pieces with fewer
    than MIN_HEADS heads are not moved.

    Args:
        piece: the piece id.
        heads: its rows of the noteheads table; boxes are in pixels of the page.
        pages: its page images by number, from 1: (height, width), 255 is white.
        seen: counts of what was compared (`Evidence`), to which this is added.

    Yields:
        A finding for each fault.
    """
    if heads.empty:
        return
    step = float((heads["y1"] - heads["y0"]).median()) / STEPS_PER_HEAD
    ink = np.zeros((len(SHIFTS), len(SHIFTS)))
    for number, page in pages.items():
        group = heads[heads["page"] == number]
        boxes = group[["x0", "y0", "x1", "y1"]].to_numpy(np.float64)
        dark = darkness(page, boxes)
        seen.update(boxes=len(dark), inked=int((dark >= MIN_DARKNESS).sum()))
        for k in np.flatnonzero(dark < MIN_DARKNESS)[:SHOWN]:
            what = f"no ink in the box (darkness {dark[k]:.2f})"
            where = f"notehead {group['notehead'].iloc[k]}, page {number}"
            yield Finding(piece, "ink", what, where)
        for row, dy in enumerate(SHIFTS):
            for column, dx in enumerate(SHIFTS):
                moved = boxes + step * np.array([dx, dy, dx, dy])
                ink[row, column] += darkness(page, moved).sum()
    dy, dx = SHIFTS[np.array(np.unravel_index(ink.argmax(), ink.shape))]
    if len(heads) >= MIN_HEADS and max(abs(dx), abs(dy)) > 1:
        what = f"boxes lie beside the heads: they fit better {dx * step:+.1f} px across, {dy * step:+.1f} px down"
        yield Finding(piece, "ink", what, "all pages")


def onset_rises(
    spectrogram: NDArray[np.float16], onsets: Floats, bands: NDArray[np.bool_]
) -> Floats:
    """The rise of each onset's bands, in the spectrogram's unit, log10(1 + magnitude).

    Frame i covers the WINDOW samples from int(HOP · i) on. Before: the last frame that ends before
    the onset (0 when there is none). After: the first frame that starts at or after the onset, or
    the one after that, whichever is greater. The rise is the greatest one of its bands; NaN where
    the spectrogram ends too early.

    Args:
        spectrogram: (92, frames).
        onsets: seconds, (n,).
        bands: the bands of each onset, (n, 92).

    Returns:
        The rises, (n,).
    """
    frames = spectrogram.shape[1]
    samples = onsets * SAMPLE_RATE
    before = np.floor((samples - WINDOW) / HOP).astype(int)
    after = np.ceil(samples / HOP).astype(int)
    result = np.full(len(onsets), np.nan)
    inside = after + 1 < frames
    before, after = before[inside], after[inside]
    quiet = spectrogram[:, np.maximum(before, 0)].astype(np.float64) * (before >= 0)
    loud = np.maximum(spectrogram[:, after], spectrogram[:, after + 1])
    result[inside] = np.where(bands[inside].T, loud - quiet, -np.inf).max(axis=0)
    return result


def sample_onsets(events: "pd.DataFrame", seed: int) -> NDArray[np.int64]:
    """The row numbers of up to SAMPLED_ONSETS events, drawn by `seed`, whose onset no other sound hides.

    Left out are events where, in the CLEAR_S seconds before the onset, a note sounded that has
    energy in the same bands: the same key, a neighbour, or one whose partial it is (HIDING); or
    where the same key was released in the PEDAL_S before, as the pedal may still hold it. Drums have
    no pitch: one is hidden by itself alone, and hides no note.
    """
    onset, offset, pitch, drum = (
        events[c].to_numpy() for c in ("onset_s", "offset_s", "pitch", "drum")
    )
    order = np.random.default_rng(seed).permutation(len(events))
    chosen: list[int] = []
    for k in order:
        if len(chosen) == SAMPLED_ONSETS:
            break
        earlier = onset < onset[k] - 1e-3
        sounding = earlier & (offset > onset[k] - CLEAR_S) & ~drum & ~drum[k]
        held = earlier & (offset > onset[k] - PEDAL_S) & (pitch == pitch[k]) & (drum == drum[k])
        if not np.isin(pitch[k] - pitch[sounding], HIDING).any() and not held.any():
            chosen.append(int(k))
    return np.array(sorted(chosen), np.int64)


def onset_lag(spectrogram: NDArray[np.float16], onsets: Floats, bands: NDArray[np.bool_]) -> int:
    """The number of frames by which the sound is late: the lag with the greatest mean rise at the onsets.

    The rise at frame i is that from frame i - 1 to frame i + 1, the mean over the onset's bands, falls
    counting as none; lag 0 is at the frame whose window's middle is nearest to the onset.

    Args:
        spectrogram: (92, frames).
        onsets: seconds, (n,), at least one.
        bands: the bands of each onset, (n, 92).

    Returns:
        The lag in frames, negative where the sound is early.
    """
    margin = len(LAGS)
    padded = np.pad(spectrogram.astype(np.float64), ((0, 0), (margin, margin)))
    frames = np.round((onsets * SAMPLE_RATE - WINDOW / 2) / HOP).astype(int) + margin
    columns = np.clip(frames[:, None] + LAGS, 1, padded.shape[1] - 2)
    rises = np.maximum(padded[:, columns + 1] - padded[:, columns - 1], 0)
    rises = (rises * bands.T[:, :, None]).sum(axis=0) / bands.sum(axis=1)[:, None]
    return int(LAGS[rises.mean(axis=0).argmax()])


def check_onsets(
    piece: str,
    performance: str,
    events: "pd.DataFrame",
    spectrogram: NDArray[np.float16],
    seen: Counter[str],
) -> Findings:
    """Check that the sound rises at sampled onsets, neither early nor late.

    The rise is that of the band nearest to the fundamental and its two neighbours (of any band for drums),
    the lag that of the nearest band alone. MIN_RISING of the onsets must rise by MIN_RISE (`onset_rises`),
    and `onset_lag` of all of them must be in ALLOWED_LAGS: a piano has 0, bowed strings 1, and slower sounds
    may have more. A performance with fewer than MIN_ONSETS such onsets is not checked.

    Args:
        piece: the piece id.
        performance: name of the performance.
        events: its rows of the events table, those of this performance.
        spectrogram: (92, frames).
        seen: counts of what was compared (`Evidence`), to which this is added.

    Yields:
        A finding for each fault.
    """
    events = events[events["pitch"].between(0, 127)]
    rows = sample_onsets(events, zlib.crc32(f"{piece}/{performance}".encode()))
    onsets = events["onset_s"].to_numpy(np.float64)[rows]
    rises = onset_rises(spectrogram, onsets, _bands(events.iloc[rows], 1))
    measured = ~np.isnan(rises)
    rising = rises[measured] >= MIN_RISE
    if len(rising) < MIN_ONSETS:
        return
    seen.update(onsets=len(rising), rising=int(rising.sum()))
    if rising.mean() < MIN_RISING:
        flat = np.count_nonzero(~rising)
        event = events["event"].to_numpy()[rows][measured][~rising][0]
        what = f"{flat} of {len(rising)} sampled onsets without a rise of energy"
        yield Finding(piece, "onsets", what, f"{performance}, such as event {event}")
    lag = onset_lag(spectrogram, onsets, _bands(events.iloc[rows], 0))
    if not ALLOWED_LAGS[0] <= lag <= ALLOWED_LAGS[1]:
        what = f"the sound is {abs(lag) * HOP / SAMPLE_RATE:.2f} s {'late' if lag > 0 else 'early'}"
        yield Finding(piece, "onsets", what, performance)


def _bands(events: "pd.DataFrame", around: int) -> NDArray[np.bool_]:
    """The bands at most `around` away from that of each event's fundamental; all for a drum. (n, 92)"""
    peaks = band_frequencies()
    semitones = events["pitch"].to_numpy(np.float64) + events["cents"].to_numpy() / 100
    fundamentals = 440 * 2.0 ** ((semitones - 69) / 12)
    nearest = np.abs(np.log2(peaks) - np.log2(fundamentals)[:, None]).argmin(axis=1)
    near = np.abs(np.arange(len(peaks)) - nearest[:, None]) <= around
    found: NDArray[np.bool_] = near | events["drum"].to_numpy(bool)[:, None]
    return found
