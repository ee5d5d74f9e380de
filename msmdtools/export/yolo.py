"""A dataset in the layout of Ultralytics' YOLO.

    FOLDER/data.yaml                   where the images are, and the names of the classes
    FOLDER/images/PIECE-01.png …       the pages
    FOLDER/labels/PIECE-01.txt …       a line per object: class, centre x, centre y, width, height

With a split, images and labels are in folders `train`, `valid` and `test`. Without one, `data.yaml` names the same
images for training and for validation, since both entries must be there. It has no entry `path`: places are
relative to the file itself, wherever the folder is.

The four numbers are shares of the page's width and height. Lines are in the order of the dataset's tables: the
heads of the page by number, then staves, systems and bars.

Format: https://docs.ultralytics.com/datasets/detect/
"""

import io
from collections import Counter

from msmdtools.export.boxes import CATEGORIES, Box, categories, page_boxes
from msmdtools.export.task import Task, page_name, write_page

# Of a page of 10,000 px, a hundredth of one.
_DIGITS = 6


def write(task: Task) -> Counter[str]:
    """Write the pieces of a task in the form of YOLO.

    Args:
        task: the work.

    Returns:
        The number of images, and of objects by category.

    Raises:
        DatasetError: a file of the dataset is missing or damaged.
    """
    written: Counter[str] = Counter()
    for piece in task.each():
        images, labels = (task.place(name, piece.piece) for name in ("images", "labels"))
        for page in range(1, len(piece.pages) + 1):
            width, height = _size(write_page(images, piece, page).read_bytes())
            boxes = list(page_boxes(piece, page, width, height))
            text = "".join(_line(box, width, height) for box in boxes)
            (labels / f"{page_name(piece.piece, page)}.txt").write_text(text, encoding="ascii")
            written["images"] += 1
            written.update(box.category for box in boxes)
    (task.folder / "data.yaml").write_text(_data(task), encoding="utf-8")
    return written


def _size(png: bytes) -> tuple[int, int]:
    from PIL import Image

    with Image.open(io.BytesIO(png)) as image:
        return image.size


def _line(box: Box, width: int, height: int) -> str:
    numbers = (
        (box.x0 + box.x1) / 2 / width,
        (box.y0 + box.y1) / 2 / height,
        (box.x1 - box.x0) / width,
        (box.y1 - box.y0) / height,
    )
    texts = " ".join(f"{number:.{_DIGITS}f}" for number in numbers)
    return f"{CATEGORIES.index(box.category)} {texts}\n"


def _data(task: Task) -> str:
    parts = set(task.split.values())
    places = {"train": "images", "val": "images"}
    if parts:
        # Both must be there; an empty part is stood for by what there is.
        places = {"train": "train" if "train" in parts else min(parts)}
        places["val"] = "valid" if "valid" in parts else places["train"]
        if "test" in parts:
            places["test"] = "test"
        places = {name: f"images/{part}" for name, part in places.items()}
    lines = [f"{name}: {place}" for name, place in places.items()]
    names = enumerate(categories(task.dataset))
    return "\n".join([*lines, "names:", *(f"  {number}: {name}" for number, name in names)]) + "\n"
