"""MuseScore's own files: what a score says of itself, without MuseScore.

The texts are those of the score's properties (File > Project properties); parts are named as on the first page.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from msmdtools.sources import markup
from msmdtools.sources.heading import Heading, Part, lines, opus_in, plain, title_of

if TYPE_CHECKING:
    from lxml import etree


def heading(data: bytes, where: str) -> Heading:
    """What a score says of itself, from the beginning of its file.

    Raises:
        PieceError: it is no XML.
    """
    root = markup.parse_head(data, where, "Measure", 1)
    tags = {tag.get("name", ""): plain(tag.text) for tag in root.iter("metaTag")}
    texts = {
        (style.text or "").casefold(): plain(text.text)
        for block in root.iter("Text")
        if (style := block.find("style")) is not None and (text := block.find("text")) is not None
    }
    title = title_of(tags.get("workTitle", ""), tags.get("movementTitle", ""))
    composers = [tags.get("composer", ""), texts.get("composer", "")]
    return Heading(
        title=title or texts.get("title", ""),
        composer=next(filter(None, composers), ""),
        opus=opus_in([tags.get("workNumber", ""), title]) or tags.get("workNumber", ""),
        rights=tuple(filter(None, (tags.get("copyright", ""),))),
        parts=tuple(_parts(root)),
    )


def _parts(root: "etree._Element") -> Iterator[Part]:
    for part in root.iter("Part"):
        instrument = part.find("Instrument")
        names = (part.findtext("Instrument/longName"), part.findtext("trackName"))
        program = part.find("Instrument/Channel/program")
        value = program.get("value", "") if program is not None else ""
        sounds = (part.findtext("trackName"), part.findtext("Instrument/trackName"))
        sound = instrument.findtext("instrumentId") if instrument is not None else None
        yield Part(
            name=next(filter(None, map(lines, names)), ""),
            sound=tuple(filter(None, map(plain, (*sounds, (sound or "").replace(".", ", "))))),
            program=int(value) if value.isdigit() else -1,
            staves=len(part.findall("Staff")) or 1,
        )
