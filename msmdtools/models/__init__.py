"""Embed sheet music and audio in one space: configurations, networks, losses, weights.

In: windows of sheet and audio. Out: unit vectors; weights as one safetensors file that says how they were made.
Keep: names and shapes of weights, and the configurations that come with the package.
"""

from collections.abc import Mapping
from importlib.util import find_spec
from types import MappingProxyType

from msmdtools.base import requirements
from msmdtools.errors import MsmdError

# Packages of the extra `train` that the networks need: their usual names, by module.
_NEEDED = {"torch": "PyTorch", "safetensors": "safetensors"}


def require(what: str = "a model", also: Mapping[str, str] = MappingProxyType({})) -> None:
    """Check that the packages that models need are installed, without importing them.

    Args:
        what: what needs them, for the message.
        also: further packages of the same extra: names by module.

    Raises:
        MsmdError: a package is missing; the message has the command that installs it.
    """
    missing = {m: name for m, name in {**_NEEDED, **also}.items() if find_spec(m) is None}
    if missing:
        packages = [module.replace("_", "-") for module in missing]
        cure = requirements.install_packages(packages, "train")
        raise MsmdError(f"{what} needs {' and '.join(missing.values())}: {cure}")
