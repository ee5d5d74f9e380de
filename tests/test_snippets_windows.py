"""Where onsets are, what the windows around them show, and which performances are for what."""

import json
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pandas as pd
import pytest
import synthetic_dataset
from hypothesis import given
from hypothesis import strategies as st

import msmdtools
from msmdtools.errors import MsmdError
from msmdtools.features.spectrogram import BANDS
from msmdtools.paper.strip import begin, encode_png, unroll
from msmdtools.snippets.onsets import find_onsets
from msmdtools.snippets.options import SnippetOptions, parse_options, read_config
from msmdtools.snippets.prepare import STEP, audio_window, padded
from msmdtools.splits.performances import performances_by_split
from msmdtools.splits.splits import SplitByWork

COLUMNS = synthetic_dataset.COLUMNS
FIRST = synthetic_dataset.PIECES[0]


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    return synthetic_dataset.make(tmp_path / "dataset")


def edit_heads(dataset: Path, change) -> None:
    synthetic_dataset.edit(
        dataset,
        "noteheads",
        lambda rows: [change(row) for row in rows if row["piece"] == FIRST],
    )


def test_onsets_are_at_the_mean_of_their_heads(dataset: Path) -> None:
    def aside(row: dict) -> None:  # the lower head of the first chord, 8 px to the right
        if row["system"] == 1 and row["staff"] == 2 and row["onset_quarters"] == 0:
            row["x0"] += 8
            row["x1"] += 8

    edit_heads(dataset, aside)
    onsets = find_onsets(msmdtools.open(dataset)[FIRST])
    # 32 quarters, of which one is a cue that does not sound; one more event has no head.
    assert onsets.total == COLUMNS * 4
    assert onsets.dropped == {}
    assert onsets.x[:3].tolist() == [74.5, 110.5, 150.5]
    assert onsets.heads[:5].tolist() == [2, 1, 1, 1, 2]
    assert onsets.system.tolist()[:9] == [1] * 8 + [2]
    # Staff lines from 40 to 64 and from 120 to 145 in the first system.
    assert onsets.y[0] == (40 + 145) / 2


def test_an_onset_without_a_head_is_between_its_neighbours(dataset: Path) -> None:
    def silence(row: dict) -> None:  # the second quarter's head is hidden
        if row["system"] == 1 and row["onset_quarters"] == 1:
            row |= {"role": "silent", "reason": "hidden", "event": -1, "events": []}

    edit_heads(dataset, silence)
    onsets = find_onsets(msmdtools.open(dataset)[FIRST])
    assert onsets.onset[1] == 1
    assert onsets.heads[1] == 0
    assert onsets.x[1] == pytest.approx((70.5 + 150.5) / 2)
    assert onsets.total == len(onsets)


def test_the_system_with_most_heads_counts(dataset: Path) -> None:
    def elsewhere(row: dict) -> None:  # the lower head of the first chord is in the next system
        if row["system"] == 1 and row["staff"] == 2 and row["onset_quarters"] == 0:
            row |= {"system": 2, "x0": 300.0, "x1": 311.0}

    edit_heads(dataset, elsewhere)
    onsets = find_onsets(msmdtools.open(dataset)[FIRST])
    assert (onsets.system[0], onsets.x[0], onsets.heads[0]) == (1, 70.5, 2)


@given(st.floats(-1e4, 1e4), st.integers(1, 500))
def test_a_window_is_centred_to_half_a_pixel(centre: float, size: int) -> None:
    assert abs(begin(centre, size) + size / 2 - centre) <= 0.5 + 1e-6


def test_the_strip_goes_on_from_system_to_system(dataset: Path) -> None:
    piece = msmdtools.open(dataset)[FIRST]
    strip = unroll(piece, 80, 100)
    width = 420 - 40
    assert strip.image.shape == (80, 4 * width + 200)
    assert strip.axis.strip(1, 20.0) == 0
    assert strip.axis.strip(3, 70.5) == 2 * width + 50.5
    assert (strip.image[:, :100] == 255).all()
    page = piece.pages[1]  # system 3 is the first of page 2: rows 92.5 ± 40
    expected = page[53:133, 80:120]
    assert np.array_equal(strip.window(3, strip.axis.strip(3, 100.0), 40), expected)
    assert expected.min() == 0


def test_beside_a_system_is_the_next_one_or_white(dataset: Path) -> None:
    piece = msmdtools.open(dataset)[FIRST]
    strip = unroll(piece, 160, 100)
    place = strip.axis.strip(2, 30.0)  # ten pixels right of the second system's left end
    for edge, dark in (("next", True), ("white", False)):
        window = strip.window(2, place, 100, edge)
        assert (window[:, :40].min() == 0) == dark
        assert window[:, 40:].min() == 0


def test_a_system_higher_than_the_page_has_left_is_padded(dataset: Path) -> None:
    piece = msmdtools.open(dataset)[FIRST]
    strip = unroll(piece, 600, 50)
    window = strip.window(1, strip.axis.strip(1, 200.0), 50)
    assert (window[:207] == 255).all()  # the system's middle, 92.5, is at row 300
    assert np.array_equal(window[207:], piece.pages[0][:393, 175:225])


def test_no_two_places_near_the_ends_have_one_window(dataset: Path) -> None:
    piece = msmdtools.open(dataset)[FIRST]
    onsets = find_onsets(piece)
    # Noise: no two places of such a page look alike.
    noise = np.random.default_rng(0).integers(0, 256, (2, 500, 420), np.uint8)
    sheet = SimpleNamespace(
        piece=FIRST, pages=noise, systems=piece.systems, staff_heights=piece.staff_heights
    )
    strip = unroll(sheet, 192, 232)
    windows = [
        strip.window(int(s), float(strip.axis.strip(s, x)), 232).tobytes()
        for s, x in zip(onsets.system, onsets.x, strict=True)
    ]
    assert len(set(windows)) == len(onsets)


@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(1, 40))
def test_png_is_without_loss(seed: int, rows: int, columns: int) -> None:
    image = np.random.default_rng(seed).integers(0, 256, (rows, columns), np.uint8)
    png = np.frombuffer(encode_png(image), np.uint8)
    assert np.array_equal(cv2.imdecode(png, cv2.IMREAD_UNCHANGED), image)


def test_audio_is_centred_on_the_frame_and_padded_with_silence() -> None:
    info = SnippetOptions(context_s=0.5, margin_frames=1).info(835, "")
    assert info.spectrogram_shape == (BANDS, 12)
    source = np.tile(np.arange(1, 21, dtype=np.float16), (BANDS, 1))
    whole = padded(source, info)
    assert audio_window(whole, 0, info)[0].tolist() == [0] * 6 + [1, 2, 3, 4, 5, 6]
    assert audio_window(whole, 10, info)[0].tolist() == list(range(5, 17))
    assert audio_window(whole, 19, info)[0].tolist() == [*range(14, 21), 0, 0, 0, 0, 0]
    assert audio_window(whole, 200, info).max() == 0


@given(st.lists(st.floats(0, 4, width=16), min_size=1, max_size=50))
def test_rounding_leaves_large_values_alone(values: list[float]) -> None:
    info = SnippetOptions(context_s=0.5, margin_frames=0).info(835, "")
    source = np.tile(np.array(values, np.float16), (BANDS, 1))
    rounded = padded(source, info)[:, 10:-10]
    assert np.abs(rounded.astype(float) - source.astype(float)).max() <= STEP / 2
    assert np.array_equal(rounded[source >= 0.25], source[source >= 0.25])


def test_windows_grow_with_the_page() -> None:
    info = SnippetOptions(staff_height=None).info(1670, "")
    assert info.sheet_shape == (2 * 192, 2 * 232)
    assert (info.rows, info.columns, info.margin_rows) == (320, 400, 32)


def test_windows_of_one_staff_height_have_one_size_whatever_the_width_of_pages() -> None:
    infos = [SnippetOptions().info(width, "") for width in (835, 1670)]
    assert {info.sheet_shape for info in infos} == {(192, 232)}
    assert {info.staff_height for info in infos} == {28.65}


@pytest.mark.parametrize(
    ("text", "height"), [("none", None), ("None", None), ("20", 20.0), (57.3, 57.3)]
)
def test_staff_height_in_texts(text: object, height: float | None) -> None:
    assert parse_options({"staff_height": text}).staff_height == height


def performances(*names: str) -> pd.DataFrame:
    rows = [{"performance": n, "soundfont": n.split("-")[0], "soundfont_sha256": ""} for n in names]
    return pd.DataFrame(rows)


def test_fonts_of_both_roles_are_kept_apart_by_default() -> None:
    said: list[str] = []
    table = performances("TimGM6mb-000_x1.00", "FluidR3_GM-000_x1.00", "Mine-000_x1.00")
    train = ("Mine-000_x1.00", "TimGM6mb-000_x1.00")
    expected = {"train": train, "valid": train, "test": ("FluidR3_GM-000_x1.00",)}
    assert performances_by_split(table, {}, said.append) == expected
    assert said == []


def test_one_font_in_all_splits_is_said() -> None:
    said: list[str] = []
    chosen = performances_by_split(performances("FluidR3_GM-000_x1.00"), {}, said.append)
    assert set(chosen.values()) == {("FluidR3_GM-000_x1.00",)}
    assert len(said) == 1
    assert "FluidR3_GM" in said[0]


def test_one_font_under_two_names_is_found_out() -> None:
    table = performances("a-000_x1.00", "b-000_x1.00").assign(soundfont_sha256="5f")
    with pytest.raises(MsmdError, match=r"soundfont a is in training \(a-000_x1\.00\)"):
        performances_by_split(table, {"train": ("a*",), "test": ("b*",)}, print)


def test_options_from_toml(tmp_path: Path) -> None:
    (tmp_path / "pieces.csv").write_text("piece,split\n")
    file = tmp_path / "snippets.toml"
    file.write_text(
        'dataset = "ds"\nsplit = "pieces.csv:split"\nsheet = [80, 100]\ncontext = 4.2\n'
        'onsets = "every:3"\nshard-size = "1MB"\n[performances]\ntrain = ["a*", "b*"]\ntest = "c*"\n'
    )
    values = read_config(file)
    assert values.pop("dataset") == str(tmp_path / "ds")
    options = parse_options(values)
    assert options.split == f"{tmp_path / 'pieces.csv'}:split"
    assert options.performances == {"train": ("a*", "b*"), "test": ("c*",)}
    assert (options.sheet, options.context_s, options.shard_bytes) == ((80, 100), 4.2, 1 << 20)
    assert options.info(835, "").every == 3


def test_a_split_by_work_is_the_default() -> None:
    assert parse_options({"seed": 3}).split == SplitByWork(seed=3)
    assert parse_options({"fractions": "0.5,0.2,0.3"}).split == SplitByWork((0.5, 0.2, 0.3))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"sheet": "160"}, "sheet: '160' is not ROWSxCOLUMNS, such as 160x200"),
        ({"staff_height": "tall"}, "staff_height: 'tall' is not a number of pixels, such as 28.65"),
        ({"staff_height": 3}, "staff_height: 3.0 is not allowed; give from 4 to 1000, or none"),
        ({"onsets": "every:0"}, "onsets: 'every:0' is not allowed; give all, first or every:N"),
        ({"split": "a:b", "split_by": "work"}, "give either split, or split_by and fractions"),
        ({"fractions": "1"}, "fractions: '1' is not three numbers, such as 0.8,0.05,0.15"),
        ({"performances": "dev=a"}, "performances: 'dev=a' is not SPLIT=GLOB,… with splits "),
        ({"edge": "black"}, "edge: 'black' is not allowed; give next or white"),
    ],
)
def test_wrong_options(values: dict, message: str) -> None:
    with pytest.raises(MsmdError) as raised:
        parse_options(values)
    assert str(raised.value).startswith(message)


def test_description_of_the_windows_is_plain_json() -> None:
    info = SnippetOptions().info(835, "0" * 64)
    assert json.loads(json.dumps(info.to_json())) == info.to_json()
