"""Lay out tables for people, rows of texts with a head, as aligned columns or Markdown."""

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
    """The first lines of a report in Markdown."""
    return [f"# {plain(model)}", "", lines_of(headline), ""]


def lines_of(text: str) -> str:
    """A text of several lines in Markdown, shown literally."""
    return "  \n".join(map(plain, text.splitlines()))


def pipes(table: Table, left: Collection[int] = (0,), *, markup: bool = False) -> list[str]:
    """Lay out a table in Markdown.

    Args:
        table: rows of one length, the first one the head.
        left: numbers of the columns that are aligned to the left; the others are to the right.
        markup: whether cells are Markdown; otherwise they are shown literally.

    Returns:
        The lines of the table.
    """
    rule = "".join("|---" if number in left else "|---:" for number in range(len(table[0]))) + "|"
    head, *rows = ("| " + " | ".join(row if markup else map(plain, row)) + " |" for row in table)
    return [head, rule, *rows]
