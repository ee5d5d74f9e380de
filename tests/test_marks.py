"""Marks in recordings: each format, passes, and what is refused."""

from fractions import Fraction
from pathlib import Path

import pytest
from recordings import RESTS, SCALE, SECONDS, SONG, UPBEAT, WALTZ, build, played

from msmdtools.errors import PieceError
from msmdtools.performed.marks import Anchor, Bar, Bars, Named, anchors


@pytest.fixture(scope="module")
def built(soundfont: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    sources = {"song": SONG, "waltz": WALTZ, "scale": SCALE, "upbeat": UPBEAT, "rests": RESTS}
    return build(tmp_path_factory.mktemp("built"), **sources)


FORMATS = {
    "table-measures": ("m.tsv", "seconds\tmeasure\n1\t0\n5\t1\n6.5\t0\n8.5\t1\n10\t2\n", "table"),
    "table-quarters": ("m.csv", "time;quarters\n1;0\n5;4\n6.5;0\n8.5;4\n10;8\n", "table"),
    "table-beats": (
        "m.csv",
        "Second,Bar,Beat,who\n1,1,1,x\n3,1,3,x\n5,2,1,x\n6.5,1,1,x\n8.5,2,1,x\n10,3,1,x\n",
        "table",
    ),
    "sonic-visualiser-csv": (
        "m.csv",
        "1.0,1\n3.0,1.3\n5.0,2\n6.5,1\n8.5,2.1\n10.0,3.1\n",
        "sonic-visualiser",
    ),
    "sonic-visualiser-header": ("m.csv", "TIME,LABEL\n1,1\n5,2\n6.5,1\n8.5,2\n10,3\n", "table"),
    "sonic-visualiser-layer": (
        "m.svl",
        '<?xml version="1.0"?><!DOCTYPE sonic-visualiser><sv><data>'
        '<model id="1" name="" sampleRate="44100" type="sparse" dimensions="1" dataset="0"/>'
        '<dataset id="0" dimensions="1">'
        '<point frame="286650" label="1"/><point frame="44100" label="1"/>'
        '<point frame="220500" label="2"/><point frame="374850" label="2.1"/>'
        '<point frame="441000" label="3"/></dataset></data></sv>',
        "sonic-visualiser",
    ),
}


@pytest.mark.parametrize("case", FORMATS.values(), ids=FORMATS.keys())
def test_each_format_of_marks_says_the_same(
    case: tuple[str, str, str], built: Path, tmp_path: Path
) -> None:
    name, text, by = case
    found, playing = played(built, "song", text, tmp_path, name=name)
    assert found == by
    assert [(bar.measure, bar.turn, bar.second) for bar in playing.bars] == [
        *((0, 1, 1.0), (1, 1, 5.0), (0, 2, 6.5), (1, 2, 8.5), (2, 1, 10.0)),
    ]


@pytest.mark.parametrize("first", ["db,4/4", "db,4/4,0", "db,,1", "db"])
def test_beats_of_asap_are_counted_through_the_bars(
    first: str, built: Path, tmp_path: Path
) -> None:
    rows = [(1, first), (2, "b"), (3, "bR"), (4, "b"), (5, "db"), (7, "b"), (9, "db,,-1")]
    text = "".join(f"{second}.0\t{second}.0\t{label}\n" for second, label in rows)
    by, playing = played(built, "song", text, tmp_path, name="take_beats.txt")
    assert by == "asap"
    assert [(bar.measure, bar.turn, bar.second) for bar in playing.bars] == [
        *((0, 1, 1.0), (1, 1, 5.0), (2, 1, 9.0)),
    ]
    assert [note.onset_s for note in playing.notes] == [1.0, 2.0, 3.0, 4.0, 5.0, 5.0, 7.0, 9.0]


def test_bars_that_are_not_marked_lie_between_marks(built: Path, tmp_path: Path) -> None:
    _, playing = played(built, "waltz", "second,bar\n1,1\n7,3\n", tmp_path)
    assert [(bar.measure, bar.second, bar.is_marked) for bar in playing.bars] == [
        *((0, 1.0, True), (1, 4.0, False), (2, 7.0, True), (3, 9.5, False)),
    ]
    # The recording ends a second before the pace would, and the last two bars with it.
    assert playing.notes[-1].offset_s == SECONDS


def test_beats_before_the_first_downbeat_end_a_bar_of_rests(built: Path, tmp_path: Path) -> None:
    beats = "".join(f"{s}\t{s}\t{'db' if s in (4, 7) else 'b'}\n" for s in range(2, 10))
    _, playing = played(built, "rests", beats, tmp_path)
    assert [(bar.measure, bar.second) for bar in playing.bars] == [(0, 1.0), (1, 4.0), (2, 7.0)]
    assert [note.onset_s for note in playing.notes] == [2.0, 3.0, 4.0, 7.0]


def test_bars_that_are_left_out_are_no_passage(built: Path, tmp_path: Path) -> None:
    # A bar a second; from bar 3 to bar 7 it is one second, too.
    marks = "second,bar\n1,1\n2,2\n3,3\n4,7\n5,8\n"
    _, playing = played(built, "scale", marks, tmp_path)
    assert [(bar.measure, bar.second) for bar in playing.bars] == [
        *((0, 1.0), (1, 2.0), (2, 3.0), (6, 4.0), (7, 5.0)),
    ]
    assert [note.note for note in playing.notes if note.link == "deletion"] == [3, 4, 5]


def test_a_pickup_is_before_the_first_downbeat(built: Path, tmp_path: Path) -> None:
    beats = "1.0\t1.0\tb\n2.0\t2.0\tdb\n3.0\t3.0\tb\n4.0\t4.0\tb\n5.0\t5.0\tb\n6.0\t6.0\tdb\n"
    for marks in (beats, beats.partition("\n")[2]):  # with the pickup marked, and without
        _, playing = played(built, "upbeat", marks, tmp_path)
        assert [(bar.measure, bar.second) for bar in playing.bars] == [(0, 1.0), (1, 2.0), (2, 6.0)]
        assert [note.onset_s for note in playing.notes] == [1.0, 2.0, 6.0]


REFUSED = {
    "another-piece": ("second,bar\n1,1\n2,2\n3,17\n", "marks-of-another-piece", "no bar 17"),
    "no-such-beat": ("second,bar,beat\n1,1,1\n2,1,5\n", "marks-of-another-piece", "no beat 5"),
    "too-far": ("second,quarters\n1,0\n2,13\n", "marks-of-another-piece", "no quarter note 13"),
    "unsorted": ("second,bar\n1,1\n4,3\n3,2\n", "marks-not-in-order", "line 4: 3 s is not after"),
    "twice": ("second,bar\n1,1\n1,2\n", "marks-not-in-order", "line 3: 1 s is not after"),
    "one": ("second,bar\n1,1\n", "too-few-marks", "has 1 mark, and at least 2 are needed"),
    "backwards": ("second,bar\n1,3\n2,2\n3,1\n", "marks-going-back", "no mark is followed by"),
    "columns": ("second,place\n1,1\n2,2\n", "wrong-columns", "has the columns second, place"),
    "text": ("hello\n", "wrong-columns", "begins with 'hello'"),
    "number": ("second,bar\n1,1\nx,2\n", "damaged", "line 3: 'x' is no time"),
    "label": ("1.0,New Point\n2.0,New Point\n", "damaged", "'New Point' names no bar"),
    "after": ("second,bar\n1,1\n200,2\n", "marks-of-another-recording", "ends at 12.0 s"),
    "many": ("".join(f"{s}\t{s}\tdb\n" for s in range(9)), "marks-of-another-piece", "9 downbeats"),
    "metre": ("1\t1\tdb,3/4\n2\t2\tdb\n", "marks-of-another-piece", "signature is 3/4"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED.keys())
def test_wrong_marks_are_refused(case: tuple[str, str, str], built: Path, tmp_path: Path) -> None:
    marks, expected, what = case
    with pytest.raises(PieceError) as refused:
        played(built, "song", marks, tmp_path)
    assert refused.value.reason == expected
    assert what in str(refused.value)


def test_a_layer_that_declares_entities_is_refused(built: Path, tmp_path: Path) -> None:
    layer = '<!DOCTYPE sv [<!ENTITY a "12">]><sv><data><dataset><point label="&a;"/></dataset></data></sv>'
    with pytest.raises(PieceError, match="declares the entity 'a'"):
        played(built, "song", layer, tmp_path, name="marks.svl")


def test_beats_of_a_compound_metre() -> None:
    bar = [Bar(i, str(i + 1), Fraction(3 * i), Fraction(3), "6/8") for i in range(2)]
    two = [
        Named("", 1.0, bar="1"),
        Named("", 2.0, bar="1", beat=Fraction(2)),
        Named("", 3.0, bar="2"),
    ]
    assert anchors(two, Bars(tuple(bar))) == [
        Anchor(1.0, Fraction(0)),
        Anchor(2.0, Fraction(3, 2)),
        Anchor(3.0, Fraction(3)),
    ]
    six = [*two, Named("", 4.0, bar="2", beat=Fraction(6))]
    assert [a.quarters for a in anchors(six, Bars(tuple(bar)))] == [
        *(Fraction(0), Fraction(1, 2), Fraction(3), Fraction(11, 2)),
    ]
