"""The figure of a page: every head and onset is where it belongs, in its colour."""

import shutil

import numpy as np
import pytest
import synthetic_dataset
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import msmdtools as msmd
from msmdtools.base import drawing
from msmdtools.cli import main
from msmdtools.dataset import figure
from msmdtools.errors import DatasetError, MsmdError

FIRST, _ = synthetic_dataset.PIECES
SLOW, FAST = synthetic_dataset.PERFORMANCES_OF


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return synthetic_dataset.make(tmp_path_factory.mktemp("dataset"))


@pytest.fixture(scope="module")
def dataset(folder):
    return msmd.open(folder)


def _pixels(image, colour):
    return int((image == colour).all(axis=2).sum())


def test_the_figure_is_twice_as_wide_as_the_page(dataset):
    image = figure.show(dataset, FIRST)
    assert image.dtype == np.uint8
    assert image.shape[1:] == (2 * synthetic_dataset.WIDTH, 3)


def test_every_head_has_the_colour_of_its_role(dataset):
    piece = dataset[FIRST]
    for page in (1, 2):
        heads = piece.noteheads[piece.noteheads["page"] == page]
        roles = dict(zip(heads["notehead"], heads["role"], strict=True))
        colours = {head: drawing.ROLE_COLOURS[role] for head, role in roles.items()}
        canvas = figure.draw_page(piece, page, colours)
        # The first ink is the first system's outline; above it is a margin.
        top = 2 * piece.systems.loc[piece.systems["page"] == page, "y0"].min() - figure.PADDING
        shift = figure.MARGIN - top
        for head in heads.itertuples():
            x, y = round(head.x0 + head.x1), round(head.y0 + head.y1 + shift)
            assert tuple(canvas[y, x]) == colours[head.notehead], head


def test_roles_that_a_page_has_not_are_in_the_key_only(dataset):
    first, second = (figure.show(dataset, FIRST, page, color="role") for page in (1, 2))
    tied, silent = drawing.ROLE_COLOURS["tied"], drawing.ROLE_COLOURS["silent"]
    assert _pixels(first, tied) > _pixels(second, tied) > 0
    assert _pixels(second, silent) > _pixels(first, silent) > 0


@pytest.mark.parametrize("performance", [SLOW, FAST])
def test_each_onset_has_its_dot_on_the_spectrogram(dataset, performance):
    piece = dataset[FIRST]
    image = figure.show(dataset, FIRST, 1, performance)
    events = piece.events(performance)
    start, end = 0.0, events["onset_s"].iloc[20]  # page 2 begins with event 20
    right = end + figure.AROUND_S
    width = image.shape[1] - figure.LEFT - figure.MARGIN
    for event in events.iloc[:19].itertuples():
        (colour,) = drawing.time_colours([(event.onset_s - start) / (end - start)])
        x = figure.LEFT + event.onset_s / right * width
        column = image[-700 : -figure.BELOW, round(x) - 1 : round(x) + 1]
        assert (column == colour).all(axis=2).any(), event


def test_the_default_page_is_the_first_with_heads(dataset):
    np.testing.assert_array_equal(figure.show(dataset, FIRST), figure.show(dataset, FIRST, 1))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"page": 3}, f"{FIRST} has no page 3; its pages are 1 to 2"),
        ({"page": 0}, f"{FIRST} has no page 0; its pages are 1 to 2"),
        ({"performance": "x"}, f"{FIRST}: no performance 'x'; did you mean"),
        ({"color": "pitch"}, "color is onset or role, not 'pitch'"),
    ],
)
def test_what_is_not_there_is_an_error(dataset, arguments, words):
    with pytest.raises(MsmdError) as error:
        figure.show(dataset, FIRST, **arguments)
    assert str(error.value).startswith(words)


def test_an_unknown_piece_is_an_error(dataset):
    with pytest.raises(DatasetError, match="no piece 'BachJS__frist'"):
        figure.show(dataset, "BachJS__frist")


def test_a_page_without_music_is_drawn_without_sound(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "copy")
    synthetic_dataset.edit(copy, "noteheads", lambda rows: rows.clear())
    image = figure.show(msmd.open(copy), FIRST)
    assert image.shape[0] < figure.show(msmd.open(folder), FIRST).shape[0]


def test_the_command_writes_the_picture(folder, dataset, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, ["show", "page", str(folder), FIRST, "--page", "2"])
    assert result.exit_code == 0, result.output
    expected = figure.show(dataset, FIRST, 2)
    assert result.output == f"{FIRST}.png: {expected.shape[1]} x {expected.shape[0]} pixels\n"
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / f"{FIRST}.png")), expected)
    assert [path.name for path in tmp_path.iterdir()] == [f"{FIRST}.png"]


def test_a_piece_that_is_not_named(folder):
    result = CliRunner().invoke(main, ["show", "page", str(folder)])
    assert result.exit_code == 2
    assert f"PIECE is missing; {folder} has {', '.join(synthetic_dataset.PIECES)}." in " ".join(
        result.output.split()
    )


def test_names_that_are_no_pictures_are_refused(folder, tmp_path):
    for name, words in (("x.doc", "not the name of a picture"), ("no/x.png", "there is no folder")):
        out = tmp_path / name
        result = CliRunner().invoke(main, ["show", "page", str(folder), FIRST, "-o", str(out)])
        assert result.exit_code == 1
        assert f"Error: {out}: {words}" in result.output


def test_colours_of_time_grow_lighter_and_stay_dark_enough_for_paper():
    colours = np.array(drawing.time_colours(np.linspace(0, 1, 50)))
    luminance = colours @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(luminance) > -0.5).all()
    assert luminance[0] < 30
    assert luminance[-1] < 190


@given(low=st.floats(0, 1000), span=st.floats(0.05, 2000), most=st.integers(2, 12))
def test_ticks_are_round_even_and_few(low, span, most):
    ticks = drawing.ticks(low, low + span, most)
    assert len(ticks) <= most + 1
    assert all(low - 1e-6 <= tick <= low + span + 1e-6 for tick in ticks)
    steps = np.diff(ticks)
    assert np.allclose(steps, steps[:1])
