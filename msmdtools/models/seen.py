"""Which of the pieces that a model is tested on it was trained on: by their ids, and by their music.

Weights of `msmd train` have the ids and fingerprints (`msmdtools.splits.fingerprints`) of the pieces that
they were trained on, those of the weights that a training began with (`--init`) among them, and of the
pieces whose validation chose these weights. A piece is *seen* if it has the id of one of them, or shares so
much music with one, in whatever key, that it counts as the same: a score of `fingerprints.ALIKE` or more.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from msmdtools.dataset.reader import Dataset
from msmdtools.errors import MsmdError
from msmdtools.snippets.reader import Snippets
from msmdtools.splits import fingerprints
from msmdtools.splits.duplicates import Pair
from msmdtools.splits.fingerprints import Fingerprint
from msmdtools.splits.selection import Selection

PARTS = ("train", "valid")
Pieces = Mapping[str, Fingerprint]
# What is known of a piece whose notes are not at hand.
UNKNOWN = fingerprints.of_hashes(())


@dataclass(frozen=True, slots=True)
class Part:
    """What a model has seen of tested pieces, in training or for validation.

    Attributes:
        same: the pieces that have the id of one of its pieces, sorted.
        alike: of the others those that share music with one of its pieces: the piece, the most
            similar of these, and the score; sorted.
    """

    same: tuple[str, ...] = ()
    alike: tuple[Pair, ...] = ()

    @property
    def pieces(self) -> list[str]:
        """All of them, sorted."""
        return sorted([*self.same, *(pair.piece_a for pair in self.alike)])


@dataclass(frozen=True, slots=True)
class Seen:
    """What a model has seen of tested pieces.

    Attributes:
        tested: how many there are.
        listed: whether the weights say what they were trained on.
        complete: whether that is all: not if they began with others that do not say it.
        heard: of how many of them the notes were at hand, to look for the same music.
        train: those that were in training.
        valid: of the others those that were in validation.
        excluded: how many were left out, which are in none of the other figures.
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
        of = f"the {self.tested:,} pieces" if self.tested != 1 else "one piece"
        if not self.listed:
            return (
                f"Whether {of} {_were(self.tested)} in training is not known: "
                "these weights do not say what they were trained on."
            )
        told = []
        if self.train.pieces:
            told.append(f"{_count(self.train, self.tested)} in training{_ways(self.train)}")
        if self.valid.pieces:
            told.append(
                f"{_count(self.valid, self.tested)} in the validation that chose these weights"
                f"{_ways(self.valid)}"
            )
        lines = ["Seen before: " + "; ".join(told) + "."] if told else []
        if told:
            lines[0] += " --exclude-seen leaves them out."
        else:
            lines.append(f"Seen before: none of {of} in training or validation.")
        if self.excluded:
            lines[0] += f" Left out: {self.excluded:,} that were."
        if not self.complete:
            lines.append(
                "These weights began with others, and what those were trained on is not known."
            )
        if self.heard < self.tested:
            lines.append(
                f"Of {self.tested - self.heard:,} the notes are not at hand: known by their ids alone."
            )
        return "\n".join(lines)


def find(made: Mapping[str, Any], tested: Pieces) -> Seen:
    """What a model has seen of pieces.

    Args:
        made: what its weights were made with and from (`msmdtools.models.model.Model.made`).
        tested: fingerprints by the pieces' ids; `UNKNOWN` where the notes are not at hand.

    Raises:
        MsmdError: the list in the weights is damaged.
    """
    heard = sum(one is not UNKNOWN for one in tested.values())
    if "pieces" not in made:
        return Seen(len(tested), listed=False, complete=False, heard=heard)
    lists = read(made)
    train = _part(tested, lists["train"])
    others = {p: one for p, one in tested.items() if p not in set(train.pieces)}
    return Seen(len(tested), True, complete(made), heard, train, _part(others, lists["valid"]))


def of_selection(
    made: Mapping[str, Any], dataset: Dataset, selection: Selection, leave_out: bool = False
) -> tuple[Selection, Seen]:
    """What a model has seen of the pieces of a selection; and the selection, without these if asked.

    Raises:
        DatasetError: the table of note heads is missing or damaged.
        MsmdError: as `find` and `exclude` do.
    """
    without, found = of_dataset(made, dataset, selection.pieces, leave_out)
    return selection.without(without), found


def of_dataset(
    made: Mapping[str, Any], dataset: Dataset, pieces: Sequence[str], leave_out: bool = False
) -> tuple[list[str], Seen]:
    """What a model has seen of pieces of a dataset; and those to leave out: none, unless asked.

    Raises:
        DatasetError: a piece is not there, or the table of note heads is missing or damaged.
        MsmdError: as `find` and `exclude` do.
    """
    found = find(made, fingerprints.of_dataset(dataset, pieces))
    return ([], found) if not leave_out else (found.pieces, exclude(found, str(dataset.path)))


def of_split(
    made: Mapping[str, Any], snippets: Snippets, split: str, leave_out: bool = False
) -> tuple[list[str], Seen]:
    """What a model has seen of the pieces of a split; and those to leave out: none, unless asked.

    Raises:
        DatasetError: there is no such split, or it is damaged.
        MsmdError: as `find` and `exclude` do.
    """
    found = find(made, pieces_of(snippets, split))
    where = f"{snippets.path}: {split}"
    return ([], found) if not leave_out else (found.pieces, exclude(found, where))


def pieces_of(snippets: Snippets, split: str) -> dict[str, Fingerprint]:
    """The fingerprint of each piece of a split; `UNKNOWN` where the snippets have none.

    Raises:
        DatasetError: there is no such split, or it is damaged.
    """
    known = snippets.fingerprints
    rows = snippets.description.get("pieces")
    # Of a folder without a list, such as one that another program wrote, the rows tell.
    if rows is None:
        names = snippets[split].index.pieces
    else:
        names = [row["piece"] for row in rows if row["split"] == split]
    return {piece: known.get(piece, UNKNOWN) for piece in names}


def exclude(seen: Seen, what: str) -> Seen:
    """The same without the pieces that were seen.

    Args:
        what: where the pieces are from, for the message.

    Raises:
        MsmdError: the weights have no list of pieces, or none is left.
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
    """The fingerprints of what weights were trained and validated on, by `PARTS`; empty without a list.

    Raises:
        MsmdError: the list is damaged.
    """
    lists = made.get("pieces", {})
    return {part: fingerprints.decode(lists[part]) if part in lists else {} for part in PARTS}


def complete(made: Mapping[str, Any]) -> bool:
    """Whether the list in weights has all that they were trained on."""
    return bool(made.get("pieces", {}).get("complete", False))


def listed(parts: Iterable[tuple[str, Pieces]], complete: bool = True) -> dict[str, Any]:
    """The list that goes into weights, from fingerprints by part; what is in training is in no other.

    Args:
        complete: whether these are all pieces that the weights have seen.
    """
    found: dict[str, dict[str, Fingerprint]] = {part: {} for part in PARTS}
    for part, pieces in parts:
        for piece, one in pieces.items():
            known = found[part].get(piece, UNKNOWN)
            found[part][piece] = max(known, one, key=lambda one: one.ngrams)
    for piece in found["train"]:
        found["valid"].pop(piece, None)
    lists = {part: fingerprints.encode(pieces) for part, pieces in found.items()}
    return {**lists, "complete": complete}


def _part(tested: Pieces, known: Pieces) -> Part:
    same = sorted(tested.keys() & known.keys())
    others = {piece: one for piece, one in tested.items() if piece not in known}
    best: dict[str, Pair] = {}
    for pair in fingerprints.alike(others, known):  # the most similar first
        best.setdefault(pair.piece_a, pair)
    return Part(tuple(same), tuple(best[piece] for piece in sorted(best)))


def _count(part: Part, tested: int) -> str:
    count = len(part.pieces)
    return f"{count:,} of {tested:,} {'piece' if tested == 1 else 'pieces'} {_were(count)}"


def _ways(part: Part) -> str:
    if not part.alike:
        return ""
    return f" ({len(part.same):,} by id, {len(part.alike):,} by the same music)"


def _were(count: int) -> str:
    return "was" if count == 1 else "were"
