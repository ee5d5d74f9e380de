"""A build of bundled pieces with everything real: LilyPond, FluidSynth, worker processes."""

import json
import os
import signal
import subprocess
import sys

import numpy as np
import pyarrow.parquet as pq
import pytest
from processes import wait_for

from msmdtools.base import resources

PIECES = "[CP]*"


@pytest.fixture(scope="module")
def arguments(tmp_path_factory, request):
    soundfont = request.getfixturevalue("soundfont")
    return ["--sample", "--pieces", PIECES, "--soundfonts", soundfont.stem, "--tempi", "1.0,2.0"]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory, arguments):
    out = tmp_path_factory.mktemp("sample") / "ds"
    done = msmd(*arguments, "--out", out, "--jobs", "1", "--json")
    output, errors = done.communicate()
    assert done.returncode == 0, errors
    assert json.loads(output)["totals"]["failed"] == 0
    return out


def msmd(*arguments):
    return subprocess.Popen(
        [sys.executable, "-c", "from msmdtools.cli import main; main()", "build", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def content(dataset):
    """All but the log, the lock and PDFs with their checksums, which have other bytes each time."""
    return {
        str(path.relative_to(dataset)): path.read_bytes()
        for path in sorted(dataset.rglob("*"))
        if path.is_file() and path.name not in {".lock", "build.jsonl"} and ".pdf" not in path.name
    }


def test_every_head_and_event_is_explained(dataset):
    heads = pq.read_table(dataset / "noteheads.parquet").to_pylist()
    assert heads
    assert all((head["role"] == "silent") == bool(head["reason"]) for head in heads)
    events = pq.read_table(dataset / "events.parquet").to_pylist()
    assert all((event["heads"] > 0) != bool(event["reason"]) for event in events)
    pitch = {(e["piece"], e["event"]): e["pitch"] for e in events}
    played = [head for head in heads if head["role"] == "played"]
    assert all(pitch[head["piece"], head["event"]] == head["pitch"] for head in played)


def test_twice_the_tempo_takes_half_the_time(dataset):
    events = pq.read_table(dataset / "events.parquet").to_pandas()
    slow, fast = (
        events[events["performance"].str.endswith(tempo)]["onset_s"].to_numpy()
        for tempo in ("x1.00", "x2.00")
    )
    assert len(slow) == len(fast) > 0
    np.testing.assert_allclose(slow, 2 * fast, atol=1e-9)


def test_spectrograms_are_as_the_tables_say(dataset):
    for row in pq.read_table(dataset / "performances.parquet").to_pylist():
        folder = dataset / "pieces" / row["piece"] / "performances" / row["performance"]
        spectrogram = np.load(folder / "spectrogram.npy")
        assert spectrogram.shape == (92, row["frames"])
        assert spectrogram.dtype == np.float16


def test_the_sources_are_untouched_and_nothing_else_is_left(dataset):
    for row in pq.read_table(dataset / "pieces.parquet").to_pylist():
        assert (resources.pieces() / row["path"]).is_file()
    assert not (dataset / ".work").exists()


def test_killed_and_resumed_with_other_jobs_is_the_same_byte_for_byte(dataset, tmp_path, arguments):
    first = msmd(*arguments, "--out", tmp_path / "ds", "--jobs", "2")
    wait_for(lambda: list((tmp_path / "ds").glob("pieces/*")), first)
    os.kill(first.pid, signal.SIGKILL)
    first.communicate()
    second = msmd(*arguments, "--out", tmp_path / "ds", "--jobs", "2")
    _, errors = second.communicate()
    assert second.returncode == 0, errors
    assert content(tmp_path / "ds") == content(dataset)
