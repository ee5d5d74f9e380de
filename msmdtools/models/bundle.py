"""Save and load the weights of a model as one safetensors file that records how they were made.

Its metadata have one entry, `msmdtools`, a JSON object: `format` (version of this form), `config` (the
configuration), `made` (what the weights were made with and from), `sha256` (of the weights) and
`checksum` (of these entries; `msmdtools.base.seal`), so that any changed byte is detected. The tensors
are those of the network's state, by their names. Equal weights make equal files.

Matrices and kernels may be stored in 16 bits, or in 8: then as int8 with a factor for each output, in a
tensor NAME.scale, so that an output's largest weight is 127 of them.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as serialise
from torch import Tensor

from msmdtools.base import seal
from msmdtools.base.damage import no_file, why
from msmdtools.base.files import write_atomically
from msmdtools.base.quantities import first_few
from msmdtools.errors import MsmdError
from msmdtools.models import config as configs
from msmdtools.models.config import Config
from msmdtools.models.network import TwoTower
from msmdtools.version import __version__

FORMAT = 1
KEY = "msmdtools"
BITS = (32, 16, 8)
_SCALE = ".scale"


def save(
    where: str | Path,
    network: TwoTower,
    config: Config,
    made: Mapping[str, Any],
    bits: int = 32,
) -> Path:
    """Write the weights of a network to a file.

    The file is complete or absent: it gets its name when it has been written.

    Args:
        where: a file NAME.safetensors, or a folder, in which the file gets the model's name.
        network: the network.
        config: its configuration.
        made: what the weights were made with and from, as plain values.
        bits: bits of each number in matrices and kernels, one of `BITS`. `load` returns 32.

    Returns:
        The path of the file.
    """
    where = Path(where)
    path = where if where.suffix == ".safetensors" else where / f"{config.name}.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors: dict[str, Tensor] = {}
    for name, value in sorted(network.state_dict().items()):
        tensors |= _stored(name, value, bits)
    about = {
        "format": FORMAT,
        "config": config.to_json(),
        "made": {"msmdtools": __version__, **made},
        "sha256": _sha256(tensors),
    }
    _write(path, tensors, about)
    return path


def annotate(path: str | Path, made: Mapping[str, Any]) -> None:
    """Add entries to the record of how weights were made (`made`), or replace entries there.

    The weights and all else stay the same to the bit. A file of an older msmdtools gets its checksum,
    even if nothing is added.

    Raises:
        MsmdError: there is no such file, it is damaged, or of another kind.
    """
    about, tensors = _read(Path(path))
    _write(Path(path), tensors, {**about, "made": {**about["made"], **made}})


def _write(path: Path, tensors: dict[str, Tensor], about: Mapping[str, Any]) -> None:
    # One entry: the library writes several in any order.
    metadata = {KEY: json.dumps(seal.sealed(about), sort_keys=True)}
    # safetensors' own file can be read by nobody but its owner.
    write_atomically(path, serialise(tensors, metadata), durable=True)


def load(path: str | Path) -> tuple[TwoTower, Config, dict[str, Any]]:
    """Load a network, in evaluation mode, with its configuration and the record of how it was made.

    Raises:
        MsmdError: there is no such file, it is damaged, or of another kind, format or version.
    """
    about, tensors = _read(Path(path))
    try:
        config, made = configs.from_mapping(about["config"]), about["made"]
        network = TwoTower(config)
    except (KeyError, AttributeError, TypeError, MsmdError) as error:
        raise MsmdError(f"{path}: its configuration is damaged: {error}") from error
    state, tensors = network.state_dict(), _whole(tensors)
    wrong = sorted(state.keys() ^ tensors.keys()) or sorted(
        name for name, value in tensors.items() if value.shape != state[name].shape
    )
    if wrong:
        raise MsmdError(
            f"{path}: its weights are not those of its configuration ({first_few(wrong)}); "
            "use the msmdtools they were made with, or train again"
        )
    network.load_state_dict(tensors)
    return network.eval(), config, made


def made_with(path: str | Path) -> dict[str, Any]:
    """Read the record of how weights were made. Raises MsmdError as `load` does."""
    about, _ = _read(Path(path))
    return dict(about.get("made", {}))


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The metadata of a file, and its tensors."""
    if not path.is_file():
        raise MsmdError(f"{path}: {no_file(path)}")
    try:
        with safe_open(path, "pt") as file:
            about = _about(path, file.metadata() or {})
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (
        SafetensorError,
        RuntimeError,
    ) as error:  # the latter by PyTorch: a tensor's shape exceeds the file
        raise MsmdError(
            f"{path} is damaged, or not a safetensors file ({why(error)}); copy it again, or train again"
        ) from error
    if not seal.intact(about) or _sha256(tensors) != about.get("sha256"):
        raise MsmdError(
            f"{path} is damaged (its checksum does not match); copy it again, or train again"
        )
    return about, tensors


def _about(path: Path, metadata: Mapping[str, str]) -> dict[str, Any]:
    try:
        about: dict[str, Any] = json.loads(metadata[KEY])
        version = about["format"]
    except (KeyError, ValueError, TypeError) as error:
        raise MsmdError(
            f"{path}: not weights of a model of msmdtools (its metadata have no entry {KEY!r}); "
            "name a file that msmd train wrote"
        ) from error
    if version != FORMAT:
        raise MsmdError(
            f"{path}: weights of format {version!r}, and this msmdtools reads {FORMAT}; "
            "use the msmdtools they were made with, or train again"
        )
    return about


def _stored(name: str, value: Tensor, bits: int) -> dict[str, Tensor]:
    """The tensors that are stored for one tensor, by name."""
    value = value.detach().cpu().contiguous()
    if bits == 32 or value.ndim < 2 or value.dtype != torch.float32:
        return {name: value}
    if bits == 16:
        return {name: value.half()}
    rows = value.flatten(1)
    scale = (rows.abs().amax(1) / 127).clamp(min=torch.finfo(torch.float32).tiny)
    small = torch.round(rows / scale[:, None]).to(torch.int8)
    return {name: small.view_as(value), name + _SCALE: scale}


def _whole(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of a network's state, from those that are stored."""

    def whole(name: str, value: Tensor) -> Tensor:
        scale = tensors.get(name + _SCALE)
        return value if scale is None else (value.flatten(1) * scale[:, None]).view_as(value)

    return {n: whole(n, v) for n, v in tensors.items() if not n.endswith(_SCALE)}


def _sha256(tensors: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256()
    for name, value in sorted(tensors.items()):
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
        digest.update(value.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
