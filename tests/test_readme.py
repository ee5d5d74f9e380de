"""The README keeps its promises: its links lead somewhere (its Python: test_docs_examples.py)."""

import re
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def readme(repository: Path) -> str:
    return (repository / "README.md").read_text(encoding="utf-8")


def test_it_is_short(readme: str) -> None:
    assert len(readme.splitlines()) <= 150


def test_links_lead_to_files(readme: str, repository: Path) -> None:
    links = [link for link in re.findall(r"\]\(([^)]+)\)", readme) if "://" not in link]
    assert len(links) > 5
    assert [link for link in links if not (repository / link).is_file()] == []
