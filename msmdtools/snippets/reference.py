"""The columns of docs/snippets.md, made from their declaration; tests/test_snippets_docs.py compares.

To bring the file up to date: python -m msmdtools.snippets.reference docs/snippets.md
"""

import re
import sys
from pathlib import Path

from msmdtools.snippet import SNIPPETS

_BEGIN, _END = "<!-- columns: made by msmdtools.snippets.reference -->", "<!-- end of columns -->"


def with_columns(text: str) -> str:
    """The text of the document with the section between the two marks made anew."""
    rows = [f"| `{c.name}` | {c.type} | {c.unit} | {c.meaning} |" for c in SNIPPETS.columns]
    table = "\n".join(["| column | type | unit | meaning |", "|---|---|---|---|", *rows])
    made = f"{_BEGIN}\n\n{SNIPPETS.meaning}\n\n{table}\n\n{_END}"
    return re.sub(f"{re.escape(_BEGIN)}.*{re.escape(_END)}", lambda _: made, text, flags=re.DOTALL)


if __name__ == "__main__":
    document = Path(sys.argv[1])
    document.write_text(with_columns(document.read_text(encoding="utf-8")), encoding="utf-8")
