"""Models that embed sheet music and audio in one space: configurations, networks, losses, weights."""

from importlib.util import find_spec

from msmdtools.errors import MsmdError

# What the networks need, of the extra `train`.
_NEEDED = {"torch": "PyTorch", "safetensors": "safetensors"}


def require(what: str = "a model") -> None:
    """Make sure that what models need is installed; imports nothing.

    Args:
        what: needs it, for the message.

    Raises:
        MsmdError: it is not; the message names the extra.
    """
    missing = [name for module, name in _NEEDED.items() if find_spec(module) is None]
    if missing:
        raise MsmdError(f"{what} needs {' and '.join(missing)}: pip install 'msmdtools[train]'")
