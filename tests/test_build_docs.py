"""docs/dataset.md says what the code does."""

import re

from msmdtools.dataset.reference import with_tables
from msmdtools.dataset.tables import ALL_TABLES


def test_the_documented_tables_are_those_of_the_code(repository):
    text = (repository / "docs" / "dataset.md").read_text(encoding="utf-8")
    assert with_tables(text) == text, (
        "docs/dataset.md is out of date: python -m msmdtools.dataset.reference docs/dataset.md"
    )
    assert re.findall(r"^### (\w+)\.parquet$", text, re.MULTILINE) == [t.name for t in ALL_TABLES]
