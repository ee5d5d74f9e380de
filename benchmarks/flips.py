"""Single bytes changed in everything that is read again: which are noticed, and how.

    python benchmarks/flips.py [--dataset D] [--snippets S] [--index I] [--run R] [--flips 1000] [--seed 0]

Each time one byte of one file is made another one, what reads that file reads it, and the byte is put
back. `refused`: the reader says which file is damaged. `validate`: the reader took it, and msmd
validate names it. `harmless`: what was read is what is read otherwise, in every number. `silent` and
`traceback` must not be. Kinds take turns, files and places are drawn. The folders are worked on in
place: give copies. Those that are not given are made of the bundled pieces.
"""

import argparse
import hashlib
import random
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msmdtools.base import parquet
from msmdtools.dataset import reader as dataset_reader
from msmdtools.dataset.file_checks import check_files
from msmdtools.errors import MsmdError
from msmdtools.snippets import reader as snippets_reader
from msmdtools.snippets.validate import read_description

OUTCOMES = ("refused", "validate", "harmless", "silent", "traceback")


@dataclass(frozen=True)
class Case:
    """Files of a kind, how one of them is read, and what msmd validate says of it."""

    kind: str
    files: list[Path]
    read: Callable[[Path], Any]
    valid: Callable[[Path], bool]


def everything(table: Any) -> str:
    """One checksum over an Arrow table: schema, units and all values."""
    found = hashlib.sha256(table.schema.to_string(show_field_metadata=True).encode())
    for column in table.columns:
        found.update(repr(column.to_pylist()).encode())
    return found.hexdigest()


def of_dataset(folder: Path) -> Iterator[Case]:
    """Tables, pages, spectrograms and the other files of pieces."""

    def named(path: Path) -> bool:
        piece = path.relative_to(folder / "pieces").parts[0]
        files = dataset_reader.open(folder).table("files", piece).to_pandas()
        return any(check_files(piece, folder / "pieces" / piece, files))

    def whole(path: Path) -> bool:
        try:
            parquet.verify(path)
        except Exception:  # whatever it is, it is noticed
            return True
        return False

    def piece_of(path: Path) -> Any:
        return dataset_reader.open(folder)[path.relative_to(folder / "pieces").parts[0]]

    def page(path: Path) -> bytes:
        return piece_of(path).pages[int(path.stem.split("-")[1]) - 1].tobytes()

    def spectrogram(path: Path) -> bytes:
        return piece_of(path).spectrogram(path.parent.name).tobytes()

    pieces = folder / "pieces"
    tables = sorted(folder.glob("*.parquet"))
    yield Case(
        "table", tables, lambda p: everything(dataset_reader.open(folder).table(p.stem)), whole
    )
    yield Case("page", sorted(pieces.glob("*/page-*.png")), page, named)
    yield Case(
        "spectrogram", sorted(pieces.glob("*/performances/*/spectrogram.npy")), spectrogram, named
    )
    midi = sorted(pieces.glob("*/performances/*/performance.mid"))
    yield Case("MIDI", midi, lambda p: piece_of(p).midi_path(p.parent.name).read_bytes(), named)
    own = [*pieces.glob("*/score.pdf"), *pieces.glob("*/piece.json")]
    own += pieces.glob("*/tables/*.parquet")
    yield Case("PDF, piece.json, own tables", sorted(own), lambda p: None, named)
    yield Case(
        "dataset.json",
        [folder / "dataset.json"],
        lambda p: dataset_reader.open(folder).description,
        lambda p: False,
    )


def of_snippets(folder: Path) -> Iterator[Case]:
    """Shards and their description."""
    listed = {row["file"]: row["sha256"] for row in read_description(folder)["shards"]}

    def shard(path: Path) -> str:
        found = hashlib.sha256()
        split = snippets_reader.open(folder)[path.name.split("-")[0]]
        for _, table in split.tables([field.name for field in split_schema(path)]):
            found.update(everything(table).encode())
        return found.hexdigest()

    def split_schema(path: Path) -> Any:
        return parquet.File(path).schema

    def named(path: Path) -> bool:
        with open(path, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return digest != listed[path.relative_to(folder).as_posix()]

    yield Case("shard", sorted((folder / "data").glob("*.parquet")), shard, named)
    yield Case(
        "snippets.json",
        [folder / "snippets.json"],
        lambda p: snippets_reader.open(folder).description,
        lambda p: False,
    )


def of_index(folder: Path) -> Iterator[Case]:
    """All files of an index."""
    from msmdtools.search.index import open_index

    def read(_: Path) -> list[Any]:
        opened = open_index(folder)
        sides = [
            (side.vectors.tobytes(), side.places.to_csv(), side.bounds.tolist(), side.names)
            for side in (opened.sheet, opened.audio)
        ]
        return [*sides, opened.entries.to_csv(), opened.failed.to_csv(), opened.description]

    files = [p for p in folder.iterdir() if p.is_file() and p.name != ".lock"]
    yield Case("index", sorted(files), read, lambda p: False)


def of_run(folder: Path) -> Iterator[Case]:
    """Checkpoints and weights."""
    from msmdtools.models import bundle
    from msmdtools.training import checkpoints

    def checkpoint(path: Path) -> str:
        def warn(message: str) -> None:
            raise MsmdError(message)

        # A checkpoint that is not the last one is read when the last one is gone.
        only = path.parent / checkpoints.LAST
        aside = only.with_suffix(".aside")
        if path != only:
            only.rename(aside)
        try:
            return repr(checkpoints.load(path.parent, warn))
        finally:
            if path != only:
                aside.rename(only)

    def weights(path: Path) -> Any:
        network, config, made = bundle.load(path)
        state = {name: value.numpy().tobytes() for name, value in network.state_dict().items()}
        return state, config, made

    saved = [folder / "checkpoints" / name for name in (checkpoints.LAST, checkpoints.PREVIOUS)]
    yield Case("checkpoint", [p for p in saved if p.exists()], checkpoint, lambda p: False)
    yield Case("weights", [folder / "weights.safetensors"], weights, lambda p: False)


def flip(case: Case, expected: dict[Path, Any], draw: random.Random) -> tuple[str, str]:
    """Change a byte, read, and put it back: what came of it, and where it was."""
    path = draw.choice(case.files)
    if path not in expected:
        expected[path] = case.read(path)
    content = path.read_bytes()
    place, by = draw.randrange(len(content)), draw.randrange(1, 256)
    broken = bytearray(content)
    broken[place] ^= by
    path.write_bytes(broken)
    try:
        return outcome(case, path, expected[path]), f"{path}, byte {place} ^ {by}"
    finally:
        path.write_bytes(content)


def outcome(case: Case, path: Path, expected: Any) -> str:
    """What becomes of a file with a changed byte."""
    try:
        found = case.read(path)
    except MsmdError as error:
        return "refused" if path.name.split(".")[0] in str(error) else "silent"
    except Exception:  # that is what is looked for
        return "traceback"
    if case.valid(path):
        return "validate"
    return "harmless" if found is not None and found == expected else "silent"


def flips(cases: list[Case], count: int, seed: int) -> tuple[dict[str, Counter[str]], list[str]]:
    """So many changed bytes, the kinds in turn: outcomes by kind, and what went wrong."""
    draw = random.Random(seed)
    expected: dict[Path, Any] = {}
    counts: dict[str, Counter[str]] = {case.kind: Counter() for case in cases}
    wrong = []
    for number in range(count):
        case = cases[number % len(cases)]
        result, where = flip(case, expected, draw)
        counts[case.kind][result] += 1
        if result in {"silent", "traceback"}:
            wrong.append(f"{result}: {where}")
    return counts, wrong


def make(folder: Path, given: argparse.Namespace) -> list[Case]:
    """What was not given, of the bundled pieces; all cases."""
    import build
    import export

    def run(*command: object) -> None:
        build.run([*build.MSMD, *command])

    dataset = given.dataset or export.bundled(folder)
    if (snippets := given.snippets) is None:
        snippets = folder / "snippets"
        run("snippets", dataset, "--out", snippets, "--context", 2.1)
    if (index := given.index) is None:
        index = folder / "index"
        run("index", dataset, "--out", index)
    if (trained := given.run) is None:
        trained = folder / "run"
        options = ["--model", "compact-2s", "--pairs", 512, "--validations", 2]
        run("train", "synthetic", "--out", trained, *options)
    kinds = (
        (of_dataset, dataset),
        (of_snippets, snippets),
        (of_index, index),
        (of_run, trained),
    )
    return [case for cases, place in kinds for case in cases(Path(place))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("dataset", "snippets", "index", "run"):
        parser.add_argument(f"--{name}", type=Path, help="worked on in place; default: made")
    parser.add_argument("--flips", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        counts, wrong = flips(make(Path(temporary), given), given.flips, given.seed)
    print(f"{'':30}" + "".join(f"{name:>11}" for name in OUTCOMES))
    for kind, found in counts.items():
        print(f"{kind:30}" + "".join(f"{found[name]:11}" for name in OUTCOMES))
    print("\n".join(wrong))


if __name__ == "__main__":
    main()
