"""The tables of docs/dataset.md, made from their declarations; tests/test_build_docs.py compares.

To bring the file up to date: python -m msmdtools.dataset.reference docs/dataset.md
"""

import sys
from pathlib import Path

from msmdtools.base.markdown import with_section
from msmdtools.base.table import Table
from msmdtools.base.text_table import pipes
from msmdtools.dataset.tables import ALL_TABLES


def with_tables(text: str) -> str:
    """The text of the document with the section between the two marks written anew."""
    return with_section(text, "tables", "\n\n".join(map(table_reference, ALL_TABLES)))


def table_reference(table: Table) -> str:
    """A table's name, meaning, key and columns as Markdown."""
    return "\n".join(
        [
            f"### {table.name}.parquet",
            "",
            f"{table.meaning} Sorted by, and unique in, {', '.join(table.key)}.",
            "",
            *columns(table),
        ]
    )


def columns(table: Table) -> list[str]:
    """The columns of a table as the lines of a table in Markdown."""
    rows = [[f"`{c.name}`", c.type, c.unit, c.meaning] for c in table.columns]
    return pipes([["column", "type", "unit", "meaning"], *rows], left=range(4), markup=True)


if __name__ == "__main__":
    document = Path(sys.argv[1])
    document.write_text(with_tables(document.read_text(encoding="utf-8")), encoding="utf-8")
