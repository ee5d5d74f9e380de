"""The two-tower network: preprocessing, shapes, combinations, speed layouts, inference."""

import copy

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from msmdtools.errors import MsmdError  # noqa: E402
from msmdtools.models import config, losses, towers  # noqa: E402
from msmdtools.models.attention import attend  # noqa: E402
from msmdtools.models.network import TwoTower  # noqa: E402

TINY_RESIDUAL = {"kind": "residual", "stem": 4, "widths": [4, 8], "blocks": [1, 1], "head": 2}
TINY_VGG = {"kind": "vgg", "width": 2, "latent": 6}


def tiny(**tables):
    content = {
        "name": "tiny",
        "context_s": 1.6,
        "sheet": {"rows": 64, "columns": 80},
        "sheet_tower": TINY_VGG,
        "audio_tower": TINY_VGG,
        "projection": {"kind": "linear", "dim": 5},
        "loss": {"kind": "infonce"},
        **tables,
    }
    return config.from_mapping(content)


def windows(c, n=6, seed=0):
    rng = np.random.default_rng(seed)
    sheets = rng.integers(0, 256, (n, *c.sheet_shape)).astype(np.uint8)
    sounds = rng.random((n, *c.audio_shape)).astype(np.float16)
    return torch.from_numpy(sheets), torch.from_numpy(sounds)


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def test_sheets_become_ink_of_means():
    c = tiny(sheet={"rows": 64, "columns": 80, "scale": 0.25})
    sheets, _ = windows(c)
    ink = TwoTower(c)._ink(sheets)
    expected = 1 - sheets.numpy().reshape(6, 16, 4, 20, 4).mean((2, 4)) / 255
    assert ink.shape == (6, 1, 16, 20)
    np.testing.assert_allclose(ink[:, 0].numpy(), expected, atol=1e-6)
    floats = sheets.float()
    TwoTower(tiny(sheet={"rows": 64, "columns": 80, "scale": 1}))._ink(floats)
    assert torch.equal(floats, sheets.float())  # the caller's own


def test_maps_have_their_channels_last():
    network = TwoTower(tiny(sheet_tower=TINY_RESIDUAL))
    seen = []
    for module in network.modules():
        if isinstance(module, torch.nn.Conv2d):
            module.register_forward_hook(lambda m, i, o: seen.extend((i[0], o)))
    network(*windows(network.config))
    assert len(seen) > 20
    assert all(x.is_contiguous(memory_format=torch.channels_last) for x in seen)
    first = network._ink(windows(network.config)[0])
    assert first.stride()[1] == 1 and first.stride()[3] == 1  # seen as channels last, not first


@pytest.mark.parametrize("sheet", [TINY_VGG, TINY_RESIDUAL, {**TINY_RESIDUAL, "unshuffle": 2}])
@pytest.mark.parametrize(
    "projection",
    [
        {"kind": "linear", "dim": 5},
        {"kind": "cca", "dim": 3},
        {"kind": "cca", "dim": 3, "latent": 4},
        {"kind": "none"},
    ],
)
@pytest.mark.parametrize("attention", [None, {"kind": "soft", "width": 2}])
def test_everything_combines(sheet, projection, attention):
    # Towers with equally many features where the projection asks for it.
    sheet = {**sheet, "head": 6, "pool": "all"} if sheet["kind"] == "residual" else sheet
    audio = {**TINY_VGG, "head": "dense", "dense": 6}
    tables = {"attention": attention} if attention else {}
    c = tiny(sheet_tower=sheet, audio_tower=audio, projection=projection, **tables)
    network = TwoTower(c)
    u, v = network(*windows(c))
    assert u.shape == v.shape == (6, network.dim)
    assert u.dtype == torch.float32
    torch.testing.assert_close(u.norm(dim=1), torch.ones(6))
    losses.make(c.loss)(u, v).backward()
    missing = [n for n, p in network.named_parameters() if p.grad is None]
    assert missing == []
    assert all(torch.isfinite(p.grad).all() for p in network.parameters())
    network.eval()
    sheets, sounds = windows(c)
    with torch.no_grad():
        u, v = network(sheets, sounds)
        torch.testing.assert_close(network.embed_sheet(sheets), u)
        torch.testing.assert_close(network.embed_audio(sounds), v)
        # One window's embedding does not depend on the others.
        torch.testing.assert_close(network.embed_sheet(sheets[2:3]), u[2:3])


def test_papers_training_step_and_its_refitting():
    c = tiny(projection={"kind": "cca", "dim": 6, "regularise": 1e-9}, loss={"kind": "ranking"})
    network = TwoTower(c)
    sheets, sounds = windows(c, 40)
    before, _ = network(sheets, sounds)
    assert network.refit_cca([(sheets[:25], sounds[:25]), (sheets[25:], sounds[25:])]) == 40
    assert network.training
    network.eval()
    with torch.no_grad():
        refitted = network(sheets, sounds)
        correlations = network.cca.correlations()
        # The most correlated dimension of what it gives has the correlation it says.
        a, b = network.cca(network.sheet_features(sheets), network.audio_features(sounds))
    got = np.corrcoef(a[:, 0].numpy(), b[:, 0].numpy())[0, 1]
    assert got == pytest.approx(correlations[0].item(), abs=1e-4)
    assert not torch.allclose(refitted[0], before)


def test_attention_is_a_distribution_and_even_attention_changes_nothing():
    c = tiny(attention={"kind": "soft", "width": 2})
    network = TwoTower(c).eval()
    _, sounds = windows(c)
    with torch.no_grad():
        weights = network.attention(sounds)
        assert weights.shape == (6, 32)
        torch.testing.assert_close(weights.sum(1), torch.ones(6))
        assert (weights > 0).all()
        x = network._spectrograms(sounds)
        assert torch.equal(attend(x, torch.full((6, 32), 1 / 32)), x)
        only = torch.zeros(6, 32)
        only[:, 3] = 1
        assert torch.equal(attend(x, only)[..., 3], 32 * x[..., 3])
        assert not attend(x, only)[..., 4:].any()


def test_attention_mean_and_convolution_may_change_places():
    c = tiny(attention={"kind": "soft", "width": 2})
    network = TwoTower(c).eval().double()
    x = torch.rand(3, 1, 92, 32, dtype=torch.float64)
    soft = network.soft_attention
    with torch.no_grad():
        published = soft.scores(soft.stages(x)).mean((2, 3)).softmax(1)
        torch.testing.assert_close(soft(x).double(), published, atol=1e-6, rtol=1e-6)


def test_folding_changes_nothing_but_the_time():
    for tower in (TINY_RESIDUAL, TINY_VGG):
        c = tiny(sheet_tower=tower, audio_tower=tower)
        network = TwoTower(c)
        for _ in range(3):
            network(*windows(c))  # running statistics of their own
        network.eval()
        folded = copy.deepcopy(network)
        towers.fold(folded)
        with torch.no_grad():
            for got, want in zip(folded(*windows(c)), network(*windows(c)), strict=True):
                torch.testing.assert_close(got, want, atol=1e-5, rtol=1e-4)
        norms = [
            m for m in folded.sheet_tower.stages.modules() if isinstance(m, torch.nn.BatchNorm2d)
        ]
        assert not norms


def test_squares_of_pixels_are_those_of_pytorch():
    x = torch.rand(2, 1, 8, 12)
    expected = torch.nn.functional.pixel_unshuffle(x, 4)
    assert torch.equal(towers._squares(x, 4), expected)


def test_products_are_counted():
    c = tiny()
    network = TwoTower(c)
    stage = network.sheet_tower.stages
    # Windows of 32 x 40: the first convolution has 2 · 9 products per pixel, and so on.
    expected = 32 * 40 * 9 * (2 + 4) + 16 * 20 * 9 * (8 + 16) + 8 * 10 * 9 * (32 + 64)
    expected += 4 * 5 * 9 * (64 + 64)
    assert towers.count_products(stage, torch.zeros(1, 1, 32, 40)) == expected
    assert stage.training
    assert towers.parameters(stage) == 9 * (2 + 4 + 8 + 16 + 32 + 64 + 64 + 64) + 2 * 2 * (
        2 + 4 + 8 + 8
    )


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        (
            {"projection": {"kind": "none"}, "sheet_tower": {**TINY_VGG, "latent": 7}},
            "projection none: the towers give 7 and 6 features, and the numbers must be equal; change "
            "the towers, or use a linear projection or cca with a latent",
        ),
        (
            {"projection": {"kind": "cca", "dim": 7}},
            "projection.dim is 7, more than the 6 features before it",
        ),
        (
            {
                "projection": {"kind": "cca"},
                "sheet_tower": {**TINY_VGG, "latent": 600},
                "audio_tower": {**TINY_VGG, "latent": 600},
            },
            "projection cca (with latent = 0): the towers give 600 features, more than 512; set "
            "projection.latent",
        ),
        (
            {"sheet": {"rows": 30, "columns": 80}},
            "a window of 15 x 40 is too small for a vgg tower; it needs 16 in both directions",
        ),
        (
            {"sheet_tower": {**TINY_RESIDUAL, "unshuffle": 3}},
            "a window of 32 x 40 cannot be cut into squares of 3; choose another unshuffle",
        ),
    ],
)
def test_what_does_not_fit_together(tables, message):
    with pytest.raises(MsmdError) as error:
        TwoTower(tiny(**tables))
    assert str(error.value) == message


def test_wrong_windows_and_what_is_not_there():
    network = TwoTower(tiny())
    with pytest.raises(MsmdError) as error:
        network.embed_sheet(torch.zeros(3, 160, 200, dtype=torch.uint8))
    assert str(error.value) == "sheet windows have shape (3, 160, 200); the model takes (n, 64, 80)"
    with pytest.raises(MsmdError) as error:
        network.embed_audio(torch.zeros(92, 32))
    assert str(error.value) == "spectrograms have shape (92, 32); the model takes (n, 92, 32)"
    with pytest.raises(MsmdError) as error:
        network.attention(torch.zeros(1, 92, 32))
    assert str(error.value) == "tiny has no attention; cnn-2s-at is a model that has one"
    with pytest.raises(MsmdError) as error:
        network.refit_cca([])
    assert str(error.value) == "tiny has no CCA projection to refit"


def test_papers_network_layer_by_layer():
    c = config.load("cnn-2s")
    network = TwoTower(c)
    # Dorfer et al. (TISMIR 2018), table 2: sheets of 80 x 100, audio of 92 x 42.
    seen = []
    for module in network.sheet_tower.stages:
        if isinstance(module, torch.nn.MaxPool2d):
            module.register_forward_hook(lambda m, i, o: seen.append(tuple(o.shape[1:])))
    network(*windows(c, 4))
    assert seen == [(24, 40, 50), (48, 20, 25), (96, 10, 12), (96, 5, 6)]
    kernels = [
        tuple(m.weight.shape[:2])
        for m in network.sheet_tower.modules()
        if isinstance(m, torch.nn.Conv2d)
    ]
    pairs = [(24, 1), (24, 24), (48, 24), (48, 48), (96, 48), (96, 96), (96, 96), (96, 96)]
    assert kernels == [*pairs, (32, 96)]
