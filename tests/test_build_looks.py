"""Several looks of a piece: ids, editions, and that each look depends on seed, piece and number alone."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msmdtools.build.looks import drawn_look, from_text, to_text, with_looks
from msmdtools.engrave.look import MUSIC_FONTS, USUAL, Look
from msmdtools.piece import MANIFEST, Piece

FIELDS = dict.fromkeys((c.name for c in MANIFEST.columns if not c.added), "")
LILYPOND = Piece(
    **{**FIELDS, "piece": "a"} | dict.fromkeys(("instruments", "include_path", "files"), ())
)
SONG = replace(LILYPOND, piece="b", path="songs/b.mxl", format="musicxml")


def test_each_piece_of_verovios_is_followed_by_its_looks() -> None:
    pieces = with_looks([LILYPOND, SONG], 3, seed=0)
    assert [piece.piece for piece in pieces] == ["a", "b", "b~2", "b~3"]
    assert {piece.edition for piece in pieces[1:]} == {"songs/b.mxl"}
    assert pieces[0] == LILYPOND
    assert pieces[1].look == ""
    looks = {piece.look for piece in pieces[2:]}
    assert len(looks) == 2


def test_a_look_depends_on_seed_piece_and_number_alone() -> None:
    other = replace(SONG, piece="c")
    assert with_looks([other, SONG], 5, 7)[5:] == with_looks([SONG], 5, 7)
    assert with_looks([SONG], 2, 7)[1] == with_looks([SONG], 5, 7)[1]
    assert with_looks([SONG], 2, 7)[1].look != with_looks([SONG], 2, 8)[1].look


def test_with_one_look_pieces_stay_as_they_are() -> None:
    assert with_looks([LILYPOND, SONG], 1, seed=0) == [LILYPOND, SONG]


@given(st.randoms(use_true_random=False))
def test_a_drawn_look_can_be_written_and_read(draw) -> None:
    look = drawn_look(draw)
    assert from_text(to_text(look)) == look
    assert look.music_font in MUSIC_FONTS


def test_the_text_of_a_look_says_what_it_is() -> None:
    assert to_text(USUAL) == "Leipzig, staff size 20, page 210 mm, spacing 1"
    assert from_text("") == USUAL
    assert from_text("Bravura, staff size 18.5, page 190 mm, spacing 1.25") == Look(
        18.5, "Bravura", 190.0, 1.25
    )
    with pytest.raises(ValueError, match="unpack"):
        from_text("large")
