"""What Verovio draws: boxes of heads and staves, and pages that are the picture of its SVG."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from small_scores import musicxml, note

from msmdtools.engrave import verovio
from msmdtools.engrave.look import USUAL, Look
from msmdtools.engrave.pages import render_pages
from msmdtools.engrave.verovio.abc import mended
from msmdtools.engrave.verovio.drawn import Pages
from msmdtools.engrave.verovio.outlines import letter, outline
from msmdtools.engrave.verovio.pdf import write_pdf
from msmdtools.engrave.verovio.svg import read_page
from msmdtools.engrave.verovio.toolkit import typeset
from msmdtools.errors import PieceError
from msmdtools.match import match_encoding

SCALE = [note(pitch, 4) for pitch in ("E4", "F4", "G4", "A4", "B4", "C5", "D5", "E5")]
TWO_BARS = musicxml(["".join(SCALE[:4]), "".join(SCALE[4:])])


def drawn(text: str, look: Look = USUAL) -> Pages:
    pages = Pages()
    for page in typeset(text, "musicxml", look).pages:
        read_page(page, pages, look.music_font)
    return pages


def test_a_head_on_a_line_has_its_middle_on_that_line() -> None:
    pages = drawn(TWO_BARS)
    first = pages.staves[0]
    thickness = 0.15 * 10 * 20 * 25.4 / 72.27 / 8 * 10  # of a line, in SVG units
    lowest, highest = first.box[3] - thickness / 2, first.box[1] + thickness / 2
    space = (lowest - highest) / 4
    middles = [(head.box[1] + head.box[3]) / 2 for head in pages.heads]
    steps = [(lowest - y) / (space / 2) for y in middles]
    # Verovio counts in whole units, and the glyph is not quite symmetric.
    assert steps == pytest.approx([0, 1, 2, 3, 4, 5, 6, 7], abs=0.06)


def test_heads_are_as_large_as_their_glyph() -> None:
    pages = drawn(musicxml([note("G4", 8) + note("G4", 4) + note("G4", 4)]))
    half, quarter, _ = pages.heads
    # From the font's own tables: E0A3 is 314 x 270 and E0A4 is 314 x 266 thousandths of an em.
    ratios = [(h.box[2] - h.box[0]) / (h.box[3] - h.box[1]) for h in (half, quarter)]
    assert ratios == pytest.approx([314 / 270, 314 / 266], rel=0.02)


def test_every_box_is_on_ink_and_no_larger(tmp_path: Path) -> None:
    engraving = verovio.engrave(TWO_BARS, "musicxml", tmp_path, width=2000)
    page = np.asarray(Image.open(engraving.pages[0]))
    x, y = engraving.scales[0]
    for head in engraving.drawn.heads:
        x0, y0, x1, y1 = head.box[0] * x, head.box[1] * y, head.box[2] * x, head.box[3] * y
        inside = page[round(y0) : round(y1), round(x0) : round(x1)] < 128
        assert inside.mean() > 0.6
        # A head touches each side of its box within a pixel.
        assert inside[:2].any() and inside[-2:].any() and inside[:, :2].any()


def test_a_page_is_as_high_as_a_system_that_would_not_fit(tmp_path: Path) -> None:
    part = TWO_BARS[TWO_BARS.index("<score-part id") : TWO_BARS.index("</part-list>")]
    music = TWO_BARS[TWO_BARS.index('<part id="P1">') : TWO_BARS.index("</score-partwise>")]
    parts = [(part.replace("P1", f"P{k}"), music.replace("P1", f"P{k}")) for k in range(30)]
    text = TWO_BARS.replace(part, "".join(p for p, _ in parts))
    text = text.replace(music, "".join(m for _, m in parts))
    engraving = verovio.engrave(text, "musicxml", tmp_path)
    page = np.asarray(Image.open(engraving.pages[0]))
    x, y = engraving.scales[0]
    assert page.shape[1] == 835 and x == pytest.approx(y, rel=1e-3)
    assert len(engraving.drawn.heads) == 240
    for head in engraving.drawn.heads:
        x0, y0, x1, y1 = head.box[0] * x, head.box[1] * y, head.box[2] * x, head.box[3] * y
        assert (page[round(y0) : round(y1), round(x0) : round(x1)] < 128).mean() > 0.4


def test_the_page_is_the_picture_of_the_svg(tmp_path: Path) -> None:
    resvg = pytest.importorskip("resvg_py")
    beamed = "".join(note(p, 2) for p in ("C4", "E4", "G4", "B4", "D5", "B4", "G4", "E4"))
    slurred = (
        note("F#4", 8, more='<notations><slur type="start" number="1"/></notations>')
        + note("C4", 4)
        + note("Bb5", 4, more='<notations><slur type="stop" number="1"/></notations>')
    )
    text = musicxml([beamed, slurred, note("r", 16)], name="")
    pages = Pages()
    (svg,) = typeset(text, "musicxml", USUAL).pages
    read_page(svg, pages, USUAL.music_font)
    write_pdf(pages, tmp_path / "score.pdf")
    (path,), _, _ = render_pages([tmp_path / "score.pdf"], tmp_path, 4000, 1)
    ours = np.asarray(Image.open(path)).astype(float)
    png = resvg.svg_to_bytes(svg_string=svg, width=4000, background="white", skip_system_fonts=True)
    theirs = np.asarray(Image.open(io.BytesIO(bytes(png))).convert("L")).astype(float)
    rows = min(len(ours), len(theirs))
    difference = np.abs(ours[:rows] - theirs[:rows]).sum() / (255 - theirs).sum()
    assert difference < 0.05  # the edges of lines


def test_equal_input_gives_equal_pages_and_pdf(tmp_path: Path) -> None:
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder in folders:
        folder.mkdir()
        verovio.engrave(TWO_BARS, "musicxml", folder)
    for name in ("page-01.png", "score.pdf"):
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes()


def test_a_look_changes_the_page_and_the_next_piece_has_its_own(tmp_path: Path) -> None:
    usual = drawn(TWO_BARS)
    small = drawn(TWO_BARS, Look(staff_size=14, music_font="Bravura"))
    heights = [pages.staves[0].box[3] - pages.staves[0].box[1] for pages in (usual, small)]
    assert heights[1] / heights[0] == pytest.approx(14 / 20, abs=0.02)
    narrow = drawn(TWO_BARS, Look(page_width_mm=105))
    assert narrow.sizes[0][0] * 2 == usual.sizes[0][0]
    assert drawn(TWO_BARS) == usual


def test_notes_keep_their_ids_or_get_the_way_back_to_them(tmp_path: Path) -> None:
    text = musicxml([note("C4", 8, id="mine") + note("D4", 8), note("E4", 16)])
    engraving = verovio.engrave(text, "musicxml", tmp_path)
    assert set(engraving.sources.values()) == {
        "#mine",
        "part[@id='P1']/measure[1]/note[2]",
        "part[@id='P1']/measure[2]/note[1]",
    }
    kern = "**kern\n*clefG2\n*M4/4\n=1\n2c\n2d 2f\n==\n*-\n"
    (tmp_path / "kern").mkdir()
    engraving = verovio.engrave(kern, "kern", tmp_path / "kern")
    assert sorted(engraving.sources.values()) == [
        "line 5, spine 1",
        "line 6, spine 1, note 1",
        "line 6, spine 1, note 2",
    ]


def test_line_breaks_of_old_abc_are_left_out() -> None:
    head = "X:1\nT:Surprise! Twice!\nK:G\n"
    old = head + 'G!trill!A "sing!"B|!GA B2!\n!p!G4|]\n'
    assert mended(old) == head + 'G!trill!A "sing!"B|GA B2\n!p!G4|]\n'
    assert mended(head + "GABc|]\n") == head + "GABc|]\n"


def test_a_tune_without_bar_lines_is_one_bar(tmp_path: Path) -> None:
    chant = "X:1\nT:Chant\nM:none\nL:1/8\nK:F\nF2G2A4\nB2A2G8\n"
    score = match_encoding(verovio.engrave(chant, "abc", tmp_path))
    assert [head.pitch for head in score.noteheads] == [65, 67, 69, 70, 69, 67]
    assert [float(head.onset) for head in score.noteheads] == [0, 1, 2, 4, 5, 6]


def test_a_score_without_notes_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(PieceError) as error:
        verovio.engrave(musicxml([note("r", 16)]), "musicxml", tmp_path)
    assert (error.value.stage, error.value.reason) == ("engrave", "no-notes")


def test_tablature_has_no_heads_and_says_so(tmp_path: Path) -> None:
    def fretted(text: str) -> str:
        technical = "<notations><technical><string>2</string><fret>1</fret></technical></notations>"
        return text.replace("</note>", f"{technical}</note>")

    clef = '<clef number="{}"><sign>{}</sign><line>{}</line></clef>'.format
    lines = "<staff-details{}><staff-lines>6</staff-lines></staff-details>".format
    notes = note("C4", 8) + note("E4", 8)
    alone = fretted(musicxml([notes])).replace(
        "<clef><sign>G</sign><line>2</line></clef>",
        "<clef><sign>TAB</sign><line>5</line></clef>" + lines(""),
    )
    with pytest.raises(PieceError) as error:
        verovio.engrave(alone, "musicxml", tmp_path)
    assert (error.value.stage, error.value.reason) == ("engrave", "tablature")
    upper = notes.replace("</note>", "<staff>1</staff></note>")
    lower = fretted(notes.replace("</note>", "<staff>2</staff></note>"))
    both = musicxml([upper + "<backup><duration>16</duration></backup>" + lower]).replace(
        "<clef><sign>G</sign><line>2</line></clef>",
        "<staves>2</staves>" + clef(1, "G", 2) + clef(2, "TAB", 5) + lines(' number="2"'),
    )
    score = match_encoding(verovio.engrave(both, "musicxml", tmp_path))
    assert [(h.pitch, h.onset, h.role) for h in score.noteheads] == [
        *[(60, 0, "played"), (64, 2, "played")]
    ]
    assert [measure.duration for measure in score.measures] == [4]
    assert "the staves of tablature are drawn, and not played" in score.warnings[-1]


def test_a_symbol_of_a_curve_has_its_exact_box() -> None:
    # A quarter of a circle bulges over the line between its ends, and not as far as its control points.
    curve = outline("M0 0c0 100 100 100 100 0z")
    assert curve.box == pytest.approx((0, 0, 100, 75))
    assert curve.operators == "0 0 m 0 100 100 100 100 0 c 0 0 l h"


def test_letters_have_the_widths_that_the_layout_gives_them() -> None:
    wide, unknown = letter("m", False, False, "Leipzig"), letter("\u4e2d", False, False, "Leipzig")
    assert wide.operators and wide.advance == pytest.approx(1593 / 2048)
    assert unknown.operators == ""
    assert letter("\ue0a4", False, False, "Leipzig").operators  # a music symbol within text


def test_notes_of_mei_without_an_id_have_their_place(tmp_path: Path) -> None:
    notes = '<note pname="c" oct="4" dur="2"/><note xml:id="d" pname="d" oct="4" dur="2"/>'
    mei = (
        '<mei xmlns="http://www.music-encoding.org/ns/mei"><meiHead/><music><body><mdiv><score>'
        '<scoreDef meter.count="4" meter.unit="4"><staffGrp><staffDef n="1" lines="5" clef.shape="G"'
        ' clef.line="2"/></staffGrp></scoreDef><section><measure n="1"><staff n="1"><layer n="1">'
        f"{notes}</layer></staff></measure></section></score></mdiv></body></music></mei>"
    )
    engraving = verovio.engrave(mei, "mei", tmp_path)
    assert sorted(engraving.sources.values()) == ["#d", "((//measure)[1]//note)[1]"]
