"""What msmd finds on this machine, what it lacks, and the one line that installs it."""

import contextlib
import ctypes
import io
import os
import platform
import re
import shutil
from dataclasses import dataclass
from typing import Any

from msmdtools.base import requirements
from msmdtools.engrave.lilypond.engine import find_engines
from msmdtools.engrave.musescore import find_musescore
from msmdtools.engrave.sandbox import sandbox_available
from msmdtools.errors import MsmdError, SoundfontError
from msmdtools.perform.soundfonts import DEFAULT_ORDER, find_soundfont, registry, search_folders
from msmdtools.version import __version__

FLUIDSYNTH_MINIMUM = (2, 0)

_GPU_FOR = "for training, and for embedding many pages and recordings"
# Packages of the extras, and what each is good for.
_ENABLES = (
    ("torch", "train", "models: msmd train, eval, index, search, align"),
    ("safetensors", "train", "models' weights, the bundled ones too"),
    ("lightning-fabric", "train", "msmd train"),
    ("matplotlib", "train", "curves and charts"),
    ("tensorboard", "train", "curves of a training in TensorBoard"),
    ("soxr", "train", "recordings of any sampling rate"),
    ("fsspec", "train", "snippets behind a URL"),
    ("faiss-cpu", "search", "large indexes, of more than 200,000 windows"),
)


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
            steps.append(requirements.install(by_pip))
        if by_apt and shutil.which("apt-get"):
            root = "" if os.geteuid() == 0 else "sudo "
            steps.append(f"{root}apt-get install {' '.join(by_apt)}")
        elif by_hand:
            steps.append(f"install by hand: {', '.join(by_hand)}")
        return " && ".join(steps)

    def to_json(self) -> dict[str, Any]:
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
    return Report(
        (
            *_engines(),
            _musescore(),
            _fluidsynth(),
            *_soundfonts(),
            _sandbox(),
            _python(),
            *_packages(),
            *_extras(),
            _gpu(),
            _ffmpeg(),
        )
    )


def _engines() -> list[Finding]:
    wanted = requirements.requirements()
    requirement = next((r for r in wanted if requirements.name(r) == "lilypond"), "lilypond")
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


def _musescore() -> Finding:
    found = find_musescore()
    good_for = "for scores in MuseScore's own formats (.mscz, .mscx)"
    if found:
        return Finding("MuseScore", "optional", f"{found}, {good_for}")
    note = f"{good_for}: install it (musescore.org), or save them as MusicXML"
    return Finding("MuseScore", "optional", "", note)


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
    for requirement in requirements.requirements():
        name = requirements.name(requirement)
        if found := requirements.version(name):
            findings.append(Finding(name, "needed", found))
        else:
            # The LilyPond package is one way to a LilyPond; whether there is any was asked above.
            level, pip = ("optional", "") if name == "lilypond" else ("needed", requirement)
            findings.append(Finding(name, level, "", "the package is not installed", pip=pip))
    return findings


def _extras() -> list[Finding]:
    """What models need beside, by what it is good for."""
    findings = []
    for package, extra, good_for in _ENABLES:
        found = requirements.version(package)
        cure = requirements.install_packages([package], extra)
        text = f"{found}, for {good_for}" if found else ""
        findings.append(Finding(package, "optional", text, f"for {good_for}: {cure}"))
    return findings


def _gpu() -> Finding:
    """A GPU that PyTorch can use. Loads PyTorch where it is installed."""
    missing = Finding("GPU", "optional", "", "none that PyTorch can use; processors do all of it")
    if not requirements.version("torch"):
        return Finding("GPU", "optional", "", "looked for by PyTorch, which is not installed")
    try:
        import torch
    except (ImportError, OSError) as error:  # a build of PyTorch for another machine
        return Finding("GPU", "optional", "", f"PyTorch cannot be loaded: {error}")
    if torch.cuda.is_available():
        return Finding("GPU", "optional", f"{torch.cuda.get_device_name()}, {_GPU_FOR}")
    if torch.backends.mps.is_available():
        return Finding("GPU", "optional", f"Metal, {_GPU_FOR}")
    return missing


def _ffmpeg() -> Finding:
    found = shutil.which("ffmpeg") or ""
    good_for = (
        "for recordings in other formats than WAV, FLAC, OGG and MP3, and the sound of videos"
    )
    if found:
        return Finding("ffmpeg", "optional", f"{found}, {good_for}")
    return Finding("ffmpeg", "optional", "", f"{good_for}: install it with the system's packages")
