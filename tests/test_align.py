"""What every construct of notation sounds: exact heads, roles and notes from a few bars of LilyPond each."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

from msmdtools.engrave import engrave, find_engines
from msmdtools.match import match
from msmdtools.score import NoteHead, Score

Engrave = Callable[..., Score]


@pytest.fixture
def score(tmp_path: Path) -> Engrave:
    def run(music: str, repeats: str = "written", transpose: int = 0) -> Score:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        source = folder / "piece.ly"
        source.write_text(f'\\version "2.24.0"\n{music}\n')
        found = engrave(
            source, folder, engines=find_engines(), repeats=repeats, transpose=transpose
        )
        return match(found)

    return run


def heads(score: Score, *fields: str) -> list[tuple]:
    """The named fields of every head in reading order."""
    return [tuple(getattr(head, f) for f in fields) for head in score.noteheads]


def notes(score: Score, *fields: str) -> list[tuple]:
    return [tuple(getattr(note, f) for f in fields) for note in score.music.notes]


def sounding(score: Score) -> list[tuple[int, tuple[int, ...]]]:
    return [(head.pitch, head.events) for head in score.noteheads]


def test_a_melody_is_played_head_by_head(score: Engrave) -> None:
    s = score("{ c'4 d'8. e'16 r4 f'2 }")
    assert heads(s, "pitch", "onset", "duration", "role", "events") == [
        (60, 0, 1, "played", (0,)),
        (62, 1, Fraction(3, 4), "played", (1,)),
        (64, Fraction(7, 4), Fraction(1, 4), "played", (2,)),
        (65, 3, 2, "played", (3,)),
    ]
    assert notes(s, "onset_tick", "offset_tick", "heads", "reason") == [
        (0, 384, 1, ""),
        (384, 672, 1, ""),
        (672, 768, 1, ""),
        (1152, 1920, 1, ""),
    ]


def test_ties_of_whole_chords_and_of_single_notes(score: Engrave) -> None:
    s = score("{ <c' e'>4~ <c' e' g'> <c'~ e'>4 c'8 e' }")
    assert heads(s, "pitch", "role", "events", "tied_to") == [
        (60, "played", (0,), -1),
        (64, "played", (1,), -1),
        (60, "tied", (0,), 0),
        (64, "tied", (1,), 1),
        (67, "played", (2,), -1),
        (60, "played", (3,), -1),
        (64, "played", (4,), -1),
        (60, "tied", (3,), 5),
        (64, "played", (5,), -1),
    ]
    assert notes(s, "pitch", "onset_tick", "offset_tick")[:2] == [(60, 0, 768), (64, 0, 768)]


def test_a_chain_of_ties_points_from_head_to_head(score: Engrave) -> None:
    s = score("{ c'4~ c'2~ c'8 }")
    assert heads(s, "role", "events", "tied_to") == [
        ("played", (0,), -1),
        ("tied", (0,), 0),
        ("tied", (0,), 1),
    ]
    assert notes(s, "onset_tick", "offset_tick") == [(0, 1344)]


def test_tie_waits_for_a_later_note_only_when_told_to(score: Engrave) -> None:
    s = score("{ \\set tieWaitForNote = ##t a'16~ c''~ <a' c''>4 }")
    assert [h.role for h in s.noteheads] == ["played", "played", "tied", "tied"]
    s = score("{ a'16~ c''~ a'4 }")
    assert [h.role for h in s.noteheads] == ["played"] * 3


def test_laissez_vibrer_and_repeat_tie_are_struck(score: Engrave) -> None:
    s = score("{ c'4\\laissezVibrer d' <e' g'>\\repeatTie }")
    assert [h.role for h in s.noteheads] == ["played"] * 4


def test_a_piece_that_begins_with_a_grace_note_is_shifted_exactly(score: Engrave) -> None:
    s = score("{ \\acciaccatura d''8 c''4 \\grace { e''16 f'' } g''4 }")
    assert heads(s, "pitch", "onset", "grace", "events") == [
        (74, 0, Fraction(1, 2), (0,)),
        (72, 0, 0, (1,)),
        (76, 1, Fraction(1, 2), (2,)),
        (77, 1, Fraction(1, 4), (3,)),
        (79, 1, 0, (4,)),
    ]
    onsets = [n.onset_tick for n in s.music.notes]
    assert onsets[:2] == [0, 43]  # 9/40 of an eighth: 43.2 ticks
    assert onsets == sorted(onsets)


def test_grace_rests_shift_all_staves_alike(score: Engrave) -> None:
    s = score("<< \\new Staff { \\grace c''16 d''1 } \\new Staff { c'1 } >>")
    assert notes(s, "pitch", "onset_tick") == [(72, 0), (74, 21), (60, 21)]


def test_grace_note_tied_to_its_main_note(score: Engrave) -> None:
    s = score("{ \\grace c''8~ c''4 d'' }")
    assert heads(s, "role", "events", "tied_to") == [
        ("played", (0,), -1),
        ("tied", (0,), 0),
        ("played", (1,), -1),
    ]


def test_two_voices_on_one_key_sound_once_and_both_heads_know_it(score: Engrave) -> None:
    s = score("<< { c'2 } \\\\ { c'4 e' } >>")
    assert sounding(s) == [(60, (0,)), (60, (0,)), (64, (1,))]
    assert notes(s, "pitch", "offset_tick", "heads") == [(60, 768, 2), (64, 768, 1)]


def test_a_key_struck_again_while_it_sounds_is_released_first(score: Engrave) -> None:
    s = score("<< { c'1 } \\\\ { r2 c'4 e' } >>")
    assert notes(s, "pitch", "onset_tick", "offset_tick") == [
        (60, 0, 768),
        (60, 768, 1536),
        (64, 1152, 1536),
    ]


def test_the_same_music_in_two_staves_sounds_in_both(score: Engrave) -> None:
    s = score("mus = { c'4 d' }\n<< \\new Staff \\mus \\new Staff \\mus >>")
    assert [(h.staff, h.pitch, h.events) for h in s.noteheads] == [
        (1, 60, (0,)),
        (2, 60, (1,)),
        (1, 62, (2,)),
        (2, 62, (3,)),
    ]
    assert notes(s, "channel", "pitch") == [(0, 60), (1, 60), (0, 62), (1, 62)]


def test_percent_repeats_sound_without_heads_for_a_reason(score: Engrave) -> None:
    s = score("{ \\repeat percent 3 { c'4 d' } e'2 }")
    assert sounding(s) == [(60, (0,)), (62, (1,)), (64, (6,))]
    assert [n.reason for n in s.music.notes] == ["", "", *["percent-repetition"] * 4, ""]


def test_a_tremolo_between_two_heads(score: Engrave) -> None:
    s = score("{ \\repeat tremolo 4 { c'16 e' } f'2:32 }")
    assert heads(s, "pitch", "onset", "events") == [
        (60, 0, (0,)),
        (64, Fraction(1, 4), (1,)),  # printed at 1, heard first one stroke after the other
        (65, 2, (8,)),
    ]
    assert [n.onset_tick for n in s.music.notes] == [0, 96, 192, 288, 384, 480, 576, 672, 768]
    assert {n.reason for n in s.music.notes[2:8]} == {"tremolo-repetition"}


def test_a_tie_from_a_tremolo_continues_its_last_stroke(score: Engrave) -> None:
    s = score("{ \\repeat tremolo 4 { c'16 e'~ } e'2 }")
    assert heads(s, "pitch", "role", "events", "tied_to") == [
        (60, "played", (0,), -1),
        (64, "played", (1,), -1),
        (64, "tied", (7,), 1),
    ]
    assert notes(s, "onset_tick", "offset_tick", "reason")[7] == (672, 1536, "tremolo-repetition")


def test_an_unfolded_passage_of_tremolos_keeps_each_head_its_own_note(score: Engrave) -> None:
    s = score("{ \\repeat unfold 2 { \\repeat tremolo 4 c'16 } }")
    assert heads(s, "onset", "events") == [(0, (0,)), (1, (4,))]


VOLTA = "{ \\repeat volta 2 { c'2 } \\alternative { { d'2 } { e'2 } } f'1 }"


def test_written_repeats_play_the_page_once(score: Engrave) -> None:
    s = score(VOLTA)
    assert sounding(s) == [(60, (0,)), (62, (1,)), (64, (2,)), (65, (3,))]


def test_unfolded_repeats_play_as_a_musician_would(score: Engrave) -> None:
    s = score(VOLTA, "unfolded")
    assert sounding(s) == [(60, (0, 2)), (62, (1,)), (64, (3,)), (65, (4,))]
    assert [n.pitch for n in s.music.notes] == [60, 62, 60, 64, 65]
    assert [n.onset_tick for n in s.music.notes] == [0, 768, 1536, 2304, 3072]


def test_a_percent_repeat_inside_an_unfolded_volta(score: Engrave) -> None:
    s = score("{ \\repeat volta 3 { \\repeat percent 2 { a'2 } } }", "unfolded")
    assert sounding(s) == [(69, (0, 2, 4))]
    assert [n.heads for n in s.music.notes] == [1, 0, 1, 0, 1, 0]


def test_a_tie_into_both_endings(score: Engrave) -> None:
    music = "{ \\repeat volta 2 { c'4 d'~ } \\alternative { { d'2 } { d'2\\repeatTie } } }"
    assert [h.role for h in score(music).noteheads] == ["played", "played", "tied", "played"]


def test_a_tie_into_both_endings_unfolded(score: Engrave) -> None:
    music = "{ \\repeat volta 2 { c'4 d'~ } \\alternative { { d'2 } { d'2\\repeatTie } } }"
    s = score(music, "unfolded")
    assert heads(s, "role", "events") == [
        ("played", (0, 2)),
        ("played", (1, 3)),
        ("tied", (1,)),
        ("tied", (3,)),
    ]


@pytest.mark.parametrize(
    ("music", "pitches"),
    [
        ("\\transpose c d { c'4 e' }", [62, 66]),
        ("{ \\transposition bes c'4 d' }", [58, 60]),
        ("{ c''4 \\ottava 1 c'''' \\ottava 0 c'' }", [72, 96, 72]),
        ("{ <c' e'>4 q }", [60, 64, 60, 64]),
        ("{ c'4 cih' ceh' d' }", [60, 60, 60, 62]),
        ("\\drums { bd4 sn hh }", [36, 38, 42]),
    ],
    ids=["transpose", "transposition", "ottava", "q", "quarter tones", "drums"],
)
def test_pitches_sound_as_printed_or_transposed(
    score: Engrave, music: str, pitches: list[int]
) -> None:
    s = score(music)
    assert [h.pitch for h in s.noteheads] == pitches
    assert [s.music.notes[h.events[0]].pitch for h in s.noteheads] == pitches


def test_drums_are_marked(score: Engrave) -> None:
    assert notes(score("\\drums { bd4 }"), "drum") == [(True,)]
    assert notes(score("{ c'4 }"), "drum") == [(False,)]


def test_a_voice_that_crosses_staves(score: Engrave) -> None:
    s = score(
        '\\new PianoStaff << \\new Staff = "u" { c\'4 \\change Staff = "d" d '
        '\\change Staff = "u" e\' } \\new Staff = "d" { \\clef bass s2. } >>'
    )
    assert [(h.pitch, h.staff, h.role) for h in s.noteheads] == [
        (60, 1, "played"),
        (50, 2, "played"),
        (64, 1, "played"),
    ]


def test_hidden_heads_sound_and_are_not_listed(score: Engrave) -> None:
    s = score("{ c'4 \\hideNotes d' \\unHideNotes e' \\once \\omit NoteHead f' }")
    assert [h.pitch for h in s.noteheads] == [60, 64]
    assert notes(s, "pitch", "reason") == [
        (60, ""),
        (62, "hidden-head"),
        (64, ""),
        (65, "hidden-head"),
    ]


@pytest.mark.parametrize(
    ("music", "reason"),
    [
        ("\\new Staff \\with { \\consists Ambitus_engraver } { c'4 g' }", "ambitus"),
        ("{ \\pitchedTrill c''2\\startTrillSpan d'' c''2\\stopTrillSpan }", "trill-pitch"),
        ("{ c'1 }\n\\markup \\score { { d'4 } \\layout {} }", "text-example"),
    ],
)
def test_silent_heads_have_a_reason(score: Engrave, music: str, reason: str) -> None:
    s = score(music)
    silent = [h for h in s.noteheads if h.role == "silent"]
    assert silent
    assert {h.reason for h in silent} == {reason}
    assert all(h.events == () for h in silent)


def test_chord_symbols_sound_without_heads(score: Engrave) -> None:
    s = score("<< \\new ChordNames \\chordmode { c2 } \\new Staff { c'2 } >>")
    assert notes(s, "pitch", "heads", "reason") == [
        (60, 0, "chord-symbol"),
        (64, 0, "chord-symbol"),
        (67, 0, "chord-symbol"),
        (60, 1, ""),
    ]


def test_quotations_and_cues_are_matched_in_their_own_staff(score: Engrave) -> None:
    s = score(
        "vl = \\relative { c''4 d e f }\n\\addQuote \"vl\" \\vl\n"
        '<< \\new Staff \\vl \\new Staff { c\'2 \\cueDuring "vl" #UP { r2 } } >>'
    )
    cues = [h for h in s.noteheads if h.staff == 2 and h.onset >= 2]
    assert [h.pitch for h in cues] == [76, 77]
    for cue in cues:
        assert cue.role == "played"
        assert s.music.notes[cue.events[0]].channel == 1


def test_combined_parts_share_heads(score: Engrave) -> None:
    s = score("\\partCombine \\relative { c''4 d g1 } \\relative { c''4 b g'1 }")
    assert [h.pitch for h in s.noteheads] == [72, 71, 74, 79]
    assert all(n.heads == 1 for n in s.music.notes)


def test_rehearsed_contexts_without_sound_have_no_notes(score: Engrave) -> None:
    s = score("<< \\new Staff { c'4 d' } \\new NullVoice { e'4 f' } \\new Devnull { g'4 } >>")
    assert [n.pitch for n in s.music.notes] == [60, 62]


def test_tempo_changes_in_the_middle(score: Engrave) -> None:
    s = score("{ \\tempo 4 = 120 c'4 d' \\tempo 4 = 60 e' }")
    assert [(t.tick, t.us_per_quarter) for t in s.music.tempi] == [(0, 500_000), (768, 1_000_000)]


def test_a_score_with_errors_does_not_stop_the_others(score: Engrave) -> None:
    s = score("\\score { { c'4 d' } }\n\\score { \\nosuchmusic \\layout {} }")
    assert [h.pitch for h in s.noteheads] == [60, 62]


def test_a_key_of_more_sharps_than_midi_can_say(score: Engrave) -> None:
    s = score("\\transpose c cis { \\key b \\major b4 cis' }")
    assert [h.pitch for h in s.noteheads] == [60, 62]


def test_several_scores_follow_one_another(score: Engrave) -> None:
    s = score("\\score { { c'1 } }\n\\score { { d'2 e'2 } }")
    assert heads(s, "pitch", "onset", "system") == [(60, 0, 1), (62, 4, 2), (64, 6, 2)]
    # A pause of one second at the tempo of the end: a quarter note a second.
    assert notes(s, "onset_tick") == [(0,), (1536 + 384,), (1536 + 384 + 768,)]


def test_a_score_for_midi_alone_is_not_performed_but_lends_its_tempo(score: Engrave) -> None:
    s = score(
        "mus = { c'4 d' }\n\\score { \\mus \\layout {} }\n"
        "\\score { \\unfoldRepeats { \\mus \\mus } \\midi { \\tempo 4 = 200 } }"
    )
    assert len(s.music.notes) == 2
    assert s.music.tempi[0].us_per_quarter == 300_000


def test_books_and_bookparts_make_one_piece(score: Engrave) -> None:
    s = score(
        "\\book { \\bookOutputName \"other\" \\bookpart { { c'4 } } \\bookpart { { d'4 } } }\n"
        "\\book { { e'4 } }"
    )
    assert [(h.page, h.pitch) for h in s.noteheads] == [(1, 60), (2, 62), (3, 64)]
    assert len(s.pages) == 3


def test_a_page_without_notes_counts(score: Engrave) -> None:
    s = score("\\markup Title\n\\pageBreak\n{ c'4 }")
    assert [h.page for h in s.noteheads] == [2]
    assert len(s.pages) == 2


def test_staves_that_start_late_and_staves_of_any_number(score: Engrave) -> None:
    staves = " ".join("\\new Staff { c'4 }" for _ in range(12))
    s = score(f"<< {staves} >>")
    assert [b.staff for b in s.staves] == list(range(1, 13))
    assert [h.staff for h in s.noteheads] == list(range(1, 13))


def test_a_staff_that_stops_and_starts_again_is_one_staff(score: Engrave) -> None:
    s = score("<< \\new Staff { c'4 \\stopStaff s4 \\startStaff d'4 } \\new Staff { c'2. } >>")
    assert [b.staff for b in s.staves] == [1, 2]


def test_heads_lie_in_their_staff_and_on_ink(score: Engrave) -> None:
    from PIL import Image

    s = score("{ g'4 b' d'' }")
    page = Image.open(s.pages[0])
    assert page.mode == "L"
    assert page.width == 835
    staff = s.staves[0]
    for head in s.noteheads:
        assert staff.y0 <= head.y0 < head.y1 <= staff.y1 + 1
        middle = ((head.x0 + head.x1) / 2, (head.y0 + head.y1) / 2)
        assert page.getpixel((int(middle[0]), int(middle[1]))) < 64
        assert head.y1 - head.y0 == pytest.approx((staff.y1 - staff.y0) / 4, rel=0.15)


def test_source_locations_lead_back_to_the_note(score: Engrave) -> None:
    head: NoteHead = score("{ c'4 d' }").noteheads[1]
    assert head.source == "piece.ly:2:6"


@pytest.mark.parametrize("semitones", [-12, -3, 1, 6])
def test_a_transposed_score_looks_and_sounds_higher(score: Engrave, semitones: int) -> None:
    music = "round = { \\key a \\major <cis' e'>4~ cis' \\grace d'8 e'4 gis }\n\\score { \\round }"
    s, moved = score(music), score(music, transpose=semitones)
    same = ("role", "onset", "duration", "events", "tied_to")
    assert heads(moved, *same) == heads(s, *same)
    assert heads(moved, "pitch") == [(pitch + semitones,) for (pitch,) in heads(s, "pitch")]
    assert [n.pitch for n in moved.music.notes] == [n.pitch + semitones for n in s.music.notes]


def test_a_transposed_score_is_in_the_key_of_fewest_accidentals(score: Engrave) -> None:
    # A flat major five semitones lower has three flats (E flat), B major six lower one (F).
    for music, semitones, step in [
        ("{ \\key aes \\major aes'4 }", -5, "ees'"),
        ("{ \\key b \\major b'4 }", -6, "f'"),
        ("{ fis'4 }", 1, "g'"),
    ]:
        moved, written = score(music, transpose=semitones), score(f"{{ {step}4 }}")
        assert _above_staff(moved) == pytest.approx(_above_staff(written))


def _above_staff(score: Score) -> float:
    """How far the first head is above the middle of the first staff, in pixels."""
    head, staff = score.noteheads[0], score.staves[0]
    return (staff.y0 + staff.y1) / 2 - (head.y0 + head.y1) / 2
