"""Tables of figures for people: rows of texts, the first one the head, as aligned columns or Markdown."""

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


def pipes(table: Table) -> list[str]:
    """The lines of a table in Markdown."""
    head, *rows = table
    lines = ["| " + " | ".join(head) + " |", "|---" + "|---:" * (len(head) - 1) + "|"]
    return lines + ["| " + " | ".join(cell.strip() for cell in row) + " |" for row in rows]
