"""The interface by which a function that takes long reports its progress to its caller."""

from typing import Protocol


class Progress(Protocol):
    """A function that is called again and again with the progress of a step of the work.

    It is called from one thread, never concurrently, and should return at once.
    """

    def __call__(self, what: str, done: float, total: float, note: str = "") -> None:
        """Receive the progress of a step.

        Args:
            what: the noun that is counted, such as "pieces".
            done: how many are finished.
            total: how many there are, as an int, 0 if that is unknown; the float 1.0 if `done` is a share from
                0 to 1.
            note: a further remark, such as "2 failed".
        """


def silent(what: str, done: float, total: float, note: str = "") -> None:
    """Ignore the progress.

    Args:
        what, done, total, note: as `Progress` has them.
    """
