"""Builds in processes of their own: killed, interrupted, two at once; workers that die or hang."""

import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import build_fakes
import pyarrow.parquet as pq
import pytest
from processes import Clock, wait_for
from small_scores import musicxml, note

from msmdtools.base.pool import Call, Lost, Pool, Raised, Returned
from msmdtools.build import schedule, worker
from msmdtools.build.build import build
from msmdtools.build.options import BuildOptions
from msmdtools.sources.gather import gather

OPTIONS = BuildOptions(soundfonts=(("Fake", 0),), jobs=2)
TESTS = Path(__file__).parent


def start(manifest, root, out, *more):
    """`msmd build` with fakes, in a process group of its own as from a shell."""
    places = ["--manifest", manifest, "--root", root, "--out", out]
    # A job that a script starts in the background ignores Ctrl-C, and so would its children.
    return subprocess.Popen(
        [sys.executable, TESTS / "build_fakes.py", *places, "--soundfonts", "Fake", *more],
        env={**os.environ, "PYTHONPATH": f"{TESTS}{os.pathsep}{TESTS.parent}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )


def finished(out):
    return len(list((out / "pieces").glob("*"))) if (out / "pieces").exists() else 0


def workers_of(pid):
    """The processes that `pid` has started, from /proc."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            found.append(int(path.parent.name))
    return found


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def content(dataset):
    return {
        str(path.relative_to(dataset)): path.read_bytes()
        for path in sorted(dataset.rglob("*"))
        if path.is_file() and path.name not in {".lock", "build.jsonl"}
    }


@pytest.fixture
def fakes(monkeypatch):
    for module, name, fake in build_fakes.IN_BUILD:
        monkeypatch.setattr(module, name, fake)


def test_killed_and_resumed_equals_left_alone(tmp_path, fakes):
    go = tmp_path / "go"  # until it is there, the last one is not built
    sources = {f"p{i:02d}": f"ok {5 + i}" for i in range(11)}
    sources |= {"p11": f"wait {go} 16", "x": "fail"}
    manifest, root = build_fakes.make_tree(tmp_path, sources)
    for stop in (1, 6):
        process = start(manifest, root, tmp_path / "killed", "--jobs", "2")
        wait_for(lambda stop=stop: finished(tmp_path / "killed") >= stop, process)
        workers = workers_of(process.pid)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert len(workers) >= 2
        wait_for(lambda workers=workers: not any(map(alive, workers)))  # none is left behind
    assert finished(tmp_path / "killed") < 12
    description = json.loads((tmp_path / "killed" / "dataset.json").read_text())
    assert description["state"] == "building"
    go.touch()
    process = start(manifest, root, tmp_path / "killed", "--jobs", "2", "--json")
    out, err = process.communicate()
    assert process.returncode == 3, err  # finished, one failed
    assert json.loads(out)["totals"]["ok"] == 12
    build(manifest, root, tmp_path / "whole", OPTIONS, steps=build_fakes.STEPS)
    assert content(tmp_path / "killed") == content(tmp_path / "whole")
    assert not (tmp_path / "killed" / ".work").exists()


@pytest.mark.parametrize(
    ("number", "code", "said"),
    [(signal.SIGINT, 130, "Interrupted.\n"), (signal.SIGTERM, 143, "Terminated.\n")],
)
def test_interrupted_it_cleans_up_and_goes_on(tmp_path, fakes, number, code, said):
    go = tmp_path / "go"
    sources = {"p0": "ok 5".ljust(500)}  # the longest comes first, and the next one waits
    sources |= {f"p{i}": f"wait {go} {5 + i}" for i in range(1, 8)}
    manifest, root = build_fakes.make_tree(tmp_path, sources)
    process = start(manifest, root, tmp_path / "ds", "--jobs", "1")
    wait_for(lambda: finished(tmp_path / "ds") >= 1, process)
    workers = workers_of(process.pid)
    # Ctrl-C goes to all that a terminal has started, a termination signal to the command.
    (os.killpg if number == signal.SIGINT else os.kill)(process.pid, number)
    _, err = process.communicate()
    assert (process.returncode, err) == (code, said)
    # They end by themselves; a busy machine may take a moment to bury them.
    wait_for(lambda: not any(map(alive, workers)))
    assert finished(tmp_path / "ds") == 1
    assert not (tmp_path / "ds" / ".work").exists()
    go.touch()
    assert build(manifest, root, tmp_path / "ds", OPTIONS, steps=build_fakes.STEPS).failed == 0


def test_a_second_build_is_refused(tmp_path, fakes):
    go = tmp_path / "go"
    manifest, root = build_fakes.make_tree(tmp_path, {"a": f"wait {go} 5", "b": "ok 4"})
    first = start(manifest, root, tmp_path / "ds", "--jobs", "2")
    wait_for(lambda: finished(tmp_path / "ds") >= 1, first)
    second = start(manifest, root, tmp_path / "ds")
    _, err = second.communicate()
    assert second.returncode == 1
    assert err == (
        f"Error: {tmp_path / 'ds'} is in use by another build (process {first.pid}): "
        "wait until it has finished, or stop it\n"
    )
    go.touch()
    out, err = first.communicate()
    assert first.returncode == 0, err
    assert "This build attempted 2 pieces." in out


def test_a_worker_that_dies_costs_one_piece(tmp_path, fakes):
    sources = {"a": "ok 5", "b": "ok 6", "c": "ok 7", "x": "die", "y": f"die-once {tmp_path}/seen"}
    manifest, root = build_fakes.make_tree(tmp_path, sources)
    summary = build(manifest, root, tmp_path / "ds", OPTIONS, steps=build_fakes.STEPS)
    found = {
        row["piece"]: row for row in pq.read_table(tmp_path / "ds" / "pieces.parquet").to_pylist()
    }
    assert {piece: row["status"] for piece, row in found.items()} == {
        "a": "ok",
        "b": "ok",
        "c": "ok",
        "x": "failed",
        "y": "ok",
    }
    assert (found["x"]["stage"], found["x"]["reason"]) == ("worker", "worker-killed")
    assert summary.failed == 1


def test_a_worker_that_hangs_is_stopped(tmp_path, fakes, monkeypatch):
    hung = tmp_path / "hung"
    Clock(monkeypatch, hung)
    sources = {"a": "ok 5".ljust(500), "x": f"hang {hung}", "c": "ok 4"}  # in this order
    manifest, root = build_fakes.make_tree(tmp_path, sources)
    options = BuildOptions(soundfonts=OPTIONS.soundfonts, jobs=1)
    build(manifest, root, tmp_path / "ds", options, steps=build_fakes.STEPS)
    found = pq.read_table(tmp_path / "ds" / "pieces.parquet").to_pylist()
    assert [(row["piece"], row["reason"]) for row in found] == [
        ("a", ""),
        ("c", ""),
        ("x", "worker-timeout"),
    ]


@pytest.mark.parametrize(
    ("accident", "stage", "reason", "times"),
    [("abort", "worker", "worker-killed", 2), ("hang", "engrave", "timeout", 1)],
)
def test_an_engraver_that_crashes_or_hangs_costs_its_own_piece(
    tmp_path, soundfont, monkeypatch, accident, stage, reason, times
):
    """Verovio works in the worker itself, which dies with it and is replaced."""
    root = tmp_path / "tree"
    root.mkdir()
    for name in ("a", "x", "z"):
        (root / f"{name}.musicxml").write_text(musicxml([note("C4", 16)], name=name))
    monkeypatch.setenv("ACCIDENT", accident)
    monkeypatch.setenv("TRIED", str(tmp_path / "tried"))
    steps = schedule.Steps(make_piece=with_accident_in_x)
    options = BuildOptions(soundfonts=(("TimGM6mb", 0),), jobs=1)
    pieces = gather([str(root)]).pieces
    summary = build(pieces, root, tmp_path / "ds", options, steps=steps)
    found = pq.read_table(tmp_path / "ds" / "pieces.parquet").to_pylist()
    assert [(row["piece"], row["status"], row["stage"], row["reason"]) for row in found] == [
        *[("a", "ok", "", ""), ("x", "failed", stage, reason), ("z", "ok", "", "")]
    ]
    assert summary.failed == 1
    assert (tmp_path / "tried").read_text() == "x" * times
    (failure,) = summary.failures
    assert (
        failure.message
        == {
            "abort": "the worker was killed, twice",
            "hang": "Verovio was stopped after 600 s",
        }[accident]
    )


def with_accident_in_x(argument):
    """Make a piece, but Verovio aborts the process, or does not return in time, where the piece is x."""
    from msmdtools.engrave.verovio import engraving

    def typeset(*arguments, **named):
        with open(os.environ["TRIED"], "a", encoding="ascii") as tried:
            tried.write("x")
        if os.environ["ACCIDENT"] == "abort":
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            os.abort()
        left, _ = signal.getitimer(signal.ITIMER_REAL)
        assert 0 < left <= 600
        signal.setitimer(signal.ITIMER_REAL, 1e-3)  # the limit comes sooner than it would
        signal.pause()

    task, _ = argument
    with pytest.MonkeyPatch.context() as patch:
        if task.piece.piece == "x":
            patch.setattr(engraving, "typeset", typeset)
        return worker.make_piece(argument)


def test_a_batch_that_kills_its_worker_is_done_one_by_one(tmp_path, fakes):
    manifest, root = build_fakes.make_tree(tmp_path, {"a": "ok 5", "x": "ok 4", "c": "ok 6"})
    steps = schedule.Steps(die_on_x, build_fakes.fake_make_piece)
    options = BuildOptions(soundfonts=OPTIONS.soundfonts, jobs=1)
    build(manifest, root, tmp_path / "ds", options, steps=steps)
    found = pq.read_table(tmp_path / "ds" / "pieces.parquet").to_pylist()
    assert [(r["piece"], r["reason"]) for r in found] == [
        ("a", ""),
        ("c", ""),
        ("x", "worker-killed"),
    ]


def die_on_x(tasks):
    if any(task.piece.piece == "x" for task in tasks):
        os.kill(os.getpid(), signal.SIGKILL)
    return build_fakes.fake_prepare(tasks)


def test_workers_that_run_programs_take_them_along(tmp_path, monkeypatch):
    Clock(monkeypatch, tmp_path / "pid")
    with Pool(1) as pool:
        pool.submit(Call(run_sleep, str(tmp_path / "pid"), 60.0))
        (result,) = pool.results()
    assert isinstance(result, Lost)
    assert result.timed_out
    wait_for(lambda: not alive(int((tmp_path / "pid").read_text())))


def run_sleep(path):
    process = subprocess.Popen(["sleep", "1000"])
    Path(path).with_suffix(".new").write_text(str(process.pid))
    Path(path).with_suffix(".new").rename(path)
    process.wait()


def test_a_pool_gives_back_values_and_errors_in_order():
    with Pool(1) as pool:
        for value in ("1", "x", "3"):
            pool.submit(Call(int, value, 60.0))
        results = list(pool.results())
    assert [type(result) for result in results] == [Returned, Raised, Returned]
    assert [results[0].value, results[2].value] == [1, 3]
    assert isinstance(results[1].error, ValueError)
    assert "invalid literal" in results[1].trace


def test_a_pool_starts_no_more_workers_than_calls():
    with Pool(8) as pool:
        pool.submit(Call(int, "1", 60.0))
        list(pool.results())
        assert len(pool._workers) == 1
