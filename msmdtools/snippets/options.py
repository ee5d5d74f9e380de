"""Options of an export: their defaults, their allowed values, and how text and TOML files give them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from msmdtools.base import options
from msmdtools.base.options import option, require
from msmdtools.base.processors import jobs_option, processors
from msmdtools.base.quantities import format_bytes, parse_bytes
from msmdtools.errors import MsmdError
from msmdtools.features.spectrogram import BANDS, FRAMES_PER_SECOND
from msmdtools.paper.staff_height import STAFF_HEIGHT
from msmdtools.paper.width import NOMINAL_WIDTH
from msmdtools.snippets.schema import FORMAT, SnippetInfo
from msmdtools.splits.duplicates import LEAK
from msmdtools.splits.splits import SPLITS, SplitByWork


def parse_size(value: object) -> tuple[int, int]:
    """Parse rows and columns from "160x200" or a list of two numbers.

    Raises:
        MsmdError: it is neither.
    """
    text = "x".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    match = re.fullmatch(r"(\d+)x(\d+)", text.strip())
    if match is None:
        raise MsmdError(f"{value!r} is not ROWSxCOLUMNS, such as 160x200")
    return int(match[1]), int(match[2])


def parse_staff_height(value: object) -> float | None:
    """Parse a height in px, or "none" for pages as they are.

    Raises:
        MsmdError: it is neither.
    """
    if isinstance(value, str) and value.strip().lower() == "none":
        return None
    try:
        return float(str(value))
    except ValueError as error:
        raise MsmdError(f"{value!r} is not a number of pixels, such as 28.65, or none") from error


def parse_performances(value: object) -> dict[str, tuple[str, ...]]:
    """Parse globs by split from "train=GLOB,test=GLOB,…" or a mapping of splits to globs.

    Raises:
        MsmdError: it is neither, or a split is unknown.
    """
    globs: dict[str, tuple[str, ...]] = {}
    pairs: list[tuple[Any, ...]]
    if isinstance(value, Mapping):
        pairs = [(k, g) for k, v in value.items() for g in (v if isinstance(v, list) else [v])]
    else:
        pairs = [tuple(item.partition("=")[::2]) for item in str(value).split(",") if item.strip()]
    for split, glob in ((str(s).strip(), str(g).strip()) for s, g in pairs):
        if split not in SPLITS or not glob:
            raise MsmdError(
                f"{value!r} is not SPLIT=GLOB,… with splits {', '.join(SPLITS)}, "
                "such as train=TimGM6mb*,test=FluidR3_GM*"
            )
        globs[split] = (*globs.get(split, ()), glob)
    return globs


def parse_fractions(value: object) -> tuple[float, float, float]:
    """Parse three numbers from "0.8,0.05,0.15" or a list.

    Raises:
        MsmdError: it is neither.
    """
    items: Any = value.split(",") if isinstance(value, str) else value
    try:
        train, valid, test = (float(item) for item in items)
    except (TypeError, ValueError) as error:
        raise MsmdError(f"{value!r} is not three numbers, such as 0.8,0.05,0.15") from error
    return train, valid, test


@dataclass(frozen=True, slots=True)
class Places:
    """Where a configuration file may say what to cut snippets from, and where they go.

    Attributes:
        dataset: path of the dataset, an argument of the command.
        out: path of the folder for the snippets.
    """

    dataset: str | None = option("the dataset", None, is_path=True)
    out: str | None = option("the folder for the snippets, created if needed", None, is_path=True)


@dataclass(frozen=True, slots=True)
class SplitOptions:
    """Which piece belongs to which split: as a file says, or by whole works.

    Attributes:
        split: CSV:COLUMN, a column of a CSV file that has the split of each piece.
        split_by: "work" for a split that keeps works whole.
        fractions: shares of train, valid and test for `split_by`.

    Raises:
        MsmdError: both are given.
    """

    split: str | None = option(
        "the column of a CSV file that says which piece is for train, valid or test, such as "
        "manifests/msmd-v1.1.csv:all_split",
        None,
        form="CSV:COLUMN",
    )
    split_by: str | None = option(
        "make a new split, in which all pieces of a work are in the same part",
        None,
        choices=("work",),
        shown="work, unless --split is given",
    )
    fractions: tuple[float, float, float] | None = option(
        "with --split-by: which fractions of the music go to train, valid and test",
        None,
        read=parse_fractions,
        shown=lambda _: ",".join(map(str, SplitByWork().fractions)),
        form="LIST",
    )

    def __post_init__(self) -> None:
        options.check(self)
        if self.split is not None and (self.split_by or self.fractions):
            raise MsmdError("give either split, or split_by and fractions")

    def chosen(self, seed: int) -> str | SplitByWork:
        """The split in the form that `SnippetOptions` takes."""
        if self.split is not None:
            return self.split
        return SplitByWork(self.fractions, seed) if self.fractions else SplitByWork(seed=seed)


@dataclass(frozen=True, slots=True)
class SnippetOptions:
    """The content of snippets, and how to make them.

    Pages are resized to one height of staves, and sizes in pixels are for these. With a staff height of None
    they are for pages of `NOMINAL_WIDTH` and are scaled to those of the dataset. Splits without globs of
    performances have those of the registry's train or test soundfonts (`msmdtools.splits.performances`).

    Attributes:
        split: CSV:COLUMN or a split by works, as `msmdtools.splits.splits.resolve` takes it.
        missing_ok: whether the split may name pieces that the dataset does not have.
        performances: globs of performances, by split.
        sheet: rows and columns of the sheet window, in pixels.
        staff_height: height of the staves in the sheet window, in pixels (`msmdtools.paper.staff_height`);
            None for pages as they are.
        margin: pixels stored around the sheet window, on each side.
        context_s: length of the audio window, in seconds.
        margin_frames: frames stored before and after the audio window.
        onsets: "all"; "first", each printed place once where repeats are unfolded; or "every:N", the
            first of every N onsets of a piece.
        min_confidence: the least confidence of the events of an onset (`msmdtools.performance.EVENTS`).
        edge: what a window shows past the end of a system: "next" (the next system) or "white".
        seed: of the order of rows.
        shard_bytes: approximate size of a shard.
        drop_leaks: whether to leave out training pieces that nearly duplicate a piece of another split.
        leak_threshold: similarity, 0 to 1, from which `drop_leaks` leaves a piece out.
        transpose: whether to find near-duplicates in other keys too.
        jobs: worker processes; 0 for one per processor.

    Raises:
        MsmdError: a value is out of range; the message names the option.
    """

    split: str | SplitByWork = field(default_factory=SplitByWork)
    missing_ok: bool = option("accept a --split with pieces that DATASET does not have", False)
    performances: Mapping[str, tuple[str, ...]] = option(
        "patterns of the performances to use in each split, such as "
        "train=TimGM6mb*,test=FluidR3_GM*",
        factory=dict,
        read=parse_performances,
        shown="train and test soundfonts as the registry says",
        form="SPLIT=GLOB,…",
    )
    sheet: tuple[int, int] = option(
        "height and width of the sheet window in pixels",
        (160, 200),
        16,
        4096,
        allowed="ROWSxCOLUMNS from 16 to 4096",
        read=parse_size,
        shown=lambda sheet: "x".join(map(str, sheet)),
        form="ROWSxCOLUMNS",
    )
    staff_height: float | None = option(
        "height of the staves in the sheet window, in pixels: pages with other staves are resized; none cuts "
        "windows from the pages as they are, as the papers on MSMD do",
        STAFF_HEIGHT,
        4,
        1000,
        unit="pixels",
        allowed="from 4 to 1000, or none",
        read=parse_staff_height,
        form="PIXELS|none",
    )
    margin: int = option(
        "how many more pixels to store on each side of the sheet window, for augmentation",
        16,
        0,
        1024,
        unit="pixels",
        form="PIXELS",
    )
    context_s: float = option(
        "length of the audio window",
        8.4,
        0.1,
        120,
        unit="seconds",
        name="context",
        form="SECONDS",
    )
    margin_frames: int = option(
        "how many more frames (of 1/20 s) to store before and after the audio window, for augmentation",
        4,
        0,
        400,
        unit="frames",
        form="FRAMES",
    )
    onsets: str = option(
        "onsets to cut a snippet at: all; with unfolded repeats only the first time through (first); "
        "or one of every N",
        "all",
        form="all|first|every:N",
    )
    min_confidence: float = option(
        "of recordings that a model aligned: take only onsets whose time is right with at least this probability, "
        "from 0 to 1; times of all other performances are certain, and always taken",
        0.9,
        0,
        1,
    )
    edge: str = option(
        "what a sheet window shows past the end of a system: the next system, or white paper",
        "next",
        choices=("next", "white"),
    )
    seed: int = option(
        "seed of the random order of rows, and of --split-by",
        0,
        0,
        allowed="a number from 0 on",
    )
    shard_bytes: int = option(
        "approximate size of each Parquet file (shard), such as 256M",
        256 << 20,
        1 << 20,
        allowed="at least 1MB",
        name="shard_size",
        read=parse_bytes,
        shown=format_bytes,
        form="SIZE",
    )
    drop_leaks: bool = option(
        "leave out training pieces that nearly duplicate a piece of another split", False
    )
    leak_threshold: float = option(
        "how similar two pieces must be to count as near-duplicates, from 0 to 1",
        LEAK,
        above=0,
        high=1,
        allowed="0 to 1",
    )
    transpose: bool = option("find near-duplicates that are in different keys, too", False)
    jobs: int = jobs_option()

    def __post_init__(self) -> None:
        options.check(self)
        require(
            re.fullmatch(r"all|first|every:[1-9]\d*", self.onsets) is not None,
            "onsets",
            self.onsets,
            "all, first or every:N",
        )
        for split in self.performances:
            require(split in SPLITS, "performances", split, ", ".join(SPLITS))

    @property
    def workers(self) -> int:
        """Number of worker processes: `jobs`, or one per processor that this process may use."""
        return self.jobs or processors()

    def info(self, page_width: int, dataset_sha256: str) -> SnippetInfo:
        """Sizes of the windows of a dataset whose pages have this width (in pixels)."""
        scale = page_width / NOMINAL_WIDTH if self.staff_height is None else 1.0
        margin = round(self.margin * scale)
        return SnippetInfo(
            format=FORMAT,
            page_width=page_width,
            rows=max(1, round(self.sheet[0] * scale)),
            columns=max(1, round(self.sheet[1] * scale)),
            margin_rows=margin,
            margin_columns=margin,
            context_s=self.context_s,
            frames=max(1, round(self.context_s * FRAMES_PER_SECOND)),
            margin_frames=self.margin_frames,
            frames_per_second=FRAMES_PER_SECOND,
            bands=BANDS,
            edge=self.edge,
            onsets=self.onsets,
            seed=self.seed,
            dataset_sha256=dataset_sha256,
            staff_height=self.staff_height,
        )


def read_config(path: Path) -> dict[str, Any]:
    """Read the options in a TOML file by their names, including those of `Places` and `SplitOptions`.

    Raises:
        MsmdError: the file cannot be read, has an unknown key, or a value of the wrong type.
    """
    values = options.read_toml(path, Places, SplitOptions, SnippetOptions)
    file, colon, column = values.get("split", "").rpartition(":")
    if colon and (path.parent / file).is_file():
        values["split"] = f"{path.parent / file}:{column}"
    return values


def parse_options(values: Mapping[str, Any]) -> SnippetOptions:
    """Parse options by their names, including those of `SplitOptions`; values may be texts from a user.

    Raises:
        MsmdError: a value is not understood or out of range.
    """
    of_split = options.names(SplitOptions)
    split = {name: value for name, value in values.items() if name in of_split}
    rest = {name: value for name, value in values.items() if name not in of_split}
    chosen = SplitOptions(**options.read(SplitOptions, split)).chosen(values.get("seed", 0))
    return SnippetOptions(split=chosen, **options.read(SnippetOptions, rest))
