"""A dataset as one of COCO: page images, and a JSON file of boxes.

    FOLDER/annotations.json            images, annotations, categories, licenses
    FOLDER/images/PIECE-01.png …       the pages

With a split there are `train.json`, `valid.json` and `test.json`, and their images in folders of these names.

Ids count pages and objects through the whole dataset, whichever pieces are exported, so that an object keeps its
id in every export of the dataset. Boxes are [x, y, width, height]; `segmentation` is the box as a polygon, and
`area` its area. What else is known of an object is in `attributes`, under the names of the dataset's columns;
`piece` and `page` stand in the image.

Format: https://cocodataset.org/#format-data
"""

import io
import json
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from itertools import accumulate
from typing import IO, Any

from msmdtools.dataset.reader import DatasetPiece
from msmdtools.export.boxes import CATEGORIES, Box, categories, counts, page_boxes
from msmdtools.export.task import Task, write_page
from msmdtools.splits.splits import SPLITS
from msmdtools.version import __version__

ONE = "annotations"
"""Name of the file where there is no split."""
# Thousandths of a pixel.
_DIGITS = 3


def write(task: Task) -> Counter[str]:
    """Write the pieces of a task in the form of COCO.

    Args:
        task: the work.

    Returns:
        The number of images, and of objects by category.

    Raises:
        DatasetError: a file of the dataset is missing or damaged.
    """
    pages = _before({str(p): int(n) for p, n in task.dataset.pieces["pages"].items()})
    objects = _before(counts(task.dataset))
    licences = sorted(set(task.dataset.pieces["licence"].astype(str)))
    written: Counter[str] = Counter()
    parts = [part for part in SPLITS if part in set(task.split.values())] or [ONE]
    with ExitStack() as stack:
        files = {part: stack.enter_context(_File(task, part, licences)) for part in parts}
        for piece in task.each():
            file = files[task.split.get(piece.piece, ONE)]
            offsets = _offsets(piece, objects[piece.piece])
            for page in range(1, len(piece.pages) + 1):
                image = _image(task, piece, page, pages[piece.piece] + page)
                image["license"] = 1 + licences.index(piece.licence)
                file.images.append(image)
                written["images"] += 1
                for box in page_boxes(piece, page, image["width"], image["height"]):
                    file.add(_annotation(box, offsets, image["id"]))
                    written[box.category] += 1
    return written


class _File:
    """A JSON file whose annotations are written as they come, since they are too many to be held."""

    def __init__(self, task: Task, part: str, licences: list[str]) -> None:
        self._path = task.folder / f"{part}.json"
        self._head: dict[str, Any] = {
            "info": {
                "description": f"Pages of {task.dataset.path.name}, boxes by msmdtools",
                "version": __version__,
            },
            "licenses": [
                {"id": number, "name": name, "url": ""} for number, name in enumerate(licences, 1)
            ],
            "categories": [
                {"id": category_id(name), "name": name, "supercategory": "score"}
                for name in categories(task.dataset)
            ],
        }
        self.images: list[dict[str, Any]] = []
        self._between = "\n"

    def __enter__(self) -> "_File":
        self._file: IO[str] = self._path.open("w", encoding="utf-8")
        self._file.write(_json(self._head)[:-1] + ',\n"annotations": [')
        return self

    def add(self, annotation: Mapping[str, Any]) -> None:
        self._file.write(self._between + _json(annotation))
        self._between = ",\n"

    def __exit__(self, *_: object) -> None:
        images = ",\n".join(_json(image) for image in self.images)
        self._file.write(f'\n],\n"images": [\n{images}\n]}}\n')
        self._file.close()


def category_id(category: str) -> int:
    """The id of a category, from 1."""
    return 1 + CATEGORIES.index(category)


def _image(task: Task, piece: DatasetPiece, page: int, number: int) -> dict[str, Any]:
    """Write a page; its entry among the images, without a licence."""
    from PIL import Image

    path = write_page(task.place("images", piece.piece), piece, page)
    with Image.open(io.BytesIO(path.read_bytes())) as image:
        width, height = image.size
    return {
        "id": number,
        "file_name": path.relative_to(task.folder / "images").as_posix(),
        "width": width,
        "height": height,
        "piece": piece.piece,
        "page": page,
    }


def _annotation(box: Box, offsets: Mapping[str, int], image: int) -> dict[str, Any]:
    x0, y0, x1, y1 = (round(edge, _DIGITS) for edge in (box.x0, box.y0, box.x1, box.y1))
    width, height = round(x1 - x0, _DIGITS), round(y1 - y0, _DIGITS)
    return {
        "id": offsets[box.category] + box.number,
        "image_id": image,
        "category_id": category_id(box.category),
        "bbox": [x0, y0, width, height],
        "area": round(width * height, _DIGITS),
        "segmentation": [[x0, y0, x1, y0, x1, y1, x0, y1]],
        "iscrowd": 0,
        "attributes": box.attributes,
    }


def _offsets(piece: DatasetPiece, before: int) -> dict[str, int]:
    """The id of the first object of each category of a piece, `before` objects being in the pieces before it."""
    row = piece.header
    sizes = [int(row["noteheads"]), int(row["staves"]), int(row["systems"])]
    starts = accumulate(sizes, initial=before + 1)
    return dict(zip(CATEGORIES, starts, strict=True))


def _before(sizes: Mapping[str, int]) -> dict[str, int]:
    """The sum of the sizes before each name, in the order of the names."""
    names = sorted(sizes)
    return dict(zip(names, accumulate((sizes[name] for name in names), initial=0), strict=False))


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
