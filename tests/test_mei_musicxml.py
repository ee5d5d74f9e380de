"""What Verovio would lose or misread of MusicXML is there after mending."""

from fractions import Fraction

import pytest
import verovio
from lxml import etree
from mei_texts import by_id

from msmdtools.mei.musicxml import Mended, mend
from msmdtools.mei.reading import read
from msmdtools.mei.written import Written

HEAD = (
    "<attributes><divisions>8</divisions><time><beats>4</beats><beat-type>4</beat-type></time>"
    "<clef><sign>G</sign><line>2</line></clef></attributes>"
)
TYPES = {32: "whole", 16: "half", 8: "quarter", 4: "eighth"}


def note(name: str, duration: int = 8, step: str = "F", more: str = "", voice: int = 1) -> str:
    return (
        f'<note id="{name}"><pitch><step>{step}</step><octave>4</octave></pitch>'
        f"<duration>{duration}</duration><voice>{voice}</voice><type>{TYPES[duration]}</type>{more}</note>"
    )


def document(*parts: list[str]) -> str:
    names = "".join(f'<score-part id="P{k}"><part-name/></score-part>' for k in range(len(parts)))
    inside = "".join(
        f'<part id="P{k}">'
        + "".join(
            f'<measure number="{i}">{HEAD * (i == 1)}{bar}</measure>'
            for i, bar in enumerate(bars, 1)
        )
        + "</part>"
        for k, bars in enumerate(parts)
    )
    return f'<score-partwise version="4.0"><part-list>{names}</part-list>{inside}</score-partwise>'


def music(text: str, repeats: str = "written") -> tuple[Written, Mended]:
    root = etree.fromstring(text)
    mended = mend(root)
    verovio.enableLog(verovio.LOG_OFF)
    toolkit = verovio.toolkit()
    assert toolkit.loadData(etree.tostring(root, encoding="unicode"))
    mei = toolkit.getMEI({"scoreBased": True})
    written = read(
        mei,
        repeats=repeats,  # type: ignore[arg-type]
        audible=mended.audible,
        ties=mended.ties,
        shifts=mended.shifts,
    )
    return written, mended


def test_notes_that_begin_while_their_voice_sounds() -> None:
    back = "<backup><duration>{}</duration></backup>"
    bar = note("a", 16) + back.format(12) + note("b", 16, "A") + back.format(12) + note("c", 8, "C")
    written, mended = music(document([bar + note("d", 16, "D")]))
    assert mended.changed
    assert {n.id: n.onset for n in written.notes} == {
        "a": 0, "b": Fraction(1, 2), "c": 1, "d": 2,
    }  # fmt: skip
    assert written.measures[0].duration == 4


def test_a_part_whose_notes_stand_on_two_staves_has_two() -> None:
    low = note("b", 32, "C", voice=2, more="<staff>2</staff>")
    text = document([note("a", 32) + "<backup><duration>32</duration></backup>" + low])
    root = etree.fromstring(text)
    assert mend(root).changed
    assert [element.tag for element in root.find("part/measure/attributes")] == [
        "divisions",
        "time",
        "staves",
        "clef",
    ]
    notes = by_id(music(text)[0])
    assert (notes["a"].staff, notes["b"].staff) == (1, 2)


def test_what_verovio_reads_well_stays_as_it_is() -> None:
    back = "<backup><duration>32</duration></backup>"
    chord = note("b", 16, "A").replace("<pitch>", "<chord/><pitch>")
    bars = [
        note("a", 16) + chord + note("c", 16) + back + note("d", 32, "C", voice=2),
        "<forward><duration>16</duration></forward>"
        + note("e", 16)
        + back
        + note("f", 32, "C", voice=2),
    ]
    text = document(bars)
    root = etree.fromstring(text)
    assert mend(root) == Mended()
    assert etree.tostring(root, encoding="unicode") == etree.tostring(
        etree.fromstring(text), encoding="unicode"
    )


def test_several_moves_in_time_are_one() -> None:
    moves = "".join(
        f"<{name}><duration>{length}</duration></{name}>"
        for name, length in (("backup", 16), ("forward", 16), ("backup", 24), ("forward", 8))
    )
    bar = note("a", 32) + moves + note("b", 16, "A", voice=2)
    written, mended = music(document([bar]))
    assert mended.changed
    assert by_id(written)["b"].onset == 2


MULTIPLE = (
    "<attributes><measure-style><multiple-rest>2</multiple-rest></measure-style></attributes>"
)
REST = '<note><rest measure="yes"/><duration>32</duration></note>'


def test_multi_bar_rests_take_no_notes_from_other_parts() -> None:
    first = [note("a", 32), MULTIPLE + REST, REST, note("b", 32)]
    second = [note(f"y{k}", 32, "C") for k in range(4)]
    written, _ = music(document(first, second))
    assert len(written.measures) == 4
    assert {n.id for n in written.notes} == {"a", "b", "y0", "y1", "y2", "y3"}
    alone, mended = music(document(first))
    assert not mended.changed
    assert [m.duration for m in alone.measures] == [4, 8, 4]


def test_multi_bar_rests_take_no_repeats() -> None:
    style = "<bar-style>light-heavy</bar-style>"
    line = f'<barline location="right">{style}<repeat direction="backward"/></barline>'
    written, mended = music(document([note("a", 32), MULTIPLE + REST, REST + line]), "unfolded")
    assert mended.changed
    assert [m.plays for m in written.measures] == [2, 2, 2]


def test_repeats_inside_a_bar_need_no_bar_style() -> None:
    line = '<barline location="middle"><repeat direction="backward"/></barline>'
    written, _ = music(document([note("a", 16) + line + note("b", 16)]), "unfolded")
    assert [s.ids for s in written.strikes] == [("a",), ("a",), ("b",)]


@pytest.mark.parametrize(
    ("bars", "reasons"), [(1, ["", "", "percent-repetition", ""]), (2, ["", "", "", ""])]
)
def test_repeats_of_several_bars_are_written_out(bars: int, reasons: list[str]) -> None:
    sign = '<attributes><measure-style><measure-repeat type="{}">{}</measure-repeat></measure-style></attributes>'
    rest = [note("a", 32, "C"), note("b", 32, "D")]
    rest += [sign.format("start", bars) + note("c", 32, "C")]
    rest += ([] if bars == 1 else [note("d", 32, "D")]) + [
        sign.format("stop", "") + note("e", 32, "E")
    ]
    written, _ = music(document([*rest[:-1], rest[-1]]))
    assert [s.reason for s in written.strikes][: len(reasons)] == reasons
    assert [s.pitch for s in written.strikes] == (
        [60, 62, 62, 64] if bars == 1 else [60, 62, 60, 62, 64]
    )


def test_tremolos_keep_their_second_note_where_tuplets_begin_on_both() -> None:
    tuplet = (
        '<tuplet type="start" bracket="no"><tuplet-actual><tuplet-number>8</tuplet-number></tuplet-actual>'
        "<tuplet-normal><tuplet-number>8</tuplet-number></tuplet-normal></tuplet>"
    )
    modified = (
        "<time-modification><actual-notes>16</actual-notes>"
        "<normal-notes>8</normal-notes></time-modification>"
    )
    sign = "<notations>{}<ornaments><tremolo type='{}'>3</tremolo></ornaments></notations>"

    def half(name: str, step: str, kind: str, end: str) -> str:
        n = note(name, 16, step, modified + sign.format(tuplet + end, kind))
        return n.replace("<type>half", "<type>whole")

    written, _ = music(
        document([half("a", "D", "start", "") + half("b", "F", "stop", '<tuplet type="stop"/>')])
    )
    assert by_id(written)["b"].onset == Fraction(1, 8)
    assert len(written.strikes) == 32


def test_small_notes_sound_and_cues_do_not() -> None:
    small = note("a", 16).replace("<type>", '<type size="cue">')
    cue = note("b", 16).replace("<pitch>", "<cue/><pitch>")
    written, mended = music(document([small + cue]))
    assert mended.audible == {"a"}
    assert [n.reason for n in written.notes] == ["", "cue"]


def _tied(music_note: str, *kinds: str) -> str:
    ties = "".join(f'<tied type="{kind}"/>' for kind in kinds)
    return music_note.replace("</note>", f"<notations>{ties}</notations></note>")


def _grace(music_note: str) -> str:
    return music_note.replace("<pitch>", "<grace/><pitch>").replace("<duration>16</duration>", "")


def _chord(music_note: str) -> str:
    return music_note.replace("<pitch>", "<chord/><pitch>")


def test_an_arpeggio_of_grace_notes_is_tied_to_its_chord() -> None:
    graces = [_grace(_tied(note(name, 16, step), "start")) for name, step in ("xC", "yE", "zG")]
    ends = [note("c", 16, "C"), note("e", 16, "E"), note("g", 16, "G")]
    chord = [ends[0], *map(_chord, ends[1:])]
    tied = [_tied(chord[0], "stop"), chord[1], _tied(chord[2], "stop", "start")]
    later = _tied(note("later", 16, "G"), "stop")
    written, mended = music(document(["".join(graces + tied), later]))
    assert mended.ties.from_graces == {"c", "g"}
    found = {n.id: n.tied_to for n in written.notes}
    # No tie ends at the E: the one of its grace note is the source's mistake.
    assert found == {"x": "", "y": "", "z": "", "c": "x", "e": "", "g": "z", "later": "g"}


def test_changes_of_transposition_are_followed() -> None:
    def change(chromatic: int, octaves: int = 0) -> str:
        octave = f"<octave-change>{octaves}</octave-change>" if octaves else ""
        return f"<attributes><transpose><chromatic>{chromatic}</chromatic>{octave}</transpose></attributes>"

    def pitches(*bars: str) -> list[int]:
        return [n.pitch for n in music(document(list(bars)))[0].notes]

    a, b, c = (note(name, 32) for name in "abc")
    (written,) = {n.pitch for n in music(document([a]))[0].notes}
    assert pitches(change(-2) + a, change(-3) + b, c) == [written - k for k in (2, 3, 3)]
    assert pitches(a, change(-9, -1) + b, change(0) + c) == [written, written - 21, written]
    half = note("b", 16)
    assert pitches(change(-2) + a, half + change(2) + note("c", 16)) == [
        *[written - 2, written - 2, written + 2]
    ]


def counted(name: str, duration: int, divisions: int, step: str = "F") -> str:
    """A note whose duration is counted in other divisions than 8."""
    here = f"<duration>{duration * divisions // 8}<"
    return note(name, duration, step).replace(f"<duration>{duration}<", here)


@pytest.mark.parametrize("divisions", [2, 6])
def test_divisions_that_change_inside_a_bar(divisions: int) -> None:
    change = f"<attributes><divisions>{divisions}</divisions></attributes>"
    first = note("a") + change + counted("b", 4, divisions) + counted("c", 4, divisions)
    first += counted("d", 16, divisions)
    other = [note("x", 16) + note("y", 16), note("z", 32)]
    written, mended = music(document([first, counted("e", 32, divisions)], other))
    assert mended.changed
    assert {n.id: n.onset for n in written.notes} == {
        "a": 0, "b": 1, "c": Fraction(3, 2), "d": 2, "e": 4, "x": 0, "y": 2, "z": 4,
    }  # fmt: skip
    assert [bar.duration for bar in written.measures] == [4, 4]


def test_divisions_that_change_between_bars_stay() -> None:
    change = "<attributes><divisions>2</divisions></attributes>"
    second = change + counted("b", 16, 2) + counted("c", 16, 2)
    written, mended = music(document([note("a", 32), second]))
    assert not mended.changed
    assert {n.id: n.onset for n in written.notes} == {"a": 0, "b": 4, "c": 6}
