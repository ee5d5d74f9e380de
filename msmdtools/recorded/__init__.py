"""Recordings as performances of a dataset: read, linked by a person's marks or by our own alignment.

In: a recording of any format that is read, marks or a model, and a dataset's piece. Out: its spectrogram, and when
each bar and each written note is played.
Keep: a recording that is probably of another piece is refused; what was estimated is never called annotated.

`add_performances` is `msmdtools.build.perform.add_performances` for lists that name recordings, too.
"""

from collections.abc import Sequence
from pathlib import Path

from msmdtools.base.progress import Progress, silent
from msmdtools.build import perform
from msmdtools.build.perform import PerformSummary
from msmdtools.build.perform_options import PerformOptions
from msmdtools.recorded.record import record

__all__ = ["add_performances", "record"]


def add_performances(
    dataset: Path,
    sources: Sequence[Path],
    options: PerformOptions | None = None,
    *,
    progress: Progress = silent,
) -> PerformSummary:
    """Add the performances of lists, or folders, to a dataset: MIDI files and recordings.

    Args, returns and raises as `msmdtools.build.perform.add_performances`; besides:

    Raises:
        MsmdError: there is no such model, or PyTorch is not installed; it is needed for recordings without marks.
    """
    return perform.add_performances(dataset, sources, options, progress=progress, recorder=record)
