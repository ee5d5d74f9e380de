"""A dataset as Music Notation Graphs (MuNG 2.0), one file a page.

    FOLDER/images/PIECE-01.png …       the pages
    FOLDER/mung/PIECE-01.xml …         their nodes

With a split, both are in folders `train`, `valid` and `test`.

- *Note heads*: `noteheadFull`, `noteheadHalf`, `noteheadWhole`, and `noteheadFullSmall`, `noteheadHalfSmall` for
  grace notes; which one is told from the notated duration (`head_class`). The mask is the ink in the box, staff
  lines and stems that cross it included. A head has a link to its staff.
- *Staves*: `staff`, the box of its lines. *Systems*: `staffGrouping`, with links to their staves. Neither has a
  mask of its own: all of the box counts.
- *Bar lines*: `measureSeparator`, the ink of the line that ends a bar, with links to the staves of its system.
  Where no line is printed through all staves, there is none.
- *Precedence*: `precedence_outlinks` of a head are the heads of its staff at the next score time, in this system
  or the next one of the page, and `precedence_inlinks` those of the time before. Grace notes have times of their
  own.
- *Ids* count through the piece: a head's is its number in the dataset.

Data of a head: `midi_pitch_code`, `onset_beats` and `duration_beats` (quarter notes), `tied` (1 for a head that
continues another), `role`, `reason`, `events`, `tied_to`, and for each performance `PERFORMANCE_onset_seconds`,
`PERFORMANCE_duration_seconds` and `PERFORMANCE_note_event_idx`, its first event there. A piece's first performance
gives `onset_seconds` and `duration_seconds` too.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from msmdtools.dataset.reader import DatasetPiece
from msmdtools.export.barlines import bar_line
from msmdtools.export.boxes import BAR, HEAD, STAFF, SYSTEM, Box, page_boxes
from msmdtools.export.notation import Node, Value, ink, nodes_xml, pixels
from msmdtools.export.task import Task, page_name, write_page
from msmdtools.paper.axis import Image

# Finer than any note of a score.
_DENOMINATOR = 1 << 12


def write(task: Task) -> Counter[str]:
    """Write the pieces of a task as notation graphs.

    Args:
        task: the work.

    Returns:
        The number of images, and of objects by category.

    Raises:
        DatasetError: a file of the dataset is missing or damaged.
    """
    written: Counter[str] = Counter()
    name = task.dataset.path.absolute().name
    for piece in task.each():
        images, graphs = (task.place(folder, piece.piece) for folder in ("images", "mung"))
        names = sorted(map(str, piece.performances.index), key=piece.is_human)  # people last
        sounds = {name: seconds(piece, name) for name in names}
        for page in range(1, len(piece.pages) + 1):
            write_page(images, piece, page)
            document = page_name(piece.piece, page)
            nodes = list(page_nodes(piece, page, sounds))
            text = nodes_xml(nodes, name, document)
            (graphs / f"{document}.xml").write_text(text, encoding="utf-8")
            written["images"] += 1
            written.update(_category(node) for node in nodes)
    return written


def page_nodes(
    piece: DatasetPiece, page: int, sounds: Mapping[str, NDArray[np.float64]]
) -> Iterator[Node]:
    """The nodes of a page: heads, staves, systems.

    Args:
        piece: the piece.
        page: the page, from 1.
        sounds: `seconds` of each performance, by its name.

    Yields:
        A node for each object.
    """
    image = piece.pages[page - 1]
    height, width = image.shape
    boxes: dict[str, list[Box]] = defaultdict(list)
    for box in page_boxes(piece, page, width, height):
        boxes[box.category].append(box)
    heads, staves = boxes.pop(HEAD, []), boxes.pop(STAFF, [])
    first_staff, first_system = len(piece.noteheads), len(piece.noteheads) + len(piece.systems)
    number_of = {_staff(box): first_staff + box.number for box in staves}
    after, before = _precedence(heads)
    on_staff = defaultdict(list)
    for box in heads:
        here = pixels(box.x0, box.y0, box.x1, box.y1)
        links = [number_of[_staff(box)]] if _staff(box) in number_of else []
        for staff in links:
            on_staff[staff].append(box.number)
        data = head_data(box.attributes, sounds)
        data |= {"precedence_inlinks": before[box.number]} if before[box.number] else {}
        data |= {"precedence_outlinks": after[box.number]} if after[box.number] else {}
        kind = head_class(box.attributes["duration_quarters"], box.attributes["grace"])
        yield Node(box.number, kind, *here, ink(image, here), (), links, data)
    systems = {box.attributes["system"]: first_system + box.number for box in boxes[SYSTEM]}
    lines = list(_bar_lines(image, boxes[BAR], staves))
    first_line = first_system + int(piece.header["systems"])
    ends = defaultdict(list)
    for bar, _ in lines:
        ends[bar.attributes["system"]].append(first_line + bar.number)
    for box in staves:
        number, system = first_staff + box.number, box.attributes["system"]
        here = pixels(box.x0, box.y0, box.x1, box.y1)
        links = [*on_staff[number], systems[system], *ends[system]]
        data = {"system": system, "staff": box.attributes["staff"]}
        yield Node(number, "staff", *here, None, links, (), data)
    for box in boxes[SYSTEM]:
        system = box.attributes["system"]
        own = [n for (of, _), n in number_of.items() if of == system]
        here = pixels(box.x0, box.y0, box.x1, box.y1)
        yield Node(systems[system], "staffGrouping", *here, None, (), own, {"system": system})

    for bar, here in lines:
        own = [n for (of, _), n in number_of.items() if of == bar.attributes["system"]]
        data = {"measure": bar.attributes["measure"], "number": bar.attributes["number"]}
        number = first_line + bar.number
        yield Node(number, "measureSeparator", *here, ink(image, here), (), own, data)


def _bar_lines(
    image: Image, bars: list[Box], staves: list[Box]
) -> Iterator[tuple[Box, tuple[int, int, int, int]]]:
    """The bars of a page that end with a line, and the pixels of these lines."""
    for bar in bars:
        system = bar.attributes["system"]
        own = [staff for staff in staves if staff.attributes["system"] == system]
        here = bar_line(image, bar, own) if own else None
        if here is not None:
            yield bar, here


def head_class(duration: float, grace: bool) -> str:
    """The class of a note head, by SMuFL's names.

    A duration that dots make (a fraction of a power of two) is that of a half or a whole note from two or four
    quarters on. In a tuplet a note lasts less than it is written: the next longer plain duration counts, so that
    4/3 is a half note.

    Args:
        duration: notated duration, in quarter notes.
        grace: whether it is a grace note.

    Returns:
        Such as "noteheadFull".
    """
    exact = Fraction(duration).limit_denominator(_DENOMINATOR)
    is_dotted = exact.denominator & (exact.denominator - 1) == 0
    longest_full = 2 if is_dotted else 1
    longest_half = 4 if is_dotted else 2
    if exact < longest_full or (not is_dotted and exact == longest_full):
        return "noteheadFullSmall" if grace else "noteheadFull"
    if exact < longest_half:
        return "noteheadHalfSmall" if grace else "noteheadHalf"
    return "noteheadHalfSmall" if grace else "noteheadWhole"


def head_data(
    head: Mapping[str, Any], sounds: Mapping[str, NDArray[np.float64]]
) -> dict[str, Value]:
    """The data of a note head, but for precedence.

    Args:
        head: its row of the noteheads table.
        sounds: `seconds` of each performance, by its name.

    Returns:
        Values by key, as the module lists them.
    """
    data: dict[str, Value] = {
        "midi_pitch_code": head["pitch"],
        "onset_beats": float(head["onset_quarters"]),
        "duration_beats": float(head["duration_quarters"]),
        "tied": int(head["role"] == "tied"),
        "role": head["role"],
        "events": head["events"],
    }
    data |= {"reason": head["reason"]} if head["reason"] else {}
    data |= {"tied_to": head["tied_to"]} if head["tied_to"] >= 0 else {}
    if head["role"] != "played":
        return data
    for number, (name, events) in enumerate(sounds.items()):
        onset, offset, event = events[head["event"]].tolist()
        if event < 0:  # a human performance leaves it out
            continue
        values = {"onset_seconds": onset, "duration_seconds": offset - onset}
        data |= values if number == 0 else {}
        data |= {f"{name}_{key}": value for key, value in values.items()}
        data[f"{name}_note_event_idx"] = int(event)
    return data


def seconds(piece: DatasetPiece, performance: str) -> NDArray[np.float64]:
    """The onset, the release and the event of each written note in a performance: (notes, 3); see `sounds`."""
    return piece.sounds(performance)


def _precedence(heads: list[Box]) -> tuple[dict[int, list[int]], dict[int, list[int]]]:
    """The heads after and before each head, by its number."""
    times: dict[int, dict[float, list[int]]] = defaultdict(lambda: defaultdict(list))
    for box in heads:
        row = box.attributes
        time = row["onset_quarters"] - row["grace_quarters"]
        times[row["staff"]][time].append(box.number)
    after: dict[int, list[int]] = defaultdict(list)
    before: dict[int, list[int]] = defaultdict(list)
    for of_staff in times.values():
        for early, late in pairwise(sorted(of_staff)):
            for head in of_staff[early]:
                after[head] = of_staff[late]
            for head in of_staff[late]:
                before[head] = of_staff[early]
    return after, before


def _staff(box: Box) -> tuple[int, int]:
    return box.attributes["system"], box.attributes["staff"]


def _category(node: Node) -> str:
    kinds = {"staff": STAFF, "staffGrouping": SYSTEM, "measureSeparator": "bar line"}
    return kinds.get(node.kind, HEAD)
