"""Commands killed at any moment: does the same command go on, and is the result the same?

    python benchmarks/kills.py [--kills 200] [--seed 0] [--log kills.jsonl] [--only build,index]

build, snippets, index, train and fetch are run on two small bundled pieces, made-up pairs and a git
repository made here. Each is run once undisturbed. Then, again and again, it is begun in a new folder,
killed (SIGKILL, no warning) after a time drawn from that of the whole run, given again and killed, one to four
times, and then left alone. The exit code must be 0 and the result the same: all bytes of a dataset but
the build's log and PDF files, which differ in any two builds; all bytes of snippets and of a fetched tree;
windows and vectors of an index; weights, results and the last checkpoint of a training, but for times.
With --log each folder's outcome is kept, and a run that is given again goes on.
"""

import argparse
import hashlib
import json
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

MSMD = [str(Path(sys.executable).with_name("msmd"))]
PIECES = "Traditional__*"
CONFIG = """
name = "tiny"
context_s = 2.1
sheet = { rows = 24, columns = 40, scale = 1 }
sheet_tower = { kind = "residual", unshuffle = 2, stem = 4, widths = [8], blocks = [1], head = 4 }
audio_tower = { kind = "residual", unshuffle = 2, stem = 4, widths = [8], blocks = [1], head = 4 }
projection = { kind = "linear", dim = 16 }
loss = { kind = "infonce" }
training = { batch_size = 16, onsets_per_piece = 0, precision = "32" }
"""


@dataclass(frozen=True)
class Command:
    """A command, given the folder for its result, and what must be the same in that folder."""

    name: str
    arguments: Callable[[Path], list[object]]
    found: Callable[[Path], object]


def all_bytes(folder: Path, but: Callable[[Path], bool] = lambda path: False) -> dict[str, str]:
    """A checksum of each file."""
    files = (p for p in sorted(folder.rglob("*")) if p.is_file() and p.name != ".lock")
    return {
        p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in files
        if not but(p.relative_to(folder))
    }


def windows(folder: Path) -> object:
    """What an index has."""
    from msmdtools.search.index import open_index

    opened = open_index(folder)
    return [
        (side.names, side.vectors.tobytes(), side.places.drop(columns="entry").to_csv())
        for side in (opened.sheet, opened.audio)
    ]


def trained(folder: Path) -> object:
    """What a training has come to, but for times and commands."""
    from safetensors.torch import load_file

    from msmdtools.training import checkpoints

    def refuse(message: str) -> None:
        raise AssertionError(message)

    rows = [json.loads(line) for line in (folder / "results.jsonl").open()]
    state = checkpoints.load(folder / "checkpoints", refuse)
    names = sorted(p.name for p in [*folder.iterdir(), *(folder / "checkpoints").iterdir()])
    weights = {k: v.numpy().tobytes() for k, v in load_file(folder / "weights.safetensors").items()}
    rows = [{k: row[k] for k in ("pairs", "loss", "mrr", "valid")} for row in rows]
    return weights, rows, repr(state["objective"]), names


def commands(folder: Path) -> list[Command]:
    """The commands, and what they need, made in `folder`."""
    dataset = folder / "dataset"
    build = ["build", "--sample", "--pieces", PIECES, "--soundfonts", "TimGM6mb", "--jobs", "2"]
    if not (dataset / "README.md").exists():
        run([*build, "--out", dataset])
    (folder / "tiny.toml").write_text(CONFIG)
    pieces = sorted(path.name for path in (dataset / "pieces").iterdir())
    rows = [f"{piece},{('train', 'test')[n % 2]}\n" for n, piece in enumerate(pieces)]
    (folder / "split.csv").write_text("".join(["piece,split\n", *rows]))
    snippets = ["snippets", dataset, "--split", f"{folder}/split.csv:split", "--context", "2.1"]
    train = ["train", "synthetic", "--config", folder / "tiny.toml", "--pairs", "640", "--resume"]
    train += ["--validations", "10", "--validation-pairs", "64", "--threads", "1"]
    return [
        Command(
            "build",
            lambda out: [*build, "--out", out],
            lambda out: all_bytes(out, lambda p: p.name == "build.jsonl" or ".pdf" in p.name),
        ),
        Command("snippets", lambda out: [*snippets, "--jobs", "2", "--out", out], all_bytes),
        Command("index", lambda out: ["index", dataset, "--out", out], windows),
        Command("train", lambda out: [*train, "--out", out], trained),
        Command(
            "fetch",
            lambda out: ["-c", FETCH, out, repository(folder)],
            lambda out: all_bytes(out, lambda p: p.parts[0] == ".git"),
        ),
    ]


# msmd fetch mutopia takes no other address.
FETCH = """
import sys; from pathlib import Path
from msmdtools.sources.fetch import fetch
from msmdtools.sources.repositories import MUTOPIA
fetch(MUTOPIA, Path(sys.argv[1]), url=sys.argv[2])
"""


def repository(folder: Path) -> str:
    """The address of a git repository of some hundred files."""
    origin = folder / "origin"
    if not (origin / "done").exists():
        shutil.rmtree(origin, ignore_errors=True)
        origin.mkdir()
        for number in range(400):
            (origin / f"{number}.ly").write_text(f"{number}\n" * 5000)
        (origin / "done").touch()
        identity = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false"]
        for arguments in (["init", "-q"], ["add", "."], [*identity, "commit", "-qm", "all"]):
            subprocess.run(["git", "-C", origin, *arguments], check=True)
    return origin.as_uri()


def start(arguments: list[object]) -> subprocess.Popen[bytes]:
    """Start a command."""
    program = [sys.executable] if arguments[0] == "-c" else MSMD
    null = subprocess.DEVNULL
    return subprocess.Popen(
        [*program, *map(str, arguments)], stdout=null, stderr=subprocess.PIPE, stdin=null
    )


def run(arguments: list[object]) -> tuple[int, str]:
    """Run a command to its end."""
    process = start(arguments)
    _, said = process.communicate()
    return process.returncode, said.decode()


def killed(command: Command, out: Path, seconds: float, times: int, draw: random.Random) -> int:
    """Begin a command and kill it, so many times; how many times it was not done before."""
    count = 0
    for _ in range(times):
        process = start(command.arguments(out))
        time.sleep(draw.uniform(0, seconds))
        count += process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.communicate()
    return count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--log", type=Path)
    parser.add_argument("--only", default="build,snippets,index,train,fetch")
    parser.add_argument("--work", type=Path, help="folder to work in; kept")
    given = parser.parse_args()
    log = (
        [json.loads(line) for line in given.log.open()] if given.log and given.log.exists() else []
    )
    with tempfile.TemporaryDirectory() as temporary:
        work = given.work or Path(temporary)
        work.mkdir(parents=True, exist_ok=True)
        chosen = [c for c in commands(work) if c.name in given.only.split(",")]
        expected, seconds = {}, {}
        for command in chosen:
            begin = time.monotonic()
            # As deep as the others: snippets name their dataset relative to themselves.
            whole = work / "whole" / command.name
            shutil.rmtree(whole, ignore_errors=True)
            code, said = run(command.arguments(whole))
            assert code == 0, said
            seconds[command.name] = time.monotonic() - begin
            expected[command.name] = command.found(whole)
        kills = sum(row["kills"] for row in log)
        number = len(log)
        while kills < given.kills:
            command = chosen[number % len(chosen)]
            draw = random.Random(given.seed * 1_000_003 + number)
            out = work / "out" / command.name
            shutil.rmtree(out, ignore_errors=True)
            count = killed(command, out, seconds[command.name], draw.randint(1, 4), draw)
            code, said = run(command.arguments(out))
            same = code == 0 and command.found(out) == expected[command.name]
            row = {"command": command.name, "number": number, "kills": count}
            row |= {"code": code, "same": same, "said": said[-500:] if code else ""}
            log.append(row)
            if given.log:
                with given.log.open("a") as file:
                    file.write(json.dumps(row) + "\n")
            kills, number = kills + count, number + 1
    totals = {c.name: Counter() for c in chosen}
    for row in log:
        totals[row["command"]].update(
            {"folders": 1, "kills": row["kills"], "same": row["same"], "failed": row["code"] != 0}
        )
    for name, found in totals.items():
        print(
            f"{name:10}"
            + "".join(f"{k} {found[k]:4}   " for k in ("kills", "folders", "same", "failed"))
        )


if __name__ == "__main__":
    main()
