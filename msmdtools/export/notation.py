"""Nodes of a Music Notation Graph (MuNG), and their XML in both versions of the format.

A node is an object on a page: a class, a box of whole pixels, perhaps a mask, links to other nodes, and data.
Version 2 calls the elements `Node` and those of a file `Nodes`; version 1, which MSMD uses, `CropObject` and
`CropObjectList`. A mask is written as runs of zeros and ones through the rows of the box, beginning with zeros; a
node without one fills its box.

Jan Hajič jr., Pavel Pecina: The MUSCIMA++ Dataset for Handwritten Optical Music Recognition, ICDAR 2017.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from xml.sax.saxutils import escape, quoteattr

import numpy as np
from numpy.typing import NDArray

Value = int | float | str | Sequence[int] | Sequence[float]
Data = Mapping[str, Value]
# A pixel darker than this is ink.
_INK = 128
# How masks are written: runs of 0, of 1, of 0, …
_FIRST_RUN = 0


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """One object on a page.

    Attributes:
        number: its id, unique in the piece.
        kind: its class, such as noteheadFull.
        left: first column of its box.
        top: first row of its box.
        width: columns of its box.
        height: rows of its box.
        mask: uint8 (height, width), 1 where the object is; None for all of the box.
        inlinks: ids of the nodes that lead to it.
        outlinks: ids of the nodes that it leads to.
        data: what else is known of it.
    """

    number: int
    kind: str
    left: int
    top: int
    width: int
    height: int
    mask: NDArray[np.uint8] | None = None
    inlinks: Sequence[int] = ()
    outlinks: Sequence[int] = ()
    data: Data = field(default_factory=dict)


def pixels(x0: float, y0: float, x1: float, y1: float) -> tuple[int, int, int, int]:
    """The whole pixels that a box touches.

    Args:
        x0: left edge.
        y0: top edge.
        x1: right edge.
        y1: bottom edge.

    Returns:
        First column, first row, columns and rows.
    """
    left, top = math.floor(x0), math.floor(y0)
    return left, top, math.ceil(x1) - left, math.ceil(y1) - top


def ink(page: NDArray[np.uint8], box: tuple[int, int, int, int]) -> NDArray[np.uint8] | None:
    """The dark pixels of a box.

    Args:
        page: the page's image.
        box: first column, first row, columns and rows.

    Returns:
        uint8 (rows, columns), 1 where the page is dark; None if it is nowhere.
    """
    left, top, width, height = box
    mask = (page[top : top + height, left : left + width] < _INK).astype(np.uint8)
    return mask if mask.any() else None


def nodes_xml(nodes: Iterable[Node], dataset: str, document: str) -> str:
    """The XML of a file of version 2.

    Args:
        nodes: the nodes of one page.
        dataset: name of the dataset.
        document: name of the page.

    Returns:
        The text of the file.
    """
    lines = ['<?xml version="1.0" encoding="utf-8"?>']
    lines.append(f"<Nodes dataset={quoteattr(dataset)} document={quoteattr(document)}>")
    for node in nodes:
        lines += ["  <Node>", *_inside(node), "  </Node>"]
    return "\n".join([*lines, "</Nodes>", ""])


def crop_objects_xml(nodes: Iterable[Node], dataset: str, document: str) -> str:
    """The XML of a file of version 1.

    Args:
        nodes: the nodes of one page.
        dataset: name of the dataset.
        document: name of the page.

    Returns:
        The text of the file.
    """
    lines = ['<?xml version="1.0" encoding="utf-8"?>', "<CropObjectList>", "<CropObjects>"]
    for node in nodes:
        name = quoteattr(f"{dataset}___{document}___{node.number}")
        lines += [f"  <CropObject xml:id={name}>", *_inside(node), "  </CropObject>"]
    return "\n".join([*lines, "</CropObjects>", "</CropObjectList>", ""])


def _inside(node: Node) -> list[str]:
    """The lines of a node's element, which both versions share."""
    values: list[tuple[str, object]] = [
        ("Id", node.number),
        ("ClassName", escape(node.kind)),
        ("Top", node.top),
        ("Left", node.left),
        ("Width", node.width),
        ("Height", node.height),
    ]
    mask = np.ones((node.height, node.width), np.uint8) if node.mask is None else node.mask
    values.append(("Mask", _runs(mask)))
    for name, links in (("Inlinks", node.inlinks), ("Outlinks", node.outlinks)):
        if len(links):
            values.append((name, " ".join(map(str, links))))
    lines = [f"    <{name}>{value}</{name}>" for name, value in values]
    if node.data:
        items = [f"      {_item(key, value)}" for key, value in node.data.items()]
        lines += ["    <Data>", *items, "    </Data>"]
    return lines


def _item(key: str, value: Value) -> str:
    if isinstance(value, str):
        kind, text = "str", escape(value)
    elif isinstance(value, int | float):
        kind, text = type(value).__name__, repr(value)
    else:
        kind = "list[float]" if any(isinstance(part, float) for part in value) else "list[int]"
        text = " ".join(map(repr, value))
    return f'<DataItem key={quoteattr(key)} type="{kind}">{text}</DataItem>'


def _runs(mask: NDArray[np.uint8]) -> str:
    """The mask as runs: "0:3 1:60" is three zeros and sixty ones."""
    values = mask.reshape(-1)
    edges = np.flatnonzero(np.diff(values, prepend=_FIRST_RUN)).tolist()
    bounds = [0, *edges, len(values)]
    lengths = [end - start for start, end in pairwise(bounds)]
    return " ".join(f"{run % 2}:{length}" for run, length in enumerate(lengths))
