"""Models that embed sheet music and audio in one space: configurations, networks, losses, weights.

In: windows of sheet and audio. Out: unit vectors; weights as one safetensors file that says how they were made.
Keep: names and shapes of weights, and the configurations that come with the package.
"""

from collections.abc import Mapping
from importlib.util import find_spec
from types import MappingProxyType

from msmdtools.base import requirements
from msmdtools.errors import MsmdError

# What the networks need, of the extra `train`: what people call it, by the module's name.
_NEEDED = {"torch": "PyTorch", "safetensors": "safetensors"}


def require(what: str = "a model", also: Mapping[str, str] = MappingProxyType({})) -> None:
    """Make sure that what models need is installed; imports nothing.

    Args:
        what: needs it, for the message.
        also: what else it needs, of the same extra: names by modules.

    Raises:
        MsmdError: it is not; the message has the line that installs it.
    """
    missing = {m: name for m, name in {**_NEEDED, **also}.items() if find_spec(m) is None}
    if missing:
        packages = [module.replace("_", "-") for module in missing]
        cure = requirements.install_packages(packages, "train")
        raise MsmdError(f"{what} needs {' and '.join(missing.values())}: {cure}")
