"""A main file followed through its includes: its files, header fields and variables.

`expand` reads the events of the files in the order in which LilyPond does, so that a variable has the
value it has at that point.
"""

import posixpath
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from msmdtools.sources.outline import NOT_MUSIC, Event, Value
from msmdtools.sources.syntax import Token, tokenize, unquote

_LYRICS = frozenset(("addlyrics", "figuremode", "figures", "lyricmode", "lyrics", "lyricsto"))
_TEMPLATES = frozenset(("satb.ly", "ssaattbb.ly"))
"""LilyPond's own files that make a score of an including file's variables."""
_SCHEME_APPEND = re.compile(r"""\(string-append((?:\s+(?:"(?:[^"\\]|\\.)*"|[^\s()"]+))*)\s*\)\Z""")
_SCHEME_ARGUMENT = re.compile(r"""("(?:[^"\\]|\\.)*")|([^\s()"]+)""")
_SCHEME_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')

MAX_DEPTH = 20
"""How deep variables inside variables are followed."""


def text_of(value: Value, variables: dict[str, Value], depth: int = 0) -> str | None:
    """The string that a value stands for.

    Args:
        value: tokens: strings, variables, their sums, or (string-append …).
        variables: the values of the variables, by name.
        depth: how many variables the caller has followed to come here.

    Returns:
        The string, or None where only running the source would tell.
    """
    parts: list[str] = []
    for token in value:
        if token.kind == "string":
            parts.append(token.text)
            continue
        if depth > MAX_DEPTH:
            return None
        if token.kind == "scheme" and (match := _SCHEME_APPEND.match(token.text)):
            inner = [
                Token("string", tokenize(text)[0].text) if text else Token("scheme", symbol)
                for text, symbol in _SCHEME_ARGUMENT.findall(match[1])
            ]
            string = text_of(tuple(inner), variables, depth + 1)
        elif token.kind in ("command", "scheme") and token.text in variables:
            string = text_of(variables[token.text], variables, depth + 1)
        else:
            string = None
        if string is None:
            return None
        parts.append(string)
    return "".join(parts) if parts else None


@dataclass
class Expansion:
    """What a main file and the files that it includes define and print.

    Attributes:
        files: the included files in the order of their first use, without the main file.
        renamed: (file, name by which it is included) where these differ only in upper and lower case.
        fields: (level, name, value) of all header fields, in order.
        variables: top-level variables with the last value of each.
        scores: whether there is music that LilyPond prints.
        music: the variables that stand for music or a book.
        layouts: the variables that stand for a \\layout block.
        dynamic: the files that include others by names that only running them would tell.
        missing: included names for which there is no file in the tree, among them LilyPond's own files.
        include_path: folders other than the including file's own in which files were found.
    """

    files: list[str] = field(default_factory=list)
    renamed: list[tuple[str, str]] = field(default_factory=list)
    fields: list[tuple[str, str, Value]] = field(default_factory=list)
    variables: dict[str, Value] = field(default_factory=dict)
    scores: bool = False
    music: set[str] = field(default_factory=set)
    layouts: set[str] = field(default_factory=set)
    dynamic: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    include_path: list[str] = field(default_factory=list)

    def assign(self, name: str, value: Value) -> None:
        """Record that a variable gets another variable's value, or one that is not music."""
        self.variables[name] = value
        variable = value[0] if len(value) == 1 and value[0].kind == "command" else None
        for names in (self.music, self.layouts):
            if variable is not None and variable.text in names:
                names.add(name)
            else:
                names.discard(name)

    def define(self, name: str, beginning: Value) -> None:
        """Record that a variable gets a block or music that begins with this token."""
        command = beginning[0].text if beginning and beginning[0].kind == "command" else ""
        if command == "layout":
            self.layouts.add(name)
        elif command not in NOT_MUSIC | _LYRICS | {"header"}:
            self.music.add(name)

    def prints(self, event: Event) -> bool:
        """Whether LilyPond prints something for an event of kind "score", "use" or "score-with"."""
        if event.kind == "use":
            return event.name in self.music
        return event.kind == "score" or any(t.text in self.layouts for t in event.value)


def _possible_names(value: Value, variables: dict[str, Value], depth: int = 0) -> Iterator[str]:
    """The strings in Scheme that chooses a file: one of them is its name, unless they are concatenated."""
    for token in value:
        if token.kind in ("command", "scheme") and token.text in variables and depth < MAX_DEPTH:
            yield from _possible_names(variables[token.text], variables, depth + 1)
        elif token.kind == "scheme":
            yield from (unquote(literal) for literal in _SCHEME_STRING.findall(token.text))


def expand(
    main: str,
    events_of: Callable[[str], tuple[Event, ...]],
    find: Callable[[str, str, str], tuple[str, str] | None],
) -> Expansion:
    """Follow a main file through its includes, in the order in which LilyPond reads them.

    Args:
        main: path of the main file, relative to the root of the tree, as all paths here.
        events_of: gives the outline of a file.
        find: gives for (included name, including file, main file) the file, and the folder that its
            name is relative to; None where the tree has no such file.

    Returns:
        The files, header fields and variables, and whether there is anything to print.
    """
    result = Expansion()
    visited = {main}

    def visit(path: str, outer: Event, stack: tuple[str, ...]) -> None:
        for event in events_of(path):
            scope = outer.scope if event.scope == "top" else event.scope
            level = outer.level if event.level == "top" else event.level
            if event.kind == "assign" and scope == "header":
                result.fields.append((level, event.name, event.value))
            elif event.kind == "assign":
                result.assign(event.name, event.value)
            elif event.kind == "define":
                result.define(event.name, event.value)
            elif event.kind in ("score", "use", "score-with"):
                result.scores |= scope in ("top", "part") and result.prints(event)
            elif event.kind == "dynamic":
                result.dynamic.append(path)
            elif event.kind == "include":
                name = text_of(event.value, result.variables)
                if name is not None:
                    include(name, path, Event("include", scope, level), stack)
                    continue
                possible = list(_possible_names(event.value, result.variables))
                existing = [name for name in possible if find(name, path, main)]
                for name in existing:
                    include(name, path, Event("include", scope, level), stack)
                if not existing or len(existing) < len(possible):
                    result.dynamic.append(path)

    def include(name: str, path: str, outer: Event, stack: tuple[str, ...]) -> None:
        location = find(name, path, main)
        if location is None:
            result.missing.append(name)
            result.scores |= name in _TEMPLATES and outer.scope in ("top", "part")
            return
        target, folder = location
        alias = posixpath.normpath(posixpath.join(folder, name))
        if alias != target and (target, alias) not in result.renamed:
            result.renamed.append((target, alias))
        if folder != path.rpartition("/")[0] and folder not in result.include_path:
            result.include_path.append(folder)
        if target in stack or (target in visited and not _varies(events_of(target))):
            return
        if target not in visited:
            visited.add(target)
            result.files.append(target)
        visit(target, outer, (*stack, target))

    visit(main, Event("include", "top"), (main,))
    return result


def _varies(events: tuple[Event, ...]) -> bool:
    """Whether a file includes other files by variables, so that a second time may differ."""
    return any(
        event.kind == "include" and any(token.kind != "string" for token in event.value)
        for event in events
    )
