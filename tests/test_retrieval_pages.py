"""Systems found in pictures, sheets of pictures and PDFs, and plain folders."""

import cv2
import numpy as np
import pytest
import soundfile
import synthetic_dataset
from PIL import Image

import msmdtools
from msmdtools.errors import MsmdError
from msmdtools.follow import axis
from msmdtools.inputs import pages, pictures
from msmdtools.paper import systems
from msmdtools.search import sources, windows

SPACE = 7


def page(width=835, height=700, tops=(60, 260, 460), joined=True, left=60, angle=0.0):
    """A page of drawn systems of two staves, with bar lines, heads and beams."""
    image = np.full((height, width), 255, np.uint8)
    for top in tops:
        for staff in (0, 70):
            for k in range(5):
                image[top + staff + SPACE * k, left : width - 40] = 60
            for x in range(left + 40, width - 80, 37):
                image[top + staff + x % 21 : top + staff + x % 21 + 6, x : x + 8] = 0
            image[top + staff + 50 : top + staff + 54, left + 100 : left + 220] = 0  # a beam
        for x in (left, 400, width - 41) if joined else ():
            image[top : top + 70 + 4 * SPACE + 1, x] = 0
    return np.asarray(systems.turn(image, angle, 255), np.uint8) if angle else image


def boxes(layout):
    return [(min(s.x0 for s in y), y[0].y0, max(s.x1 for s in y), y[-1].y1) for y in layout.systems]


@pytest.mark.parametrize("angle", [0.0, -1.5])
def test_every_system_is_found_whatever_the_angle(angle):
    layout = systems.find_systems(page(angle=angle))
    assert layout.angle == pytest.approx(-angle, abs=0.05)
    assert [len(system) for system in layout.systems] == [2, 2, 2]
    assert layout.space == pytest.approx(SPACE, abs=0.05)
    for found, top in zip(boxes(layout), (60, 260, 460), strict=True):
        expected = (60, top, 795, top + 70 + 4 * SPACE + 1)
        assert found == pytest.approx(expected, abs=2.5)


def test_staves_that_nothing_joins_are_paired_by_distance_or_stand_alone():
    paired = systems.find_systems(page(joined=False))
    assert [len(system) for system in paired.systems] == [2, 2, 2]
    even = systems.find_systems(page(joined=False, tops=(60, 200, 340)))
    assert [len(system) for system in even.systems] == [1] * 6


def test_pictures_without_staves():
    noise = np.random.default_rng(0).integers(0, 255, (400, 500)).astype(np.uint8)
    ruled = np.full((400, 500), 255, np.uint8)
    ruled[20:380:9, 30:470] = 0
    for picture in (noise, ruled, np.full((300, 300), 255, np.uint8), np.zeros((4, 4), np.uint8)):
        assert systems.find_systems(picture).systems == ()
    with pytest.raises(
        MsmdError, match=r"^the picture: no staves found; give a picture of printed"
    ):
        pages.make_sheet([noise], "x")


def test_a_sheet_has_the_scale_of_training_and_places_on_the_picture():
    """A picture of twice the size gives the same windows, at places twice as far."""
    small = page()
    large = np.kron(small, np.ones((2, 2), np.uint8))
    sheet, other = (pages.make_sheet([picture], "p") for picture in (small, large))
    assert other.pages[0].shape == pytest.approx(small.shape, rel=0.02)
    found = [windows.sheet_windows(s, (160, 200), 50) for s in (sheet, other)]
    assert list(found[0].system) == list(found[1].system)
    # Systems whose ends are found half a pixel further add up along the strip.
    assert found[1].x / 2 == pytest.approx(found[0].x, abs=8)
    assert found[1].y / 2 == pytest.approx(found[0].y, abs=1)
    assert np.array_equal(sheet.pages[0], small)  # what is as training pages are stays as it is
    x, y = sheet.on_picture(np.array([1]), np.array([100.0]), np.array([50.0]))
    assert (x[0], y[0]) == pytest.approx((100, 50))


def test_places_on_a_turned_picture_are_on_its_systems():
    sheet = pages.make_sheet([page(angle=2.0)], "p")
    found = windows.sheet_windows(sheet, (160, 200), 50)
    first = found.system == 1
    slope = np.polyfit(found.x[first], found.y[first], 1)[0]
    assert slope == pytest.approx(-np.tan(np.radians(2)), abs=0.003)


def photographed(picture, corners, bend=0.0):
    """A photo of a page with stems, whose corners are moved by so many px, and where its places are."""
    drawn = picture.copy()
    for top in (60, 260, 460):
        for x in range(90, 780, 25):
            for staff in (0, 70):
                drawn[top + staff - 10 : top + staff + 20, x] = 0
    large = cv2.resize(drawn, None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR)
    height, width = large.shape
    edges = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    plane = cv2.getPerspectiveTransform(edges, edges + 2 * np.array(corners, np.float32) + 60)
    size = (width + 120, height + 120)
    x, y = np.meshgrid(*(np.arange(n, dtype=np.float32) for n in size))
    lower = 2 * bend * np.sin(np.pi * x / size[0])
    back = np.stack([x, y - lower, np.ones_like(x)], axis=-1) @ np.linalg.inv(plane).T
    seen = cv2.remap(
        large,
        np.float32(back[..., 0] / back[..., 2]),
        np.float32(back[..., 1] / back[..., 2]),
        cv2.INTER_LINEAR,
        borderValue=200,
    )
    light = np.linspace(0.75, 0.95, size[0])
    _, encoded = cv2.imencode(".jpg", np.uint8(seen * light), [cv2.IMWRITE_JPEG_QUALITY, 80])

    def place(x, y):
        found = plane @ np.stack([2 * x, 2 * y, np.ones_like(x)])
        x, y = found[:2] / found[2]
        return x, y + 2 * bend * np.sin(np.pi * x / size[0])

    return cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE), place


ASKEW = {
    "from below": ([[50, 15], [-50, 0], [0, 0], [0, 0]], 0),
    "from the side": ([[0, 25], [0, -25], [0, 25], [0, -25]], 0),
    "from a corner, turned": ([[25, 40], [-30, 10], [15, -5], [-15, 10]], 0),
    "bent": ([[0, 0], [-10, 8], [0, 0], [0, 0]], 12),
}


@pytest.mark.parametrize("how", ASKEW)
def test_a_page_that_was_photographed_askew_is_made_flat(how):
    picture, place = photographed(page(), *ASKEW[how])
    sheet = pages.make_sheet([picture], "p")
    assert list(sheet.systems.groupby("system").size()) == [2, 2, 2]
    assert sheet.notes == ()
    found = windows.sheet_windows(sheet, (160, 200), 50)
    for number, top in enumerate((60, 260, 460), 1):
        here = found.system == number
        x = np.linspace(60, 795, 300)
        expected = place(x, np.full(300, top + 49.5))
        y = np.interp(found.x[here], *expected)
        assert found.y[here] == pytest.approx(y, abs=6)
    strip = axis.axis(sheet)
    assert (strip.heights() > 150).all()  # 99 px of a page that is drawn twice as large
    assert (strip.boxes()[:, 3] - strip.boxes()[:, 1] >= strip.heights() - 1).all()
    assert sheet.pictures[0].shape == picture.shape or sheet.pictures[0].shape[1] == pages.SHARP


def test_a_flat_page_is_left_as_it_is():
    for drawn in (page(), page(angle=2.0), page(joined=False)):
        assert systems.find_systems(drawn).warp is None


def test_what_looks_like_a_missed_system_is_said():
    drawn = page(height=900, tops=(60, 260, 460, 660))
    for staff in (0, 70):
        drawn[260 + staff + SPACE, 61:794] = 255  # a line of each of its staves is gone
        drawn[260 + staff + 3 * SPACE, 61:794] = 255
    sheet = pages.make_sheet([page(), drawn], "p")
    assert sheet.notes == ("page 2: 3 systems found; 1 gap looks like a missed system",)
    assert pages.make_sheet([page(height=900)], "p").notes == ()


def test_pictures_of_all_kinds_are_read(tmp_path):
    drawn = page()
    Image.fromarray(drawn).save(tmp_path / "grey.png")
    Image.fromarray(drawn).convert("RGB").save(tmp_path / "colour.jpg", quality=95)
    clear = np.zeros((*drawn.shape, 4), np.uint8)
    clear[..., 3] = 255 - drawn
    Image.fromarray(clear, "RGBA").save(tmp_path / "clear.png")
    Image.fromarray(drawn).save(
        tmp_path / "two.tiff", save_all=True, append_images=[Image.fromarray(drawn)]
    )
    Image.fromarray(drawn).save(tmp_path / "one.pdf", resolution=100)
    assert np.array_equal(next(pictures.read_pictures(tmp_path / "grey.png")), drawn)
    assert np.array_equal(next(pictures.read_pictures(tmp_path / "clear.png")), drawn)
    colour = next(pictures.read_pictures(tmp_path / "colour.jpg"))
    assert abs(colour.astype(int) - drawn).mean() < 2
    assert len(list(pictures.read_pictures(tmp_path / "two.tiff"))) == 2
    sheet = pages.read_sheet(tmp_path / "one.pdf")
    assert sheet.piece == "one"
    found = windows.sheet_windows(sheet, (160, 200), 50)
    assert found.x.max() < 835  # px of the page drawn 835 px wide
    assert found.y[0] == pytest.approx(60 + (70 + 4 * SPACE + 1) / 2, abs=2)


def test_pictures_that_cannot_be_read(tmp_path):
    with pytest.raises(MsmdError, match=r"none\.png: no such file$"):
        next(pictures.read_pictures(tmp_path / "none.png"))
    for name, message in (
        ("a.png", r"a\.png: not a picture that can be read \(.*\); give PNG, JPEG, TIFF or PDF$"),
        ("a.pdf", r"a\.pdf: not a PDF that can be read \(.*\)$"),
    ):
        (tmp_path / name).write_bytes(b"nothing")
        with pytest.raises(MsmdError, match=message):
            next(pictures.read_pictures(tmp_path / name))
    (tmp_path / "empty").mkdir()
    with pytest.raises(MsmdError, match=r"empty: no pictures \(PNG, JPEG, TIFF\) in this folder$"):
        next(pictures.read_pictures(tmp_path / "empty"))


def test_what_a_plain_folder_has(tmp_path):
    (tmp_path / "suite").mkdir()
    for name in ("suite/page-10.png", "suite/page-2.png", "single.jpg", "score.pdf"):
        (tmp_path / name).touch()
    for name in ("suite/take.flac", "score.wav", "notes.txt", ".hidden.png"):
        (tmp_path / name).touch()
    found = sources.items(tmp_path)
    assert [(i.side, i.piece, i.performance) for i in found] == [
        ("sheet", "score", ""),
        ("audio", "score", "score.wav"),
        ("sheet", "single", ""),
        ("sheet", "suite", ""),
        ("audio", "suite", "take.flac"),
    ]
    assert found[3].source == str((tmp_path / "suite").resolve())
    in_order = pictures.in_order((tmp_path / "suite").glob("*.png"))
    assert [f.name for f in in_order] == ["page-2.png", "page-10.png"]
    assert [i.side for i in sources.items(tmp_path, ["score"], [])] == ["sheet"]
    with pytest.raises(MsmdError, match=r": no piece 'x'; check the ids given with --pieces$"):
        sources.items(tmp_path, ["x"])
    with pytest.raises(MsmdError, match=r'is not a dataset: --performances can only be "" there$'):
        sources.items(tmp_path, performances=["a"])
    (tmp_path / "single.png").touch()
    with pytest.raises(MsmdError, match=r"would both be the sheet of 'single'; rename one$"):
        sources.items(tmp_path)
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "a.txt").touch()
    with pytest.raises(
        MsmdError, match=r"text: nothing to index: it is not a dataset, and it has no"
    ):
        sources.items(tmp_path / "text")


def test_a_dataset_gives_the_same_boxes(tmp_path):
    """The synthetic dataset's staves, against its own table; nothing joins them there."""
    piece = msmdtools.open(synthetic_dataset.make(tmp_path / "d"))[synthetic_dataset.PIECES[0]]
    found = [s for system in systems.find_systems(piece.pages[0]).systems for s in system]
    truth = piece.systems[piece.systems["page"] == 1]
    assert [s.y0 for s in found] == pytest.approx(truth["y0"].tolist(), abs=1)
    assert [s.x1 for s in found] == pytest.approx(truth["x1"].tolist(), abs=2)


def test_recordings_are_found_by_ending(tmp_path):
    soundfile.write(tmp_path / "A.WAV", np.zeros(10), 8000)
    assert [i.piece for i in sources.items(tmp_path)] == ["A"]


def engraved_like(
    staves=2, tops=(60, 260, 460), between=70, width=835, height=700, joined=True, space=SPACE
):
    """A page with the same key signature at the start of each staff, and other notes further on."""
    image = np.full((height, width), 255, np.uint8)
    draw = np.random.default_rng(1)
    for top in tops:
        for staff in range(staves):
            first = top + between * staff
            for k in range(5):
                image[first + space * k, 60 : width - 40] = 60
            for i, step in enumerate((0, 3, 1, 4)):
                image[first + step * 5 : first + step * 5 + 12, 68 + 9 * i : 72 + 9 * i] = 0
            for x in range(120, width - 60, 31):
                y = first - 10 + int(draw.integers(0, 40))
                image[y : y + 6, x : x + 8] = 0
                image[y - 18 : y, x + 7] = 0
        if joined:
            for x in (60, 430, width - 41):
                image[top : top + between * (staves - 1) + 4 * space + 1, x] = 0
    return image


TROUBLE = {
    "bleed-through": lambda p, n: np.minimum(p, 255 - (255 - p[:, ::-1]) // 4),
    "noise": lambda p, n: np.uint8(np.clip(p + n.normal(0, 25, p.shape), 0, 255)),
    "broken lines": lambda p, n: np.where(n.random(p.shape) < 0.35, 255, p).astype(np.uint8),
    "yellow paper in shadow": lambda p, n: np.uint8(p * np.linspace(0.45, 0.9, p.shape[1])),
    "big margins": lambda p, n: np.pad(p, ((300, 500), (400, 350)), constant_values=255),
    "black border": lambda p, n: np.pad(p, 30, constant_values=0),
    "curved": lambda p, n: cv2.remap(
        p,
        *np.float32(np.meshgrid(np.arange(p.shape[1]), np.arange(p.shape[0])))
        + np.float32(
            [np.zeros(p.shape), 14 * np.sin(np.arange(p.shape[1]) / 265)[np.newaxis] + 0 * p]
        ),
        cv2.INTER_LINEAR,
        borderValue=255,
    ),
}


@pytest.mark.parametrize("trouble", TROUBLE)
def test_systems_are_found_on_paper_with_trouble(trouble):
    picture = TROUBLE[trouble](engraved_like(), np.random.default_rng(0))
    layout = systems.find_systems(picture)
    assert [len(system) for system in layout.systems] == [2, 2, 2]
    assert layout.gaps == 0
    assert not layout.upside_down
    widths = [x1 - x0 for x0, _, x1, _ in boxes(layout)]
    assert widths == pytest.approx([735] * 3, abs=16)


@pytest.mark.parametrize(
    ("staves", "tops"),
    [(1, (60, 160, 260, 360, 460, 560)), (3, (40, 300)), (4, (60, 380)), (2, (100,)), (1, (300,))],
)
def test_systems_of_any_number_of_staves(staves, tops):
    layout = systems.find_systems(engraved_like(staves, tops))
    assert [len(system) for system in layout.systems] == [staves] * len(tops)
    assert layout.gaps == 0


def test_staves_full_of_chords_and_ledger_lines_are_whole():
    picture = engraved_like()
    for x in range(130, 780, 21):  # chords over and above the staff, with ledger lines
        for y in range(-4, 5):
            picture[260 - 2 + y * SPACE : 260 + 3 + y * SPACE, x : x + 8] = 0
        for y in (-1, -2, -3):
            picture[260 + y * SPACE, x - 2 : x + 10] = 0
    layout = systems.find_systems(picture)
    assert [len(system) for system in layout.systems] == [2, 2, 2]
    assert [y[0].y0 for y in layout.systems] == pytest.approx([60, 260, 460], abs=1.5)
    assert boxes(layout)[1] == pytest.approx((60, 260, 795, 359), abs=3)


def test_a_smaller_staff_above_is_of_the_system_and_an_ossia_is_not():
    picture = engraved_like(2, (160, 460))
    for top in (90, 390):
        for k in range(5):
            picture[top + 5 * k, 60:795] = 60
        picture[top : top + 80, 60] = 0
    for k in range(5):
        picture[330 + 5 * k, 500:700] = 60
    layout = systems.find_systems(picture)
    assert [len(system) for system in layout.systems] == [3, 3]
    assert [system[0].space for system in layout.systems] == pytest.approx([5, 5], abs=0.1)


def test_text_and_rules_are_no_staves():
    title = np.full((1100, 835), 255, np.uint8)
    for y, text in zip(range(100, 1000, 40), ["Sonatas for the Piano, Op. 36"] * 23, strict=False):
        cv2.putText(title, text, (90, y), cv2.FONT_HERSHEY_COMPLEX, 1.1, 0, 2)
    title[1020:1024, 60:780] = 0
    assert systems.find_systems(title).systems == ()


def test_a_photo_whose_page_ends_at_the_staves_is_not_one_system():
    """Seen from below, on a dark table that begins where the staves do."""
    page_ = cv2.resize(engraved_like()[:, 52:803], None, fx=2, fy=2)
    height, width = page_.shape
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    seen = corners + np.array([[90, 40], [-90, 40], [0, 0], [0, 0]], np.float32) + 60
    plane = cv2.getPerspectiveTransform(corners, seen)
    photo = cv2.warpPerspective(page_, plane, (width + 120, height + 120), borderValue=110)
    layout = systems.find_systems(photo)
    assert [len(system) for system in layout.systems] == [2, 2, 2]
    spaces = [staff.space for system in layout.systems for staff in system]
    assert max(spaces) < 1.05 * min(spaces)  # it is flat: further away, lines are no nearer


def test_of_two_pages_side_by_side_the_left_one_comes_first():
    spread = np.hstack([engraved_like(), np.roll(engraved_like(), 25, axis=0)])
    layout = systems.find_systems(spread)
    assert [len(system) for system in layout.systems] == [2] * 6
    assert [x1 < 835 for _, _, x1, _ in boxes(layout)] == [True] * 3 + [False] * 3


def test_a_page_upside_down_is_said_and_turned():
    upright = engraved_like()
    fallen = np.ascontiguousarray(upright[::-1, ::-1])
    assert not systems.find_systems(upright).upside_down
    assert systems.find_systems(fallen).upside_down
    sheet, right = pages.make_sheet([upright, fallen], "p"), pages.make_sheet([upright], "p")
    assert sheet.notes == ("page 2: upside down; it was turned",)
    assert sheet.turned == {2}
    edges = ["x0", "y0", "x1", "y1"]
    second = sheet.systems.loc[sheet.systems["page"] == 2, edges].to_numpy()
    assert second == pytest.approx(right.systems[edges].to_numpy(), abs=1)
    x, y = sheet.on_picture(np.array([1, 2]), np.array([100.0, 100.0]), np.array([80.0, 80.0]))
    assert (x[1], y[1]) == pytest.approx((835 - x[0], 700 - y[0]), abs=1)
    assert np.array_equal(sheet.pictures[1], fallen)  # as it was brought


def test_another_finder_can_be_given_or_named():
    class Whole:
        def find(self, picture):
            height, width = picture.shape
            return systems.Layout(0.0, ((systems.Staff(0, 0, width, height, SPACE),),))

    blank = np.full((100, 300), 255, np.uint8)
    sheet = pages.make_sheet([blank], "p", finder=Whole())
    assert sheet.systems[["x0", "y0", "x1", "y1"]].to_numpy().tolist() == [[0, 0, 300, 100]]
    with pytest.raises(MsmdError, match=r"^no system finder 'none'; there is staves$"):
        pages.make_sheet([blank], "p", finder="none")
