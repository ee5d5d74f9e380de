"""Rewrite what Verovio would lose or misread of ABC, and join the voices of a tune, which it sets one by one.

Seen with Verovio 6.4.1:

- A length behind a chord is left out: each note of the chord gets it.
- The unit of a tempo is left out: the tempo is given in quarter notes.
- "::" is no bar line for it, and Z a rest of no bar: both are written in full.
- It crashes on the "!" that ends a line in old files, and leaves out what is after the last bar line.
- Voices (V:) are set one after the other: each is read by itself, and these are put together bar by bar.
- First and second endings are lost: they are marked in the text, and put around the bars of the result.
- A key inside a tune is lost, or changes the clef instead of the signature; one without accidentals takes those of
  the key that was read before it, even in another tune: keys are marked in the text, too, and
  `msmdtools.engrave.verovio.abc_keys` says what each note sounds.
"""

import re
from collections.abc import Callable, Sequence
from fractions import Fraction

from lxml import etree

from msmdtools.engrave.verovio.abc_keys import Keys
from msmdtools.sources.abc_voices import Voice, alone, split

_FIELD = re.compile(r"[A-Za-z+]:|%")
_OLD_LINE_BREAK = re.compile(r'("[^"]*"|![^\s!|:\[\]"]+!)|!')
_TEMPO = re.compile(r"((?:\d+/\d+[ \t]*)+)=[ \t]*(\d+(?:\.\d+)?)")
_LENGTH = r"\d*(?:/+\d*)?"
# Texts, decorations, comments and fields within a line are passed over; what follows them is music.
_APART = r"\"[^\"]*\"|![^!\n]*!|%.*|\[[A-Za-z]:[^\]]*\]"
_MUSIC = re.compile(
    rf"(?P<apart>{_APART})|\[(?P<chord>(?:\"[^\"]*\"|[^\]\[\"|:])*[A-Ga-g](?:\"[^\"]*\"|[^\]\[\"|:])*)\]"
    rf"(?P<length>\d+(?:/+\d*)?|/+\d*)|(?P<double>::)|(?P<rest>Z(?!\d))"
)
_NOTE = re.compile(rf"(\"[^\"]*\"|![^!]*!)|([_^=]*[A-Ga-gz][,']*)({_LENGTH})")
_ENDING = re.compile(
    rf"(?P<apart>{_APART})|(?P<line>[|:][ \t]*)?(?P<open>\[?)(?P<times>[1-9][\d,.\-]*)(?![\d/])"
)
_BAR_REST = re.compile(rf"({_APART})|Z(\d+)")
_NAMESPACE = "{http://www.music-encoding.org/ns/mei}"
_ID = "{http://www.w3.org/XML/1998/namespace}id"
_MARK = "msmd-ending:"
_ENDS = frozenset(("rptend", "rptboth", "dbl", "end"))

NO_ENDINGS = "the endings of this tune of ABC could not be told apart"


def mended(tune: str) -> str:
    """A tune whose chords, tempi, bar lines and rests Verovio reads as they are meant."""
    lines = tune.split("\n")
    for number, text in enumerate(lines):
        if text.startswith("Q:"):
            lines[number] = _in_quarters(text)
        elif not _FIELD.match(text):
            line = _OLD_LINE_BREAK.sub(lambda mark: mark[1] or "", text) if "!" in text else text
            lines[number] = _MUSIC.sub(_full, line)
    return _barred("\n".join(lines))


def _full(match: re.Match[str]) -> str:
    if apart := match["apart"]:
        return _in_quarters(apart) if apart.startswith("[Q:") else apart
    if match["double"]:
        return ":||:"
    if match["rest"]:
        return "Z1"
    factor = _fraction(match["length"])

    def longer(note: re.Match[str]) -> str:
        return note[1] or f"{note[2]}{_text(_fraction(note[3]) * factor)}"

    return f"[{_NOTE.sub(longer, match['chord'])}]"


def _fraction(length: str) -> Fraction:
    """A length of ABC, such as 3, 3/2, / or //, as a factor."""
    above, slashes, below = re.findall(r"(\d*)(/*)(\d*)", length)[0]
    divisor = max(1, int(below)) if below else 2 ** len(slashes)
    return Fraction(int(above or 1), divisor)


def _text(length: Fraction) -> str:
    return "" if length == 1 else str(length)


def _in_quarters(field: str) -> str:
    """A field Q: whose tempo is in quarter notes."""

    def quarters(match: re.Match[str]) -> str:
        units = re.findall(r"(\d+)/(\d+)", match[1])
        if any(int(below) == 0 for _, below in units):
            return match[0]
        unit = sum((Fraction(int(a), int(b)) for a, b in units), Fraction(0))
        return f"1/4={float(4 * unit * Fraction(match[2])):g}"

    return _TEMPO.sub(quarters, field)


def _barred(tune: str) -> str:
    """A tune with a bar line at the end of its music."""
    lines = tune.rstrip("\n").split("\n")
    key = next((n for n, line in enumerate(lines) if line.startswith("K:")), len(lines))
    music = [n for n, line in enumerate(lines) if n > key and not _FIELD.match(line)]
    last = re.sub(_APART, "", lines[music[-1]]).rstrip(" \t\\") if music else "|"
    if last.endswith(("|", "|]", ":", "[|]")):
        return tune
    lines[music[-1]] = f"{lines[music[-1]].partition('%')[0].rstrip(f' {chr(92)}')}|]"
    return "\n".join(lines) + "\n"


def joined(tune: str, load: Callable[[str, int], str]) -> tuple[str, str]:
    """A tune with all of its voices, keys and endings, as MEI.

    Args:
        tune: the tune (`mended`).
        load: reads a tune of one voice, and gives its MEI, with ids for which the number is the seed.

    Returns:
        The MEI; and why its endings are not in it, "" if they are.
    """
    header, voices = split(tune)
    if not voices:
        return load(tune, 1), ""
    keys = Keys(header[-1])
    count = 0
    for number, voice in enumerate(voices):
        lines = [_apart(line) for line in voice.lines] if len(voices) > 1 else voice.lines
        voice.lines = keys.marked(lines)
        for n, line in enumerate(voice.lines):
            if not _FIELD.match(line):
                voice.lines[n], found = _marked(line, marks=not number)
                count += found if not number else 0
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True)
    documents = [
        etree.fromstring(load(_barred(alone(header, v, first=not k)), 1 + k).encode(), parser)
        for k, v in enumerate(voices)
    ]
    root = documents[0]
    starts = _starts(root)
    for k, (document, voice) in enumerate(zip(documents, voices, strict=True), 1):
        _number(document, k, voice)
        keys.apply(document)
        if k > 1:
            _join(root, document, k)
    reason = ""
    if len(starts) != count:
        reason = NO_ENDINGS
    elif starts:
        _enclose(root, starts)
    return etree.tostring(root, encoding="unicode"), reason


def _apart(line: str) -> str:
    """A line in which rests of several bars are several rests of one, as other voices have notes there."""
    if _FIELD.match(line):
        return line
    return _BAR_REST.sub(lambda m: m[1] or "|".join(["Z1"] * max(1, min(int(m[2]), 1000))), line)


def _marked(line: str, marks: bool = True) -> tuple[str, int]:
    """A line of music with marks, or nothing, for the numbers of endings, and how many these are."""
    count = 0

    def mark(match: re.Match[str]) -> str:
        nonlocal count
        if match["apart"] or not (match["line"] or match["open"]):
            return match[0]
        count += 1
        text = f'"^{_MARK}{match["times"]}"' if marks else ""
        return f"{match['line'] or '|'}{text}"

    return _ENDING.sub(mark, line), count


def _number(document: etree._Element, number: int, voice: Voice) -> None:
    """Let what is in the MEI of one voice refer to a staff of a number."""
    for element in document.iter(f"{_NAMESPACE}staffDef", f"{_NAMESPACE}staff"):
        element.set("n", str(number))
    for element in list(document.iter(f"{_NAMESPACE}pb", f"{_NAMESPACE}sb")):
        parent = element.getparent()
        if parent is not None:
            parent.remove(element)
    for element in document.iter():
        for name in ("startid", "endid"):
            if (value := element.get(name)) and not value.startswith("#"):
                element.set(name, f"#{value}")
        if element.get("staff"):
            element.set("staff", str(number))
    definition = next(document.iter(f"{_NAMESPACE}staffDef"), None)
    if voice.name and definition is not None:
        label = etree.Element(f"{_NAMESPACE}label")
        label.text = voice.name
        definition.insert(0, label)


def _join(root: etree._Element, document: etree._Element, number: int) -> None:
    """Put the staff of another voice below those that are there."""
    groups = [next(d.iter(f"{_NAMESPACE}staffGrp")) for d in (root, document)]
    groups[0].extend(list(groups[1]))
    ours, theirs = (list(d.iter(f"{_NAMESPACE}measure")) for d in (root, document))
    for measure in theirs[len(ours) :]:
        further = etree.Element(f"{_NAMESPACE}measure", {**measure.attrib})
        ours[-1].addnext(further)
        ours.append(further)
    for n, measure in enumerate(ours):
        staves = measure.findall(f"{_NAMESPACE}staff")
        place = measure.index(staves[-1]) + 1 if staves else 0
        for missing in range(len(staves) + 1, number):
            measure.insert(place, _empty(missing, measure))
            place += 1
        if n >= len(theirs):
            measure.insert(place, _empty(number, measure))
            continue
        for child in list(theirs[n]):
            if child.tag == f"{_NAMESPACE}staff":
                measure.insert(place, child)
            else:
                measure.append(child)


def _empty(number: int, measure: etree._Element) -> etree._Element:
    """A staff of a bar that its voice does not have."""
    identity = f"{measure.get(_ID)}-{number}"
    staff = etree.Element(f"{_NAMESPACE}staff", {_ID: identity, "n": str(number)})
    layer = etree.SubElement(staff, f"{_NAMESPACE}layer", {_ID: f"{identity}l", "n": "1"})
    etree.SubElement(layer, f"{_NAMESPACE}mSpace", {_ID: f"{identity}s"})
    return staff


def _starts(root: etree._Element) -> dict[etree._Element, str]:
    """The bars that begin an ending, with its times; the marks are taken away."""
    starts: dict[etree._Element, str] = {}
    for measure in root.iter(f"{_NAMESPACE}measure"):
        for element in list(measure):
            text = "".join(map(str, element.itertext()))
            if _MARK in text:
                starts[measure] = text.partition(_MARK)[2].strip().rstrip(".,-")
                measure.remove(element)
    return starts


def _enclose(root: etree._Element, starts: dict[etree._Element, str]) -> None:
    """Put endings around their bars: up to a repeat, a double bar line, or the next ending."""
    number = 0
    ending: etree._Element | None = None
    measures: Sequence[etree._Element] = list(root.iter(f"{_NAMESPACE}measure"))
    for measure in measures:
        if measure in starts:
            number += 1
            identity = f"{measure.get(_ID)}-ending"
            ending = etree.Element(f"{_NAMESPACE}ending", {_ID: identity, "n": starts[measure]})
            measure.addprevious(ending)
        if ending is not None:
            # A change of metre may stand between two bars of an ending.
            between = [measure]
            while (before := between[0].getprevious()) is not None and before is not ending:
                between.insert(0, before)
            ending.extend(between)
            if measure.get("right") in _ENDS:
                ending = None
