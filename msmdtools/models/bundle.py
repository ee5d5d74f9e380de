"""Weights of a model as one safetensors file: its metadata say what they are and how they were made.

The metadata are four texts: `format` (always "msmdtools model"), `version` of the format, `config`
(the configuration as JSON), `made` (what the weights were made with and from, as JSON), and `sha256`
of the weights. The tensors are those of the network's state by their names.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

import msmdtools
from msmdtools.errors import MsmdError
from msmdtools.models import config as configs
from msmdtools.models.config import Config
from msmdtools.models.network import TwoTower

FORMAT = "msmdtools model"
VERSION = 1


def save(
    where: str | Path,
    network: TwoTower,
    config: Config,
    made: Mapping[str, Any],
    half: bool = False,
) -> Path:
    """Write the weights of a network; their file.

    The file is complete or not there: it gets its name when it has been written.

    Args:
        where: a file NAME.safetensors, or a folder, in which the file gets the model's name.
        made: what the weights were made with and from, as plain values.
        half: matrices and kernels in 16 bits: half the size. `load` gives 32 bits.
    """
    where = Path(where)
    path = where if where.suffix == ".safetensors" else where / f"{config.name}.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = {name: _stored(value, half) for name, value in sorted(network.state_dict().items())}
    metadata = {
        "format": FORMAT,
        "version": str(VERSION),
        "config": json.dumps(config.to_json()),
        "made": json.dumps({"msmdtools": msmdtools.__version__, **made}),
        "sha256": _sha256(tensors),
    }
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        save_file(tensors, temporary, metadata)
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    return path


def load(path: str | Path) -> tuple[TwoTower, Config, dict[str, Any]]:
    """The network, in evaluation mode, its configuration, and what it was made with and from.

    Raises:
        MsmdError: there is no such file, it is damaged, or of another kind, format or version.
    """
    metadata, tensors = _read(Path(path))
    try:
        config = configs.from_mapping(json.loads(metadata["config"]))
        made = json.loads(metadata["made"])
        network = TwoTower(config)
    except (KeyError, ValueError, MsmdError) as error:
        raise MsmdError(f"{path}: its configuration is damaged: {error}") from error
    state = network.state_dict()
    wrong = sorted(state.keys() ^ tensors.keys()) or sorted(
        name for name, value in tensors.items() if value.shape != state[name].shape
    )
    if wrong:
        raise MsmdError(
            f"{path}: its weights are not those of its configuration ({_some(wrong)}); "
            "use the msmdtools they were made with, or train again"
        )
    network.load_state_dict(tensors)
    return network.eval(), config, made


def _read(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    if not path.is_file():
        raise MsmdError(f"{path}: no such file")
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            _check(path, metadata)
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise MsmdError(
            f"{path}: damaged, or no safetensors file ({error}); copy it again, or train again"
        ) from error
    if _sha256(tensors) != metadata.get("sha256"):
        raise MsmdError(
            f"{path}: damaged: the weights do not have their checksum; copy it again, or train again"
        )
    return metadata, tensors


def _check(path: Path, metadata: Mapping[str, str]) -> None:
    if metadata.get("format") != FORMAT:
        raise MsmdError(
            f"{path}: not weights of a model of msmdtools (no format {FORMAT!r} in its metadata); "
            "name a file that msmd train wrote"
        )
    if metadata.get("version") != str(VERSION):
        raise MsmdError(
            f"{path}: weights of format {metadata.get('version')}, and this msmdtools reads "
            f"{VERSION}; use the msmdtools they were made with, or train again"
        )


def _stored(value: Tensor, half: bool) -> Tensor:
    value = value.detach().cpu().contiguous()
    return value.half() if half and value.ndim >= 2 and value.dtype == torch.float32 else value


def _sha256(tensors: Mapping[str, Tensor]) -> str:
    found = hashlib.sha256()
    for name, value in sorted(tensors.items()):
        found.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
        found.update(value.reshape(-1).view(torch.uint8).numpy().data)
    return found.hexdigest()


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
