"""The files of a tree of LilyPond sources, each read and outlined once."""

import os
import posixpath
from collections import defaultdict
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from msmdtools.base.files import file_sha256
from msmdtools.sources.expansion import Expansion, expand
from msmdtools.sources.outline import Event, outline
from msmdtools.sources.syntax import decode

SOURCE_SUFFIXES = frozenset((".ly", ".ily", ".lyi", ".lyp", ".ily2", ".scm", ".inc"))


class SourceTree:
    """The source files below a folder, each read and outlined at its first use.

    Symbolic links are not followed: their targets are not part of the tree.

    Args:
        root: the folder.
        below: files and folders in it: only what is in these folders, and beside these files, counts.

    Attributes:
        root: the folder.
        paths: the source files relative to `root`, sorted; `known` has the same paths as a set.
        text: gives the decoded text of a file.
        events: gives the outline of a file.
        expansion: gives what a main file does together with its includes.
        sha256: gives the checksum of a file.
    """

    def __init__(self, root: Path, below: Iterable[str] = (".",)) -> None:
        self.root = root
        folders = {
            start if (root / start).is_dir() else posixpath.dirname(start) for start in below
        }
        self.paths = sorted({p for folder in folders for p in list_sources(root, folder)})
        self.known = frozenset(self.paths)
        self._folded: dict[str, list[str]] = defaultdict(list)
        for path in self.paths:
            self._folded[path.casefold()].append(path)
        self.text = cache(self._text)
        self.events = cache(self._events)
        self.expansion = cache(self._expansion)
        self.sha256 = cache(self._sha256)

    def _text(self, path: str) -> str:
        return decode((self.root / path).read_bytes())

    def _events(self, path: str) -> tuple[Event, ...]:
        return outline(self.text(path))

    def _expansion(self, path: str) -> Expansion:
        return expand(path, self.events, self.find)

    def _sha256(self, path: str) -> str:
        return file_sha256(self.root / path)

    def find(self, name: str, including: str, main: str) -> tuple[str, str] | None:
        """Find the file that `\\include "name"` means.

        The search begins in the including file's folder and goes on in the main file's and in each
        folder above the first, up to the tree's root. Where no file has the name as it is spelled, a
        single file in the first two folders counts whose name differs only in upper and lower case.

        Args:
            name: the included name.
            including: the file that includes it, relative to the root of the tree.
            main: the main file that is being followed, likewise.

        Returns:
            The file, and the folder that `name` is relative to; None where there is no such file.
        """
        name = name.replace("\\", "/")
        folder = posixpath.dirname(including)
        folders = [folder, posixpath.dirname(main)]
        while folder:
            folder = posixpath.dirname(folder)
            folders.append(folder)
        for start in folders:
            path = posixpath.normpath(posixpath.join(start, name))
            if path in self.known:
                return path, start
        for start in folders[:2]:
            path = posixpath.normpath(posixpath.join(start, name))
            if len(spellings := self._folded.get(path.casefold(), [])) == 1:
                return spellings[0], start
        return None


def list_sources(root: Path, below: str = ".") -> Iterable[str]:
    """The source files below a folder of a tree, relative to `root`: no hidden folders, no symbolic links."""
    for folder, names, files in os.walk(root / below, followlinks=False):
        names[:] = sorted(n for n in names if not n.startswith("."))
        for name in files:
            full = Path(folder, name)
            if full.suffix in SOURCE_SUFFIXES and not full.is_symlink():
                yield full.relative_to(root).as_posix()
