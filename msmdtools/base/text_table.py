"""Tables of figures for people: rows of texts, the first one the head, as aligned columns or Markdown."""

from msmdtools.base.markdown import plain

Table = list[list[str]]


def aligned(table: Table) -> str:
    """A table for a terminal; the first column stands to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if number else cell.ljust(width)
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


def pipes(table: Table) -> list[str]:
    """The lines of a table in Markdown, in which cells are read as they stand."""
    head, *rows = table
    lines = ["| " + " | ".join(map(plain, head)) + " |", "|---" + "|---:" * (len(head) - 1) + "|"]
    return lines + ["| " + " | ".join(plain(cell) for cell in row) + " |" for row in rows]
