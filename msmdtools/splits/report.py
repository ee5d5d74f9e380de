"""What a split of a dataset is like, for the card, the command line and other programs."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from msmdtools.base.markdown import code
from msmdtools.splits import splits
from msmdtools.splits.duplicates import LEAK, REPORTED, Pair, crossing, leaks
from msmdtools.splits.works import works

if TYPE_CHECKING:
    from msmdtools.dataset.reader import Dataset


@dataclass(frozen=True, slots=True)
class Part:
    """One of train, valid and test: how much is in it, and `fraction` of all onsets in the split."""

    split: str
    pieces: int
    works: int
    composers: int
    onsets: int
    fraction: float


@dataclass(frozen=True, slots=True)
class SplitReport:
    """What a split is like, and what it lets through.

    Attributes:
        parts: train, valid and test.
        left_out: pieces of the dataset that the split does not name.
        divided: works with pieces in more than one split, each with these splits.
        duplicates: near-duplicates across splits, the most similar first.
        threshold: the score from which such a pair is a leak.
        leaks: the training pieces that `--drop-leaks` drops.
    """

    parts: tuple[Part, ...]
    left_out: tuple[str, ...]
    divided: dict[str, tuple[str, ...]]
    duplicates: tuple[Pair, ...]
    threshold: float
    leaks: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """The same as what JSON can hold."""
        return asdict(self) | {"duplicates": [pair._asdict() for pair in self.duplicates]}


def report(
    dataset: "Dataset",
    split: Mapping[str, str],
    pairs: Sequence[Pair],
    threshold: float = LEAK,
) -> SplitReport:
    """What `split` is like on this dataset.

    Args:
        dataset: the dataset.
        split: from `splits.resolve`.
        pairs: from `duplicates.near_duplicates`; those across splits with a score of 0.1 or more are
            reported.
        threshold: the score from which such a pair is a leak.
    """
    work_of, size_of = works(dataset.pieces), splits.onsets(dataset)
    composer_of = splits.composers(dataset)
    total = sum(size_of[piece] for piece in split)
    parts = []
    for name in splits.SPLITS:
        inside = [piece for piece, value in split.items() if value == name]
        onsets = sum(size_of[piece] for piece in inside)
        parts.append(
            Part(
                split=name,
                pieces=len(inside),
                works=len({work_of[piece] for piece in inside}),
                composers=len({composer_of[piece] for piece in inside}),
                onsets=onsets,
                fraction=onsets / total if total else 0.0,
            )
        )
    found: dict[str, set[str]] = {}
    for piece, value in split.items():
        found.setdefault(work_of[piece], set()).add(value)
    return SplitReport(
        parts=tuple(parts),
        left_out=tuple(piece for piece in dataset.ids if piece not in split),
        divided={
            work: tuple(name for name in splits.SPLITS if name in values)
            for work, values in sorted(found.items())
            if len(values) > 1
        },
        duplicates=tuple(crossing(pairs, split, min(REPORTED, threshold))),
        threshold=threshold,
        leaks=tuple(leaks(pairs, split, threshold)),
    )


def markdown(found: SplitReport, split: Mapping[str, str]) -> str:
    """A report as Markdown, without a heading: the parts, what is divided, near-duplicates."""
    lines = [
        "| split | pieces | works | composers | onsets | share |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {p.split} | {p.pieces:,} | {p.works:,} | {p.composers:,} | {p.onsets:,} "
        f"| {p.fraction:.1%} |"
        for p in found.parts
    ]
    lines += ["", _sentence(found), ""]
    lines += duplicates_table(found.duplicates, split)
    return "\n".join(lines).rstrip() + "\n"


def duplicates_table(pairs: Sequence[Pair], split: Mapping[str, str]) -> list[str]:
    """The lines of a Markdown table of pairs; none where there are no pairs."""
    if not pairs:
        return []
    rows = [
        f"| {p.score:.3f} | {split[p.piece_a]} | {_id(p.piece_a)} | {split[p.piece_b]} "
        f"| {_id(p.piece_b)} |"
        for p in pairs
    ]
    return ["| score | split | piece | split | piece |", "|---:|---|---|---|---|", *rows]


def _id(piece: str) -> str:
    return code(piece).replace("|", "\\|")  # in a table also within code


def _sentence(found: SplitReport) -> str:
    leaking = sum(pair.score >= found.threshold for pair in found.duplicates)
    said = [
        f"Works with pieces in more than one split: {len(found.divided)}.",
        f"Near-duplicates across splits: {leaking} with a score of {found.threshold:g} or more, "
        f"{len(found.duplicates)} of {min(REPORTED, found.threshold):g} or more.",
    ]
    if found.left_out:
        said.append(f"Pieces of the dataset that are in no split: {len(found.left_out)}.")
    return " ".join(said)
