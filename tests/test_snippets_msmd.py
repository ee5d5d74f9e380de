"""The test pieces of the official split: every onset of their MIDI files has a snippet.

With MSMD_DATASET=FOLDER a dataset that is there already is taken, instead of building the 94 pieces.
"""

import os
from collections import Counter
from pathlib import Path

import mido
import pandas as pd
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

import msmdtools
from msmdtools.base import resources
from msmdtools.cli import main

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("msmd")


@pytest.fixture(scope="module")
def pieces(folder: Path) -> list[str]:
    """The pieces, and a manifest of them with the split."""
    manifest = pd.read_csv(resources.manifest("msmd-v1.1"), dtype=str, keep_default_na=False)
    manifest = manifest[manifest["all_split"] == "test"]
    manifest.to_csv(folder / "test.csv", index=False)
    assert len(manifest) == 94
    return sorted(manifest["piece"])


@pytest.fixture(scope="module")
def dataset(folder: Path, pieces: list[str], request: pytest.FixtureRequest) -> Path:
    if "MSMD_DATASET" in os.environ:
        return Path(os.environ["MSMD_DATASET"])
    mutopia = request.getfixturevalue("mutopia")
    request.getfixturevalue("soundfont")
    out = folder / "dataset"
    command = ["build", "--manifest", folder / "test.csv", "--root", mutopia, "--out", out]
    command += ["--soundfonts", "TimGM6mb", "--tempi", "1.0"]
    result = CliRunner().invoke(main, list(map(str, command)))
    assert result.exit_code == 0, result.output
    return out


def midi_onsets(path: Path) -> int:
    """Distinct ticks at which a note starts, in all tracks of a MIDI file."""
    ticks = set()
    for track in mido.MidiFile(path).tracks:
        now = 0
        for message in track:
            now += message.time
            if message.type == "note_on" and message.velocity:
                ticks.add(now)
    return len(ticks)


def test_the_snippets_of_a_piece_are_as_many_as_the_onsets_of_its_midi(
    folder: Path, dataset: Path, pieces: list[str]
) -> None:
    performance = next(iter(msmdtools.open(dataset)[pieces[0]].performances["performance"]))
    out = folder / "snippets"
    command = ["snippets", dataset, "--out", out, "--split", f"{folder / 'test.csv'}:all_split"]
    command += ["--context", 2.1]
    if "MSMD_DATASET" in os.environ:  # which may have several
        command += ["--performances", f"test={performance}"]
    result = CliRunner().invoke(main, list(map(str, command)))
    assert result.exit_code == 0, result.output
    assert "onsets without a snippet" not in result.output
    counts: Counter[str] = Counter()
    for shard in (out / "data").glob("test-*"):
        counts.update(pq.read_table(shard, columns=["piece"])["piece"].to_pylist())
    assert sorted(counts) == pieces
    away = {}
    for piece in pieces:
        midi = dataset / "pieces" / piece / "performances" / performance / "performance.mid"
        onsets = midi_onsets(midi)
        away[piece] = abs(counts[piece] - onsets) / onsets
    assert max(away.values()) <= 0.02, max(away, key=away.__getitem__)
    print(f"{len(pieces)} pieces, {counts.total():,} snippets")
    print(f"{sum(value == 0 for value in away.values())} exact, most {max(away.values()):.4f} away")
    assert counts.total() >= 15_600
