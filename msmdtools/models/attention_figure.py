"""Draw a model's attention: pairs of snippets, and the weight of each frame of their spectrograms.

Each cell is a pair: the sheet window, the spectrogram below it (low bands at the foot), in which a frame
is the more orange the more weight it has, and the weights as a curve. The curves of all cells have one
scale, from 0 to the highest weight of all; the thin line is the weight that all frames would have if
the attention were even. The marks above and below the spectrogram show the onset.
"""

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from msmdtools.base import drawing, draws
from msmdtools.base.drawing import Canvas, Colour
from msmdtools.errors import MsmdError
from msmdtools.loading.pairs import Pairs
from msmdtools.models.model import Model
from msmdtools.snippets.reader import Snippets, open

# All in pixels. Windows are shown larger, without smoothing: pixels and frames stay visible.
ZOOM = 2
MARGIN, GAP, MARK, CURVE = 40, 34, 10, 80
TITLE, LABEL, SMALL = 34, 24, 20
ATTENDED: Colour = (230, 120, 0)
_ONSET: Colour = (0, 114, 178)
_TINT = 0.75
_COLUMNS = 4
_CHOICE = 48


def attention_figure(
    model: Model,
    source: "str | Path | Snippets",
    split: str | None = None,
    pairs: int = 8,
    seed: int = 0,
) -> Canvas:
    """Draw some pairs of a split with the model's attention.

    Args:
        model: a model with attention.
        source: a folder of snippets, its URL, or `Snippets`.
        split: train, valid or test; None for the last split of the snippets, usually test.
        pairs: number of pairs.
        seed: of the choice of pairs.

    Returns:
        An RGB image, uint8 (height, width, 3).

    Raises:
        DatasetError: no snippets, no such split, or the model's windows are larger than stored.
        MsmdError: the model has no attention, or the number of pairs is less than 1.
    """
    if pairs < 1:
        raise MsmdError(f"--pairs is {pairs}; it must be at least 1")
    snippets = source if isinstance(source, Snippets) else open(source)
    name = split or snippets.splits[-1]
    config = model.config
    stored = Pairs(
        snippets,
        name,
        context_s=config.context_s,
        window=config.sheet_shape,
        columns=("snippet",),
    )
    random = draws.generator(seed, 0, _CHOICE)
    rows = np.sort(random.choice(len(stored), min(pairs, len(stored)), replace=False))
    batch = stored.batch(rows)
    weights = model.attention(batch.spectrograms)
    highest = float(weights.max())
    cells = [
        _cell(sheet, sound, weight, highest, str(snippet))
        for sheet, sound, weight, snippet in zip(
            batch.sheets, batch.spectrograms, weights, batch.columns["snippet"], strict=True
        )
    ]
    body = _grid(cells)
    caption = (
        f"The highest weight is {highest * config.frames:.1f} times that of even attention "
        f"(the line), 1 / {config.frames}"
    )
    return np.concatenate([_title(f"{model.name}: attention, {name}", caption, body), body])


def _cell(
    sheet: NDArray[np.uint8],
    sound: NDArray[np.float16],
    weights: NDArray[np.float32],
    highest: float,
    snippet: str,
) -> Canvas:
    """Draw one pair: sheet, spectrogram with its attention, curve, name."""
    height, width = sheet.shape[0] * ZOOM, sheet.shape[1] * ZOOM
    frames = np.arange(width) * len(weights) // width
    bands = sound.shape[0] * ZOOM
    top, middle = 1, height + MARK + 4
    foot = middle + bands + MARK
    canvas = drawing.blank(foot + CURVE + 2 * (SMALL + 6) + GAP, width + 2)
    large = np.kron(sheet, np.ones((ZOOM, ZOOM), np.uint8))
    canvas[top : top + height, 1:-1] = large[..., None]
    canvas[middle : middle + bands, 1:-1] = _tinted(sound, weights / highest, frames)
    drawing.box(canvas, (0, top - 1, width + 1, top + height), drawing.LINE)
    drawing.box(canvas, (0, middle - 1, width + 1, middle + bands), drawing.LINE)
    onset = 1 + (len(weights) // 2 + 0.5) * width / len(weights)
    for low, high in ((middle - MARK, middle - 2), (middle + bands + 1, foot - 2)):
        canvas[low:high, round(onset) - 1 : round(onset) + 2] = _ONSET
    for column, weight in enumerate(weights[frames]):
        level = round(float(weight) / highest * CURVE)
        canvas[foot + CURVE - level : foot + CURVE, 1 + column] = ATTENDED
    even = foot + CURVE - CURVE / (len(weights) * highest)
    drawing.line(canvas, (0, even), (width + 1, even), drawing.FAINT)
    piece, _, rest = snippet.partition("/")
    for row, words in enumerate((piece, rest.replace("/", ", onset "))):
        place = ((width + 2) / 2, foot + CURVE + 6 + row * (SMALL + 6))
        drawing.text(canvas, place, drawing.fitted(words, width, SMALL), SMALL, drawing.FAINT, "mt")
    return canvas


def _tinted(
    sound: NDArray[np.float16], share: NDArray[np.float32], frames: NDArray[np.int64]
) -> Canvas:
    """Draw a spectrogram in grey on white, its frames the more coloured the larger their share."""
    values = sound.astype(np.float32)
    loudest = max(float(np.quantile(values, 0.998)), 1e-6)
    ink = np.clip(values[::-1] / loudest, 0, 1)[..., None] ** 0.8
    paper = 255 - _TINT * share[:, None] * (255 - np.array(ATTENDED))
    picture = ink * 40 + (1 - ink) * paper
    return np.repeat(picture, ZOOM, axis=0)[:, frames].astype(np.uint8)


def _grid(cells: list[Canvas]) -> Canvas:
    height, width = cells[0].shape[:2]
    columns = min(_COLUMNS, len(cells))
    rows = math.ceil(len(cells) / columns)
    canvas = drawing.blank(rows * height, 2 * MARGIN + columns * (width + GAP) - GAP)
    for number, cell in enumerate(cells):
        top, left = number // columns * height, MARGIN + number % columns * (width + GAP)
        canvas[top : top + height, left : left + width] = cell
    return canvas


def _title(title: str, caption: str, body: Canvas) -> Canvas:
    canvas = drawing.blank(MARGIN + TITLE + LABEL + 48, body.shape[1])
    drawing.text(canvas, (MARGIN, MARGIN), title, TITLE)
    drawing.text(canvas, (MARGIN, MARGIN + TITLE + 16), caption, LABEL, drawing.FAINT)
    return canvas
