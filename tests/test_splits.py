"""Splits from CSV files, what a work is, and splits of whole works."""

import json
import random

import pandas as pd
import pytest
import synthetic_dataset
from hypothesis import given, settings
from hypothesis import strategies as st

import msmdtools as msmd
from msmdtools.errors import ManifestError, MsmdError
from msmdtools.splits import duplicates, splits
from msmdtools.splits import report as split_report
from msmdtools.splits.splits import SplitByWork
from msmdtools.splits.works import catalogue_numbers, keys_of, works

FIRST, SECOND = synthetic_dataset.PIECES
THIRD = "BachJS__third"


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return msmd.open(synthetic_dataset.make(tmp_path_factory.mktemp("dataset")))


@pytest.fixture
def csv(tmp_path):
    """Writes a CSV file of splits and returns its path."""

    def write(*lines):
        path = tmp_path / "mine.csv"
        path.write_text("\n".join(lines) + "\n", "utf-8")
        return path

    return write


# Splits by name


@pytest.mark.parametrize("spec", ["all_split", "msmd-v1.1:all_split", "{}/msmd-v1.1.csv:all_split"])
def test_the_official_split_is_read_by_its_name_or_its_file(spec, repository):
    split = splits.read(spec.format(repository / "manifests"))
    counts = {name: list(split.values()).count(name) for name in splits.SPLITS}
    assert counts == {"train": 354, "valid": 19, "test": 94}


def test_pieces_without_a_value_are_not_in_the_split():
    split = splits.read("bach_split")
    assert len(split) == 172
    assert "SatieE__gymnopedie_1__gymnopedie_1" not in split
    assert set(splits.read("rp_split").values()) == {"test"}


def test_a_split_of_a_file_leaves_out_pieces_that_it_does_not_name(dataset, csv):
    path = csv("piece,split,other", f"{SECOND},test,1", f"{FIRST},,2")
    assert splits.resolve(dataset, f"{path}:split") == {SECOND: "test"}


def test_a_split_that_names_pieces_not_there(dataset, csv):
    path = csv("piece,split", f"{FIRST},train", f"{THIRD},test", "Other__one,train")
    with pytest.raises(ManifestError) as error:
        splits.resolve(dataset, f"{path}:split")
    assert str(error.value) == (
        f"{dataset.path} lacks 2 of the 3 pieces that {path}:split names (1 not attempted: Other__one; "
        f"1 failed: {THIRD} (timeout)). Build them, or do without them (--missing-ok)."
    )
    assert splits.resolve(dataset, f"{path}:split", missing_ok=True) == {FIRST: "train"}


def test_only_some_of_many_missing_pieces_are_named(dataset):
    with pytest.raises(
        ManifestError, match=r"lacks 467 of the 467 pieces that .* and 462 more\)\. Build"
    ):
        splits.resolve(dataset, "all_split")
    with pytest.raises(ManifestError, match="names none of the pieces"):
        splits.resolve(dataset, "all_split", missing_ok=True)


@pytest.mark.parametrize(
    ("lines", "column", "message"),
    [
        (
            ["piece,a,b", "x,train,test", "y,,7"],
            "c",
            "has no column 'c'; its columns of splits: a.",
        ),
        (
            ["piece,a", "x,train"],
            "",
            "needs a column, as FILE.csv:COLUMN; its columns of splits: a",
        ),
        (["piece,a", "x,7"], "b", "its columns of splits: none that holds a split."),
        (["piece,a", "x,dev"], "a", "row 1, x: a is 'dev'; it can be train, valid, test or empty."),
        (["piece,a", "x,", "x,test"], "a", "row 2: piece x occurs twice."),
        (["piece,a", "x,"], "a", "column 'a' is empty, so no piece is in the split."),
        (["name,a", "x,train"], "a", "has no column piece, so it cannot hold a split."),
        (["piece,a", "x"], "a", "row 1: not as many values as columns."),
        (["piece,a", "x,train,2"], "a", "row 1: not as many values as columns."),
        (["piece,a", 'x,"train'], "a", "line 1: not CSV"),
    ],
)
def test_a_file_that_holds_no_split(csv, lines, column, message):
    path = csv(*lines)
    with pytest.raises(ManifestError) as error:
        splits.read(f"{path}:{column}" if column else str(path))
    assert message in str(error.value)
    assert str(error.value).startswith(str(path))


def test_a_name_that_no_file_has(tmp_path):
    with pytest.raises(
        ManifestError, match=r"No split named 'al_split' .*: (split, )?all_split, bach_split,"
    ):
        splits.read("al_split")
    with pytest.raises(ManifestError, match=r"No such file of splits: .*none\.csv"):
        splits.read(f"{tmp_path / 'none.csv'}:split")
    with pytest.raises(MsmdError, match="No manifest named 'mine' comes with msmdtools"):
        splits.read("mine:split")


def test_what_is_written_is_read_again(dataset, tmp_path):
    split = {SECOND: "test", FIRST: "train"}
    path = tmp_path / "new" / "split.csv"
    splits.write(split, works(dataset.pieces), path)
    assert path.read_bytes().decode() == (
        f"piece,work,split\n{FIRST},J. S. Bach/first,train\n{SECOND},J. S. Bach/second,test\n"
    )
    assert splits.resolve(dataset, f"{path}:split") == split
    assert [file.name for file in path.parent.iterdir()] == ["split.csv"]
    with pytest.raises(ManifestError, match="Cannot write the split"):
        splits.write(split, works(dataset.pieces), path / "below.csv")


# Works


@pytest.mark.parametrize(
    ("composer", "opus", "title", "folder", "numbers"),
    [
        ("BeethovenLv", "Op. 27, No. 2", "Sonata No. 14", "O27", ["Op 27"]),
        ("SchubertF", "D.899 (Op. 90, No. 1)", "Impromptu", "D899", ["D 899", "Op 90"]),
        ("SchumannR", "O 68 n°16", "Album 16", "O68", ["Op 68"]),
        ("TchaikovskyPI", "O 37,1", "The Seasons", "", ["Op 37"]),
        ("BurgmullerJFF", "Opus 100.", "", "", ["Op 100"]),
        ("AlbenizIMF", "71", "Rumores", "", ["Op 71"]),
        ("TurpinT", "1903", "The St. Louis Rag", "turpin", []),
        ("HaydnFJ", "Hob. XVI:28", "", "HOB-XVI-28", ["Hob XVI:28"]),
        ("BachJS", "BWV 924a", "", "BWV924", ["BWV 924"]),
        ("BachJS", "BWV Anh. 113", "", "BWVAnh113", ["BWV Anh 113"]),
        ("BachJS", "BWV802", "", "", ["BWV 802"]),
        ("BachJS", "", "Fuga 15 - BWV 860", "", ["BWV 860"]),
        ("BachJS", "Schmellis Gesangbuch, No. 16", "Ermuntre dich", "BWV454", ["BWV 454"]),
        ("MozartWA", "K 545", "", "KV545", ["KV 545"]),
        ("MozartWA", "KV 401/375e", "", "", ["KV 401"]),
        ("MozartWA", "", "Sonate Opus KV 331 - Tema", "", ["KV 331"]),
        ("ScarlattiD", "K.491", "Sonata in D Major", "K491", ["K 491"]),
        ("DebussyC", "CD 125; L.117", "", "L117", ["CD 125", "L 117"]),
        ("BachJS", "", "Suite in D 2", "", []),
        ("Traditional", "1st part, nr 10 polska from Närke", "", "dansar.1.10", []),
    ],
)
def test_catalogue_numbers(composer, opus, title, folder, numbers):
    assert catalogue_numbers(composer, opus, title, folder) == numbers


def test_without_a_number_it_is_the_collection_or_the_title():
    aylesford = keys_of("HandelGF", "", "Menuet I", "HandelGF/Aylesford/09-menueti")
    assert aylesford == ["HandelGF/Aylesford", "HandelGF/Aylesford/09-menueti"]
    traviata = keys_of("VerdiG", "", "La Traviata - N4 Streta", "VerdiG/Traviata_04")
    assert traviata == ["VerdiG/la traviata", "VerdiG/Traviata_04"]
    assert keys_of("SatieE", "", "Gymnopédie No. 3", "") == ["SatieE/gymnopedie"]
    assert keys_of("ГлинкаМ", "", "Ноктюрн № 2", "") == ["ГлинкаМ/ноктюрн"]
    assert keys_of("", "", "", "") == ["/"]


def test_works_of_the_official_pieces(repository):
    pieces = pd.read_csv(repository / "manifests" / "msmd-v1.1.csv", keep_default_na=False)
    work = works(pieces)
    members = pd.Series(work).groupby(pd.Series(work)).size()
    assert len(work) == 467
    assert len(members) == 205
    assert members["BachJS/BWV 988"] == 29  # the Goldberg Variations
    assert members["BeethovenLv/Op 10"] == 5  # two sonatas
    assert members["HandelGF/Aylesford"] == 19
    assert members["BachJS/BWV Anh 117"] == 2  # their folders' names differ
    shuffled = pieces.sample(frac=1, random_state=3)
    assert works(shuffled) == work
    pair = ("SatieE__gymnopedie_1__gymnopedie_1", "Anonymous__lanative__lanative", 0.9)
    joined = works(pieces, [pair])
    assert joined[pair[0]] == joined[pair[1]] != work[pair[0]]
    assert len(set(joined.values())) == 204


# Splits of whole works


@st.composite
def collections(draw):
    """Pieces with a work, a size and a composer each, and how to split them."""
    count = draw(st.integers(3, 40))
    composer_of_work = draw(st.lists(st.integers(0, 5), min_size=count, max_size=count))
    extra = draw(st.lists(st.integers(0, count - 1), max_size=30))
    owners = [*range(count), *extra]
    sizes = draw(st.lists(st.integers(0, 500), min_size=len(owners), max_size=len(owners)))
    work_of = {f"piece {n}": f"work {w}" for n, w in enumerate(owners)}
    size_of = {f"piece {n}": size for n, size in enumerate(sizes)}
    composer_of = {f"piece {n}": f"c{composer_of_work[w]}" for n, w in enumerate(owners)}
    train, valid = draw(
        st.tuples(st.integers(0, 100), st.integers(0, 100)).filter(lambda f: 0 < sum(f) <= 100)
    )
    fractions = (train / 100, valid / 100, (100 - train - valid) / 100)
    return work_of, size_of, composer_of, SplitByWork(fractions, draw(st.integers(0, 9)))


@settings(deadline=None)  # the first call loads pandas
@given(collections(), st.randoms(use_true_random=False))
def test_whole_works_near_the_fractions_whatever_the_order(collection, shuffle):
    work_of, size_of, composer_of, spec = collection
    split = splits.make(work_of, size_of, composer_of, spec)
    assert list(split) == sorted(work_of)
    splits_of_work: dict[str, set[str]] = {}
    work_size: dict[str, int] = {}
    for piece, work in work_of.items():
        splits_of_work.setdefault(work, set()).add(split[piece])
        work_size[work] = work_size.get(work, 0) + max(1, size_of[piece])
    assert all(len(found) == 1 for found in splits_of_work.values())
    total, largest = sum(work_size.values()), max(work_size.values())
    for name, fraction in zip(splits.SPLITS, spec.fractions, strict=True):
        size = sum(max(1, size_of[piece]) for piece in split if split[piece] == name)
        assert (size > 0) == (fraction > 0)
        assert abs(size - fraction * total) <= 2 * largest + 1e-6
    pieces = list(work_of)
    shuffle.shuffle(pieces)
    again = [{p: mapping[p] for p in pieces} for mapping in (work_of, size_of, composer_of)]
    assert splits.make(*again, spec) == split


def test_a_composers_works_are_shared_out_like_the_whole():
    pieces = [f"{composer}{n}" for composer in "abcde" for n in range(40)]
    composer_of = {piece: piece[0] for piece in pieces}
    size_of = dict.fromkeys(pieces, 10)
    identity = {piece: piece for piece in pieces}
    split = splits.make(identity, size_of, composer_of, SplitByWork((0.8, 0.05, 0.15), 4))
    table = pd.crosstab(pd.Series(composer_of), pd.Series(split))
    assert table.sum().to_dict() == {"test": 30, "train": 160, "valid": 10}
    assert (abs(table - [6, 32, 2]) <= 1).all(axis=None)
    other = splits.make(identity, size_of, composer_of, SplitByWork((0.8, 0.05, 0.15), 5))
    assert other != split


def test_fractions_are_reached_with_the_official_pieces(repository):
    pieces = pd.read_csv(repository / "manifests" / "msmd-v1.1.csv", keep_default_na=False)
    sizes = random.Random(1)
    size_of = {piece: sizes.randint(60, 2000) for piece in pieces["piece"]}
    composer_of = dict(zip(pieces["piece"], pieces["composer"], strict=True))
    split = splits.make(works(pieces), size_of, composer_of, SplitByWork())
    size = pd.Series(size_of).groupby(pd.Series(split)).sum()
    assert (size / size.sum()).round(2).to_dict() == {"test": 0.15, "train": 0.8, "valid": 0.05}


def test_a_split_of_a_dataset_by_work(dataset):
    split = splits.resolve(dataset, SplitByWork((0.5, 0, 0.5), seed=1))
    assert sorted(split) == [FIRST, SECOND]
    assert set(split.values()) == {"train", "test"}
    assert splits.onsets(dataset) == {FIRST: 31, SECOND: 31}
    with pytest.raises(MsmdError, match="3 splits need at least 3 works, and there are 2"):
        splits.resolve(dataset, SplitByWork())


@pytest.mark.parametrize("fractions", [(0.8, 0.1), (0.8, 0.1, 0.2), (1.2, -0.1, -0.1), (1, 0, 2)])
def test_fractions_that_are_none(fractions):
    with pytest.raises(MsmdError, match=r"three numbers from 0 to 1 .* that sum to 1"):
        SplitByWork(fractions)


# The report


def test_the_report_of_a_split(dataset):
    split = {FIRST: "train", SECOND: "test"}
    pairs = duplicates.near_duplicates(dataset, transpose=True)
    found = split_report.report(dataset, split, pairs)
    assert split_report.markdown(found, split) == (
        "| split | pieces | works | composers | onsets | share |\n"
        "|---|---:|---:|---:|---:|---:|\n"
        "| train | 1 | 1 | 1 | 31 | 50.0% |\n"
        "| valid | 0 | 0 | 0 | 0 | 0.0% |\n"
        "| test | 1 | 1 | 1 | 31 | 50.0% |\n"
        "\n"
        "Works with pieces in more than one split: 0. Near-duplicates across splits: "
        "1 with a score of 0.2 or more, 1 of 0.1 or more.\n"
        "\n"
        "| score | split | piece | split | piece |\n"
        "|---:|---|---|---|---|\n"
        f"| 1.000 | train | `{FIRST}` | test | `{SECOND}` |\n"
    )
    loaded = json.loads(json.dumps(found.to_json()))
    assert loaded["leaks"] == [FIRST]
    assert loaded["duplicates"] == [{"piece_a": FIRST, "piece_b": SECOND, "score": 1.0}]
    assert loaded["parts"][0] == {
        "split": "train", "pieces": 1, "works": 1, "composers": 1, "onsets": 31, "fraction": 0.5,
    }  # fmt: skip


def test_the_report_counts_pieces_left_out_and_works_divided(dataset, tmp_path):
    alone = split_report.report(dataset, {FIRST: "train"}, [])
    assert alone.left_out == (SECOND,)
    assert "Pieces of the dataset that are in no split: 1." in split_report.markdown(alone, {})
    folder = synthetic_dataset.make(tmp_path / "one work")
    one_opus = [{"opus": "Op. 5, No. 1"}, {"opus": "Op. 5, No. 2"}, {}]
    synthetic_dataset.edit(
        folder, "pieces", lambda rows: [r.update(o) for r, o in zip(rows, one_opus, strict=True)]
    )
    found = split_report.report(msmd.open(folder), {FIRST: "valid", SECOND: "train"}, [])
    assert found.divided == {"J. S. Bach/Op 5": ("train", "valid")}
