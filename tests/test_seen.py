"""Which tested pieces a model has seen: fingerprints of music, the list in weights, and what is said."""

import json

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from msmdtools.cli import main
from msmdtools.errors import MsmdError
from msmdtools.models import seen
from msmdtools.splits import duplicates, fingerprints


def notes(seed, onsets):
    """(quarter, pitch) of made-up music."""
    draw = np.random.default_rng(seed)
    quarters = np.cumsum(draw.choice([0.25, 0.5, 1.0], onsets))
    return list(zip(quarters.tolist(), draw.integers(48, 84, onsets).tolist(), strict=True))


def heads(**pieces):
    columns = ["piece", "onset_quarters", "pitch", "role", "grace"]
    rows = [(name, q, p, "played", False) for name, music in pieces.items() for q, p in music]
    return pd.DataFrame(rows, columns=columns)


def marks(**pieces):
    return fingerprints.of_heads(heads(**pieces))


LONG, OTHER = notes(1, 3000), notes(2, 3000)


def test_music_is_known_again_in_another_key_at_another_tempo_and_in_part():
    known = marks(long=LONG, other=OTHER)
    assert [len(one.hashes) for one in known.values()] == [2993 // 8, 2993 // 8]
    higher = [(2 * q, p + 3) for q, p in LONG]
    part = LONG[500:900]
    mixed = [*LONG[:1500], *[(q + 5000, p) for q, p in OTHER[:1500]]]
    tested = marks(higher=higher, part=part, mixed=mixed, new=notes(3, 800))
    scores = {(a, b): score for a, b, score in fingerprints.alike(tested, known, 0.1)}
    assert scores.pop(("higher", "long")) == 1
    assert scores.pop(("part", "long")) == pytest.approx(1, abs=0.2)
    assert scores.pop(("mixed", "long")) == pytest.approx(0.5, abs=0.1)
    assert scores.pop(("mixed", "other")) == pytest.approx(0.5, abs=0.1)
    assert scores == {}


def test_small_pieces_are_compared_exactly_as_near_duplicates_are():
    pieces = {"a": LONG[:60], "b": LONG[30:90], "c": OTHER[:60], "short": LONG[:7]}
    exact = {pair[:2]: pair.score for pair in duplicates.compare(heads(**pieces), transpose=True)}
    found = fingerprints.alike(marks(**pieces), marks(**pieces), 0.1)
    assert {p[:2]: p.score for p in found if p.piece_a < p.piece_b} == exact
    assert exact == {("a", "b"): pytest.approx(23 / 53)}
    assert marks(short=LONG[:7])["short"].ngrams == 0  # fewer onsets than an n-gram has


def test_fingerprints_survive_as_text_and_damage_is_seen():
    known = marks(long=LONG, other=OTHER, short=LONG[:20])
    values = json.loads(json.dumps(fingerprints.encode(known)))
    again = fingerprints.decode(values)
    assert {n: (f.ngrams, f.hashes.tolist()) for n, f in again.items()} == {
        n: (f.ngrams, f.hashes.tolist()) for n, f in known.items()
    }
    assert fingerprints.decode(fingerprints.encode({})) == {}
    for damaged in (
        {},
        {**values, "music": values["music"][:-9]},
        {**values, "music": "{}"},
        {**values, "pieces": ["long"]},
    ):
        with pytest.raises(MsmdError, match="the fingerprints of pieces are damaged"):
            fingerprints.decode(damaged)


def made(complete=True, **parts):
    return {"pieces": seen.listed(parts.items(), complete)}


def test_what_was_seen_is_found_by_id_and_by_music():
    known = made(train=marks(a=LONG, b=OTHER), valid=marks(b=OTHER, v=notes(4, 99)))
    higher = marks(copy=[(q, p + 1) for q, p in LONG])
    tested = {**marks(b=notes(5, 90), v=notes(4, 99), new=notes(6, 99)), **higher}
    found = seen.find(known, tested)
    assert (found.tested, found.listed, found.complete, found.heard) == (4, True, True, 4)
    assert found.train.same == ("b",)  # by its id, whatever its notes
    assert found.train.alike == (duplicates.Pair("copy", "a", 1.0),)
    assert (found.valid.same, found.valid.alike) == (("v",), ())
    assert found.to_text() == (
        "Seen before: 2 of 4 pieces were in training (1 by id, 1 by the same music); 1 of 4 pieces "
        "was in the validation that chose these weights. --exclude-seen leaves them out."
    )
    left = seen.exclude(found, "here")
    assert (left.tested, left.pieces, left.excluded) == (1, [], 3)
    assert left.to_text() == (
        "Seen before: none of 1 piece tested. 3 pieces that the model had seen were left out."
    )


def test_what_is_not_known_is_said():
    tested = marks(a=LONG, b=OTHER)
    assert seen.find({}, tested).to_text() == (
        "Whether 2 pieces were in training is not known: these weights do not say what they "
        "were trained on."
    )
    with pytest.raises(MsmdError, match=r"^--exclude-seen: these weights do not say what"):
        seen.exclude(seen.find({}, tested), "here")
    partly = seen.find(made(complete=False), {**tested, "c": seen.UNKNOWN})
    assert partly.to_text().splitlines() == [
        "Seen before: none of 3 pieces tested.",
        "These weights began with others, and what those were trained on is not known.",
        "The notes of 1 piece are not available, so only ids were compared.",
    ]
    with pytest.raises(MsmdError, match=r"^here: --exclude-seen leaves no piece: all 2 were in"):
        seen.exclude(seen.find(made(train=tested), tested), "here")


# From snippets to weights, and from weights to what the commands say


def run(*arguments):
    result = CliRunner().invoke(main, list(map(str, arguments)))
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture(scope="module")
def folder(soundfont, tmp_path_factory):
    """Three bundled pieces, their snippets, and a tiny model trained on one and begun with again."""
    pytest.importorskip("lightning_fabric")
    folder = tmp_path_factory.mktemp("seen")
    pieces = {"train": PIECES[0], "valid": PIECES[1], "test": PIECES[2]}
    rows = "".join(f"{piece},{part}\n" for part, piece in pieces.items())
    (folder / "pieces.csv").write_text(f"piece,split\n{rows}")
    rows = f"{PIECES[0]},test\n{PIECES[1]},test\n{PIECES[2]},test\n"
    (folder / "all.csv").write_text(f"piece,split\n{rows}")
    build = ["build", "--sample", "--pieces", "*[sen]-[jmk][ai]*", "--soundfonts", "TimGM6mb"]
    run(*build, "--tempi", "1.0", "--out", folder / "dataset")
    for name in ("pieces", "all"):
        split = f"{folder / name}.csv:split"
        options = ["--context", 2.1, "--sheet", "24x40", "--split", split]
        run("snippets", folder / "dataset", "--out", folder / name, *options)
    (folder / "tiny.toml").write_text(TOML)
    train = ["train", folder / "pieces", "--config", folder / "tiny.toml", "--threads", 1]
    run(*train, "--pairs", 32, "--validations", 1, "--out", folder / "run")
    return folder


# With windows and batches as small as can be.
TOML = """
name = "tiny"
context_s = 2.1
sheet = {rows = 24, columns = 40, scale = 1}
sheet_tower = {kind = "vgg", width = 2}
audio_tower = {kind = "vgg", width = 2}
projection = {kind = "linear", dim = 8}
loss = {kind = "infonce"}
training = {batch_size = 16, onsets_per_piece = 16, precision = "32"}
"""
PIECES = (
    "SchumannR__O68__soldiers-march",
    "GriegE__O46__mountain-king",
    "Traditional__frere-jacques__frere-jacques",
)
SAID = (
    "Seen before: 1 of 3 pieces was in training; 1 of 3 pieces was in the validation that chose these "
    "weights. --exclude-seen leaves them out."
)


def test_weights_list_what_they_were_trained_on(folder):
    from msmdtools.models import bundle

    made = bundle.made_with(folder / "run" / "weights.safetensors")
    lists = seen.read(made)
    assert {part: list(pieces) for part, pieces in lists.items()} == {
        "train": [PIECES[0]],
        "valid": [PIECES[1]],
    }
    assert lists["train"][PIECES[0]].ngrams == 11
    # Begun with these weights on other snippets, a run's weights have both lists.
    train = ["train", "synthetic", "--config", folder / "tiny.toml", "--threads", 1]
    run(*train, "--pairs", 16, "--validations", 1, "--init", folder / "run", "--out", folder / "on")
    again = bundle.made_with(folder / "on" / "weights.safetensors")
    assert again["pieces"] == made["pieces"]


@pytest.mark.slow
def test_eval_says_it_at_every_task_and_leaves_them_out(folder):
    asked = ["eval", "snippets", folder / "run", folder / "all", "--candidates", 40]
    text = run(*asked, "-o", folder / "report")
    assert SAID in text.splitlines()
    assert SAID in (folder / "report" / "results.md").read_text()
    values = json.loads((folder / "report" / "results.json").read_text())
    assert values["pieces"] == 3
    assert values["seen"]["train"] == {"same": [PIECES[0]], "alike": []}
    values = json.loads(run(*asked, "--exclude-seen", "--json"))
    assert (values["pieces"], values["seen"]["tested"], values["seen"]["excluded"]) == (1, 1, 2)
    assert list(values["directions"]["audio-to-sheet"]["pieces"]) == [PIECES[2]]
    for task in ("pieces", "position", "alignment", "following"):
        asked = ["eval", task, folder / "run", folder / "dataset"]
        asked += ["--excerpts", 1] if task in ("pieces", "position") else []
        assert SAID in run(*asked).splitlines()
        values = json.loads(run(*asked, "--exclude-seen", "--json"))
        assert (values["pieces"], values["seen"]["excluded"]) == (1, 2)


def test_index_says_it_and_leaves_them_out(folder):
    asked = ["index", folder / "dataset", "--model", folder / "run"]
    assert run(*asked, "--out", folder / "index").splitlines()[-1] == SAID
    values = json.loads(run(*asked, "--out", folder / "fewer", "--exclude-seen", "--json"))
    assert (values["added"], values["seen"]["excluded"]) == (1, 2)


@pytest.mark.parametrize("name", ["compact-4s", "large-4s"])
def test_bundled_weights_list_the_training_pieces_of_the_manifests(name):
    from msmdtools.base import resources
    from msmdtools.models import bundle
    from msmdtools.models.model import find

    pytest.importorskip("safetensors")
    msmd = pd.read_csv(resources.manifest("msmd-v1.1"))
    more = pd.read_csv(resources.manifest("beyond-msmd"))
    lists = seen.read(bundle.made_with(find(name)))
    train = {*msmd["piece"][msmd["all_split"] == "train"], *more["piece"][more["split"] == "train"]}
    assert lists["train"].keys() == train
    assert lists["valid"].keys() == set(msmd["piece"][msmd["all_split"] == "valid"])
    assert sum(f.ngrams > 0 for part in lists.values() for f in part.values()) == 550
    # Of two editions of one piece, both trained on, each is known again by the other.
    twins = {"ChopinFF__O28__Chop-28-4", "ChopinFF__O28__chp-28-04-let"}
    one, other = ({n: lists["train"][n]} for n in sorted(twins))
    assert [pair.score > 0.9 for pair in fingerprints.alike(one, other)] == [True]
