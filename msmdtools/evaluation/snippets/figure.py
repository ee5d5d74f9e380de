"""A picture of some queries with their five best answers, and the right one where it is not among them.

For half of the queries the first answer is right, for half it is wrong, each half evenly spaced over all
queries of its kind: the picture shows what errors look like, not how many there are.
The right answer has a green frame. Spectrograms have low bands at the bottom and white for silence; ticks
above and below a window mark its onset.
"""

import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from msmdtools.base import drawing
from msmdtools.base.drawing import Canvas, Colour
from msmdtools.evaluation.snippets import answers, retrieval
from msmdtools.evaluation.snippets.retrieval import AUDIO_TO_SHEET, Embedder, Evaluation

QUERIES, BEST = 8, 5

# All in pixels. A cell is as wide as a sheet window at ZOOM.
ZOOM = 1.5
BAND = 2
MARGIN, GAP, TICK = 40, 26, 8
AFTER_QUERY = 44
TITLE, LABEL, SMALL = 34, 22, 19
RIGHT: Colour = (0, 158, 115)
ONSET: Colour = (213, 94, 0)


def draw(model: Embedder, evaluation: Evaluation, direction: str, queries: int = QUERIES) -> Canvas:
    """Draw some queries of a direction with their best answers.

    Args:
        model: the model that was evaluated.
        evaluation: its evaluation.
        direction: "audio-to-sheet" or "sheet-to-audio".
        queries: number of queries to draw.

    Returns:
        The picture: RGB, uint8 (height, width, 3).

    Raises:
        DatasetError: a shard is damaged.
    """
    chosen = _choose(evaluation, direction, queries)
    best = {query: _best(evaluation, direction, query) for query in chosen}
    shown = sorted({*chosen, *(c for ranked in best.values() for c, _ in ranked)})
    batch = retrieval.windows(model, evaluation.candidates, shown)
    place = {candidate: i for i, candidate in enumerate(shown)}
    sheets = {c: _sheet(batch.sheets[place[c]]) for c in shown}
    width = next(iter(sheets.values())).shape[1]
    sounds = {c: _sound(batch.spectrograms[place[c]], width) for c in shown}
    query_windows, answer_windows = (
        (sounds, sheets) if direction == AUDIO_TO_SHEET else (sheets, sounds)
    )
    # A column more where one of the right answers is not among the best; none fewer for few candidates.
    columns = 1 + max(BEST, *map(len, best.values()))
    rows = [
        _row(
            evaluation, direction, query, query_windows[query], answer_windows, best[query], columns
        )
        for query in chosen
    ]
    title = _title(evaluation, direction, rows[0].shape[1])
    return np.concatenate([title, *rows, drawing.blank(MARGIN - GAP, title.shape[1])])


def png(canvas: Canvas) -> bytes:
    """Return a picture as a PNG file."""
    from PIL import Image

    content = io.BytesIO()
    Image.fromarray(canvas).save(content, format="PNG")
    return content.getvalue()


def _choose(evaluation: Evaluation, direction: str, count: int) -> list[int]:
    """Choose queries, by number: first those whose first answer is right."""
    right = evaluation.directions[direction].ranks == 1
    halves = [np.flatnonzero(right), np.flatnonzero(~right)]
    sizes = [min(len(halves[0]), max(count // 2, count - len(halves[1])))]
    sizes.append(min(len(halves[1]), count - sizes[0]))
    chosen: list[int] = []
    for half, size in zip(halves, sizes, strict=True):
        # The middles of equal parts.
        places = ((np.arange(size) + 0.5) * len(half) / max(size, 1)).astype(int)
        chosen += half[places].tolist()
    return chosen


def _best(evaluation: Evaluation, direction: str, query: int) -> list[tuple[int, float]]:
    """Return the best answers to a query with their cosines, and the right one if it is not among them."""
    queries, candidates = evaluation.sides(direction)
    cosine = candidates @ queries[query]
    cosine = cosine / np.maximum(np.linalg.norm(candidates, axis=1), 1e-12)
    cosine /= max(float(np.linalg.norm(queries[query])), 1e-12)
    rank = int(evaluation.directions[direction].ranks[query])
    order = np.argsort(-cosine, kind="stable")
    order = order[order != query][:BEST]
    # Where the rank says, which puts it behind those that are equally similar.
    order = np.insert(order, min(rank - 1, len(order)), query)
    ranked = [(int(c), float(cosine[c])) for c in order]
    return ranked[:BEST] if rank <= BEST else [*ranked[:BEST], ranked[-1]]


def _row(
    evaluation: Evaluation,
    direction: str,
    query: int,
    query_window: Canvas,
    windows: dict[int, Canvas],
    best: Sequence[tuple[int, float]],
    columns: int,
) -> Canvas:
    """Draw a query and its answers side by side, each with lines of text below."""
    width = query_window.shape[1]
    height = max(query_window.shape[0], windows[query].shape[0])
    result = evaluation.directions[direction]
    table = evaluation.candidates.table
    step = width + GAP
    across = 2 * MARGIN + columns * step - GAP + AFTER_QUERY * (columns - BEST)
    canvas = drawing.blank(height + 3 * (SMALL + 6) + 2 * GAP, across)

    def place(window: Canvas, left: int, lines: Sequence[str], right: bool = False) -> None:
        top = (height - window.shape[0]) // 2
        canvas[top : top + window.shape[0], left : left + width] = window
        if right:
            edge = (left, top + TICK, left + width - 1, top + window.shape[0] - TICK - 1)
            drawing.box(canvas, edge, RIGHT, 6)
        for number, words in enumerate(lines):
            position = (left + width / 2, height + 6 + number * (SMALL + 6))
            colour = (
                RIGHT if right and number == 0 else drawing.INK if number == 0 else drawing.FAINT
            )
            drawing.text(canvas, position, drawing.fitted(words, width, SMALL), SMALL, colour, "mt")

    rank = int(result.ranks[query])
    place(query_window, MARGIN, ["query", *_where(evaluation, query)])
    numbers = np.array([c for c, _ in best])
    kinds = answers.kinds(
        table,
        np.full(len(numbers), query),
        numbers,
        evaluation.classes,
        evaluation.context_s,
        evaluation.candidates.split.info.columns,
    )
    for number, (candidate, cosine) in enumerate(best):
        left = MARGIN + AFTER_QUERY + (number + 1) * step
        left += AFTER_QUERY if number == BEST else 0
        right = candidate == query
        shown = rank if right else number + 1
        words = f"{shown:,}: {answers.MEANINGS[kinds[number]]}, {cosine:.3f}"
        place(windows[candidate], left, [words, *_where(evaluation, candidate)], right)
    return canvas


def _where(evaluation: Evaluation, candidate: int) -> list[str]:
    row = evaluation.candidates.table.iloc[candidate]
    return [str(row["piece"]), f"onset {row['onset']}, {row['second']:.1f} s"]


def _title(evaluation: Evaluation, direction: str, width: int) -> Canvas:
    canvas = drawing.blank(2 * MARGIN + TITLE + LABEL, width)
    metrics = evaluation.directions[direction].retrieval
    words = f"{evaluation.model}, {evaluation.context_s:g} s: {direction.replace('-', ' ')}"
    drawing.text(canvas, (MARGIN, MARGIN), words, TITLE)
    words = (
        f"{metrics.candidates:,} candidates, R@1 {metrics.recall_1:.1f}, MRR {metrics.mrr:.3f}.  "
        "Each row: a query, its five best answers, and at the end the right one (green) where it is "
        "not among them; rank, what the answer is, cosine."
    )
    drawing.text(canvas, (MARGIN, MARGIN + TITLE + 12), words, LABEL, drawing.FAINT)
    return canvas


def _sheet(window: NDArray[np.uint8]) -> Canvas:
    import cv2

    large = cv2.resize(window, None, fx=ZOOM, fy=ZOOM, interpolation=cv2.INTER_CUBIC)
    return _framed(np.asarray(large, np.uint8), 0.5)


def _sound(window: NDArray[np.float16], width: int) -> Canvas:
    values = window.astype(np.float32)
    loudest = max(float(np.quantile(values, 0.998)), 1e-6)
    grey = 255 - 215 * np.clip(values / loudest, 0, 1) ** 0.8
    frames = values.shape[1]
    across = np.arange(width - 2) * frames // (width - 2)
    picture = np.repeat(grey[::-1], BAND, axis=0)[:, across].astype(np.uint8)
    return _framed(picture, (frames // 2 + 0.5) / frames)


def _framed(picture: NDArray[np.uint8], onset: float) -> Canvas:
    """Return a grey picture with a thin frame, and ticks above and below its onset."""
    height, width = picture.shape
    canvas = drawing.blank(height + 2 * TICK + 2, width + 2)
    canvas[TICK + 1 : -TICK - 1, 1:-1] = picture[..., None]
    drawing.box(canvas, (0, TICK, width + 1, height + TICK + 1), drawing.LINE)
    column = round(1 + onset * width)
    canvas[: TICK - 2, column - 1 : column + 2] = ONSET
    canvas[-TICK + 2 :, column - 1 : column + 2] = ONSET
    return canvas
