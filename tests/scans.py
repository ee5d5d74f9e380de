"""Small scores of two staves, and pages made to look like scans, for tests of linking."""

import random
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

UPPER = ["c", "d", "e", "f", "g", "a", "b", "cc", "dd", "ee", "ff", "gg"]
LOWER = ["CC", "DD", "EE", "FF", "GG", "AA", "BB", "C", "D", "E", "F", "G"]


def kern(bars: int, seed: int) -> str:
    """A score for piano in Humdrum, 3/4, with notes drawn at random; half notes and chords among them."""
    draw = random.Random(seed)
    lines = ["**kern\t**kern", "*clefF4\t*clefG2", "*M3/4\t*M3/4"]
    for number in range(1, bars + 1):
        lines.append(f"={number}\t={number}")
        for _ in range(3):
            low = draw.choice(LOWER)
            if draw.random() < 0.4:
                lines += [
                    f"4{low}\t8{draw.choice(UPPER)}",
                    f".\t8{draw.choice(UPPER)}",
                ]
            else:
                top = draw.randrange(len(UPPER) - 2)
                chord = f"4{UPPER[top]} 4{UPPER[top + 2]}"
                lines.append(f"4{low}\t{chord if draw.random() < 0.5 else '4' + UPPER[top]}")
    lines += ["==\t==", "*-\t*-"]
    return "\n".join(lines) + "\n"


def scanned(page: NDArray[np.uint8], seed: int, turn: float = 0.3) -> NDArray[np.uint8]:
    """A page as it looks when it was printed, and scanned a little askew: rough, grey, with dirt."""
    rng = np.random.default_rng(seed)
    ink = (255 - page).astype(np.float32)
    ink = cv2.resize(ink, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    height, width = ink.shape
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), turn, 1.0)
    ink = cv2.warpAffine(ink, matrix, (width, height))
    rough = cv2.GaussianBlur(rng.standard_normal(ink.shape).astype(np.float32), (0, 0), 1.2)
    ink = cv2.GaussianBlur(ink, (0, 0), 1.0) + 25 * rough
    ink = 200 / (1 + np.exp(-(ink - 110) / 12))
    for x, y in zip(rng.integers(0, width, 60), rng.integers(0, height, 60), strict=True):
        cv2.circle(ink, (int(x), int(y)), int(rng.integers(1, 3)), 180.0, -1)
    return np.asarray(np.clip(235 - ink + 4 * rng.standard_normal(ink.shape), 0, 255), np.uint8)


def write(folder: Path, pages: Sequence[NDArray[np.uint8]]) -> Path:
    """Write pages as pictures into a new folder."""
    folder.mkdir(parents=True)
    for number, page in enumerate(pages, 1):
        cv2.imwrite(str(folder / f"page-{number}.png"), page)
    return folder
