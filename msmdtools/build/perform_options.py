"""The options with which performances by people are added to a dataset."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from msmdtools.base.options import check, option, read
from msmdtools.base.processors import jobs_option, processors
from msmdtools.build.options import parse_soundfonts


@dataclass(frozen=True, slots=True)
class PerformOptions:
    """How performances by people are added. The declaration of each field says what it is.

    Raises:
        MsmdError: a value is out of range; the message names the option.
    """

    soundfonts: tuple[tuple[str, int], ...] = option(
        "soundfonts to sound each performance with: names that msmd fetch soundfonts --help lists, or .sf2 files. "
        "PROGRAM is the number of the instrument, from 0 (a piano, unless given) to 127",
        (),
        read=parse_soundfonts,
        shown="those of the dataset",
        form="NAME[:PROGRAM],…",
    )
    pieces: str = option("add only to pieces whose id matches this pattern", "*", form="GLOB")
    model: str = option(
        "the model that aligns recordings without marks: the name of a bundled one, a .safetensors file, or a run "
        "of msmd train",
        "compact-4s",
        form="MODEL",
    )
    jobs: int = jobs_option()
    retry_failed: bool = option("try performances again that failed before", False)

    def __post_init__(self) -> None:
        check(self)

    @property
    def workers(self) -> int:
        """The number of worker processes: `jobs`, or one per core that this process may use."""
        return self.jobs or processors()


def parse_options(values: Mapping[str, Any]) -> PerformOptions:
    """The options from values by their names, texts as a user gives them.

    Raises:
        MsmdError: a value is not understood or out of range.
    """
    return PerformOptions(**read(PerformOptions, values))
