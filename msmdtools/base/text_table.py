"""Tables for people: rows of texts, the first one the head, as aligned columns or Markdown."""

from collections.abc import Collection

from msmdtools.base.markdown import plain

Table = list[list[str]]


def aligned(table: Table, left: Collection[int] = (0,)) -> str:
    """Lay out a table for a terminal.

    Args:
        table: rows of one length, the first one the head.
        left: numbers of the columns that are aligned to the left; the others are to the right.
    """
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if number in left else cell.rjust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in table
    )


def title(model: str, headline: str) -> list[str]:
    """The lines that a report in Markdown begins with."""
    return [f"# {plain(model)}", "", lines_of(headline), ""]


def lines_of(text: str) -> str:
    """A text of several lines in Markdown, in which they are read as they stand."""
    return "  \n".join(map(plain, text.splitlines()))


def pipes(table: Table, left: Collection[int] = (0,), *, markup: bool = False) -> list[str]:
    """Lay out a table in Markdown.

    Args:
        table: rows of one length, the first one the head.
        left: numbers of the columns that are aligned to the left; the others are to the right.
        markup: take cells for Markdown; without it, they are shown as they are.

    Returns:
        Its lines.
    """
    rule = "".join("|---" if number in left else "|---:" for number in range(len(table[0]))) + "|"
    head, *rows = ("| " + " | ".join(row if markup else map(plain, row)) + " |" for row in table)
    return [head, rule, *rows]
