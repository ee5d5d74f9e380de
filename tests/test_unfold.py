"""Repeats as a musician plays them: in all staves, and note for note as LilyPond unfolds them itself."""

import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest
from click.testing import CliRunner

import msmdtools
from msmdtools.cli import main
from msmdtools.engrave import engrave, find_engines
from msmdtools.engrave.lilypond.repeats import Ending, Repeat
from msmdtools.match import match
from msmdtools.match.repeats import Contradiction, Passage, passages
from msmdtools.score import Score

Engrave = Callable[..., Score]
NO_GRACE = Fraction(0)


@pytest.fixture
def score(tmp_path: Path) -> Engrave:
    def run(music: str, repeats: str = "unfolded") -> Score:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        source = folder / "piece.ly"
        source.write_text(f'\\version "2.24.0"\n{music}\n')
        return match(engrave(source, folder, engines=find_engines(), repeats=repeats))

    return run


def repeat(
    number: int,
    begin: int,
    end: int,
    *endings: tuple[int, int, tuple[int, ...]],
    count: int = 2,
    parent: int = -1,
    last: bool = False,
) -> Repeat:
    inside = tuple(
        Ending((Fraction(a), NO_GRACE), (Fraction(b), NO_GRACE), times) for a, b, times in endings
    )
    edges = ((Fraction(begin), NO_GRACE), (Fraction(end), NO_GRACE))
    return Repeat(number, 0, parent, count, last, f"a.ly:{number}:1", *edges, 0, inside)


def order(*repeats: Repeat, end: int = 40) -> list[tuple[int, int]]:
    """The written passages in the order in which they are played; each follows the one before."""
    found = passages(repeats, Fraction(0), Fraction(end))
    now = Fraction(0)
    for passage in found:
        assert passage.start + passage.shift == now
        now += passage.end - passage.start
    return [(int(p.start), int(p.end)) for p in found]


def test_without_repeats_there_is_one_passage() -> None:
    assert passages([], Fraction(-1), Fraction(8)) == (
        Passage(Fraction(-1), Fraction(8), Fraction(0)),
    )


def test_the_same_repeat_in_two_staves_is_one() -> None:
    assert order(repeat(0, 4, 12), repeat(1, 4, 12)) == [(0, 12), (4, 40)]


def test_repeats_of_different_staves_follow_each_other() -> None:
    assert order(repeat(0, 0, 8), repeat(1, 8, 16)) == [(0, 8), (0, 16), (8, 40)]


def test_endings_belong_to_their_times() -> None:
    with_endings = repeat(0, 0, 12, (8, 10, (1, 2)), (10, 12, (3,)), count=3)
    assert order(with_endings) == [(0, 10), (0, 10), (0, 8), (10, 40)]


def test_what_is_for_no_time_is_never_played() -> None:
    assert order(repeat(0, 0, 8, (4, 8, ()))) == [(0, 4), (0, 4), (8, 40)]


def test_a_repeat_inside_a_repeat_is_played_each_time() -> None:
    outer, inner = repeat(0, 0, 12), repeat(1, 4, 8)
    assert order(outer, inner) == [(0, 8), (4, 12), (0, 8), (4, 40)]


def test_a_repeat_that_begins_with_the_one_around_it_must_be_written_so() -> None:
    assert order(repeat(0, 0, 12), repeat(1, 0, 4, parent=0)) == [(0, 4), (0, 12), (0, 4), (0, 40)]
    with pytest.raises(Contradiction):
        order(repeat(0, 0, 12), repeat(1, 0, 4))


def test_as_long_as_the_one_around_it() -> None:
    assert order(repeat(0, 0, 4), repeat(1, 0, 4, parent=0)) == [(0, 4)] * 3 + [(0, 40)]


def test_a_voice_that_has_ended_may_end_before_its_repeat() -> None:
    assert order(repeat(0, 0, 12), repeat(1, 0, 8, last=True)) == [(0, 12), (0, 40)]


def test_a_first_ending_written_as_part_of_the_repeat_in_another_staff() -> None:
    with_endings = repeat(0, 0, 12, (8, 10, (1,)), (10, 12, (2,)))
    assert order(with_endings, repeat(1, 0, 10)) == [(0, 10), (0, 8), (10, 40)]


def test_staves_that_contradict_each_other_say_where() -> None:
    with pytest.raises(Contradiction) as error:
        order(repeat(0, 0, 8), repeat(1, 4, 12, (8, 12, (2,)), count=3))
    assert str(error.value) == (
        "the staves contradict each other: quarters 0 to 8 are played 2 times (a.ly:0:1); "
        "quarters 4 to 12 are played 3 times, of which quarters 8 to 12 at time 2 (a.ly:1:1)"
    )
    with pytest.raises(Contradiction):
        order(repeat(0, 0, 8), repeat(1, 0, 8, count=3))
    with pytest.raises(Contradiction):
        order(repeat(0, 0, 8), repeat(1, 0, 8, (4, 8, (1,))))


def test_more_repeats_than_can_be_played() -> None:
    nested = [repeat(k, k, 40 - k, count=40, parent=k - 1) for k in range(9)]
    with pytest.raises(Contradiction, match="more than 10000 passages"):
        order(*nested)


def test_a_repeat_in_one_staff_holds_for_all(score: Engrave) -> None:
    found = score(
        "<< \\new Staff { \\repeat volta 2 { c'2 } \\alternative { { d'2 } { e'2 } } f'1 }\n"
        "\\new Staff { \\clef bass c2 d e f1 } >>"
    )
    assert (found.repeats, found.repeats_reason) == ("unfolded", "")
    assert [(n.onset_tick // 768, n.pitch) for n in found.music.notes] == [
        *[(0, 60), (0, 48), (1, 62), (1, 50), (2, 60), (2, 48), (3, 64), (3, 52), (4, 65), (4, 53)]
    ]
    assert [(h.pitch, h.events) for h in found.noteheads if h.staff == 2] == [
        *[(48, (1, 3 + 2)), (50, (3,)), (52, (7,)), (53, (9,))]
    ]


def test_what_a_staff_without_the_repeat_does_at_its_seams(score: Engrave) -> None:
    """A tie and a long note across the end, and grace notes before it."""
    found = score(
        "<< \\new Staff { r2 \\repeat volta 2 { c''2 d'' } e''1 }\n"
        "\\new Staff { c'2~ c'4 e'4 g'2~ g'1 } \n"
        "\\new Staff { \\clef bass r2 \\grace b,8 c2 d1 c2 } >>"
    )
    staff = {
        number: [
            (head.pitch, head.role, [found.music.notes[e].onset_tick / 384 for e in head.events])
            for head in found.noteheads
            if head.staff == number
        ]
        for number in (2, 3)
    }
    assert staff[2] == [
        (60, "played", [0]),
        (60, "played", [6]),  # tied the first time, struck the second
        (64, "played", [3, 7]),
        (67, "played", [4, 8]),
        (67, "tied", [8]),
    ]
    assert staff[3] == [
        (47, "played", [2 - 44 / 384, 6 - 44 / 384]),
        (48, "played", [2, 6]),
        (50, "played", [4, 8]),
        (48, "played", [12]),
    ]
    ends = {(n.pitch, n.onset_tick // 384): n.offset_tick // 384 for n in found.music.notes}
    assert ends[67, 4] == 6  # released where the repeat ends
    assert ends[67, 8] == 14
    assert ends[50, 4] == 5  # gives way to the grace note of the second time
    assert ends[50, 8] == 12


def test_ties_lead_into_every_ending_and_not_back_to_the_beginning(score: Engrave) -> None:
    found = score(
        "{ \\repeat volta 2 { c'1 <c' e'>1~ } \\alternative { { <c' e'>1~ } { <c' e'>2 d'2~ } } d'1 }"
    )
    heard = [(n.onset_tick // 384, n.offset_tick // 384, n.pitch) for n in found.music.notes]
    # The tie at the end of the first ending leads nowhere, as the beginning follows.
    assert heard == [
        *[(0, 4, 60), (4, 12, 60), (4, 12, 64)],
        *[(12, 16, 60), (16, 22, 60), (16, 22, 64), (22, 28, 62)],
    ]
    assert [(h.role, h.events) for h in found.noteheads] == [
        *[("played", (0, 3)), ("played", (1, 4)), ("played", (2, 5))],
        *[("tied", (1,)), ("tied", (2,)), ("tied", (4,)), ("tied", (5,))],
        *[("played", (6,)), ("tied", (6,))],
    ]


def test_a_passage_sounds_each_time_as_it_is_written(score: Engrave) -> None:
    found = score(
        "{ \\tempo 4 = 60 c'2\\sustainOn \\repeat volta 2 { d'4 \\tempo 4 = 30 e'\\sustainOff } f'1 }"
    )
    assert [(t.tick // 384, t.us_per_quarter // 1_000_000) for t in found.music.tempi] == [
        *[(0, 1), (3, 2), (4, 1), (5, 2)]
    ]
    assert [(p.tick // 384, p.value) for p in found.music.pedals] == [
        *[(0, 127), (3, 0), (4, 127), (5, 0)]
    ]


def test_staves_that_contradict_each_other_are_played_as_written(score: Engrave) -> None:
    found = score(
        "<< \\new Staff { \\repeat volta 2 { c'1 } d'1 }\n"
        "\\new Staff { \\repeat volta 2 { c'2 } d'2 e'1 } >>"
    )
    assert found.repeats == "written"
    assert found.repeats_reason == (
        "the staves contradict each other: quarters 0 to 4 are played 2 times (piece.ly:2:16); "
        "quarters 0 to 2 are played 2 times (piece.ly:3:13)"
    )
    assert [n.pitch for n in found.music.notes] == [60, 60, 62, 62, 64]


def test_music_for_no_time_is_unplayed(score: Engrave) -> None:
    found = score("{ \\repeat volta 2 { c'1 \\volta 3 { d'1 } } e'1 }")
    assert [(h.pitch, h.role, h.reason) for h in found.noteheads] == [
        *[(60, "played", ""), (62, "silent", "unplayed"), (64, "played", "")]
    ]


def test_nothing_to_unfold(score: Engrave) -> None:
    assert score("{ c'1 }").repeats == "none"
    assert score("{ \\repeat volta 2 { c'1 } }", "written").repeats == "written"


# Each of these is a score of one file.
AS_LILYPOND = """
{ \\partial 4 g'4 \\repeat volta 2 { c'4 d' e' f' } \\repeat volta 3 { g'1 } a'1 }
{ \\repeat volta 2 { \\grace b'8 c''4 d''\\staccato e''2~ } \\alternative { { e''1 } { e''2 g''~ } } g''1 }
{ c'1 \\grace d'8 \\repeat volta 2 { e'1 \\grace { f'16 g' } } b'1 \\grace a'8 g'1 }
{ \\repeat volta 2 { c'1 } \\grace d'8 c'1 }
{ \\repeat volta 2 { \\repeat volta 2 { c'4 d' } e'2 } \\repeat percent 2 { f'4 } }
{ \\repeat volta 4 { c'4 } \\alternative { { d'4 } { e'4 } } }
{ \\repeat volta 3 { c'4 \\volta 1,3 { d'4 } \\volta 2 { e'2 } f'4 } }
{ \\repeat segno 2 { c'4 d' \\alternative { { e'2 } { } } } g'1 }
{ \\repeat segno 2 { c'2 \\volta 2 \\fine \\volta 1 d'2 } }
{ \\repeat volta 2 { c'1 c'1~ } \\alternative { { c'1 } { c'2\\repeatTie g'2~ } } g'1 }
{ \\repeat volta 2 { c'1\\p } \\alternative { { \\repeat tremolo 4 { d'16 e' } } { <d' f'>2 q } } }
<< \\new Staff { \\repeat volta 2 { << { c''4 } \\\\ { e' } >> } f'4 } \\new Staff { \\repeat volta 2 { c4 } e } >>
{ \\repeat volta 2 { \\times 2/3 { c'8 d' e' } \\acciaccatura f'8 g'4 } \\afterGrace a'2 { b'16 } c''1 }
"""


def test_lilyponds_own_unfolding_note_for_note(score: Engrave) -> None:
    scores = [f"\\score {{ {line} }}" for line in AS_LILYPOND.strip().splitlines()]
    ours = score("\n".join(scores))
    theirs = score(
        "\n".join(f"\\score {{ \\unfoldRepeats volta,segno {s[9:-2]} }}" for s in scores), "written"
    )
    fields = ("onset_tick", "pitch", "velocity", "channel")
    mine, other = (
        [tuple(getattr(n, f) for f in fields) for n in s.music.notes] for s in (ours, theirs)
    )
    assert mine == other
    # Where a note gives way to grace notes at a seam, LilyPond's own rounding may make it a tick shorter.
    for one, two in zip(ours.music.notes, theirs.music.notes, strict=True):
        assert abs(one.offset_tick - two.offset_tick) <= 1
    assert len(mine) > 100
    assert {h.role for h in ours.noteheads} == {"played", "tied"}


@pytest.mark.parametrize(
    ("music", "order", "plays"),
    [
        # D.S. al Coda, D.C. al Coda, D.S. al Fine, D.C. al Fine
        ("a1 \\repeat segno 2 { b1 \\alternative { \\volta 1 { c'1 } \\volta 2 { } } } d'1",
            "ABCBD", [1, 2, 1, 1]),
        ("\\repeat segno 2 { a1 \\alternative { { b1 } { } } } c'1", "ABAC", [2, 1, 1]),
        ("a1 \\repeat segno 2 { b1 \\volta 2 \\fine \\volta 1 c'1 }", "ABCB", [1, 2, 1]),
        ("\\repeat segno 2 { a1 \\volta 2 \\fine \\volta 1 b1 }", "ABA", [2, 1]),
        # Endings of a repeat inside, which is taken again, as LilyPond does
        (
            "\\repeat segno 2 { \\repeat volta 2 { a1 } \\alternative { { b1 } { c'1 } } "
            "\\volta 2 \\fine \\volta 1 d'1 }",
            "ABACDABAC", [4, 2, 2, 1],
        ),
        ("\\repeat segno 3 { a1 b1 } c'1", "ABABABC", [3, 3, 1]),
        ("\\repeat segno 2 { a1 b1 } \\repeat segno 2 { c'1 d'1 } e'1", "ABABCDCDE", [2, 2, 2, 2, 1]),
        # In one of two staves
        (
            "<< { a1 \\repeat segno 2 { b1 \\volta 2 \\fine \\volta 1 c'1 } } \\new Staff { R1*3 } >>",
            "ABCB", [1, 2, 1],
        ),
    ],
)  # fmt: skip
def test_jumps(score: Engrave, music: str, order: str, plays: list[int]) -> None:
    found = score(f"\\new Staff {{ {music} }}")
    letters = {57: "A", 59: "B", 60: "C", 62: "D", 64: "E"}
    assert "".join(letters[note.pitch] for note in found.music.notes) == order
    assert [n.onset_tick // (4 * 384) for n in found.music.notes] == list(range(len(order)))
    # An empty bar may follow the last one, for the signs at its end.
    assert [bar.plays for bar in found.measures][: len(plays)] == plays
    assert (found.repeats, found.repeats_reason) == ("unfolded", "")
    assert {head.role for head in found.noteheads} == {"played"}


def test_build_says_how_repeats_were_played(tmp_path: Path) -> None:
    tree, manifest, out = tmp_path / "tree", tmp_path / "pieces.csv", tmp_path / "out"
    tree.mkdir()
    both = "<< \\new Staff { %s } \\new Staff { %s } >>"
    for name, hands in {
        "none": ("c'1 d'1", "c1 d1"),
        "one": ("\\repeat volta 2 { c'1 } d'1", "c1 d1"),
        "two": ("\\repeat volta 2 { c'1 } d'1", "\\repeat volta 3 { c1 } d1"),
    }.items():
        (tree / f"{name}.ly").write_text(f'\\version "2.24.0"\n{both % hands}\n')
    run = CliRunner().invoke
    result = run(main, ["ingest", str(tree), "--instrument", "all", "--out", str(manifest)])
    assert result.exit_code == 0, result.output
    options = ["--manifest", str(manifest), "--root", str(tree), "--out", str(out)]
    result = run(main, ["build", *options, "--repeats", "unfolded", "--jobs", "1"])
    assert result.exit_code == 0, result.output
    pieces = msmdtools.open(out).pieces
    assert pieces["repeats"].tolist() == ["none", "unfolded", "written"]
    assert pieces["repeats_reason"].tolist() == [
        "",
        "",
        "the staves contradict each other: quarters 0 to 4 are played 2 times (two.ly:2:16); "
        "quarters 0 to 4 are played 3 times (two.ly:2:59)",
    ]
    assert pieces["events"].tolist() == [4, 6, 4]
    assert "1 piece is played as written" in (out / "README.md").read_text()
    result = run(main, ["validate", str(out), "--json"])
    assert json.loads(result.output)["findings"] == []
