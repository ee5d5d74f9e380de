"""Read a person's marks in a recording, whichever format they are in."""

from collections.abc import Sequence
from pathlib import Path

from msmdtools.base.damage import why
from msmdtools.base.quantities import format_bytes
from msmdtools.errors import PieceError
from msmdtools.performed import asap_beats, marks_csv, sonic_visualiser
from msmdtools.performed.alignment import refuse
from msmdtools.performed.marks import Anchor, Bars, anchors, check

MOST_BYTES = 16 << 20
"""No file of marks is as large as this."""


def read(path: Path, bars: Bars, order: Sequence[int]) -> tuple[str, list[Anchor]]:
    """Read marks: tables, beats of ASAP, and layers of Sonic Visualiser.

    Args:
        path: the file.
        bars: the bars of the piece.
        order: which of the bars are played, one after the other, for marks that have no numbers of bars.

    Returns:
        The name of the format, and the marks in order of time.

    Raises:
        PieceError: it cannot be read, has too few marks or none in order (stage "read"), or is of another piece
            (stage "align").
    """
    if not path.is_file():
        raise refuse("missing-file", f"there is no {path}", "read")
    if path.stat().st_size > MOST_BYTES:
        raise refuse("too-large", f"{path} has more than {format_bytes(MOST_BYTES)}", "read")
    try:
        data = path.read_bytes()
        if path.suffix.lower() == ".svl":
            name, marks = sonic_visualiser.NAME, sonic_visualiser.read_layer(path, data)
        else:
            text = data.decode("utf-8-sig")
            first = next((line for line in text.splitlines() if line.strip()), "")
            text = text[text.find(first) :]
            if marks_csv.is_header(first):
                name, marks = marks_csv.NAME, marks_csv.read(path, text)
            elif asap_beats.is_first(first):
                name, marks = asap_beats.NAME, asap_beats.read(path, text, bars, order)
            elif sonic_visualiser.is_first(first):
                name, marks = sonic_visualiser.NAME, sonic_visualiser.read_csv(path, text)
            else:
                raise refuse(
                    "wrong-columns",
                    f"{path.name} begins with {first[:60]!r}: a table of marks has a first line with the "
                    "columns second, and one of bar, measure and quarters; beats of ASAP and layers of Sonic "
                    "Visualiser are read, too",
                    "read",
                )
    except (OSError, UnicodeDecodeError) as error:
        raise refuse("unreadable", f"{path.name} cannot be read: {why(error)}", "read") from error
    except PieceError as error:
        if error.stage == "source":  # of XML
            raise refuse(error.reason, str(error), "read") from error
        raise
    check(marks, path)
    return name, anchors(marks, bars)
