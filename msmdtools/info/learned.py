"""Describe training runs and weights, from the records in them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msmdtools.base.damage import why
from msmdtools.errors import MsmdError
from msmdtools.info.facts import Facts, megabytes, read_json
from msmdtools.paper.staff_height import STAFF_HEIGHT

_MENDS = "the same msmd train with --resume mends it"


def bundled() -> list[str]:
    """The names of the models whose weights come with msmdtools."""
    from msmdtools.models import model

    return model.bundled()


def run(path: Path) -> Facts:
    """A training run: its model, its progress, its best validation."""
    from msmdtools.models import require

    require("a description of a training run")
    from msmdtools.training import record

    rows = record.read(path)
    starts = record.read_list(path / record.ENVIRONMENT)
    values: dict[str, str] = {}
    if (path / record.CONFIG).is_file():
        config = read_json(path / record.CONFIG, _MENDS)
        try:
            values |= _of_config(config)
        except (KeyError, TypeError) as error:
            raise MsmdError(
                f"{path / record.CONFIG} is damaged ({why(error)}); {_MENDS}"
            ) from error
    if rows:
        best = max(rows, key=lambda row: float(row["valid"]["audio-to-sheet"]["mrr"]))
        values["trained on"] = f"{rows[-1]['pairs']:,} pairs"
        values |= {
            f"best, {direction.replace('-', ' ')}": _measured(v)
            for direction, v in best["valid"].items()
        }
        values["best after"] = f"{best['pairs']:,} pairs"
    if starts:
        latest = starts[-1]
        values["command"] = str(latest.get("command", ""))
        times = "once" if len(starts) == 1 else f"{len(starts)} times"
        values["begun"] = f"{starts[0].get('started', '')}; started {times}"
        values["on"] = f"{latest.get('device', '')}, {latest.get('threads', '')} threads"
    weights = path / "weights.safetensors"
    if weights.is_file():
        state = "has weights: msmd eval, index, search and align take this folder as MODEL"
        values["size"] = megabytes(weights.stat().st_size)
    else:
        state = "has no weights yet: the same msmd train with --resume goes on"
    return Facts("training run", path, state, values)


def weights(name_or_path: str) -> Facts:
    """Weights: their model, their training data, their validation."""
    from msmdtools.models import require
    from msmdtools.models.model import find

    require(f"a description of {name_or_path}")
    from msmdtools.models import bundle
    from msmdtools.training import licences

    path = find(name_or_path)
    network, config, origin = bundle.load(path)
    trained = origin.get("training", {})
    parameters = sum(parameter.numel() for parameter in network.parameters())
    values = _of_config(config.to_json()) | {"parameters": f"{parameters:,}"}
    if "pairs" in trained:
        values["trained on"] = f"{trained['pairs']:,} pairs of {origin.get('snippets', '')}"
    for direction, figures in origin.get("validation", {}).items():
        values[f"validation, {direction.replace('-', ' ')}"] = _measured(figures)
    if counts := origin.get("licences"):
        values["licences"] = licences.shares(counts)
    values["command"] = str(origin.get("command", ""))
    values["made by"] = f"msmdtools {origin.get('msmdtools', '')}"
    values["size"] = megabytes(path.stat().st_size)
    return Facts("weights", path, "", values)


def _of_config(config: Mapping[str, Any]) -> dict[str, str]:
    sheet, kind = config["sheet"], config["projection"]["kind"]
    projection = (
        "no projection"
        if kind == "none"
        else f"{kind} projection to {config['projection']['dim']} dimensions"
    )
    return {
        "model": f"{config['name']}: {config['sheet_tower']['kind']} towers, {projection}, "
        f"{config['loss']['kind']} loss",
        "sheet": f"{sheet['rows']} x {sheet['columns']} px of pages with staves {STAFF_HEIGHT:g} px high",
        "audio": f"{config['context_s']:g} s",
    }


def _measured(figures: Mapping[str, float]) -> str:
    return (
        f"R@1 {figures['recall_1']:.1f}, R@10 {figures['recall_10']:.1f}, MRR {figures['mrr']:.3f} "
        f"of {figures['candidates']:,.0f}"
    )
