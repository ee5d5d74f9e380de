"""What a dataset is made with: options, tools, soundfonts, synthesizer settings, sources.

All pieces of a dataset are made alike. What decides about their content is its *identity*; a build
that would make pieces with another identity is refused, with the list of what differs.
"""

import hashlib
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import msmdtools
from msmdtools.dataset.options import BuildOptions
from msmdtools.dataset.tables import FORMAT
from msmdtools.engrave import Engine
from msmdtools.errors import DatasetError

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
SOURCE_COMMIT = "SOURCE_COMMIT"


def resolve_soundfonts(options: BuildOptions) -> BuildOptions:
    """The same options with the default soundfont written out.

    Raises:
        SoundfontError: no soundfont is installed.
    """
    if options.soundfonts:
        return options
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
    for name, _ in options.soundfonts:
        path = find_soundfont(name)
        known = registry().get(name)
        fonts[Path(name).name] = {
            "file": path.name,
            "sha256": soundfont_sha256(path),
            "licence": known.licence if known else "unknown",
        }
    return {
        "format": FORMAT,
        "msmdtools": msmdtools.__version__,
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
    """Refuse to add pieces made in another way.

    Raises:
        DatasetError: something differs; the message lists each as old → new.
    """
    before = dict(_flat({key: old.get(key) for key in IDENTITY}))
    after = dict(_flat({key: new.get(key) for key in IDENTITY}))
    lines = [
        f"  {key}: {before.get(key, 'none')} → {after.get(key, 'none')}"
        for key in dict.fromkeys([*before, *after])
        if before.get(key) != after.get(key)
    ]
    if lines:
        raise DatasetError(
            f"{dataset} was made in another way, and its pieces must all be made alike:\n"
            + "\n".join(lines)
            + "\nGive another folder with --out, or remove this one."
        )


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
