"""Piece identification and position: definitions against slow references, on made-up embeddings."""

import csv
import io
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import synthetic_dataset
from hypothesis import given
from hypothesis import strategies as st

import msmdtools
from msmdtools.errors import MsmdError
from msmdtools.evaluation.pieces import (
    collection,
    excerpts,
    identification,
    location,
    measures,
    near_identical,
)
from msmdtools.evaluation.pieces import figure as pieces_picture
from msmdtools.evaluation.pieces import report as pieces_report
from msmdtools.evaluation.pieces.collection import Collection, Recordings
from msmdtools.evaluation.pieces.excerpts import Query
from msmdtools.evaluation.pieces.tasks import evaluate_pieces
from msmdtools.metrics import bootstrap
from msmdtools.paper.axis import axis_of
from msmdtools.paper.bars import bar_lines
from msmdtools.paper.staff_height import STAFF_HEIGHT
from msmdtools.search import search
from msmdtools.search.parts import Side
from msmdtools.search.ranking import paths, votes
from msmdtools.splits import selection

FIRST, SECOND = synthetic_dataset.PIECES
SLOW, FAST = synthetic_dataset.PERFORMANCES_OF
SHAPE, FRAMES = (80, 40), 42


class Fake:
    """Embeds a window as its own coarse content."""

    name, dim, made = "fake", 8, {}
    config = SimpleNamespace(name="fake", context_s=2.1, sheet_shape=SHAPE, frames=FRAMES)

    def __init__(self):
        self.embedded = 0

    def embed_sheet(self, images):
        return self._unit(255.1 - images.reshape(len(images), 8, -1).mean(2))

    def embed_audio(self, spectrograms):
        return self._unit(spectrograms[:, :88].reshape(len(spectrograms), 8, -1).mean(2) + 1e-3)

    def _unit(self, rows):
        self.embedded += len(rows)
        rows = rows.astype(np.float32)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return msmdtools.open(synthetic_dataset.make(tmp_path_factory.mktemp("data") / "dataset"))


@pytest.fixture
def weights(tmp_path):
    (tmp_path / "w.safetensors").write_bytes(b"weights")
    return tmp_path / "w.safetensors"


def side(vectors, sizes, places=None):
    bounds = np.concatenate([[0], np.cumsum(sizes)])
    return Side(places, vectors, bounds, [(f"p{i}", "") for i in range(len(sizes))])


def unit(draw, *shape):
    rows = draw.normal(size=shape).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


# Ranks


@given(st.lists(st.integers(-2, 2), min_size=1, max_size=9), st.data())
def test_rank_is_the_last_place_among_equals_without_those_that_are_alike(values, data):
    right = data.draw(st.integers(0, len(values) - 1))
    others = [n for n in range(len(values)) if n != right]
    alike = data.draw(st.sets(st.sampled_from(others)) if others else st.just(set()))
    scores = np.array(values, np.float32)
    order = sorted(
        (n for n in range(len(values)) if n not in alike), key=lambda n: (-values[n], n == right)
    )
    assert identification.rank(scores, right, alike) == order.index(right) + 1


def test_pieces_never_found_rank_last():
    never = np.full(4, -np.inf)
    assert identification.rank(never, 1) == 4
    assert identification.rank(np.zeros(4, np.int64), 1, [0]) == 3
    nearly = np.array([0.5, 0.5 - 5e-7, 0.4], np.float32)
    assert identification.rank(nearly, 0) == 2  # as equal as 32 bits can say


def test_ranks_are_those_of_slow_methods():
    draw = np.random.default_rng(0)
    candidates = side(unit(draw, 40, 4), [10, 0, 12, 8, 10])
    queries = [
        Query(f"p{draw.integers(5)}", 5.0, 0, unit(draw, int(draw.integers(1, 6)), 4))
        for _ in range(40)
    ]
    alike = {"p0": frozenset({"p3", "elsewhere"})}
    for method in ("paths", "votes"):
        expected = []
        for query in queries:
            similarities = query.vectors @ candidates.vectors.T
            if method == "paths":
                scores = paths(similarities, candidates.bounds).scores
            else:
                scores = votes(similarities, candidates.bounds)
            right = int(query.piece[1])
            expected.append(
                1
                + sum(
                    scores[n] >= scores[right] - 1e-6
                    for n in range(5)
                    if n != right and not (right == 0 and n == 3)
                )
            )
        found = identification.ranks(queries, candidates, alike, method)
        assert list(found) == expected
        assert all(found[n] == 5 for n, q in enumerate(queries) if q.piece == "p1" != method)


def test_counts_and_metrics():
    ranks = np.array([1, 1, 2, 5, 6, 10, 11, 94])
    assert identification.counts(ranks) == (2, 4, 6, 2)
    assert list(identification.numbers(["b", "a", "b"])) == [1, 0, 1]


def test_the_interval_of_a_share_is_that_of_drawn_pieces():
    draw = np.random.default_rng(0)
    piece, hits = draw.integers(0, 7, 60), draw.random(60) < 0.6
    low, high = bootstrap.share(hits, piece, seed=3)
    random = np.random.Generator(np.random.PCG64(3))
    slow = []
    for times in random.multinomial(7, np.full(7, 1 / 7), bootstrap.DRAWS):
        drawn = np.concatenate([np.repeat(hits[piece == p], n) for p, n in enumerate(times)])
        slow.append(100 * drawn.mean())
    assert (low, high) == pytest.approx(tuple(np.percentile(slow, [2.5, 97.5])))
    assert low < 100 * hits.mean() < high
    assert bootstrap.share(hits, np.zeros(60, int)) is None


# Excerpts


def test_excerpts_of_a_recording_are_what_search_makes_of_the_same_part(dataset):
    model, spectrogram = Fake(), dataset[FIRST].spectrogram(SLOW)
    own = search.audio_query(spectrogram, model, 0.5).vectors
    begins = np.array([0.0, 0.4, 0.999])
    model.embedded = 0
    found = excerpts.audio(FIRST, own, spectrogram, [3.0, 5.0, 99.0], model, 0.5, begins)
    assert model.embedded < sum(len(query.vectors) for query in found[:6])
    assert [query.length for query in found] == [3.0] * 3 + [5.0] * 3 + [99.0] * 3
    for query in found[:6]:
        slow = search.audio_query(
            spectrogram, model, 0.5, query.first * 0.5, query.first * 0.5 + query.length
        )
        assert np.array_equal(query.vectors, slow.vectors)
    seconds = spectrogram.shape[1] / 20
    assert [query.first for query in found[:3]] == [
        int(u * (int((seconds - 3) / 0.5) + 1)) for u in begins
    ]
    for query in found[6:]:  # longer than the recording: the whole of it
        assert query.first == 0
        assert np.array_equal(query.vectors, own)
    assert np.array_equal(own, search.audio_query(spectrogram, model, 0.5).vectors)


def test_excerpts_of_a_sheet_lie_wholly_inside():
    own = unit(np.random.default_rng(0), 30, 4)
    found = excerpts.sheet("p", own, [400.0, 100.0, 9999.0], 200, 50, np.array([0, 0.5, 0.99]))
    assert [len(query.vectors) for query in found] == [5] * 3 + [1] * 3 + [30] * 3
    assert [query.first for query in found] == [0, 13, 25, 0, 15, 29, 0, 0, 0]
    assert np.array_equal(found[1].vectors, own[13:18])


def test_draws_belong_to_the_piece():
    assert np.array_equal(excerpts.draws("a", 5, 0), excerpts.draws("a", 5, 0))
    assert np.array_equal(excerpts.draws("a", 5, 0)[:3], excerpts.draws("a", 3, 0))
    assert not np.array_equal(excerpts.draws("a", 5, 0), excerpts.draws("b", 5, 0))
    assert not np.array_equal(excerpts.draws("a", 5, 0), excerpts.draws("a", 5, 1))
    assert 0 <= excerpts.draws("a", 1000, 0).min() < excerpts.draws("a", 1000, 0).max() < 1


# Near-identical pieces


def heads(piece, pitches, lengths=None):
    onsets = np.cumsum([0, *(lengths or [1] * (len(pitches) - 1))])
    return pd.DataFrame(
        {
            "piece": piece,
            "role": "played",
            "grace": False,
            "onset_quarters": onsets,
            "pitch": pitches,
        }
    )


def test_editions_and_suites_are_near_identical_and_variations_are_not():
    draw = np.random.default_rng(0)
    dance, other = draw.integers(50, 70, 40).tolist(), draw.integers(50, 70, 60).tolist()
    changed = [p + 1 if n % 5 == 0 else p for n, p in enumerate(dance)]
    edited = [*dance[:-1], 99]
    rows = [
        heads("dance", dance),
        heads("edition", edited),
        heads("halved", dance, [0.5] * 39),
        heads("suite", other + dance),
        heads("other", other),
        heads("variation", changed),
        heads("higher", [pitch + 2 for pitch in dance]),
    ]
    assert near_identical.among(pd.concat(rows)) == {
        "dance": {"edition", "halved", "suite"},
        "edition": {"dance", "halved", "suite"},
        "halved": {"dance", "edition", "suite"},
        "other": {"suite"},
        "suite": {"dance", "edition", "halved", "other"},
    }


# Measures


def system(page, staves, bars, stems=(), spans=True):
    """Draws a system into a page, two px a line as antialiasing spreads them; its boxes."""
    rows = []
    for top in staves:
        page[top : top + 25 : 6, 20:380] = 0
        for bar in bars:
            page[top : top + 25, bar : bar + 2] = 110
        rows.append({"page": 1, "system": 1, "x0": 20.0, "y0": top, "x1": 380.0, "y1": top + 25.0})
        for stem in stems:
            page[top - 3 : top + 28, stem] = 0
    if spans:
        for bar in bars:
            page[staves[0] : staves[-1] + 25, bar : bar + 2] = 110
    return pd.DataFrame(rows)


@pytest.mark.parametrize("spans", [True, False])
def test_bar_lines_are_found_and_stems_are_not(spans):
    page = np.full((200, 400), 255, np.uint8)
    boxes = system(page, [50, 110], [100, 200, 206, 378], [150], spans)
    # Lines between the staves tell bar lines from stems; without them, the heads do.
    found = bar_lines(page, boxes, np.array([150.5, 157.5]))
    assert found == pytest.approx([101, 201, 207, 379], abs=1)
    if spans:
        again = bar_lines(page, boxes, np.zeros(0))
        assert again == pytest.approx(found)


def test_bar_lines_of_a_single_staff():
    page = np.full((200, 400), 255, np.uint8)
    boxes = system(page, [50], [100, 300], [150])
    edges = np.array([150.5, 157.0])
    assert bar_lines(page, boxes, edges) == pytest.approx([101, 301], abs=1)
    empty = np.full((200, 400), 255, np.uint8)
    assert not len(bar_lines(empty, boxes, edges))


def bare(widths, bars):
    """Systems of these widths, each on a page of its own from the left edge, with bar lines at these places."""
    rows = enumerate(widths, 1)
    systems = pd.DataFrame(
        [
            {"page": n, "system": n, "x0": 0.0, "y0": 0.0, "x1": float(width), "y1": 9.0}
            for n, width in rows
        ]
    )
    pages = [np.zeros((10, width), np.uint8) for width in widths]
    heights = dict.fromkeys(range(1, len(widths) + 1), STAFF_HEIGHT)
    axis = axis_of(SimpleNamespace(piece="p", pages=pages, systems=systems, staff_heights=heights))
    return measures.Paper(axis, np.zeros(len(widths)), np.array(bars))


def test_the_strip_as_an_axis(dataset):
    strip = measures.paper(dataset[FIRST])
    width = synthetic_dataset.WIDTH - 40.0
    assert strip.axis.begins.tolist() == [n * width for n in range(5)]
    assert strip.place(2, 200.0) == width + 180
    assert strip.place(2, 20.0) == strip.place(2, 70.5) == width + 50.5  # the first head
    assert [strip.width(place) for place in (0, width, 4 * width)] == [width] * 3
    assert list(strip.bars) == [190.0 * n for n in range(9)]
    strip = bare([90], [0.0, 30.0, 90.0])
    assert list(strip.measure([0, 15, 30, 60, 90])) == [0, 0.5, 1, 1.5, 2]


# Position


def test_errors_in_widths_and_measures():
    strip = bare([100, 200], [0.0, 50, 100, 300])
    found = location.errors(strip, [5, 40, 100, 60], [0, 0, 110, 250])
    assert list(found.pixels) == [5, 40, 10, 190]
    assert list(found.systems) == [0.05, 0.4, 0.05, 0.95]
    assert found.measures == pytest.approx([0.1, 0.8, 0.05, 1.55])
    assert list(found.within("system/10")) == [True, False, True, False]
    assert list(found.within("measure")) == [True, True, True, False]
    assert list(found.within("system")) == [True] * 4


def oracle(dataset, shift=0):
    """A collection whose recordings know where on paper they are, or `shift` windows behind."""
    draw = np.random.default_rng(0)
    chosen = selection.select(dataset)
    rows, sheets, sounds, seconds = [], [], [], []
    for name, performance in chosen.performances.items():
        piece = dataset[name]
        strip = measures.paper(piece)
        x = np.arange(10, 380, 20.0)
        places = [(system, 20 + one) for system in (1, 2, 3, 4) for one in x]
        vectors = unit(draw, len(places), 32)
        rows += [{"piece": name, "system": s, "x": one} for s, one in places]
        sheets.append(vectors)
        time = np.arange(0, 16, 0.5)
        at = location.on_paper(strip, piece, performance, time)
        middles = np.array([strip.place(*place) for place in places])
        near = np.abs(at[:, None] - middles).argmin(axis=1)
        sounds.append(vectors[np.clip(near + shift, 0, len(vectors) - 1)])
        seconds += [{"piece": name, "second": second} for second in time]
    played = list(chosen.performances.items())

    def grouped(vectors, places, names):
        bounds = np.concatenate([[0], np.cumsum([len(v) for v in vectors])])
        return Side(pd.DataFrame(places), np.concatenate(vectors), bounds, names)

    recordings = Recordings(
        grouped(sounds, seconds, played), lambda piece: dataset[piece].spectrogram(SLOW)
    )
    return Collection(
        dataset,
        chosen,
        grouped(sheets, rows, [(piece, "") for piece, _ in played]),
        recordings,
        {},
        20,
        0.5,
    )


def asked(side, direction_length, sizes=6, starts=(0, 3, 11)):
    return [
        Query(piece, direction_length, start, side.vectors[low + start : low + start + sizes])
        for (piece, _), low in zip(side.names, side.bounds, strict=False)
        for start in starts
    ]


def test_who_knows_the_place_is_located(dataset):
    known = oracle(dataset)
    queries = asked(known.recordings.side, 3.0)
    (found,) = location.evaluate(queries, known, "audio-to-sheet")
    assert found.first.all()
    assert found.errors.pixels.max() <= 10.0  # half of the windows' distance
    assert found.located == found.in_piece == {"system/10": 100, "measure": 100, "system": 100}
    assert found.intervals == dict.fromkeys(location.WITHIN, (100.0, 100.0))
    assert found.above_chance
    assert 0 < found.chance["system/10"] < found.chance["system"] <= 100
    (found,) = location.evaluate(asked(known.sheets, 120.0, 4), known, "sheet-to-audio")
    assert found.in_piece["system/10"] == 100
    whole = [
        Query(FIRST, 99.0, 0, known.recordings.side.vectors[: known.recordings.side.bounds[1]])
    ]
    assert location.evaluate([*queries, *whole], known, "audio-to-sheet")[0].length == 3.0


def test_places_that_are_off_and_pieces_that_are_not_first(dataset):
    off = oracle(dataset, shift=5)  # 100 px
    queries = asked(off.recordings.side, 3.0)
    (found,) = location.evaluate(queries, off, "audio-to-sheet")
    assert found.median_px == pytest.approx(100, abs=10)
    assert found.located == {"system/10": 0, "measure": 100, "system": 100}
    wrong = {FIRST: SECOND, SECOND: FIRST}
    swapped = [Query(wrong[q.piece], q.length, q.first, q.vectors) for q in queries]
    (found,) = location.evaluate(swapped, off, "audio-to-sheet")
    assert not found.first.any()
    assert set(found.located.values()) == {0.0}
    assert found.in_piece["system"] > 0 or found.errors.pixels.min() > 0


# Collections


def test_a_collection_has_one_sheet_and_recording_a_piece(dataset, weights, tmp_path):
    model = Fake()
    chosen = selection.Selection("test", {FIRST: FAST})
    kept = tmp_path / "index"
    alone = collection.gather(model, weights, dataset, chosen, index=kept)
    assert alone.sheets.names == [(FIRST, "")]
    assert alone.recordings.side.names == [(FIRST, FAST)]
    embedded = model.embedded
    again = collection.gather(model, weights, dataset, chosen, index=kept)
    assert model.embedded == embedded
    assert np.array_equal(again.sheets.vectors, alone.sheets.vectors)
    more = collection.gather(model, weights, dataset, chosen, distractors=[dataset], index=kept)
    assert more.sheets.names == [(FIRST, ""), (SECOND, "")]
    assert more.recordings.side.names == [(FIRST, FAST), (SECOND, SLOW)]
    assert more.selection.pieces == [FIRST]
    assert np.array_equal(more.recordings.spectrogram(FIRST), dataset[FIRST].spectrogram(FAST))
    assert (more.sheet_stride, more.audio_stride) == (50, 0.5)
    other = selection.Selection("test", {FIRST: SLOW})
    with pytest.raises(MsmdError) as error:
        collection.gather(model, weights, dataset, other, index=kept)
    assert str(error.value) == (
        f"{kept} has {FIRST}, but not the performance {SLOW}; name another index, or remove the piece "
        "from this one with msmd index --remove"
    )


def test_queries_stay_the_same_among_distractors(dataset, weights):
    model, chosen = Fake(), selection.Selection("test", {SECOND: SLOW})
    few = collection.gather(model, weights, dataset, chosen)
    many = collection.gather(model, weights, dataset, chosen, distractors=[dataset])
    for direction in ("audio-to-sheet", "sheet-to-audio"):
        pair = [excerpts.queries(model, one, direction, count=2) for one in (few, many)]
        assert [q.first for q in pair[0]] == [q.first for q in pair[1]]
        for a, b in zip(*pair, strict=True):
            assert a.piece == b.piece == SECOND
            assert np.array_equal(a.vectors, b.vectors)
        assert [q.length for q in pair[0]].count(None) == 1


def test_embeddings_that_are_no_numbers_are_an_error(dataset, weights, tmp_path):
    class Broken(Fake):
        def embed_audio(self, spectrograms):
            return np.full((len(spectrograms), 8), np.nan, np.float32)

    with pytest.raises(
        MsmdError, match=r"audio embeddings are not finite, so the weights are unus"
    ):
        collection.gather(Broken(), weights, dataset, selection.select(dataset))


# The report


def test_report_and_picture(dataset, weights, tmp_path):
    model = Fake()
    gathered = collection.gather(model, weights, dataset, selection.select(dataset))
    for task in ("pieces", "position"):
        figures, queries = evaluate_pieces([task], model, gathered, draws=2)
        found = figures[task]
        about = (model, gathered, [dataset], found)
        if task == "position":  # an excerpt as long as its piece is asked for, and has no place
            queries = {key: [*asked, asked[0]] for key, asked in queries.items()}
        pieces_report.write(tmp_path / task, *about, queries)
        assert sorted(p.name for p in (tmp_path / task).iterdir()) == sorted(pieces_report.NAMES)
        values = pieces_report.to_json(*about)
        assert values["pieces"] == values["candidates"] == 2
        assert values["distractors"] == [str(dataset.path)]
        text = pieces_report.to_text(*about).splitlines()
        assert text[:2] == [
            "fake: 2.1 s of audio",
            f"{dataset.path}: 2 pieces, {SLOW}; 2 candidates with those of {dataset.path}",
        ]
        rows = list(csv.DictReader(io.StringIO((tmp_path / task / "queries.csv").read_text())))
        assert len(rows) == sum(one["queries"] for one in values["results"]) / (
            2 if task == "pieces" else 1
        )
        picture = pieces_picture.draw("one\ntwo", found)
        assert picture.shape[1:] == (pieces_picture.WIDTH, 3)
    first = values["results"][0]
    assert set(first["located"]) == set(first["in_piece"]) == set(location.WITHIN)


def test_bars_are_as_long_as_their_shares():
    ranks = np.array([1] * 5 + [3] * 3 + [7] + [12])
    one = identification.Identification(
        "audio-to-sheet", 1.0, 5.0, "paths", ["p"] * 10, ranks, None, None,
        identification.counts(ranks),
    )  # fmt: skip
    assert pieces_picture.bars(one) == [
        pieces_picture.Bar("paths", (50.0, 30.0, 10.0, 10.0), "50.0 %   5 / 8 / 9 / 1")
    ]
    canvas = pieces_picture.draw("a\nb", [one])
    bar = [(canvas == shade).all(axis=2).sum(axis=1).max() for shade in pieces_picture.SHADES[:3]]
    assert np.array(bar) / bar[0] == pytest.approx([1, 3 / 5, 1 / 5], abs=0.01)
