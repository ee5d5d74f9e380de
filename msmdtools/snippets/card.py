"""The card of a folder of snippets: a README with the front matter that dataset hubs read."""

from collections.abc import Mapping
from typing import Any


def card(description: Mapping[str, Any]) -> str:
    """The text of README.md, from the content of snippets.json."""
    return "# Snippets\n"
