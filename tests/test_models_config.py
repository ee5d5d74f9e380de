"""Configurations of models: those that come along, round trips, and what is refused."""

import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msmdtools.base import options
from msmdtools.errors import MsmdError
from msmdtools.loading import augment
from msmdtools.models import config
from msmdtools.models.options import Cca, InfoNce, Linear, Ranking, Residual, Soft, Vgg

SMALL = {
    "name": "small",
    "context_s": 2.1,
    "sheet_tower": {"kind": "residual"},
    "audio_tower": {"kind": "vgg"},
    "projection": {"kind": "linear", "dim": 8},
    "loss": {"kind": "infonce"},
}


def changed(**tables):
    content = copy.deepcopy(SMALL)
    for table, values in tables.items():
        content[table] = (
            {**content.get(table, {}), **values} if isinstance(values, dict) else values
        )
    return content


def test_the_models_there_are():
    contexts = ("2s", "4s", "8s")
    papers = [f"cnn-{c}{at}" for c in contexts for at in ("", "-at")]
    ours = [f"compact-{c}" for c in contexts] + ["large-4s", "large-8s"]
    assert config.names() == sorted(papers + ours)


@pytest.mark.parametrize("name", config.names())
def test_each_is_what_its_name_says(name):
    found = config.load(name)
    assert found.name == name
    assert found.frames == {"2s": 42, "4s": 84, "8s": 168}[name.split("-")[1]]
    assert found.audio_shape == (92, found.frames)
    assert config.from_mapping(json.loads(json.dumps(found.to_json()))) == found
    assert isinstance(found.attention, Soft) == name.endswith("-at")
    if name.startswith("cnn"):
        assert isinstance(found.sheet_tower, Vgg) and isinstance(found.projection, Cca)
        assert found.loss == Ranking(0.7, "sheet")
        assert (found.projection.dim, found.projection.regularise) == (32, 1e-3)
        assert (found.training.batch_size, found.training.lr) == (100, 0.002)
        assert found.training.refit_cca == 25_000
    else:
        assert isinstance(found.audio_tower, Residual) and isinstance(found.projection, Linear)
        assert isinstance(found.loss, InfoNce) and found.training.mask_same


def test_a_file(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(
        'context_s = 2.1\naugment = "papers"\n[sheet_tower]\nkind = "vgg"\nwidth = 8\n'
        '[audio_tower]\nkind = "vgg"\n[projection]\nkind = "none"\n[loss]\nkind = "triplet"\n'
    )
    found = config.load(path)
    assert found.name == "mine"
    assert found.sheet_tower == Vgg(width=8)
    assert found.augment == augment.PAPERS
    assert config.from_mapping(found.to_json()) == found


@given(
    st.builds(Residual, unshuffle=st.integers(1, 4), dropout=st.floats(0, 0.9)),
    st.builds(InfoNce, smoothing=st.floats(0, 0.9), learned=st.booleans()),
    st.builds(Linear, dim=st.integers(1, 4096)),
)
def test_tables_survive_the_round_trip(tower, loss, projection):
    content = changed(
        sheet_tower=options.plain(tower),
        loss=options.plain(loss),
        projection=options.plain(projection),
    )
    found = config.from_mapping(json.loads(json.dumps(content)))
    assert (found.sheet_tower, found.loss, found.projection) == (tower, loss, projection)
    assert config.from_mapping(found.to_json()) == found


TWICE = {"widths": [8, 8]}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (changed(los={}), "no table los; did you mean loss?"),
        (changed(name="a/b"), "name is 'a/b'; it must be a text without /"),
        (changed(context_s="2"), "context_s is '2'; it must be a number from 0.05 to 60"),
        (
            {k: v for k, v in SMALL.items() if k != "loss"},
            "no table [loss]; a model needs name, context_s and [sheet_tower], [audio_tower], "
            "[projection], [loss]",
        ),
        (
            changed(projection={"dims": 3}),
            "no option projection.dims; did you mean projection.dim?",
        ),
        (
            changed(projection={"dim": 0}),
            "projection.dim is 0; it must be a whole number from 1 to 4096",
        ),
        (
            changed(projection={"dim": 8.5}),
            "projection.dim is 8.5; it must be a whole number from 1 to 4096",
        ),
        (
            changed(audio_tower={"width": True}),
            "audio_tower.width is True; it must be a whole number of at least 1",
        ),
        (
            changed(loss={"kind": "infonc"}),
            "no loss of kind infonc; did you mean infonce?",
        ),
        (changed(loss=3), "loss is not a table; write [loss] above its options"),
        (
            {**SMALL, "loss": {}},
            "no loss.kind; there are ranking, triplet, infonce",
        ),
        (
            changed(loss={"temperature": 2}),
            "loss: temperature is 2; it must be from 0.01 (lowest) to 1 (highest)",
        ),
        (
            changed(loss={"learned": 1}),
            "loss.learned is 1; it must be true or false",
        ),
        (
            changed(audio_tower={"head": "mean"}),
            "audio_tower.head is 'mean'; it must be 'pool' or 'dense'",
        ),
        (
            changed(sheet_tower={"widths": 3}),
            "sheet_tower.widths is 3; it must be a list of numbers",
        ),
        (
            changed(sheet_tower=TWICE),
            "sheet_tower: a residual tower has 2 widths and 3 blocks; give one of each per stage",
        ),
        (
            changed(sheet_tower={"stem_kernel": 4}),
            "sheet_tower: stem_kernel is 4; it must be odd",
        ),
        (
            changed(sheet={"scale": 0.7}),
            "sheet.scale is 0.7; it must be 1, 1/2, 1/3, 1/4 and so on",
        ),
        (
            changed(sheet={"rows": 161}),
            "a sheet window of 161 x 200 px cannot be scaled by 0.5; use a multiple",
        ),
        (
            changed(training={"batch_size": 100}),
            "training.batch_size is 100, which is not a multiple of training.onsets_per_piece, 32",
        ),
        (
            changed(training={"refit_cca": 9}),
            "training.refit_cca needs [projection] kind = 'cca'; leave it out or change the "
            "projection",
        ),
        (changed(augment="paper"), "no augmentation paper; did you mean papers?"),
        (
            changed(augment={"audio": {"gain": 3}}),
            "augment: no augmentation audio.gain; did you mean audio.gain_db?",
        ),
        (changed(augment=3), "augment is neither a name nor a table; write [augment.sheet]"),
    ],
)
def test_what_is_refused(content, message):
    with pytest.raises(MsmdError) as error:
        config.from_mapping(content)
    assert str(error.value) == message


def test_files_that_are_none(tmp_path):
    with pytest.raises(MsmdError) as error:
        config.load("compact-5s")
    assert str(error.value) == "no model compact-5s; did you mean compact-8s?"
    with pytest.raises(MsmdError) as error:
        config.load(tmp_path / "x.toml")
    assert str(error.value) == f"{tmp_path}/x.toml: no such file"
    (tmp_path / "x.toml").write_text("[")
    with pytest.raises(MsmdError, match=r"x\.toml: not a TOML file: "):
        config.load(tmp_path / "x.toml")
    (tmp_path / "x.toml").write_text("context_s = 2.1\n")
    with pytest.raises(MsmdError, match=r"x\.toml: no table \[sheet_tower\]"):
        config.load(tmp_path / "x.toml")
