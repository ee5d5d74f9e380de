"""Describe a file or folder of msmdtools on one screen: what it is, and what it holds (`describe`).

In: a path or a name. Out: `Facts`, as text or JSON.
Keep: it only reads, and reads little: no table is loaded whole.
"""

from msmdtools.info.describe import describe
from msmdtools.info.facts import Facts

__all__ = ["Facts", "describe"]
