"""Write Markdown: show any text literally, and replace the generated sections of a page."""

import re

# Characters that begin or end emphasis, code, links, pictures, tables, HTML or entities.
_MARKUP = re.compile(r"[\\`*_\[\]<>|~&$]|(?<!\w)[#+-](?=\s|$)")
_ENTITIES = {"<": "&lt;", ">": "&gt;", "&": "&amp;", "|": "&#124;"}


def plain(text: str) -> str:
    """Escape a text so that it is shown literally within a line or a cell of a table."""
    return _MARKUP.sub(lambda markup: _ENTITIES.get(markup[0], f"\\{markup[0]}"), one_line(text))


def code(text: str) -> str:
    """Format a text as code within a line."""
    text = one_line(text)
    ticks = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    space = " " if "`" in text else ""
    return f"{ticks}{space}{text}{space}{ticks}"


def one_line(text: str) -> str:
    """Replace all white space, line ends included, by single spaces, and remove control characters."""
    return "".join(c for c in " ".join(text.split()) if c.isprintable())


def with_section(page: str, name: str, content: str) -> str:
    """Replace the content of a generated section of a page; without such a section the page stays the same.

    The section is between two comments, <!-- NAME: made by … --> and <!-- end of NAME -->.

    Args:
        page: the text of the page.
        name: name of the section.
        content: its new content.

    Returns:
        The text of the page.
    """
    marks = rf"(<!-- {re.escape(name)}: made by [^\n]*? -->).*?(<!-- end of {re.escape(name)} -->)"
    return re.sub(marks, lambda m: f"{m[1]}\n\n{content}\n\n{m[2]}", page, flags=re.DOTALL)
