"""Options as a user gives them: texts, TOML files, and what is refused."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from msmdtools.base import resources
from msmdtools.base.failures import Failure
from msmdtools.base.quantities import format_bytes, parse_bytes, parse_seconds
from msmdtools.build import build as building
from msmdtools.build.options import (
    BuildOptions,
    parse_options,
    parse_soundfonts,
    parse_tempi,
    parse_velocity,
    read_config,
)
from msmdtools.build.summary import BuildSummary
from msmdtools.cli import main
from msmdtools.errors import DatasetError, MsmdError
from msmdtools.performance import PerformanceSpec
from msmdtools.sources.gather import gather

TOTALS = {
    "attempted": 2,
    "ok": 1,
    "failed": 1,
    "failed_by_reason": {"engrave/timeout": 1},
    "pages": 1,
    "systems": 4,
    "staves": 8,
    "noteheads": 200,
    "played": 197,
    "tied": 2,
    "silent": 1,
    "silent_by_reason": {"cue": 1},
    "performances": 1,
    "events": 1234,
    "events_with_head": 1233,
    "events_without_head": 1,
    "events_without_head_by_reason": {"hidden-head": 1},
    "performed_s": 5400.0,
    "audio_s": 0.0,
    "bytes": 2_500_000,
}

FAILURE = Failure("b", "engrave, timeout", "b.ly: LilyPond was stopped after 600 s")

SUMMARY = """\
pieces attempted                               2
  ok                                           1     50.000 %
  failed                                       1     50.000 %
    engrave/timeout                            1
pages                                          1
systems                                        4
note heads                                   200
  played                                     197     98.500 %
  tied                                         2      1.000 %
  silent                                       1      0.500 %
    cue                                        1
performances                                   1
note events                                1,234
  with a head                              1,233     99.919 %
  without                                      1      0.081 %
    hidden-head                                1
hours performed                             1.50
  kept as audio                             none
megabytes                                   2.50

This build attempted 1 piece; 1 was there already.

1 piece failed:
     1  engrave, timeout
        b: b.ly: LilyPond was stopped after 600 s
pieces.parquet has all of them with their reasons; --retry-failed tries them again.
"""


@pytest.fixture
def called(monkeypatch):
    """The arguments of the build that the command line asks for."""
    calls = []

    def fake(manifest, root, out, options, **_):
        calls.append((manifest, root, out, options))
        return BuildSummary(out, 2, 1, (FAILURE,), TOTALS)

    monkeypatch.setattr(building, "build", fake)
    return calls


def run(*arguments):
    return CliRunner().invoke(main, ["build", *map(str, arguments)])


@pytest.mark.parametrize(
    ("value", "tempi"),
    [
        ("0.9,1.0,1.1", (0.9, 1.0, 1.1)),
        (" 1, 2 ", (1.0, 2.0)),
        (1, (1.0,)),
        ([0.5, 1], (0.5, 1.0)),
    ],
)
def test_tempi(value, tempi):
    assert parse_tempi(value) == tempi


@pytest.mark.parametrize(
    ("value", "fonts"),
    [
        ("TimGM6mb", (("TimGM6mb", 0),)),
        ("A:6,B", (("A", 6), ("B", 0))),
        (["A:6", "/fonts/b.sf2"], (("A", 6), ("/fonts/b.sf2", 0))),
    ],
)
def test_soundfonts(value, fonts):
    assert parse_soundfonts(value) == fonts


@pytest.mark.parametrize(
    ("value", "size"), [("4G", 4 << 30), ("512M", 512 << 20), ("1.5GiB", 3 << 29), (300, 300)]
)
def test_memory(value, size):
    assert parse_bytes(value) == size


@pytest.mark.parametrize(
    ("size", "text"), [(4 << 30, "4G"), (256 << 20, "256M"), (3 << 29, "1536M"), (300, "300")]
)
def test_memory_as_text(size, text):
    assert format_bytes(size) == text
    assert parse_bytes(text) == size


def test_seconds():
    assert [parse_seconds(text) for text in ("45s", "1.5m", "3h")] == [45, 90, 10800]


def test_velocity():
    assert [parse_velocity(value) for value in ("64", 100, "source")] == [64, 100, None]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"tempi": "fast"}, "tempi: 'fast' is not a list of numbers such as 0.9,1.0,1.1"),
        ({"tempi": "0"}, "tempi: 0.0 is not allowed; give numbers from 0.1 to 10"),
        (
            {"tempi": "1,1.0", "soundfonts": "A"},
            "tempi and soundfonts: 'A-000_x1.00, A-000_x1.00' is not allowed; "
            "give each tempo, and each font and program, once",
        ),
        (
            {"soundfonts": "A:B"},
            "soundfonts: 'A:B' is not NAME or NAME:PROGRAM, such as TimGM6mb:0",
        ),
        (
            {"soundfonts": "A:128"},
            "soundfonts: 128 is not allowed; give programs from 0 to 127",
        ),
        (
            {"soundfonts": "x/A.sf2,y/A.sf2"},
            "tempi and soundfonts: 'A-000_x1.00, A-000_x1.00' is not allowed; "
            "give each tempo, and each font and program, once",
        ),
        ({"width": 10}, "width: 10 is not allowed; give pixels from 200 to 10000"),
        ({"velocity": "loud"}, "velocity: 'loud' is neither a number nor source"),
        ({"velocity": "0"}, "velocity: 0 is not allowed; give a number from 1 to 127, or source"),
        ({"memory": "much"}, "memory: 'much' is not a size such as 512M or 4G"),
        ({"timeout": 0}, "timeout: 0 is not allowed; give seconds above 0"),
        ({"jobs": -1}, "jobs: -1 is not allowed; give a number of worker processes, or 0"),
        ({"transpose": 13}, "transpose: 13 is not allowed; give semitones from -12 to 12"),
        ({"repeats": "never"}, "repeats: 'never' is not allowed; give written or unfolded"),
    ],
)
def test_what_is_refused(values, message):
    with pytest.raises(MsmdError) as caught:
        parse_options(values)
    assert str(caught.value) == message


def test_performances_are_fonts_by_tempi():
    options = parse_options({"tempi": "0.5,2", "soundfonts": "A,B:6", "velocity": "source"})
    assert options.performances() == (
        PerformanceSpec(0.5, "A", 0, None),
        PerformanceSpec(2.0, "A", 0, None),
        PerformanceSpec(0.5, "B", 6, None),
        PerformanceSpec(2.0, "B", 6, None),
    )


def test_a_config_file(tmp_path, called):
    config = tmp_path / "build.toml"
    config.write_text(
        'manifest = "m.csv"\nroot = "/tree"\ntempi = [0.9, 1.1]\nsoundfonts = ["A:6"]\n'
        'keep-audio = true\nretry_failed = true\nwidth = 900\nmemory = "1G"\nvelocity = "source"\n'
    )
    result = run("--config", config, "--out", "ds", "--width", "835", "--jobs", "3")
    assert result.exit_code == 3
    manifest, root, out, options = called[0]
    assert (manifest, root, out) == (tmp_path / "m.csv", Path("/tree"), Path("ds"))
    assert options == BuildOptions(
        tempi=(0.9, 1.1),
        soundfonts=(("A", 6),),
        keep_audio=True,
        retry_failed=True,
        width=835,
        memory_bytes=1 << 30,
        velocity=None,
        jobs=3,
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tempo = 1", "unknown option tempo (there are: engine, formats, "),
        ("width = '835'", "width = '835' has the wrong type; give a whole number"),
        ("width = true", "width = True has the wrong type"),
        ("width 835", "Expected '=' after a key"),
    ],
)
def test_a_wrong_config_file(tmp_path, text, message):
    config = tmp_path / "build.toml"
    config.write_text(text)
    with pytest.raises(MsmdError) as caught:
        read_config(config)
    assert str(caught.value).startswith(f"{config}: {message}")


def test_a_config_file_that_is_not_there(tmp_path):
    result = run("--config", tmp_path / "no.toml", "--out", "ds")
    assert result.exit_code == 1
    assert result.output == f"Error: {tmp_path / 'no.toml'}: there is no such file\n"


def test_the_sample_needs_no_manifest(called):
    run("--sample", "--out", "ds")
    assert called[0][:2] == (resources.manifest("sample"), resources.pieces())
    assert called[0][3] == BuildOptions()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--out", "ds"],
            "There is nothing to build: name files or folders of scores, a manifest, or",
        ),
        (
            ["--manifest", "m", "--out", "ds"],
            "--root is missing: give the folder of the sources that",
        ),
        (["a.mxl", "--manifest", "m", "--out", "ds"], "--manifest and --root are for manifests"),
        (["a.mxl", "--root", "r", "--out", "ds"], "--manifest and --root are for manifests"),
        (["a.csv", "--manifest", "m", "--out", "ds"], "SOURCE is a manifest, too"),
        (["a.csv", "b.csv", "--out", "ds"], "A manifest (.csv) is built by itself"),
        (["a.mxl"], "--out is missing: name a folder for the dataset."),
        (
            ["--sample", "a.mxl", "--out", "ds"],
            "--sample stands for SOURCE, and for --manifest and",
        ),
        (["--sample"], "--out is missing: name a folder for the dataset."),
        (["--sample", "--root", "x", "--out", "y"], "--sample stands for SOURCE, and for"),
        (["--repeats", "never"], "Invalid value for '--repeats'"),
    ],
)
def test_wrong_usage_is_exit_code_2(arguments, message, called):
    result = run(*arguments)
    assert result.exit_code == 2
    assert message in result.output
    assert not called


def test_the_summary_is_a_table(called):
    result = run("--sample", "--out", "ds")
    assert result.exit_code == 3
    assert result.output == SUMMARY


def test_an_error_is_a_line_and_exit_code_1(monkeypatch):
    def refuse(*_, **__):
        raise DatasetError("ds is in use")

    monkeypatch.setattr(building, "build", refuse)
    result = run("--sample", "--out", "ds")
    assert (result.exit_code, result.output) == (1, "Error: ds is in use\n")


def tree(folder):
    for name in (
        "a/x/song.mxl",
        "a/song.krn",
        "a/deep/er/song.krn",
        "b/song.krn",
        "b/notes.txt",
        "a/y.mid",
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("**kern\n4c\n*-\n")
    return folder


@pytest.mark.parametrize(
    ("sources", "root", "pieces"),
    [
        (["a/song.krn"], "a", {"song": "song.krn"}),
        (["a"], "a", {"song": "song.krn", "x__song": "x/song.mxl", "deep__er__song": "deep/er/song.krn",
                      "y": "y.mid"}),
        (["a/song.krn", "b/song.krn"], "", {"a__song": "a/song.krn", "b__song": "b/song.krn"}),
        (["a/song.krn", "a/song.krn", "a/x"], "a", {"song": "song.krn", "x__song": "x/song.mxl"}),
        (["a/song.krn", "a/x/../x", "--formats", "mei,kern"], "a", {"song": "song.krn"}),
        (["a/x/song.mxl", "a/deep", "--formats", "kern"], "a",
            {"x__song": "x/song.mxl", "deep__er__song": "deep/er/song.krn"}),
    ],
)  # fmt: skip
def test_files_and_folders_are_built(tmp_path, called, monkeypatch, sources, root, pieces):
    monkeypatch.chdir(tree(tmp_path))
    result = run(*sources, "--out", "ds")
    assert result.exit_code == 3, result.output
    listed, found, out, options = called[0]
    assert (found, out, options) == (tmp_path / root, Path("ds"), BuildOptions())
    assert {piece.piece: piece.path for piece in listed} == pieces


def test_sources_with_one_id_get_two(tmp_path):
    for name in ("a/b/c/s.krn", "a/b/C/S.krn", "a/b/c/s.mei"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("**kern\n4c\n*-\n")
    gathered = gather([tmp_path / "a/b/c", tmp_path / "a/b/C/S.krn"])
    assert [piece.piece for piece in gathered.pieces] == ["C__S", "c__s-2", "c__s-2.krn"]


@pytest.mark.parametrize(
    ("sources", "message"),
    [
        (["none.mxl"], "Error: Cannot read none.mxl: there is no such file.\n"),
        (["b/notes.txt"], "Error: b/notes.txt: msmd cannot read .txt files. It reads .abc, .krn, .ly,"),
        (["b/x", "a"], "Error: Cannot read b/x: there is no such file."),
        (["a", "--formats", "pdf"], "'pdf' is no format of sources (there are: lilypond, musicxml,"),
        (["a", "--formats", "mei"], "makes a score. Name a folder with files of LilyPond (.ly)"),
    ],
)  # fmt: skip
def test_sources_that_are_none(tmp_path, called, monkeypatch, sources, message):
    monkeypatch.chdir(tree(tmp_path))
    result = run(*sources, "--out", "ds")
    assert result.exit_code == 1
    assert message in result.output
    assert not called


def test_a_manifest_is_a_source(tmp_path, called, monkeypatch):
    monkeypatch.chdir(tmp_path)  # a folder here that is called sample would come first
    run(tmp_path / "m.csv", "--out", "ds")
    run(tmp_path / "m.csv", "--root", "tree", "--out", "ds")
    run("--manifest", "sample", "--root", "tree", "--out", "ds")
    assert [call[:2] for call in called] == [
        (tmp_path / "m.csv", tmp_path),
        (tmp_path / "m.csv", Path("tree")),
        (resources.manifest("sample"), Path("tree")),
    ]
