"""The options of a build: their defaults and limits, read from text and from TOML files."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msmdtools.base import options
from msmdtools.base.options import option, require
from msmdtools.base.processors import jobs_option, processors
from msmdtools.base.quantities import format_bytes, items, parse_bytes
from msmdtools.engrave.look import MUSIC_FONTS, USUAL, Look
from msmdtools.engrave.sandbox import Limits
from msmdtools.errors import MsmdError
from msmdtools.paper.width import NOMINAL_WIDTH
from msmdtools.performance import PerformanceSpec
from msmdtools.piece import FORMATS, LILYPOND, MIDI

LIMITS = Limits()
LOOK = {
    "staff_size": USUAL.staff_size,
    "music_font": USUAL.music_font,
    "page_width": USUAL.page_width_mm,
    "spacing": USUAL.spacing,
}


def parse_tempi(value: object) -> tuple[float, ...]:
    """Speeds from "0.9,1.0,1.1", a number or a list of numbers.

    Raises:
        MsmdError: it is none of these.
    """
    try:
        return tuple(float(v) for v in items(value))
    except (TypeError, ValueError) as error:
        raise MsmdError(f"{value!r} is not a list of numbers such as 0.9,1.0,1.1") from error


def parse_soundfonts(value: object) -> tuple[tuple[str, int], ...]:
    """Fonts and programs from "NAME[:PROGRAM],…" or a list of such texts.

    Raises:
        MsmdError: it is neither.
    """
    fonts = []
    for item in items(value):
        match = re.fullmatch(r"([^:\s]+)(?::(\d+))?", str(item).strip())
        if match is None:
            raise MsmdError(f"{item!r} is not NAME or NAME:PROGRAM, such as TimGM6mb:0")
        fonts.append((match[1], int(match[2] or 0)))
    return tuple(fonts)


def parse_formats(value: object) -> tuple[str, ...]:
    """Formats of sources from "musicxml,mei" or a list of them.

    Raises:
        MsmdError: one is no format.
    """
    formats = tuple(str(item).strip() for item in items(value))
    for name in formats:
        if name not in FORMATS:
            raise MsmdError(f"{name!r} is no format of sources (there are: {', '.join(FORMATS)})")
    return formats


def parse_parts(value: object) -> tuple[str, ...]:
    """Names of parts from "Voice,Piano" or a list of them."""
    return tuple(name for item in items(value) if (name := str(item).strip()))


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
        raise MsmdError(f"{value!r} is neither a number nor source") from error


@dataclass(frozen=True, slots=True)
class Places:
    """The manifest and source tree that a dataset is built from, and its folder.

    The declaration of each field says what it is. Files and folders of scores may stand for the first two.
    """

    manifest: str | None = option(
        "the list of pieces: a CSV file (see msmd ingest), or the name of a bundled one, such as msmd-v1.1",
        None,
        is_path=True,
    )
    root: str | None = option(
        "the folder of the sources that the manifest lists, such as mutopia/ftp",
        None,
        is_path=True,
    )
    out: str | None = option("the dataset folder, created if needed", None, is_path=True)
    sample: bool = option("build the bundled pieces, instead of --manifest and --root", False)
    formats: tuple[str, ...] = option(
        "of folders given as SOURCE, build only scores of these formats",
        FORMATS,
        read=parse_formats,
        shown=",".join,
        form="LIST",
    )


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """The content of a dataset, and the limits of the work. The declaration of each field says what it is.

    Soundfonts are pairs of a name in the registry and a General MIDI program. A velocity of None
    means those of the source. Transposed music gets the key signature with the fewest accidentals.

    Raises:
        MsmdError: a value is out of range; the message names the option.
    """

    pieces: str = option(
        'build only pieces whose id matches this pattern, such as "Bach*"', "*", form="GLOB"
    )
    tempi: tuple[float, ...] = option(
        "speeds at which to perform each piece, such as 0.9,1.0,1.1; 1.0 is as written",
        (1.0,),
        0.1,
        10,
        read=parse_tempi,
        shown=lambda tempi: ",".join(map(str, tempi)),
        form="LIST",
    )
    soundfonts: tuple[tuple[str, int], ...] = option(
        "soundfonts to perform each piece with: names that "
        "msmd fetch soundfonts --help lists, or .sf2 files. "
        "PROGRAM is the number of the instrument that plays all parts, from 0 (a piano, unless "
        "given) to 127",
        (),
        read=parse_soundfonts,
        shown="the first one that is installed",
        form="NAME[:PROGRAM],…",
    )
    width: int = option("width of page images in pixels", NOMINAL_WIDTH, 200, 10_000, unit="pixels")
    keep_audio: bool = option("keep the audio of each performance as FLAC", False)
    velocity: int | None = option(
        "how hard keys are struck: one MIDI velocity for all notes, or source for those that the "
        "source gives",
        64,
        1,
        127,
        allowed="a number from 1 to 127, or source",
        read=parse_velocity,
        form="N|source",
    )
    instruments: str = option(
        "how parts sound: piano plays all with the program of --soundfonts; source plays each with the "
        "instrument that its source names",
        "piano",
        choices=("piano", "source"),
    )
    repeats: str = option(
        "how repeats are played: written plays each page once from start to end; unfolded plays "
        "repeats as a musician would",
        "written",
        choices=("written", "unfolded"),
    )
    midi_timing: str = option(
        "when the notes of MIDI files that are sources sound: notated plays their score as it is written; file "
        "keeps the times, tempi and sustain pedal of the file, and its velocities with --velocity source",
        "notated",
        choices=("notated", "file"),
    )
    transpose: int = option(
        "engrave and play everything this many semitones higher, from -12 to 12; negative is lower",
        0,
        -12,
        12,
        unit="semitones",
        form="SEMITONES",
    )
    staff_size: float = option(
        "height of staves, in points of 1/72.27 inch (sources in other formats than LilyPond)",
        USUAL.staff_size,
        10,
        26,
        unit="points",
        form="POINTS",
    )
    music_font: str = option(
        "font of the music symbols (sources in other formats than LilyPond)",
        USUAL.music_font,
        choices=MUSIC_FONTS,
    )
    page_width: float = option(
        "width of the paper (sources in other formats than LilyPond)",
        USUAL.page_width_mm,
        50,
        2000,
        unit="millimetres",
        form="MM",
    )
    spacing: float = option(
        "how far apart notes are set: 1.0 as usual, 2.0 far, 0.5 close (sources in other formats "
        "than LilyPond)",
        USUAL.spacing,
        0.2,
        4,
    )
    looks: int = option(
        "how many times each piece is engraved, each time with another music font, staff size, paper "
        "width and spacing, for training: ID as the options say, ID~2 and so on with looks drawn at random "
        "(sources in other formats than LilyPond)",
        1,
        1,
        1000,
        form="N",
    )
    seed: int = option("seed of the random numbers of --looks", 0, 0)
    parts: tuple[str, ...] = option(
        "engrave and play only these parts of each piece, by their names or instruments, such as piano "
        "(not of LilyPond's sources; voices of ABC, tracks of MIDI files)",
        (),
        read=parse_parts,
        shown="all",
        form="NAME,…",
    )
    timeout_s: float = option(
        "how long engraving one piece may take, whichever program engraves it; performing it does not count",
        LIMITS.timeout_s,
        above=0,
        unit="seconds",
        name="timeout",
        form="SECONDS",
    )
    memory_bytes: int = option(
        "how much memory engraving one piece may take, such as 512M or 4G",
        LIMITS.memory_bytes,
        256 << 20,
        allowed="at least 256M, such as 4G",
        name="memory",
        read=parse_bytes,
        shown=format_bytes,
        form="SIZE",
    )
    jobs: int = jobs_option()
    retry_failed: bool = option("try pieces again that failed in an earlier build", False)
    engine: Path | None = option(
        "another lilypond program, to try when the first one crashes", None
    )
    lilypond: Path | None = option(
        "the lilypond program to engrave with", None, shown="the one that comes with msmdtools"
    )
    musescore: Path | None = option(
        "MuseScore's program, which converts its own files (.mscz, .mscx)",
        None,
        shown="mscore or musescore on the PATH",
    )
    upgrade: str = option(
        "what to do with sources for an older LilyPond: auto converts them, never leaves them as "
        "they are",
        "auto",
        choices=("auto", "never"),
    )
    sandbox: bool = option("run LilyPond in a sandbox, if bubblewrap is installed", True)

    def __post_init__(self) -> None:
        require(bool(self.tempi), "tempi", self.tempi, "at least one number")
        options.check(self)
        for name, program in self.soundfonts:
            require(0 <= program <= 127, "soundfonts", program, "programs from 0 to 127")
            require(
                program == 0 or self.instruments != "source",
                "soundfonts",
                f"{name}:{program}",
                "only the name, since with instruments source each part has its own program",
            )
        performances = self.performances()
        require(
            len({performance.name for performance in performances}) == len(performances),
            "tempi and soundfonts",
            ", ".join(performance.name for performance in performances),
            "each tempo, and each font and program, once",
        )

    @property
    def workers(self) -> int:
        """The number of worker processes: `jobs`, or one per core that this process may use."""
        return self.jobs or processors()

    @property
    def look(self) -> Look:
        """How pages look, except LilyPond's."""
        return Look(self.staff_size, self.music_font, self.page_width, self.spacing)

    def content(self) -> dict[str, Any]:
        """The options that decide the content of the dataset, as plain JSON values.

        All pieces of a dataset have the same, except that performances and audio may be added. `transpose`,
        `midi_timing`, `upgrade`, `parts` and the look of pages are listed only if they are not the default.
        Options that are not listed (jobs, limits, …) may change from one build to the next.
        """
        transposed = {"transpose": self.transpose} if self.transpose else {}
        timed = {"midi_timing": self.midi_timing} if self.midi_timing != "notated" else {}
        return {
            "performances": [
                p.to_json() for p in sorted(self.performances(), key=lambda p: p.name)
            ],
            "width": self.width,
            "keep_audio": self.keep_audio,
            "repeats": self.repeats,
            **timed,
            **transposed,
            **({"upgrade": self.upgrade} if self.upgrade != "auto" else {}),
            **({"parts": list(self.parts)} if self.parts else {}),
            **{name: v for name, usual in LOOK.items() if (v := getattr(self, name)) != usual},
        }

    def performances(self) -> tuple[PerformanceSpec, ...]:
        """All performances: each soundfont at each tempo."""
        return tuple(
            PerformanceSpec(
                tempo, name, None if self.instruments == "source" else program, self.velocity
            )
            for name, program in self.soundfonts
            for tempo in self.tempi
        )


def read_config(path: Path) -> dict[str, Any]:
    """The options in a TOML file, by their names, those of `Places` among them.

    Raises:
        MsmdError: the file cannot be read, has an unknown key, or a value of the wrong type.
    """
    return options.read_toml(path, Places, BuildOptions)


def parse_options(values: Mapping[str, Any]) -> BuildOptions:
    """The options from values by their names, texts as a user gives them.

    Raises:
        MsmdError: a value is not understood or out of range.
    """
    return BuildOptions(**options.read(BuildOptions, values))


def without_effect(options: BuildOptions, formats: Collection[str]) -> Iterator[str]:
    """Say which options change nothing, since no piece is of a format that they are for.

    Args:
        options: the options.
        formats: the formats of the pieces.

    Yields:
        A message.
    """
    if options.midi_timing != "notated" and MIDI not in formats:
        yield (
            f"--midi-timing {options.midi_timing} changes nothing: it is for MIDI files as sources, and there is "
            "none among the pieces"
        )
    if set(formats) == {LILYPOND}:
        changed = [name for name, usual in LOOK.items() if getattr(options, name) != usual]
        given = [*changed, *(["looks"] if options.looks > 1 else [])]
        if given:
            names = ", ".join(f"--{name.replace('_', '-')}" for name in given)
            verb = "change" if len(given) > 1 else "changes"
            yield f"{names} {verb} nothing: LilyPond's sources, as all pieces are, say how they look"
