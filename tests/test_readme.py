"""The README keeps its promises: its links lead somewhere and its Python runs."""

import re
import textwrap
from pathlib import Path

import pytest
from click.testing import CliRunner

from msmdtools.base import resources
from msmdtools.build.build import build
from msmdtools.build.options import BuildOptions
from msmdtools.cli import main


@pytest.fixture(scope="module")
def readme(repository: Path) -> str:
    return (repository / "README.md").read_text(encoding="utf-8")


def test_it_is_short(readme: str) -> None:
    assert len(readme.splitlines()) <= 150


def test_links_lead_to_files(readme: str, repository: Path) -> None:
    links = [link for link in re.findall(r"\]\(([^)]+)\)", readme) if "://" not in link]
    assert len(links) > 5
    assert [link for link in links if not (repository / link).is_file()] == []


def test_its_python_runs(
    readme: str, soundfont: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = re.search(r"```python\n(.*?)```", readme, re.DOTALL)
    assert code
    piece = re.search(r"\[\"(\w+__\S+?)\"\]", code[1])
    assert piece
    options = BuildOptions(soundfonts=(("TimGM6mb", 0),), pieces=piece[1], jobs=1)
    manifest = resources.manifest("sample")
    assert build(manifest, resources.pieces(), tmp_path / "dataset", options).failed == 0
    exec(code[1].replace("demo/dataset", str(tmp_path / "dataset")), {})
    printed = capsys.readouterr().out
    assert "onset_s" in printed
    assert "Position(page=1, system=1, x=" in printed


@pytest.mark.slow
def test_the_summary_is_that_of_the_demo(readme: str, soundfont: Path, tmp_path: Path) -> None:
    demo = ["build", "--sample", "--out", str(tmp_path / "dataset"), "--soundfonts", "TimGM6mb"]
    result = CliRunner().invoke(main, [*demo, "--tempi", "1.0"])
    assert result.exit_code == 0, result.output
    shown = textwrap.indent(result.stdout[result.stdout.index("pieces attempted") :], "    ")
    assert shown[: shown.index("This build")].rstrip() in readme
