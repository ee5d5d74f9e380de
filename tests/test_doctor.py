"""msmd doctor: what it finds, and the line that it prints where something is missing."""

import json
import os
import shutil
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from msmdtools import doctor
from msmdtools.cli import main
from msmdtools.doctor import Finding, Report
from msmdtools.errors import SoundfontError, ToolError
from msmdtools.perform import soundfonts

NO_LIBRARY = Finding("FluidSynth library", "needed", "", apt="libfluidsynth3", by_hand="FluidSynth")
NO_SANDBOX = Finding("sandbox", "wanted", "", apt="bubblewrap", by_hand="bubblewrap")
NO_PACKAGE = Finding("mido", "needed", "", pip="mido>=1.3")
NO_FONT = Finding("soundfont GMbank", "optional", "")
PYTHON = Finding("Python", "needed", "3.11.7")


def machine(monkeypatch: pytest.MonkeyPatch, *, apt: bool, user: int) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: "/usr/bin/apt-get" if apt else None)
    monkeypatch.setattr(os, "geteuid", lambda: user)


@pytest.mark.parametrize(
    ("apt", "user", "findings", "cure"),
    [
        (True, 0, (PYTHON, NO_FONT), ""),
        (True, 0, (NO_LIBRARY, NO_SANDBOX), "apt-get install libfluidsynth3 bubblewrap"),
        (True, 1000, (NO_SANDBOX,), "sudo apt-get install bubblewrap"),
        (False, 1000, (NO_LIBRARY, NO_SANDBOX), "install by hand: FluidSynth, bubblewrap"),
        (True, 0, (NO_PACKAGE,), "pip install 'mido>=1.3'"),
        (
            True,
            1000,
            (NO_LIBRARY, NO_PACKAGE),
            "pip install 'mido>=1.3' && sudo apt-get install libfluidsynth3",
        ),
    ],
)
def test_cure(
    apt: bool, user: int, findings: tuple[Finding, ...], cure: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine(monkeypatch, apt=apt, user=user)
    assert Report(findings).cure == cure


@pytest.mark.parametrize(
    ("findings", "ready"),
    [((PYTHON, NO_SANDBOX, NO_FONT), True), ((PYTHON, NO_LIBRARY), False)],
)
def test_ready_when_all_that_is_needed_is_there(findings: tuple[Finding, ...], ready: bool) -> None:
    assert Report(findings).ready is ready


def finding(name: str) -> Finding:
    return next(f for f in doctor.examine().findings if f.name == name)


def test_finds_the_engine_and_this_python() -> None:
    assert finding("LilyPond").found.startswith("2.")
    assert finding("Python").found.startswith("{}.{}.{}".format(*sys.version_info))
    assert finding("numpy").found


def test_finds_the_soundfont(soundfont: Path) -> None:
    assert finding("soundfont TimGM6mb") == Finding(
        "soundfont TimGM6mb", "optional", str(soundfont)
    )


def test_finds_musescore(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    missing = finding("MuseScore")
    assert (missing.level, missing.found) == ("optional", "")
    assert ".mscz" in missing.note and "install it" in missing.note
    program = tmp_path / "mscore"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert finding("MuseScore").found == (
        f"{program}, for scores in MuseScore's own formats (.mscz, .mscx)"
    )


def test_finds_the_sandbox(sandbox: str) -> None:
    assert finding("sandbox").found == f"bubblewrap, {sandbox}"


def test_no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(extra: Path | None = None) -> None:
        raise ToolError("There is no LilyPond.")

    monkeypatch.setattr(doctor, "find_engines", none)
    missing = finding("LilyPond")
    assert (missing.level, missing.found, missing.note) == ("needed", "", "There is no LilyPond.")
    assert missing.pip == "lilypond==2.25.12"


def test_no_fluidsynth(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fluidsynth", None)
    missing = finding("FluidSynth library")
    assert (missing.level, missing.found, missing.apt) == ("needed", "", "libfluidsynth3")


def test_no_soundfont(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(name: str) -> Path:
        raise SoundfontError(f"soundfont {name} is not installed")

    monkeypatch.setattr(doctor, "find_soundfont", none)
    missing = finding("a soundfont")
    assert (missing.level, missing.found, missing.apt) == ("needed", "", "timgm6mb-soundfont")


def test_a_wrong_soundfont_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sf_GMbank.sf2").write_bytes(b"RIFF\0\0\0\0sfbk")
    # Only there: the right one may be installed on this machine.
    monkeypatch.setattr(soundfonts, "search_folders", lambda: [tmp_path])
    monkeypatch.setattr(doctor, "search_folders", lambda: [tmp_path])
    wrong = finding("soundfont GMbank")
    assert wrong.found == ""
    assert str(tmp_path / "sf_GMbank.sf2") in wrong.note


def test_no_sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    missing = finding("sandbox")
    assert (missing.level, missing.found, missing.apt) == ("wanted", "", "bubblewrap")


def test_a_sandbox_that_is_not_allowed_is_not_installed_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(doctor, "sandbox_available", lambda: False)
    missing = finding("sandbox")
    assert (missing.found, missing.apt) == ("", "")
    assert "not allowed to make namespaces" in missing.note


@pytest.mark.parametrize(("findings", "code"), [((PYTHON,), 0), ((PYTHON, NO_LIBRARY), 1)])
def test_command_prints_and_exits(
    findings: tuple[Finding, ...], code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine(monkeypatch, apt=True, user=0)
    monkeypatch.setattr("msmdtools.cli.doctor.examine", lambda: Report(findings))
    result = CliRunner().invoke(main, ["doctor"])
    assert result.exit_code == code
    assert "Python  " in result.stdout
    assert ("apt-get install libfluidsynth3" in result.stdout) is (code == 1)
    assert ("Nothing required is missing." in result.stdout) is (code == 0)


def test_command_json(monkeypatch: pytest.MonkeyPatch) -> None:
    machine(monkeypatch, apt=True, user=0)
    monkeypatch.setattr(
        "msmdtools.cli.doctor.examine", lambda: Report((PYTHON, NO_SANDBOX, NO_FONT))
    )
    result = CliRunner().invoke(main, ["doctor", "--json"])
    assert result.exit_code == 0
    report = json.loads(result.stdout)
    assert report["ready"] is True
    assert report["cure"] == "apt-get install bubblewrap"
    assert report["findings"][0] == {
        "name": "Python",
        "level": "needed",
        "found": "3.11.7",
        "note": "",
    }
