"""Draw a contact sheet of snippets: pairs as they are stored, each beside its augmented variants.

Each cell is a pair: the sheet window above, the spectrogram below, low bands at the foot, white for
silence. The orange marks show where the onset is before augmentation moves it. All spectrograms of a
row share one grey scale, so that a gain is visible; the title says what is varied, and by how much at
most.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from msmdtools.base import drawing, draws
from msmdtools.base.drawing import Canvas, Colour
from msmdtools.errors import MsmdError
from msmdtools.loading import augment as augmentation
from msmdtools.loading.augment import OFF, Augment
from msmdtools.loading.batch import Batch
from msmdtools.loading.pairs import Pairs
from msmdtools.snippets.reader import Snippets, Split, open

# All in pixels. Windows are shown larger, without smoothing: pixels and frames stay visible.
ZOOM = 2
MARGIN, GAP, MARK = 40, 34, 10
TITLE, LABEL, SMALL = 34, 24, 20
ONSET: Colour = (213, 94, 0)
_CHOICE = 48
_COLUMNS = ("snippet", "performance", "pitches")
_NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")


def contact_sheet(
    source: "str | Path | Snippets",
    augment: Augment = OFF,
    *,
    split: str | None = None,
    pairs: int = 4,
    variants: int = 4,
    context_s: float = 2.1,
    seed: int = 0,
) -> Canvas:
    """Draw some pairs of a split, each in a row: as stored, then as the first epochs augment it.

    Args:
        source: a folder of snippets, its URL, or `Snippets`.
        augment: what is varied. If it is off, every cell is another pair, as stored.
        split: train, valid or test; None for the first that there is.
        pairs: how many rows.
        variants: how many cells beside the first in each row, one for each epoch.
        context_s: length of the audio window in seconds.
        seed: seed of the choice of pairs and of the augmentation.

    Returns:
        An RGB image, uint8 (height, width, 3).

    Raises:
        DatasetError: no snippets, no such split, or a context longer than stored.
        MsmdError: `pairs` or `variants` is less than 1.
    """
    if pairs < 1 or variants < 1:
        raise MsmdError(f"--pairs is {pairs} and --variants is {variants}; both must be at least 1")
    snippets = source if isinstance(source, Snippets) else open(source)
    name = split or snippets.splits[0]

    def view(varied: Augment) -> Pairs:
        return Pairs(
            snippets, name, context_s=context_s, augment=varied, seed=seed, columns=_COLUMNS
        )

    stored = view(OFF)
    count = min(pairs if augment != OFF else pairs * (variants + 1), len(stored))
    rows = np.sort(draws.generator(seed, 0, _CHOICE).choice(len(stored), count, replace=False))
    batches = [stored.batch(rows)]
    if augment != OFF:
        varied = view(augment)
        for epoch in range(variants):
            varied.epoch = epoch
            batches.append(varied.batch(_rows(varied.split, rows, augment, seed, epoch)))
    body = _grid(batches, variants + 1, augment.audio.one_performance)
    captions = ["as stored"] if augment == OFF else []
    for side, part in (("sheet", augment.sheet), ("audio", augment.audio)):
        if strengths := augmentation.strengths(part):
            captions += _packed([f"{side}: at most", *strengths], body.shape[1] - 2 * MARGIN)
    return np.concatenate(
        [_title(f"{snippets.path}: {name}, {context_s:g} s", captions, body), body]
    )


def _rows(
    split: Split, rows: NDArray[np.int64], augment: Augment, seed: int, epoch: int
) -> NDArray[np.int64]:
    """For each row, the one of the same onset whose performance the epoch uses."""
    if not augment.audio.one_performance:
        return rows
    chosen = split.index.one_performance(seed, epoch)
    row_of = dict(zip(split.index.group[chosen].tolist(), chosen.tolist(), strict=True))
    return np.array([row_of[group] for group in split.index.group[rows].tolist()], np.int64)


def _grid(batches: Sequence[Batch], columns: int, performances: bool) -> Canvas:
    """The cells: one row per pair; without augmentation, pair after pair, line by line."""
    first = batches[0]
    rows = []
    if len(batches) == 1:
        for start in range(0, len(first), columns):
            numbers = range(start, min(start + columns, len(first)))
            cells = [_cell(first, i, _loudest(first, i)) for i in numbers]
            rows.append(
                _row(cells, "", [[*_names_of(first, i), _pitches(first, i)] for i in numbers])
            )
    else:
        for i in range(len(first)):
            loudest = _loudest(first, i)
            cells = [_cell(batch, i, loudest) for batch in batches]
            label = "   ".join([*_names_of(first, i), _pitches(first, i)])
            names = [["as stored"], *([f"epoch {epoch}"] for epoch in range(len(batches) - 1))]
            if performances:
                for lines, batch in zip(names, batches, strict=True):
                    lines.append(str(batch.columns["performance"][i]))
            rows.append(_row(cells, label, names))
    width = max(row.shape[1] for row in rows)
    return np.concatenate([_wide(row, width) for row in rows])


def _row(cells: Sequence[Canvas], label: str, names: Sequence[Sequence[str]]) -> Canvas:
    """Cells side by side under their label, each with its lines of text below."""
    height, width = cells[0].shape[:2]
    above = LABEL + 20 if label else 0
    below = 6 + max(map(len, names)) * (SMALL + 6) + GAP
    canvas = drawing.blank(above + height + below, 2 * MARGIN + len(cells) * (width + GAP) - GAP)
    if label:
        drawing.text(canvas, (MARGIN, 4), label, LABEL)
    for number, (cell, lines) in enumerate(zip(cells, names, strict=True)):
        left = MARGIN + number * (width + GAP)
        canvas[above : above + height, left : left + width] = cell
        for at, words in enumerate(lines):
            place = (left + width / 2, above + height + 6 + at * (SMALL + 6))
            drawing.text(
                canvas, place, drawing.fitted(words, width, SMALL), SMALL, drawing.FAINT, "mt"
            )
    return canvas


def _cell(batch: Batch, i: int, loudest: float) -> Canvas:
    """One pair: sheet, spectrogram, and marks where the onset is."""
    sheet, sound = batch.sheets[i], batch.spectrograms[i].astype(np.float32)
    height, width = sheet.shape[0] * ZOOM, sheet.shape[1] * ZOOM
    grey = 255 - 215 * np.clip(sound / loudest, 0, 1) ** 0.8
    frames = np.arange(width) * sound.shape[1] // width
    picture = np.repeat(grey[::-1], ZOOM, axis=0)[:, frames].astype(np.uint8)
    canvas = drawing.blank(3 * MARK + height + len(picture) + 4, width + 2)
    top, below = MARK + 1, 2 * MARK + height + 3
    canvas[top : top + height, 1:-1] = np.kron(sheet, np.ones((ZOOM, ZOOM), np.uint8))[..., None]
    canvas[below : below + len(picture), 1:-1] = picture[..., None]
    drawing.box(canvas, (0, top - 1, width + 1, top + height), drawing.LINE)
    drawing.box(canvas, (0, below - 1, width + 1, below + len(picture)), drawing.LINE)
    on_sheet = 1 + width / 2
    on_sound = 1 + (sound.shape[1] // 2 + 0.5) * width / sound.shape[1]
    end = below + len(picture)
    _mark(canvas, on_sheet, 0, MARK - 2)
    _mark(canvas, on_sheet, top + height + 1, top + height + MARK // 2)
    _mark(canvas, on_sound, below - MARK // 2, below - 2)
    _mark(canvas, on_sound, end + 1, end + MARK - 1)
    return canvas


def _mark(canvas: Canvas, x: float, top: int, bottom: int) -> None:
    canvas[top : bottom + 1, round(x) - 1 : round(x) + 2] = ONSET


def _loudest(batch: Batch, i: int) -> float:
    return max(float(np.quantile(batch.spectrograms[i].astype(np.float32), 0.998)), 1e-6)


def _title(words: str, lines: Sequence[str], body: Canvas) -> Canvas:
    """The title and its lines of text, as wide as the picture below."""
    canvas = drawing.blank(MARGIN + TITLE + 20 + len(lines) * (LABEL + 8) + 24, body.shape[1])
    drawing.text(canvas, (MARGIN, MARGIN), words, TITLE)
    for number, line in enumerate(lines):
        y = MARGIN + TITLE + 20 + number * (LABEL + 8)
        drawing.text(canvas, (MARGIN, y), line, LABEL, drawing.FAINT)
    return canvas


def _packed(items: Sequence[str], width: int) -> list[str]:
    """Pack the items into lines no wider than `width` pixels."""
    lines = [items[0]]
    for number, item in enumerate(items[1:]):
        longer = f"{lines[-1]}{',' if number else ''} {item}"
        if drawing.text_width(longer, LABEL) <= width:
            lines[-1] = longer
        else:
            lines[-1] += ","
            lines.append(item)
    return lines


def _names_of(batch: Batch, i: int) -> list[str]:
    """Piece, and performance and onset, for the label of a pair."""
    piece, performance, onset = str(batch.columns["snippet"][i]).split("/")
    return [piece, f"{performance}, onset {onset}"]


def _pitches(batch: Batch, i: int) -> str:
    """The pitches of the onset by name, such as "C4 E4"; 60 is C4."""
    return " ".join(f"{_NAMES[p % 12]}{p // 12 - 1}" for p in batch.columns["pitches"][i].tolist())


def _wide(canvas: Canvas, width: int) -> Canvas:
    return np.pad(canvas, ((0, 0), (0, width - canvas.shape[1]), (0, 0)), constant_values=255)
