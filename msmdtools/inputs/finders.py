"""What finds the systems on a page: the finder that comes with msmdtools, or another by its name.

A finder is any object with a method `find(picture) -> Layout`. It is given as it is, or by the name under
which a package offers it, as an entry point of the group `msmdtools.inputs.finders` that is a class or
function without arguments and returns a finder:

    [project.entry-points."msmdtools.inputs.finders"]
    mine = "my_package:MyFinder"
"""

from importlib.metadata import entry_points
from typing import Protocol, runtime_checkable

from msmdtools.errors import MsmdError
from msmdtools.paper.systems import Image, Layout, find_systems

GROUP = "msmdtools.inputs.finders"
DEFAULT = "staves"


@runtime_checkable
class SystemFinder(Protocol):
    """Finds the staves and systems of a page."""

    def find(self, picture: Image) -> Layout:
        """Return where they are.

        Args:
            picture: uint8 (height, width), dark ink on light paper, of any resolution.

        Returns:
            Their boxes in px of the picture once `Layout.warp` has made it flat and it was turned by
            `Layout.angle`; both may be left out. No systems where there are none.
        """
        ...


class Staves:
    """The finder of msmdtools: `msmdtools.paper.systems.find_systems`."""

    def find(self, picture: Image) -> Layout:
        """Return the staves and systems of a page."""
        return find_systems(picture)


def finder_of(finder: SystemFinder | str = DEFAULT) -> SystemFinder:
    """Return a finder by its name, or the one that is given.

    Raises:
        MsmdError: there is none of this name, or what has it is no finder.
    """
    if not isinstance(finder, str):
        return finder
    if finder == DEFAULT:
        return Staves()
    offered = {point.name: point for point in entry_points(group=GROUP)}
    if finder not in offered:
        names = ", ".join(sorted({DEFAULT, *offered}))
        raise MsmdError(f"no system finder {finder!r}; there is {names}")
    found = offered[finder].load()()
    if not isinstance(found, SystemFinder):
        raise MsmdError(
            f"system finder {finder!r} ({offered[finder].value}) has no method find(picture)"
        )
    return found
