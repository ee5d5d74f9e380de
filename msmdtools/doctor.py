"""What msmd finds on this machine, what it lacks, and the one line that installs it."""

import contextlib
import ctypes
import importlib.metadata
import io
import os
import platform
import re
import shutil
from dataclasses import dataclass
from typing import Any

from msmdtools import __version__
from msmdtools.engrave.engine import find_engines
from msmdtools.engrave.sandbox import sandbox_available
from msmdtools.errors import MsmdError, SoundfontError
from msmdtools.perform.soundfonts import DEFAULT_ORDER, find_soundfont, registry, search_folders

FLUIDSYNTH_MINIMUM = (2, 0)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing outside of msmdtools that it looks for.

    Attributes:
        name: what was looked for.
        level: "needed" (no build without it), "wanted" (a build is better with it) or "optional".
        found: its version and place; "" when it is missing.
        note: what is wrong, or what its absence means; "" when all is well.
        pip: the requirement that pip installs it by; "" when pip has none.
        apt: the Debian or Ubuntu package that holds it; "" when there is none that would help.
        by_hand: what to install where there is no apt.
    """

    name: str
    level: str
    found: str
    note: str = ""
    pip: str = ""
    apt: str = ""
    by_hand: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """All findings, and what follows from them."""

    findings: tuple[Finding, ...]

    @property
    def ready(self) -> bool:
        """Whether a dataset can be built."""
        return all(finding.found for finding in self.findings if finding.level == "needed")

    @property
    def missing(self) -> tuple[Finding, ...]:
        """What is needed or wanted, and not there."""
        return tuple(f for f in self.findings if f.level != "optional" and not f.found)

    @property
    def cure(self) -> str:
        """The one line that installs what is missing; "" when no installation mends it."""
        by_pip = [f.pip for f in self.missing if f.pip]
        by_apt = [f.apt for f in self.missing if f.apt]
        by_hand = [f.by_hand for f in self.missing if f.by_hand]
        steps = []
        if by_pip:
            steps.append("pip install " + " ".join(f"'{requirement}'" for requirement in by_pip))
        if by_apt and shutil.which("apt-get"):
            root = "" if os.geteuid() == 0 else "sudo "
            steps.append(f"{root}apt-get install {' '.join(by_apt)}")
        elif by_hand:
            steps.append(f"install by hand: {', '.join(by_hand)}")
        return " && ".join(steps)

    def as_dict(self) -> dict[str, Any]:
        """The report as plain values, for JSON."""
        return {
            "msmdtools": __version__,
            "ready": self.ready,
            "cure": self.cure,
            "findings": [
                {"name": f.name, "level": f.level, "found": f.found, "note": f.note}
                for f in self.findings
            ],
        }


def examine() -> Report:
    """Look for all that msmdtools uses: LilyPond, FluidSynth, soundfonts, sandbox, packages."""
    return Report((*_engines(), _fluidsynth(), *_soundfonts(), _sandbox(), _python(), *_packages()))


def _engines() -> list[Finding]:
    requirement = next((r for r in _requirements() if _name(r) == "lilypond"), "lilypond")
    try:
        first, *others = find_engines()
    except MsmdError as error:
        return [Finding("LilyPond", "needed", "", str(error), pip=requirement)]
    second = f"{others[0].version}, {others[0].path}" if others else ""
    note = "" if others else "none on PATH; the few scores that crash the first will fail"
    return [
        Finding("LilyPond", "needed", f"{first.version}, {first.path}"),
        Finding("second LilyPond", "optional", second, note),
    ]


def _fluidsynth() -> Finding:
    def missing(note: str) -> Finding:
        return Finding(
            "FluidSynth library",
            "needed",
            "",
            note,
            apt="libfluidsynth3",
            by_hand="the library of FluidSynth 2 or later (libfluidsynth)",
        )

    try:
        # On a CI machine pyfluidsynth prints where it found the library.
        with contextlib.redirect_stdout(io.StringIO()):
            import fluidsynth

        library = ctypes.CDLL(fluidsynth.lib)
    except (ImportError, OSError) as error:
        return missing(str(error))
    library.fluid_version_str.restype = ctypes.c_char_p
    version = library.fluid_version_str().decode()
    if tuple(map(int, re.findall(r"\d+", version)[:2])) < FLUIDSYNTH_MINIMUM:
        return missing(f"{fluidsynth.lib} has version {version}; 2.0 or later is needed")
    return Finding("FluidSynth library", "needed", f"{version}, {fluidsynth.lib}")


def _soundfonts() -> list[Finding]:
    findings = []
    for name, font in registry().items():
        found, note = "", ""
        try:
            found = str(find_soundfont(name))
        except SoundfontError as error:
            places = (folder / file for folder in search_folders() for file in font.files)
            wrong_file = any(place.is_file() for place in places)
            note = str(error) if wrong_file else f"not installed: {font.cure}"
        findings.append(Finding(f"soundfont {name}", "optional", found, note))
    if any(finding.found for finding in findings):
        return findings
    smallest = registry()[DEFAULT_ORDER[0]]
    return [
        Finding(
            "a soundfont",
            "needed",
            "",
            "none of the registered ones is installed",
            apt=smallest.package,
            by_hand=f"a soundfont (msmd fetch soundfonts {smallest.name})",
        ),
        *findings,
    ]


def _sandbox() -> Finding:
    program = shutil.which("bwrap")
    if program and sandbox_available():
        return Finding("sandbox", "wanted", f"bubblewrap, {program}")
    if program:
        note = (
            f"{program} is not allowed to make namespaces here (in a container, run it with user "
            "namespaces); sources run with limits only, and can read and write your files"
        )
        return Finding("sandbox", "wanted", "", note)
    return Finding(
        "sandbox",
        "wanted",
        "",
        "bwrap is not on PATH; sources run with limits only, and can read and write your files",
        apt="bubblewrap",
        by_hand="bubblewrap (Linux only)",
    )


def _python() -> Finding:
    return Finding("Python", "needed", f"{platform.python_version()}, {platform.platform()}")


def _packages() -> list[Finding]:
    findings = []
    for requirement in _requirements():
        name = _name(requirement)
        try:
            found = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            # The LilyPond package is one way to a LilyPond; whether there is any was asked above.
            level, pip = ("optional", "") if name == "lilypond" else ("needed", requirement)
            findings.append(Finding(name, level, "", "the package is not installed", pip=pip))
        else:
            findings.append(Finding(name, "needed", found))
    return findings


def _requirements() -> list[str]:
    """What the installed msmdtools requires, without the extras."""
    try:
        every = importlib.metadata.requires("msmdtools") or []
    except importlib.metadata.PackageNotFoundError:
        return []
    return [requirement for requirement in every if "extra ==" not in requirement]


def _name(requirement: str) -> str:
    return re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]
