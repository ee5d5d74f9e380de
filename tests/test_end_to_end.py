"""The whole road on the bundled pieces: build, snippets, a minute of training, evaluation above chance.

Six hundred onsets of eight pieces teach a model those pieces, and only a beginning of reading music. So
there are two expectations. The pieces it was trained on it finds at a tempo that it never heard. Of
pieces, and works, that it never saw it knows a little. When this was written it was (20,000 pairs, mean of
both directions): of 624 onsets of eight pieces it knew, MRR 0.94, by chance 0.01; of 208 onsets of four
others, MRR 0.058 with 0.028 by chance, median rank 74 with 104.5 by chance.
"""

import json

import pytest
from click.testing import CliRunner

from msmdtools import open as open_dataset
from msmdtools.cli import main

TOWER = """
kind = "residual"
unshuffle = 2
stem = 24
stem_stride = 1
first_stride = 2
widths = [32, 64]
blocks = [1, 1]
head = 16
"""
CONFIG = f"""
context_s = 4.2
[sheet_tower]{TOWER}
[audio_tower]{TOWER}
[projection]
kind = "linear"
dim = 64
[loss]
kind = "infonce"
[training]
batch_size = 64
onsets_per_piece = 16
optimiser = "muon"
muon_lr = 0.02
warmup_pairs = 500
clip = 1.0
[augment.sheet]
shift_px = 6
scale = 0.06
[augment.audio]
one_performance = true
stretch = 0.1
filter_db = 8
gain_db = 6
noise = 0.1
frequency_mask_bands = 10
"""
VALID = {"MozartWA__KV331__rondo-alla-turca", "SatieE__gymnopedie-1__gymnopedie-1"}
UNSEEN = {
    "ChopinFF__O28__prelude-20",
    "ChopinFF__O28__prelude-7",
    "GriegE__O46__mountain-king",
    "Traditional__greensleeves__greensleeves",
}


def columns(piece):
    """The splits that a piece is in: to learn from, to find again, to find."""
    if piece in VALID:
        return "valid,,"
    return ",,test" if piece in UNSEEN else "train,test,"


def msmd(*arguments):
    result = CliRunner().invoke(main, list(map(str, arguments)))
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture(scope="module")
def trained(soundfont, tmp_path_factory):
    """A run, and snippets of the pieces it was trained on, and of others, at a tempo it never heard."""
    for module in ("torch", "lightning_fabric", "safetensors"):
        pytest.importorskip(module)
    folder = tmp_path_factory.mktemp("road")
    # What is measured is heard at a tempo that is not in training.
    for name, tempi in (("slow-and-fast", "0.8,1.25"), ("even", "1.0")):
        out = ["--out", folder / name, "--soundfonts", soundfont.stem, "--tempi", tempi]
        msmd("build", "--sample", *out)
    rows = [f"{piece},{columns(piece)}" for piece in open_dataset(folder / "even").ids]
    (folder / "split.csv").write_text("\n".join(["piece,learn,seen,unseen", *rows, ""]))
    for name, dataset in (("learn", "slow-and-fast"), ("seen", "even"), ("unseen", "even")):
        export = ["--out", folder / name, "--context", 4.2]
        msmd("snippets", folder / dataset, "--split", f"{folder / 'split.csv'}:{name}", *export)
    (folder / "small.toml").write_text(CONFIG)
    train = ["train", folder / "learn", "--config", folder / "small.toml", "--out", folder / "run"]
    msmd(*train, "--pairs", 20_000, "--validations", 1)
    return folder


def evaluate(run, snippets):
    """Candidates; MRR and median rank, each as the mean of both directions and by chance."""
    report = json.loads(msmd("eval", "snippets", run, snippets, "--json"))
    found = list(report["directions"].values())
    assert len(found) == 2
    means = {name: sum(one[name] for one in found) / 2 for name in ("mrr", "median_rank")}
    return report["candidates"], means, report["chance"]


@pytest.mark.slow
def test_pieces_that_were_trained_on_are_found_at_another_tempo(trained):
    candidates, found, chance = evaluate(trained / "run", trained / "seen")
    assert candidates == 624
    assert found["mrr"] > 0.5 > 40 * chance["mrr"]


@pytest.mark.slow
def test_pieces_that_were_never_seen_are_found_more_often_than_by_chance(trained):
    candidates, found, chance = evaluate(trained / "run", trained / "unseen")
    assert candidates == 208
    assert found["mrr"] > 1.4 * chance["mrr"]
    assert found["median_rank"] < 0.85 * chance["median_rank"]
