"""What makes a run this run: settings and data by name, which a resumed run must share."""

from collections.abc import Mapping
from typing import Any

from msmdtools.models.config import Config
from msmdtools.training.options import TrainOptions

_SAID = {"ranks": "number of processes"}


def settings(config: Config, options: TrainOptions, precision: str) -> dict[str, Any]:
    """What a run is, beside its data: with any of it changed, it would be another one."""
    return {
        **_flat(config.to_json()),
        "budget_s": options.budget_s,
        "validations": options.validations,
        "validation_pairs": options.validation_pairs,
        "init": options.init,
        "precision": precision,
    }


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What is otherwise now than before, of what there is now."""
    return [
        f"{_SAID.get(name, name)} was {before.get(name)} and is {value}"
        for name, value in now.items()
        if before.get(name) != value
    ]


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            found |= _flat(value, f"{prefix}{name}.")
        else:
            found[prefix + name] = value
    return found
