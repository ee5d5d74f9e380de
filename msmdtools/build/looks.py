"""Engrave a piece several times, each time with another look, for training."""

import random
from collections.abc import Sequence
from dataclasses import replace

from msmdtools.engrave.look import MUSIC_FONTS, USUAL, Look
from msmdtools.piece import LILYPOND, Piece

STAFF_SIZES = (16.0, 23.0)
PAGE_WIDTHS_MM = (180.0, 250.0)
SPACINGS = (0.7, 1.6)


def with_looks(pieces: Sequence[Piece], count: int, seed: int) -> list[Piece]:
    """Add further pieces that are the same music with another look.

    A look has a music font, a staff size of 16 to 23 points, paper 180 to 250 mm wide and a spacing of 0.7 to
    1.6, each drawn at random. It depends on the seed, the piece and its number alone.

    Args:
        pieces: the pieces.
        count: how many looks each piece has: its own, and `count` - 1 drawn ones.
        seed: of the random numbers.

    Returns:
        The pieces; after each that Verovio engraves the further ones, called "<piece>~2" and so on. They have
        its edition, or its file as their edition, so that no split tears them apart. LilyPond's pieces have
        their own look alone.
    """
    result: list[Piece] = []
    for piece in pieces:
        together = piece if count == 1 else replace(piece, edition=piece.edition or piece.path)
        result.append(piece if piece.format == LILYPOND else together)
        if piece.format != LILYPOND:
            result += [
                replace(
                    together,
                    piece=f"{piece.piece}~{number}",
                    look=to_text(drawn_look(random.Random(f"{seed}/{piece.piece}/{number}"))),
                )
                for number in range(2, count + 1)
            ]
    return result


def drawn_look(draw: random.Random) -> Look:
    """A look drawn at random."""
    return Look(
        staff_size=round(draw.uniform(*STAFF_SIZES), 1),
        music_font=draw.choice(MUSIC_FONTS),
        page_width_mm=round(draw.uniform(*PAGE_WIDTHS_MM)),
        spacing=round(draw.uniform(*SPACINGS), 2),
    )


def to_text(look: Look) -> str:
    """A look as a table has it, such as "Bravura, staff size 18.5, page 210 mm, spacing 1.2"."""
    return (
        f"{look.music_font}, staff size {look.staff_size:g}, page {look.page_width_mm:g} mm, "
        f"spacing {look.spacing:g}"
    )


def from_text(text: str) -> Look:
    """The look that `to_text` has written; the usual one for "".

    Raises:
        ValueError: it is another text.
    """
    if not text:
        return USUAL
    font, size, page, spacing = text.split(", ")
    return Look(
        staff_size=float(size.removeprefix("staff size ")),
        music_font=font,
        page_width_mm=float(page.removeprefix("page ").removesuffix(" mm")),
        spacing=float(spacing.removeprefix("spacing ")),
    )
