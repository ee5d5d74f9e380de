"""Pages that are kept compressed in memory, so that a hundred of them take as much as a few."""

from collections.abc import Iterable, Iterator, Sequence
from typing import overload

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
# The quickest compression: a page of 835 px takes 4 ms, and a tenth of its size.
_LEVEL = 1


class Stored(Sequence[Image]):
    """Grey pictures, uint8 (height, width), compressed without loss; each is decoded on access.

    Args:
        pictures: pictures to begin with, taken one by one.
    """

    def __init__(self, pictures: Iterable[Image] = ()) -> None:
        self._pages: list[bytes] = []
        self._shapes: list[tuple[int, int]] = []
        for picture in pictures:
            self.append(picture)

    def append(self, picture: Image) -> None:
        """Add a picture."""
        _, encoded = cv2.imencode(".png", picture, [cv2.IMWRITE_PNG_COMPRESSION, _LEVEL])
        self._pages.append(encoded.tobytes())
        self._shapes.append((int(picture.shape[0]), int(picture.shape[1])))

    def shape(self, number: int) -> tuple[int, int]:
        """Return the height and width of a picture, numbered from 0, without decoding it."""
        return self._shapes[number]

    def __len__(self) -> int:
        return len(self._pages)

    @overload
    def __getitem__(self, number: int) -> Image: ...

    @overload
    def __getitem__(self, number: slice) -> list[Image]: ...

    def __getitem__(self, number: int | slice) -> Image | list[Image]:
        if isinstance(number, slice):
            return [self[index] for index in range(*number.indices(len(self)))]
        encoded = np.frombuffer(self._pages[number], np.uint8)
        return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE), np.uint8)

    def __iter__(self) -> Iterator[Image]:
        return (self[number] for number in range(len(self)))
