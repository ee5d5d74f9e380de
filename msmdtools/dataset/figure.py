"""Draw one page and its sound, with note heads and onsets in the same colours.

Above, the page at twice its size: each head's ink coloured, systems outlined and numbered, staves
marked, and a line at the left of each bar with its number at the foot, where the dataset has bars.
Below, the spectrogram from the first onset on the page to when the music leaves it, with a dot for
every note event that starts on the page, at its onset and at its pitch's frequency, and a black ring
for one that no head stands for (a written-out tremolo, or a wrong note of a human performance).

Colours are those of time ("onset": dark blue is early on this page, orange is late; the strip above
the time axis is the key; a tied head has the colour of the note that it continues, a silent one is
grey, as is one that the performance leaves out) or of roles ("role").
"""

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from msmdtools.base import drawing
from msmdtools.base.drawing import Canvas, Colour
from msmdtools.base.files import write_atomically
from msmdtools.dataset.reader import Dataset, DatasetPiece
from msmdtools.errors import DatasetError, MsmdError
from msmdtools.features.spectrogram import (
    BANDS,
    FRAMES_PER_SECOND,
    SAMPLE_RATE,
    WINDOW,
    band_frequencies,
)
from msmdtools.performance import EXACT, PLAYED_LINKS

if TYPE_CHECKING:
    import pandas as pd

COLOURINGS = ("onset", "role")
FREQUENCIES = (50, 100, 200, 500, 1000, 2000, 5000)
AROUND_S = 0.25

# In pixels of the figure, which is SCALE times as large as the page.
SCALE = 2
MARGIN = 40
LEFT = 150
BELOW = 150
PADDING = 14
TITLE, LABEL, SMALL, TINY = 38, 30, 24, 18
ROW = 5
STRIP = 14
# Half-axes of a head's coloured ellipse, in widths and heights of its box.
HALO = 0.7
SYSTEM: Colour = (110, 150, 180)
STAFF: Colour = (200, 218, 232)
BAR: Colour = (226, 120, 96)


def show(
    dataset: Dataset,
    piece: str,
    page: int | None = None,
    performance: str | None = None,
    color: str = "onset",
) -> NDArray[np.uint8]:
    """Draw a page of a piece, and the sound of one performance while the music is on it.

    Args:
        dataset: the dataset.
        piece: the piece id.
        page: page, from 1; None for the first one with note heads.
        performance: name of a performance of the piece; None for the first.
        color: "onset" or "role": what the colours of note heads stand for.

    Returns:
        The figure as an RGB image, uint8, (height, width, 3).

    Raises:
        DatasetError: there is no such piece, page or performance.
        MsmdError: `color` is neither.
    """
    if color not in COLOURINGS:
        raise MsmdError(f"color is {' or '.join(COLOURINGS)}, not {color!r}")
    view = dataset[piece]
    performance = view.performance_name(performance)
    heads = view.noteheads
    if page is None:
        page = int(heads["page"].min()) if len(heads) else 1
    if not 1 <= page <= len(view.pages):
        raise DatasetError(f"{piece} has no page {page}; its pages are 1 to {len(view.pages)}")
    colours = _head_colours(view, page, performance, color)
    upper = draw_page(view, page, colours)
    title = _draw_title(view, page, performance, color, upper.shape[1])
    lower = _draw_sound(view, page, performance, colours, color, upper.shape[1])
    return np.concatenate([title, upper, lower])


def save(image: NDArray[np.uint8], path: Path) -> None:
    """Write a figure, in the format that the file's ending names, at 300 dots per inch.

    Raises:
        MsmdError: the ending names no format of pictures, or there is no such folder.
    """
    from PIL import Image

    form = Image.registered_extensions().get(path.suffix.lower())
    if form not in Image.SAVE:
        raise MsmdError(f"{path}: not the name of a picture; give one such as page.png")
    if not path.absolute().parent.is_dir():
        raise MsmdError(f"{path}: there is no folder {path.parent}; make it first")
    content = io.BytesIO()
    Image.fromarray(image).save(content, format=form, dpi=(300, 300))
    write_atomically(path, content.getvalue())


def _span(view: DatasetPiece, page: int, performance: str) -> tuple[float, float] | None:
    """From the first onset on a page to when the music leaves it, in seconds."""
    passages = [passage for passage in view.passages(performance) if passage.page == page]
    if not passages:
        return None
    return min(passage.times[0] for passage in passages), max(
        passage.times[-1] for passage in passages
    )


def _head_colours(view: DatasetPiece, page: int, performance: str, color: str) -> dict[int, Colour]:
    """The colour of each head of a page."""
    heads = view.noteheads[view.noteheads["page"] == page]
    if color == "role":
        return {
            head: drawing.ROLE_COLOURS[role] for head, role in _pairs(heads[["notehead", "role"]])
        }
    sounding = heads[heads["event"] >= 0]
    silent = dict.fromkeys(heads["notehead"], drawing.FAINT)
    events = view.events(performance)
    played = events[events["link"].isin((EXACT, *PLAYED_LINKS))].groupby("note")["onset_s"].min()
    sounding = sounding[sounding["event"].isin(played.index)]
    onsets = played[sounding["event"]].to_numpy()
    start, end = _span(view, page, performance) or (0.0, 1.0)
    time_colours = drawing.time_colours((onsets - start) / max(end - start, 1e-9))
    return silent | dict(zip(sounding["notehead"], time_colours, strict=True))


def _draw_title(view: DatasetPiece, page: int, performance: str, color: str, width: int) -> Canvas:
    """Piece, page and performance and, where heads are coloured by role, the key."""
    canvas = drawing.blank(2 * MARGIN + TITLE, width)
    drawing.text(canvas, (MARGIN, MARGIN), view.piece, TITLE)
    place = f"page {page} of {len(view.pages)}   {performance}"
    drawing.text(canvas, (width - MARGIN, MARGIN + TITLE / 2), place, LABEL, drawing.FAINT, "rm")
    if color == "role":
        key = drawing.blank(LABEL + 20, width)
        roles = view.noteheads.loc[view.noteheads["page"] == page, "role"].value_counts()
        x = float(MARGIN)
        for role, colour in drawing.ROLE_COLOURS.items():
            words = f"{role} ({roles.get(role, 0)})"
            drawing.dot(key, (x + 10, LABEL / 2), 9, colour)
            drawing.text(key, (x + 30, LABEL / 2), words, LABEL, anchor="lm")
            x += drawing.text_width(words, LABEL) + 70
        canvas = np.concatenate([canvas[: MARGIN + TITLE + 24], key])
    return canvas


def draw_page(view: DatasetPiece, page: int, colours: Mapping[int, Colour]) -> Canvas:
    """Draw a page, enlarged, with its heads coloured and its systems and staves outlined.

    Args:
        view: the piece.
        page: page, from 1.
        colours: the colour of each note head of the page.

    Returns:
        The picture, RGB, uint8, at `SCALE` times the page's size; empty paper above and below is cut off.
    """
    import cv2

    image = view.pages[page - 1]
    large = cv2.resize(image, None, fx=SCALE, fy=SCALE, interpolation=cv2.INTER_CUBIC)
    page_ink = np.asarray(large, np.uint8)[:, :, None]
    outlines = drawing.blank(*page_ink.shape[:2])
    staves = view.systems[view.systems["page"] == page]
    for number, group in staves.groupby("system"):
        corners = group[["x0", "y0", "x1", "y1"]].to_numpy() * SCALE
        for staff in corners:
            drawing.box(outlines, staff + np.array([-3, -3, 3, 3]), STAFF)
        x0, y0 = corners[:, :2].min(axis=0) - PADDING
        x1, y1 = corners[:, 2:].max(axis=0) + PADDING
        drawing.box(outlines, (x0, y0, x1, y1), SYSTEM, 2)
        # At the foot: the engraver's own bar numbers stand at the top.
        drawing.text(outlines, (x0 - 8, y1), str(number), SMALL, SYSTEM, "rb")
    if view.dataset.has_measures:
        bars = view.measures.loc[view.measures["page"] == page, ["number", "x0", "y0", "y1"]]
        for number, x0, y0, y1 in _pairs(bars):
            x, top, foot = x0 * SCALE, y0 * SCALE - PADDING, y1 * SCALE + PADDING
            drawing.line(outlines, (x, top), (x, foot), BAR)
            drawing.text(outlines, (x + 4, foot + 2), number, TINY, SYSTEM, "lt")
    canvas = np.minimum(outlines, page_ink)  # the ink stays on top
    columns = ["notehead", "x0", "y0", "x1", "y1"]
    for head, x0, y0, x1, y1 in _pairs(view.noteheads.loc[view.noteheads["page"] == page, columns]):
        centre = ((x0 + x1) / 2 * SCALE, (y0 + y1) / 2 * SCALE)
        radii = ((x1 - x0) * SCALE * HALO, (y1 - y0) * SCALE * HALO)
        drawing.tint(canvas, centre, radii, colours[head])
    inked = np.flatnonzero((canvas < 200).any(axis=(1, 2)))
    top, bottom = (inked[0], inked[-1]) if len(inked) else (0, len(canvas))
    return canvas[max(top - MARGIN, 0) : bottom + MARGIN]


def _draw_sound(
    view: DatasetPiece, page: int, name: str, colours: Mapping[int, Colour], color: str, width: int
) -> Canvas:
    """The spectrogram while the music is on the page, with axes and a dot for each onset there."""
    span = _span(view, page, name)
    if span is None:
        return drawing.blank(MARGIN, width)
    spectrogram = view.spectrogram(name)
    duration = spectrogram.shape[1] / FRAMES_PER_SECOND
    axes = _Axes(width, max(span[0] - AROUND_S, 0.0), min(span[1] + AROUND_S, duration))
    canvas = drawing.blank(axes.bottom + BELOW, width)
    canvas[axes.top : axes.bottom, axes.left : axes.right] = _grey(spectrogram, axes)[..., None]
    for passage in view.passages(name):
        if passage.page == page:
            x = axes.x(passage.times[0])
            drawing.line(canvas, (x, axes.top), (x, axes.bottom), SYSTEM)
            drawing.text(canvas, (x, axes.top - 6), str(passage.system), SMALL, SYSTEM, "mb")
    _draw_axes(canvas, axes)
    if color == "onset":
        places = np.arange(axes.left, axes.right)
        fractions = (axes.seconds(places) - span[0]) / max(span[1] - span[0], 1e-9)
        inside = (fractions >= 0) & (fractions <= 1)
        strip = np.where(inside[:, None], drawing.time_colours(fractions), 255)
        canvas[axes.bottom + 4 : axes.bottom + 4 + STRIP, axes.left : axes.right] = strip
    starts = view.started(name)
    starts = starts[starts["notehead"].isin(colours)]
    colour_of = {event: colours[head] for head, event in _pairs(starts[["notehead", "event"]])}
    events = view.events(name)
    radius = float(np.clip(axes.width / 20 / np.sqrt(max(len(colour_of), 1)), 5, 9))
    for event, onset, pitch, heads_of in _pairs(events[["event", "onset_s", "pitch", "heads"]]):
        place = (axes.x(onset), axes.y(440 * 2 ** ((pitch - 69) / 12)))
        if event in colour_of:
            drawing.dot(canvas, place, radius, colour_of[event])
        elif heads_of == 0 and span[0] <= onset < span[1]:
            drawing.ring(canvas, place, radius, drawing.INK)
    return canvas


@dataclass(frozen=True, slots=True)
class _Axes:
    """The place of the spectrogram on its canvas, in pixels, and the seconds at its left and right edges."""

    canvas_width: int
    start: float
    end: float
    left: int = LEFT
    top: int = MARGIN

    @property
    def right(self) -> int:
        return self.canvas_width - MARGIN

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def height(self) -> int:
        return BANDS * ROW

    @property
    def bottom(self) -> int:
        return self.top + self.height

    def x(self, seconds: float) -> float:
        return self.left + (seconds - self.start) / (self.end - self.start) * self.width

    def seconds(self, x: NDArray[np.int64]) -> NDArray[np.float64]:
        return self.start + (x + 0.5 - self.left) / self.width * (self.end - self.start)

    def y(self, hertz: float) -> float:
        band = np.interp(np.log(hertz), np.log(band_frequencies()), np.arange(BANDS))
        return float(self.bottom - (band + 0.5) * ROW)


def _draw_axes(canvas: Canvas, axes: _Axes) -> None:
    frame = (axes.left - 1, axes.top - 1, axes.right, axes.bottom)
    drawing.box(canvas, frame, drawing.FAINT, 2)
    for hertz in FREQUENCIES:
        y = axes.y(hertz)
        drawing.line(canvas, (axes.left - 10, y), (axes.left - 2, y), drawing.FAINT)
        label = f"{hertz // 1000}k" if hertz >= 1000 else str(hertz)
        drawing.text(canvas, (axes.left - 18, y), label, SMALL, anchor="rm")
    middle = (axes.top + axes.bottom) / 2
    drawing.text(canvas, (MARGIN, middle), "frequency (Hz)", LABEL, upright=True)
    base = axes.bottom + STRIP + 6
    for seconds in drawing.ticks(axes.start, axes.end):
        x = axes.x(seconds)
        drawing.line(canvas, (x, base), (x, base + 8), drawing.FAINT)
        drawing.text(canvas, (x, base + 14), f"{seconds:g}", SMALL, anchor="mt")
    middle = (axes.left + axes.right) / 2
    drawing.text(canvas, (middle, base + 50), "time (s)", LABEL, anchor="mt")


def _grey(spectrogram: NDArray[np.float16], axes: _Axes) -> Canvas:
    """The spectrogram stretched to the axes: white is silence, dark is loud."""
    import cv2

    # A frame is drawn at the middle of its window.
    middles = axes.seconds(np.arange(axes.left, axes.right)) - WINDOW / 2 / SAMPLE_RATE
    columns = np.tile((middles * FRAMES_PER_SECOND).astype(np.float32), (axes.height, 1))
    bands = (np.arange(axes.height)[::-1, None] + 0.5) / ROW - 0.5
    rows = np.tile(bands.astype(np.float32), (1, axes.width))
    source = spectrogram.astype(np.float32)
    values = cv2.remap(source, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    loudest = max(float(np.quantile(values, 0.998)), 1e-6)
    return np.asarray(255 - 205 * np.clip(values / loudest, 0, 1) ** 0.8).astype(np.uint8)


def _pairs(frame: "pd.DataFrame") -> Iterator[tuple[Any, ...]]:
    return iter(frame.itertuples(index=False, name=None))
