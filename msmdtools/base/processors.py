"""Count the processors that this process may use, and declare the option for worker processes."""

import os
from dataclasses import dataclass
from typing import Any

from msmdtools.base import options
from msmdtools.base.options import option


def processors() -> int:
    """Number of processors that this process may use; at least 1."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def jobs_option() -> Any:
    """Declare the option `jobs` of a dataclass: worker processes, 0 for one per processor."""
    return option(
        "how many worker processes to run",
        0,
        0,
        allowed="a number of worker processes, or 0",
        shown="one per core",
        form="N",
    )


@dataclass(frozen=True, slots=True)
class Jobs:
    """The number of worker processes, for commands without other options.

    Attributes:
        jobs: worker processes; 0 for one per processor.

    Raises:
        MsmdError: the number is negative.
    """

    jobs: int = jobs_option()

    def __post_init__(self) -> None:
        options.check(self)

    @property
    def workers(self) -> int:
        """Number of worker processes: `jobs`, or one per processor that this process may use."""
        return self.jobs or processors()
