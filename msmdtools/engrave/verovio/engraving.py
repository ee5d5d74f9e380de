"""Engrave one encoding with Verovio: pages, note heads with exact places, staves, bars, and its MEI."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from msmdtools.engrave.look import USUAL, Look
from msmdtools.engrave.outputs import Untrusted
from msmdtools.engrave.pages import render_pages
from msmdtools.engrave.verovio.drawn import Pages
from msmdtools.engrave.verovio.pdf import POINTS, write_pdf
from msmdtools.engrave.verovio.preparing import place_of, prepared
from msmdtools.engrave.verovio.svg import read_page
from msmdtools.engrave.verovio.toolkit import Typeset, typeset
from msmdtools.errors import PieceError
from msmdtools.mei.musicxml_ties import UNSAID, SourceTies
from msmdtools.paper.width import NOMINAL_WIDTH

_TABLATURE = "<tabGrp"


@dataclass(frozen=True, slots=True)
class Engraving:
    """One encoding engraved by Verovio.

    Attributes:
        pages: PNG files of the pages.
        scales: pixels per SVG unit of each page, in x and in y; multiply the boxes in `drawn` by them.
        pdf: all pages in one file.
        drawn: the note heads and staves.
        mei: the encoding as MEI; its notes and bars have the ids of `drawn`.
        engine: name and version of Verovio.
        log: Verovio's messages.
        warnings: its errors and warnings, each once.
        repeats: how repeats are to be performed, "written" or "unfolded".
        sources: place of each note in the source, by id.
        audible: ids of notes that sound although `mei` calls them cues.
        not_unfolded: why repeats cannot be unfolded; "" if they can.
        ties: where ties lead of which `mei` does not say it, or says it wrongly.
        shifts: by the ids of notes, how many semitones higher they sound than `mei` says.
    """

    pages: tuple[Path, ...]
    scales: tuple[tuple[float, float], ...]
    pdf: Path
    drawn: Pages
    mei: str
    engine: str
    log: str
    warnings: tuple[str, ...]
    repeats: str = "written"
    sources: Mapping[str, str] = field(default_factory=dict)
    audible: frozenset[str] = frozenset()
    not_unfolded: str = ""
    ties: SourceTies = UNSAID
    shifts: Mapping[str, int] = field(default_factory=dict)


def engrave(
    text: str,
    form: str,
    folder: Path,
    *,
    width: int = NOMINAL_WIDTH,
    look: Look = USUAL,
    repeats: str = "written",
    transpose: int = 0,
) -> Engraving:
    """Engrave an encoding.

    Args:
        text: the encoding, which has been checked to be a score.
        form: its format, a key of `msmdtools.engrave.verovio.toolkit.INPUTS`.
        folder: where the pages go.
        width: width of the page images, in pixels.
        look: how the pages look.
        repeats: "written" performs the page once from left to right, "unfolded" as a musician would.
        transpose: semitones by which the music is engraved and performed higher than written.

    Returns:
        The pages, what is on them, and the encoding as MEI.

    Raises:
        PieceError: stage "engrave", with a reason: not-readable, no-score, no-notes, tablature, broken-output.
    """
    drawn = Pages()
    pdf = folder / "score.pdf"
    encoding = prepared(text, form)
    typesetting = typeset(encoding.text, encoding.form or form, look, transpose=transpose)
    try:
        for page in typesetting.pages:
            read_page(page, drawn, look.music_font)
        if not drawn.heads:
            raise _without_heads(typesetting)
        write_pdf(drawn, pdf)
        pages, _, pixels = render_pages([pdf], folder, width, len(drawn.sizes))
    except (Untrusted, ValueError) as error:
        raise PieceError("engrave", "broken-output", str(error), typesetting.log) from error
    return Engraving(
        tuple(pages),
        tuple((x * POINTS, y * POINTS) for x, y in pixels),
        pdf,
        drawn,
        typesetting.mei,
        typesetting.engine,
        typesetting.log,
        _warnings(typesetting.log) + _tablature(typesetting),
        repeats,
        {head.id: place_of(head.id, encoding.places, form) for head in drawn.heads},
        encoding.audible,
        encoding.not_unfolded,
        encoding.ties,
        encoding.shifts,
    )


def _without_heads(typesetting: Typeset) -> PieceError:
    if _TABLATURE in typesetting.mei:
        reason = "tablature"
        message = (
            "the score is written in tablature alone, which has numbers of frets instead of note heads: save it "
            "with a staff of notes"
        )
    else:
        reason, message = "no-notes", "no note head was drawn"
    return PieceError("engrave", reason, message, typesetting.log)


def _tablature(typesetting: Typeset) -> tuple[str, ...]:
    """Say that staves of tablature are drawn, and nothing else."""
    if _TABLATURE not in typesetting.mei:
        return ()
    return ("the staves of tablature are drawn, and not played: their numbers are no note heads",)


def _warnings(log: str) -> tuple[str, ...]:
    """The errors and warnings of a log, each once."""
    lines = re.findall(r"^\[(?:Error|Warning)\] (.*)$", log, re.MULTILINE)
    return tuple(dict.fromkeys(lines))
