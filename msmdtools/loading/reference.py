"""Write the generated tables of docs/snippets.md and docs/loader.md: the columns and the augmentations.

To bring the files up to date: python -m msmdtools.loading.reference docs/snippets.md docs/loader.md.
tests/test_snippets_docs.py compares.
"""

import sys
from pathlib import Path

from msmdtools.base.markdown import with_section
from msmdtools.dataset.reference import columns
from msmdtools.loading import augment
from msmdtools.snippet import SNIPPETS


def with_columns(text: str) -> str:
    """Replace the table of columns in the text of a document."""
    table = "\n".join(columns(SNIPPETS))
    return with_section(text, "columns", f"{SNIPPETS.meaning}\n\n{table}")


def with_augmentations(text: str) -> str:
    """Replace the table of augmentations in the text of a document."""
    return with_section(text, "augmentations", augment.reference())


if __name__ == "__main__":
    for document in map(Path, sys.argv[1:]):
        text = document.read_text(encoding="utf-8")
        document.write_text(with_augmentations(with_columns(text)), encoding="utf-8")
