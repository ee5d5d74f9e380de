"""Split LilyPond sources into tokens: decoding, comments, strings, and the Scheme in between.

This is not a parser: it knows enough of the language to find includes, headers and music without
being misled by comments and strings.
"""

import re
from dataclasses import dataclass

BYTE_ORDER_MARKS = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe\x00\x00", "utf-32-le"),
    (b"\x00\x00\xfe\xff", "utf-32-be"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)


@dataclass(frozen=True, slots=True)
class Token:
    """A token of a source.

    Attributes:
        kind: "string", "command" (`\\name`), "scheme" (one datum after # or $), "sign" (a brace or
            an equals sign) or "run" (everything up to the next of these, stripped, as it stands).
        text: unquoted for strings, without the backslash for commands, without # or $ for Scheme.
    """

    kind: str
    text: str


def decode(data: bytes) -> str:
    """The text of a file: by its byte order mark, or as UTF-16 (by zeros), UTF-8 or Latin-1."""
    for mark, encoding in BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, errors="replace")
    if data[1:64:2].count(0) > 16:
        return data.decode("utf-16-le", errors="replace")
    if data[0:64:2].count(0) > 16:
        return data.decode("utf-16-be", errors="replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


TOKEN = re.compile(
    r"""
    (?P<run>     [^"%\\\#${}=]+ )
  | (?P<command> \\ (?: [^\W\d_]+ (?: [-_][^\W\d_]+ )* | . | \Z ) )
  | (?P<string>  " (?: [^"\\] | \\. )* (?: " | \Z ) )
  | (?P<comment> %\{ .*? (?: %\} | \Z ) | %[^\n\r]* )
  | (?P<scheme>  [\#$] )
  | (?P<sign>    [{}=] )
    """,
    re.VERBOSE | re.DOTALL,
)
_SCHEME_ATOM = re.compile(r"""(?:[^\s()"';\\%{}]|\\.)+""", re.DOTALL)
SCHEME_PART = re.compile(
    r"""
    (?P<string>  " (?: [^"\\] | \\. )* (?: " | \Z ) )
  | (?P<block>   \#! .*? (?: !\# | \Z ) | \#\| .*? (?: \|\# | \Z ) )
  | (?P<char>    \#\\ (?: [^\W\d_]+ | . ) )
  | (?P<music>   \#\{ )
  | (?P<comment> ; [^\n\r]* )
  | (?P<open>    [(\[] )
  | (?P<close>   [)\]] )
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t"}


def unquote(text: str) -> str:
    """The value of a quoted string literal."""
    body = text[1:-1] if len(text) > 1 and text.endswith('"') else text[1:]
    return _ESCAPE.sub(lambda m: _ESCAPED.get(m[1], m[1]), body)


def tokenize(text: str) -> list[Token]:
    """The tokens of a source, without comments and blank runs.

    A Scheme expression is one token of kind "scheme", except that `#"…"` is a string. An unfinished
    string or comment ends with the text.
    """
    tokens: list[Token] = []
    position = 0
    while match := TOKEN.match(text, position):
        kind, lexeme, position = match.lastgroup, match[0], match.end()
        if kind == "run":
            if run := lexeme.strip():
                tokens.append(Token("run", run))
        elif kind == "string":
            tokens.append(Token("string", unquote(lexeme)))
        elif kind == "command":
            tokens.append(Token("command", lexeme[1:]))
        elif kind == "sign":
            tokens.append(Token("sign", lexeme))
        elif kind == "scheme":
            start, position = position, scheme_end(text, position)
            datum = text[start:position]
            if datum.startswith('"'):
                tokens.append(Token("string", unquote(datum)))
            else:
                tokens.append(Token("scheme", datum))
    return tokens


def scheme_end(text: str, start: int) -> int:
    """The end of the Scheme datum that begins at `start` (after # or $)."""
    position = start
    while (
        position < len(text) and text[position] in "'`,@#" and text[position : position + 2] != "#{"
    ):
        if text[position] == "#" and text[position + 1 : position + 2] not in (
            "'",
            "`",
            '"',
            "(",
            "#",
        ):
            break
        position += 1
    head = text[position : position + 1]
    if head == '"':
        match = SCHEME_PART.match(text, position)
        return match.end() if match else position
    if text.startswith("#{", position):
        return music_end(text, position + 2)
    if head not in ("(", "["):
        match = _SCHEME_ATOM.match(text, position)
        return match.end() if match else position
    depth = 0
    while part := SCHEME_PART.search(text, position):
        position = part.end()
        if part.lastgroup == "open":
            depth += 1
        elif part.lastgroup == "close":
            depth -= 1
            if depth <= 0:
                return position
        elif part.lastgroup == "music":
            position = music_end(text, position)
    return len(text)


def music_end(text: str, start: int) -> int:
    """The end of the LilyPond inside `#{ … #}` (after the #})."""
    position = start
    while position < len(text):
        if text.startswith("#}", position):
            return position + 2
        match = TOKEN.match(text, position)
        assert match is not None  # its alternatives take any character
        position = scheme_end(text, match.end()) if match.lastgroup == "scheme" else match.end()
    return len(text)
