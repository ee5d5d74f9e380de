"""What is printed is performed, as LilyPond would: no less, no more, at its tempo and at its pitch."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from msmdtools.cli import main
from msmdtools.engrave import engrave, find_engines
from msmdtools.match import match
from msmdtools.score import Score

Engrave = Callable[..., Score]


@pytest.fixture
def score(tmp_path: Path) -> Engrave:
    def run(text: str, repeats: str = "written") -> Score:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        source = folder / "piece.ly"
        source.write_text(f'\\version "2.24.0"\n{text}\n')
        return match(engrave(source, folder, engines=find_engines(), repeats=repeats))

    return run


def pitches(score: Score) -> list[int]:
    return [note.pitch for note in score.music.notes]


def onsets(score: Score) -> list[int]:
    return [note.onset_tick for note in score.music.notes]


def silent(score: Score) -> list[tuple[int, str]]:
    return [(head.pitch, head.reason) for head in score.noteheads if head.role == "silent"]


def tempi(score: Score) -> list[tuple[int, float]]:
    """(quarter, quarters a minute) of each change; a pause of a second comes between scores."""
    return [(t.tick / 384, round(60e6 / t.us_per_quarter, 1)) for t in score.music.tempi]


def test_books_and_parts_of_books_kept_in_variables_are_printed_once_and_sound(
    score: Engrave,
) -> None:
    s = score(
        "part = \\bookpart { \\paper { indent = 5 } \\header { piece = P }\n"
        "  \\score { { c'1 } \\layout {} \\midi {} } \\score { { d'1 } } }\n"
        "all = \\book { \\part \\score { { e'1 } \\layout {} } }\n"
        "\\all\n\\book { \\part { f'1 } }"
    )
    assert [(h.pitch, h.role, h.events) for h in s.noteheads] == [
        (pitch, "played", (event,)) for event, pitch in enumerate([60, 62, 64, 60, 62, 65])
    ]
    assert len({box.system for box in s.staves}) == 6


def test_a_file_made_for_lilypond_book_is_printed(score: Engrave) -> None:
    s = score("\\include \"lilypond-book-preamble.ly\"\n{ c'4 d' }")
    assert [(h.pitch, h.role) for h in s.noteheads] == [(60, "played"), (62, "played")]


MUTED = """
lower = { c'4 d' }
\\score { <<
  \\new Staff \\with { \\remove Staff_performer } { c''4 d'' }
  \\new Staff \\with { \\remove "Staff_performer" } \\lower
  \\new Staff \\lower
  \\new Staff << { e'4 f' } \\new Voice \\with { \\remove Note_performer } { g4 a } >>
  \\new Staff \\with { midiMaximumVolume = #0 } { c4 d }
>> \\layout {} \\midi {} }
"""


def test_what_the_source_mutes_is_silent_though_another_staff_has_the_same_notes(
    score: Engrave,
) -> None:
    s = score(MUTED)
    assert sorted(pitches(s)) == [60, 62, 64, 65]
    assert {note.channel for note in s.music.notes if note.pitch == 60} == {0}
    assert sorted(silent(s)) == [
        (pitch, "not-performed") for pitch in (48, 50, 55, 57, 60, 62, 72, 74)
    ]


def test_a_kind_of_context_can_be_muted_in_the_midi_block(score: Engrave) -> None:
    s = score(
        "\\score { << \\new ChordNames \\chordmode { c1 } \\new RhythmicStaff { a4 a }\n"
        "  \\new Staff { e'4 f' } >> \\layout {}\n"
        "  \\midi { \\context { \\ChordNames \\remove Staff_performer }\n"
        "    \\context { \\RhythmicStaff \\remove Staff_performer } } }"
    )
    assert pitches(s) == [64, 65]


def test_voices_that_have_midi_channels_of_their_own_sound(score: Engrave) -> None:
    s = score(
        "\\score { \\new Staff << { c''4 } \\\\ { e'4 } >> \\layout {} \\midi {\n"
        "  \\context { \\Staff \\remove Staff_performer }\n"
        "  \\context { \\Voice \\consists Staff_performer } } }"
    )
    assert sorted(pitches(s)) == [64, 72]


ONE_TWO = "one = { c'4 d' e' f' }\ntwo = { g'4 f' e' d' }\nlast = \\one\n"
PRINTED = "\\score { \\one \\layout {} }\n\\score { \\two \\layout {} }\n"


@pytest.mark.parametrize(
    "text",
    [
        PRINTED + "\\score { \\one \\midi { \\tempo 4 = 50 } }\n"
        "\\score { \\two \\midi { \\tempo 4 = 180 } }",
        PRINTED + "\\score { \\two \\midi { \\tempo 4 = 180 } }\n"
        "\\score { \\unfoldRepeats \\one \\midi { \\tempo 4 = 50 } }",
        "\\score { \\one \\midi { \\tempo 4 = 50 } }\n"
        "\\score { \\two \\midi { \\tempo 4 = 180 } }\n" + PRINTED,
        f"\\book {{ {PRINTED} }}\n"
        "\\book { \\score { \\one \\midi { \\tempo 4 = 50 } }\n"
        "  \\score { { \\tempo 4 = 180 \\transpose c d \\two } \\midi {} } }",
        PRINTED + "\\score { { c1 } \\midi { \\tempo 4 = 50 } }\n"
        "\\score { { d1 } \\midi { \\tempo 4 = 180 } }",
        "\\score { \\one \\layout {} }\n\\score { { c1 } \\midi { \\tempo 4 = 50 } }\n"
        "\\score { { d1 } \\midi { \\tempo 4 = 180 } }\n\\score { \\two \\layout {} }\n"
        "\\score { { e1 } \\midi { \\tempo 4 = 180 } }\n\\markup { \\with-color #red last }",
    ],
    ids=["after", "in another order", "before", "in another book", "other music", "the next one"],
)
def test_a_score_for_midi_lends_its_tempo_to_the_score_of_its_music(
    score: Engrave, text: str
) -> None:
    assert tempi(score(ONE_TWO + text)) == [(0, 50), (4 + 50 / 60, 180)]


def test_tempo_changes_in_the_music_for_midi_are_played(score: Engrave) -> None:
    track = "track = { \\tempo 4 = 90 s2 \\tempo 4 = 45 s4 \\tempo 4 = 90 }\n"
    lender = "\\score { << \\track \\one >> \\midi {} }"
    s = score(ONE_TWO + track + "\\score { \\one }\n" + lender)
    assert tempi(s) == [(0, 90), (2, 45), (3, 90)]
    assert onsets(s) == [0, 384, 768, 1152]
    # Of another length, by repeats that are not printed, the first tempo is what fits.
    longer = "\\score { << \\track { \\one \\one } >> \\midi {} }"
    assert tempi(score(ONE_TWO + track + "\\score { \\one }\n" + longer)) == [(0, 90)]
    # What is printed counts for more.
    own = "\\score { { \\tempo 4 = 72 \\one } }\n"
    assert tempi(score(ONE_TWO + track + own + lender)) == [(0, 72)]


MELODY = "{ c'4 d' e' f' g'1 a'1~ a'2 b' }"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (
            f"showLastLength = R1*2\n\\score {{ {MELODY} }}",
            [(69, 0, 4), (69, 4, 2), (71, 6, 2)],
        ),
        (
            f"showFirstLength = R1*1\n\\score {{ {MELODY} }}",
            [(60, 0, 1), (62, 1, 1), (64, 2, 1), (65, 3, 1)],
        ),
        (
            "\\score { { c'4 \\set Score.skipTypesetting = ##t d' e' r\n"
            "  \\set Score.skipTypesetting = ##f f'2 g' } }",
            [(60, 0, 1), (65, 1, 2), (67, 3, 2)],
        ),
    ],
    ids=["showLastLength", "showFirstLength", "skipTypesetting"],
)
@pytest.mark.parametrize("repeats", ["written", "unfolded"])
def test_music_that_is_not_printed_is_not_played(
    score: Engrave, text: str, found: list[tuple[int, int, int]], repeats: str
) -> None:
    s = score(text, repeats)
    assert [(h.pitch, h.onset, h.duration) for h in s.noteheads] == found
    assert {h.role for h in s.noteheads} <= {"played", "tied"}
    assert all(note.heads for note in s.music.notes)
    starts = [h for h in s.noteheads if h.role == "played"]
    assert onsets(s) == [384 * h.onset for h in starts]


def test_microtones_keep_their_nearest_semitone_and_say_what_is_missing(score: Engrave) -> None:
    s = score("{ c'4 cih' cisih' deh'~ deh' <beh c' cih'> }")
    expected = [(60, 0), (60, 50), (62, -50), (62, -50), (62, -50), (58, 50), (60, 0), (60, 50)]
    assert sorted((h.pitch, h.cents) for h in s.noteheads) == sorted(expected)
    assert [h.role for h in s.noteheads].count("tied") == 1
    assert {(n.pitch, n.cents) for n in s.music.notes} == set(expected)


def test_ties_into_grace_notes_and_ties_that_end_others_are_lilyponds(score: Engrave) -> None:
    s = score("{ d''4~ \\grace { d''8 c''16 } b'4 }")
    assert [(h.pitch, h.role) for h in s.noteheads] == [
        (74, "played"),
        (74, "tied"),
        (72, "played"),
        (71, "played"),
    ]
    s = score(
        "{ \\set tieWaitForNote = ##t c''4~ d''\n"
        "  \\set tieWaitForNote = ##f <e' g'>~ <e' g' c''> }"
    )
    assert pitches(s) == [72, 74, 64, 67, 72]


def test_a_pitch_in_a_drum_staff_is_printed_and_does_not_sound(score: Engrave) -> None:
    s = score("\\new DrumStaff { c'4 \\drummode { sn4 } }")
    assert silent(s) == [(60, "not-performed")]
    assert pitches(s) == [38]


def test_a_rhythm_without_pitches_that_is_tied_does_not_stop_the_rest(score: Engrave) -> None:
    s = score("<< \\new RhythmicStaff { 4~ 8 8 2 } \\new Staff { c'1 } >>")
    assert pitches(s) == [60]
    assert silent(s) == [(-1, "not-performed")] * 4


def test_music_that_only_layout_understands_does_not_stop_the_performance(score: Engrave) -> None:
    s = score(
        "\\score { { c'4 \\applyContext #(lambda (context)\n"
        "  (assoc-ref (ly:context-grob-definition context 'NoteHead) 'meta)\n"
        "  (if (null? (ly:context-property context 'middleCPosition)) (car '()))) d' } }\n"
        "\\score { { e'4 } }"
    )
    assert pitches(s) == [60, 62, 64]
    assert [h.role for h in s.noteheads] == ["played"] * 3


def test_a_score_of_another_name_is_performed(score: Engrave) -> None:
    s = score(
        "\\score { \\new ChordGridScore \\new ChordGrid \\chordmode { c1 } }\n"
        "\\layout { \\context { \\Score \\name Etude \\alias Score }\n"
        "  \\context { \\Global \\accepts Etude } }\n"
        "\\score { \\new Etude { c'4 d' } }\n\\score { { e'4 } }"
    )
    assert [(h.pitch, h.role) for h in s.noteheads] == [
        (60, "played"),
        (62, "played"),
        (64, "played"),
    ]


def test_a_built_piece_of_drums_and_quarter_tones_is_valid(soundfont: Path, tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "piece.ly").write_text(
        '\\version "2.24.0"\n'
        '\\header { title = "T" composer = "C" license = "Public Domain" instrument = "Band" }\n'
        "<< \\new DrumStaff \\drummode { \\tempo 4 = 100 bd4 hh8 hh sn4 hh bd4 bd sn hho }\n"
        "   \\new Staff { \\repeat unfold 2 { c'8 cih' d'4 deh'8 e' g' geh' } } >>"
    )

    def run(*arguments: object) -> None:
        result = CliRunner().invoke(main, [str(a) for a in arguments], catch_exceptions=False)
        assert result.exit_code == 0, result.output

    manifest, dataset = tmp_path / "pieces.csv", tmp_path / "dataset"
    run("ingest", tmp_path / "tree", "--instrument", "all", "--out", manifest)
    run(
        *("build", "--manifest", manifest, "--root", tmp_path / "tree", "--out", dataset),
        *("--tempi", "1.0", "--soundfonts", soundfont.stem, "--jobs", "1"),
    )
    run("validate", dataset, "--jobs", "1")
    events = pd.read_parquet(dataset / "events.parquet")
    assert events[events["drum"]]["pitch"].tolist() == [36, 42, 42, 38, 42, 36, 36, 38, 46]
    assert events[~events["drum"]]["cents"].tolist() == [0, 50, 0, -50, 0, 0, 50] * 2
