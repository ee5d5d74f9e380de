"""Datasets made of the folders of MSMD: what an export says comes back, what it leaves open is told by rules."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import msmdtools
from msmdtools.cli import main
from msmdtools.dataset.validate import validate
from msmdtools.errors import DatasetError, ManifestError
from msmdtools.export.msmd_files import read_recording
from msmdtools.export.msmd_import import import_msmd
from msmdtools.perform.timing import TickMap
from msmdtools.performance import PerformanceSpec

GRACES = "MozartWA__KV265__ah-vous-dirai-je"
TIES = "ChopinFF__O28__prelude-7"
NAMES = {"TimGM6mb-000_x0.90": "tempo-900_TimGM6mb", "TimGM6mb-000_x1.00": "tempo-1000_TimGM6mb"}


def msmd(*arguments: object):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def built(soundfont, tmp_path_factory):
    folder = tmp_path_factory.mktemp("import") / "built"
    build = ["build", "--sample", "--out", folder, "--soundfonts", "TimGM6mb", "--jobs", 1]
    # Of the bundled pieces, these two.
    result = msmd(*build, "--tempi", "0.9,1.0", "--pieces", "[CM]*[67]*")
    assert result.exit_code == 0, result.output
    dataset = msmdtools.open(folder)
    assert dataset.ids == [TIES, GRACES]
    return dataset


@pytest.fixture(scope="module")
def exported(built) -> Path:
    out = built.path.with_name("exported")
    result = msmd("export", built.path, "--format", "msmd", "--out", out)
    assert result.exit_code == 0, result.output
    return out


@pytest.fixture
def folders(exported, tmp_path) -> Path:
    """A copy that a test may change."""
    return shutil.copytree(exported, tmp_path / "folders")


def as_the_original(folders: Path) -> None:
    """Takes from the graphs what the original does not have in them."""
    for path in folders.glob("*/scores/*/mung/*.xml"):
        lines = path.read_text("utf-8").splitlines(keepends=True)
        path.write_text("".join(line for line in lines if 'key="msmdtools_' not in line), "utf-8")


def lists(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(events=frame["events"].map(list))


def test_an_export_comes_back_with_the_same_heads_events_and_links(built, exported, tmp_path):
    result = msmd("import-msmd", exported, "--out", tmp_path / "back", "--json")
    assert result.exit_code == 0, result.output
    back = msmdtools.open(tmp_path / "back")
    said = json.loads(result.stdout)
    assert (said["failures"], said["left_out"]) == ([], [])
    assert said["totals"] == back.description["totals"]
    assert back.ids == built.ids
    for piece, ours in built.items():
        theirs = back[piece]
        pd.testing.assert_frame_equal(
            lists(theirs.noteheads), lists(ours.noteheads), check_exact=True
        )
        pd.testing.assert_frame_equal(theirs.systems, ours.systems, check_exact=True)
        assert theirs.performances["alignment"].tolist() == ["annotated"] * 2
        assert theirs.performances.index.tolist() == ours.performances.index.tolist()
        for name in ours.performances.index:
            left, right = theirs.events(name), ours.events(name)
            exact = ["event", "onset_s", "pitch", "velocity", "heads", "part", "drum"]
            assert left[exact].equals(right[exact])
            assert np.allclose(left["offset_s"], right["offset_s"], rtol=0, atol=1e-9)
            assert set(left["reason"]) <= {"", "not-linked"}
            assert np.array_equal(theirs.spectrogram(name), ours.spectrogram(name))
            assert theirs.midi_path(name).read_bytes() == ours.midi_path(name).read_bytes()
        assert all(np.array_equal(a, b) for a, b in zip(theirs.pages, ours.pages, strict=True))
        assert (theirs.title, theirs.composer, theirs.licence) == (
            ours.title,
            ours.composer,
            ours.licence,
        )
        notes = [
            [(n.onset_tick, n.offset_tick, n.pitch, n.heads) for n in music.notes]
            for music in (theirs.music, ours.music)
        ]
        assert notes[0] == notes[1]
        ticks = list(range(0, notes[0][-1][1], 96))
        maps = [TickMap.of(music.tempi) for music in (theirs.music, ours.music)]
        assert np.allclose(*(one.seconds(ticks) for one in maps), rtol=0, atol=1e-4)
    assert validate(back.path).findings == ()


def test_links_are_those_of_the_original_where_nothing_more_is_said(built, folders, tmp_path):
    as_the_original(folders)
    assert import_msmd(folders, tmp_path / "back").left_out == ()
    back = msmdtools.open(tmp_path / "back")
    for piece, ours in built.items():
        links = {}
        for frame in (ours.noteheads, back[piece].noteheads):
            edges = frame[["page", "x0", "y0", "x1", "y1"]].to_numpy()
            boxes = np.hstack([np.floor(edges[:, :3]), np.ceil(edges[:, 3:])]).astype(int)
            rows = zip(frame["pitch"], frame["role"], frame["event"], strict=True)
            links[id(frame)] = {
                tuple(box): row for box, row in zip(boxes.tolist(), rows, strict=True)
            }
        before, after = links.values()
        assert after == before
        heads = back[piece].noteheads
        assert heads["staff"].tolist() == [1] * len(heads)
        assert len(back[piece].systems) == ours.header["systems"]
    tied = back[TIES].noteheads.query("role == 'tied'")
    assert len(tied) == 2 and (tied["tied_to"] >= 0).all()
    # Score time is that of the MIDI file; a tied head is in the column of others.
    found, expected = (sorted(d[TIES].noteheads["onset_quarters"]) for d in (back, built))
    assert found == expected
    assert validate(back.path).findings == ()


def test_a_head_without_a_link_is_silent_at_the_time_of_its_column(built, folders, tmp_path):
    as_the_original(folders)
    graph = next((folders / TIES).glob("scores/*/mung/01.xml"))
    chord = (
        built[TIES].noteheads.groupby("onset_quarters").filter(lambda group: len(group) > 2).iloc[0]
    )
    blocks = re.split(r"(?=<CropObject )", graph.read_text("utf-8"))
    at = next(n for n, b in enumerate(blocks) if f"<Id>{chord['notehead']}</Id>" in b)
    blocks[at] = re.sub(r".*_note_event_idx.*\n", "", blocks[at])
    graph.write_text("".join(blocks), "utf-8")
    import_msmd(folders, tmp_path / "back", pieces=TIES)
    piece = msmdtools.open(tmp_path / "back")[TIES]
    (silent,) = piece.noteheads.query("role == 'silent'").to_dict("records")
    assert (silent["pitch"], silent["reason"], silent["event"]) == (
        chord["pitch"],
        "not-linked",
        -1,
    )
    assert silent["onset_quarters"] == chord["onset_quarters"]
    (event,) = piece.events().query("heads == 0").to_dict("records")
    assert (event["event"], event["reason"]) == (chord["event"], "not-linked")
    assert validate(tmp_path / "back").findings == ()


@pytest.mark.parametrize(
    ("file", "content", "reason", "message"),
    [
        ("scores/*/mung/01.xml", b"<CropObjectList>", "source, damaged-source", r"01\.xml: "),
        ("scores/*/mung/01.xml", b"<!DOCTYPE x><x/>", "source, damaged-source", "document type"),
        (
            "scores/*/mung/01.xml",
            None,
            "source, missing-source",
            "1 images in img, and 0 files in mung",
        ),
        ("scores/*/img/01.png", b"", "source, damaged-source", r"01\.png is not a picture"),
        (
            "performances/*/*.midi",
            b"MThd",
            "source, damaged-source",
            r"\.midi: its content cannot be read",
        ),
        (
            "performances/*/features/*_spec.npy",
            None,
            "source, no-performance",
            r"has 0 files \*_spec",
        ),
        ("performances/*/features/*_notes.npy", b"x", "source, no-performance", r"_notes\.npy: "),
    ],
)
def test_a_piece_that_cannot_be_read_is_a_row(folders, tmp_path, file, content, reason, message):
    for path in (folders / TIES).glob(file):
        path.unlink() if content is None else path.write_bytes(content)
    result = msmd("import-msmd", folders, "--out", tmp_path / "back")
    assert result.exit_code == 3
    assert f"{reason}: {TIES}" in result.stdout or (
        reason in result.stdout and TIES in result.stdout
    )
    back = msmdtools.open(tmp_path / "back")
    assert back.ids == [GRACES]
    row = back.failed.loc[TIES]
    assert f"{row['stage']}, {row['reason']}" == reason
    assert re.search(message, row["message"])


def test_a_performance_of_other_notes_is_left_out(folders, tmp_path):
    name = f"{TIES}_tempo-900_TimGM6mb"
    notes = folders / TIES / "performances" / name / "features" / f"{name}_notes.npy"
    array = np.load(notes)
    array[3, 1] += 1
    np.save(notes, array)
    said = []
    result = import_msmd(folders, tmp_path / "back", pieces=TIES, warn=said.append)
    assert (
        said
        == list(result.left_out)
        == [
            f"{TIES}: {name}: its notes are not those of the MIDI file of the piece "
            f"({len(array)} rows, and {len(array)} notes in MIDI)"
        ]
    )
    back = msmdtools.open(tmp_path / "back")
    assert back[TIES].performances.index.tolist() == ["TimGM6mb-000_x1.00"]


def test_messages_say_what_to_give(exported, tmp_path, built):
    with pytest.raises(ManifestError, match="no such folder"):
        import_msmd(tmp_path / "none", tmp_path / "out")
    with pytest.raises(ManifestError, match="none of its folders has a folder `scores`"):
        import_msmd(tmp_path, tmp_path / "out")
    with pytest.raises(ManifestError, match="none of its 2 pieces matches 'x'"):
        import_msmd(exported, tmp_path / "out", pieces="x")
    with pytest.raises(DatasetError, match="give a new or empty folder"):
        import_msmd(exported, built.path)
    assert list(tmp_path.iterdir()) == []


def test_where_nothing_can_be_read_there_is_no_dataset(folders, tmp_path):
    for path in folders.rglob("*.xml"):
        path.unlink()
    with pytest.raises(ManifestError, match="no piece can be read:\n"):
        import_msmd(folders, tmp_path / "back")
    assert not (tmp_path / "back").exists()


def test_a_build_into_what_was_imported_is_refused(exported, tmp_path):
    import_msmd(exported, tmp_path / "back", pieces=TIES)
    result = msmd("build", "--sample", "--out", tmp_path / "back", "--pieces", "Petz*")
    assert result.exit_code == 1
    assert "was made with other options or tools" in result.output
    assert (
        "msmd import-msmd exported --out DATASET" in (tmp_path / "back" / "README.md").read_text()
    )
    info = msmd("info", tmp_path / "back")
    assert f"msmdtools {msmdtools.__version__}, from the folders of MSMD" in info.stdout


@pytest.mark.parametrize(
    ("name", "spec"),
    [
        ("p_tempo-1000_FluidR3_GM", PerformanceSpec(1.0, "FluidR3_GM")),
        ("a_tempo-b_tempo-950_ElectricPiano", PerformanceSpec(0.95, "ElectricPiano")),
        ("p_tempo-1100_F-040_v90", PerformanceSpec(1.1, "F", 40, 64)),  # the notes count
        ("p_tempo-1100_F-src_vsource", PerformanceSpec(1.1, "F", None, None)),
        ("p_tempo-1000_F-200", PerformanceSpec(1.0, "F-200")),
        ("a-recital", PerformanceSpec(1.0, "a-recital")),
    ],
)
def test_names_tell_tempo_soundfont_and_program(exported, tmp_path, name, spec):
    source = next((exported / TIES / "performances").iterdir())
    folder = shutil.copytree(source, tmp_path / name)
    assert read_recording(folder).spec == spec
