"""Parts keep their names and programs: in the music, in MIDI and sound, and in a dataset's tables."""

import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import mido
import numpy as np
import pytest
from click.testing import CliRunner, Result

from msmdtools import open as open_dataset
from msmdtools.build.card import commands
from msmdtools.build.options import parse_options
from msmdtools.cli import main
from msmdtools.engrave import engrave, find_engines
from msmdtools.errors import MsmdError, PieceError
from msmdtools.match import match
from msmdtools.midi.actions import DRUM_CHANNEL, PROGRAM
from msmdtools.perform import synth
from msmdtools.perform.midi import actions, midi_bytes
from msmdtools.performance import PerformanceSpec
from msmdtools.score import Music, Note, Part, TempoChange

PIANO = PerformanceSpec(1.0, "TimGM6mb")
SOURCE = PerformanceSpec(1.0, "TimGM6mb", program=None)


@pytest.fixture
def performed(tmp_path: Path) -> Callable[..., Music]:
    def run(text: str, repeats: str = "written") -> Music:
        source = tmp_path / "piece.ly"
        source.write_text(f'\\version "2.24.0"\n{text}\n')
        return match(engrave(source, tmp_path, engines=find_engines(), repeats=repeats)).music

    return run


def programs(music: Music) -> list[tuple[int, int, int]]:
    """(quarter, part, program) of each note."""
    return [(note.onset_tick // 384, note.channel, note.program) for note in music.notes]


ENSEMBLE = """
\\score { <<
  \\new StaffGroup \\with { instrumentName = "Winds" } <<
    \\new Staff \\with { instrumentName = \\markup { \\italic Flöte \\bold { "(B♭)" } }
                        shortInstrumentName = "Fl." midiInstrument = "flute" }
      { r4 c'' \\set Staff.midiInstrument = "piccolo" d'' e'' }
    \\new Staff \\with { midiInstrument = "bassoon" } { c2 d } >>
  \\new DrumStaff \\with { instrumentName = "Tom\tTom" } \\drummode { tomh2 tomh }
  \\new Staff { e'2 f' }
>> \\layout {} \\midi {} }
"""


def test_parts_have_the_names_of_their_staves_and_the_programs_of_lilypond(
    performed: Callable[..., Music],
) -> None:
    music = performed(ENSEMBLE)
    assert music.parts == (
        Part(3, "Flöte (B♭)", "Fl.", (73, 72), False),
        Part(0, "Winds", "", (70,), False),
        Part(1, "Tom Tom", "", (0,), True),
        Part(2, "", "", (0,), False),
    )
    assert [note for note in programs(music) if note[1] == 3] == [
        (1, 3, 73),
        (2, 3, 72),
        (3, 3, 72),
    ]


def test_an_instrument_changes_each_time_that_its_place_is_played(
    performed: Callable[..., Music],
) -> None:
    change = (
        '\\score { \\new Staff \\with { midiInstrument = "horn" } \\repeat volta 2 { c\'2\n'
        '\\set Staff.midiInstrument = "trumpet" d\' \\set Staff.midiInstrument = "french horn" }\n'
        "\\layout {} \\midi {} }"
    ).replace('"horn"', '"french horn"')
    assert programs(performed(change, "unfolded")) == [
        (0, 0, 60),
        (2, 0, 56),
        (4, 0, 60),
        (6, 0, 56),
    ]


def test_staves_that_play_the_same_keep_their_own_instruments(
    performed: Callable[..., Music],
) -> None:
    music = performed(
        "music = { c'4 d' }\n\\score { <<\n"
        '  \\new Staff \\with { midiInstrument = "violin" } \\music\n'
        '  \\new Staff \\with { midiInstrument = "viola" } << \\music \\\\ { e4 f } >>\n'
        '  \\new Staff \\with { midiInstrument = "cello" } \\music\n>> \\layout {} \\midi {} }'
    )
    assert [part.programs for part in music.parts] == [(40,), (41,), (42,)]


def test_a_score_that_is_only_played_lends_its_instruments(
    performed: Callable[..., Music],
) -> None:
    music = performed(
        "horn = { c'4 d' \\tag #'a e' }\nright = { g'4 a' b' }\n"
        "\\score { << \\new Staff \\transpose c d \\horn \\new PianoStaff <<\n"
        '  \\new Staff \\right \\new Staff \\with { midiInstrument = "celesta" } { c4 d e } >> >> \\layout {} }\n'
        '\\score { << \\new Staff { \\set Staff.midiInstrument = "french horn" \\horn }\n'
        '  \\new Staff \\with { midiInstrument = "drums" } \\right >> \\midi {} }'
    )
    assert [part.programs for part in music.parts] == [(60,), (0,), (8,)]


def test_scores_of_one_source_share_parts_and_each_has_its_names(
    performed: Callable[..., Music],
) -> None:
    music = performed(
        '\\score { \\new Staff \\with { instrumentName = "Oboe" midiInstrument = "oboe" } c\'4 }\n'
        '\\score { \\new Staff \\with { instrumentName = "Horn" midiInstrument = "french horn" } c\'4 }'
    )
    assert music.parts == (Part(0, "Oboe / Horn", "", (68, 60), False),)


def note(onset: int, pitch: int, part: int, program: int, drum: bool = False) -> Note:
    return Note(onset, onset + 384, pitch, 64, part, drum, 1, "", 0.0, program)


MUSIC = Music(
    (
        note(0, 60, 0, 60),
        note(0, 72, 1, 19),
        note(0, 38, 2, 0, drum=True),
        note(384, 62, 0, 56),
        note(384, 72, 1, 19),
        note(768, 64, 0, 60),
    ),
    (TempoChange(0, 500_000),),
    (),
    (
        Part(0, "Horn in F ♭", "", (60, 56), False),
        Part(1, "", "", (19,), False),
        Part(2, "Drums", "", (0,), True),
    ),
)


def played(music: Music, spec: PerformanceSpec) -> list[tuple[int, int, int]]:
    """(tick, key, program) of the notes of the MIDI file, as a player chooses programs."""
    file = mido.MidiFile(file=io.BytesIO(midi_bytes(music, spec)))
    now, chosen, found = 0, dict.fromkeys(range(16), 0), []
    for message in mido.merge_tracks(file.tracks):
        now += message.time
        if message.type == "program_change":
            chosen[message.channel] = message.program
        elif message.type == "note_on":
            found.append((now, message.note, chosen[message.channel]))
    return sorted(found)


def test_the_midi_file_names_parts_and_changes_programs() -> None:
    file = mido.MidiFile(file=io.BytesIO(midi_bytes(MUSIC, SOURCE)), charset="utf-8")
    assert [track.name for track in file.tracks[1:]] == ["Horn in F ♭", "part 1", "Drums"]
    assert played(MUSIC, SOURCE) == sorted((n.onset_tick, n.pitch, n.program) for n in MUSIC.notes)
    assert [a.tick for a in actions(MUSIC, SOURCE) if a.kind == PROGRAM] == [384, 768]
    assert {a.channel for a in actions(MUSIC, SOURCE) if a.part == 2} == {DRUM_CHANNEL}


def test_parts_that_share_a_channel_keep_their_programs() -> None:
    notes = tuple(note(384 * (i % 3), 40 + i, i, i) for i in range(40))
    ordered = tuple(sorted(notes, key=lambda n: (n.onset_tick, n.channel)))
    crowd = Music(ordered, (TempoChange(0, 500_000),), ())
    assert played(crowd, SOURCE) == sorted((n.onset_tick, n.pitch, n.program) for n in notes)


def test_a_piano_plays_the_same_whatever_the_instruments() -> None:
    bare = replace(MUSIC, notes=tuple(replace(n, program=0) for n in MUSIC.notes), parts=())
    assert midi_bytes(MUSIC, PIANO) == midi_bytes(bare, PIANO)
    assert not [a for a in actions(MUSIC, PIANO) if a.kind == PROGRAM]


def test_programs_are_heard(soundfont: Path) -> None:
    organ = replace(MUSIC, notes=tuple(replace(n, program=19) for n in MUSIC.notes if not n.drum))
    as_asked = synth.render(organ, PerformanceSpec(1.0, "TimGM6mb", program=19), soundfont)
    np.testing.assert_array_equal(synth.render(organ, SOURCE, soundfont), as_asked)
    # Of a change of program nothing is heard before the note that it is for.
    changed = replace(organ, notes=(*organ.notes[:-1], replace(organ.notes[-1], program=60)))
    audio = synth.render(changed, SOURCE, soundfont)
    at = int(22050 * 2 * 0.5) - 64
    np.testing.assert_array_equal(audio[:at], as_asked[:at])
    assert np.abs(audio[at:].astype(int) - as_asked[at:]).max() > 100


def test_a_soundfont_without_a_parts_program_costs_the_piece(
    soundfont: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep = synth._keep
    monkeypatch.setattr(synth, "_keep", lambda font, bank, n: n != 56 and keep(font, bank, n))
    with pytest.raises(PieceError, match="has no program 56") as caught:
        synth.render(MUSIC, SOURCE, soundfont)
    assert caught.value.reason == "soundfont-without-program"


def test_a_program_and_those_of_the_source_exclude_each_other() -> None:
    with pytest.raises(MsmdError) as caught:
        parse_options({"soundfonts": "A,B:6", "instruments": "source"})
    assert str(caught.value) == (
        "soundfonts: 'B:6' is not allowed; give only the name, since with instruments source "
        "each part has its own program"
    )
    with pytest.raises(
        MsmdError, match="instruments: 'organ' is not allowed; give piano or source"
    ):
        parse_options({"instruments": "organ"})


SONATA = """\\version "2.24.0"
\\header { title = "Sonata" composer = "A. Nonymous" license = "Public Domain" instrument = "Horn, Piano" }
\\score { <<
  \\new Staff \\with { instrumentName = "Horn in F" shortInstrumentName = "Hn."
                      midiInstrument = "french horn" }
    { \\transposition f g'4 a' b' c'' | g' a' b' c'' | r1 | \\repeat unfold 2 { g'2 d'' } }
  \\new PianoStaff \\with { instrumentName = "Piano" } <<
    \\new Staff { e'4 f' g' a' | e' f' g' a' | b' a' g' f' | e'1 | f' }
    \\new Staff { \\clef bass c1 | d | e | f2 g | c1 } >>
>> \\layout {} \\midi {} }
"""


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(a) for a in arguments])


def test_a_sonata_is_built_for_piano_and_then_with_its_instruments(
    tmp_path: Path, soundfont: Path
) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "sonata.ly").write_text(SONATA)
    listed = run("ingest", tmp_path / "tree", "--instrument", "all", "--out", tmp_path / "m.csv")
    assert listed.exit_code == 0, listed.output
    build = ("build", "--manifest", tmp_path / "m.csv", "--root", tmp_path / "tree", "--jobs", 1)
    build += ("--soundfonts", "TimGM6mb", "--out", tmp_path / "ds")
    for more in ((), ("--instruments", "source", "--tempi", "1.2")):
        built = run(*build, *more)
        assert built.exit_code == 0, built.output
    (piece,) = open_dataset(tmp_path / "ds").values()
    names = ["TimGM6mb-000_x1.00", "TimGM6mb-src_x1.20"]
    assert piece.performances["program"].to_dict() == dict(zip(names, (0, -1), strict=True))
    assert [piece.spec(name).program for name in names] == [0, None]
    columns = ["part", "place", "name", "short", "program", "drum", "events"]
    assert piece.parts[columns].to_numpy().tolist() == [
        [0, 1, "Horn in F", "Hn.", 60, False, 12],
        [1, 2, "Piano", "", 0, False, 14],
        [2, 3, "Piano", "", 0, False, 6],
    ]
    assert piece.parts["programs"].map(list).to_list() == [[60], [0], [0]]
    assert piece.header["parts"] == 3
    heads, events = piece.noteheads, piece.events(names[1])
    assert heads["part"].to_list() == events["part"].to_numpy()[heads["event"]].tolist()
    assert (heads["staff"] == heads["part"] + 1).all()
    heard = {}
    for name in names:
        file = mido.MidiFile(piece.midi_path(name))
        heard[name] = [
            (t.name, [m.program for m in t if m.type == "program_change"]) for t in file.tracks[1:]
        ]
    assert heard == {
        names[0]: [("part 0", [0]), ("part 1", [0]), ("part 2", [0])],
        names[1]: [("Horn in F", [60]), ("Piano", [0]), ("Piano", [0])],
    }
    description = json.loads((tmp_path / "ds" / "dataset.json").read_text())
    assert [p["program"] for p in description["options"]["performances"]] == [0, "source"]
    first, second = commands(description, {"manifest": "m.csv"})
    assert "--soundfonts TimGM6mb:0 --velocity 64 --width" in first
    assert "--soundfonts TimGM6mb --velocity 64 --instruments source --width" in second
    checked = run("validate", tmp_path / "ds")
    assert checked.exit_code == 0, checked.output
    # A build that names no soundfont takes those of the dataset.
    again = run(*build[:-4], "--out", tmp_path / "ds", "--instruments", "source", "--tempi", "1.2")
    assert "attempted 0 pieces" in again.output, again.output
