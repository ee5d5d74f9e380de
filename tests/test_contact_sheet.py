"""The contact sheet of snippets, and `msmd show snippets`."""

from pathlib import Path

import numpy as np
import pytest
import snippet_shards
import synthetic_dataset
from click.testing import CliRunner, Result
from PIL import Image

from msmdtools.cli import main
from msmdtools.loading import contact
from msmdtools.loading.augment import OFF, PAPERS, STRONG, AudioAugment, Augment, SheetAugment
from msmdtools.loading.contact import contact_sheet
from msmdtools.loading.pairs import Pairs

SHEET = (320, 400)  # of a window, twice as large


@pytest.fixture(scope="module")
def snippets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return snippet_shards.write(tmp_path_factory.mktemp("made") / "snippets", shards=1)


def show(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["show", "snippets", *map(str, arguments)])


def windows(picture: np.ndarray) -> list[tuple[int, int]]:
    """Where cells have the black frame that the made-up sheets have around their window."""
    black = (picture == 0).all(axis=2)
    rows = np.flatnonzero(black.sum(axis=1) >= SHEET[1])
    tops = [row for row in rows if row - 1 not in rows and row + SHEET[0] - 1 in rows]
    found = []
    for top in tops:
        columns = np.flatnonzero(black[top : top + SHEET[0]].all(axis=0))
        found += [
            (top, int(c)) for c in columns if c - 1 not in columns and c + SHEET[1] - 1 in columns
        ]
    return found


def test_pairs_as_stored_are_in_rows(snippets: Path) -> None:
    picture = contact_sheet(snippets, pairs=2, variants=2, seed=5)
    cells = windows(picture)
    assert len(cells) == 6
    assert len({top for top, _ in cells}) == 2
    assert len({left for _, left in cells}) == 3
    expected = Pairs(snippets, "train")
    levels = {
        tuple(picture[top + SHEET[0] // 2, left + SHEET[1] // 2].tolist()) for top, left in cells
    }
    sheets = expected.batch(range(len(expected))).sheets
    assert levels <= {(int(grey),) * 3 for grey in sheets[:, 80, 100]}
    assert len(levels) > 3, "the pairs are not different ones"


def test_the_original_stands_first_and_variants_beside_it(snippets: Path) -> None:
    """Moved by more than its size, a window shows the frame of its picture no more."""
    augment = Augment(SheetAugment(shift_px=40))
    picture = contact_sheet(snippets, augment, pairs=3, variants=4)
    cells = windows(picture)
    assert len(cells) == 3
    assert {left for _, left in cells} == {contact.MARGIN + 1}


def test_the_marks_are_where_the_onset_is(snippets: Path) -> None:
    picture = contact_sheet(snippets, pairs=1, variants=1)
    top, left = windows(picture)[0]
    cell = picture[:, left : left + SHEET[1]]
    orange = (cell == contact.ONSET).all(axis=2)
    assert np.flatnonzero(orange[top - 5]).mean() == pytest.approx(SHEET[1] / 2, abs=1)
    foot = np.flatnonzero(orange.any(axis=1))[-1]
    # The loudest frame of the made-up spectrograms is the onset's, 21 of 42.
    sound = cell[foot - 40, :, 0]
    dark = np.flatnonzero(sound == sound.min())
    assert np.flatnonzero(orange[foot]).mean() == pytest.approx(dark.mean(), abs=1)
    assert len(dark) == pytest.approx(SHEET[1] / 42, abs=1)


def test_the_same_seed_gives_the_same_picture(snippets: Path) -> None:
    one = contact_sheet(snippets, STRONG, pairs=2, variants=2)
    assert np.array_equal(one, contact_sheet(snippets, STRONG, pairs=2, variants=2))
    assert not np.array_equal(one, contact_sheet(snippets, STRONG, pairs=2, variants=2, seed=1))


def test_the_choice_of_the_performance_is_an_epochs(snippets: Path) -> None:
    split = Pairs(snippets, "train").split
    rows = np.array([3, 50, 100])
    augment = Augment(audio=AudioAugment(one_performance=True))
    chosen = [contact._rows(split, rows, augment, 0, epoch) for epoch in range(6)]
    for row, *others in zip(rows, *chosen, strict=True):
        assert {split.index.group[o] for o in others} == {split.index.group[row]}
        assert len(set(others)) == 2
    assert np.array_equal(contact._rows(split, rows, OFF, 0, 0), rows)


def test_no_more_pairs_than_there_are(tmp_path: Path) -> None:
    few = snippet_shards.write(tmp_path, pieces=1, onsets=2, performances=1, shards=1)
    assert len(windows(contact_sheet(few, pairs=4, variants=4))) == 2


@pytest.mark.parametrize(("augment", "expected"), [([], OFF), (["--augment"], PAPERS)])
def test_the_command_draws_snippets(
    augment: list[str], expected: Augment, snippets: Path, tmp_path: Path
) -> None:
    out = tmp_path / "x.png"
    more = ["--pairs", 1, "--variants", 2, "--context", 4.2]
    result = show(snippets, *augment, "-o", out, *more)
    assert result.exit_code == 0, result.output
    wanted = contact_sheet(snippets, expected, pairs=1, variants=2, context_s=4.2)
    assert np.array_equal(np.asarray(Image.open(out)), wanted)
    assert result.output == f"{out}: {wanted.shape[1]} x {wanted.shape[0]} pixels\n"


def test_the_command_takes_a_preset_or_a_file(
    snippets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.toml").write_text("[sheet]\nrotation_deg = 3\n")
    few = ["--pairs", 1, "--variants", 1]
    for value, augment in (
        ("strong", STRONG),
        ("mine.toml", Augment(SheetAugment(rotation_deg=3))),
    ):
        result = show(snippets, "--augment", value, *few)
        assert result.exit_code == 0, result.output
        wanted = contact_sheet(snippets, augment, pairs=1, variants=1)
        assert np.array_equal(np.asarray(Image.open("snippets.png")), wanted)


def test_the_command_says_what_is_wrong(snippets: Path, tmp_path: Path) -> None:
    dataset = synthetic_dataset.make(tmp_path / "dataset")
    nowhere = tmp_path / "nowhere"
    (tmp_path / "unfinished" / "data").mkdir(parents=True)
    for arguments, code, words in [
        ([snippets, "piece"], 2, "unexpected extra argument (piece)"),
        ([snippets, "--page", 1], 2, "--page is for msmd show page."),
        ([dataset], 1, f"{dataset}: not a folder of snippets (it has no snippets.json)"),
        ([nowhere, "--augment"], 1, f"{nowhere}: no such folder"),
        ([tmp_path / "unfinished"], 1, "these snippets are not finished"),
        ([snippets, "--augment", "papres"], 1, "no augmentation 'papres'; did you mean papers?"),
        (
            [snippets, "--augment", "x"],
            1,
            "no augmentation 'x'; give off, papers, strong or a TOML",
        ),
        ([snippets, "--augment", f"{nowhere}.toml"], 1, f"{nowhere}.toml: no such file"),
        ([snippets, "--split", "test"], 1, f"{snippets}: no split 'test', there are train"),
        ([snippets, "--context", 8.4], 1, "a context of 8.4 s is longer than the 4.2 s that are"),
        ([snippets, "--pairs", 0], 1, "--pairs is 0 and --variants is 4; both must be at least 1"),
        ([snippets, "-o", "x.doc"], 1, "x.doc: not the name of a picture"),
    ]:
        result = show(*arguments)
        assert result.exit_code == code, result.output
        assert words in result.output
