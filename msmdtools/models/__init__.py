"""Models that embed sheet music and audio in one space: configurations, networks, losses, weights."""

from collections.abc import Mapping
from importlib.util import find_spec
from types import MappingProxyType

from msmdtools.errors import MsmdError

# What the networks need, of the extra `train`.
_NEEDED = {"torch": "PyTorch", "safetensors": "safetensors"}


def require(what: str = "a model", also: Mapping[str, str] = MappingProxyType({})) -> None:
    """Make sure that what models need is installed; imports nothing.

    Args:
        what: needs it, for the message.
        also: what else it needs, of the same extra: names by modules.

    Raises:
        MsmdError: it is not; the message names the extra.
    """
    missing = [name for module, name in {**_NEEDED, **also}.items() if find_spec(module) is None]
    if missing:
        raise MsmdError(f"{what} needs {' and '.join(missing)}: pip install 'msmdtools[train]'")
