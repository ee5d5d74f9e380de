"""Models trained alike and measured alike: the same snippets, the same budget, one table.

    python benchmarks/compare.py SNIPPETS --out FOLDER --models cnn-2s,cnn-4s --budget 20m
    python benchmarks/compare.py SNIPPETS --out FOLDER --ablation compact-4s --pairs 30000

With --models each model is trained by `msmd train` and measured on the test pieces by `msmd eval snippets`. With
--ablation a model is trained as its configuration says and with one thing changed at a time, and
measured on all validation pairs: the test pieces are not for choosing.

Everything is done by the commands, each as a process of its own, one after the other. What is finished
in FOLDER is not done again and a training that was stopped goes on, so the same command can be given
until the table is whole. FOLDER/NAME is the run, FOLDER/NAME.toml its configuration.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from msmdtools.models import config as configs
from msmdtools.training import checkpoints

MSMD = (sys.executable, "-c", "from msmdtools.cli import main; main()")


@dataclass(frozen=True)
class Change:
    """What an ablation changes: options by table and name, or tables that are left out."""

    means: str
    options: Mapping[str, Any] = field(default_factory=dict)
    without: tuple[str, ...] = ()


ABLATION = {
    "whole": Change("as it is"),
    "adamw": Change("AdamW instead of Muon", {"training.optimiser": "adamw"}),
    "batch-256": Change("batches of 256 from 16 pieces", {"training.batch_size": 256}),
    "random": Change("random batches instead of by piece", {"training.onsets_per_piece": 0}),
    "repeats": Change("the same music is a negative", {"training.mask_same": False}),
    "triplet": Change("triplet loss", {"loss": {"kind": "triplet"}}),
    "ranking": Change("pairwise ranking loss of the papers", {"loss": {"kind": "ranking"}}),
    "pooled": Change(
        "mean over the last map instead of its places",
        {"sheet_tower.pool": "all", "audio_tower.pool": "all"},
    ),
    "half": Change("sheets at half their size", {"sheet.scale": 0.5, "sheet_tower.unshuffle": 2}),
    "plain": Change("no augmentation", without=("augment",)),
}


def toml(content: Mapping[str, Any], above: str = "") -> str:
    """A configuration's plain values as TOML."""
    tables = {k: v for k, v in content.items() if isinstance(v, dict)}
    lines = [
        f"{k} = {json.dumps(v)}" for k, v in content.items() if k not in tables and v is not None
    ]
    for name, values in tables.items():
        lines += ["", f"[{above}{name}]", toml(values, f"{above}{name}.").strip("\n")]
    return "\n".join(lines) + "\n"


def changed(name: str, model: str, change: Change) -> dict[str, Any]:
    """The configuration of a model with a change, as plain values."""
    content = configs.load(model).to_json()
    content["name"] = name
    for table in change.without:
        content.pop(table, None)
    for path, value in change.options.items():
        *tables, last = path.split(".")
        inner = content
        for table in tables:
            inner = inner[table]
        inner[last] = value
    configs.from_mapping(content)  # raises if there is no such option
    return content


def run(*arguments: object) -> str:
    """What a command prints; its progress goes where ours goes."""
    command = [*MSMD, *map(str, arguments)]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


def train(
    snippets: str, config: Path, folder: Path, limit: list[str], validation: list[str]
) -> None:
    """Train a model, or what is left of it."""
    saved = checkpoints.load(folder / "checkpoints", print) if folder.exists() else None
    if saved is not None and saved["ended"]:
        return
    resume = [] if saved is None else ["--resume"]
    run("train", snippets, "--config", config, "--out", folder, *limit, *validation, *resume)


def row(name: str, folder: Path, found: Mapping[str, Any]) -> str:
    """A line of the table."""
    results = [json.loads(line) for line in (folder / "results.jsonl").read_text().splitlines()]
    last = results[-1]
    both = [found["audio-to-sheet"], found["sheet-to-audio"]]
    figures = [f"{b[f'recall_{k}']:.1f}" for b in both[:1] for k in (1, 5, 25)]
    figures += [
        f"{both[0]['mrr']:.3f}",
        f"{both[0]['median_rank']:g}",
        f"{both[1]['recall_1']:.1f}",
    ]
    trained = [f"{max(r['pairs'] for r in results):,}", f"{last['elapsed_s'] / 60:.0f}"]
    return " | ".join(["", name, *trained, *figures, ""]).strip()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("snippets")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--models", metavar="NAME,…", help="names or TOML files")
    what.add_argument("--ablation", metavar="MODEL")
    limit = parser.add_mutually_exclusive_group(required=True)
    limit.add_argument("--budget", metavar="TIME")
    limit.add_argument("--pairs", type=int)
    parser.add_argument("--only", help="of the ablation, separated by commas")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    ends = ["--budget", options.budget] if options.budget else ["--pairs", str(options.pairs)]

    print("| | pairs | minutes | R@1 | R@5 | R@25 | MRR | median | R@1 back |", flush=True)
    print("|---|--:|--:|--:|--:|--:|--:|--:|--:|", flush=True)
    if options.models:
        for model in options.models.split(","):
            name = configs.load(model).name
            config = options.out / f"{name}.toml"
            config.write_text(toml(configs.load(model).to_json()))
            train(options.snippets, config, options.out / name, ends, ["--validations", "5"])
            report = options.out / f"{name}.json"
            if not report.exists():
                report.write_text(
                    run("eval", "snippets", options.out / name, options.snippets, "--json")
                )
            found = json.loads(report.read_text())["directions"]
            print(row(f"`{name}`", options.out / name, found), flush=True)
        return
    names = options.only.split(",") if options.only else list(ABLATION)
    for name in names:
        config = options.out / f"{name}.toml"
        config.write_text(toml(changed(name, options.ablation, ABLATION[name])))
        all_pairs = ["--validations", "1", "--validation-pairs", "1000000"]
        train(options.snippets, config, options.out / name, ends, all_pairs)
        lines = (options.out / name / "results.jsonl").read_text().splitlines()
        found = json.loads(lines[-1])["valid"]
        print(row(ABLATION[name].means, options.out / name, found), flush=True)


if __name__ == "__main__":
    main()
