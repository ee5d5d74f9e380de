"""The engraver and its limits: sources that are wrong, greedy or hostile are named and contained."""

import socket
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from msmdtools.engrave import (
    Engine,
    Engraving,
    Limits,
    cache_folder,
    convert,
    engrave,
    find_engines,
)
from msmdtools.engrave.lilypond.records_file import read_records
from msmdtools.errors import PieceError, ToolError

QUICK = Limits(timeout_s=60, memory_bytes=1 << 30, output_bytes=16 << 20)


def run(folder: Path, text: str, limits: Limits = QUICK, sandbox: bool = True) -> Engraving:
    folder.mkdir(exist_ok=True)
    source = folder / "piece.ly"
    source.write_text(text)
    return engrave(source, folder, engines=find_engines(), limits=limits, sandbox=sandbox)


def failure(folder: Path, text: str, limits: Limits = QUICK, sandbox: bool = True) -> PieceError:
    with pytest.raises(PieceError) as caught:
        run(folder, text, limits, sandbox)
    assert caught.value.stage == "engrave"
    assert "piece.ly" in str(caught.value)
    assert str(folder) not in str(caught.value)
    return caught.value


def test_the_source_is_left_as_it_was(tmp_path: Path) -> None:
    run(tmp_path, '\\version "2.24.0"\n{ c\'4 }\n')
    assert (tmp_path / "piece.ly").read_text() == '\\version "2.24.0"\n{ c\'4 }\n'


def test_syntax_error(tmp_path: Path) -> None:
    error = failure(tmp_path, '\\version "2.24.0"\n\\score { \\new Staff << c\'4 }\n')
    assert error.reason == "syntax-error"
    assert "piece.ly:2:" in str(error)


def test_errors_that_leave_music_are_warnings(tmp_path: Path) -> None:
    engraving = run(tmp_path, "\\version \"2.24.0\"\n{ c'4 \\nosuchthing d' }\n")
    assert len(engraving.records.drawn) == 2
    assert any("nosuchthing" in warning for warning in engraving.warnings)


def test_missing_include(tmp_path: Path) -> None:
    error = failure(tmp_path, '\\version "2.24.0"\n\\include "nowhere.ily"\n{ \\music }\n')
    assert error.reason == "missing-include"
    assert "nowhere.ily" in str(error)


def test_a_version_that_is_too_new_does_not_hide_what_is_missing(tmp_path: Path) -> None:
    new = '\\version "2.99.0"\n'
    error = failure(tmp_path, f'{new}\\include "nowhere.ily"\n\\score {{ \\music }}\n')
    assert error.reason == "missing-include"
    assert "nowhere.ily" in str(error)
    assert str(error).endswith("(the source asks for LilyPond 2.99.0: name one with --lilypond)")


def test_one_s_own_engine_takes_the_place_of_all_others(tmp_path: Path) -> None:
    first = find_engines()[0]
    program = tmp_path / "lilypond"
    program.write_text("#!/bin/sh\necho GNU LilyPond 2.99.1\n")
    program.chmod(0o755)
    assert find_engines(replacement=program) == (Engine(program, "2.99.1"),)
    assert find_engines(first.path, program) == (Engine(program, "2.99.1"), first)
    with pytest.raises(ToolError, match="is not a LilyPond"):
        find_engines(replacement=tmp_path / "nothing")


def test_no_score(tmp_path: Path) -> None:
    assert failure(tmp_path, '\\version "2.24.0"\nmusic = { c\'4 }\n').reason == "no-score"


def test_only_midi_is_no_score(tmp_path: Path) -> None:
    text = '\\version "2.24.0"\n\\score { { c\'4 } \\midi {} }\n'
    assert failure(tmp_path, text).reason == "no-score"


def test_scheme_error(tmp_path: Path) -> None:
    error = failure(tmp_path, '\\version "2.24.0"\n#(car 1)\n')
    assert error.reason == "scheme-error"


def test_endless_loop_is_stopped(tmp_path: Path) -> None:
    limits = Limits(timeout_s=2)
    error = failure(tmp_path, '\\version "2.24.0"\n#(let loop () (loop))\n{ c\'4 }\n', limits)
    assert error.reason == "timeout"
    assert "2 s" in str(error)


def test_memory_is_limited(tmp_path: Path) -> None:
    text = (
        '\\version "2.24.0"\n'
        "#(let loop ((l '())) (loop (cons (make-vector 1000000 0) l)))\n{ c'4 }\n"
    )
    error = failure(tmp_path, text, Limits(timeout_s=100, memory_bytes=1 << 30))
    assert error.reason == "out-of-memory"


def test_output_is_limited(tmp_path: Path) -> None:
    text = (
        '\\version "2.24.0"\n'
        '#(let ((p (open-output-file "big")) (s (make-string 1000000 #\\a)))\n'
        "   (let loop () (display s p) (loop)))\n{ c'4 }\n"
    )
    assert failure(tmp_path, text).reason == "output-limit"


def test_many_files_are_limited_together(tmp_path: Path) -> None:
    text = (
        '\\version "2.24.0"\n'
        "#(let loop ((i 0))\n"
        '   (let ((p (open-output-file (format #f "f~a" i))))\n'
        "     (display (make-string 4000000 #\\a) p) (close-port p) (usleep 50000)"
        " (loop (1+ i))))\n{ c'4 }\n"
    )
    assert failure(tmp_path, text).reason == "output-limit"


def test_it_cannot_write_outside_its_folder(tmp_path: Path, sandbox: str) -> None:
    target = tmp_path / "outside.txt"
    text = (
        '\\version "2.24.0"\n'
        f'#(catch #t (lambda () (open-output-file "{target}")) (lambda args #f))\n'
        f'#(catch #t (lambda () (open-output-file "{tmp_path}/work/piece.ly")) (lambda args #f))\n'
        "{ c'4 }\n"
    )
    run(tmp_path / "work", text)
    assert not target.exists()
    assert (tmp_path / "work" / "piece.ly").read_text() == text


def test_it_cannot_read_outside_its_folder(tmp_path: Path, sandbox: str) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    text = (
        '\\version "2.24.0"\n'
        f'#(if (file-exists? "{secret}") (ly:error "seen"))\n'
        '#(if (file-exists? "/etc/passwd") (ly:error "seen"))\n'
        "{ c'4 }\n"
    )
    assert len(run(tmp_path / "work", text).records.drawn) == 1


def test_it_cannot_open_a_connection(tmp_path: Path, sandbox: str) -> None:
    server = socket.create_server(("127.0.0.1", 0))
    port = server.getsockname()[1]
    accepted: list[object] = []
    thread = threading.Thread(target=lambda: accepted.append(server.accept()), daemon=True)
    thread.start()
    text = (
        '\\version "2.24.0"\n'
        f"#(system \"bash -c 'echo > /dev/tcp/127.0.0.1/{port}'\")\n{{ c'4 }}\n"
    )
    run(tmp_path / "sealed", text, sandbox=True)
    thread.join(0.3)
    assert not accepted
    # The same source without the sandbox does connect: the test can fail.
    run(tmp_path / "open", text, sandbox=False)
    thread.join(5)
    assert accepted
    server.close()


def test_the_sandbox_changes_nothing_in_the_result(tmp_path: Path, sandbox: str) -> None:
    text = '\\version "2.24.0"\n{ c\'4 <d\' f\'> }\n\\markup "Text"\n'
    inside = run(tmp_path / "a", text, sandbox=True)
    outside = run(tmp_path / "b", text, sandbox=False)
    assert inside.records == outside.records
    assert inside.pages[0].read_bytes() == outside.pages[0].read_bytes()


def test_equal_runs_give_equal_pictures_of_the_wanted_width(tmp_path: Path) -> None:
    from PIL import Image

    engines = find_engines()
    pictures: list[bytes] = []
    for width in (835, 835, 417):
        folder = tmp_path / str(len(pictures))
        folder.mkdir()
        source = folder / "piece.ly"
        source.write_text('\\version "2.24.0"\n{ c\'4 }\n')
        page = engrave(source, folder, engines=engines, width=width).pages[0]
        pictures.append(page.read_bytes())
        assert Image.open(page).size[0] == width
    assert pictures[0] == pictures[1]
    assert pictures[0] != pictures[2]


def test_a_crash_makes_the_second_engine_try(tmp_path: Path) -> None:
    crashing = tmp_path / "lilypond"
    crashing.write_text("#!/bin/sh\necho about to crash\nkill -SEGV $$\n")
    crashing.chmod(crashing.stat().st_mode | stat.S_IXUSR)
    source = tmp_path / "piece.ly"
    source.write_text('\\version "2.24.0"\n{ c\'4 }\n')
    first = Engine(crashing, "2.25.99")
    engraving = engrave(source, tmp_path, engines=(first, *find_engines()), sandbox=False)
    assert engraving.engine == find_engines()[0]
    with pytest.raises(PieceError, match="signal 11") as caught:
        folder = tmp_path / "alone"
        folder.mkdir()
        engrave(source, folder, engines=(first,), sandbox=False)
    assert caught.value.reason == "crashed"


def test_a_key_of_more_than_seven_accidentals_costs_nothing(tmp_path: Path) -> None:
    engraving = run(tmp_path, "\\version \"2.24.0\"\n{ \\key gis \\major gis'4 fisis'' }\n")
    assert [note.pitch for note in engraving.midis[0].notes] == [68, 79]
    flat = run(tmp_path / "flat", '\\version "2.24.0"\n{ \\key fes \\major fes\'4 }\n')
    assert [note.pitch for note in flat.midis[0].notes] == [64]


def test_an_engraver_that_is_killed_from_outside_is_run_again(tmp_path: Path) -> None:
    real = find_engines()[0]
    killed = tmp_path / "lilypond"
    once = f'[ -e {tmp_path}/once ] && exec {real.path} "$@"\n'
    killed.write_text(f"#!/bin/sh\n{once}touch {tmp_path}/once\nkill -KILL $$\n")
    killed.chmod(0o755)
    source = tmp_path / "piece.ly"
    source.write_text('\\version "2.24.0"\n{ c\'4 }\n')
    engine = Engine(killed, real.version)
    engraving = engrave(source, tmp_path, engines=(engine,), sandbox=False)
    assert engraving.warnings == ("LilyPond was killed from outside and run again (1)",)
    killed.write_text(f"#!/bin/sh\necho >> {tmp_path}/runs\nkill -TERM $$\n")
    folder = tmp_path / "always"
    folder.mkdir()
    with pytest.raises(PieceError, match=r"killed from outside \(signal 15\)") as caught:
        engrave(source, folder, engines=(engine,), sandbox=False)
    assert caught.value.reason == "killed"
    assert (tmp_path / "runs").read_text() == "\n" * 4  # twice in each of two ways


def test_a_home_that_cannot_be_written_to_is_replaced(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "file").touch()
    engine = find_engines()[0]
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "own"))
    assert cache_folder([engine], tmp_path / "other") == (tmp_path / "own" / "msmdtools", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file" / "below"))
    folder, why = cache_folder([engine], tmp_path / "other")
    assert folder == tmp_path / "other"
    assert why == f"{tmp_path}/file/below/msmdtools cannot be written to (Not a directory)"
    source = tmp_path / "piece.ly"
    source.write_text('\\version "2.24.0"\n{ c\'4 }\n')
    engraving = engrave(source, tmp_path, engines=(engine,), cache=folder)
    assert len(engraving.records.drawn) == 1
    assert (folder / f"lilypond-{engine.version}" / "ready").exists()


def test_an_engine_must_be_lilypond(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match=r"python.*is not a LilyPond"):
        find_engines(Path(sys.executable))


def test_no_engine_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("msmdtools.engrave.lilypond.engine._packaged_lilypond", lambda: None)
    monkeypatch.setattr("msmdtools.engrave.lilypond.engine._lilypond_on_path", lambda: None)
    with pytest.raises(ToolError, match="pip install lilypond"):
        find_engines()


def test_convert_brings_several_files_up_to_date_whatever_becomes_of_one(tmp_path: Path) -> None:
    old, broken = tmp_path / "old.ly", tmp_path / "broken.ly"
    old.write_text('\\version "2.10.0"\n{ c4 \\override Voice.Stem #\'thickness = #3 }\n')
    broken.write_text("no version here\n")
    messages = convert([old, broken])
    assert "Stem.thickness" in old.read_text()
    assert messages[old] == ""
    assert not list(tmp_path.glob("*~"))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "latin-1", "utf-16"])
def test_convert_makes_every_encoding_utf_8(tmp_path: Path, encoding: str) -> None:
    file = tmp_path / "a.ly"
    file.write_text('\\version "2.24.0"\n% Dvořák' if "8" in encoding else "% é", encoding)
    convert([file])
    assert "Dvořák" in file.read_text() if encoding == "utf-8-sig" else "é" in file.read_text()


def test_records_that_were_cut_off_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "records.tsv"
    path.write_text("score\t0\nnote\t0")
    with pytest.raises(ValueError, match="cut off"):
        read_records(path)


def test_a_killed_engine_leaves_no_process_behind(tmp_path: Path) -> None:
    failure(tmp_path, "#(let loop () (loop))\n", Limits(timeout_s=1))
    listing = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    assert str(tmp_path) not in listing.stdout
