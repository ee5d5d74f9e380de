"""Generate the table of rooms in docs/architecture.md from the packages' own docstrings.

To bring the page up to date: python -m msmdtools.cli.rooms docs/architecture.md, or make docs. `ROOMS` is the
order of the rooms; tests/test_project.py checks all imports against it.
"""

import ast
import sys
from pathlib import Path

from msmdtools.base.text_table import pipes

BEGIN, END = "<!-- rooms -->", "<!-- end of rooms -->"

# A room imports from its own line or from those above.
ROOMS: tuple[tuple[str, ...], ...] = (
    ("errors", "version", "base"),
    ("piece", "score", "performance", "snippet", "prints"),
    ("features", "midi", "paper"),
    ("mei",),
    ("sources",),
    ("notate",),
    ("engrave",),
    ("perform",),
    ("match",),
    ("dataset",),
    ("performed",),
    ("build",),
    ("splits",),
    ("snippets",),
    ("loading",),
    ("metrics",),
    ("models",),
    ("msmdtools",),  # the package's own door: it offers what it finds above
    ("training",),
    ("inputs",),
    ("link",),
    ("search",),
    ("follow",),
    ("recorded",),
    ("evaluation",),
    ("export",),
    ("info",),
    ("doctor",),
    ("cli",),
)


def table() -> str:
    """Make the Markdown table of packages: purpose, input, output, and what must stay true."""
    package = Path(__file__).parents[1]
    rows = [["Room", "What it is", "In", "Out", "What must stay true"]]
    for room in (name for names in ROOMS for name in names):
        file = package / room / "__init__.py"
        if file.is_file():
            rows.append([f"`{room}`", *_described(file)])
    return "\n".join(pipes(rows, left=range(5), markup=True))


def replaced(page: str) -> str:
    """Replace the table in the text of a page."""
    before, rest = page.split(BEGIN)
    return f"{before}{BEGIN}\n{table()}\n{END}{rest.split(END)[1]}"


def _described(file: Path) -> list[str]:
    """The sentence that describes a package, and the text after its In, Out and Keep."""
    text = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    what, *others = text.split("\n\n")
    flow = next((part for part in others if part.startswith("In: ")), "")
    received, _, rest = flow.removeprefix("In: ").partition(" Out: ")
    results, _, kept = rest.partition("\nKeep: ")
    return [" ".join(part.split()) for part in (what, received, results, kept)]


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(replaced(path.read_text(encoding="utf-8")), encoding="utf-8")
