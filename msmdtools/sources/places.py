"""The kind of text at each place of a LilyPond source: music, lyrics, markup, Scheme, string or comment.

A pattern that is right for music is wrong for a title, a comment or lyrics: `-|` is staccatissimo in
music, part of a bar line's name in a string, and a hyphen before a bar check in lyrics.
"""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from msmdtools.sources.syntax import SCHEME_PART, TOKEN, music_end, scheme_end

_LYRICS = frozenset(("lyrics", "lyricmode", "addlyrics", "lyricsto"))
_MUSIC = frozenset(
    (
        "absolute",
        "chordmode",
        "chords",
        "drummode",
        "drums",
        "fixed",
        "notemode",
        "relative",
        "score",
    )
)
_BLOCKS = frozenset(("context", "header", "layout", "midi", "paper", "with"))
_NO_MARKUP = _MUSIC | {"book", "bookpart", "header", "layout", "midi", "new", "paper"} - {"score"}


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a source: from `start` to before `end`, counted in characters.

    Attributes:
        kind: "music" (whatever is none of the others), "lyrics", "markup", "block" (inside the braces
            of \\header, \\layout, \\midi, \\paper, \\with and \\context), "scheme", "string" or "comment".
    """

    start: int
    end: int
    kind: str


class Places:
    """The kinds of text in one source.

    Attributes:
        spans: stretches of one kind, in order, which together are the whole source.
    """

    def __init__(self, text: str, scheme: bool = False) -> None:
        """Find the kinds of text in a LilyPond file, or in a file of Scheme."""
        end = len(text)
        self.spans = tuple(_scheme_spans(text, 0, end) if scheme else _spans(text, 0, end, "music"))
        self._starts = [span.start for span in self.spans]

    def kind(self, place: int) -> str:
        """The kind of text at a place; "music" in an empty source."""
        index = bisect_right(self._starts, place) - 1
        return self.spans[index].kind if index >= 0 else "music"


def _spans(text: str, start: int, end: int, outer: str) -> Iterator[Span]:
    """The spans from `start` to `end`, where the LilyPond that stands there is of kind `outer`."""
    open_braces = [outer]
    opening = ""  # kind that the next brace opens, "" for the same as around it
    markup = False  # between \markup and the argument that ends it
    position = start
    while position < end and (match := TOKEN.match(text, position, end)):
        kind, token = match.lastgroup, match[0]
        current = "markup" if markup else open_braces[-1]
        place, position = position, match.end()
        if kind == "scheme":
            position = min(scheme_end(text, position), end)
            yield from _scheme_spans(text, place, position)
        elif kind in ("string", "comment"):
            yield Span(place, position, kind)
            markup = markup and kind == "comment"
        elif kind == "command":
            name = token[1:]
            markup = name.startswith("markup") or (markup and name not in _NO_MARKUP)
            opening = _opens(name, opening, current)
            yield Span(place, position, "markup" if markup else open_braces[-1])
        elif kind == "run" and markup and token.strip():
            position = place + len(token) - len(token.lstrip()) + len(token.split()[0])
            yield Span(place, position, "markup")
            markup = False
        else:
            if token == "{":
                open_braces.append("markup" if markup else opening or open_braces[-1])
                opening = ""
            elif token == "}" and len(open_braces) > 1:
                current = open_braces.pop()
            markup = markup and kind == "run"
            yield Span(place, position, current)


def _opens(command: str, opening: str, outer: str) -> str:
    """The kind that the next brace after a command opens, where `opening` was expected before it."""
    if command in _LYRICS:
        return "lyrics"
    if command in _BLOCKS and outer != "markup":
        # `\context Voice { }` is music; what stands in \layout, \midi, … is a definition.
        return "block" if command != "context" or outer == "block" else ""
    if command in _MUSIC:
        return "music"
    return opening if command == "new" else ""


def _scheme_spans(text: str, start: int, end: int) -> Iterator[Span]:
    """The spans of a Scheme datum: strings, comments, and the LilyPond between #{ and #}."""
    position = start
    while position < end:
        match = SCHEME_PART.search(text, position, end)
        if match is None or match.lastgroup is None:
            yield Span(position, end, "scheme")
            return
        if match.start() > position:
            yield Span(position, match.start(), "scheme")
        position = match.end()
        if match.lastgroup == "music":
            inside = min(max(music_end(text, position) - 2, position), end)
            yield Span(match.start(), position, "scheme")
            yield from _spans(text, position, inside, "music")
            position = inside
            if position >= end:
                return
            yield Span(position, min(position + 2, end), "scheme")
            position = min(position + 2, end)
        elif match.lastgroup in ("string", "comment", "block"):
            yield Span(
                match.start(), position, "string" if match.lastgroup == "string" else "comment"
            )
        else:
            yield Span(match.start(), position, "scheme")
