"""The number of processors is asked for in one place, on systems that have no affinities too."""

import os
from pathlib import Path

import pytest

from msmdtools.base.processors import processors
from msmdtools.build.options import BuildOptions
from msmdtools.snippets.options import SnippetOptions


def test_without_affinities_all_processors_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 12)
    assert (processors(), BuildOptions().workers, SnippetOptions().workers) == (12, 12, 12)
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert processors() == 1


def test_no_other_place_asks(repository: Path) -> None:
    asking = {
        path.relative_to(repository).as_posix()
        for folder in ("msmdtools", "benchmarks", "tests")
        for path in (repository / folder).rglob("*.py")
        if any(word in path.read_text("utf-8") for word in ("sched_getaffinity", "cpu_count"))
    }
    # The tests of the docs only say what the answer is to be.
    tests = {"tests/test_processors.py", "tests/test_docs_commands.py"}
    assert asking == {"msmdtools/base/processors.py"} | tests
