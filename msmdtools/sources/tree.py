"""The files of a tree of LilyPond sources, each read and outlined once."""

import hashlib
import os
import posixpath
from collections import defaultdict
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from msmdtools.sources.expansion import Expansion, expand
from msmdtools.sources.outline import Event, outline
from msmdtools.sources.syntax import decode

SOURCE_SUFFIXES = frozenset((".ly", ".ily", ".lyi", ".lyp", ".ily2", ".scm", ".inc"))


class SourceTree:
    """The source files below a folder, read and outlined when first asked for.

    Symbolic links are not followed: what they name is not part of the tree.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.paths = sorted(list_sources(root))
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
        return hashlib.sha256((self.root / path).read_bytes()).hexdigest()

    def find(self, name: str, including: str, main: str) -> tuple[str, str] | None:
        """The file that `\\include "name"` means, and the folder that the name is relative to.

        Looked for from the including file's folder, the main file's, then each folder above, up to
        the tree's root; each time as spelled, and then without regard to upper and lower case where
        only one file fits.
        """
        name = name.replace("\\", "/")
        folder = posixpath.dirname(including)
        folders = [folder, posixpath.dirname(main)]
        while folder:
            folder = posixpath.dirname(folder)
            folders.append(folder)
        for base in folders:
            path = posixpath.normpath(posixpath.join(base, name))
            if path in self.known:
                return path, base
        for base in folders[:2]:
            path = posixpath.normpath(posixpath.join(base, name))
            if len(others := self._folded.get(path.casefold(), [])) == 1:
                return others[0], base
        return None


def list_sources(root: Path) -> Iterable[str]:
    """The source files below `root`, relative to it: no hidden folders, no symbolic links."""
    for folder, names, files in os.walk(root, followlinks=False):
        names[:] = sorted(n for n in names if not n.startswith("."))
        for name in files:
            full = Path(folder, name)
            if full.suffix in SOURCE_SUFFIXES and not full.is_symlink():
                yield full.relative_to(root).as_posix()
