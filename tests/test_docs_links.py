"""Every link within the documentation leads to a file, and to a heading in it; every name it gives exists."""

import ast
import importlib
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest


def _prose(path: Path) -> str:
    return re.sub(r"^```.*?^```", "", path.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)


def _anchors(path: Path) -> set[str]:
    """The names by which a page's headings are linked to."""
    headings = re.findall(r"^#+ (.+)$", _prose(path), re.MULTILINE)
    texts = [re.sub(r"\]\([^)]*\)|[`*\[]", "", heading) for heading in headings]
    return {re.sub(r"[^\w\- ]", "", text.strip().lower()).replace(" ", "-") for text in texts}


def test_links_lead_to_files_and_headings(repository: Path) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "*.md"], cwd=repository, capture_output=True, text=True, check=True
    )
    pages = [repository / name for name in listed.stdout.split()]
    dead, links = [], 0
    for page in pages:
        for link in re.findall(r"\]\(([^)\s]+)\)", _prose(page)):
            if "://" in link:
                continue
            links += 1
            name, _, anchor = link.partition("#")
            target = page.parent / name if name else page
            found = target.exists() and (not anchor or anchor in _anchors(target))
            dead += [] if found else [f"{page.name}: {link}"]
    assert links > 50
    assert dead == []


def test_the_documentation_names_commands_and_options_that_there_are(repository: Path) -> None:
    """What the pages say of `msmd`, against its own help in docs/cli.md."""
    sections = re.split(r"^## msmd ", (repository / "docs/cli.md").read_text("utf-8"), flags=re.M)
    options = {
        section.partition("\n")[0]: set(re.findall(r"--[a-z][\w-]*", section))
        for section in sections
    }
    groups = {name.split()[0] for name in options if " " in name}
    assert len(options) > 20
    unknown = []
    for page in [repository / "README.md", *sorted((repository / "docs").rglob("*.md"))]:
        if page.name == "cli.md":
            continue
        for name, rest in re.findall(
            r"(?<![=/\w-])msmd ([a-z]+(?:-[a-z]+)*)((?: [^\n`|#]*)?)", _code(page)
        ):
            words = rest.split()
            command = f"{name} {words[0].rstrip(',.;')}" if name in groups and words else name
            given = re.findall(r"(?<![\w-])--[a-z][\w-]*", rest.split(" && ")[0])
            if command not in options:
                unknown.append(f"{page.name}: msmd {command}")
            else:
                strange = [option for option in given if option not in options[command]]
                unknown += [f"{page.name}: msmd {command} {option}" for option in strange]
    assert unknown == []


def test_the_documentation_names_modules_and_functions_that_there_are(repository: Path) -> None:
    """What its Python imports, and what its sentences name; other tests run the examples."""
    pytest.importorskip("torch")
    pytest.importorskip("faiss")
    pages = [repository / "README.md", *sorted((repository / "docs").rglob("*.md"))]
    named = {(page.name, name) for page in pages for name in _names(page.read_text("utf-8"))}
    assert len(named) > 40
    assert sorted(f"{page}: {name}" for page, name in named if not _exists(name)) == []


def test_the_code_names_modules_and_functions_that_there_are(repository: Path) -> None:
    """What its docstrings and comments mention in backticks, in full or from a room on."""
    pytest.importorskip("torch")
    pytest.importorskip("faiss")
    package = repository / "msmdtools"
    rooms = {path.parent.name for path in package.glob("*/__init__.py")}
    dead = set()
    for path in package.rglob("*.py"):
        for name in re.findall(r"`((?:[a-z]\w*\.)+\w+)`", path.read_text("utf-8")):
            first = name.partition(".")[0]
            known = name if first == "msmdtools" else f"msmdtools.{name}" if first in rooms else ""
            if name.endswith(".json"):  # a file
                continue
            if known and not _exists(known) and not _exists(_below(path, package, name)):
                dead.add(f"{path.relative_to(package)}: {name}")
    assert sorted(dead) == []


def _below(path: Path, package: Path, name: str) -> str:
    """A name as it would be said from within a module's own room."""
    room = path.parent.relative_to(package.parent)
    return f"{'.'.join(room.parts)}.{name}"


def _names(text: str) -> Iterator[str]:
    """Dotted names below msmdtools that a page imports or mentions."""
    yield from re.findall(r"`(msmdtools(?:\.\w+)+)", text)
    for block in re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        examples = re.findall(r"^(?:>>>|\.\.\.) (.*)$", block, re.MULTILINE)
        lines = examples if examples else block.splitlines()
        for line in (
            line for line in lines if line.startswith(("import msmdtools", "from msmdtools"))
        ):
            for statement in ast.parse(line).body:
                if isinstance(statement, ast.ImportFrom):
                    yield from (f"{statement.module}.{alias.name}" for alias in statement.names)
                elif isinstance(statement, ast.Import):
                    yield from (alias.name for alias in statement.names)


def _exists(name: str) -> bool:
    """Whether a dotted name is a module, or an attribute of one."""
    try:
        importlib.import_module(name)
    except ImportError:
        module, _, attribute = name.rpartition(".")
        return (
            bool(module) and _exists(module) and hasattr(importlib.import_module(module), attribute)
        )
    return True


def _code(path: Path) -> str:
    """Code blocks and code in lines of a page, lines that go on joined."""
    text = path.read_text("utf-8")
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    indented = re.findall(r"^    (.+)$", text, re.MULTILINE)
    inline = re.findall(r"`([^`\n]+)`", text)
    return "\n".join([*blocks, *indented, *inline]).replace("\\\n", " ")
