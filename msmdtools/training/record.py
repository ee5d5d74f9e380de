"""Write the record of a run, for people and scripts: results.jsonl, TensorBoard, curves, environment.

RUN/config.json        the resolved configuration
RUN/environment.json   versions, machine, command; a list, one entry for each start
RUN/results.jsonl      one line for each validation
RUN/tensorboard/       the same numbers
RUN/curves.png         loss and retrieval over the pairs trained on
"""

import json
import platform
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from msmdtools.base.files import is_temporary, json_bytes, replacing, write_atomically
from msmdtools.base.lock import LOCK
from msmdtools.base.processors import processors
from msmdtools.version import __version__

CONFIG, ENVIRONMENT, RESULTS, CURVES = (
    "config.json",
    "environment.json",
    "results.jsonl",
    "curves.png",
)
TENSORBOARD = "tensorboard"
# Files that a run has before its first checkpoint.
_FIRST = {CONFIG, ENVIRONMENT, RESULTS, TENSORBOARD, "checkpoints", LOCK}
_PACKAGES = ("torch", "lightning-fabric", "numpy", "pyarrow", "opencv-python-headless")


def check_folder(run: Path, begun: bool, resume: bool) -> str | None:
    """Check whether a run folder can be used for this run.

    A run that was stopped before its first checkpoint is started anew, whether it is resumed or not.

    Args:
        run: the run folder, which need not exist.
        begun: whether the folder has a checkpoint to continue from.
        resume: whether the run is to be continued.

    Returns:
        The reason why the folder cannot be used, such as another run in it; None if it can.
    """
    if run.exists() and not run.is_dir():
        return f"{run} is a file; give a folder with --out"
    if begun:
        if resume:
            return None
        return f"{run} holds a run already; continue it with --resume, or give another folder with --out"
    names = {path.name for path in run.iterdir()} if run.is_dir() else set()
    foreign = {name for name in names - _FIRST if not is_temporary(name)}
    if CONFIG in names and foreign:
        return (
            f"{run} holds a run without a checkpoint to continue from (it has {min(foreign)}); "
            "give another folder with --out"
        )
    if foreign:
        return f"{run} is not empty and holds no run; give another folder with --out"
    return None


def write_json(path: Path, content: Any) -> None:
    """Write plain values as JSON, all of it or nothing."""
    write_atomically(path, json_bytes(content))


def environment(threads: int, precision: str, devices: int, device: str) -> dict[str, Any]:
    """Describe the machine, the versions and the command of this process.

    Args:
        threads: threads to calculate with.
        precision: Lightning's name of the precision.
        devices: number of devices.
        device: the device of this process.

    Returns:
        Plain values, for environment.json.
    """
    versions = {}
    for package in _PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "none"
    return {
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": " ".join(["msmd", *sys.argv[1:]]),
        "msmdtools": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processors": processors(),
        "threads": threads,
        "precision": precision,
        "device": device,
        "devices": devices,
        "packages": versions,
    }


class Record:
    """The files of a run that grow: results.jsonl, TensorBoard and curves.

    Args:
        run: the run folder.
        pairs: pairs trained on so far; later rows are removed, since they will be written again.
    """

    def __init__(self, run: Path, pairs: int) -> None:
        self._run = run
        kept = [row for row in read(run) if row["pairs"] <= pairs and "refit_cca" not in row]
        lines = "".join(json.dumps(row) + "\n" for row in kept)
        write_atomically(run / RESULTS, lines.encode())
        self._board = _board(run / TENSORBOARD, pairs)

    def add(self, row: Mapping[str, Any]) -> None:
        """Add the results of a validation, and draw the curves again."""
        with open(self._run / RESULTS, "a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        if self._board is not None:
            for name, value in _numbers(row):
                self._board.add_scalar(name, value, row["pairs"])
            self._board.flush()
        draw(self._run)

    def close(self) -> None:
        """Close TensorBoard's file."""
        if self._board is not None:
            self._board.close()


def read(run: Path) -> list[dict[str, Any]]:
    """Read the rows of results.jsonl; a line that was cut off is left out."""
    rows = []
    path = run / RESULTS
    for line in path.read_text("utf-8").splitlines() if path.exists() else []:
        try:
            rows.append(json.loads(line))
        except ValueError:
            break
    return rows


def read_list(path: Path) -> list[Any]:
    """Read a JSON file that is a list; empty if there is no such file, or it is damaged."""
    try:
        entries = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return []
    return entries if isinstance(entries, list) else []


def draw(run: Path) -> None:
    """Draw loss and retrieval of results.jsonl as curves.png."""
    from matplotlib.figure import Figure

    rows = read(run)
    pairs = [row["pairs"] / 1000 for row in rows]
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    loss, retrieval = figure.subplots(1, 2)
    loss.plot(pairs, [row["loss"] for row in rows], marker=".", color="#0072B2")
    loss.set(xlabel="thousand pairs", ylabel="loss of training", ylim=(0, None))
    for name, direction, style in (
        ("audio to sheet", "audio-to-sheet", "-"),
        ("sheet to audio", "sheet-to-audio", "--"),
    ):
        for metric, colour in (("recall_1", "#D55E00"), ("recall_10", "#009E73")):
            values = [row["valid"][direction][metric] for row in rows]
            label = f"{metric.replace('recall_', 'R@')}, {name}"
            retrieval.plot(pairs, values, style, marker=".", color=colour, label=label)
    if rows:
        count = rows[-1]["valid"]["audio-to-sheet"]["candidates"]
        retrieval.axhline(100 / count, color="grey", linewidth=0.8, label="R@1 by chance")
        retrieval.set(ylabel=f"percent of {count:,} queries")
    retrieval.set(xlabel="thousand pairs", ylim=(0, 100))
    retrieval.legend(fontsize="small")
    for axes in (loss, retrieval):
        axes.grid(alpha=0.3)
    with replacing(run / CURVES) as temporary:
        figure.savefig(temporary, dpi=120)


def _board(folder: Path, pairs: int) -> Any:
    """TensorBoard's writer; None if TensorBoard is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder), purge_step=pairs or None)


def _numbers(row: Mapping[str, Any], prefix: str = "") -> list[tuple[str, float]]:
    numbers = []
    for name, value in row.items():
        if isinstance(value, Mapping):
            numbers += _numbers(value, f"{prefix}{name}/")
        elif isinstance(value, (int, float)) and name != "pairs":
            numbers.append((prefix + name, float(value)))
    return numbers
