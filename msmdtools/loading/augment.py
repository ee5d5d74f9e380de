"""What to vary in training pairs, and how much: every strength in one configuration, all off by default.

A strength is the most that is done; how much is drawn anew for each pair and epoch, uniformly
between nothing (or its negative, where the meaning says ±) and the strength. `AUGMENTATIONS` in a
TOML file are the tables [sheet] and [audio] with the names below.

`PAPERS` is the augmentation of Dorfer et al. (TISMIR 2018): sheets shifted by up to 5 px and scaled
by up to 5 %, audio shifted by up to one frame, and one of the recordings of an onset per epoch.
"""

import difflib
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msmdtools.base import options
from msmdtools.base.options import option
from msmdtools.errors import MsmdError


def _strength(unit: str, meaning: str, most: float) -> Any:
    return option(meaning, 0.0, 0, most, unit=unit)


@dataclass(frozen=True, slots=True)
class SheetAugment:
    """What is varied in the sheet window. Lengths in pixels of the window."""

    shift_px: float = _strength("px", "± shift, across and down", 1000)
    scale: float = _strength(
        "", "± part by which it is larger or smaller; 0.05 is 0.95 to 1.05", 0.5
    )
    rotation_deg: float = _strength("°", "± rotation about the onset", 45)
    thickness_px: float = _strength("px", "± width by which all strokes grow or shrink", 3)
    blur_px: float = _strength("px", "standard deviation of a Gaussian blur", 20)
    contrast: float = _strength("", "part of the range by which paper darkens and ink fades", 0.5)
    stains: float = _strength("", "number of soft dark stains", 20)
    noise: float = _strength("grey levels", "standard deviation of Gaussian noise", 255)


@dataclass(frozen=True, slots=True)
class AudioAugment:
    """What is varied in the spectrogram window. Levels act on magnitudes, before the logarithm."""

    one_performance: bool = option(
        "each epoch uses one performance of each onset, drawn anew: the choice of tempo and "
        "soundfont",
        False,
    )
    jitter_frames: float = _strength("frames", "± shift of the onset, in whole frames", 1000)
    stretch: float = _strength(
        "", "± part by which it is faster or slower about the onset; 0.1 is 0.9 to 1.1", 0.5
    )
    room_s: float = _strength("s", "reverberation time (60 dB) of a room", 10)
    filter_db: float = _strength("dB", "± gain of a random smooth equaliser", 60)
    gain_db: float = _strength("dB", "± gain", 60)
    noise: float = _strength("magnitude", "root mean square of additive noise in each band", 1000)
    time_mask_frames: float = _strength("frames", "width of one silent stretch", 1000)
    frequency_mask_bands: float = _strength("bands", "width of one silent range of bands", 92)


@dataclass(frozen=True, slots=True)
class Augment:
    """The augmentation of both sides.

    Raises:
        MsmdError: a strength is negative, not a number, or beyond what makes sense.
    """

    sheet: SheetAugment = SheetAugment()
    audio: AudioAugment = AudioAugment()

    def __post_init__(self) -> None:
        options.check(self.sheet, "sheet")
        options.check(self.audio, "audio")


OFF = Augment()
PAPERS = Augment(
    SheetAugment(shift_px=5, scale=0.05), AudioAugment(one_performance=True, jitter_frames=1)
)
# A little of everything, for real scores and recordings.
STRONG = Augment(
    SheetAugment(
        shift_px=5,
        scale=0.06,
        rotation_deg=1.5,
        thickness_px=0.7,
        blur_px=0.8,
        contrast=0.3,
        stains=2,
        noise=12,
    ),
    AudioAugment(
        one_performance=True,
        jitter_frames=1,
        stretch=0.1,
        room_s=0.8,
        filter_db=8,
        gain_db=6,
        noise=0.1,
        time_mask_frames=4,
        frequency_mask_bands=10,
    ),
)
PRESETS = {"off": OFF, "papers": PAPERS, "strong": STRONG}


def named(name: str) -> Augment:
    """The augmentation of a preset, or of a TOML file as `load` reads it.

    Raises:
        MsmdError: it is neither, or the file cannot be used.
    """
    if name in PRESETS:
        return PRESETS[name]
    if not name.endswith(".toml"):
        near = difflib.get_close_matches(name, PRESETS, n=1)
        hint = f"did you mean {near[0]}?" if near else f"give {', '.join(PRESETS)} or a TOML file"
        raise MsmdError(f"no augmentation {name!r}; {hint}")
    return load(name)


def load(path: str | Path) -> Augment:
    """The augmentation of a TOML file with the tables [sheet] and [audio].

    Raises:
        MsmdError: there is no such file, it is not TOML, or it has an unknown name or a strength
            that makes no sense.
    """
    path = Path(path)
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise MsmdError(f"{path}: no such file") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise MsmdError(f"{path}: not a TOML file: {error}") from error
    try:
        return from_mapping(content)
    except MsmdError as error:
        raise MsmdError(f"{path}: {error}") from error


def from_mapping(content: dict[str, Any]) -> Augment:
    """The augmentation of a mapping as in a TOML file. Raises MsmdError as `load` does."""
    parts: dict[str, Any] = {}
    kinds: dict[str, type] = {"sheet": SheetAugment, "audio": AudioAugment}
    for table, values in content.items():
        if table not in kinds:
            raise MsmdError(f"no table [{table}]; there are [sheet] and [audio]")
        if not isinstance(values, dict):
            raise MsmdError(f"{table} is not a table; write [{table}] above its strengths")
        names = [one.name for one in options.declared(kinds[table])]
        for name in values:
            if name not in names:
                raise options.unknown("augmentation", name, names, table)
        parts[table] = kinds[table](**values)
    return Augment(**parts)


def reference() -> str:
    """The augmentations as a table in Markdown: name, unit, meaning, strength in the presets."""
    lines = ["| name | unit | what is varied | papers | strong |", "|---|---|---|---|---|"]
    for table in ("sheet", "audio"):
        for one in options.declared(type(getattr(OFF, table))):
            presets = [getattr(getattr(p, table), one.name) for p in (PAPERS, STRONG)]
            shown = " | ".join(_shown(value) for value in presets)
            unit, meaning = one.option.unit, one.option.meaning
            lines.append(f"| `{table}.{one.name}` | {unit} | {meaning} | {shown} |")
    return "\n".join(lines)


def strengths(part: SheetAugment | AudioAugment) -> list[str]:
    """What is on, as text, such as "shift_px 5"."""
    return [
        one.name if value is True else f"{one.name} {value:g}"
        for one in options.declared(type(part))
        if (value := getattr(part, one.name))
    ]


def _shown(value: float) -> str:
    return ("yes" if value is True else f"{value:g}") if value else ""
