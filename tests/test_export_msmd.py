"""The folders of MSMD, read the way programs written for the original find their way through them."""

from pathlib import Path

import cv2
import mido
import numpy as np
import pytest
import synthetic_dataset

import msmdtools
from msmdtools.export.export import export
from msmdtools.export.msmd import frames, performance_name
from msmdtools.performance import PerformanceSpec

FIRST, SECOND = synthetic_dataset.PIECES
TEMPI = {f"{FIRST}_tempo-1000_Sine": "Sine-000_x1.00", f"{FIRST}_tempo-2000_Sine": "Sine-000_x2.00"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return synthetic_dataset.make(tmp_path_factory.mktemp("msmd") / "made")


@pytest.fixture(scope="module")
def dataset(folder):
    return msmdtools.open(folder)


@pytest.fixture(scope="module")
def out(folder, tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp("exported")
    (place / "split.csv").write_text(f"piece,mine\n{FIRST},train\n{SECOND},test\n", "utf-8")
    export(folder, place / "msmd", "msmd", split=f"{place / 'split.csv'}:mine")
    return place / "msmd"


class Original:
    """A piece, as the original looks for its files: by the names of folders and the endings of names."""

    def __init__(self, root: Path, name: str) -> None:
        self.folder = root / name
        assert (self.folder / f"{name}.ly").is_file()  # its authority: without it there is no piece
        (self.score,) = (self.folder / "scores").iterdir()
        assert self.score.name == f"{name}_ly"
        (self.pdf,) = self.score.glob("*.pdf")
        self.images = [cv2.imread(str(p), 0) for p in sorted((self.score / "img").iterdir())]
        self.performances = sorted(path.name for path in (self.folder / "performances").iterdir())

    def feature(self, performance: str, ending: str) -> np.ndarray:
        features = self.folder / "performances" / performance / "features"
        (found,) = (path for path in features.iterdir() if path.name.endswith(ending))
        return np.load(found)

    def nodes(self) -> list[list]:
        reading = pytest.importorskip("mung.io", reason="needs mung")
        files = sorted((self.score / "mung").iterdir())
        return [reading.read_nodes_from_file(file) for file in files]


def test_the_folders_have_the_names_that_programs_look_for(out, dataset):
    yaml = pytest.importorskip("yaml", reason="needs PyYAML")
    assert sorted(path.name for path in out.iterdir()) == [FIRST, SECOND, "split.yaml"]
    assert yaml.safe_load((out / "split.yaml").read_text()) == {"train": [FIRST], "test": [SECOND]}
    piece = Original(out, FIRST)
    assert piece.performances == list(TEMPI)
    for page, image in zip(dataset[FIRST].pages, piece.images, strict=True):
        assert np.array_equal(image, page)
    meta = yaml.safe_load((piece.folder / "meta.yml").read_text("utf-8"))
    assert (meta["n_pages"], meta["n_scores"], meta["n_performances"]) == (2, 1, 2)
    assert (meta["title"], meta["licence"]) == ("First", "CC0-1.0")
    assert meta["aln_piece_stats"]["n_aln_pairs"] == 38
    assert meta["aln_piece_stats"]["n_events_without_corresponding_mungo"] == 1
    for name, performance in TEMPI.items():
        midi = piece.folder / "performances" / name / f"{name}.midi"
        assert midi.read_bytes() == dataset[FIRST].midi_path(performance).read_bytes()
        spec = yaml.safe_load((midi.parent / "meta.yml").read_text("utf-8"))
        assert (spec["performance"], spec["soundfont"]) == (performance, "Sine")
    nearest = dataset[FIRST].midi_path("Sine-000_x1.00").read_bytes()
    assert (piece.folder / f"{FIRST}.midi").read_bytes() == nearest


@pytest.mark.parametrize("name", TEMPI)
def test_features_are_those_of_the_performance(out, dataset, name):
    piece, ours = Original(out, FIRST), dataset[FIRST]
    notes = piece.feature(name, "notes.npy")
    events = ours.events(TEMPI[name])
    columns = events[["onset_s", "pitch", "velocity", "part"]].assign(
        d=events["offset_s"] - events["onset_s"]
    )
    # From the highest down, where several notes start together.
    expected = columns.assign(p=-columns["pitch"]).sort_values(["onset_s", "p"])
    assert np.array_equal(notes, expected[["onset_s", "pitch", "d", "velocity", "part"]].to_numpy())
    assert (piece.feature(name, "spec.npy") == ours.spectrogram(TEMPI[name])).all()
    onsets = piece.feature(name, "onsets.npy")
    assert (onsets.dtype, onsets.tolist()) == (np.float32, np.ceil(notes[:, 0] * 20).tolist())
    keys = piece.feature(name, "midi.npy")
    assert keys.shape == (128, np.ceil((notes[:, 0] + notes[:, 2]).max() * 20))
    for onset, pitch, duration, _, _ in notes:
        first, behind = (int(np.ceil(t * 20)) for t in (onset, onset + duration))
        assert keys[int(pitch), first:behind].all()
    assert keys.sum() == sum(np.ceil((n[0] + n[2]) * 20) - np.ceil(n[0] * 20) for n in notes)


def test_heads_lead_to_their_events_and_systems(out, dataset):
    piece, ours = Original(out, FIRST), dataset[FIRST]
    pages = piece.nodes()
    graph = {node.id: node for page in pages for node in page}
    assert len(graph) == sum(map(len, pages)) == 44  # ids are unique in the score
    heads = {n: node for n, node in graph.items() if node.class_name == "notehead-full"}
    assert list(heads) == list(range(40))
    for row in ours.noteheads.to_dict("records"):
        node = heads[row["notehead"]]
        assert node.bounding_box == (row["y0"], row["x0"], row["y1"], row["x1"])
        assert node.mask.all()
        assert node.data["midi_pitch_code"] == row["pitch"]
        assert node.data["tied"] == (row["role"] == "tied")
        for name, performance in TEMPI.items():
            if row["role"] != "played":
                assert f"{name}_note_event_idx" not in node.data
                continue
            note = piece.feature(name, "notes.npy")[node.data[f"{name}_note_event_idx"]]
            event = ours.events(performance).iloc[row["event"]]
            assert (note[0], note[1]) == (event["onset_s"], row["pitch"])
            assert node.data[f"{name}_onset_seconds"] == event["onset_s"]
            assert node.data[f"{name}_onset_frame"] == np.ceil(event["onset_s"] * 20)
            assert node.data[f"{name}_duration_seconds"] == pytest.approx(note[2])
        (link,) = node.outlinks
        assert graph[link].class_name == "staff" and node.id in graph[link].inlinks


def test_a_strip_of_systems_moves_on_with_the_sound(out):
    # What the original trains on: systems side by side, and for each onset frame the column of its heads.
    piece = Original(out, FIRST)
    begin, columns = 0, {}
    for nodes in piece.nodes():
        graph = {node.id: node for node in nodes}
        systems = sorted((n for n in nodes if n.class_name == "staff"), key=lambda n: n.top)
        for system in systems:
            for link in system.inlinks:
                node = graph[link]
                assert system.top - 20 <= node.top and node.bottom <= system.bottom + 20
                frame = node.data.get(f"{FIRST}_tempo-1000_Sine_onset_frame")
                if frame is not None:
                    columns.setdefault(frame, set()).add(begin + node.middle[1] - system.left)
            begin += system.width
    assert all(len(places) == 1 for places in columns.values())
    ordered = [next(iter(columns[frame])) for frame in sorted(columns)]
    assert ordered == sorted(ordered) and len(ordered) == 31


def test_coordinates_are_rows_before_columns(out):
    piece = Original(out, SECOND)
    nodes = piece.nodes()[1]
    centres = np.load(piece.score / "coords" / "notes_02.npy")
    heads = [node for node in nodes if node.class_name == "notehead-full"]
    assert centres.tolist() == [
        [(n.top + n.bottom - 1) / 2, (n.left + n.right - 1) / 2] for n in heads
    ]
    corners = np.load(piece.score / "coords" / "systems_02.npy")
    systems = [node for node in nodes if node.class_name == "staff"]
    for corner, node in zip(corners, systems, strict=True):
        top, left, bottom, right = node.bounding_box
        assert corner.tolist() == [[top, left], [top, right], [bottom, right], [bottom, left]]


def test_midi_files_are_type_1_with_all_notes(out, dataset):
    name = f"{FIRST}_tempo-2000_Sine"
    path = out / FIRST / "performances" / name / f"{name}.midi"
    played = [m for m in mido.MidiFile(path) if m.type == "note_on" and m.velocity > 0]
    assert len(played) == len(dataset[FIRST].events())


@pytest.mark.parametrize(
    ("spec", "name"),
    [
        (PerformanceSpec(1.0, "FluidR3_GM"), "p_tempo-1000_FluidR3_GM"),
        (PerformanceSpec(0.95, "fonts/My.sf2"), "p_tempo-950_My"),
        (PerformanceSpec(1.1, "F", 40, 90), "p_tempo-1100_F-040_v90"),
        (PerformanceSpec(1.05, "F", None, None), "p_tempo-1050_F-src_vsource"),
    ],
)
def test_names_of_performances_tell_them_apart(spec, name):
    assert performance_name("p", spec) == name


def test_an_onset_on_a_frame_is_in_it():
    assert frames(np.array([0.0, 0.04, 0.05, 0.15, 0.35, 1.1, 1.1001])).tolist() == [
        0,
        1,
        1,
        3,
        7,
        22,
        23,
    ]
