"""Recordings as performances of a dataset: marks in each format, our own alignment, and what is refused."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import soundfile
from click.testing import CliRunner
from small_scores import musicxml, note

from msmdtools.build.perform import add_performances
from msmdtools.build.perform_options import PerformOptions
from msmdtools.cli import main
from msmdtools.dataset import reader
from msmdtools.errors import DatasetError, PieceError
from msmdtools.features.spectrogram import spectrogram
from msmdtools.inputs import audio
from msmdtools.performed import reading_marks
from msmdtools.performed.marks import Anchor, Bar, Bars, Named, anchors
from msmdtools.performed.playing import Playing, playing
from msmdtools.performed.recording import Recorded, Recording
from msmdtools.performed.score_time import ScoreTime
from msmdtools.recorded import record

START = '<barline location="left"><repeat direction="forward"/></barline>'
END = '<barline location="right"><repeat direction="backward"/></barline>'
# Bars 1 and 2 are repeated: C D E F | G+B, E | and then C.
SONG = musicxml(
    [
        START + "".join(note(p, 4) for p in ("C4", "D4", "E4", "F4")),
        note("G4", 8) + note("B4", 8, chord=True) + note("E4", 8) + END,
        note("C5", 16),
    ]
)
SCALE = musicxml([note(p, 16) for p in ("C4", "D4", "E4", "F4", "G4", "A4", "B4", "C5")])
UPBEAT = musicxml([note("G4", 4), note("C5", 16), note("G4", 16)])
RESTS = musicxml([note("r", 4) + note("F4", 4) * 2, note("C5", 12), note("C5", 12)], time="3/4")
WALTZ = musicxml(["".join(note(p, 4) for p in ("F4", "A4", "C5"))] * 4, time="3/4")
SECONDS = 12.0
# The way 1 2 1 2 3, with a second for a quarter the first time, and half of one the second time.
MARKS = "second,bar\n1.0,1\n5.0,2\n6.5,1\n8.5,2\n10.0,3\n"


def msmd(*arguments: object, code: int = 0) -> str:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    return result.output


def build(folder: Path, *options: str, **sources: str) -> Path:
    tree = folder / "tree"
    tree.mkdir()
    for name, text in sources.items():
        (tree / f"{name}.musicxml").write_text(text, "utf-8")
    fonts = ("--soundfonts", "TimGM6mb", "--jobs", "1")
    msmd("build", tree, "--out", folder / "out", *fonts, *options)
    return folder / "out"


@pytest.fixture(scope="module")
def built(soundfont: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(
        tmp_path_factory.mktemp("built"),
        **{"song": SONG, "waltz": WALTZ, "scale": SCALE, "upbeat": UPBEAT, "rests": RESTS},
    )


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording of twelve seconds, in stereo at 44,100 Hz."""
    path = tmp_path_factory.mktemp("sound") / "take.wav"
    time = np.arange(round(SECONDS * 44_100)) / 44_100
    tone = 0.3 * np.sin(2 * np.pi * 440 * time)
    soundfile.write(path, np.stack([tone, 0.5 * tone], axis=1), 44_100)
    return path


@pytest.fixture
def dataset(built: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(built, tmp_path / "dataset"))


def add(
    dataset: Path, sound: Path, marks: str = "", *, name: str = "marks.csv", piece: str = "song",
    options: Sequence[str] = (), code: int = 0,
) -> dict[str, Any]:  # fmt: skip
    """Add a recording with marks, by a list beside the dataset."""
    folder = dataset.parent / "recordings"
    folder.mkdir(exist_ok=True)
    alignment = name if marks else ""
    if marks:
        (folder / name).write_text(marks, "utf-8")
    rows = f"piece,file,alignment,licence\n{piece},{sound},{alignment},CC0-1.0\n"
    (folder / "recordings.csv").write_text(rows, "utf-8")
    arguments = ("--from", folder / "recordings.csv", "--jobs", "1", "-q", "--json", *options)
    return dict(json.loads(msmd("perform", dataset, *arguments, code=code)))


def table(dataset: Path, name: str, performance: str = "take") -> pd.DataFrame:
    frame = pd.read_parquet(dataset / f"{name}.parquet")
    return frame[frame["performance"] == performance].reset_index(drop=True)


def bars(dataset: Path) -> list[tuple[int, int, float, str]]:
    frame = table(dataset, "timings").sort_values("second")
    columns = ["measure", "pass", "second", "source"]
    return list(frame[columns].itertuples(index=False, name=None))


def played(
    built: Path, piece: str, marks: str, folder: Path, *, name: str = "marks.csv"
) -> tuple[str, Playing]:
    """What marks say that a recording of twelve seconds plays, and their format."""
    (folder / name).write_text(marks, "utf-8")
    opened = reader.open(built)[piece]
    of_piece, score = Bars.of(opened), ScoreTime.of(opened)
    by, anchors = reading_marks.read(folder / name, of_piece, score.order(of_piece))
    return by, playing(anchors, of_piece, score, SECONDS)


def test_marks_give_every_note_a_time_in_each_pass(dataset: Path, sound: Path) -> None:
    summary = add(dataset, sound, MARKS)
    assert (summary["listed"], len(summary["added"]), summary["failed"]) == (1, 1, 0)
    assert bars(dataset) == [
        (0, 1, 1.0, "marked"),
        (1, 1, 5.0, "marked"),
        (0, 2, 6.5, "marked"),
        (1, 2, 8.5, "marked"),
        (2, 1, 10.0, "marked"),
    ]
    events = table(dataset, "events")
    rows = events[["link", "note", "pass", "onset_s", "offset_s", "pitch", "velocity"]]
    assert list(rows.itertuples(index=False, name=None)) == [
        ("interpolated", 0, 1, 1.0, 2.0, 60, 0),
        ("interpolated", 1, 1, 2.0, 3.0, 62, 0),
        ("interpolated", 2, 1, 3.0, 4.0, 64, 0),
        ("interpolated", 3, 1, 4.0, 5.0, 65, 0),
        ("interpolated", 4, 1, 5.0, 5.75, 67, 0),
        ("interpolated", 5, 1, 5.0, 5.75, 71, 0),
        ("interpolated", 6, 1, 5.75, 6.5, 64, 0),
        ("interpolated", 0, 2, 6.5, 7.0, 60, 0),
        ("interpolated", 1, 2, 7.0, 7.5, 62, 0),
        ("interpolated", 2, 2, 7.5, 8.0, 64, 0),
        ("interpolated", 3, 2, 8.0, 8.5, 65, 0),
        ("interpolated", 4, 2, 8.5, 9.25, 67, 0),
        ("interpolated", 5, 2, 8.5, 9.25, 71, 0),
        ("interpolated", 6, 2, 9.25, 10.0, 64, 0),
        ("interpolated", 7, 1, 10.0, 12.0, 72, 0),
    ]
    assert set(events["confidence"]) == {1.0}
    (row,) = table(dataset, "performances").to_dict("records")
    expected = {
        "kind": "recorded",
        "alignment": "annotated",
        "aligned_by": "table",
        "source": "take.wav",
        "soundfont": "",
        "duration_s": SECONDS,
        "frames": 240,
        "matched": 15,
        "deletions": 0,
        "midi_sha256": "",
        "audio_sha256": "",
        "licence": "CC0-1.0",
    }
    assert {name: row[name] for name in expected} == expected
    piece = reader.open(dataset)["song"]
    assert np.array_equal(piece.spectrogram("take"), audio.read_spectrogram(sound))
    # Where the music is on the paper: at the head of E, both times.
    head = piece.noteheads.set_index("notehead").loc[2]
    place = piece.position("take", [3.0, 7.5])
    assert place.x.tolist() == pytest.approx([(head["x0"] + head["x1"]) / 2] * 2)
    assert "all well" in msmd("validate", dataset, "--jobs", "1", "-q")


def test_what_is_there_stays_and_a_changed_file_replaces_it(dataset: Path, sound: Path) -> None:
    add(dataset, sound, MARKS)
    assert add(dataset, sound, MARKS)["there"] == 1
    summary = add(dataset, sound, MARKS.replace("10.0,3", "10.5,3"))
    assert (len(summary["added"]), summary["there"]) == (1, 0)
    assert bars(dataset)[-1] == (2, 1, 10.5, "marked")
    assert len(table(dataset, "performances")) == 1


def test_audio_is_kept_where_the_dataset_keeps_it(
    sound: Path, soundfont: Path, tmp_path: Path
) -> None:
    dataset = build(tmp_path, "--keep-audio", song=SONG)
    add(dataset, sound, MARKS)
    piece = reader.open(dataset)["song"]
    assert np.array_equal(piece.audio("take"), audio.read(sound))
    assert np.array_equal(spectrogram(piece.audio("take")), piece.spectrogram("take"))
    with pytest.raises(DatasetError, match="take is a recording, and has no MIDI file"):
        piece.midi_path("take")


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


def test_beats_of_asap_follow_unfolded_repeats(
    sound: Path, soundfont: Path, tmp_path: Path
) -> None:
    dataset = build(tmp_path, "--repeats", "unfolded", song=SONG)
    text = "".join(f"{s}.0\t{s}.0\tdb\n" for s in (1, 3, 5, 7, 9))
    add(dataset, sound, text, name="take_beats.txt")
    assert [bar[:3] for bar in bars(dataset)] == [
        *((0, 1, 1.0), (1, 1, 3.0), (0, 2, 5.0), (1, 2, 7.0), (2, 1, 9.0)),
    ]
    # The written music has a note of its own for each pass.
    events = table(dataset, "events")
    assert sorted(events["note"]) == list(range(15))
    written = reader.open(dataset)["song"].events()
    assert events.sort_values("note")["pitch"].tolist() == written["pitch"].tolist()
    assert "all well" in msmd("validate", dataset, "--jobs", "1", "-q")


def test_bars_that_are_not_marked_lie_between_marks(built: Path, tmp_path: Path) -> None:
    _, playing = played(built, "waltz", "second,bar\n1,1\n7,3\n", tmp_path)
    assert [(bar.measure, bar.second, bar.is_marked) for bar in playing.bars] == [
        *((0, 1.0, True), (1, 4.0, False), (2, 7.0, True), (3, 9.5, False)),
    ]
    # The recording ends a second before the pace would, and the last two bars with it.
    assert playing.notes[-1].offset_s == SECONDS


def test_a_part_of_the_piece_leaves_the_rest_as_deletions(dataset: Path, sound: Path) -> None:
    add(dataset, sound, "second,bar,beat\n3,2,2\n4,2,3\n5,3,1\n", piece="waltz")
    # From the beginning of the first bar that is marked to the end of the last one.
    assert bars(dataset) == [(1, 1, 2.0, "interpolated"), (2, 1, 5.0, "marked")]
    events = table(dataset, "events")
    notes = events[events["link"] == "interpolated"]
    assert notes["onset_s"].tolist() == [2.0, 3.0, 4.0, 5.0, 6.0, 7.0]
    absent = events[events["link"] == "deletion"]
    assert absent["note"].tolist() == [0, 1, 2, 9, 10, 11]
    assert absent["onset_s"].isna().all()
    assert set(absent["confidence"]) == {0.0}
    assert "all well" in msmd("validate", dataset, "--jobs", "1", "-q")


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


def test_a_recording_that_is_refused_leaves_a_row_alone(dataset: Path, tmp_path: Path) -> None:
    damaged, silent = tmp_path / "take.wav", tmp_path / "silent" / "take.wav"
    damaged.write_bytes(b"RIFF" + bytes(2000))
    silent.parent.mkdir()
    soundfile.write(silent, np.zeros(44_100), 22_050)
    for file, reason, what in (
        (damaged, "unreadable", "take.wav"),
        (silent, "unreadable", "the recording is silent"),
        (tmp_path / "no" / "take.wav", "missing-file", "there is no"),
    ):
        add(dataset, file, MARKS, code=3)
        (row,) = table(dataset, "attempts").to_dict("records")
        assert (row["status"], row["stage"], row["reason"]) == ("failed", "read", reason)
        assert what in row["message"]
    assert len(table(dataset, "events")) == len(table(dataset, "timings")) == 0
    assert not list((dataset / "pieces").rglob("performances/take"))
    assert "all well" in msmd("validate", dataset, "--jobs", "1", "-q")


def test_without_a_recorder_recordings_are_refused(dataset: Path, sound: Path) -> None:
    listed = dataset.parent / "recordings.csv"
    listed.write_text(f"piece,file\nsong,{sound}\n", "utf-8")
    (failed,) = add_performances(dataset, [listed], PerformOptions(jobs=1)).failures
    assert "msmdtools.recorded.add_performances" in failed.message


def doubtful(recording: Recording, piece: reader.DatasetPiece) -> Recorded:
    """Record as an alignment does that is sure of the first bar and the last one."""
    recorded = record(recording, piece)
    notes = [replace(n, confidence=0.95 if n.note < 4 else 0.6) for n in recorded.playing.notes]
    performance = replace(recorded.performance, alignment="estimated")
    return replace(
        recorded, playing=replace(recorded.playing, notes=tuple(notes)), performance=performance
    )


def test_snippets_of_a_recording_are_cut_from_what_is_sure(
    dataset: Path, sound: Path, tmp_path: Path
) -> None:
    (tmp_path / "marks.csv").write_text(MARKS, "utf-8")
    (tmp_path / "list.csv").write_text(f"piece,file,alignment\nsong,{sound},marks.csv\n", "utf-8")
    one = PerformOptions(jobs=1)
    add_performances(dataset, [tmp_path / "list.csv"], one, recorder=doubtful)
    (tmp_path / "split.csv").write_text("piece,part\nsong,train\nwaltz,train\n", "utf-8")

    def cut(name: str, *options: str) -> tuple[list[float], str]:
        output = msmd(
            *("snippets", dataset, "--out", tmp_path / name, "--jobs", "1", "-q"),
            *("--performances", "train=take", "--split", f"{tmp_path / 'split.csv'}:part"),
            *options,
        )
        files = (tmp_path / name / "data").glob("*.parquet")
        return sorted(pd.concat(pd.read_parquet(f) for f in files)["second"]), output

    sure, output = cut("sure")
    assert sure == [1.0, 2.0, 3.0, 4.0, 6.5, 7.0, 7.5, 8.0]
    assert "right to half a second), left out: 5." in output
    description = json.loads((tmp_path / "sure" / "snippets.json").read_text("utf-8"))
    assert (description["plan"]["min_confidence"], description["totals"]["unsure"]) == (0.9, 5)
    assert "left out: 5." in (tmp_path / "sure" / "README.md").read_text("utf-8")
    everything, output = cut("all", "--min-confidence", "0.6")
    assert everything == [*sure[:4], 5.0, 5.75, *sure[4:], 8.5, 9.25, 10.0]
    assert "left out" not in output
    checked = msmd("validate", tmp_path / "all", "--jobs", "1", "-q")
    assert "all well" in checked


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


@pytest.fixture(scope="module")
def sample(soundfont: Path, sample_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of two bundled pieces that keeps its audio."""
    folder = tmp_path_factory.mktemp("sample")
    for source in ("PetzoldC", "SchumannR"):
        shutil.copytree(sample_root / source, folder / "tree" / source)
    fonts = ("--soundfonts", "TimGM6mb", "--jobs", "1", "--keep-audio")
    msmd("build", folder / "tree", "--out", folder / "out", *fonts)
    return folder / "out"


def test_a_recording_without_marks_is_aligned_in_spite_of_applause(
    sample: Path, tmp_path: Path
) -> None:
    minuet, march = "PetzoldC__BWVAnh114__minuet-in-g", "SchumannR__O68__soldiers-march"
    dataset = Path(shutil.copytree(sample, tmp_path / "dataset"))
    piece = reader.open(dataset)[minuet]
    heard = piece.audio().astype(np.float64)
    random = np.random.default_rng(0)

    def applause(seconds: int) -> Any:
        clapping = np.repeat(random.random(seconds * 100), 221)[: seconds * 22_050]
        return random.normal(0, 0.05, seconds * 22_050) * clapping

    parts = [applause(6), np.zeros(44_100), 0.7 * heard / np.abs(heard).max(), applause(8)]
    soundfile.write(tmp_path / "live.wav", np.clip(np.concatenate(parts), -1, 1), 22_050)
    rows = f"piece,file\n{minuet},live.wav\n{march},live.wav\n"
    (tmp_path / "list.csv").write_text(rows, "utf-8")
    arguments = ("--from", tmp_path / "list.csv", "--jobs", "1", "-q", "--json")
    summary = json.loads(msmd("perform", dataset, *arguments, code=3))
    assert [row["piece"] for row in summary["added"]] == [minuet]
    (failed,) = summary["failures"]
    assert failed["name"] == f"{march}, live"
    assert failed["reason"] == "align, another-piece"
    timings = table(dataset, "timings", "live")
    assert timings["measure"].tolist() == list(range(16))
    assert set(timings["source"]) == {"estimated"}
    expected = [8 + 1.5 * bar for bar in range(16)]  # three quarters at 120 a minute
    assert np.abs(timings["second"] - expected).max() < 0.3
    row = table(dataset, "performances", "live").iloc[0]
    assert (row["alignment"], row["aligned_by"]) == ("estimated", "compact-4s")
    events = table(dataset, "events", "live")
    assert len(events) == len(piece.events())
    true = piece.events().set_index("event")["onset_s"][events["note"]].to_numpy() + 8
    assert np.abs(events["onset_s"] - true).max() < 0.35
    of_bar = timings.set_index("measure")["confidence"]
    assert set(events["confidence"]) <= set(of_bar)
    assert "all well" in msmd("validate", dataset, "--jobs", "1", "-q")
    assert json.loads(msmd("perform", dataset, *arguments, code=3))["there"] == 1
