"""From a dataset to snippets and back: what the windows show, splits, bytes, validation, errors."""

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

import msmdtools
from msmdtools.base import resources
from msmdtools.build.build import build
from msmdtools.build.options import BuildOptions
from msmdtools.cli import main
from msmdtools.loading.loader import Stream

PIECES = "[PS]*"  # Petzold, Satie, two by Schumann


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(a) for a in arguments])


@pytest.fixture(scope="module")
def dataset(soundfont: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dataset") / "dataset"
    options = BuildOptions(soundfonts=(("TimGM6mb", 0),), tempi=(1.0, 1.25), pieces=PIECES, jobs=2)
    assert build(resources.manifest("sample"), resources.pieces(), folder, options).failed == 0
    return folder


@pytest.fixture(scope="module")
def split(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("split") / "split.csv"
    ids = msmdtools.open(dataset).ids
    names = ["train", "valid", "test", "train"]
    rows = [f"{piece},{name}" for piece, name in zip(ids, names, strict=True)]
    path.write_text("\n".join(["piece,mine", *rows]) + "\n")
    return f"{path}:mine"


def export(dataset: Path, split: str, out: Path, *more: object) -> Result:
    return run("snippets", dataset, "--out", out, "--split", split, "--context", 2.1, *more)


@pytest.fixture(scope="module")
def snippets(dataset: Path, split: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("snippets") / "snippets"
    result = export(dataset, split, out)
    assert result.exit_code == 0, result.output
    return out


def rows(snippets: Path) -> list[dict]:
    shards = sorted((snippets / "data").glob("*.parquet"))
    return [row for shard in shards for row in pq.read_table(shard).to_pylist()]


def sheet(row: dict) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(row["sheet"]["bytes"], np.uint8), cv2.IMREAD_UNCHANGED)


def test_every_onset_of_every_performance_has_a_snippet(snippets: Path, dataset: Path) -> None:
    found = {(r["piece"], r["performance"], r["onset"]): r for r in rows(snippets)}
    assert len(found) == len(rows(snippets))
    data = msmdtools.open(dataset)
    for piece in data.ids:
        for performance in data[piece].performances["performance"]:
            events = data[piece].events(performance)
            onsets = events[events["heads"] > 0]["onset_s"].unique()
            mine = [r for key, r in found.items() if key[:2] == (piece, performance)]
            np.testing.assert_allclose(sorted(r["second"] for r in mine), np.sort(onsets))


def test_the_middle_of_the_window_is_the_onset(snippets: Path, dataset: Path) -> None:
    data = msmdtools.open(dataset)
    for row in rows(snippets)[:60]:
        image = sheet(row)
        width = image.shape[1]
        middle = image[:, width // 2 - 3 : width // 2 + 3]
        assert middle.min() < 100, row["snippet"]
        heads = data[row["piece"]].noteheads
        near = heads[(heads["system"] == row["system"]) & (heads["role"] == "played")]
        centres = (near["x0"] + near["x1"]) / 2
        assert (centres - row["x"]).abs().min() < 12, row["snippet"]
        pitches = {
            p
            for p, o in zip(row["window_pitches"], row["window_offsets"], strict=True)
            if abs(o) < 1e-3
        }
        assert set(row["pitches"]) <= pitches


def test_no_two_onsets_share_a_window_even_at_the_ends(snippets: Path) -> None:
    by_piece: dict[str, dict[int, bytes]] = {}
    for row in rows(snippets):
        by_piece.setdefault(row["piece"], {})[row["onset"]] = row["sheet"]["bytes"]
    for piece, windows in by_piece.items():
        ends = [windows[o] for o in sorted(windows)][:8] + [windows[o] for o in sorted(windows)][
            -8:
        ]
        assert len(set(ends)) == len(ends), piece


def test_before_the_first_onset_is_silence_and_white(snippets: Path) -> None:
    first = next(r for r in rows(snippets) if r["onset"] == 0 and r["performance"].endswith("1.00"))
    spectrogram = np.array(first["spectrogram"], dtype=np.float16)
    assert spectrogram.shape == (92, 50)  # 42 frames and a margin of 4 on either side
    assert (spectrogram[:, :20] == 0).all()
    assert (spectrogram[:, 26:] > 0).any()
    assert (sheet(first)[:, :10] == 255).all()


def test_splits_are_as_asked_for_and_works_are_not_torn(snippets: Path, split: str) -> None:
    wanted = dict(
        line.split(",") for line in Path(split.rsplit(":", 1)[0]).read_text().splitlines()[1:]
    )
    assert {r["piece"]: r["split"] for r in rows(snippets)} == wanted


def test_equal_bytes_whatever_the_jobs(
    snippets: Path, dataset: Path, split: str, tmp_path: Path
) -> None:
    result = export(dataset, split, tmp_path / "again", "--jobs", 1)
    assert result.exit_code == 0, result.output
    for shard in (snippets / "data").glob("*.parquet"):
        assert (tmp_path / "again" / "data" / shard.name).read_bytes() == shard.read_bytes()
    other = export(dataset, split, tmp_path / "other", "--seed", 1)
    assert other.exit_code == 0
    shard = next((tmp_path / "other" / "data").glob("train*"))
    assert shard.read_bytes() != (snippets / "data" / shard.name).read_bytes()


def test_a_finished_export_is_left_alone_and_other_options_are_refused(
    snippets: Path, dataset: Path, split: str
) -> None:
    before = {p: p.stat().st_mtime_ns for p in snippets.rglob("*.parquet")}
    assert export(dataset, split, snippets).exit_code == 0
    assert {p: p.stat().st_mtime_ns for p in snippets.rglob("*.parquet")} == before
    result = export(dataset, split, snippets, "--seed", 5)
    assert result.exit_code == 1
    assert "seed" in result.output


def test_validation_passes_and_finds_damage(snippets: Path, tmp_path: Path) -> None:
    result = run("validate", snippets)
    assert result.exit_code == 0, result.output
    copy = tmp_path / "copy"
    shutil.copytree(snippets, copy)
    shard = next((copy / "data").glob("test*"))
    shard.write_bytes(shard.read_bytes()[:-200])
    result = run("validate", copy)
    assert result.exit_code in (1, 3)
    assert shard.name in result.output


def test_the_test_soundfont_may_not_be_heard_in_training(
    dataset: Path, split: str, tmp_path: Path
) -> None:
    given = "train=TimGM6mb*,valid=TimGM6mb*,test=*x1.00"
    result = export(dataset, split, tmp_path / "out", "--performances", given)
    assert result.exit_code == 1
    assert "TimGM6mb" in result.output


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--split", "nowhere.csv:x"], "nowhere.csv"),
        (["--performances", "train=Nothing*,valid=*,test=*"], "Nothing*"),
        (["--context", "-1"], "context"),
    ],
)
def test_bad_options_are_named(
    arguments: list[str], says: str, dataset: Path, split: str, tmp_path: Path
) -> None:
    result = run("snippets", dataset, "--out", tmp_path / "o", "--split", split, *arguments)
    assert result.exit_code in (1, 2)
    assert says in result.output
    assert not (tmp_path / "o" / "snippets.json").exists()


def test_a_split_that_names_pieces_not_there(dataset: Path, tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    path.write_text("piece,mine\nNobody__nothing__at-all,train\n")
    result = export(dataset, f"{path}:mine", tmp_path / "o")
    assert result.exit_code == 1
    assert "Nobody__nothing__at-all" in result.output


def test_what_is_no_dataset_and_what_is_unfinished(
    dataset: Path, split: str, tmp_path: Path
) -> None:
    result = export(tmp_path, split, tmp_path / "o")
    assert result.exit_code == 1
    assert "dataset" in result.output
    copy = tmp_path / "copy"
    shutil.copytree(dataset, copy)
    description = json.loads((copy / "dataset.json").read_text())
    (copy / "dataset.json").write_text(json.dumps({**description, "state": "building"}))
    result = export(copy, split, tmp_path / "o")
    assert result.exit_code == 1
    assert "build" in result.output


def test_the_loader_gives_each_pair_once_an_epoch(snippets: Path) -> None:
    stream = Stream(snippets, "train", batch_size=32, columns=("snippet",), seed=3)
    seen: list[str] = []
    for batch in stream.read(epoch=0):
        assert batch.sheets.shape[1:] == (160, 200)
        assert batch.spectrograms.shape[1:] == (92, 42)
        seen += list(batch.columns["snippet"])
    wanted = [r["snippet"] for r in rows(snippets) if r["split"] == "train"]
    assert sorted(seen) == sorted(wanted)
    again = [s for b in stream.read(epoch=0) for s in b.columns["snippet"]]
    assert again == seen
    assert [s for b in stream.read(epoch=1) for s in b.columns["snippet"]] != seen


def test_two_readers_share_an_epoch_without_overlap(snippets: Path) -> None:
    stream = Stream(snippets, "train", batch_size=16, columns=("snippet",))
    shares = [
        [s for b in stream.read(epoch=0, reader=r, readers=2) for s in b.columns["snippet"]]
        for r in (0, 1)
    ]
    assert not set(shares[0]) & set(shares[1])
    wanted = [r["snippet"] for r in rows(snippets) if r["split"] == "train"]
    assert sorted(shares[0] + shares[1]) == sorted(wanted)


def test_a_stream_goes_on_in_the_middle_of_an_epoch(snippets: Path) -> None:
    def stream() -> Stream:
        return Stream(snippets, "train", batch_size=16, columns=("snippet",), seed=7)

    whole = [list(b.columns["snippet"]) for b in stream().read(epoch=0)]
    first = stream()
    batches = iter(first)
    for _ in range(2):
        next(batches)
    second = stream()
    second.load_state_dict(first.state_dict())
    assert list(next(iter(second)).columns["snippet"]) == whole[2]


def test_a_context_longer_than_stored_is_refused(snippets: Path) -> None:
    with pytest.raises(msmdtools.MsmdError, match=r"8\.4"):
        Stream(snippets, "train", context_s=8.4)


def test_readable_by_pandas_with_typed_columns(snippets: Path) -> None:
    import pandas as pd

    shard = next((snippets / "data").glob("valid*"))
    frame = pd.read_parquet(shard)
    assert {"snippet", "sheet", "spectrogram", "pitches"} <= set(frame.columns)
    features = json.loads(pq.read_schema(shard).metadata[b"huggingface"])["info"]["features"]
    assert features["sheet"]["_type"] == "Image"
    assert features["spectrogram"]["_type"] == "Array2D"
    assert (frame["licence"] != "").all()
