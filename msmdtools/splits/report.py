"""What a split of a dataset is like, for the card, the command line and other programs."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from msmdtools.base.markdown import code
from msmdtools.base.text_table import pipes
from msmdtools.splits import splits
from msmdtools.splits.duplicates import LEAK, REPORTED, Pair, crossing, leaks
from msmdtools.splits.works import works

if TYPE_CHECKING:
    from msmdtools.dataset.reader import Dataset


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a split: train, valid or test.

    Attributes:
        split: name of the part.
        pieces: number of its pieces.
        works: number of works they belong to.
        composers: number of their composers.
        onsets: number of onsets in its pieces.
        fraction: its share of all onsets in the split, from 0 to 1.
    """

    split: str
    pieces: int
    works: int
    composers: int
    onsets: int
    fraction: float


@dataclass(frozen=True, slots=True)
class SplitReport:
    """The contents of a split, and what it leaks from training into testing.

    Attributes:
        parts: train, valid and test.
        left_out: pieces of the dataset that the split does not name.
        divided: works with pieces in more than one part, each with these parts.
        duplicates: near-duplicates across parts, the most similar first.
        threshold: the score from which such a pair is a leak.
        leaks: the training pieces that `--drop-leaks` drops.
    """

    parts: tuple[Part, ...]
    left_out: tuple[str, ...]
    divided: dict[str, tuple[str, ...]]
    duplicates: tuple[Pair, ...]
    threshold: float
    leaks: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the report as values that JSON can hold."""
        return asdict(self) | {"duplicates": [pair._asdict() for pair in self.duplicates]}


def report(
    dataset: "Dataset",
    split: Mapping[str, str],
    pairs: Sequence[Pair],
    threshold: float = LEAK,
) -> SplitReport:
    """Summarise a split of a dataset.

    Args:
        dataset: the dataset.
        split: "train", "valid" or "test" by piece, from `splits.splits.resolve`.
        pairs: pairs of similar pieces, from `duplicates.near_duplicates`; those across parts with a score of
            0.1 or more are reported.
        threshold: the score from which such a pair is a leak.

    Returns:
        The report.
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
    parts_of: dict[str, set[str]] = {}
    for piece, value in split.items():
        parts_of.setdefault(work_of[piece], set()).add(value)
    return SplitReport(
        parts=tuple(parts),
        left_out=tuple(piece for piece in dataset.ids if piece not in split),
        divided={
            work: tuple(name for name in splits.SPLITS if name in values)
            for work, values in sorted(parts_of.items())
            if len(values) > 1
        },
        duplicates=tuple(crossing(pairs, split, min(REPORTED, threshold))),
        threshold=threshold,
        leaks=tuple(leaks(pairs, split, threshold)),
    )


def markdown(summary: SplitReport, split: Mapping[str, str]) -> str:
    """Return a report as Markdown without a heading: its parts, divided works, and near-duplicates."""
    sizes = [
        [
            p.split,
            *(f"{count:,}" for count in (p.pieces, p.works, p.composers, p.onsets)),
            f"{p.fraction:.1%}",
        ]
        for p in summary.parts
    ]
    lines = pipes([["split", "pieces", "works", "composers", "onsets", "share"], *sizes])
    lines += ["", _sentence(summary), ""]
    lines += duplicates_table(summary.duplicates, split)
    return "\n".join(lines).rstrip() + "\n"


def duplicates_table(pairs: Sequence[Pair], split: Mapping[str, str]) -> list[str]:
    """Return the lines of a Markdown table of pairs; no lines where there are no pairs."""
    if not pairs:
        return []
    rows = [
        [f"{p.score:.3f}", split[p.piece_a], _id(p.piece_a), split[p.piece_b], _id(p.piece_b)]
        for p in pairs
    ]
    head = ["score", "split", "piece", "split", "piece"]
    return pipes([head, *rows], left=range(1, 5), markup=True)


def _id(piece: str) -> str:
    return code(piece).replace("|", "\\|")  # in a table also within code


def _sentence(summary: SplitReport) -> str:
    leaking = sum(pair.score >= summary.threshold for pair in summary.duplicates)
    sentences = [
        f"Works with pieces in more than one split: {len(summary.divided)}.",
        f"Near-duplicates across splits: {leaking} with a score of {summary.threshold:g} or more, "
        f"{len(summary.duplicates)} of {min(REPORTED, summary.threshold):g} or more.",
    ]
    if summary.left_out:
        sentences.append(f"Pieces of the dataset that are in no split: {len(summary.left_out)}.")
    return " ".join(sentences)
