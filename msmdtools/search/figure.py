"""A figure of a search: the query, and the best answers with the places found in them.

A query's windows are coloured in the order of their time (dark blue first, orange last). The place
found for a window has the window's colour, so a right answer shows the colours of the query in their
order. Places on pages are dots in the middle of the system, joined by a line. Places in recordings
are marks above and below the spectrogram, and so are the times of the query's own windows.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from msmdtools.base import drawing
from msmdtools.base.drawing import Canvas, Colour
from msmdtools.dataset import figure, reader
from msmdtools.errors import MsmdError
from msmdtools.features.spectrogram import BANDS, FRAMES_PER_SECOND
from msmdtools.inputs import apart, audio, pages, pictures
from msmdtools.paper.width import NOMINAL_WIDTH
from msmdtools.search.index import Index
from msmdtools.search.queries import QueryInput
from msmdtools.search.search import Match

# All in pixels.
WIDTH, HEIGHT = 780, 1104
MARGIN, GAP, TITLE, LABEL = 40, 36, 30, 22
MARK, ZOOM = 14, 2
RADIUS = 6.0
SHOWN = 3
_LONG_S = 60.0


def draw(index: Index, query: QueryInput, matches: Sequence[Match], path: Path) -> None:
    """Write the figure of a search to a file.

    Args:
        index: the index that was searched.
        query: the query before it was embedded.
        matches: the answers, best first; the first three are drawn.
        path: the file, ending in .png.

    Raises:
        MsmdError: the ending is another, or the pages or recordings of an answer are no longer where they
            were indexed from.
    """
    image = search_figure(index, query, matches)
    edge = ((MARGIN, MARGIN), (MARGIN, MARGIN), (0, 0))
    figure.save(np.pad(image, edge, constant_values=255), path)


def search_figure(index: Index, query: QueryInput, matches: Sequence[Match]) -> Canvas:
    """Return the figure of a search.

    Args:
        index: the index that was searched.
        query: the query before it was embedded.
        matches: the answers, best first; the first three are drawn.

    Returns:
        RGB, uint8 (height, width, 3).

    Raises:
        MsmdError: the pages or recordings of an answer are no longer where they were indexed from.
    """
    best = matches[:SHOWN]
    places = [place for place in best[0].path] if best else []
    if query.sound is not None:
        seconds = [float(place["query_second"]) for place in places]
        top = _sound(query.sound, query.start, seconds, f"query: {query.name}", _wide(SHOWN))
        answers = [_answer_page(index, match) for match in best]
        return _stacked([top, _beside(answers)])
    assert query.sheet is not None
    number = Counter(int(place["query_page"]) for place in places).most_common(1)[0][0]
    if isinstance(query.sheet, pages.Sheet):
        picture = query.sheet.picture(number)
    else:
        picture = query.sheet.pages[number - 1]
    query_page = _page(picture, places, number, f"query: {query.name}, page {number}", "query_")
    sounds = [_answer_sound(index, match) for match in best]
    return _beside([query_page, _stacked(sounds)])


def _wide(count: int) -> int:
    return count * WIDTH + (count - 1) * GAP


def _answer_page(index: Index, match: Match) -> Canvas:
    number = Counter(int(place["page"]) for place in match.path).most_common(1)[0][0]
    source = _source(index, "sheet", match)
    if reader_has(source):
        picture = reader.open(source)[match.piece].pages[number - 1]
    else:
        picture = apart.read(pictures.page_of, source, number, NOMINAL_WIDTH)
    title = f"{match.rank}  {match.score:.3f}  {match.piece}, page {number}"
    return _page(picture, match.path, number, title, "")


def _answer_sound(index: Index, match: Match) -> Canvas:
    source = _source(index, "audio", match)
    if reader_has(source):
        spectrogram: NDArray[Any] = reader.open(source)[match.piece].spectrogram(match.performance)
    else:
        spectrogram = apart.read(audio.read_spectrogram, source)
    title = f"{match.rank}  {match.score:.3f}  {match.piece} {match.performance}"
    seconds = [float(place["second"]) for place in match.path]
    return _sound(spectrogram, 0.0, seconds, title, _wide(2))


def reader_has(source: Path) -> bool:
    """Say whether a source is a dataset rather than pictures or a recording."""
    return (source / "dataset.json").is_file()


def _source(index: Index, side: str, match: Match) -> Path:
    """Return where an answer was indexed from."""
    rows = index.entries
    chosen = rows[(rows["side"] == side) & (rows["piece"] == match.piece)]
    source = Path(str(chosen[chosen["performance"] == match.performance]["source"].iloc[0]))
    if not source.exists():
        raise MsmdError(
            f"{match.piece} cannot be drawn: it was indexed from {source}, which no longer exists"
        )
    return source


def _page(
    picture: NDArray[np.uint8],
    path: Sequence[dict[str, Any]],
    number: int,
    title: str,
    prefix: str,
) -> Canvas:
    """Draw a page with the places of a path that are on it."""
    scale = min(WIDTH / picture.shape[1], HEIGHT / picture.shape[0])
    shape = (round(picture.shape[1] * scale), round(picture.shape[0] * scale))
    small = cv2.resize(picture, shape, interpolation=cv2.INTER_AREA)
    canvas = np.full((TITLE + GAP // 2 + HEIGHT, WIDTH, 3), 255, np.uint8)
    top = TITLE + GAP // 2
    canvas[top : top + shape[1], : shape[0]] = small[..., np.newaxis]
    drawing.box(canvas, (0, top, shape[0] - 1, top + shape[1] - 1), drawing.LINE)
    colours = drawing.time_colours(np.linspace(0, 1, max(len(path), 2)))
    dots = [
        (
            place[f"{prefix}system"],
            (place[f"{prefix}x"] * scale, top + place[f"{prefix}y"] * scale),
            c,
        )
        for place, c in zip(path, colours, strict=False)
        if place[f"{prefix}page"] == number
    ]
    for (system, at, colour), (other, to, _) in pairwise(dots):
        if system == other:
            drawing.line(canvas, at, to, colour)
    for _, at, colour in dots:
        drawing.dot(canvas, at, RADIUS, colour)
    drawing.text(canvas, (0, 0), _short(title, WIDTH), TITLE)
    return canvas


def _sound(
    spectrogram: NDArray[Any], start: float, seconds: Sequence[float], title: str, width: int
) -> Canvas:
    """Draw a spectrogram with marks at some times; of a long one, the part around them."""
    first, last = start, start + spectrogram.shape[1] / FRAMES_PER_SECOND
    if last - first > _LONG_S and seconds:
        middle = (min(seconds) + max(seconds)) / 2
        span = max(_LONG_S, 1.1 * (max(seconds) - min(seconds)))
        low = max(min(middle - span / 2, last - span), first)
        begin = round((low - start) * FRAMES_PER_SECOND)
        spectrogram = spectrogram[:, begin : begin + round(span * FRAMES_PER_SECOND)]
        first = start + begin / FRAMES_PER_SECOND
        last = first + spectrogram.shape[1] / FRAMES_PER_SECOND
    height = ZOOM * BANDS
    level = np.asarray(spectrogram, np.float32)[::-1]
    grey = 255 - 215 * np.sqrt(level / max(float(level.max()), 1e-6))
    image = cv2.resize(grey.astype(np.uint8), (width, height), interpolation=cv2.INTER_LINEAR)
    top = TITLE + GAP // 2 + MARK
    canvas = np.full((top + height + MARK + LABEL + GAP // 2, width, 3), 255, np.uint8)
    canvas[top : top + height] = image[..., np.newaxis]

    def column(second: float) -> float:
        return float((second - first) / (last - first) * width)

    colours: list[Colour] = drawing.time_colours(np.linspace(0, 1, max(len(seconds), 2)))
    for second, colour in zip(seconds, colours, strict=False):
        x = column(second)
        for y in (top - MARK / 2, top + height + MARK / 2):
            drawing.dot(canvas, (x, y), RADIUS - 1, colour)
    for tick in drawing.ticks(first, last, 12):
        at = (min(max(column(tick), 20), width - 20), top + height + MARK + 4)
        drawing.text(canvas, at, f"{tick:g} s", LABEL, drawing.FAINT, "mt")
    drawing.text(canvas, (0, 0), _short(title, width), TITLE)
    return canvas


def _short(title: str, width: int) -> str:
    """Return a title, cut at its end if it is too wide."""
    if drawing.text_width(title, TITLE) <= width:
        return title
    while drawing.text_width(f"{title}...", TITLE) > width:
        title = title[:-1]
    return f"{title}..."


def _stacked(parts: Sequence[Canvas]) -> Canvas:
    return _joined(parts, 0, lambda size, part: (part.shape[0], size))


def _beside(parts: Sequence[Canvas]) -> Canvas:
    return _joined(parts, 1, lambda size, part: (size, part.shape[1]))


def _joined(
    parts: Sequence[Canvas], axis: int, shape: Callable[[int, Canvas], tuple[int, int]]
) -> Canvas:
    """Join parts in a row or a column, with white between them and around smaller ones."""
    across = max((part.shape[1 - axis] for part in parts), default=1)
    whole: list[Canvas] = []
    for part in parts:
        filled = np.full((*shape(across, part), 3), 255, np.uint8)
        filled[: part.shape[0], : part.shape[1]] = part
        gap = [across, across, 3]
        gap[axis] = GAP
        whole += [filled, np.full(gap, 255, np.uint8)]
    if not whole:
        return np.full((GAP, WIDTH, 3), 255, np.uint8)
    return np.concatenate(whole[:-1], axis=axis)
