"""How many processors there are for us, and the option that says how many worker processes to use."""

import os
from dataclasses import dataclass
from typing import Any

from msmdtools.base import options
from msmdtools.base.options import option


def processors() -> int:
    """How many processors this process may use; at least 1."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def jobs_option() -> Any:
    """The option `jobs` of a dataclass: worker processes, 0 for one per processor."""
    return option(
        "worker processes",
        0,
        0,
        allowed="a number of worker processes, or 0",
        shown="one per core",
        form="N",
    )


@dataclass(frozen=True, slots=True)
class Jobs:
    """How many worker processes to use, where that is all there is to say.

    Raises:
        MsmdError: the number is negative.
    """

    jobs: int = jobs_option()

    def __post_init__(self) -> None:
        options.check(self)

    @property
    def workers(self) -> int:
        """How many worker processes to use: `jobs`, or one per core that this process may use."""
        return self.jobs or processors()
