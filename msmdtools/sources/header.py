"""The header fields of a piece as plain text: which setting of a field counts, and markup rendered as text."""

import re
import unicodedata
from collections.abc import Iterable, Mapping

from msmdtools.sources.outline import Value
from msmdtools.sources.syntax import Token

LEVELS = {"top": 0, "part": 1, "score": 2}
_SYMBOLS = {"flat": "♭", "sharp": "♯", "natural": "♮", "doubleflat": "𝄫", "doublesharp": "𝄪"}
_TEXT_ARGUMENT = frozenset(("musicglyph", "with-url", "note", "char", "epsfile", "postscript"))
_PROPERTY = re.compile(r"'header:([\w-]+)\Z")
_TIGHT = re.compile(r"\s+(?=[,.;:!?)\]])|(?<=[(\[])\s+")
_SPACE = re.compile(r"\s+")
_CHARACTER_REFERENCE = re.compile(r"&#(x[0-9A-Fa-f]+|[0-9]+);")
_HEXADECIMAL = re.compile(r"\s*#x([0-9a-fA-F]+)\Z")
MAX_DEPTH = 8


class Header:
    """The header of a piece, with its variables resolved.

    A field set in the header of the file or the book counts before one in a \\bookpart, and that
    before one in a \\score; on the first level the last setting counts, as in LilyPond, on the
    others the first.
    """

    def __init__(
        self, fields: Iterable[tuple[str, str, Value]], variables: Mapping[str, Value]
    ) -> None:
        self._variables = variables
        self._values: dict[str, tuple[int, Value]] = {}
        self._all: dict[str, list[Value]] = {}
        for level, name, value in fields:
            self._all.setdefault(name, []).append(value)
            rank = LEVELS.get(level, 2)
            current = self._values.get(name)
            if current is None or rank < current[0] or (rank == current[0] == 0):
                self._values[name] = (rank, value)

    def text(self, *names: str) -> str:
        """The plain text of the first of `names` that says something, else ""."""
        for name in names:
            if name in self._values and (text := self._render(self._values[name][1], {name})):
                return text
        return ""

    def texts(self, name: str) -> list[str]:
        """The plain texts of all settings of a field, last first, also those that do not count."""
        rendered = (self._render(value, {name}) for value in reversed(self._all.get(name, [])))
        return [text for text in rendered if text]

    def _render(self, value: Value, resolving: set[str]) -> str:
        joined = "".join(self._words(list(value), resolving))
        joined = _CHARACTER_REFERENCE.sub(_character, joined)
        joined = unicodedata.normalize("NFC", _SPACE.sub(" ", joined).strip())
        return _TIGHT.sub("", joined)

    def _words(self, tokens: list[Token], resolving: set[str]) -> Iterable[str]:
        """The words of a value or markup: every word of a markup is followed by a space."""
        markup = any(t.kind == "command" and t.text.startswith("markup") for t in tokens)
        space = " " if markup else ""
        command = ""
        for index, token in enumerate(tokens):
            if token.kind == "string":
                if command not in _TEXT_ARGUMENT:
                    yield token.text + space
                command = ""
            elif token.kind == "run":
                yield token.text + space
                command = ""
            elif token.kind == "command":
                command = token.text
                if command in _SYMBOLS:
                    yield _SYMBOLS[command] + space
                else:
                    yield from self._variable(command, resolving, space)
            elif token.kind == "scheme":
                if command == "fromproperty" and (match := _PROPERTY.match(token.text)):
                    name = match[1]
                    if name in self._values and name not in resolving:
                        yield self._render(self._values[name][1], resolving | {name}) + space
                elif command == "char" and (match := _HEXADECIMAL.match(token.text)):
                    yield chr(int(match[1], 16)) + space
                elif not (index and tokens[index - 1].kind == "scheme"):
                    yield from self._variable(token.text, resolving, space)

    def _variable(self, name: str, resolving: set[str], space: str) -> Iterable[str]:
        value = self._variables.get(name)
        if value is not None and f"\\{name}" not in resolving and len(resolving) < MAX_DEPTH:
            yield self._render(value, resolving | {f"\\{name}"}) + space


def _character(match: re.Match[str]) -> str:
    code = int(match[1][1:], 16) if match[1][0] == "x" else int(match[1])
    return chr(code) if code < 0x110000 else ""
