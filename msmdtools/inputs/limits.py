"""How much of a file from outside is read: pixels, pages, seconds of sound, and time and memory for it.

Pictures, PDFs and recordings come from anywhere, and what their heads say need not be true. A file that
asks for more than this is refused, by its head where that is enough, and otherwise by stopping: libraries
for pictures, PDFs and sound read them in a process of their own (`msmdtools.inputs.apart`), which
may use so much time and memory.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace

from msmdtools.errors import MsmdError


@dataclass(frozen=True, slots=True)
class Limits:
    """What is read of one file, or of one folder of pictures, at most.

    Attributes:
        pixels: of one page, as it is stored and as staves are searched for in it, 1670 px wide.
        pages: of a PDF, of a picture with several, or of a folder.
        seconds: of a recording or MIDI file.
        time: s that reading it may take.
        memory: MB that reading it may take.
    """

    pixels: int = 150_000_000
    pages: int = 1_000
    seconds: int = 6 * 3600
    time: int = 900
    memory: int = 3_000

    def exceeded(self, name: str, what: str) -> MsmdError:
        """The error of what exceeds a limit.

        Args:
            name: of the limit.
            what: the file, and what it has, such as "a.pdf: has 2,000 pages".
        """
        return MsmdError(
            f"{what}; at most {getattr(self, name):,} are read: give less of it, or raise the limit "
            f"with --limit {name}=NUMBER"
        )


LIMITS = Limits()
NAMES = tuple(field.name for field in fields(Limits))


def parse(texts: Iterable[str]) -> Limits:
    """The limits that texts such as "pages=2000" give, the others as they are by default.

    Raises:
        MsmdError: a text is not a name of a limit, "=" and a whole number from 1.
    """
    found = LIMITS
    for text in texts:
        name, _, number = text.partition("=")
        digits = number.replace(",", "").replace("_", "")
        if name not in NAMES or not (digits.isascii() and digits.isdigit()) or int(digits) < 1:
            raise MsmdError(
                f"{text!r} is not a limit; give {', '.join(NAMES[:-1])} or {NAMES[-1]}, and a whole "
                "number, such as pages=2000"
            )
        found = replace(found, **{name: int(digits)})
    return found
