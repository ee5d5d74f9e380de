"""Record what a dataset is made with: options, tools, soundfonts, synthesizer settings, sources.

All pieces of a dataset are made with the same options, tools and fonts, its *identity*. A build with another
identity is refused, with a list of the differences. Further performances and audio only add to the pieces,
and are no contradiction: see `msmdtools.build.additions`.
"""

import hashlib
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from msmdtools.base.files import file_sha256
from msmdtools.build.options import BuildOptions
from msmdtools.dataset.tables import FORMAT
from msmdtools.engrave import Engine
from msmdtools.errors import DatasetError
from msmdtools.performance import PerformanceSpec
from msmdtools.piece import Piece
from msmdtools.sources.manifest import manifest_text
from msmdtools.version import __version__

# Python packages on which the bytes of a picture, a spectrogram or a table depend.
PACKAGES = (
    "fonttools",
    "lilypond",
    "lxml",
    "mido",
    "numpy",
    "opencv-python-headless",
    "pikepdf",
    "pillow",
    "pyarrow",
    "pyfluidsynth",
    "pypdfium2",
    "soundfile",
    "verovio",
)
IDENTITY = ("format", "msmdtools", "options", "tools", "soundfonts", "synthesizer")
# The options for the pages and music of a piece, in every version.
_PAGE_OPTIONS = ("options.width", "options.repeats", "options.transpose", "options.upgrade")
SOURCE_COMMIT = "SOURCE_COMMIT"
PEOPLE = "people"
"""Key of dataset.json under which the soundfonts of performances by people are."""
_NOT_THERE = "not set"


def resolve_soundfonts(
    options: BuildOptions, description: Mapping[str, Any] | None
) -> BuildOptions:
    """The same options with soundfonts written out: those of the dataset, or else the default one.

    Args:
        options: the options as given.
        description: the description of the dataset that is added to; None for a new one.

    Raises:
        SoundfontError: no soundfont is installed.
    """
    if options.soundfonts:
        return options
    fonts = [(p["soundfont"], p["program"]) for p in performances(description or {})]
    if options.instruments == "source":
        fonts = [(font, 0) for font, _ in fonts]
    elif fonts:
        fonts = [font for font in fonts if font[1] != "source"] or [(font, 0) for font, _ in fonts]
    if fonts:
        return replace(options, soundfonts=tuple(dict.fromkeys(fonts)))
    from msmdtools.perform.soundfonts import default_soundfont

    return replace(options, soundfonts=((default_soundfont(), 0),))


def identity(options: BuildOptions, engines: tuple[Engine, ...]) -> dict[str, Any]:
    """The identity of a dataset that these options and engines build, as plain JSON values.

    Raises:
        SoundfontError: a font is unknown, missing, or not the registered file.
        ToolError: there is no FluidSynth library.
    """
    from msmdtools.perform import synth

    fonts = soundfonts(options.soundfonts)
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


def soundfonts(fonts: Sequence[tuple[str, int]]) -> dict[str, dict[str, str]]:
    """File, sha256 and licence of soundfonts, by their names, sorted.

    Raises:
        SoundfontError: a font is unknown, missing, or not the registered file.
    """
    from msmdtools.perform.soundfonts import find_soundfont, registry, soundfont_sha256

    result = {}
    for name, _ in sorted(fonts, key=lambda font: Path(font[0]).name):
        path = find_soundfont(name)
        registered = registry().get(name)
        result[Path(name).name] = {
            "file": path.name,
            "sha256": soundfont_sha256(path),
            "licence": registered.licence if registered else "unknown",
        }
    return result


def check_identity(
    dataset: Path, description: Mapping[str, Any], build_identity: Mapping[str, Any]
) -> None:
    """Refuse to add pieces to a dataset that was made with other options or tools.

    A performance, soundfont or tool that only one of the two names is no contradiction. A dataset of a version
    that did not keep the written music is built again whole, so only its page options count.

    Args:
        dataset: the dataset folder, for the message.
        description: its description.
        build_identity: the identity of the build.

    Raises:
        DatasetError: something differs; the message lists the differences, as it was and as it is now.
    """
    before, after = _compared(description), _compared(build_identity)
    if not keeps_music(description):
        before, after = (
            {k: v for k, v in d.items() if k in _PAGE_OPTIONS} for d in (before, after)
        )
    added = ("options.performances.", "soundfonts.", "tools.")
    lines = [
        f"  {_label(key)}: {before.get(key, _NOT_THERE)} in the dataset, {after.get(key, _NOT_THERE)} now"
        for key in dict.fromkeys([*before, *after])
        if before.get(key) != after.get(key)
        and not (key.startswith(added) and (key not in before or key not in after))
    ]
    if lines:
        raise DatasetError(
            f"{dataset} was made with other options or tools, and all pieces of a dataset must be made alike:\n"
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


def source(manifest: Path | Sequence[Piece], root: Path, options: BuildOptions) -> dict[str, Any]:
    """The sources of a build: the manifest, its sha256, and the commit of the source tree.

    Pieces that no file lists have a manifest without a name. If they have several looks, it says how many, and
    the seed of these.

    Args:
        manifest: the list of pieces: a file, or the pieces themselves.
        root: the source tree.
        options: the options of the build.

    Returns:
        Plain JSON values.
    """
    if isinstance(manifest, Path):
        name, sha256 = manifest.name, file_sha256(manifest)
    else:
        name, sha256 = "", hashlib.sha256(manifest_text(manifest).encode()).hexdigest()
    looks = {"looks": options.looks, "seed": options.seed} if options.looks > 1 else {}
    return {"manifest": name, "manifest_sha256": sha256, "commit": source_commit(root), **looks}


def source_commit(root: Path) -> str:
    """The commit of a source tree: from SOURCE_COMMIT in it or beside it, else from git; "" when unknown."""
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
    """The values that must not differ, by dotted names; performances by the names of their folders."""
    options = {k: v for k, v in description.get("options", {}).items() if k != "keep_audio"}
    by_name = {p["performance"]: p for p in options.pop("performances", ())}
    options["performances"] = {
        name: {k: v for k, v in p.items() if k != "performance"} for name, p in by_name.items()
    }
    return dict(_flat({key: description.get(key) for key in IDENTITY} | {"options": options}))


def _label(key: str) -> str:
    """The name by which a user knows the value with a dotted name."""
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
