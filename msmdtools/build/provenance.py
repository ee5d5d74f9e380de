"""What a dataset is made with: options, tools, soundfonts, synthesizer settings, sources.

All pieces of a dataset are made alike. What decides about their content is its *identity*; a build
that would make pieces with another identity is refused, with the list of what differs. What only
adds to a piece, performances and audio, is no contradiction: see `msmdtools.build.growth`.
"""

import hashlib
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from msmdtools.build.options import BuildOptions
from msmdtools.dataset.tables import FORMAT
from msmdtools.engrave import Engine
from msmdtools.errors import DatasetError
from msmdtools.performance import PerformanceSpec
from msmdtools.version import __version__

# Python packages that have a part in a picture, a spectrogram or a table, to the byte.
PACKAGES = (
    "lilypond",
    "mido",
    "numpy",
    "opencv-python-headless",
    "pillow",
    "pyarrow",
    "pyfluidsynth",
    "pypdfium2",
    "soundfile",
)
IDENTITY = ("format", "msmdtools", "options", "tools", "soundfonts", "synthesizer")
# What a user asks for of a piece's pages and music, whatever the version.
_ASKED = ("options.width", "options.repeats", "options.transpose", "options.upgrade")
SOURCE_COMMIT = "SOURCE_COMMIT"
_NOT_THERE = "not set"


def resolve_soundfonts(options: BuildOptions, old: Mapping[str, Any] | None) -> BuildOptions:
    """The same options with soundfonts written out: those of the dataset, or else the default one.

    Args:
        old: the description of the dataset that is added to, if there is one.

    Raises:
        SoundfontError: no soundfont is installed.
    """
    if options.soundfonts:
        return options
    found = [(p["soundfont"], p["program"]) for p in performances(old or {})]
    if options.instruments == "source":
        found = [(font, 0) for font, _ in found]
    elif found:
        found = [font for font in found if font[1] != "source"] or [(font, 0) for font, _ in found]
    if found:
        return replace(options, soundfonts=tuple(dict.fromkeys(found)))
    from msmdtools.perform.soundfonts import default_soundfont

    return replace(options, soundfonts=((default_soundfont(), 0),))


def identity(options: BuildOptions, engines: tuple[Engine, ...]) -> dict[str, Any]:
    """What decides about the content of every piece, as plain JSON values.

    Raises:
        SoundfontError: a font is unknown, missing, or not the registered file.
        ToolError: there is no FluidSynth library.
    """
    from msmdtools.perform import synth
    from msmdtools.perform.soundfonts import find_soundfont, registry, soundfont_sha256

    fonts = {}
    for name, _ in sorted(options.soundfonts, key=lambda font: Path(font[0]).name):
        path = find_soundfont(name)
        known = registry().get(name)
        fonts[Path(name).name] = {
            "file": path.name,
            "sha256": soundfont_sha256(path),
            "licence": known.licence if known else "unknown",
        }
    return {
        "format": FORMAT,
        "msmdtools": __version__,
        "options": options.content(),
        "tools": {
            "engines": [engine.version for engine in engines],
            "fluidsynth": synth.fluidsynth_version(),
            **{package: _version(package) for package in PACKAGES},
        },
        "soundfonts": fonts,
        "synthesizer": dict(synth.SETTINGS) | {"interpolation": synth.INTERPOLATION},
    }


def check_identity(dataset: Path, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    """Refuse to add what was made in another way.

    Of performances and soundfonts, those that only one of the two has do not contradict. A dataset
    of a version that did not keep the written music is made again whole, so only what was asked
    for counts.

    Raises:
        DatasetError: something differs; the message lists what, as it was and as it is now.
    """
    before, after = _compared(old), _compared(new)
    if not keeps_music(old):
        before, after = ({k: v for k, v in d.items() if k in _ASKED} for d in (before, after))
    added = ("options.performances.", "soundfonts.")
    lines = [
        f"  {_named(key)}: {before.get(key, _NOT_THERE)} in the dataset, {after.get(key, _NOT_THERE)} now"
        for key in dict.fromkeys([*before, *after])
        if before.get(key) != after.get(key)
        and not (key.startswith(added) and (key not in before or key not in after))
    ]
    if lines:
        raise DatasetError(
            f"{dataset} was made in another way, and all pieces of a dataset must be made alike:\n"
            + "\n".join(lines)
            + "\nPieces, tempi, soundfonts, velocities, instruments and audio can be added to a dataset, but "
            "nothing else can be changed.\nGive another folder with --out, or remove this one."
        )


def keeps_music(description: Mapping[str, Any]) -> bool:
    """Whether the dataset is of a version that keeps the written music with each piece."""
    return "performances" in description.get("options", {})


def performances(description: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The performances that a dataset's description names, in order, as plain JSON values."""
    options = description.get("options", {})
    if "tempi" not in options:
        return list(options.get("performances", ()))
    # A version that did not keep the written music recorded tempi and soundfonts apart.
    velocity = None if options["velocity"] == "source" else int(options["velocity"])
    specs = [
        PerformanceSpec(tempo, name, int(program), velocity)
        for name, _, program in (font.rpartition(":") for font in options["soundfonts"])
        for tempo in options["tempi"]
    ]
    return [spec.to_json() for spec in sorted(specs, key=lambda spec: spec.name)]


def source(manifest: Path, root: Path) -> dict[str, str]:
    """Which sources a build uses: the manifest, its sha256, and the commit of the source tree."""
    return {
        "manifest": manifest.name,
        "manifest_sha256": hashlib.sha256(manifest.read_bytes()).hexdigest(),
        "commit": source_commit(root),
    }


def source_commit(root: Path) -> str:
    """The commit of a source tree: the text of SOURCE_COMMIT in it or beside it, or what git says.

    Empty when neither knows.
    """
    for folder in (root, root.parent):
        path = folder / SOURCE_COMMIT
        if path.is_file():
            return path.read_text(encoding="utf-8").strip()[:200]
    try:
        answer = subprocess.run(
            ["git", "-C", str(root), "rev-parse", "--show-toplevel", "HEAD"],
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    lines = answer.stdout.split()
    # The tree is the checkout or its folder, not a copy somewhere deep in another project.
    if answer.returncode != 0 or Path(lines[0]) not in {root.resolve(), root.resolve().parent}:
        return ""
    return lines[1]


def _compared(description: Mapping[str, Any]) -> dict[str, Any]:
    """What must not differ, by dotted names; performances by the names of their folders."""
    options = {k: v for k, v in description.get("options", {}).items() if k != "keep_audio"}
    named = {p["performance"]: p for p in options.pop("performances", ())}
    options["performances"] = {
        name: {k: v for k, v in p.items() if k != "performance"} for name, p in named.items()
    }
    return dict(_flat({key: description.get(key) for key in IDENTITY} | {"options": options}))


def _named(key: str) -> str:
    """What a dotted name stands for, as a user knows it."""
    kind, _, name = key.partition(".")
    if kind == "options" and not name.startswith("performances."):
        return f"--{name.replace('_', '-')}"
    if kind == "tools":
        return {"engines": "LilyPond", "fluidsynth": "FluidSynth"}.get(name, name)
    if kind == "synthesizer":
        return f"setting {name} of the synthesizer"
    # Names of performances and of soundfonts have dots, too.
    owner, _, field = name.removeprefix("performances.").rpartition(".")
    return f"{field} of {owner}" if owner else key


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(inner, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list | tuple):
        yield name, ", ".join(map(str, value))
    else:
        yield name, value


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"
