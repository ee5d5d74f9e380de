"""Find out which tested pieces a model has seen in training: by their ids, and by their music.

Weights of `msmd train` record the ids and fingerprints (`msmdtools.splits.fingerprints`) of the pieces
that they were trained on, including those of the weights that the training started from (`--init`), and of
the pieces in the validation that chose these weights. A piece is *seen* if it has the id of one of them, or
shares so much music with one, in any key, that it counts as the same: a score of `fingerprints.ALIKE` or
more.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from msmdtools.base.quantities import how_many
from msmdtools.dataset.reader import Dataset
from msmdtools.errors import MsmdError
from msmdtools.snippets.reader import Snippets
from msmdtools.splits import fingerprints
from msmdtools.splits.duplicates import Pair
from msmdtools.splits.fingerprints import Fingerprint
from msmdtools.splits.selection import Selection

PARTS = ("train", "valid")
Pieces = Mapping[str, Fingerprint]
# The fingerprint of a piece whose notes are not available.
UNKNOWN = fingerprints.of_hashes(())


@dataclass(frozen=True, slots=True)
class Part:
    """The tested pieces that a model has seen in training, or in validation.

    Attributes:
        same: the pieces that have the id of a seen piece, sorted.
        alike: of the others those that share music with a seen piece: the piece, the most similar seen
            piece, and the score; sorted.
    """

    same: tuple[str, ...] = ()
    alike: tuple[Pair, ...] = ()

    @property
    def pieces(self) -> list[str]:
        """All of them, sorted."""
        return sorted([*self.same, *(pair.piece_a for pair in self.alike)])


@dataclass(frozen=True, slots=True)
class Seen:
    """The tested pieces that a model has seen.

    Attributes:
        tested: number of tested pieces.
        listed: whether the weights record what they were trained on.
        complete: whether the record is complete: not if they started from weights without one.
        heard: number of tested pieces whose notes were available, to look for the same music.
        train: the pieces that were in training.
        valid: of the others those that were in validation.
        excluded: number of pieces that were left out, and are in none of the other figures.
    """

    tested: int
    listed: bool
    complete: bool
    heard: int
    train: Part = Part()
    valid: Part = Part()
    excluded: int = 0

    @property
    def pieces(self) -> list[str]:
        """The pieces that were seen, in training or validation, sorted."""
        return sorted([*self.train.pieces, *self.valid.pieces])

    def to_json(self) -> dict[str, Any]:
        """The values by name; `train` and `valid` are null where the weights have no list."""
        parts = {
            name: {"same": list(part.same), "alike": [list(pair) for pair in part.alike]}
            for name, part in (("train", self.train), ("valid", self.valid))
        }
        return {
            "tested": self.tested,
            "with_notes": self.heard,
            "excluded": self.excluded,
            "complete": self.complete,
            **(parts if self.listed else dict.fromkeys(PARTS)),
        }

    def to_text(self) -> str:
        """One line, or two, for people."""
        if not self.listed:
            return (
                f"Whether {how_many(self.tested, 'piece')} {_were(self.tested)} in training is not known: "
                "these weights do not say what they were trained on."
            )
        facts = []
        if self.train.pieces:
            facts.append(f"{_count(self.train, self.tested)} in training{_kinds(self.train)}")
        if self.valid.pieces:
            facts.append(
                f"{_count(self.valid, self.tested)} in the validation that chose these weights"
                f"{_kinds(self.valid)}"
            )
        lines = ["Seen before: " + "; ".join(facts) + "."] if facts else []
        if facts:
            lines[0] += " --exclude-seen leaves them out."
        else:
            lines.append(f"Seen before: none of {how_many(self.tested, 'piece')} tested.")
        if self.excluded:
            lines[0] += (
                f" {how_many(self.excluded, 'piece')} that the model had seen {_were(self.excluded)} left out."
            )
        if not self.complete:
            lines.append(
                "These weights began with others, and what those were trained on is not known."
            )
        if self.heard < self.tested:
            lines.append(
                f"The notes of {how_many(self.tested - self.heard, 'piece')} are not available, so only "
                "ids were compared."
            )
        return "\n".join(lines)


def find(made: Mapping[str, Any], tested: Pieces) -> Seen:
    """Find the tested pieces that a model has seen.

    Args:
        made: what its weights were made with and from (`msmdtools.models.model.Model.made`).
        tested: fingerprints by the pieces' ids; `UNKNOWN` if the notes are not available.

    Raises:
        MsmdError: the list in the weights is damaged.
    """
    heard = sum(fingerprint is not UNKNOWN for fingerprint in tested.values())
    if "pieces" not in made:
        return Seen(len(tested), listed=False, complete=False, heard=heard)
    lists = read(made)
    train = _part(tested, lists["train"])
    others = {p: fingerprint for p, fingerprint in tested.items() if p not in set(train.pieces)}
    return Seen(len(tested), True, complete(made), heard, train, _part(others, lists["valid"]))


def of_selection(
    made: Mapping[str, Any], dataset: Dataset, selection: Selection, leave_out: bool = False
) -> tuple[Selection, Seen]:
    """Find the pieces of a selection that a model has seen, and leave them out if wanted.

    Args:
        made: what its weights were made with and from.
        dataset: the dataset of the pieces.
        selection: the tested pieces.
        leave_out: whether to leave the seen pieces out.

    Returns:
        The selection, without the seen pieces if they are left out, and what the model has seen of it.

    Raises:
        DatasetError: the table of note heads is missing or damaged.
        MsmdError: as `find` and `exclude` do.
    """
    without, report = of_dataset(made, dataset, selection.pieces, leave_out)
    return selection.without(without), report


def of_dataset(
    made: Mapping[str, Any], dataset: Dataset, pieces: Sequence[str], leave_out: bool = False
) -> tuple[list[str], Seen]:
    """Find the pieces of a dataset that a model has seen, and leave them out if wanted.

    Args:
        made: what its weights were made with and from.
        dataset: the dataset.
        pieces: ids of the tested pieces.
        leave_out: whether to leave the seen pieces out.

    Returns:
        The ids of the pieces to leave out, and what the model has seen.

    Raises:
        DatasetError: a piece does not exist, or the table of note heads is missing or damaged.
        MsmdError: as `find` and `exclude` do.
    """
    report = find(made, fingerprints.of_dataset(dataset, pieces))
    return ([], report) if not leave_out else (report.pieces, exclude(report, str(dataset.path)))


def of_split(
    made: Mapping[str, Any], snippets: Snippets, split: str, leave_out: bool = False
) -> tuple[list[str], Seen]:
    """Find the pieces of a split that a model has seen, and leave them out if wanted.

    Args:
        made: what its weights were made with and from.
        snippets: the folder of snippets.
        split: train, valid or test.
        leave_out: whether to leave the seen pieces out.

    Returns:
        The ids of the pieces to leave out, and what the model has seen.

    Raises:
        DatasetError: there is no such split, or it is damaged.
        MsmdError: as `find` and `exclude` do.
    """
    report = find(made, pieces_of(snippets, split))
    where = f"{snippets.path}: {split}"
    return ([], report) if not leave_out else (report.pieces, exclude(report, where))


def pieces_of(snippets: Snippets, split: str) -> dict[str, Fingerprint]:
    """The fingerprint of each piece of a split; `UNKNOWN` if the snippets have none of it.

    Raises:
        DatasetError: there is no such split, or it is damaged.
    """
    fingerprint_of = snippets.fingerprints
    rows = snippets.description.get("pieces")
    # If the folder has no list of pieces, such as one that another program wrote, read its rows.
    if rows is None:
        names = snippets[split].index.pieces
    else:
        names = [row["piece"] for row in rows if row["split"] == split]
    return {piece: fingerprint_of.get(piece, UNKNOWN) for piece in names}


def exclude(seen: Seen, what: str) -> Seen:
    """Leave the seen pieces out.

    Args:
        seen: what the model has seen.
        what: where the pieces are from, for the message.

    Returns:
        The same report for the pieces that are left.

    Raises:
        MsmdError: the weights have no list of pieces, or no piece is left.
    """
    if not seen.listed:
        raise MsmdError(
            "--exclude-seen: these weights do not say what they were trained on; leave it out, or "
            "train them anew with msmd train"
        )
    left = seen.tested - len(seen.pieces)
    if not left:
        raise MsmdError(
            f"{what}: --exclude-seen leaves no piece: all {seen.tested:,} were in training or validation"
        )
    return replace(
        seen,
        tested=left,
        train=Part(),
        valid=Part(),
        heard=seen.heard - len(seen.pieces),
        excluded=len(seen.pieces),
    )


def read(made: Mapping[str, Any]) -> dict[str, dict[str, Fingerprint]]:
    """Read the fingerprints of the pieces that weights were trained and validated on, by `PARTS`.

    They are empty if the weights have no list.

    Raises:
        MsmdError: the list is damaged.
    """
    lists = made.get("pieces", {})
    return {part: fingerprints.decode(lists[part]) if part in lists else {} for part in PARTS}


def complete(made: Mapping[str, Any]) -> bool:
    """Whether the list in weights has all pieces that they were trained on."""
    return bool(made.get("pieces", {}).get("complete", False))


def listed(parts: Iterable[tuple[str, Pieces]], complete: bool = True) -> dict[str, Any]:
    """Make the list of pieces that is recorded in weights; a piece in training is in no other part.

    Args:
        parts: names of parts (of `PARTS`), each with fingerprints by piece.
        complete: whether these are all pieces that the weights have seen.
    """
    pieces_of_part: dict[str, dict[str, Fingerprint]] = {part: {} for part in PARTS}
    for part, pieces in parts:
        for piece, fingerprint in pieces.items():
            earlier = pieces_of_part[part].get(piece, UNKNOWN)
            pieces_of_part[part][piece] = max(earlier, fingerprint, key=lambda f: f.ngrams)
    for piece in pieces_of_part["train"]:
        pieces_of_part["valid"].pop(piece, None)
    lists = {part: fingerprints.encode(pieces) for part, pieces in pieces_of_part.items()}
    return {**lists, "complete": complete}


def _part(tested: Pieces, seen: Pieces) -> Part:
    same = sorted(tested.keys() & seen.keys())
    others = {piece: fingerprint for piece, fingerprint in tested.items() if piece not in seen}
    best: dict[str, Pair] = {}
    for pair in fingerprints.alike(others, seen):  # the most similar first
        best.setdefault(pair.piece_a, pair)
    return Part(tuple(same), tuple(best[piece] for piece in sorted(best)))


def _count(part: Part, tested: int) -> str:
    seen = len(part.pieces)
    return f"{seen:,} of {how_many(tested, 'piece')} {_were(seen)}"


def _kinds(part: Part) -> str:
    if not part.alike:
        return ""
    return f" ({len(part.same):,} by id, {len(part.alike):,} by the same music)"


def _were(count: int) -> str:
    return "was" if count == 1 else "were"
