"""Sources of other versions, end to end: upgraded where their version asks for it, recorded, counted again."""

import shutil
from fractions import Fraction
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from msmdtools.build.upgrade import music_difference
from msmdtools.cli import main
from msmdtools.engrave import Count, Limits, count_notes, find_engines, sandbox_available
from msmdtools.sources.ingest import ingest
from msmdtools.sources.versions import stated_version, written_for, written_lengths

MOMENT = """\
\\version "2.24.0"
\\header { title = "A-|" instrument = "Piano" }
\\new Staff \\fixed c' {
  \\time 2/4 c16 d e f g a b c' |
  \\set Timing.baseMoment = #(ly:make-moment 1/4)
  c' b a g f e d c | c2 |
}
"""
OLD_MAIN = """\
\\version "2.18.2"
\\header { title = "Probe" instrument = "Piano" }
\\include "part.ily"
\\score { \\new Staff { \\global c'4 d' R1*4 g'1 } }
"""
OLD_PART = "global = { \\compressFullBarRests \\time 4/4 }\n"


def build(folder: Path, *options: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The pieces and note heads of what is built from the tree in `folder`/tree."""
    manifest, out = folder / "pieces.csv", folder / "dataset"
    shutil.rmtree(out, ignore_errors=True)
    tree = str(folder / "tree")
    run = CliRunner().invoke(main, ["ingest", tree, "--out", str(manifest)])
    assert run.exit_code == 0, run.output
    arguments = ["--manifest", str(manifest), "--root", tree, "--out", str(out)]
    run = CliRunner().invoke(main, ["build", *arguments, "--soundfonts", "TimGM6mb", *options])
    assert run.exit_code in (0, 3), run.output
    pieces = pd.read_parquet(out / "pieces.parquet").set_index("piece")
    return pieces, pd.read_parquet(out / "noteheads.parquet").set_index("piece")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "tree"
    for name, text in (
        ("moment.ly", MOMENT),
        ("old/main.ly", OLD_MAIN),
        ("old/part.ily", OLD_PART),
        ("wrong.ly", MOMENT.replace("c' b a g", "c' \\nothing b a g")),
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def test_sources_are_upgraded_where_their_version_asks_for_it(
    tmp_path: Path, tree: Path, soundfont: Path
) -> None:
    pieces, heads = build(tmp_path)
    assert pieces["status"].tolist() == ["ok"] * 3
    # A moment between notes leaves the length of the notes after it alone.
    lengths = heads.loc["moment", "duration_quarters"]
    assert lengths.tolist() == [0.25] * 16 + [2.0]
    # A file without \\version is as old as its main file.
    assert heads.loc["old__main", "onset_fraction"].tolist() == ["0", "1", "18"]
    assert pieces.loc["old__main", "upgraded"] == "2.18.2: part.ily"
    assert pieces["upgrade_difference"].tolist() == ["", "", ""]
    assert pieces["engraver_errors"].tolist() == [0, 0, 2]
    assert "unknown command: `\\nothing'" in pieces.loc["wrong", "engraver_error"]
    pieces, heads = build(tmp_path, "--upgrade", "never", "--pieces", "old*")
    assert pieces.loc["old__main", "upgraded"] == ""
    assert pieces.loc["old__main", "engraver_errors"] > 0
    assert heads["onset_fraction"].iloc[0] == "1"  # the unknown word takes a quarter


def test_a_difference_that_an_upgrade_makes_is_said(tmp_path: Path, tree: Path) -> None:
    for name in ("source", "original"):
        shutil.copytree(tree, tmp_path / name)
    file = tmp_path / "source" / "moment.ly"
    file.write_text(MOMENT.replace("#(ly:make-moment 1/4)", "\\musicLength 4"))
    assert written_lengths(file.read_text()) != written_lengths(MOMENT)
    (piece,) = (piece for piece in ingest(tree) if piece.piece == "moment")
    said = music_difference(
        tmp_path / "source",
        tmp_path / "original",
        piece,
        engine=find_engines()[0],
        limits=Limits(),
        sandbox=sandbox_available(),
    )
    assert said == (
        "17 notes in 12 quarters after the upgrade, 17 notes in 6 quarters as the source stands"
    )


def test_a_source_with_errors_is_not_counted(tmp_path: Path, tree: Path) -> None:
    engine = find_engines()[0]
    for name, expected in (("moment", Count(17, Fraction(6))), ("wrong", None)):
        folder = tmp_path / name
        folder.mkdir()
        assert count_notes(tree / f"{name}.ly", tree, folder, engine=engine) == expected


def test_a_count_that_the_source_wrote_itself_is_none(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    source = tmp_path / "in" / "a.ly"
    text = '#(call-with-output-file "count.tsv" (lambda (p) (display "12 notes" p)))'
    source.write_text(f'\\version "2.24.0"\n{text}\n')
    engine = find_engines()[0]
    assert count_notes(source, source.parent, tmp_path / "out", engine=engine) is None


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ('\\version "2.18.2" { c }', "2.18.2"),
        ('% \\version "2.10.0"\n\\version"2.24"', "2.24"),
        ('\\version "new" { c }', ""),
        ('title = "\\\\version \\"2.10.0\\""', ""),
        ("{ c }", ""),
    ],
)
def test_the_version_that_a_source_states(text: str, version: str) -> None:
    assert stated_version(text) == version


def test_files_without_a_version_are_as_old_as_the_main_file(tmp_path: Path) -> None:
    for name, text in (
        ("a.ly", '\\version "2.18.2"'),
        ("b.ily", ""),
        ("c.ily", '\\version "2.10"'),
    ):
        (tmp_path / name).write_text(text)
    assert written_for(tmp_path, ["a.ly", "b.ily", "c.ily"], "2.6.0") == {
        "a.ly": "2.18.2",
        "b.ily": "2.18.2",
        "c.ily": "2.10",
    }
    assert written_for(tmp_path, ["b.ily"], "2.6.0") == {"b.ily": "2.6.0"}
    assert written_for(tmp_path, ["b.ily"]) == {"b.ily": ""}


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        ("c4 \\times 2/3 { d8 e f }", "c4 \\tuplet 3/2 { d8 e f }", True),
        ("\\set x = #(ly:make-moment 1/4) c", "\\set x = \\musicLength 4 c", False),
        ("\\set t = #(ly:make-moment 1/4) c", "\\tupletSpan 4 c", True),
        ("\\set x = #'(2 2) c4", "\\set x = 2,2 c4", True),
        ('c4^\\markup \\note #"4" #UP d', "c4^\\markup \\note {4} #UP d", True),
        ("eflat4 c", "e-flat4 c", True),
        ("c4 d8", "c4 d", False),
        ("c4*2/3 d", "c4 d", False),
        ('% c4\n d^"8"', 'd^"4"', True),
    ],
)
def test_written_lengths_tell_what_may_change_the_music(
    before: str, after: str, same: bool
) -> None:
    assert (written_lengths(before) == written_lengths(after)) is same
