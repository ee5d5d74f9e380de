"""The folder of a report: new, empty, or that of an earlier report, which is overwritten."""

from fnmatch import fnmatchcase
from pathlib import Path

from msmdtools.base.files import is_temporary, remove_temporaries
from msmdtools.errors import MsmdError

NAMES = (
    "results.json",
    "results.md",
    "results.png",
    "by_piece.csv",
    "onsets.csv",
    "queries.csv",
    "answers-*.png",
)


def check(folder: Path) -> None:
    """Make sure that a folder holds nothing but a report, before work is done for another one.

    Raises:
        MsmdError: it is a file, or it holds anything else.
    """
    if not folder.exists():
        return
    if not folder.is_dir():
        raise MsmdError(f"{folder} is a file; give a folder with -o")
    foreign = [p.name for p in folder.iterdir() if not any(fnmatchcase(p.name, n) for n in NAMES)]
    foreign = [name for name in foreign if not is_temporary(name)]
    if foreign:
        raise MsmdError(
            f"{folder} is not the folder of a report, and not empty (it has {min(foreign)}): "
            "give a new or empty folder with -o"
        )
    remove_temporaries(folder)
