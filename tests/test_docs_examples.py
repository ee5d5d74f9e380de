"""Every example in Python of the README and of docs/ is run, by this file or by the test of its page."""

import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from docs_folder import PIECE, copy, msmd

pytest.importorskip("torch")

DOCTESTS = {
    "docs/formats.md",
    "docs/loader.md",
    "docs/models.md",
    "docs/python.md",
    "docs/snippets.md",
}
DOCTESTS |= {"docs/splits.md", "docs/training.md"}
"""Pages whose examples show what they print; each has a test that compares it."""
PROGRAMS = ["README.md", "docs/dataset.md", "docs/evaluation.md", "docs/following.md"]
PROGRAMS += ["docs/performances.md", "docs/retrieval.md", "docs/scans.md", "docs/snippets.md"]
"""Pages with programs; they are run here."""
SMALLER = {"all_split:test": "manifests/msmd-v1.1.csv:all_split:test"}
"""What needs the 94 test pieces of MSMD, and what stands for it here."""


def blocks(page: Path) -> list[str]:
    """The fenced examples in Python of a page; what is fenced without a language is output, or Python."""
    found = re.findall(r"^```(\w*)\n(.*?)^```", page.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    named = [text for language, text in found if language == "python"]
    return named + [t for language, t in found if not language and "msmdtools." in t and "=" in t]


def test_every_page_with_examples_is_known(repository: Path) -> None:
    found = []
    for page in [repository / "README.md", *sorted((repository / "docs").rglob("*.md"))]:
        name = page.relative_to(repository).as_posix()
        texts = blocks(page) if name != "docs/cli.md" else []
        shown = [text for text in texts if ">>>" in text]
        assert not shown or name in DOCTESTS, f"{name}: its examples have no test"
        if len(texts) > len(shown):
            found.append(name)
    assert found == PROGRAMS


@pytest.fixture(scope="module")
def here(docs_folder_with_model, tmp_path_factory):
    """A folder with all that the examples name, but for what they build."""
    folder = copy(docs_folder_with_model, tmp_path_factory.mktemp("examples"))
    (folder / "DATASET").unlink()
    return folder


def given(page: str) -> dict[str, object]:
    """What a page has explained before its example."""
    import msmdtools

    if page == "README.md":
        rng = np.random.default_rng(1)
        windows = rng.integers(0, 256, (2, 160, 200), np.uint8)
        return {
            "spectrograms": rng.random((2, 92, 84), np.float32),
            "images": windows,
            "msmdtools": msmdtools,
        }
    if page == "docs/performances.md":
        return {"score": SimpleNamespace(music=msmdtools.open("msmd")[PIECE].music)}
    if page == "docs/scans.md":
        msmd("link", "scans/minuet.png", "--dataset", "msmd", "--piece", PIECE, "--name", "edition")
    return {}


@pytest.mark.parametrize("page", PROGRAMS)
def test_programs_run(repository, here, page, monkeypatch, capsys) -> None:
    monkeypatch.chdir(here)
    names: dict[str, object] = {"__name__": "example", **given(page)}
    texts = [text for text in blocks(repository / page) if ">>>" not in text]
    for text in texts:
        for large, small in SMALLER.items():
            text = text.replace(large, small)  # noqa: PLW2901
        exec(compile(text, page, "exec"), names)
    printed = capsys.readouterr().out
    assert bool(printed) == ("print(" in "".join(texts))
    if page == "README.md":
        assert "onset_s" in printed
        assert "Position(page=1, system=1, x=" in printed
