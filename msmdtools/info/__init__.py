"""What a file or folder of msmdtools is, and what it holds, on one screen: `describe`.

In: a path or a name. Out: `Facts`, as text or JSON.
Keep: it only reads, and reads little: no table is loaded whole.
"""

from msmdtools.info.describe import describe
from msmdtools.info.facts import Facts

__all__ = ["Facts", "describe"]
