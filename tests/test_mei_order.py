"""In which order the bars of an encoding are played: repeats, endings, jumps."""

from fractions import Fraction

import pytest
from mei_texts import bar, by_id, heard, mei, note

from msmdtools.mei.order import ending_times
from msmdtools.mei.reading import read
from msmdtools.score import PedalChange, TempoChange

REPEAT, BEGIN, BOTH = 'right="rptend"', 'left="rptstart"', 'right="rptboth"'
STEPS = dict(zip("ABCDEFG", (57, 59, 60, 62, 64, 65, 67), strict=True))


def one(name: str, attributes: str = "", controls: str = "") -> str:
    """A bar of one note, called by a letter, at the pitch of that letter."""
    octave = "3" if name in "AB" else "4"
    return bar(
        note(name, name.lower() + octave, "1"),
        attributes=attributes,
        controls=controls,
        number="ABCDEFG".index(name) + 1,
    )


def ending(times: str, *bars: str) -> str:
    return f'<ending n="{times}">{"".join(bars)}</ending>'


def words(text: str) -> str:
    return f'<dir tstamp="1">{text}</dir>'


def sign(name: str, tstamp: str = "1") -> str:
    return f'<repeatMark func="{name}" tstamp="{tstamp}"/>'


def played(*bars: str) -> str:
    """The letters of the bars in the order in which they are played."""
    written = read(mei(*bars), repeats="unfolded")
    assert written.repeats_reason == ""
    letters = "".join(strike.ids[0] for strike in written.strikes)
    assert [s.onset for s in written.strikes] == [4 * k for k in range(len(letters))]
    names = [n.id for n in written.notes]
    assert [m.plays for m in written.measures] == [letters.count(name) for name in names]
    return letters


@pytest.mark.parametrize(
    ("bars", "order"),
    [
        ([one("A"), one("B", REPEAT), one("C")], "ABABC"),
        ([one("A"), one("B", BEGIN), one("C", REPEAT), one("D")], "ABCBCD"),
        ([one("A", REPEAT), one("B", REPEAT), one("C")], "AABBC"),
        ([one("A", BOTH), one("B", REPEAT)], "AABB"),
        ([one("A", BEGIN), one("B", BEGIN), one("C", REPEAT)], "ABCBC"),
        ([one("A"), one("B", 'left="rptend"'), one("C")], "AABC"),
        ([one("A", 'right="rptstart"'), one("B", REPEAT)], "ABB"),
    ],
)
def test_repeats(bars: list[str], order: str) -> None:
    assert played(*bars) == order


@pytest.mark.parametrize(
    ("bars", "order"),
    [
        ([one("A"), ending("1", one("B", REPEAT)), ending("2", one("C")), one("D")], "ABACD"),
        (
            [one("A"), ending("1, 2", one("B", REPEAT)), ending("3", one("C", REPEAT)), one("D")],
            "ABABACD",
        ),
        ([one("A"), ending("1-3", one("B", REPEAT)), ending("4", one("C"))], "ABABABAC"),
        ([one("A"), ending("1", one("B"), one("C", REPEAT)), ending("2", one("D"))], "ABCAD"),
        ([one("A"), ending("1", one("B", REPEAT)), one("C")], "ABAC"),
        ([one("A"), ending("first", one("B", REPEAT)), ending("second", one("C"))], "ABAC"),
        (
            [
                one("A", REPEAT),
                one("B"),
                ending("1.", one("C", REPEAT)),
                ending("2.", one("D")),
                one("E", BEGIN),
                ending("1", one("F", REPEAT)),
                ending("2", one("G")),
            ],
            "AABCBDEFEG",
        ),
    ],
)
def test_endings(bars: list[str], order: str) -> None:
    assert played(*bars) == order


@pytest.mark.parametrize(
    ("bars", "order"),
    [
        ([one("A"), one("B", "", words("Fine")), one("C", "", words("D.C. al Fine"))], "ABCAB"),
        ([one("A"), one("B", "", sign("segno")), one("C", "", words("Dal Segno"))], "ABCBC"),
        ([one("A", "", sign("segno", "5")), one("B"), one("C", "", words("D. S."))], "ABCBC"),
        (
            [
                one("A"),
                one("B", "", words("To Coda")),
                one("C", "", words("Da Capo al Coda")),
                one("D", "", sign("coda")),
            ],
            "ABCABD",
        ),
        # Two Codas: the first is where to leave.
        (
            [
                one("A", "", sign("segno")),
                one("B"),
                one("C", "", sign("coda") + words("x")),
                one("D", "", words("D.S. al Coda")),
                one("E", "", sign("coda")),
            ],
            "ABCDABE",
        ),
        # Repeats are not taken again, unless the words say so; of endings the last is played.
        ([one("A", REPEAT), one("B", "", words("D.C."))], "AABAB"),
        ([one("A", REPEAT), one("B", "", words("D.C. con repetizione"))], "AABAAB"),
        (
            [
                one("A"),
                ending("1", one("B", REPEAT)),
                ending("2", one("C", "", words("Fine"))),
                one("D", "", words("D.C. al Fine")),
            ],
            "ABACDAC",
        ),
        # A jump is taken after the repeat of its bar.
        ([one("A"), one("B", 'left="rptstart" right="rptend"', words("D.C."))], "ABBAB"),
    ],
)
def test_jumps(bars: list[str], order: str) -> None:
    assert played(*bars) == order


@pytest.mark.parametrize(
    ("bars", "reason"),
    [
        ([one("A"), one("B", "", words("D.S."))], "has no Segno"),
        ([one("A"), one("B", "", words("D.C. al Fine"))], "has no Fine"),
        ([one("A"), one("B", "", words("D.C. al Coda"))], "has no Coda"),
    ],
)
def test_what_cannot_be_played_is_played_as_written(bars: list[str], reason: str) -> None:
    written = read(mei(*bars), repeats="unfolded")
    assert written.repeats == "written"
    assert reason in written.repeats_reason
    assert len(written.strikes) == 2


@pytest.mark.parametrize(
    ("bars", "order", "unplayed"),
    [
        ([one("A"), ending("1", one("B")), ending("2", one("C")), one("D")], "ABD", "C"),
        ([one("A"), ending("2", one("B")), one("C")], "AC", "B"),
        ([one("A"), ending("1", one("B", REPEAT)), ending("3", one("C")), one("D")], "ABAD", "C"),
    ],
)
def test_endings_that_no_repeat_leads_to_have_a_reason(
    bars: list[str], order: str, unplayed: str
) -> None:
    assert played(*bars) == order
    written = read(mei(*bars), repeats="unfolded")
    assert {n.id: n.reason for n in written.notes if n.reason} == {unplayed: "unplayed"}


def test_without_repeats_there_is_nothing_to_unfold() -> None:
    document = mei(one("A", 'right="dbl"'), one("B", 'right="end"', words("Fine")))
    assert read(document, repeats="unfolded").repeats == "none"
    written = read(mei(one("A", REPEAT)))
    assert (written.repeats, written.measures[0].plays) == ("written", 1)
    assert read(mei(one("A", REPEAT)), repeats="unfolded").repeats == "unfolded"


def test_ending_times() -> None:
    assert ending_times("1, 2", 5) == (1, 2)
    assert ending_times("1.-3.", 5) == (1, 2, 3)
    assert ending_times("2–4", 5) == (2, 3, 4)
    assert ending_times("Schluss", 5) == (5,)
    assert ending_times(None, 1) == (1,)
    assert ending_times("1-999999999", 1) == (1,)


def test_a_repeat_bar_line_inside_a_bar() -> None:
    divided = bar(note("a", "c4", "2") + '<barLine form="rptend"/>' + note("b", "d4", "2"))
    written = read(mei(divided, bar(note("c", "e4", "1"))), repeats="unfolded")
    assert heard(written) == [(0, 2, 60), (2, 4, 60), (4, 6, 62), (6, 10, 64)]
    assert written.measures[0].plays == 2
    again = read(
        mei(
            bar(note("a", "c4", "2") + '<barLine form="rptstart"/>' + note("b", "d4", "2")),
            bar(note("c", "e4", "1"), attributes=REPEAT),
        ),
        repeats="unfolded",
    )
    assert [p for _, _, p in heard(again)] == [60, 62, 64, 62, 64]
    assert by_id(again)["b"].strikes == (1, 3)


def test_ties_over_the_seams_of_repeats() -> None:
    ties = '<tie startid="#a" endid="#b"/><tie startid="#b" endid="#c"/>'
    written = read(
        mei(
            bar(note("a", "c4", "1"), controls=ties),
            bar(note("b", "c4", "1"), attributes='left="rptstart" right="rptend"'),
            bar(note("c", "c4", "1")),
        ),
        repeats="unfolded",
    )
    # b is tied the first time and struck the second, as is c only after the second time.
    assert heard(written) == [(0, 8, 60), (8, 16, 60)]
    b, c = by_id(written)["b"], by_id(written)["c"]
    assert (b.continues, b.strikes, b.tied_to) == ((0,), (1,), "a")
    assert (c.continues, c.strikes) == ((1,), ())


def test_a_tie_leads_into_every_ending() -> None:
    written = read(
        mei(
            bar(
                note("a", "c4", "1"),
                note("x", "c5", "1"),
                controls='<tie startid="#a" endid="#b"/>',
            ),
            ending("1", bar(note("b", "c4", "1"), note("y", "c5", "1"), attributes=REPEAT)),
            ending("2", bar(note("c", "c4", "1"), note("z", "c5", "1"))),
        ),
        repeats="unfolded",
    )
    # The lower voice is tied into both endings, though its tie is printed into the first; the upper is not.
    assert heard(written) == [
        *[(0, 8, 60), (0, 4, 72), (4, 8, 72)],
        *[(8, 16, 60), (8, 12, 72), (12, 16, 72)],
    ]
    notes = by_id(written)
    assert [(n, notes[n].strikes, notes[n].continues, notes[n].tied_to) for n in "abcz"] == [
        *[("a", (0, 3), (), ""), ("b", (), (0,), "a"), ("c", (), (3,), "a"), ("z", (5,), (), "")]
    ]


def test_a_tie_over_a_seam_needs_the_same_pitch_and_layer() -> None:
    tied = bar(note("a", "c4", "1"), controls='<tie startid="#a" endid="#b"/>')
    first = ending("1", bar(note("b", "c4", "1"), attributes=REPEAT))
    other_pitch = ending("2", bar(note("c", "d4", "1")))
    other_layer = ending("2", bar(note("r", "e4", "1"), note("c", "c4", "1")))
    late = ending("2", bar('<rest dur="2"/>' + note("c", "c4", "2")))
    for second in (other_pitch, other_layer, late):
        written = read(mei(tied, first, second), repeats="unfolded")
        assert by_id(written)["c"].continues == ()


def test_a_tie_leads_to_the_coda_and_not_back_to_the_beginning() -> None:
    written = read(
        mei(
            bar(
                note("a", "c4", "1"),
                controls='<tie startid="#a" endid="#b"/>' + sign("toCoda", "5"),
            ),
            bar(
                note("b", "c4", "1"),
                controls='<tie startid="#b" endid="#c"/>' + words("D.C. al Coda"),
            ),
            bar(note("c", "c4", "1"), controls=sign("coda")),
        ),
        repeats="unfolded",
    )
    assert heard(written) == [(0, 8, 60), (8, 16, 60)]
    c = by_id(written)["c"]
    assert (c.strikes, c.continues, c.tied_to) == ((), (1,), "a")


def test_notes_are_released_at_the_end_of_a_passage() -> None:
    long = bar(note("a", "c4", "1") + '<barLine form="rptend"/>', note("x", "c5", "breve"))
    written = read(mei(long, bar(note("b", "d4", "1"))), repeats="unfolded")
    assert (0, 4, 72) in heard(written)


def test_grace_notes_at_a_seam_belong_to_their_bar() -> None:
    grace = note("g", "d4", "4", 'grace="acc"')
    written = read(
        mei(
            bar(note("a", "c4", "1")),
            bar(grace + note("b", "e4", "1"), attributes='left="rptstart" right="rptend"'),
        ),
        repeats="unfolded",
    )
    early = Fraction(9, 40)
    assert [s.onset for s in written.strikes if s.pitch == 62] == [4 - early, 8 - early]


def test_a_passage_has_the_tempo_and_pedal_of_its_place_each_time() -> None:
    first = '<tempo tstamp="1" midi.bpm="120"/><pedal staff="1" tstamp="3" dir="down"/>'
    second = '<tempo tstamp="3" midi.bpm="30"/><pedal staff="1" tstamp="3" dir="up"/>'
    written = read(mei(one("A", "", first), one("B", REPEAT, second)), repeats="unfolded")
    bar_ticks = 4 * 384
    assert written.tempi == (
        TempoChange(0, 500_000),
        TempoChange(bar_ticks + 768, 2_000_000),
        TempoChange(2 * bar_ticks, 500_000),
        TempoChange(3 * bar_ticks + 768, 2_000_000),
    )
    assert written.pedals == tuple(
        PedalChange(tick, 0, value)
        for tick, value in (
            (768, 127), (bar_ticks + 768, 0), (2 * bar_ticks + 768, 127), (3 * bar_ticks + 768, 0),
        )
    )  # fmt: skip
