"""Weights in files, models by name, embeddings in numpy, and what is refused on the way."""

import json
import subprocess
import sys
import zipfile
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
safetensors = pytest.importorskip("safetensors.torch")

import msmdtools as msmd  # noqa: E402
from msmdtools.base import files, seal  # noqa: E402
from msmdtools.errors import MsmdError  # noqa: E402
from msmdtools.features import spectrogram  # noqa: E402
from msmdtools.models import bundle, config, model  # noqa: E402
from msmdtools.models.network import TwoTower  # noqa: E402

CONFIG = {
    "name": "tiny",
    "context_s": 0.8,
    "sheet": {"rows": 32, "columns": 48},
    "sheet_tower": {"kind": "residual", "stem": 4, "widths": [4], "blocks": [1], "head": 2},
    "audio_tower": {"kind": "vgg", "width": 2, "latent": 6},
    "attention": {"kind": "soft", "width": 2},
    "projection": {"kind": "cca", "dim": 5, "latent": 6},
    "loss": {"kind": "infonce"},
}
MADE = {"command": "msmd train", "pairs": 7}
ROWS, COLUMNS, FRAMES, DIM = 32, 48, 16, 5


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    network = TwoTower(config.from_mapping(CONFIG))
    network(*map(torch.from_numpy, windows(20, 1)))  # statistics of their own
    return network


@pytest.fixture
def path(network, tmp_path):
    return bundle.save(tmp_path, network, network.config, MADE)


@pytest.fixture
def tiny(path):
    return msmd.load_model(path)


def windows(n=9, seed=0):
    rng = np.random.default_rng(seed)
    sheets = rng.integers(0, 256, (n, ROWS, COLUMNS)).astype(np.uint8)
    return sheets, rng.random((n, 92, FRAMES)).astype(np.float16)


def refused(call, *arguments):
    with pytest.raises(MsmdError) as error:
        call(*arguments)
    return str(error.value)


def rewritten(path, metadata=None, **entries):
    """The file with other metadata."""
    with safetensors.safe_open(path, "pt") as file:
        about = seal.sealed(json.loads(file.metadata()["msmdtools"]) | entries)
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    safetensors.save_file(tensors, path, metadata or {"msmdtools": json.dumps(about)})
    return path


def test_a_file_has_all_that_a_model_is(network, path, tmp_path):
    assert path == tmp_path / "tiny.safetensors"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["tiny.safetensors"]
    (tmp_path / "other").touch()
    assert path.stat().st_mode == (tmp_path / "other").stat().st_mode
    again, found, made = bundle.load(path)
    assert found == network.config
    assert made == {"msmdtools": msmd.__version__, **MADE}
    assert not again.training
    for name, value in network.state_dict().items():
        assert torch.equal(again.state_dict()[name], value), name


def test_the_same_weights_make_the_same_file(network, path, tmp_path):
    other = bundle.save(tmp_path / "x" / "other.safetensors", network, network.config, MADE)
    assert other.read_bytes() == path.read_bytes()


@pytest.mark.parametrize(("bits", "least"), [(16, 0.99999), (8, 0.99)])
def test_fewer_bits_make_smaller_files_of_nearly_the_same_model(
    network, path, tmp_path, bits, least
):
    few = bundle.save(tmp_path / "few.safetensors", network, network.config, MADE, bits=bits)
    assert few.stat().st_size < path.stat().st_size
    sheets, sounds = windows()
    whole, small = msmd.load_model(path), msmd.load_model(few)
    assert (small.embed_sheet(sheets) * whole.embed_sheet(sheets)).sum(1).min() > least
    assert (small.embed_audio(sounds) * whole.embed_audio(sounds)).sum(1).min() > least


def test_of_8_bits_the_largest_weight_of_an_output_is_127(network, tmp_path):
    with torch.no_grad():
        network.sheet_tower.stem[0].weight[1] = 0
    few = bundle.save(tmp_path / "few.safetensors", network, network.config, MADE, bits=8)
    found = bundle.load(few)[0].state_dict()
    for name, value in network.state_dict().items():
        if value.ndim < 2:
            assert torch.equal(found[name], value)
            continue
        rows, differ = value.flatten(1).abs(), (found[name] - value).flatten(1).abs()
        assert (differ.amax(1) <= rows.amax(1) / 127 / 2 * 1.001).all(), name
    assert not found["sheet_tower.stem.0.weight"][1].any()


def test_a_model_gives_what_its_network_gives(network, tiny, monkeypatch):
    sheets, sounds = windows()
    network.eval()
    with torch.no_grad():
        u = network.embed_sheet(torch.from_numpy(sheets)).numpy()
        v = network.embed_audio(torch.from_numpy(sounds)).numpy()
        weights = network.attention(torch.from_numpy(sounds)).numpy()
    monkeypatch.setattr(model, "_CHUNK", 4)
    got = tiny.embed_sheet(sheets)
    assert (got.dtype, got.shape, tiny.dim, tiny.name) == (np.float32, (9, DIM), DIM, "tiny")
    np.testing.assert_allclose(got, u, atol=1e-5)
    np.testing.assert_allclose(tiny.embed_sheet(list(sheets)), u, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(got, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(tiny.embed_audio(sounds), v, atol=1e-5)
    np.testing.assert_allclose(tiny.embed_audio(list(sounds.astype(np.float32))), v, atol=1e-5)
    np.testing.assert_allclose(tiny.attention(sounds), weights, atol=1e-6)
    readonly = np.frombuffer(sheets.tobytes(), np.uint8).reshape(sheets.shape)
    np.testing.assert_allclose(tiny.embed_sheet(readonly), u, atol=1e-5)
    assert tiny.embed_sheet([]).shape == tiny.embed_audio([]).shape == (0, DIM)


def test_bfloat16_is_nearly_the_same(path):
    sheets, sounds = windows()
    exact, rounded = msmd.load_model(path), msmd.load_model(path, precision="bf16")
    for name, values in (("embed_sheet", sheets), ("embed_audio", sounds)):
        cosines = (getattr(exact, name)(values) * getattr(rounded, name)(values)).sum(1)
        assert cosines.min() > 0.97
    message = refused(msmd.load_model, path, None, "bf8")
    assert message == "precision is 'bf8'; it must be '32' or 'bf16'"


def test_a_waveform_is_the_window_around_its_middle_frame(tiny):
    rng = np.random.default_rng(0)
    wave = rng.integers(-20_000, 20_000, 30_000).astype(np.int16)  # 28 frames
    whole = spectrogram(wave)
    got = tiny.spectrograms([wave, wave[:5000]])
    assert got.shape == (2, 92, FRAMES)
    np.testing.assert_array_equal(got[0], whole[:, 6:22])  # frame 14 in the middle
    short = spectrogram(wave[:5000])  # 5 frames, of which number 2 is in the middle
    np.testing.assert_array_equal(got[1][:, 6:11], short)
    assert not got[1][:, :6].any() and not got[1][:, 11:].any()
    floats = wave / np.float64(32767)
    np.testing.assert_array_equal(tiny.spectrograms(floats[None]), got[:1])
    expected = tiny.embed_audio(got)
    np.testing.assert_array_equal(tiny.embed_audio([wave, wave[:5000]]), expected)
    exactly = tiny.spectrograms(wave[None, : FRAMES * 22_050 // 20])
    np.testing.assert_array_equal(exactly[0], spectrogram(wave[: FRAMES * 22_050 // 20]))


def test_windows_that_do_not_fit(tiny):
    sheets, sounds = windows()
    assert refused(tiny.embed_sheet, sheets[0]) == (
        "sheet windows have shape (32, 48); the model takes (n, 32, 48); add a first axis"
    )
    assert refused(tiny.embed_sheet, sheets[:, :, 1:]) == (
        "sheet windows have shape (9, 32, 47); the model takes (n, 32, 48)"
    )
    assert refused(tiny.embed_sheet, [sheets[0], sheets[1, 1:]]) == (
        "sheet windows: number 1 has shape (31, 48); the model takes (32, 48)"
    )
    assert refused(tiny.embed_sheet, sheets / 255) == (
        "sheet windows are float64; give uint8, 255 for white"
    )
    assert refused(tiny.embed_audio, sounds[..., 1:]) == (
        "spectrograms have shape (9, 92, 15); the model takes (n, 92, 16)"
    )
    assert refused(tiny.embed_audio, sounds[0]) == (
        "audio is one spectrogram; give spectrogram[np.newaxis]"
    )
    assert refused(tiny.embed_audio, sounds.astype(int)) == (
        "spectrograms are int64; give float16 or float32"
    )
    assert refused(tiny.embed_audio, [np.zeros(9, int)]) == (
        "a waveform is int64; give int16, or floats from -1 to 1"
    )
    assert refused(tiny.embed_audio, [np.zeros(9), np.zeros((2, 9))]) == (
        "a waveform has shape (2, 9); give mono audio, (samples,)"
    )
    assert refused(tiny.embed_audio, [np.full(9, 30_000.0)]) == (
        "a waveform of floats has values beyond -1 to 1; scale it, or give int16"
    )


def test_by_file_by_run_by_name(path, tmp_path, monkeypatch):
    run = tmp_path / "run"
    run.mkdir()
    assert refused(msmd.load_model, run) == (
        f"{run}: no weights.safetensors in this folder; name a run that msmd train has made"
    )
    path.rename(run / "weights.safetensors")
    assert msmd.load_model(run).name == "tiny"
    assert msmd.load_model(str(run / "weights.safetensors")).name == "tiny"
    assert refused(msmd.load_model, path) == f"{path}: no such file"
    assert refused(msmd.load_model, "compact-5s") == "no model compact-5s; did you mean compact-8s?"
    monkeypatch.setattr(model, "bundled", lambda: [])
    assert refused(msmd.load_model, "cnn-2s") == (
        "cnn-2s comes without weights; train it with msmd train SNIPPETS --model cnn-2s --out RUN "
        "and name RUN"
    )


def test_a_device_that_is_not_here(path):
    assert refused(msmd.load_model, path, "tpu9").startswith("device tpu9 cannot be used: ")
    if not torch.cuda.is_available():
        assert refused(msmd.load_model, path, "cuda").startswith("device cuda cannot be used: ")


@pytest.mark.parametrize("name", model.bundled())
def test_weights_that_come_along(name):
    found = msmd.load_model(name)
    assert found.name == name
    # How they were trained in their last part is their own.
    expected = config.load(name)
    assert replace(found.config, training=expected.training) == expected
    assert found.embed_sheet(np.full((1, *found.config.sheet_shape), 255, np.uint8)).shape[0] == 1


def test_weights_that_come_along_are_small():
    folder = model.find(model.bundled()[0]).parent if model.bundled() else None
    files = folder.glob("*.safetensors") if folder else ()
    assert sum(file.stat().st_size for file in files) <= 10_000_000


def test_files_that_are_no_weights(path):
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    message = refused(bundle.load, path)
    assert message.startswith(f"{path} is damaged, or not a safetensors file (")
    assert message.endswith("); copy it again, or train again")
    path.write_bytes(b"")
    assert "damaged, or not a safetensors file" in refused(bundle.load, path)
    broken = bytearray(whole)
    broken[-100] ^= 1
    path.write_bytes(broken)
    assert refused(bundle.load, path) == (
        f"{path} is damaged (its checksum does not match); copy it again, or train again"
    )


def test_no_byte_of_a_file_can_change_unseen(path):
    whole = path.read_bytes()
    length = 8 + int.from_bytes(whole[:8], "little")
    expected = bundle.load(path)
    random = np.random.default_rng(0)
    places = [*random.integers(0, length, 250), *random.integers(length, len(whole), 50)]
    seen = 0
    for place in places:
        broken = bytearray(whole)
        broken[place] ^= int(random.integers(1, 256))
        path.write_bytes(broken)
        try:
            found = bundle.load(path)
        except MsmdError as error:
            assert str(error).startswith(f"{path}")
            seen += 1
            continue
        # Blanks that fill the header up: nothing that is read has changed.
        assert found[1:] == expected[1:]
        for name, value in expected[0].state_dict().items():
            assert torch.equal(found[0].state_dict()[name], value), place
    assert seen > 280


def test_saying_more_of_how_weights_were_made(network, path):
    bundle.annotate(path, {"pairs": 8, "pieces": ["a"]})
    again, _, made = bundle.load(path)
    assert made == {"msmdtools": msmd.__version__, **MADE, "pairs": 8, "pieces": ["a"]}
    for name, value in network.state_dict().items():
        assert torch.equal(again.state_dict()[name], value), name


def test_weights_of_another_kind_or_version(path):
    whole = path.read_bytes()
    assert refused(bundle.load, rewritten(path, format=2)) == (
        f"{path}: weights of format 2, and this msmdtools reads 1; use the msmdtools they were made "
        "with, or train again"
    )
    assert refused(bundle.load, rewritten(path, metadata={"format": "pt"})) == (
        f"{path}: not weights of a model of msmdtools (its metadata have no entry "
        "'msmdtools'); name a file that msmd train wrote"
    )
    path.write_bytes(whole)
    assert refused(bundle.load, rewritten(path, config={})).startswith(
        f"{path}: its configuration is damaged: no name; "
    )


def test_weights_that_are_not_those_of_the_configuration(path):
    other = {**CONFIG, "projection": {"kind": "cca", "dim": 5, "latent": 7}}
    message = refused(bundle.load, rewritten(path, config=other))
    assert message == (
        f"{path}: its weights are not those of its configuration (audio_linear.bias, "
        "audio_linear.weight, cca.covariance1 and 6 more); use the msmdtools they were made with, "
        "or train again"
    )


def test_an_interrupted_save_leaves_what_was_there(network, path, monkeypatch):
    before = path.read_bytes()

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(files.os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        bundle.save(path, network, network.config, {"other": 1})
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == [path.name]


WITHOUT_TORCH = """
import sys
sys.modules["torch"] = None  # importing it fails
import msmdtools
from msmdtools.models import config, model
assert config.load("compact-4s").frames == 84  # configurations need no PyTorch
try:
    msmdtools.load_model("compact-4s")
except msmdtools.MsmdError as error:
    print(error)
"""


def test_without_pytorch():
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH], capture_output=True, text=True, check=True
    )
    assert done.stdout == "model compact-4s needs PyTorch: pip install 'torch>=2.4'\n"


def test_importing_the_package_imports_no_pytorch():
    program = "import sys, msmdtools, msmdtools.models.model; print('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"


def test_the_wheel_has_configurations_and_weights(repository, tmp_path):
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=repository,
        check=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    for name in config.names():
        assert f"msmdtools/models/configs/{name}.toml" in names
    for name in model.bundled():
        assert f"msmdtools/models/weights/{name}.safetensors" in names
