"""Datasets from MusicXML, MEI, **kern and ABC, from the command line to the tables."""

import json
import shlex
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from PIL import Image
from small_scores import musicxml, note

from msmdtools.build import engraving
from msmdtools.build.options import BuildOptions, without_effect
from msmdtools.cli import main

TIE = '<tie type="{0}"/><notations><tied type="{0}"/></notations>'
TIED = musicxml(
    [
        note("C4", 4) + note("E4", 4) + note("G4", 8, more=TIE.format("start")),
        note("G4", 8, more=TIE.format("stop")) + note("F#4", 8, id="last"),
    ]
)
MEI = """<?xml version="1.0" encoding="UTF-8"?>
<mei xmlns="http://www.music-encoding.org/ns/mei" meiversion="5.0"><meiHead><fileDesc><titleStmt>
<title>Two notes</title></titleStmt><pubStmt/></fileDesc></meiHead><music><body><mdiv><score>
<scoreDef meter.count="2" meter.unit="4"><staffGrp><staffDef n="1" lines="5" clef.shape="G" clef.line="2"/>
</staffGrp></scoreDef><section><measure n="1"><staff n="1"><layer n="1">
<note xml:id="first" pname="a" oct="4" dur="4"/><note xml:id="second" pname="b" oct="4" dur="4"/>
</layer></staff></measure></section></score></mdiv></body></music></mei>
"""
KERN = "!!!OTL: Three\n**kern\n*clefG2\n*M3/4\n=1\n4c\n4d\n4e\n==\n*-\n"
ABC = "X:1\nT:Four\nM:4/4\nL:1/4\nK:D\nDEFG|\n"
SOURCES = {"a.musicxml": TIED, "b.mei": MEI, "c.krn": KERN, "d.abc": ABC}


@pytest.fixture(scope="module")
def dataset(soundfont: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of one small piece of each format."""
    return build(tmp_path_factory.mktemp("dataset"), SOURCES)


def msmd(*arguments: object, code: int = 0) -> str:
    """Run a command, and give what it prints."""
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    return result.output


def build(folder: Path, sources: dict[str, str], *options: str, code: int = 0) -> Path:
    root = folder / "tree"
    root.mkdir(exist_ok=True)
    for name, text in sources.items():
        (root / name).write_text(text, "utf-8")
    msmd("ingest", root, "--out", folder / "m.csv", "--instrument", "all")
    arguments = ["--manifest", folder / "m.csv", "--root", root, "--out", folder / "out"]
    fonts = ["--soundfonts", "TimGM6mb", "--jobs", "1"]
    msmd("build", *arguments, *fonts, *options, code=code)
    return folder / "out"


def table(dataset: Path, name: str, piece: str = "") -> pd.DataFrame:
    """A table, or the rows of one piece."""
    rows = pd.read_parquet(dataset / f"{name}.parquet")
    return rows[rows["piece"] == piece].reset_index(drop=True) if piece else rows


def test_each_format_becomes_a_piece_with_every_note_accounted_for(dataset: Path) -> None:
    pieces = table(dataset, "pieces").set_index("piece")
    assert pieces["format"].to_dict() == {"a": "musicxml", "b": "mei", "c": "kern", "d": "abc"}
    assert pieces["noteheads"].to_dict() == {"a": 5, "b": 2, "c": 3, "d": 4}
    assert pieces["title"].to_dict() == {"a": "", "b": "Two notes", "c": "Three", "d": "Four"}
    assert all(engine.startswith("Verovio ") for engine in pieces["engine"])
    heads = table(dataset, "noteheads")
    pitches = {piece: rows["pitch"].tolist() for piece, rows in heads.groupby("piece")}
    assert pitches == {
        "a": [60, 64, 67, 67, 66],
        "b": [69, 71],
        "c": [60, 62, 64],
        "d": [62, 64, 66, 67],
    }
    assert "all well" in msmd("validate", dataset)


def test_a_tie_is_one_sound_of_two_heads(dataset: Path) -> None:
    heads = table(dataset, "noteheads", "a")
    assert heads["role"].tolist() == ["played", "played", "played", "tied", "played"]
    assert heads["event"].tolist() == [0, 1, 2, 2, 3]
    assert heads["tied_to"].tolist() == [-1, -1, -1, 2, -1]
    assert [Fraction(text) for text in heads["onset_fraction"]] == [0, 1, 2, 4, 6]
    events = table(dataset, "events", "a")
    # Without a tempo mark a quarter note takes a second.
    lengths = (events["offset_s"] - events["onset_s"]).round(3).tolist()
    assert lengths == [1.0, 1.0, 4.0, 2.0]


def test_heads_lead_back_to_the_source(dataset: Path) -> None:
    sources = {
        piece: rows["source"].tolist()
        for piece, rows in table(dataset, "noteheads").groupby("piece")
    }
    assert sources["a"][0] == "part[@id='P1']/measure[1]/note[1]"
    assert sources["a"][-1] == "#last"
    assert sources["b"] == ["#first", "#second"]
    assert sources["c"] == ["line 6, spine 1", "line 7, spine 1", "line 8, spine 1"]
    assert sources["d"] == [""] * 4


def test_bars_hold_their_heads(dataset: Path) -> None:
    bars = table(dataset, "measures", "a")
    assert bars["number"].tolist() == ["1", "2"]
    assert bars["onset_fraction"].tolist() == ["0", "4"]
    assert bars["duration_fraction"].tolist() == ["4", "4"]
    assert bars["x1"][0] == bars["x0"][1]
    for head in table(dataset, "noteheads", "a").itertuples():
        bar = bars.iloc[0 if head.onset_quarters < 4 else 1]
        assert bar["x0"] < head.x0 < head.x1 < bar["x1"]


def test_the_same_build_gives_the_same_bytes(dataset: Path, tmp_path: Path) -> None:
    kinds = {".parquet", ".png", ".pdf", ".npy", ".mid"}
    first, second = (
        {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.suffix in kinds}
        for folder in (dataset, build(tmp_path, SOURCES))
    )
    assert len(first) > 40 and first == second


def test_looks_and_options_of_the_page(tmp_path: Path, soundfont: Path) -> None:
    dataset = build(tmp_path, {"a.musicxml": TIED}, "--looks", "3", "--staff-size", "16")
    pieces = table(dataset, "pieces").set_index("piece")
    assert list(pieces.index) == ["a", "a~2", "a~3"]
    assert pieces["look"]["a"] == "" and pieces["look"]["a~2"] != pieces["look"]["a~3"]
    assert pieces["edition"].nunique() == 1
    sounds = [table(dataset, "events", piece)["onset_s"].tolist() for piece in pieces.index]
    assert sounds[0] == sounds[1] == sounds[2]
    heights = {
        piece: float(rows["y1"].iloc[0] - rows["y0"].iloc[0])
        for piece, rows in table(dataset, "systems").groupby("piece")
    }
    # Four spaces of a staff of 16 points on paper 210 mm wide, 835 pixels, and the thickness of a line.
    assert heights["a"] == pytest.approx(16 * 25.4 / 72.27 * 835 / 210, abs=0.6)
    described = json.loads((tmp_path / "out" / "dataset.json").read_text())
    assert described["options"]["staff_size"] == 16
    card = (dataset / "README.md").read_text("utf-8")
    assert "--repeats written --staff-size 16.0 --looks 3 --seed 0\n" in card


def test_the_card_has_the_command_that_made_the_dataset(tmp_path: Path, soundfont: Path) -> None:
    look = [
        "--music-font",
        "Bravura",
        "--page-width",
        "180",
        "--spacing",
        "1.5",
        "--looks",
        "2",
        "--seed",
        "7",
    ]
    dataset = build(tmp_path, {"a.musicxml": TIED}, *look)
    card = (dataset / "README.md").read_text("utf-8")
    (line,) = (line for line in card.splitlines() if line.startswith("msmd build "))
    line = line.replace("TREE", str(tmp_path / "tree")).replace("DATASET", str(tmp_path / "again"))
    line = line.replace(" m.csv", f" {tmp_path / 'm.csv'}")
    msmd(*shlex.split(line)[1:], "--jobs", "1")
    assert (tmp_path / "again" / "README.md").read_bytes() == (dataset / "README.md").read_bytes()
    for name in ("pieces", "noteheads", "events"):
        file = f"{name}.parquet"
        assert (tmp_path / "again" / file).read_bytes() == (dataset / file).read_bytes()


def test_options_that_change_nothing_are_said(
    tmp_path: Path, soundfont: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def warnings(options: BuildOptions, formats: set[str]) -> list[str]:
        return list(without_effect(options, formats))

    timed = BuildOptions(midi_timing="file")
    assert warnings(timed, {"midi", "abc"}) == []
    assert warnings(timed, {"abc"}) == [
        "--midi-timing file changes nothing: it is for MIDI files as sources, and there is none among the pieces"
    ]
    looking = BuildOptions(looks=2, staff_size=16)
    assert warnings(looking, {"lilypond", "abc"}) == []
    assert warnings(looking, {"lilypond"}) == [
        "--staff-size, --looks change nothing: LilyPond's sources, as all pieces are, say how they look"
    ]
    build(tmp_path, {"a.abc": ABC}, "--midi-timing", "file")
    assert "--midi-timing file changes nothing" in caplog.text


def test_transposed_music_is_engraved_and_sounds_higher(tmp_path: Path, soundfont: Path) -> None:
    dataset = build(tmp_path, {"a.musicxml": TIED, "c.krn": KERN}, "--transpose", "3")
    assert table(dataset, "noteheads", "a")["pitch"].tolist() == [63, 67, 70, 70, 69]
    assert table(dataset, "events", "c")["pitch"].tolist() == [63, 65, 67]


def test_a_bad_source_costs_its_own_piece_alone(tmp_path: Path, soundfont: Path) -> None:
    silent = musicxml([note("r", 16)])
    sources = {"a.musicxml": TIED, "silent.musicxml": silent}
    dataset = build(tmp_path, sources, code=3)
    pieces = table(dataset, "pieces").set_index("piece")
    assert pieces["status"].to_dict() == {"a": "ok", "silent": "failed"}
    assert pieces["reason"]["silent"] == "no-notes"


def test_pages_are_as_wide_as_asked(tmp_path: Path, soundfont: Path) -> None:
    dataset = build(tmp_path, {"a.musicxml": TIED}, "--width", "1200")
    page = np.asarray(Image.open(dataset / "pieces" / "a" / "page-01.png"))
    assert page.shape[1] == 1200
    for head in table(dataset, "noteheads", "a").itertuples():
        middle = page[round((head.y0 + head.y1) / 2), round((head.x0 + head.x1) / 2)]
        assert middle < 128 or head.duration_quarters >= 2  # a half note is hollow


def test_an_engraver_that_takes_all_memory_is_stopped() -> None:
    with pytest.raises(MemoryError), engraving._memory(64 << 20):
        np.zeros(1 << 30, np.uint8)
    assert np.zeros(1 << 28, np.uint8).size == 1 << 28  # and is there again
