"""The identity of a run: its settings and data by name, which a resumed run must share."""

from collections.abc import Mapping
from typing import Any

from msmdtools.models.config import Config
from msmdtools.training.options import TrainOptions

_WORDS = {"ranks": "number of processes"}


def settings(config: Config, options: TrainOptions, precision: str) -> dict[str, Any]:
    """The settings of a run, apart from its data: a change of any of them makes another run.

    Args:
        config: the model.
        options: how the training is run.
        precision: Lightning's name of the precision.

    Returns:
        The settings by name, as plain values.
    """
    return {
        **_flat(config.to_json()),
        "budget_s": options.budget_s,
        "validations": options.validations,
        "validation_pairs": options.validation_pairs,
        "init": options.init,
        "precision": precision,
    }


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Describe the settings that are different now, one text for each."""
    return [
        f"{_WORDS.get(name, name)} was {before.get(name)} and is {value}"
        for name, value in now.items()
        if before.get(name) != value
    ]


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = value
    return flat
