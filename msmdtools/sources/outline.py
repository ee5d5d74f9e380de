"""The outline of one source file: its includes, assignments, headers and music, in order.

An outline is read once from a file's tokens; `msmdtools.sources.expansion` follows the includes.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from msmdtools.sources.syntax import Token, tokenize

_MUSIC_WORDS = """
    absolute chordmode chords context drummode drums figures fixed lyrics new partCombine
    partcombine relative repeat sequential simultaneous transpose unfoldRepeats
"""
_BLOCK_WORDS = """
    addQuote alternative layout markup markuplines markuplist midi paper parallelMusic with
"""
MUSIC_COMMANDS = frozenset(_MUSIC_WORDS.split())
"""Commands that begin an expression of music, which makes a score where it stands alone."""
NOT_MUSIC = frozenset(_BLOCK_WORDS.split())
"""Commands whose braces hold something else."""
_ONE_ARGUMENT = MUSIC_COMMANDS - {"partCombine", "partcombine"} | {"chordmode", "drummode"}
_NO_SCORE = frozenset(("addQuote", "markup", "markuplist", "void"))
BLOCKS = {"book": "top", "bookpart": "part", "score": "score", "header": "header"}
_NAME = re.compile(r"[^\W\d_][\w.:-]*\Z")
_SCHEME_DEFINE = re.compile(r"""\(define(?:-public)?\s+([^\s()"]+)\s+("(?:[^"\\]|\\.)*")\s*\)\Z""")
_MAKES_INCLUDES = re.compile(r"""\\\\include|ly:parser-include-string|ly:parser-parse-string""")

Value = tuple[Token, ...]


@dataclass(frozen=True, slots=True)
class Event:
    """An include, an assignment, or music, in one file.

    Attributes:
        kind: "include", "assign", "score", "dynamic" (Scheme that includes files itself), "define" (a
            variable gets what `value` begins with: a block or music), "use" (a command that makes a
            score if it is a variable of music), or "score-with" (a score with \\midi, printed if one of
            the variables in `value` is a layout).
        scope: where it stands: "top", "part" (in a \\bookpart), "score", "header" or "other".
        level: for a field of a header, the scope of the block that the header belongs to.
        name: the variable or field that is assigned.
        value: the value assigned, or the file name to include, as tokens.
    """

    kind: str
    scope: str
    level: str = "top"
    name: str = ""
    value: Value = ()


def outline(text: str) -> tuple[Event, ...]:
    """The events of a source file."""
    return tuple(_events(tokenize(text)))


def _events(tokens: list[Token]) -> Iterator[Event]:
    scopes = ["top"]
    levels = ["top"]
    block = ""  # kind of block that the next brace opens, "" for music
    in_value = False  # between an equals sign and the end of the value
    single_block = False  # the value ends with the brace that closes its first block
    open_value = False  # the value was a command, of which what follows may be an argument
    angles = 0
    index = 0
    while index < len(tokens):
        token = tokens[index]
        scope, level = scopes[-1], levels[-1]
        index += 1
        if token.kind == "command":
            if token.text == "include":
                assigned = index > 1 and tokens[index - 2].text == "="
                value, index = _value(tokens, index)
                if angles <= 0 and not assigned and scope in ("top", "part"):
                    in_value = (
                        False  # as after `x = \\transpose c d \\y`, whose end shows only here
                    )
                yield Event("include", "other" if in_value else scope, level, value=value)
                in_value, open_value = in_value and not assigned, False
            elif token.text in BLOCKS:
                block, open_value = BLOCKS[token.text], False
                if token.text == "score":
                    yield from _printed(tokens, index)
                elif token.text != "header":
                    in_value = False  # a book in a variable is as good as one that stands alone
            elif token.text in NOT_MUSIC:
                block, open_value = "block", False
            elif (
                token.text in MUSIC_COMMANDS
                and scope in ("top", "part")
                and (not in_value or (angles <= 0 and _is_variable(tokens, index - 2)))
            ):
                yield Event("score", scope)
                in_value, single_block = (
                    True,
                    False,
                )  # the rest of this expression is no second score
            elif in_value:
                single_block = single_block and (
                    scope not in ("top", "part") or token.text in _ONE_ARGUMENT
                )
            elif scope in ("top", "part") and angles <= 0 and not open_value:
                before = {
                    t.text for t in tokens[max(index - 3, 0) : index - 1] if t.kind == "command"
                }
                if before.isdisjoint(_NO_SCORE):
                    yield Event("use", scope, name=token.text)
        elif token.kind == "sign" and token.text == "{":
            if not block and not in_value and scope in ("top", "part"):
                yield Event("score", scope)
            inner = block or "other"
            scopes.append(inner)
            levels.append(_level(scope) if inner == "header" else level)
            block = ""
        elif token.kind == "sign" and token.text == "}":
            if len(scopes) > 1:
                inside = scopes.pop()
                levels.pop()
                following = tokens[index] if index < len(tokens) else None
                continues = (
                    following is not None and following.kind == "sign" and following.text == "{"
                )
                ends = not continues or (single_block and inside != "block")
                if scopes[-1] in ("top", "part") and angles <= 0 and ends:
                    in_value = False
        elif token.kind == "sign" and scope in ("top", "header"):
            name = _assigned(tokens, index - 2)
            if name:
                value, end = _value(tokens, index)
                yield Event("assign", scope, level, name, value)
                if not value:
                    yield Event("define", scope, level, name, tuple(tokens[end : end + 1]))
                in_value = single_block = not value and scope == "top"
                open_value = bool(value) and value[-1].kind == "command"
                index, angles = end, 0
        elif token.kind == "scheme":
            if _MAKES_INCLUDES.search(token.text):
                yield Event("dynamic", scope)
            elif scope == "top" and (match := _SCHEME_DEFINE.match(token.text)):
                yield Event("assign", "top", "top", match[1], tuple(tokenize(match[2])))
        elif token.kind == "run" and scope in ("top", "part"):
            opened, closed = token.text.count("<<"), token.text.count(">>")
            if opened and not in_value and angles <= 0:
                yield Event("score", scope)
                in_value = True
            angles += opened - closed
            if closed and angles <= 0:
                in_value, angles = False, 0


def _printed(tokens: list[Token], index: int) -> Iterator[Event]:
    """The event of a \\score: printed, unless it has a \\midi and neither a \\layout nor a variable for one."""
    depth = 0
    commands: dict[str, Token] = {}
    for token in tokens[index:]:
        if token.kind == "sign" and token.text in "{}":
            depth += 1 if token.text == "{" else -1
            if depth <= 0:
                break
        elif token.kind == "command" and depth == 1:
            commands[token.text] = token
    if "midi" not in commands or not {"layout", "include"}.isdisjoint(commands):
        yield Event("score", "top")
    else:
        yield Event("score-with", "top", value=tuple(commands.values()))


def _is_variable(tokens: list[Token], index: int) -> bool:
    """Whether the token before a command is a variable, with which a value has ended."""
    return (
        index >= 0
        and tokens[index].kind == "command"
        and tokens[index].text not in MUSIC_COMMANDS | NOT_MUSIC
    )


def _level(scope: str) -> str:
    return scope if scope in ("top", "part", "score") else "score"


def _assigned(tokens: list[Token], index: int) -> str:
    """The name before an equals sign, or "" where the sign is part of something else."""
    if index < 0:
        return ""
    token = tokens[index]
    before = tokens[index - 1] if index else None
    if before is not None and before.kind == "command" and before.text in ("new", "context", "set"):
        return ""
    if token.kind == "string":
        return token.text
    if token.kind != "run":
        return ""
    word = token.text.split()[-1]
    return word if _NAME.match(word) else ""


def _value(tokens: list[Token], index: int) -> tuple[Value, int]:
    """The string, variable, Scheme, markup or bare word (or sum of them) at `index`, and its end.

    Music has no value here: the result is empty and the index stays.
    """
    value: list[Token] = []
    start = index
    while index < len(tokens):
        token = tokens[index]
        if token.kind == "command" and token.text.startswith("markup"):
            end = markup_end(tokens, index + 1)
            value += tokens[index:end]
            index = end
        elif token.kind in ("string", "scheme"):
            value.append(token)
            index += 1
        elif token.kind == "command":
            following = tokens[index + 1] if index + 1 < len(tokens) else None
            if (
                token.text in MUSIC_COMMANDS
                or token.text == "include"
                or (following is not None and following.kind == "sign" and following.text == "{")
            ):
                return (), start
            value.append(token)
            index += 1
        elif token.kind == "run" and not value and _NAME.match(token.text.split()[0]):
            value.append(Token("run", token.text.split("\n")[0]))
            return tuple(value), index  # the run may go on with the next field's name
        else:
            break
        if index < len(tokens) and tokens[index].kind == "run" and tokens[index].text == "+":
            index += 1
        else:
            break
    return tuple(value), index


def markup_end(tokens: list[Token], index: int) -> int:
    """Where the markup after a \\markup command at `index` - 1 ends."""
    while index < len(tokens):
        token = tokens[index]
        if token.kind == "sign":
            if token.text != "{":
                return index
            depth = 0
            for end in range(index, len(tokens)):
                if tokens[end].kind == "sign":
                    depth += (tokens[end].text == "{") - (tokens[end].text == "}")
                    if depth <= 0 and tokens[end].text == "}":
                        return end + 1
            return len(tokens)
        index += 1
        if token.kind == "string" and not (index > 1 and tokens[index - 2].text == "with-url"):
            return index
        if token.kind == "run":
            return index
    return index
