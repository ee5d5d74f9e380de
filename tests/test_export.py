"""A dataset in the forms of COCO, YOLO and MuNG, read by the libraries of these formats."""

import hashlib
import json
import shutil
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
import synthetic_dataset
from click.testing import CliRunner

import msmdtools
from msmdtools.cli import main
from msmdtools.errors import DatasetError, ManifestError, MsmdError
from msmdtools.export.barlines import bar_line
from msmdtools.export.boxes import Box
from msmdtools.export.export import FORMATS, export
from msmdtools.export.mung import head_class

FIRST, SECOND = synthetic_dataset.PIECES
WIDTH, HEIGHT = synthetic_dataset.WIDTH, synthetic_dataset.HEIGHT
BOXES = {"notehead": 40, "staff": 8, "system": 4, "bar": 8}
"""Objects of each piece."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return synthetic_dataset.make(tmp_path_factory.mktemp("export") / "made")


@pytest.fixture(scope="module")
def dataset(folder):
    return msmdtools.open(folder)


def msmd(*arguments: object):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def split_file(folder: Path) -> str:
    (folder / "split.csv").write_text(f"piece,mine\n{FIRST},train\n{SECOND},test\n", "utf-8")
    return f"{folder / 'split.csv'}:mine"


def test_the_command_says_what_it_wrote_and_how_to_name_a_folder(folder, tmp_path):
    out = tmp_path / "deep" / "coco"
    result = msmd("export", folder, "--format", "coco", "--out", out, "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout) == {
        "path": str(out),
        "format": "coco",
        "pieces": 2,
        "counts": {"images": 4, **{name: 2 * count for name, count in BOXES.items()}},
    }
    again = msmd("export", folder, "--format", "yolo", "--out", out)
    assert again.exit_code == 1
    assert again.stderr == (
        f"Error: {out} is not empty (it has annotations.json): "
        "give a new or empty folder with --out\n"
    )
    other = msmd("export", folder, "--format", "mung", "--out", tmp_path / "m", "--pieces", "x*")
    assert other.exit_code == 1
    assert other.stderr == f"Error: {folder}: no piece matches 'x*'.\n"
    assert not (tmp_path / "m").exists()


def test_the_command_offers_what_there_is():
    from msmdtools.cli import export as command

    assert tuple(FORMATS) == command.FORMATS


def test_errors_name_what_to_give_instead(folder, tmp_path):
    with pytest.raises(MsmdError, match="no format 'voc'; there are coco, yolo, mung, msmd, omr"):
        export(folder, tmp_path / "out", "voc")
    (tmp_path / "file").write_text("")
    with pytest.raises(DatasetError, match="file is a file: give a new or empty folder"):
        export(folder, tmp_path / "file", "coco")
    with pytest.raises(ManifestError, match=r"no piece of the split .* matches 'No\*'"):
        export(folder, tmp_path / "out", "coco", split=split_file(tmp_path), pieces="No*")


@pytest.mark.parametrize("form", FORMATS)
def test_a_damaged_page_leaves_no_folder(folder, tmp_path, form):
    broken = shutil.copytree(folder, tmp_path / "broken")
    page = broken / "pieces" / SECOND / "page-02.png"
    page.write_bytes(page.read_bytes()[:-1])
    out = tmp_path / "out"
    # What a killed export leaves.
    (tmp_path / ".out.unfinished").mkdir()
    (tmp_path / ".out.unfinished" / "stale.json").write_text("{}")
    with pytest.raises(DatasetError, match=r"page-02\.png is damaged"):
        export(broken, out, form)
    assert not out.exists()
    assert not (tmp_path / ".out.unfinished").exists()
    out.mkdir()  # an empty folder is as good as none
    done = export(folder, out, form, pieces=FIRST)
    assert done.pieces == 1
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    assert not (out / "stale.json").exists() and not (out / ".lock").exists()


def test_coco_is_read_by_pycocotools(folder, dataset, tmp_path, capsys):
    coco = pytest.importorskip("pycocotools.coco", reason="needs pycocotools").COCO
    export(folder, tmp_path / "coco", "coco")
    read = coco(str(tmp_path / "coco" / "annotations.json"))
    assert [c["name"] for c in read.loadCats(read.getCatIds())] == list(BOXES)
    assert [(i["file_name"], i["width"], i["height"]) for i in read.imgs.values()] == [
        (f"{piece}-{page:02d}.png", WIDTH, HEIGHT) for piece in (FIRST, SECOND) for page in (1, 2)
    ]
    assert {image["license"] for image in read.imgs.values()} == {1}
    assert read.dataset["licenses"] == [{"id": 1, "name": "CC0-1.0", "url": ""}]
    found = [read.anns[number] for number in read.getAnnIds(imgIds=[3, 4], catIds=[1])]
    heads = dataset[SECOND].noteheads
    for annotation, row in zip(found, heads.to_dict("records"), strict=True):
        x, y, width, height = annotation["bbox"]
        assert (x, y, x + width, y + height) == tuple(row[k] for k in ("x0", "y0", "x1", "y1"))
        assert annotation["image_id"] == 2 + row["page"]
        known = annotation["attributes"]
        assert known["events"] == row["events"].tolist()
        plain = {k: v for k, v in row.items() if k in known and k != "events"}
        assert {k: v for k, v in known.items() if k != "events"} == plain
        assert {"pitch", "onset_fraction", "role", "reason", "event", "tied_to"} <= plain.keys()
    for annotation in read.anns.values():
        mask = read.annToMask(annotation)
        x, y, width, height = annotation["bbox"]
        assert annotation["area"] == width * height
        # Whole pixels here, but for the lower edge of a staff.
        assert mask.shape == (HEIGHT, WIDTH) and mask.sum() == annotation["area"]
        assert mask[int(y), int(x)] and mask[int(y + height) - 1, int(x + width) - 1]
    for name, count in BOXES.items():
        assert len(read.getAnnIds(catIds=read.getCatIds(catNms=[name]))) == 2 * count


def test_objects_keep_their_ids_and_parts_have_files_of_their_own(folder, tmp_path):
    def read(path: Path) -> dict[int, dict]:
        return {a["id"]: a for a in json.loads(path.read_text("utf-8"))["annotations"]}

    export(folder, tmp_path / "all", "coco")
    export(folder, tmp_path / "one", "coco", pieces=SECOND)
    export(folder, tmp_path / "split", "coco", split=split_file(tmp_path))
    whole = read(tmp_path / "all" / "annotations.json")
    assert sorted(whole) == list(range(1, 121))
    second = {number: one for number, one in whole.items() if number > 60}
    assert read(tmp_path / "one" / "annotations.json") == second
    assert read(tmp_path / "split" / "test.json") == second
    assert read(tmp_path / "split" / "train.json").keys() == whole.keys() - second.keys()
    assert {
        p.relative_to(tmp_path / "split").as_posix() for p in tmp_path.rglob("split/**/*.png")
    } == {
        f"images/{part}/{piece}-{page:02d}.png"
        for part, piece in (("train", FIRST), ("test", SECOND))
        for page in (1, 2)
    }
    images = json.loads((tmp_path / "split" / "test.json").read_text("utf-8"))["images"]
    assert [image["file_name"] for image in images] == [f"test/{SECOND}-0{n}.png" for n in (1, 2)]


def test_a_dataset_without_bars_is_exported_and_the_command_says_so(folder, tmp_path):
    earlier = shutil.copytree(folder, tmp_path / "earlier")
    synthetic_dataset.without_measures(earlier)
    result = msmd("export", earlier, "--format", "yolo", "--out", tmp_path / "yolo")
    assert result.exit_code == 0
    assert "did not record bars: they are left out" in result.stderr
    assert "  2: system" in (tmp_path / "yolo" / "data.yaml").read_text()
    assert "bar" not in (tmp_path / "yolo" / "data.yaml").read_text()


@pytest.mark.parametrize("is_split", [False, True])
def test_yolo_is_as_its_documentation_says(folder, dataset, tmp_path, is_split):
    yaml = pytest.importorskip("yaml", reason="needs PyYAML")
    out = tmp_path / "yolo"
    export(folder, out, "yolo", split=split_file(tmp_path) if is_split else None)
    data = yaml.safe_load((out / "data.yaml").read_text("utf-8"))
    places = {"train": "images/train", "val": "images/train", "test": "images/test"}
    places = places if is_split else {"train": "images", "val": "images"}
    assert data == {**places, "names": dict(enumerate(BOXES))}
    images = out / data["test" if is_split else "train"]
    labels = Path(str(images).replace("/images", "/labels"))
    names = [path.stem for path in sorted(images.iterdir())]
    assert names == [path.stem for path in sorted(labels.iterdir())]
    assert len(names) == (2 if is_split else 4)
    assert cv2.imread(str(images / f"{SECOND}-02.png")).shape == (HEIGHT, WIDTH, 3)
    rows = np.loadtxt(labels / f"{SECOND}-02.txt")
    assert rows[:, 0].tolist() == [0] * 20 + [1] * 4 + [2] * 2 + [3] * 4
    centres, sizes = rows[:, 1:3] * (WIDTH, HEIGHT), rows[:, 3:] * (WIDTH, HEIGHT)
    boxes = np.hstack([centres - sizes / 2, centres + sizes / 2])
    piece = dataset[SECOND]
    for kind, frame in ((0, piece.noteheads), (1, piece.systems), (3, piece.measures)):
        expected = frame.loc[frame["page"] == 2, ["x0", "y0", "x1", "y1"]].to_numpy()
        assert np.abs(boxes[rows[:, 0] == kind] - expected).max() < 1e-3


def test_bar_lines_group_the_staves_of_a_system(folder, tmp_path, capsys):
    reading = pytest.importorskip("mung.io", reason="needs mung")
    from mung.graph import group_staffs_into_systems

    lined = shutil.copytree(folder, tmp_path / "lined")
    path = lined / "pieces" / FIRST / "page-01.png"
    page = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    for row in msmdtools.open(folder)[FIRST].measures.query("page == 1").to_dict("records"):
        page[int(row["y0"]) : int(row["y1"]), int(row["x1"]) - 1 : int(row["x1"]) + 1] = 0
    cv2.imwrite(str(path), page)
    sha = hashlib.sha256(path.read_bytes()).hexdigest()
    synthetic_dataset.edit(
        lined,
        "files",
        lambda rows: [
            r.update(sha256=sha) for r in rows if r["file"] == path.name and r["piece"] == FIRST
        ],
    )
    done = export(lined, tmp_path / "mung", "mung", pieces=FIRST)
    assert done.counts["bar line"] == 4
    nodes = reading.read_nodes_from_file(tmp_path / "mung/mung" / f"{FIRST}-01.xml")
    lines = [node for node in nodes if node.class_name == "measureSeparator"]
    assert [(node.data["measure"], node.data["number"]) for node in lines] == [
        (n, str(n + 1)) for n in range(4)
    ]
    assert all(node.mask.all() and node.width == 2 for node in lines)
    systems = group_staffs_into_systems(nodes)
    assert [[staff.data for staff in system] for system in systems] == [
        [{"system": system, "staff": staff} for staff in (1, 2)] for system in (1, 2)
    ]
    capsys.readouterr()


def test_mung_is_read_by_the_package_mung(folder, dataset, tmp_path):
    reading = pytest.importorskip("mung.io", reason="needs mung")
    export(folder, tmp_path / "mung", "mung")
    piece = dataset[FIRST]
    graph = {
        n.id: n for n in reading.read_nodes_from_file(tmp_path / "mung/mung" / f"{FIRST}-01.xml")
    }
    assert {node.dataset for node in graph.values()} == {"made"}
    assert {node.document for node in graph.values()} == {f"{FIRST}-01"}
    heads = piece.noteheads[piece.noteheads["page"] == 1]
    image = cv2.imread(str(tmp_path / "mung/images" / f"{FIRST}-01.png"), cv2.IMREAD_UNCHANGED)
    for row in heads.to_dict("records"):
        node = graph[row["notehead"]]
        assert node.class_name == ("noteheadFull" if row["staff"] == 1 else "noteheadWhole")
        assert node.bounding_box == (row["y0"], row["x0"], row["y1"], row["x1"])
        crop = image[node.top : node.bottom, node.left : node.right]
        assert np.array_equal(node.mask == 1, crop < 128) and node.mask.any()
        staff = graph[node.outlinks[0]]
        assert staff.class_name == "staff" and node.id in staff.inlinks
        assert staff.data == {"system": row["system"], "staff": row["staff"]}
        assert staff.top <= node.top and node.bottom <= staff.bottom + 30
        data = node.data
        assert data["midi_pitch_code"] == row["pitch"]
        assert data["onset_beats"] == row["onset_quarters"]
        assert data["duration_beats"] == (1 if row["staff"] == 1 else 4)
        assert (data["role"], data["tied"]) == (row["role"], int(row["role"] == "tied"))
        events = {name: piece.events(name) for name in piece.performances.index}
        if row["role"] == "played":
            for name, sound in events.items():
                assert data[f"{name}_note_event_idx"] == row["event"]
                assert data[f"{name}_onset_seconds"] == sound["onset_s"][row["event"]]
            assert data["onset_seconds"] == data["Sine-000_x1.00_onset_seconds"]
        else:
            assert data["tied_to"] == row["tied_to"] and "onset_seconds" not in data
    systems = [node for node in graph.values() if node.class_name == "staffGrouping"]
    assert [[graph[s].data["staff"] for s in node.outlinks] for node in systems] == [[1, 2], [1, 2]]
    # The first four columns: the upper staff moves in quarters, the lower in whole notes.
    upper = [h["notehead"] for h in heads.to_dict("records") if h["staff"] == 1]
    lower = [h["notehead"] for h in heads.to_dict("records") if h["staff"] == 2]
    for chain in (upper, lower):
        for before, after in pairwise(chain):
            assert graph[before].data["precedence_outlinks"] == [after]
            assert graph[after].data["precedence_inlinks"] == [before]
        assert "precedence_inlinks" not in graph[chain[0]].data
        assert "precedence_outlinks" not in graph[chain[-1]].data


def box(category: str, x0: float, y0: float, x1: float, y1: float) -> Box:
    return Box(category, 0, x0, y0, x1, y1, {})


def test_a_bar_line_is_the_ink_at_the_end_of_its_bar():
    page = np.full((100, 200), 255, np.uint8)
    staves = [box("staff", 10, 20, 190, 40.5), box("staff", 10, 60, 190, 80.5)]
    bar = box("bar", 10, 20, 101, 80.5)
    for top in (20, 60):
        page[top : top + 21 : 5, 10:190] = 0
    assert bar_line(page, bar, staves) is None
    page[20:81, 99:101] = 0  # through both staves, and between them
    page[20:81, 104] = 0  # the second line of two
    page[10:70, 96] = 0  # a stem
    assert bar_line(page, bar, staves) == (99, 20, 2, 61)
    page[40:60, 90:110] = 255  # through the staves alone
    page[41:60] = 255
    assert bar_line(page, bar, staves) == (99, 20, 2, 61)
    page[60:81, 99:105] = 255  # through one staff alone
    assert bar_line(page, bar, staves) is None


@pytest.mark.parametrize(
    ("duration", "kind"),
    [
        (1 / 3, "Full"),  # an eighth of a triplet
        (2 / 3, "Full"),  # a quarter of a triplet
        (0.8, "Full"),  # a quarter of a quintuplet
        (1.5, "Full"),
        (1.75, "Full"),
        (4 / 3, "Half"),  # a half note of a triplet
        (2, "Half"),
        (3, "Half"),
        (3.5, "Half"),
        (8 / 3, "Whole"),  # a whole note of a triplet
        (4, "Whole"),
        (6, "Whole"),
    ],
)
def test_the_class_of_a_head_is_told_from_its_duration(duration, kind):
    assert head_class(duration, False) == f"notehead{kind}"
    assert head_class(duration, True) == f"notehead{'Half' if kind == 'Whole' else kind}Small"
