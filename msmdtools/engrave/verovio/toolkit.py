"""Load an encoding into Verovio, in this process, and take its pages and its MEI."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from msmdtools.engrave.look import A4_MM, Look
from msmdtools.errors import PieceError

INPUTS = {"musicxml": "xml", "mei": "mei", "kern": "humdrum", "abc": "abc"}
MOST_LOG_BYTES = 100_000
_POINT_MM = 25.4 / 72.27
# A tenth of a millimetre is a unit of length, and half a staff space is `unit` of these.
_SPACES = 4


@dataclass(frozen=True, slots=True)
class Typeset:
    """An encoding as Verovio has set it.

    Attributes:
        pages: each page as SVG.
        mei: the encoding as MEI; its notes and bars have the ids of the SVG.
        engine: name and version of the program.
        log: its messages.
    """

    pages: tuple[str, ...]
    mei: str
    engine: str
    log: str


FIXED = {
    "breaks": "auto",
    # Repeats are played by `msmdtools.mei`, and are never written out.
    "expandNever": True,
    "footer": "none",
    "header": "auto",
    "pageMarginBottom": 100,
    "pageMarginLeft": 100,
    "pageMarginRight": 100,
    "pageMarginTop": 100,
    "scale": 100,
    # Symbols in text are drawn from their outlines, not with a font in the SVG.
    "smuflTextFont": "none",
    # A page is made higher where a system does not fit on it.
    "shrinkToFit": True,
    "svgFormatRaw": True,
    # Ids that the encoding does not give are the same in each run.
    "xmlIdSeed": 1,
}


def typeset(text: str, form: str, look: Look, *, transpose: int = 0) -> Typeset:
    """Set an encoding.

    Args:
        text: the encoding.
        form: its format, a key of `INPUTS`.
        look: how the pages look.
        transpose: semitones by which the music is set higher.

    Returns:
        The pages and the MEI.

    Raises:
        PieceError: stage "engrave", reason "not-readable" when Verovio cannot read it, "no-score" when it
            has no page. Verovio reads much that is no score as an empty one: check the text first.
    """
    import verovio

    verovio.enableLog(verovio.LOG_WARNING)
    toolkit = verovio.toolkit()
    options = {**FIXED, **_options(look), "inputFrom": INPUTS[form]}
    toolkit.setOptions(options | ({"transpose": f"{transpose:+d}"} if transpose else {}))
    engine = f"Verovio {toolkit.getVersion().partition('-')[0]}"
    with _messages() as messages:
        loaded = toolkit.loadData(text)
        numbers = range(1, toolkit.getPageCount() + 1) if loaded else ()
        pages = tuple(toolkit.renderToSVG(number) for number in numbers)
        mei = toolkit.getMEI({"scoreBased": True, "noLayout": True}) if loaded else ""
    log = "".join(messages)
    if not loaded:
        message = _telling(log) or "it is not a score that Verovio can read"
        raise PieceError("engrave", "not-readable", message, log)
    if not pages:
        raise PieceError("engrave", "no-score", "there is nothing to engrave", log)
    return Typeset(pages, mei, engine, log)


def as_mei(text: str, form: str, seed: int) -> str:
    """An encoding as MEI, without a picture.

    Args:
        text: the encoding.
        form: its format, a key of `INPUTS`.
        seed: of the ids that the encoding does not give.

    Returns:
        The MEI.

    Raises:
        PieceError: stage "engrave", reason "not-readable".
    """
    import verovio

    verovio.enableLog(verovio.LOG_OFF)
    toolkit = verovio.toolkit()
    toolkit.setOptions({"inputFrom": INPUTS[form], "xmlIdSeed": seed})
    if not toolkit.loadData(text):
        raise PieceError("engrave", "not-readable", "it is not a score that Verovio can read", "")
    return str(toolkit.getMEI({"scoreBased": True, "noLayout": True}))


def _options(look: Look) -> dict[str, object]:
    """The look as options of Verovio."""
    height = look.page_width_mm * A4_MM[1] / A4_MM[0]
    return {
        "pageWidth": round(10 * look.page_width_mm),
        "pageHeight": round(10 * height),
        "unit": round(10 * look.staff_size * _POINT_MM / _SPACES / 2, 3),
        "font": look.music_font,
        "spacingLinear": 0.25 * look.spacing,
    }


@contextmanager
def _messages() -> Iterator[list[str]]:
    """What is written to this process's standard error meanwhile: the only place of Verovio's messages."""
    lines: list[str] = []
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with tempfile.TemporaryFile() as file:
            os.dup2(file.fileno(), 2)
            try:
                yield lines
            finally:
                os.dup2(kept, 2)
                file.seek(0)
                lines += file.read(MOST_LOG_BYTES).decode("utf-8", "replace").splitlines(True)
    finally:
        os.close(kept)


def _telling(log: str) -> str:
    lines = [line.removeprefix("[Error] ") for line in log.splitlines() if "[Error]" in line]
    return lines[0] if lines else ""
