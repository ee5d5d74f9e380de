"""Every command stopped at every write goes on by the same command, and the result is the same.

A stop is hard: from the chosen moment on nothing is written, renamed or removed any more, as if the
process had been killed. The commands run in this process, with workers that are no processes.
"""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import build_fakes
import numpy as np
import pyarrow.parquet as pq
import pytest
import synthetic_dataset

from msmdtools.build import schedule
from msmdtools.build.build import build
from msmdtools.build.options import BuildOptions
from msmdtools.search import index, sources, update
from msmdtools.snippets import export
from msmdtools.snippets.options import parse_options
from msmdtools.sources.fetch import fetch
from msmdtools.sources.repositories import MUTOPIA

CHANGES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.truncate"}
CHANGES |= {"shutil.move", "subprocess.Popen"}


class Stopped(BaseException):
    """Not an exception that anyone handles."""


class Hook:
    """Counts what changes a folder, and stops at one of the changes and at all after it.

    An audit hook sees all that Python writes, and cannot be taken away again: it sleeps.
    """

    def __init__(self):
        self.folder = None
        self.stop_at = None
        self.count = 0
        sys.addaudithook(self)

    def __call__(self, event, arguments):
        # Threads are those of TensorBoard, which would wait for each other for ever.
        if self.folder is None or threading.current_thread() is not threading.main_thread():
            return
        if event == "open":
            path, mode, flags = arguments
            writes = set(mode or "") & set("wax+") or flags & (os.O_WRONLY | os.O_RDWR)
            if not writes:
                return
            names = [path]
        elif event in CHANGES:
            names = arguments[1] if event == "subprocess.Popen" else arguments[:2]
        else:
            return
        if not any(
            self.folder in os.fsdecode(n) for n in names if isinstance(n, (str, bytes, Path))
        ):
            return
        self.count += 1
        if self.stop_at is not None and self.count >= self.stop_at:
            raise Stopped

    def run(self, command, folder, stop_at=None):
        """Run a command; the number of changes that it made to the folder."""
        self.folder, self.stop_at, self.count = str(folder), stop_at, 0
        try:
            command(folder)
        finally:
            self.folder = None
        return self.count


@pytest.fixture(scope="module")
def hook():
    return Hook()


def content(folder, but=()):
    """All files of a folder with their bytes."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in {".lock", *but}
    }


def stop_everywhere(hook, tmp_path, command, found, step):
    """Stop a command at every `step`-th change, and compare what goes on with what was never stopped."""
    changes = hook.run(command, tmp_path / "whole")
    expected = found(tmp_path / "whole")
    assert changes > 5
    out = tmp_path / "stopped"
    for number in range(1, changes + 1, step):
        shutil.rmtree(out, ignore_errors=True)
        with pytest.raises(Stopped):
            hook.run(command, out, number)
        # Stopped again, later, before it goes on to the end.
        with contextlib.suppress(Stopped):
            hook.run(command, out, number + 7)
        command(out)
        assert found(out) == expected, f"stopped at change {number} of {changes}"


EVERY = [pytest.param(9, id="some"), pytest.param(1, id="all", marks=pytest.mark.slow)]


@pytest.fixture
def inline(monkeypatch):
    """Workers in this process."""
    for module in (schedule, export):
        monkeypatch.setattr(module, "Pool", build_fakes.InlinePool)


@pytest.mark.parametrize("step", EVERY)
def test_build(hook, tmp_path, monkeypatch, inline, step):
    for module, name, fake in (*build_fakes.IN_BUILD, *build_fakes.IN_WORKER):
        monkeypatch.setattr(module, name, fake)
    manifest, root = build_fakes.make_tree(tmp_path, {"a": "ok 4", "b": "fail", "c": "ok 6"})
    options = BuildOptions(soundfonts=(("Fake", 0),), jobs=1)

    def command(out):
        build(manifest, root, out, options, steps=build_fakes.STEPS)

    stop_everywhere(hook, tmp_path, command, lambda out: content(out, {"build.jsonl"}), step)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    folder = synthetic_dataset.make(tmp_path_factory.mktemp("data") / "dataset")
    description = json.loads((folder / "dataset.json").read_text())
    (folder / "dataset.json").write_text(json.dumps({**description, "state": "complete"}))
    return folder


@pytest.mark.parametrize("step", EVERY)
def test_snippets(hook, tmp_path, inline, dataset, step):
    first, second = synthetic_dataset.PIECES
    (tmp_path / "split.csv").write_text(f"piece,split\n{first},train\n{second},test\n")
    options = parse_options({"split": f"{tmp_path}/split.csv:split", "jobs": 1, "context": 2.1})

    def command(out):
        export.export(dataset, out, options, warn=lambda _: None)

    stop_everywhere(hook, tmp_path, command, content, step)


class Model:
    """Embeds a window as its own coarse content."""

    name, dim = "fake", 8
    config = SimpleNamespace(sheet_shape=(80, 40), frames=42)

    def embed_sheet(self, images):
        return np.float32(256 - images.reshape(len(images), 8, -1).mean(2))

    def embed_audio(self, spectrograms):
        return np.float32(spectrograms[:, :88].reshape(len(spectrograms), 8, -1).mean(2) + 1)


def windows(out):
    """What an index has, whatever its files and their rows are called."""
    opened = index.open_index(out)
    sides = [opened.sheet, opened.audio]
    return [
        (side.names, side.vectors.tobytes(), side.places.drop(columns="entry").to_csv())
        for side in sides
    ]


@pytest.mark.parametrize("step", EVERY)
@pytest.mark.parametrize("often", [False, True])
def test_index(hook, tmp_path, monkeypatch, dataset, step, often):
    if often:  # as a long run does
        monkeypatch.setattr(update, "WRITE_EVERY_S", -1)
    (tmp_path / "weights").write_bytes(b"weights")
    items = sources.items(dataset)

    def command(out):
        update.update(out, items, Model(), tmp_path / "weights")

    found = windows if often else lambda out: (windows(out), content(out))
    stop_everywhere(hook, tmp_path, command, found, step)
    out = tmp_path / "whole"
    names = {path.name for path in (tmp_path / "stopped").iterdir()}
    assert {name.split("-")[0] for name in names} == {p.name.split("-")[0] for p in out.iterdir()}
    assert len(names) == len(list(out.iterdir()))
    pq.read_table(next(out.glob("sheet-*.parquet")))


@pytest.mark.parametrize("step", [pytest.param(17, id="some"), EVERY[1]])
def test_train(hook, tmp_path, step):
    torch = pytest.importorskip("torch")
    pytest.importorskip("lightning_fabric")
    import training_fakes as fakes

    from msmdtools.training import run
    from msmdtools.training.options import TrainOptions

    snippets = fakes.snippets(tmp_path / "snippets")
    options = TrainOptions(pairs=64, validations=2, threads=1, accelerator="cpu", resume=True)
    threads = torch.get_num_threads()

    def command(out):
        run.train(snippets, fakes.config(), out, options)

    def found(out):
        rows = [json.loads(line) for line in (out / "results.jsonl").open()]
        kept = [{k: row[k] for k in ("pairs", "loss", "mrr", "valid")} for row in rows]
        names = sorted(path.name for path in [*out.iterdir(), *(out / "checkpoints").iterdir()])
        return fakes.weights(out), fakes.state(out)["objective"], kept, names

    class Same(tuple):
        def __eq__(self, other):
            return fakes.equal(tuple(self), tuple(other))

        __hash__ = None

    try:
        stop_everywhere(hook, tmp_path, command, lambda out: Same(found(out)), step)
    finally:
        torch.set_num_threads(threads)
    # Without --resume too, until there is a checkpoint.
    with pytest.raises(Stopped):
        hook.run(command, tmp_path / "again", 5)
    run.train(snippets, fakes.config(), tmp_path / "again", replace(options, resume=False))


@pytest.mark.parametrize("step", [pytest.param(3, id="some"), EVERY[1]])
def test_fetch(hook, tmp_path, step):
    origin = tmp_path / "origin"
    identity = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false"]

    def git(*arguments):
        subprocess.run(["git", "-C", str(origin), *identity, *arguments], check=True)

    origin.mkdir()
    git("init", "-q", "-b", "master")
    for name in ("a.ly", "b.ly"):
        (origin / name).write_text(name)
    git("add", ".")
    git("commit", "-qm", "all")

    def tree(out):
        return {n: c for n, c in content(out).items() if not n.startswith(".git/")}

    stop_everywhere(
        hook, tmp_path, lambda out: fetch(MUTOPIA, out, url=origin.as_uri()), tree, step
    )
