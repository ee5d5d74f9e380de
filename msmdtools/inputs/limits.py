"""How much of a file from outside is read: pixels, pages, seconds of sound, and time and memory for it.

Pictures, PDFs and recordings come from anywhere, and their headers need not be true. A file that exceeds
these limits is refused: by its header where that is enough, otherwise by stopping while it is read. Libraries
for pictures, PDFs and sound run in a separate process (`msmdtools.inputs.apart`) whose time and memory are
limited too.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from msmdtools.base.options import declared, option
from msmdtools.errors import MsmdError


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that is read of one file, or of one folder of pictures.

    A page may not have too many pixels as it is stored, nor 1670 px wide, the size at which staves are
    searched for.
    """

    pixels: int = option("of one page", 150_000_000, 1)
    pages: int = option("of one file or folder", 1_000, 1)
    seconds: int = option("of sound", 6 * 3600, 1)
    time: int = option("to read it, in seconds", 900, 1)
    memory: int = option("to read it, in MB", 3_000, 1)

    def exceeded(self, name: str, what: str) -> MsmdError:
        """Return the error for a file that exceeds a limit.

        Args:
            name: name of the limit.
            what: the file and what it has, such as "a.pdf: it has 2,000 pages".
        """
        return MsmdError(
            f"{what}; the limit is {getattr(self, name):,}. Give a smaller file, or raise the limit "
            f"with --limit {name}=NUMBER"
        )


LIMITS = Limits()
NAMES = tuple(one.name for one in declared(Limits))


def parse(texts: Iterable[str]) -> Limits:
    """Return the limits that texts such as "pages=2000" set; the others keep their defaults.

    Raises:
        MsmdError: a text is not the name of a limit, "=" and a positive whole number.
    """
    limits = LIMITS
    for text in texts:
        name, _, number = text.partition("=")
        digits = number.replace(",", "").replace("_", "")
        if name not in NAMES or not (digits.isascii() and digits.isdigit()) or int(digits) < 1:
            raise MsmdError(
                f"{text!r} is not a limit; give {', '.join(NAMES[:-1])} or {NAMES[-1]}, and a whole "
                "number, such as pages=2000"
            )
        limits = replace(limits, **{name: int(digits)})
    return limits
