"""Windows at one staff height: how high staves are, pages that are resized, and that all rooms do it alike."""

import random
from pathlib import Path
from types import SimpleNamespace

import build_fakes
import cv2
import numpy as np
import pandas as pd
import pikepdf
import pyarrow.parquet as pq
import pytest
import synthetic_dataset
from PIL import Image

import msmdtools
from msmdtools.dataset.piece import DatasetPiece
from msmdtools.engrave import verovio
from msmdtools.engrave.pages import render_pages
from msmdtools.follow.axis import axis
from msmdtools.inputs import pages
from msmdtools.inputs.pictures import engraved_page
from msmdtools.match.encoding import match_encoding
from msmdtools.models.model import load_model
from msmdtools.paper.axis import Paged, axis_of
from msmdtools.paper.staff_height import (
    STAFF_HEIGHT,
    resized,
    resized_shape,
    staff_height,
    staff_heights,
)
from msmdtools.paper.strip import unroll
from msmdtools.search.windows import sheet_windows
from msmdtools.snippets import export
from msmdtools.snippets.options import SnippetOptions
from msmdtools.snippets.validate import validate

FIRST = synthetic_dataset.PIECES[0]
EDGES = ["x0", "y0", "x1", "y1"]


def boxes(*heights: float, length: float = 700.0) -> list[tuple[float, float, float, float]]:
    return [
        (50.0, 100.0 * n, 50.0 + length, 100.0 * n + height) for n, height in enumerate(heights)
    ]


@pytest.mark.parametrize(
    ("heights", "expected"),
    [
        ((28.0, 28.5, 28.5), 28.5),
        ((20.0, 28.5, 28.5), 28.5),  # a small staff above a piano's two
        ((28.5, 54.0), 28.5),  # a tablature below a staff
        ((0.7, 28.5, 0.7, 28.5, 0.7), 28.5),  # drums on a single line
        ((0.7, 0.7), None),
        ((), None),
    ],
)
def test_height_of_the_staves_of_a_page(heights: tuple[float, ...], expected: float | None) -> None:
    assert staff_height(boxes(*heights)) == expected


def test_each_page_has_its_own_height() -> None:
    rows = [
        (page, *box) for page, height in ((1, 28.0), (2, 14.0), (3, 0.7)) for box in boxes(height)
    ]
    assert staff_heights(pd.DataFrame(rows, columns=["page", *EDGES])) == {1: 28.0, 2: 14.0}


def test_pages_that_differ_little_keep_their_shape() -> None:
    for scale, shape in ((1.0199, (1181, 835)), (0.9801, (1181, 835)), (1.0201, (1205, 852))):
        assert resized_shape((1181, 835), STAFF_HEIGHT / scale, STAFF_HEIGHT) == shape
    assert resized_shape((1181, 835), 2 * STAFF_HEIGHT, None) == (1181, 835)
    assert resized_shape((1181, 835), 2 * STAFF_HEIGHT, STAFF_HEIGHT) == (590, 418)
    assert resized_shape((100, 80), STAFF_HEIGHT / 1.25, STAFF_HEIGHT) == (125, 100)


def test_a_page_that_shrinks_to_half_has_the_means_of_its_pixels() -> None:
    page = np.random.default_rng(0).integers(0, 256, (40, 60), np.uint8)
    assert np.array_equal(resized(page.repeat(2, 0).repeat(2, 1), (40, 60)), page)
    assert resized(page, (40, 60)) is page


def enlarged(piece: DatasetPiece, times: int = 2) -> Paged:
    """The piece on larger pages: every pixel becomes several."""
    systems = piece.systems.copy()
    systems[EDGES] *= times
    return SimpleNamespace(
        piece=piece.piece,
        pages=[page.repeat(times, 0).repeat(times, 1) for page in piece.pages],
        systems=systems,
        staff_heights=staff_heights(systems),
    )


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """The synthetic dataset, its staves as high as those of windows."""
    return synthetic_dataset.make(tmp_path / "dataset")


def test_strip_and_axis_do_not_depend_on_the_size_of_pages(dataset: Path) -> None:
    piece = msmdtools.open(dataset)[FIRST]
    height = piece.staff_heights[1]
    large = enlarged(piece)
    assert large.staff_heights == {1: 2 * height, 2: 2 * height}
    small_strip, strip = unroll(piece, 160, 200, height), unroll(large, 160, 200, height)
    assert np.array_equal(strip.image, small_strip.image)
    small_axis, large_axis = axis_of(piece, height), axis_of(large, height)
    assert large_axis.begins.tolist() == small_axis.begins.tolist()
    assert large_axis.scale.tolist() == [0.5] * 4
    assert large_axis.lefts.tolist() == (2 * small_axis.lefts).tolist() == [40.0] * 4
    assert large_axis.rights.tolist() == [800.0] * 4
    along = np.linspace(0, small_axis.length, 91)
    small_places, places = small_axis.on_pages(along), large_axis.on_pages(along)
    assert places.x.tolist() == (2 * small_places.x).tolist()
    assert places.y.tolist() == (2 * small_places.y).tolist()
    inside = along[:-1]
    assert large_axis.strip(places.system[:-1], places.x[:-1]) == pytest.approx(inside, abs=1e-9)
    # Without a staff height, pages are as they are.
    assert axis_of(large, None).begins.tolist() == (2 * small_axis.begins).tolist()


def test_windows_of_search_and_following_do_not_depend_on_the_size_of_pages(dataset: Path) -> None:
    piece = msmdtools.open(dataset)[FIRST]
    large = enlarged(piece)
    # The pages of the dataset, 29 px, stay as they are; those of the other are brought to 28.65 px.
    found, usual = (sheet_windows(sheet, (80, 100), 20) for sheet in (large, piece))
    scale = STAFF_HEIGHT / 29
    assert len(found.x) == round(len(usual.x) * scale)
    n = np.arange(len(found.x))
    centres = 10 + 20 * n
    assert found.x == pytest.approx(axis(large).on_pages(centres).x)
    strip = unroll(large, 80, 100).image
    for number in (0, 7, len(n) - 1):
        begin = 100 + int(centres[number]) - 50
        assert np.array_equal(found.images[number], strip[:, begin : begin + 100])
    # A system takes whole pixels of the axis.
    assert axis(large).boxes() == pytest.approx(
        2 * axis(piece).boxes(), abs=1 / axis(large).scale[0]
    )
    assert axis(large).heights().tolist() == (2 * axis(piece).heights()).tolist()


def test_a_sheet_that_was_read_is_not_resized_again(dataset: Path) -> None:
    piece = msmdtools.open(dataset)[FIRST]
    sheet = pages.Sheet(
        "read",
        piece.pages,
        piece.systems,
        [np.eye(2, 3)] * 2,
        piece.pages,
        [(420.0, 500.0)] * 2,
        [None] * 2,
    )
    assert sheet.staff_heights == {1: STAFF_HEIGHT, 2: STAFF_HEIGHT}
    assert axis_of(sheet).scale.tolist() == [1.0] * 4


def test_boxes_of_whole_systems_are_not_taken_for_staves(dataset: Path) -> None:
    opened = msmdtools.open(dataset)
    assert opened[FIRST].staff_heights == {1: 29.0, 2: 29.0}
    opened.description["imported"] = {"format": "msmd"}
    assert opened[FIRST].staff_heights == {1: 29.0, 2: 29.0}  # two staves in a system are known
    synthetic_dataset.edit(dataset, "systems", _joined)
    opened = msmdtools.open(dataset)
    opened.description["imported"] = {"format": "msmd"}
    assert opened[FIRST].staff_heights == {}
    # Of such pages the width counts: 420 px for 835.
    assert axis_of(opened[FIRST]).scale == pytest.approx([835 / 420] * 4)


def _joined(rows: list[dict]) -> None:
    """Makes of the two boxes of a system one around both."""
    lower = {(row["piece"], row["system"]): row["y1"] for row in rows if row["staff"] == 2}
    rows[:] = [
        row | {"y1": lower[row["piece"], row["system"]]} for row in rows if row["staff"] == 1
    ]


def _doubled(dataset: Path) -> None:
    """Makes the pages of a dataset twice as large, with everything on them."""
    sums = {}
    for piece in synthetic_dataset.PIECES:
        for path in sorted((dataset / "pieces" / piece).glob("page-*.png")):
            page = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
            cv2.imwrite(str(path), page.repeat(2, 0).repeat(2, 1))
            sums[piece, path.name] = path

    def files(rows: list[dict]) -> None:
        for row in rows:
            if (path := sums.get((row["piece"], row["file"]))) is not None:
                row["bytes"], row["sha256"] = path.stat().st_size, synthetic_dataset._sha256(path)

    def places(rows: list[dict]) -> None:
        for row in rows:
            row.update({edge: 2 * row[edge] for edge in EDGES})

    synthetic_dataset.edit(dataset, "files", files)
    for table in ("systems", "noteheads", "measures"):
        synthetic_dataset.edit(dataset, table, places)


def _cut(dataset: Path, out: Path, **more: object) -> pd.DataFrame:
    """Cuts snippets; their rows without spectrograms."""
    description = dataset / "dataset.json"
    text = description.read_text()
    if '"state"' not in text:
        description.write_text(text[:-1] + ', "state": "complete"}')
    split = dataset.parent / "split.csv"
    split.write_text("piece,split\n" + "".join(f"{p},test\n" for p in synthetic_dataset.PIECES))
    export.export(
        dataset,
        out,
        SnippetOptions(split=f"{split}:split", sheet=(80, 100), **more),
        warn=lambda _: None,
    )
    assert validate(out, dataset).ok
    columns = ["snippet", "system", "x", "y", "strip_x", "sheet"]
    return pq.read_table(next(out.glob("data/*.parquet")), columns=columns).to_pandas()


def test_snippets_do_not_depend_on_the_size_of_pages(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "Pool", build_fakes.InlinePool)
    small = _cut(dataset, tmp_path / "small", staff_height=29.0)
    as_they_are = _cut(dataset, tmp_path / "as-they-are", staff_height=None)
    doubled = synthetic_dataset.make(tmp_path / "doubled")
    _doubled(doubled)
    large = _cut(doubled, tmp_path / "large", staff_height=29.0)
    assert large["sheet"].tolist() == small["sheet"].tolist()
    assert large["strip_x"].tolist() == small["strip_x"].tolist()
    # Places on the page stay places on the page.
    assert large["x"].tolist() == (2 * small["x"]).tolist()
    assert large["y"].tolist() == (2 * small["y"]).tolist()
    assert len(as_they_are) == len(small)


def _music(bars: int) -> str:
    """Two staves of crotchets in Humdrum, drawn at random."""
    draw = random.Random(3)
    rows = ["**kern\t**kern", "*staff2\t*staff1", "*clefF4\t*clefG2", "*M4/4\t*M4/4"]
    for bar in range(1, bars + 1):
        rows.append(f"={bar}\t={bar}")
        rows += [f"4{draw.choice('CDEFGAB')}\t4{draw.choice('cdefgab')}" for _ in range(4)]
    return "\n".join([*rows, "*-\t*-"]) + "\n"


PLACES = [(system, x) for system in (1, 2, 3) for x in range(60, 540, 40)]


def _windows(sheet: Paged, scale: float, staff_height: float | None = STAFF_HEIGHT) -> np.ndarray:
    """Windows at the places of a page 835 px wide, on a page that shows it `scale` times as large."""
    strip = unroll(sheet, 160, 200, staff_height)
    return np.stack(
        [
            strip.window(system, float(strip.axis.strip(system, scale * x)), 200, "white")
            for system, x in PLACES
        ]
    )


def _near(similarities: np.ndarray) -> bool:
    """Whether embeddings are nearly the same: of all windows, and of most of them even more so."""
    return bool(similarities.min() > 0.94 and np.median(similarities) > 0.98)


def _scaled(pdf: Path, scale: float, out: Path) -> Path:
    """The PDF with everything on its pages smaller, on paper of the same size."""
    with pikepdf.open(pdf) as document:
        for page in document.pages:
            height = float(page.mediabox[3])
            shift = height * (1 - scale)
            page.contents_add(f"q {scale} 0 0 {scale} 0 {shift} cm\n".encode(), prepend=True)
            page.contents_add(b"\nQ")
        document.save(out)
    return out


def test_smaller_and_larger_staves_have_nearly_the_same_embeddings(tmp_path: Path) -> None:
    engraving = verovio.engrave(_music(16), "kern", tmp_path)
    staves = pd.DataFrame(
        [
            {name: getattr(staff, name) for name in ("page", "system", "staff", *EDGES)}
            for staff in match_encoding(engraving).staves
        ]
    )

    def drawn(width: int) -> Paged:
        """The pages with staves that are as much smaller as `width` is than 835."""
        (tmp_path / str(width)).mkdir()
        files, _, _ = render_pages([engraving.pdf], tmp_path / str(width), width, 1)
        systems = staves.copy()
        systems[EDGES] *= width / 835
        images = [cv2.imread(str(file), cv2.IMREAD_UNCHANGED) for file in files]
        return SimpleNamespace(
            piece=str(width), pages=images, systems=systems, staff_heights=staff_heights(systems)
        )

    model = load_model("compact-4s", device="cpu")
    usual = model.embed_sheet(_windows(drawn(835), 1))

    def similarity(sheet: Paged, *how: float | None) -> np.ndarray:
        return (model.embed_sheet(_windows(sheet, *how)) * usual).sum(axis=1)

    # A piece of a dataset whose pages have smaller or larger staves.
    for width in (668, 1002):
        sheet = drawn(width)
        assert _near(similarity(sheet, width / 835))
        assert np.median(similarity(sheet, width / 835, None)) < 0.9
    # The same print as a PDF, where staves are found and the page is drawn anew.
    for scale in (1.0, 0.8, 0.7):
        sheet = pages.read_sheet(_scaled(engraving.pdf, scale, tmp_path / f"{scale}.pdf"))
        assert _near(similarity(sheet, scale / sheet.to_picture[0][0, 0]))


def test_a_scanned_page_is_not_drawn_anew(tmp_path: Path) -> None:
    engraving = verovio.engrave(_music(4), "kern", tmp_path)
    page = Image.open(engraving.pages[0])
    page.save(tmp_path / "scan.pdf", resolution=100)
    assert engraved_page(tmp_path / "scan.pdf", 1, 835) is None
    assert np.array_equal(engraved_page(engraving.pdf, 1, 835), np.asarray(page))
