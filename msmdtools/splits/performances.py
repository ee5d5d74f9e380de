"""Which performances are for training, which for validation and which for testing.

A model is tested on sounds that it has not heard: no soundfont may be both in training and in testing,
whatever its name; fonts are compared by their content. By default, fonts with the role "train" in the
registry, and fonts that are not in it, are for training and validation, and fonts with the role "test" are
for testing. Where a dataset has fonts of one role only, all of its performances are in all parts, and a
warning says so. A recording has no soundfont: those of a part's pieces are in it, unless patterns leave them out.
"""

from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from msmdtools.errors import MsmdError
from msmdtools.perform.soundfonts import registry
from msmdtools.performance import SYNTHETIC
from msmdtools.splits.splits import SPLITS

if TYPE_CHECKING:
    import pandas as pd


def performances_by_split(
    performances: "pd.DataFrame",
    globs: Mapping[str, tuple[str, ...]],
    warn: Callable[[str], None],
) -> dict[str, tuple[str, ...]]:
    """Choose the performances for each of train, valid and test.

    Args:
        performances: rows of the performances table, of all pieces.
        globs: by part, patterns of the names of its performances; parts without patterns get the default.
        warn: called with a sentence for the user where training and testing have to share soundfonts.

    Returns:
        The names of the performances by part ("train", "valid", "test"), sorted.

    Raises:
        MsmdError: a pattern matches nothing, or a soundfont would be in training and in testing.
    """
    columns = ["performance", "soundfont", "soundfont_sha256"]
    rows = performances[columns].drop_duplicates("performance").sort_values("performance")
    font = dict(zip(rows["performance"], rows["soundfont"], strict=True))
    content = {
        name: sha256 or font[name]
        for name, sha256 in zip(rows["performance"], rows["soundfont_sha256"], strict=True)
    }
    chosen = {split: _matching(list(font), split, globs.get(split, ())) for split in SPLITS}
    by_default = [split for split in SPLITS if split not in globs]
    if by_default:
        roles = {name: _role(font[name]) for name in font if font[name]}
        two_roles = len(set(roles.values())) == 2
        for split in by_default:
            role = "test" if split == "test" else "train"
            chosen[split] = tuple(
                name for name in font if not two_roles or roles.get(name, role) == role
            )
        if not two_roles and by_default == list(SPLITS):
            only = ", ".join(sorted({font[name] for name in roles})) or "recordings"
            warn(
                f"All performances are used in every split: the dataset has only {only}, so the "
                "soundfont of the tests is heard in training. To test on an unheard one, build "
                "the dataset with fonts of both roles, or name the performances of each split."
            )
            return chosen
    test = {content[name]: name for name in chosen["test"]}
    for name in chosen["train"]:
        if font[name] and content[name] in test:
            raise MsmdError(
                f"performances: soundfont {font[name]} is in training ({name}) and in testing "
                f"({test[content[name]]}); the tests' soundfont must not be heard in training. "
                f"{_cure(font, content, font[name])}"
            )
    return chosen


def of_piece(performances: "pd.DataFrame", piece: str, names: Sequence[str]) -> tuple[str, ...]:
    """Leave out of performances what people have played of other pieces.

    Args:
        performances: rows of the performances table, of all pieces.
        piece: the piece id.
        names: names of performances.

    Returns:
        The other names.
    """
    human = performances[performances["kind"] != SYNTHETIC]
    own = set(human.loc[human["piece"] == piece, "performance"])
    others = set(human["performance"]) - own
    return tuple(name for name in names if name not in others)


def _cure(font: Mapping[str, str], content: Mapping[str, str], clash: str) -> str:
    """Return advice for keeping training and testing apart with the dataset's soundfonts."""
    same = {content[name] for name in font if font[name] == clash}
    others = sorted({font[name] for name in font if content[name] not in same})
    if not others:
        return "The dataset has no other soundfont: build it with a second one, which is added."
    return f"Give both, such as --performances 'train={others[0]}*,test={clash}*'."


def _matching(names: list[str], split: str, globs: tuple[str, ...]) -> tuple[str, ...]:
    for glob in globs:
        if not any(fnmatchcase(name, glob) for name in names):
            shown = ", ".join(names[:8]) + (", …" if len(names) > 8 else "")
            raise MsmdError(f"performances: {split}={glob} matches none of the dataset's: {shown}")
    return tuple(name for name in names if any(fnmatchcase(name, glob) for glob in globs))


def _role(soundfont: str) -> str:
    font = registry().get(soundfont)
    return font.role if font else "train"
