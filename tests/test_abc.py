"""ABC as it is meant: lengths of chords, tempi, keys, voices and endings, which Verovio loses."""

from fractions import Fraction
from pathlib import Path

import mido
import pytest

from msmdtools.engrave import verovio
from msmdtools.engrave.verovio.abc import mended
from msmdtools.engrave.verovio.abc_keys import key_of
from msmdtools.match import match_encoding
from msmdtools.midi.reading import read_midi
from msmdtools.score import Score
from msmdtools.sources.parts import select_parts, select_tracks

HEAD = "X:1\nT:Tune\nM:4/4\nL:1/4\n"
TWO_VOICES = (
    f'{HEAD}Q:1/2=60\nV:1 name="Upper"\nV:2 name="Lower" clef=bass\nK:G\n'
    "V:1\n|:CDEF|1 G4:|2 A4|]\nV:2\n|: C,2 D,2|1 E,4:|2 F,4|]\n"
)


def engraved(tune: str, folder: Path, repeats: str = "written") -> Score:
    return match_encoding(verovio.engrave(tune, "abc", folder, repeats=repeats))


def heads(score: Score) -> list[tuple[Fraction, int, int]]:
    return [(head.onset, head.pitch, head.staff) for head in score.noteheads]


@pytest.mark.parametrize(
    ("music", "expected"),
    [
        ("[CE]2 [C2E/]3/2 [_B,^c']/|", "[C2E2] [C3E3/4] [_B,1/2^c'1/2]|"),
        ("[CE] [C2E2]|", "[CE] [C2E2]|"),
        ('[C-E-]4|"Am[2]"[CE]//|', '[C4-E4-]|"Am[2]"[C1/4E1/4]|'),
        ("CD::EF|Z|Z4|", "CD:||:EF|Z1|Z4|"),
        ('"::"C !trill!D!\nE [M:3/4]|', '"::"C !trill!D\nE [M:3/4]|'),
        ("CDEF", "CDEF|]"),
        ("CDEF|[CE]2 % the end", "CDEF|[C2E2]|]"),
        ("CD::EF:", "CD:||:EF:"),
    ],
)
def test_music_is_written_as_verovio_reads_it(music: str, expected: str) -> None:
    assert mended(f"{HEAD}K:C\n{music}\n") == f"{HEAD}K:C\n{expected}\n"


@pytest.mark.parametrize(
    ("tempo", "us_per_quarter"),
    [
        ("1/4=100", 600_000),
        ("1/2=60", 500_000),
        ("3/8=50", 800_000),
        ('"Slow" 1/8=60', 2_000_000),
        ("1/4 1/8=40", 1_000_000),
    ],
)
def test_a_tempo_counts_in_its_unit(tempo: str, us_per_quarter: int, tmp_path: Path) -> None:
    score = engraved(f"{HEAD}Q:{tempo}\nK:C\nCDEF|\n", tmp_path)
    assert [change.us_per_quarter for change in score.music.tempi] == [us_per_quarter]


@pytest.mark.parametrize(
    ("text", "fifths", "altered"),
    [
        ("C", 0, {}),
        ("none", 0, {}),
        ("", 0, {}),
        ("Bb", -2, {"b": "f", "e": "f"}),
        ("F#m", 3, {"f": "s", "c": "s", "g": "s"}),
        ("D dorian", 0, {}),
        ("AMix", 2, {"f": "s", "c": "s"}),
        ("D clef=bass", 2, {"f": "s", "c": "s"}),
        ("D exp _b =c", 2, {"f": "s", "c": "n", "b": "f"}),
        ("HP", 0, {"f": "s", "c": "s"}),
    ],
)
def test_keys(text: str, fifths: int, altered: dict[str, str]) -> None:
    assert key_of(text) == (fifths, altered)


def test_a_clef_alone_is_no_key() -> None:
    assert key_of("clef=bass") is None
    assert key_of("bass") is None


def test_a_key_holds_for_its_tune_and_from_its_place(tmp_path: Path) -> None:
    def pitches(name: str, music: str) -> list[int]:
        (tmp_path / name).mkdir()
        score = engraved(f"{HEAD}{music}\n", tmp_path / name)
        return [head.pitch for head in score.noteheads]

    assert pitches("sharps", "K:A\nCDEF|\nK:D\nCDEG|[K:C]CDEF|") == [
        *[61, 62, 64, 66], *[61, 62, 64, 67], *[60, 62, 64, 65]
    ]  # fmt: skip
    # Verovio alone would go on with the sharps of the tune before.
    assert pitches("none", "K:Am\nCDEF|") == [60, 62, 64, 65]
    assert pitches("inside", 'K:C\nCD[K:F]"Dm"EB|^CDC=B|BC') == [
        *[60, 62, 64, 70], *[61, 62, 61, 71], *[70, 60]
    ]  # fmt: skip


def test_voices_sound_together_and_endings_are_played(tmp_path: Path) -> None:
    score = engraved(TWO_VOICES, tmp_path, "unfolded")
    assert heads(score) == [
        *[(0, 60, 1), (0, 48, 2), (1, 62, 1), (2, 64, 1), (2, 50, 2), (3, 66, 1)],
        *[(4, 67, 1), (4, 52, 2), (8, 69, 1), (8, 54, 2)],
    ]
    assert [part.name for part in score.music.parts] == ["Upper", "Lower"]
    assert (score.repeats, score.repeats_reason) == ("unfolded", "")
    assert [measure.plays for measure in score.measures] == [2, 1, 1]
    last = [note.onset_tick // 384 for note in score.music.notes if note.pitch in (69, 54)]
    assert last == [12, 12]


def test_voices_line_by_line_and_of_different_length(tmp_path: Path) -> None:
    tune = f"{HEAD}K:C\n[V:a] CDEF|z4|\n[V:b bass] C,4|Z2|\n[V:a] G4|A4|\nw: la la\n[V:b] D,4|\n"
    assert heads(engraved(tune, tmp_path)) == [
        *[(0, 60, 1), (0, 48, 2), (1, 62, 1), (2, 64, 1), (3, 65, 1)],
        *[(8, 67, 1), (12, 69, 1), (12, 50, 2)],
    ]


@pytest.mark.parametrize(
    ("music", "plays"),
    [
        ("|:C4|1,2 D4:|3 E4|]", [3, 2, 1]),
        ("|:C4|[1 D4:|[2 E4||F4|]", [2, 1, 1, 1]),
        ("|:C4|1-3 D4:|4 [M:3/4]E3|F3|]", [4, 3, 1, 1]),
        ('|:C4|1 "Am"D4:|2 z4|F4|]', [2, 1, 1, 1]),
    ],
)
def test_endings(music: str, plays: list[int], tmp_path: Path) -> None:
    score = engraved(f"{HEAD}K:C\n{music}\n", tmp_path, "unfolded")
    assert (score.repeats, [m.plays for m in score.measures]) == ("unfolded", plays)


def test_voices_are_parts(tmp_path: Path) -> None:
    lower = select_parts(TWO_VOICES, "abc", ["lower"], "a.abc")
    assert heads(engraved(lower, tmp_path)) == [
        (Fraction(2 * k if k < 3 else 8), pitch, 1) for k, pitch in enumerate((48, 50, 52, 54))
    ]
    assert select_parts(TWO_VOICES, "abc", [], "a.abc") == TWO_VOICES


def test_tracks_of_a_midi_file_are_parts(tmp_path: Path) -> None:
    file = mido.MidiFile()
    for name, pitch, program in (("Song", 72, 52), ("", 48, 0)):
        track = file.add_track(name)
        track.append(mido.Message("program_change", program=program, channel=bool(pitch == 48)))
        track.append(mido.Message("note_on", note=pitch, velocity=64, channel=bool(pitch == 48)))
        track.append(mido.Message("note_off", note=pitch, time=480, channel=bool(pitch == 48)))
    file.save(tmp_path / "a.mid")
    read = read_midi(tmp_path / "a.mid")
    assert [n.pitch for n in select_tracks(read, ["song"], "a.mid").notes] == [72]
    assert [n.pitch for n in select_tracks(read, ["piano"], "a.mid").notes] == [48]
    assert select_tracks(read, [], "a.mid") is read
