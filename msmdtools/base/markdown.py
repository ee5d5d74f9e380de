"""Markdown: texts of others shown as they are, and the sections of a page that programs make."""

import re

# What begins or ends emphasis, code, links, pictures, tables, HTML or entities.
_MARKUP = re.compile(r"[\\`*_\[\]<>|~&$]|(?<!\w)[#+-](?=\s|$)")
_ENTITIES = {"<": "&lt;", ">": "&gt;", "&": "&amp;", "|": "&#124;"}


def plain(text: str) -> str:
    """A text within a line or a cell of a table, such that it is read as it stands."""
    return _MARKUP.sub(lambda found: _ENTITIES.get(found[0], f"\\{found[0]}"), one_line(text))


def code(text: str) -> str:
    """A text as code within a line."""
    text = one_line(text)
    ticks = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    space = " " if "`" in text else ""
    return f"{ticks}{space}{text}{space}{ticks}"


def one_line(text: str) -> str:
    """A text with all white space, line ends among it, as single spaces, and no control characters."""
    return "".join(c for c in " ".join(text.split()) if c.isprintable())


def with_section(page: str, name: str, content: str) -> str:
    """A page with the content of a section that a program makes; without such a section as it is.

    The section is between two comments, <!-- NAME: made by … --> and <!-- end of NAME -->.
    """
    marks = rf"(<!-- {re.escape(name)}: made by [^\n]*? -->).*?(<!-- end of {re.escape(name)} -->)"
    return re.sub(marks, lambda m: f"{m[1]}\n\n{content}\n\n{m[2]}", page, flags=re.DOTALL)
