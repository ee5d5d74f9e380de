"""How much of a file from outside is read: pixels, pages, seconds of sound, and time and memory for it.

Pictures, PDFs and recordings come from anywhere, and what their heads say need not be true. A file that
asks for more than this is refused, by its head where that is enough, and otherwise by stopping: libraries
for pictures, PDFs and sound read them in a process of their own (`msmdtools.inputs.apart`), which
may use so much time and memory.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from msmdtools.base.options import declared, option
from msmdtools.errors import MsmdError


@dataclass(frozen=True, slots=True)
class Limits:
    """What is read of one file, or of one folder of pictures, at most.

    Pixels count as a page is stored, and as staves are searched for in it, 1670 px wide.
    """

    pixels: int = option("of one page", 150_000_000, 1)
    pages: int = option("of one file or folder", 1_000, 1)
    seconds: int = option("of sound", 6 * 3600, 1)
    time: int = option("to read it, in s", 900, 1)
    memory: int = option("to read it, in MB", 3_000, 1)

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
NAMES = tuple(one.name for one in declared(Limits))


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
