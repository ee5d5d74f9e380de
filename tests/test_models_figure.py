"""The figure of a model's attention, and `msmd show attention`."""

import cv2
import numpy as np
import pytest
import snippet_shards
from click.testing import CliRunner

torch = pytest.importorskip("torch")

from msmdtools.cli import main  # noqa: E402
from msmdtools.errors import MsmdError  # noqa: E402
from msmdtools.models import attention_figure as figure  # noqa: E402
from msmdtools.models import bundle, config, model  # noqa: E402
from msmdtools.models.network import TwoTower  # noqa: E402

TINY = {
    "name": "tiny",
    "context_s": 2.1,
    "sheet_tower": {"kind": "vgg", "width": 2},
    "audio_tower": {"kind": "vgg", "width": 2},
    "attention": {"kind": "soft", "width": 2},
    "projection": {"kind": "none"},
    "loss": {"kind": "ranking"},
}
CELL = 402 + figure.GAP


@pytest.fixture(scope="module")
def snippets(tmp_path_factory):
    return snippet_shards.write(tmp_path_factory.mktemp("snippets"), pieces=2, onsets=4, shards=1)


def saved(where, snippets=None, **tables):
    c = config.from_mapping({k: v for k, v in {**TINY, **tables}.items() if v})
    made = {"snippets": str(snippets)} if snippets else {}
    return bundle.save(where / "weights.safetensors", TwoTower(c), c, made)


def run(*arguments):
    return CliRunner().invoke(main, ["show", "attention", *map(str, arguments)])


def test_frames_are_tinted_and_drawn_by_their_weights(snippets, tmp_path, monkeypatch):
    found = model.load_model(saved(tmp_path))
    peaked = np.zeros((3, 42), np.float32)
    peaked[:, [10, 30]] = 0.75, 0.25
    monkeypatch.setattr(found, "attention", lambda sounds: peaked[: len(sounds)])
    image = figure.attention_figure(found, snippets, pairs=3)
    assert image.dtype == np.uint8
    assert image.shape[1] == 2 * figure.MARGIN + 3 * CELL - figure.GAP
    title = figure.MARGIN + figure.TITLE + figure.LABEL + 48
    middle = title + 320 + figure.MARK + 4
    foot = middle + 184 + figure.MARK
    attended = np.all(image == figure.ATTENDED, axis=2)
    for cell in range(3):
        left = figure.MARGIN + cell * CELL + 1
        curve = attended[foot : foot + figure.CURVE, left : left + 400]
        heights = curve.sum(0)[np.arange(42) * 400 // 42 + 5]
        assert heights.argmax() == 10
        # The line of even attention covers two or three pixels of each bar.
        assert (
            heights[10] >= figure.CURVE - 4
            and figure.CURVE // 3 - 4 <= heights[30] <= figure.CURVE // 3
        )
        assert set(np.flatnonzero(heights)) == {10, 30}
        # Saturation of the spectrogram.
        part = image[middle + 2 : middle + 180, left : left + 400].astype(int)
        colour = np.ptp(part, axis=2).max(0)[np.arange(42) * 400 // 42 + 5]
        assert colour[10] > 2 * colour[30] > 0
        assert not np.delete(colour, [10, 20, 21, 30]).any()


def test_the_choice_of_pairs_follows_the_seed(snippets, tmp_path):
    found = model.load_model(saved(tmp_path))
    images = [figure.attention_figure(found, snippets, pairs=2, seed=seed) for seed in (0, 0, 1)]
    assert np.array_equal(images[0], images[1])
    assert not np.array_equal(images[0], images[2])


def test_the_command(snippets, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "run"
    folder.mkdir()
    saved(folder, snippets)
    result = run(folder, "--pairs", 5, "-o", "x.png")
    assert result.exit_code == 0, result.output
    image = cv2.imread("x.png")
    assert result.output == f"x.png: {image.shape[1]} x {image.shape[0]} pixels\n"
    assert run(folder).output.startswith("run.png: ")
    elsewhere = run(folder, "--snippets", snippets, "--split", "train", "--pairs", 5)
    assert elsewhere.exit_code == 0
    assert np.array_equal(cv2.imread("run.png"), image)


def test_snippets_are_the_first_that_are_here_of_those_trained_on(snippets, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a, b").symlink_to(snippets)
    for trained_on in (f"elsewhere, {snippets}, {tmp_path}", "a, b"):
        result = run(saved(tmp_path, trained_on), "--pairs", 1, "-o", "x.png")
        assert result.exit_code == 0, result.output


@pytest.mark.parametrize(
    ("trained_on", "reason"),
    [
        (None, "does not say what it was trained on"),
        ("synthetic", "was trained on made-up pairs, which no folder has"),
        ("one, other", "was trained on one, other, which is not here"),
    ],
)
def test_snippets_are_asked_for(trained_on, reason, tmp_path):
    path = saved(tmp_path, trained_on)
    result = run(path)
    assert result.exit_code == 2
    assert result.output.endswith(f"Error: {path} {reason}; give --snippets FOLDER.\n")


def test_what_is_refused(snippets, tmp_path):
    path = saved(tmp_path)
    assert "--color is for msmd show page." in run(path, "--color", "role").output
    assert "--augment is for msmd show snippets." in run(path, "--augment").output
    assert "unexpected extra argument (P)" in run(path, "P").output
    path = saved(tmp_path, snippets, attention=None)
    result = run(path)
    assert result.exit_code == 1
    assert result.output == "Error: tiny has no attention; cnn-2s-at is a model that has one\n"
    with pytest.raises(MsmdError, match="--pairs is 0; it must be at least 1"):
        figure.attention_figure(model.load_model(path), snippets, pairs=0)
