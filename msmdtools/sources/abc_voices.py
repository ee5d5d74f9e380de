"""The voices of a tune of ABC, told apart line by line, so that each can be read by itself.

What stands before the field K: holds for all voices, but for the tempo (Q:), which the first one has. After that,
a field V: says to which voice the following lines, or what follows on its line, belong.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

_VOICE = re.compile(r"V:[ \t]*([^\s%]+)([^%]*)")
_INLINE = re.compile(r"\[V:[ \t]*([^\s\]]+)([^\]]*)\]")
_FIELD = re.compile(r"[A-Za-z+]:|%")
_SETTING = re.compile(r"\b(clef|octave|transpose|middle)=[ \t]*(\"[^\"]*\"|\S+)")
_CLEF = re.compile(r"(?<![\w=])(?:treble|bass|alto|tenor|perc)[\w+-]*(?!=)")
_QUOTED = re.compile(r"\"[^\"]*\"")
_NAME = re.compile(r"\b(?:name|nm)=[ \t]*(?:\"([^\"]*)\"|(\S+))")


@dataclass(slots=True)
class Voice:
    """One voice of a tune.

    Attributes:
        identifier: as its fields V: call it.
        settings: what these say besides.
        lines: its lines after the header.
    """

    identifier: str
    settings: str = ""
    lines: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Its printed name; "" for none."""
        match = _NAME.search(self.settings)
        return (match[1] or match[2]) if match else ""

    @property
    def key_settings(self) -> str:
        """What its settings mean for a field K:, such as "clef=bass"."""
        found = [match[0] for match in _SETTING.finditer(self.settings)]
        clef = _CLEF.search(_QUOTED.sub("", _SETTING.sub("", self.settings)))
        return " ".join([*found, *([f"clef={clef[0]}"] if clef else [])])


def split(tune: str) -> tuple[list[str], list[Voice]]:
    """The lines of a tune's header, without its fields V:, and the voices that have lines of music, in order."""
    header: list[str] = []
    voices: dict[str, Voice] = {}
    lines = tune.splitlines()
    key = next((n for n, line in enumerate(lines) if line.startswith("K:")), len(lines) - 1)
    for line in lines[: key + 1]:
        if match := _VOICE.match(line):
            _called(voices, match[1], match[2])
        else:
            header.append(line)
    current: Voice | None = None
    for line in lines[key + 1 :]:
        if match := _VOICE.match(line):
            current = _called(voices, match[1], match[2])
            continue
        place = 0
        for match in [] if _FIELD.match(line) else _INLINE.finditer(line):
            if rest := line[place : match.start()].strip():
                current = current or _first(voices)
                current.lines.append(rest)
            current = _called(voices, match[1], match[2])
            place = match.end()
        if rest := line[place:].strip():
            current = current or _first(voices)
            current.lines.append(rest)
    return header, [v for v in voices.values() if any(not _FIELD.match(line) for line in v.lines)]


def _called(voices: dict[str, Voice], identifier: str, settings: str) -> Voice:
    voice = voices.setdefault(identifier, Voice(identifier))
    voice.settings = f"{voice.settings} {settings.strip()}".strip()
    return voice


def _first(voices: dict[str, Voice]) -> Voice:
    return next(iter(voices.values()), None) or _called(voices, "1", "")


def alone(header: Sequence[str], voice: Voice, *, first: bool) -> str:
    """A voice as a tune of its own.

    Args:
        header: the header of the tune (`split`).
        voice: the voice.
        first: whether it has the tempo.

    Returns:
        The text of the tune.
    """
    lines = [line for line in header if first or not line.startswith("Q:")]
    settings = voice.key_settings
    if settings and lines:
        names = [setting.partition("=")[0] for setting in settings.split()]
        key = lines[-1].partition("%")[0]
        for name in names:
            key = re.sub(rf"\b{name}=[ \t]*(\"[^\"]*\"|\S+)", "", key)
        lines[-1] = f"{key.rstrip()} {settings}"
    return "".join(f"{line}\n" for line in (*lines, *voice.lines))


def without(tune: str, kept: Collection[int]) -> str:
    """Leave out all voices but some.

    Args:
        tune: the text of the tune.
        kept: numbers of the voices to keep, from 0, in the order of `split`.

    Returns:
        The text.
    """
    header, voices = split(tune)
    lines = list(header[:-1])
    body: list[str] = []
    for number, voice in enumerate(voices):
        if number in kept:
            lines.append(f"V:{voice.identifier} {voice.settings}".rstrip())
            body += [f"V:{voice.identifier}", *voice.lines]
    return "".join(f"{line}\n" for line in (*lines, *header[-1:], *body))
