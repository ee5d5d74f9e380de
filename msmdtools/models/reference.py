"""Write the generated tables of docs/models.md: models and options. tests/test_models_docs.py compares.

To bring the file up to date: python -m msmdtools.models.reference docs/models.md
"""

import sys
from pathlib import Path

from msmdtools.base.markdown import with_section
from msmdtools.base.options import Declared, declared
from msmdtools.models import config, options
from msmdtools.models.config import Config

_TABLES: dict[str, dict[str, type]] = {
    "sheet": {"": options.Sheet},
    **options.KINDS,
    "training": {"": options.Training},
}


def with_tables(text: str) -> str:
    """Replace the tables between the marks in the text of the document."""
    for name, table in (("models", models()), ("options", all_options())):
        text = with_section(text, name, table)
    return text


def models() -> str:
    """Make the table of the bundled models: windows, parts, parameters and products."""
    head = (
        "| model | audio | sheet | towers | attention | projection | loss | parameters "
        "| products, sheet | audio |"
    )
    rows = [_model(config.load(name)) for name in config.names()]
    return "\n".join([head, "|---|---|---|---|---|---|---|---|---|---|", *rows])


def _model(c: Config) -> str:
    import torch

    from msmdtools.models import towers
    from msmdtools.models.network import TwoTower

    with torch.device("meta"):  # shapes only: nothing is calculated
        network = TwoTower(c)
        seen = (side // c.sheet.reduction for side in c.sheet_shape)
        windows = {"sheet": torch.zeros(1, 1, *seen), "audio": torch.zeros(1, 1, *c.audio_shape)}
        products = {
            side: towers.count_products(getattr(network, f"{side}_tower"), window)
            for side, window in windows.items()
        }
        if network.soft_attention is not None:
            products["audio"] += towers.count_products(network.soft_attention, windows["audio"])
    kinds = dict.fromkeys(_kind("sheet_tower", t) for t in (c.sheet_tower, c.audio_tower))
    cells = [
        f"`{c.name}`",
        f"{c.context_s:g} s",
        f"{c.sheet.columns} px",
        ", ".join(kinds),
        "soft" if c.attention else "",
        f"{_kind('projection', c.projection)}, {network.dim}",
        _kind("loss", c.loss),
        f"{towers.parameters(network):,}",
        f"{products['sheet'] / 1e6:.0f} M",
        f"{products['audio'] / 1e6:.0f} M",
    ]
    return f"| {' | '.join(cells)} |"


def _kind(table: str, value: object) -> str:
    return next(kind for kind, cls in options.KINDS[table].items() if type(value) is cls)


def all_options() -> str:
    """Describe every option of every table: type or range, default, meaning."""
    parts = []
    for table, kinds in _TABLES.items():
        if table == "audio_tower":
            continue
        for kind, cls in kinds.items():
            sides = "[sheet_tower] and [audio_tower]" if "tower" in table else f"[{table}]"
            rows = _rows(cls)
            title = f'{sides} kind = "{kind}"' if kind else sides
            about = f" {cls.__doc__}" if cls.__doc__ else ""
            parts.append(f"**`{title}`**{about}")
            if rows:
                parts.append(
                    "\n".join(
                        ["| option | default | values | meaning |", "|---|---|---|---|", *rows]
                    )
                )
    return "\n\n".join(parts)


def _rows(cls: type) -> list[str]:
    return [
        f"| `{d.name}` | {_toml(d.default)} | {_values(d)} | {d.option.meaning} |"
        for d in declared(cls)
    ]


def _values(declaration: Declared) -> str:
    if declaration.type is bool:
        return "true, false"
    limits = declaration.option
    if limits.choices:
        return ", ".join(limits.choices)
    noun = {int: "whole", float: "number"}.get(declaration.type, "list of whole")
    if limits.high is not None:
        return f"{noun}, {limits.low:g} to {limits.high:g}"
    return f"{noun}, at least {limits.low:g}"


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return str(list(value))
    return (
        f"{value:,}"
        if isinstance(value, int)
        else f"{value:g}"
        if isinstance(value, float)
        else str(value)
    )


if __name__ == "__main__":
    document = Path(sys.argv[1])
    document.write_text(with_tables(document.read_text(encoding="utf-8")), encoding="utf-8")
