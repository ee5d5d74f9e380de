"""Configure the augmentation of training pairs: what is varied and how much, all off by default.

A strength is an upper limit: the amount is drawn anew for each pair and epoch, uniformly between 0 (or
the negative of the strength, where the meaning says ±) and the strength. A TOML file of augmentations
has the tables [sheet] and [audio] with the names below.

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
    """Augmentation of the sheet window. Lengths are in pixels of the window.

    Each field is the strength of one augmentation; its meaning and unit are in its declaration.
    """

    shift_px: float = _strength("px", "± shift, across and down", 1000)
    scale: float = _strength("", "± relative change of size; 0.05 is 0.95 to 1.05", 0.5)
    rotation_deg: float = _strength("°", "± rotation about the onset", 45)
    thickness_px: float = _strength("px", "± width by which all strokes grow or shrink", 3)
    blur_px: float = _strength("px", "standard deviation of a Gaussian blur", 20)
    contrast: float = _strength(
        "", "share of the grey range by which paper darkens and ink fades", 0.5
    )
    stains: float = _strength("", "number of soft dark stains", 20)
    noise: float = _strength("grey levels", "standard deviation of Gaussian noise", 255)


@dataclass(frozen=True, slots=True)
class AudioAugment:
    """Augmentation of the spectrogram window. Levels act on magnitudes, before the logarithm.

    Each field is the strength of one augmentation; its meaning and unit are in its declaration.
    """

    one_performance: bool = option(
        "each epoch uses one performance of each onset, drawn anew: the choice of tempo and "
        "soundfont",
        False,
    )
    jitter_frames: float = _strength("frames", "± shift of the onset, in whole frames", 1000)
    stretch: float = _strength(
        "", "± relative change of tempo about the onset; 0.1 is 0.9 to 1.1", 0.5
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

    Attributes:
        sheet: strengths for the sheet window.
        audio: strengths for the spectrogram window.

    Raises:
        MsmdError: a strength is negative, not a number, or out of range.
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
    """Read the augmentation from a TOML file with the tables [sheet] and [audio].

    Raises:
        MsmdError: there is no such file, it is not TOML, or it has an unknown name or a strength
            that is out of range.
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
    """Make the augmentation from the content of a TOML file. Raises MsmdError as `load` does."""
    parts: dict[str, Any] = {}
    kinds: dict[str, type] = {"sheet": SheetAugment, "audio": AudioAugment}
    for table, values in content.items():
        if table not in kinds:
            raise MsmdError(f"no table [{table}]; there are [sheet] and [audio]")
        if not isinstance(values, dict):
            raise MsmdError(f"{table} is not a table; write [{table}] above its strengths")
        names = [declared.name for declared in options.declared(kinds[table])]
        for name in values:
            if name not in names:
                raise options.unknown("augmentation", name, names, table)
        parts[table] = kinds[table](**values)
    return Augment(**parts)


def reference() -> str:
    """Describe the augmentations as a table in Markdown: name, unit, meaning, strength in the presets."""
    lines = ["| name | unit | what is varied | papers | strong |", "|---|---|---|---|---|"]
    for table in ("sheet", "audio"):
        for declared in options.declared(type(getattr(OFF, table))):
            presets = [getattr(getattr(p, table), declared.name) for p in (PAPERS, STRONG)]
            shown = " | ".join(_shown(value) for value in presets)
            unit, meaning = declared.option.unit, declared.option.meaning
            lines.append(f"| `{table}.{declared.name}` | {unit} | {meaning} | {shown} |")
    return "\n".join(lines)


def strengths(part: SheetAugment | AudioAugment) -> list[str]:
    """The strengths that are not 0, as text, such as "shift_px 5"."""
    return [
        declared.name if value is True else f"{declared.name} {value:g}"
        for declared in options.declared(type(part))
        if (value := getattr(part, declared.name))
    ]


def _shown(value: float) -> str:
    return ("yes" if value is True else f"{value:g}") if value else ""
