"""The bars of a sheet: recorded where it is a piece or print of a dataset, else found in its pictures."""

import numpy as np

from msmdtools.dataset.prints import DatasetPrint
from msmdtools.dataset.reader import DatasetPiece
from msmdtools.paper.axis import Axis, Paged
from msmdtools.paper.bars import Bars, found, recorded


def bars_of(sheet: Paged, axis: Axis) -> Bars:
    """The bars of a sheet on its axis.

    Raises:
        DatasetError: a file of the dataset is missing or damaged.
    """
    if isinstance(sheet, DatasetPrint):
        return recorded(sheet.measures, sheet.noteheads, axis)
    if not isinstance(sheet, DatasetPiece):
        return found(sheet, axis, {})
    heads = sheet.noteheads
    if sheet.dataset.has_measures and len(sheet.measures):
        return recorded(sheet.measures, heads, axis)
    edges = {
        int(str(system)): np.concatenate([group["x0"], group["x1"]])
        for system, group in heads.groupby("system")
    }
    return found(sheet, axis, edges)
