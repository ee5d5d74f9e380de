"""How far work is: what a function that takes long tells whoever has called it."""

from typing import Protocol


class Progress(Protocol):
    """Told again and again how much of something is done, and then of what comes after it.

    It is called from one thread, never concurrently, and should return at once.
    """

    def __call__(self, what: str, done: float, total: float, note: str = "") -> None:
        """So much of `what` is done.

        Args:
            what: the noun that is counted, such as "pieces".
            done: how many.
            total: of how many; 1.0 when `done` is a share from 0 to 1, 0 when nobody knows.
            note: what else there is to say, such as "2 failed".
        """


def silent(what: str, done: float, total: float, note: str = "") -> None:
    """The progress of which nobody wants to hear."""
