"""What msmdtools requires, and the line that installs what is missing."""

import importlib.metadata
import re
from pathlib import Path

import pytest

from msmdtools.base import requirements

ROOT = Path(__file__).parent.parent


@pytest.fixture
def metadata(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [
        "click>=8.1",
        "torch>=2.4; extra == 'train'",
        'faiss-cpu>=1.11; extra == "search"',
        "msmdtools[train]; extra == 'search'",
    ]
    monkeypatch.setattr(importlib.metadata, "requires", lambda name: lines)


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        ("", ["click>=8.1"]),
        ("train", ["torch>=2.4"]),
        ("search", ["faiss-cpu>=1.11", "torch>=2.4"]),
        ("none", []),
    ],
)
def test_requirements_of_an_extra(metadata: None, extra: str, expected: list[str]) -> None:
    assert requirements.requirements(extra) == expected


def test_the_line_names_packages_by_what_the_extra_asks_for(metadata: None) -> None:
    line = requirements.install_packages(["torch", "unknown"], "train")
    assert line == "pip install 'torch>=2.4' 'unknown'"


def test_a_copy_without_metadata_requires_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(name: str) -> list[str]:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "requires", none)
    assert requirements.requirements() == []
    assert requirements.install_packages(["torch"], "train") == "pip install 'torch'"


def test_no_message_sends_people_to_an_index_for_msmdtools() -> None:
    found = [
        path.name
        for path in (ROOT / "msmdtools").rglob("*.py")
        if re.search(r"pip install [^\n]*msmdtools", path.read_text(encoding="utf-8"))
    ]
    assert found == []
