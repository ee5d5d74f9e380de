"""Read marks from Sonic Visualiser: a layer of time instants, as a session saves it (.svl) or exports it as CSV.

The label of an instant names a bar ("12") or a bar and a beat in it ("12.3"), as Sonic Visualiser numbers them.
In a layer of time values the value stands for a label that is missing.
"""

import re
from fractions import Fraction
from pathlib import Path

from msmdtools.performed.alignment import refuse
from msmdtools.performed.marks import Named, second_of
from msmdtools.sources.markup import decode_xml, parse_xml

NAME = "sonic-visualiser"
_LABEL = re.compile(r"(\d+)(?:\.(\d+))?")
_LINE = re.compile(r'\s*"?([\d.eE+-]+)"?\s*[,\t]\s*"?([^",\t]*)"?\s*')


def is_first(line: str) -> bool:
    """Whether a line is one of an exported layer: a time and a label."""
    return _LINE.fullmatch(line) is not None


def read_csv(path: Path, text: str) -> list[Named]:
    """Read an exported layer.

    Raises:
        PieceError: a line has another form, or a label names no bar (stage "read").
    """
    marks = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        where = f"{path.name}, line {number}"
        found = _LINE.fullmatch(line)
        if found is None:
            raise refuse("damaged", f"{where}: {line.strip()!r} is no time with a label", "read")
        marks.append(mark(where, second_of(found[1], where), found[2]))
    return marks


def read_layer(path: Path, data: bytes) -> list[Named]:
    """Read a saved layer.

    Raises:
        PieceError: it is no such file, or a label names no bar (stage "read").
    """
    root = parse_xml(decode_xml(data, path.name), path.name)
    model = root.find(".//model")
    rate = model.get("sampleRate", "") if model is not None else ""
    points = root.findall(".//dataset/point")
    if not points or not rate.isdigit() or not int(rate):
        raise refuse(
            "unknown-format",
            f"{path.name} is no layer of time instants: in Sonic Visualiser choose one, and export it with "
            "File, Export Annotation Layer",
            "read",
        )
    marks = []
    for number, point in enumerate(points, 1):
        where = f"{path.name}, point {number}"
        frame = point.get("frame", "")
        if not frame.isdigit():
            raise refuse("damaged", f"{where}: its frame is {frame!r}", "read")
        label = point.get("label", "").strip()
        marks.append(mark(where, int(frame) / int(rate), label or point.get("value", "")))
    return sorted(marks, key=lambda mark: mark.second)


def mark(where: str, second: float, label: str) -> Named:
    """The mark that a label names.

    Raises:
        PieceError: it names no bar (stage "read").
    """
    found = _LABEL.fullmatch(label.strip())
    if found is None:
        raise refuse(
            "damaged",
            f"{where}: the label {label!r} names no bar: label instants with bars, such as 12, or with bars and "
            "beats, such as 12.3",
            "read",
        )
    beat = Fraction(found[2] or 1)
    return Named(where, second, bar=str(int(found[1])), beat=beat)
