"""The description of a file or folder: names and values, as text and as JSON."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msmdtools.base import seal
from msmdtools.base.damage import why
from msmdtools.base.quantities import first_few
from msmdtools.errors import MsmdError

SHOWN = 6


@dataclass(frozen=True, slots=True)
class Facts:
    """The description of one file or folder.

    Attributes:
        kind: "dataset", "snippets", "index", "training run", "weights" or "manifest".
        path: its path.
        state: "complete", or what it lacks and what to do about it.
        values: names and values, in the order in which they are shown.
    """

    kind: str
    path: Path
    state: str
    values: Mapping[str, str]

    def to_json(self) -> dict[str, Any]:
        """The description as plain JSON values."""
        head = {"kind": self.kind, "path": str(self.path), "state": self.state}
        return head | dict(self.values)

    def to_text(self) -> str:
        """The description as aligned lines; the first has path and kind."""
        values = {"state": self.state, **self.values}
        width = max(len(name) for name in values)
        lines = [f"  {name:{width}}  {value}" for name, value in values.items() if value]
        return "\n".join([f"{self.path}: {self.kind}", *lines])


def counted(values: Iterable[str], shown: int = SHOWN) -> str:
    """Each value with how often it occurs, the most frequent first: "CC-BY-4.0 12, unknown 3"."""
    counts = Counter(value or "none" for value in values).most_common()
    return first_few((f"{value} {count:,}" for value, count in counts), shown)


def megabytes(count: int) -> str:
    """A number of bytes for people."""
    return f"{count / 1e6:,.1f} MB"


def read_json(path: Path, cure: str) -> dict[str, Any]:
    """Read a JSON object from a file, without its checksum.

    Args:
        path: the file.
        cure: what to do when it is damaged, for the message.

    Raises:
        MsmdError: it cannot be read, or is not the content that was written.
    """
    try:
        return seal.read(path)
    except OSError as error:
        raise MsmdError(f"{path} is damaged ({why(error)}); {cure}") from error
