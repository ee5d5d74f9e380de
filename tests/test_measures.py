"""Bars as LilyPond counts and prints them: where each begins, its number, its metre, how often it is played."""

import shutil
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest

from msmdtools.base import resources
from msmdtools.build import rows
from msmdtools.dataset.layout_checks import check_measures
from msmdtools.engrave import engrave, find_engines
from msmdtools.match import match
from msmdtools.score import MEASURES, NOTEHEADS, SYSTEMS, Measure, Score

Engraved = Callable[..., Score]


@pytest.fixture
def score(tmp_path: Path) -> Engraved:
    def run(music: str, repeats: str = "written") -> Score:
        source = tmp_path / "piece.ly"
        source.write_text(f'\\version "2.24.0"\n\\paper {{ indent = 0 }}\n{music}\n')
        return match(engrave(source, tmp_path, engines=find_engines(), repeats=repeats))

    return run


def findings(score: Score) -> list[str]:
    """What `msmd validate` finds in the bars of a score."""
    tables = [
        table.from_rows(of("piece", score)).to_pandas()
        for table, of in (
            (MEASURES, rows.measure_rows),
            (NOTEHEADS, rows.notehead_rows),
            (SYSTEMS, rows.system_rows),
        )
    ]
    return [f"{f.where}: {f.what}" for f in check_measures("piece", *tables)]


def brief(measures: list[Measure], start: int = 0) -> list[str]:
    """Number, onset, duration and metre of each bar; onsets from `start`."""
    return [f"{m.number}: {m.onset - start} {m.duration} {m.time_signature}" for m in measures]


def of_system(score: Score, system: int) -> list[Measure]:
    return [measure for measure in score.measures if measure.system == system]


def test_bars_are_those_that_lilypond_counts_and_prints(score: Engraved) -> None:
    result = score(r"""
    \score { \new Staff { % a pickup, a grace note at a bar line, a repeat sign and a line's end inside of bars
      \partial 4 c'4 | c'4 d' e' f' | \grace { g'8 } c'2 d'4 \bar ":|.|:" e'4 | c'2 \bar "" \break
      c'2 | \time 6/8 c'4. \bar "!" d'4. | R2.*2 | \cadenzaOn c'4 d' e' \bar "|" f'4 g' \bar "|" \cadenzaOff
      \time 2/4 c'1 | c'4 } }
    \score { \new PianoStaff << % two metres: those of the higher staff
      \new Staff { \time 3/4 \repeat unfold 2 { c'4 d' e' } }
      \new Staff { \time 2/4 \repeat unfold 3 { c4 d } } >>
      \layout { \context { \Score \remove "Timing_translator" }
                \context { \Staff \consists "Timing_translator" } } }
    \score { \new Score \with { \remove "Timing_translator" } <<
      \new Staff \with { \consists "Timing_translator" } { \time 3/4 \repeat unfold 2 { c'4 d' e' } }
      \new Staff \with { \consists "Timing_translator" } { \time 2/4 \repeat unfold 3 { c4 d } } >> }
    \score { \new Staff \with { \remove "Bar_engraver" } { \time 3/4 c'4 d' e' f' g' a' } }
    \score { \new Staff { r1 \set Score.skipTypesetting = ##t c'1 d' \set Score.skipTypesetting = ##f e'1 } }
    """)
    assert findings(result) == []
    assert brief(of_system(result, 1)) == [
        "0: 0 1 4/4",
        "1: 1 4 4/4",
        "2: 5 3 4/4",
        "2: 8 1 4/4",
        "3: 9 2 4/4",
    ]
    assert brief(of_system(result, 2)) == [
        "3: 11 2 4/4",
        "4: 13 3 6/8",
        "5: 16 3 6/8",
        "6: 19 3 6/8",
        "7: 22 3 ",
        "7: 25 2 ",
        "7: 27 2 2/4",
        "8: 29 2 2/4",
        "9: 31 1 2/4",
    ]
    broken = [measure.system for measure in result.measures if measure.measure == 4]
    assert broken == [1, 2]
    for system, start in ((3, 32), (4, 38), (5, 44)):
        assert brief(of_system(result, system), start) == ["1: 0 3 3/4", "2: 3 3 3/4"]
    assert brief(of_system(result, 6), 50) == ["1: 0 4 4/4", "4: 4 4 4/4"]
    assert [m.measure for m in result.measures] == [*range(5), *range(4, 21)]
    assert {m.plays for m in result.measures} == {1}
    lefts = [head.x0 for head in result.noteheads if head.system == 5]
    assert lefts[2] < of_system(result, 5)[1].x0 <= lefts[3]


def test_grace_notes_that_a_line_ends_with_are_a_part_of_the_next_bar(score: Engraved) -> None:
    result = score(r"""\new Staff { c'1 | \grace { g'8 a'8 \bar "" \break } d'1 | e'1 }""")
    assert findings(result) == []
    assert sum(head.grace > 0 for head in result.noteheads) == 2
    parts = [(m.measure, m.number, m.system, m.duration) for m in result.measures]
    assert parts == [(0, "1", 1, 4), (1, "2", 1, 0), (1, "2", 2, 4), (2, "3", 2, 4)]


def test_the_bars_of_unfolded_repeats_say_how_often_they_are_played(score: Engraved) -> None:
    result = score(
        r"""{ r1 r1 \repeat volta 2 { c'1 \repeat volta 3 { d'1 } \alternative { e'1 { f'1 } } g'2 }
        a'2 b'1 R1 }""",
        "unfolded",
    )
    assert findings(result) == []
    assert [measure.plays for measure in result.measures] == [1, 1, 2, 6, 4, 2, 2, 1, 1, 1]
    for head in result.noteheads:
        bars = of_system(result, head.system)
        (bar,) = (m for m in bars if m.onset <= head.onset < m.onset + m.duration)
        assert len(head.events) == bar.plays
    played = sum(measure.plays * measure.duration for measure in result.measures)
    assert played == 4 * (1 + 1 + 2 * (1 + 3 * 2 + Fraction(1, 2)) + Fraction(1, 2) + 1 + 1)


@pytest.mark.parametrize("piece", ["BeethovenLv", "SchumannR"])
def test_every_head_of_the_sample_stands_in_the_bar_of_its_time(tmp_path: Path, piece: str) -> None:
    root = next(path for path in sorted(resources.pieces().iterdir()) if path.name == piece)
    folder = shutil.copytree(root, tmp_path / "source")
    source = sorted(folder.rglob("*.ly"))[0]
    result = match(engrave(source, folder, engines=find_engines()))
    assert findings(result) == []
    assert all(head.system for head in result.noteheads)
    for system in {staff.system for staff in result.staves}:
        bars = of_system(result, system)
        assert bars[0].x0 == min(s.x0 for s in result.staves if s.system == system)
        assert bars[-1].x1 == max(s.x1 for s in result.staves if s.system == system)
        for before, after in pairwise(bars):
            assert before.x1 == after.x0
            assert before.onset + before.duration == after.onset
