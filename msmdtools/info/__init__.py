"""What a file or folder of msmdtools is, and what it holds, in a screen: `describe`."""

from msmdtools.info.describe import describe
from msmdtools.info.facts import Facts

__all__ = ["Facts", "describe"]
