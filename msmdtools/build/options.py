"""The options of a build: defaults, what is allowed, and how text and TOML files give them."""

import re
import tomllib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msmdtools.base.damage import why
from msmdtools.base.processors import processors
from msmdtools.errors import MsmdError
from msmdtools.performance import PerformanceSpec


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """What a dataset is to contain, and how the work is done.

    Attributes:
        pieces: glob over piece ids: only those that match are built.
        tempi: speeds; 2.0 is twice as fast as written.
        soundfonts: (name in the registry, General MIDI program); empty for the default font.
        width: width of a page image in pixels.
        keep_audio: keep the rendered audio as FLAC beside each spectrogram.
        velocity: one MIDI velocity for every note, or None for those of the source.
        instruments: "piano" (all parts with the program of each soundfont) or "source" (each part with
            the programs that the source gives it).
        repeats: "written" (the page once, from left to right) or "unfolded" (as a musician plays).
        transpose: semitones by which all pieces are engraved and performed higher than written; negative
            for lower. The key signature of the fewest accidentals is taken.
        timeout_s: wall-clock seconds that an engraver may take for one piece.
        memory_bytes: memory that an engraver may take.
        jobs: worker processes; 0 for one per core.
        retry_failed: attempt again the pieces that failed in an earlier build.
        engine: a second `lilypond` program, for pieces on which the first one crashes.
        lilypond: the `lilypond` program to engrave with, instead of the one that came with msmdtools.
        upgrade: "auto" brings files that were written for an older LilyPond up to date and mends what
            no LilyPond reads, "never" takes every source as it stands.
        sandbox: run the engraver in bubblewrap where that is available.

    Raises:
        MsmdError: a value is out of range; the message names the option.
    """

    pieces: str = "*"
    tempi: tuple[float, ...] = (1.0,)
    soundfonts: tuple[tuple[str, int], ...] = ()
    width: int = 835
    keep_audio: bool = False
    velocity: int | None = 64
    instruments: str = "piano"
    repeats: str = "written"
    transpose: int = 0
    timeout_s: float = 600.0
    memory_bytes: int = 4 << 30
    jobs: int = 0
    retry_failed: bool = False
    engine: Path | None = None
    lilypond: Path | None = None
    upgrade: str = "auto"
    sandbox: bool = True

    def __post_init__(self) -> None:
        _require(bool(self.tempi), "tempi", self.tempi, "at least one number")
        for tempo in self.tempi:
            _require(0.1 <= tempo <= 10, "tempi", tempo, "numbers from 0.1 to 10")
        for _, program in self.soundfonts:
            _require(0 <= program <= 127, "soundfonts", program, "programs from 0 to 127")
        _require(200 <= self.width <= 10_000, "width", self.width, "pixels from 200 to 10000")
        _require(
            self.velocity is None or 1 <= self.velocity <= 127,
            "velocity",
            self.velocity,
            "a number from 1 to 127, or source",
        )
        _require(
            self.instruments in {"piano", "source"},
            "instruments",
            self.instruments,
            "piano or source",
        )
        if self.instruments == "source":
            for name, program in self.soundfonts:
                _require(
                    program == 0,
                    "soundfonts",
                    f"{name}:{program}",
                    "only the name, as instruments is source: the parts have programs of their own",
                )
        _require(
            self.repeats in {"written", "unfolded"}, "repeats", self.repeats, "written or unfolded"
        )
        _require(
            -12 <= self.transpose <= 12, "transpose", self.transpose, "semitones from -12 to 12"
        )
        _require(self.upgrade in {"auto", "never"}, "upgrade", self.upgrade, "auto or never")
        _require(self.timeout_s > 0, "timeout", self.timeout_s, "seconds above 0")
        _require(
            self.memory_bytes >= 256 << 20, "memory", self.memory_bytes, "at least 256M, such as 4G"
        )
        _require(self.jobs >= 0, "jobs", self.jobs, "a number of worker processes, or 0")
        performances = self.performances()
        _require(
            len({performance.name for performance in performances}) == len(performances),
            "tempi and soundfonts",
            ", ".join(performance.name for performance in performances),
            "each tempo, and each font and program, once",
        )

    @property
    def workers(self) -> int:
        """How many worker processes to use: `jobs`, or one per core that this process may use."""
        return self.jobs or processors()

    def content(self) -> dict[str, Any]:
        """The options that decide what is in the dataset, as plain JSON values.

        Performances and audio may be added to a dataset; else it holds pieces of one such set
        only. The others (jobs, limits, …) may change from one build to the next.
        """
        transposed = {"transpose": self.transpose} if self.transpose else {}
        return {
            "performances": [
                p.to_json() for p in sorted(self.performances(), key=lambda p: p.name)
            ],
            "width": self.width,
            "keep_audio": self.keep_audio,
            "repeats": self.repeats,
            **transposed,
            **({"upgrade": self.upgrade} if self.upgrade != "auto" else {}),
        }

    def performances(self) -> tuple[PerformanceSpec, ...]:
        """Every performance asked for: each soundfont at each tempo."""
        return tuple(
            PerformanceSpec(
                tempo, name, None if self.instruments == "source" else program, self.velocity
            )
            for name, program in self.soundfonts
            for tempo in self.tempi
        )


def parse_tempi(value: object) -> tuple[float, ...]:
    """Speeds from "0.9,1.0,1.1", a number or a list of numbers.

    Raises:
        MsmdError: it is none of these.
    """
    try:
        return tuple(float(v) for v in _items(value))
    except (TypeError, ValueError) as error:
        raise MsmdError(f"tempi: {value!r} is not a list of numbers such as 0.9,1.0,1.1") from error


def parse_soundfonts(value: object) -> tuple[tuple[str, int], ...]:
    """Fonts and programs from "NAME[:PROGRAM],…" or a list of such texts.

    Raises:
        MsmdError: it is neither.
    """
    fonts = []
    for item in _items(value):
        match = re.fullmatch(r"([^:\s]+)(?::(\d+))?", str(item).strip())
        if match is None:
            raise MsmdError(f"soundfonts: {item!r} is not NAME or NAME:PROGRAM, such as TimGM6mb:0")
        fonts.append((match[1], int(match[2] or 0)))
    return tuple(fonts)


def parse_velocity(value: object) -> int | None:
    """A MIDI velocity from a number or its text; None from "source".

    Raises:
        MsmdError: it is neither.
    """
    if value == "source":
        return None
    try:
        return int(str(value))
    except ValueError as error:
        raise MsmdError(f"velocity: {value!r} is neither a number nor source") from error


def parse_memory(value: object) -> int:
    """Bytes from a number, or from a text such as "512M" or "4G".

    Raises:
        MsmdError: it is neither.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)i?B?", str(value).strip(), re.IGNORECASE)
    if match is None:
        raise MsmdError(f"memory: {value!r} is not a size such as 512M or 4G")
    return int(float(match[1]) * 1024 ** " KMGT".index(match[2].upper() or " "))


_PARSERS = {
    "tempi": parse_tempi,
    "soundfonts": parse_soundfonts,
    "velocity": parse_velocity,
    "memory": parse_memory,
}
# Types that a TOML file must give for the others; of the paths, those of files and folders.
_TYPES: dict[str, type | tuple[type, ...]] = {
    "manifest": str,
    "root": str,
    "out": str,
    "sample": bool,
    "pieces": str,
    "jobs": int,
    "width": int,
    "keep_audio": bool,
    "instruments": str,
    "repeats": str,
    "transpose": int,
    "timeout": (int, float),
    "retry_failed": bool,
    "engine": str,
    "lilypond": str,
    "upgrade": str,
    "sandbox": bool,
}
_PATHS = {"manifest", "root", "out", "engine", "lilypond"}
_FIELDS = {"timeout": "timeout_s", "memory": "memory_bytes"}


def read_config(
    path: Path,
    types: Mapping[str, type | tuple[type, ...]] = _TYPES,
    parsed: Collection[str] = _PARSERS.keys(),
    paths: Collection[str] = _PATHS,
) -> dict[str, Any]:
    """The options in a TOML file, by the names of a command's options.

    "keep-audio" may also be written keep_audio. Values are as in `parse_options`; relative paths
    are meant from the file's folder.

    Args:
        types: options of which the file must give a value of this type.
        parsed: options that are parsed later, whatever their value.
        paths: which of them are files and folders.

    Raises:
        MsmdError: the file cannot be read, has an unknown key, or a value of the wrong type.
    """
    try:
        with open(path, "rb") as file:
            table = tomllib.load(file)
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        reason = error if isinstance(error, tomllib.TOMLDecodeError) else why(error)
        raise MsmdError(f"{path}: {reason}") from error
    known = types.keys() | set(parsed)
    values = {key.replace("-", "_"): value for key, value in table.items()}
    if unknown := sorted(values.keys() - known):
        raise MsmdError(
            f"{path}: unknown option {', '.join(unknown)} (there are: {', '.join(sorted(known))})"
        )
    for key, value in values.items():
        if key in types and (
            not isinstance(value, types[key])
            or (isinstance(value, bool) and types[key] is not bool)
        ):
            raise MsmdError(f"{path}: {key} = {value!r} has the wrong type")
        if key in paths:
            values[key] = str(path.parent / value)
    return values


def parse_options(values: Mapping[str, Any]) -> BuildOptions:
    """The options from values by the names of the command's options, texts as a user gives them.

    Raises:
        MsmdError: a value is not understood or out of range.
    """
    fields: dict[str, Any] = {}
    for key, value in values.items():
        parse: Callable[[Any], Any] = _PARSERS.get(
            key, Path if key in {"engine", "lilypond"} else lambda same: same
        )
        fields[_FIELDS.get(key, key)] = parse(value)
    return BuildOptions(**fields)


def _items(value: object) -> Iterable[Any]:
    if isinstance(value, str):
        return [item for item in value.split(",") if item.strip()]
    return value if isinstance(value, list | tuple) else [value]


def _require(condition: bool, option: str, value: object, allowed: str) -> None:
    if not condition:
        raise MsmdError(f"{option}: {value!r} is not allowed; give {allowed}")
