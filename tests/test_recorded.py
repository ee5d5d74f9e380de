"""Recordings as performances of a dataset: with marks, aligned by a model, and what is refused."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import soundfile
from recordings import MARKS, SECONDS, SONG, WALTZ, build, msmd

from msmdtools.build.perform import add_performances
from msmdtools.build.perform_options import PerformOptions
from msmdtools.dataset import reader
from msmdtools.dataset.performed_checks import check_timings
from msmdtools.errors import DatasetError
from msmdtools.features.spectrogram import spectrogram
from msmdtools.inputs import audio
from msmdtools.inputs.recordings import of_performance
from msmdtools.performed.recording import Recorded, Recording
from msmdtools.recorded import record
from msmdtools.splits.performances import performances_by_split


@pytest.fixture(scope="module")
def built(soundfont: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("built"), song=SONG, waltz=WALTZ)


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


def test_faults_of_timings_are_found() -> None:
    columns = ["performance", "measure", "pass", "second", "confidence"]
    rows = [
        *(("take", 0, 1, 1.0, 1.0), ("take", 0, 2, 0.5, 1.0), ("take", 1, 2, 2.0, 1.0)),
        *(("take", 2, 1, 99.0, 1.0), ("take", 7, 1, 3.0, 1.5), ("played", 0, 1, 1.0, 1.0)),
    ]
    tables = {
        "timings": pd.DataFrame(rows, columns=columns),
        "measures": pd.DataFrame({"measure": [0, 1, 2]}),
        "performances": pd.DataFrame(
            {"performance": ["take", "other", "played"], "kind": ["recorded"] * 2 + ["performed"]}
        ),
    }
    found = check_timings("song", tables, {"take": 12.0, "other": 12.0})
    assert [(finding.what, finding.where) for finding in found] == [
        ("no bar has a time", "other"),
        ("bars of what is no recording of the piece", "played"),
        ("no such bar", "take, measure 7"),
        ("is not within the audio", "take, measure 2"),
        ("passes are not numbered 1, 2, 3, …", "take, measure 1"),
        ("is not after the pass before it", "take, measure 0"),
        ("confidence is not within 0 to 1", "take, measure 7"),
    ]


def test_recordings_are_in_the_part_of_their_piece_beside_soundfonts_of_both_roles() -> None:
    performances = pd.DataFrame(
        {
            "performance": ["FluidR3_GM-000_x1.00", "TimGM6mb-000_x1.00", "take"],
            "soundfont": ["FluidR3_GM", "TimGM6mb", ""],
            "soundfont_sha256": ["f", "t", ""],
        }
    )
    warned: list[str] = []
    assert performances_by_split(performances, {}, warned.append) == {
        "train": ("TimGM6mb-000_x1.00", "take"),
        "valid": ("TimGM6mb-000_x1.00", "take"),
        "test": ("FluidR3_GM-000_x1.00", "take"),
    }
    assert warned == []


def test_a_recording_whose_audio_is_not_kept_cannot_be_heard(dataset: Path, sound: Path) -> None:
    add(dataset, sound, MARKS)
    heard = of_performance(reader.open(dataset)["song"], "take")
    assert heard.spectrogram.shape == (92, 240)
    with pytest.raises(DatasetError, match="take is a recording whose audio"):
        next(heard.sound())
