"""The options of an export: defaults, what is allowed, and how text and TOML files give them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from msmdtools.base.processors import processors
from msmdtools.build import options as build_options
from msmdtools.build.options import parse_memory
from msmdtools.errors import MsmdError
from msmdtools.features.spectrogram import BANDS, FRAMES_PER_SECOND
from msmdtools.snippets.schema import FORMAT, NOMINAL_WIDTH, SnippetInfo
from msmdtools.splits.duplicates import LEAK
from msmdtools.splits.splits import SPLITS, SplitByWork

EDGES = ("next", "white")


@dataclass(frozen=True, slots=True)
class SnippetOptions:
    """What snippets are to contain, and how the work is done.

    Sizes in pixels are for pages of `NOMINAL_WIDTH` and are scaled to those of the dataset.

    Attributes:
        split: which piece is in which split; see `msmdtools.splits.splits.resolve`.
        missing_ok: whether the split may name pieces that the dataset lacks.
        performances: globs over performances, by split. A split that is not named has those of the
            registry's train or test fonts; see `msmdtools.splits.performances`.
        sheet: rows and columns of the sheet window.
        margin: pixels around it.
        context_s: length of the audio window in seconds.
        margin_frames: frames before and after it.
        onsets: "all"; "first": where repeats are unfolded, each printed place the first time only;
            "every:N": the first of every N onsets of a piece.
        edge: what a window shows beside its system: "next" or "white".
        seed: of the order of the rows.
        shard_bytes: how large a shard should be.
        drop_leaks: leave out training pieces that are nearly the same music as one for testing.
        leak_threshold: from which similarity on, 0 to 1, they count as that.
        transpose: whether music in another key is the same music there.
        jobs: worker processes; 0 for one per core.

    Raises:
        MsmdError: a value is out of range; the message names the option.
    """

    split: str | SplitByWork = field(default_factory=SplitByWork)
    missing_ok: bool = False
    performances: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sheet: tuple[int, int] = (160, 200)
    margin: int = 16
    context_s: float = 8.4
    margin_frames: int = 4
    onsets: str = "all"
    edge: str = "next"
    seed: int = 0
    shard_bytes: int = 256 << 20
    drop_leaks: bool = False
    leak_threshold: float = LEAK
    transpose: bool = False
    jobs: int = 0

    def __post_init__(self) -> None:
        sides = all(16 <= side <= 4096 for side in self.sheet)
        _require(sides, "sheet", "x".join(map(str, self.sheet)), "ROWSxCOLUMNS from 16 to 4096")
        _require(0 <= self.margin <= 1024, "margin", self.margin, "pixels from 0 to 1024")
        _require(0.1 <= self.context_s <= 120, "context", self.context_s, "seconds, 0.1 to 120")
        _require(0 <= self.margin_frames <= 400, "margin_frames", self.margin_frames, "0 to 400")
        _require(
            re.fullmatch(r"all|first|every:[1-9]\d*", self.onsets) is not None,
            "onsets",
            self.onsets,
            "all, first or every:N",
        )
        _require(self.edge in EDGES, "edge", self.edge, " or ".join(EDGES))
        _require(self.seed >= 0, "seed", self.seed, "a number from 0 on")
        _require(self.shard_bytes >= 1 << 20, "shard_size", self.shard_bytes, "at least 1MB")
        _require(0 < self.leak_threshold <= 1, "leak_threshold", self.leak_threshold, "0 to 1")
        _require(self.jobs >= 0, "jobs", self.jobs, "a number of worker processes, or 0")
        for split in self.performances:
            _require(split in SPLITS, "performances", split, ", ".join(SPLITS))

    @property
    def workers(self) -> int:
        """How many worker processes to use: `jobs`, or one per core that this process may use."""
        return self.jobs or processors()

    def info(self, page_width: int, dataset_sha256: str) -> SnippetInfo:
        """What the windows are on pages of this width."""
        scale = page_width / NOMINAL_WIDTH
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
        )


def parse_size(value: object) -> tuple[int, int]:
    """Rows and columns from "160x200" or a list of two numbers.

    Raises:
        MsmdError: it is neither.
    """
    text = "x".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    match = re.fullmatch(r"(\d+)x(\d+)", text.strip())
    if match is None:
        raise MsmdError(f"sheet: {value!r} is not ROWSxCOLUMNS, such as 160x200")
    return int(match[1]), int(match[2])


def parse_performances(value: object) -> dict[str, tuple[str, ...]]:
    """Globs by split from "train=GLOB,test=GLOB,…" or a mapping of splits to globs.

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
                f"performances: {value!r} is not SPLIT=GLOB,… with splits {', '.join(SPLITS)}, "
                "such as train=TimGM6mb*,test=FluidR3_GM*"
            )
        globs[split] = (*globs.get(split, ()), glob)
    return globs


def parse_fractions(value: object) -> tuple[float, float, float]:
    """Three numbers from "0.8,0.05,0.15" or a list.

    Raises:
        MsmdError: it is neither.
    """
    items = value.split(",") if isinstance(value, str) else value
    try:
        train, valid, test = (float(item) for item in items)  # type: ignore[attr-defined]
    except (TypeError, ValueError) as error:
        raise MsmdError(
            f"fractions: {value!r} is not three numbers, such as 0.8,0.05,0.15"
        ) from error
    return train, valid, test


_PARSERS = {
    "sheet": parse_size,
    "performances": parse_performances,
    "fractions": parse_fractions,
    "shard_size": parse_memory,
}
_TYPES: dict[str, type | tuple[type, ...]] = {
    "dataset": str,
    "out": str,
    "split": str,
    "split_by": str,
    "missing_ok": bool,
    "margin": int,
    "context": (int, float),
    "margin_frames": int,
    "onsets": str,
    "edge": str,
    "seed": int,
    "drop_leaks": bool,
    "leak_threshold": (int, float),
    "transpose": bool,
    "jobs": int,
}
_PATHS = {"dataset", "out"}
_FIELDS = {"context": "context_s", "shard_size": "shard_bytes"}


def read_config(path: Path) -> dict[str, Any]:
    """The options in a TOML file, by the names of the command's options.

    Raises:
        MsmdError: the file cannot be read, has an unknown key, or a value of the wrong type.
    """
    values = build_options.read_config(path, _TYPES, _PARSERS.keys(), _PATHS)
    file, colon, column = values.get("split", "").rpartition(":")
    if colon and (path.parent / file).is_file():
        values["split"] = f"{path.parent / file}:{column}"
    return values


def parse_options(values: Mapping[str, Any]) -> SnippetOptions:
    """The options from values by the names of the command's options, texts as a user gives them.

    Raises:
        MsmdError: a value is not understood or out of range.
    """
    fields: dict[str, Any] = {
        _FIELDS.get(key, key): _PARSERS[key](value) if key in _PARSERS else value
        for key, value in values.items()
    }
    by, fractions = fields.pop("split_by", None), fields.pop("fractions", None)
    if by not in {None, "work"}:
        raise MsmdError(f"split_by: {by!r} is not allowed; give work")
    if "split" in fields and (by or fractions):
        raise MsmdError("give either split, or split_by and fractions")
    if "split" not in fields:
        seed = fields.get("seed", 0)
        fields["split"] = SplitByWork(fractions, seed) if fractions else SplitByWork(seed=seed)
    return SnippetOptions(**fields)


def _require(condition: bool, option: str, value: object, allowed: str) -> None:
    if not condition:
        raise MsmdError(f"{option}: {value!r} is not allowed; give {allowed}")
