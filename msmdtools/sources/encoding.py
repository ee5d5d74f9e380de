"""Read the text of an encoded score for the engraver, after a check that it can be a score.

Files may be harmful. What is refused, each with a reason of its own: files and unpacked texts above
`msmdtools.sources.limits`, archives that are damaged or unpack to far more than scores do, XML that declares
entities (they can read other files, and grow without bound), that is cut off or not well-formed, and what the
module of a format lists: texts that are no score, or of which an engraver would leave out a part in silence.
"""

from pathlib import Path

from msmdtools.sources import abc, archive, kern, markup, mei, musicxml, text
from msmdtools.sources.timewise import TIMEWISE, partwise


def read_encoding(path: Path, format: str, tune: str = "") -> str:
    """Read the text of a score.

    Args:
        path: the file; an archive (.mxl) is unpacked.
        format: "musicxml", "mei", "kern" or "abc".
        tune: the number of the tune in an ABC file that has several, from 1; "" otherwise.

    Returns:
        The text: XML with a declaration that says UTF-8, MusicXML always part by part; of an ABC file the one
        tune.

    Raises:
        PieceError: stage "source", with a reason that names what is wrong with the file.
    """
    data, where = archive.read(path), str(path)
    if format in ("musicxml", "mei"):
        content = markup.decode_xml(data, where)
        root = markup.parse_xml(content, where)
        if format == "musicxml" and markup.local_name(root) == TIMEWISE:
            root = partwise(root, where)
            content = markup.text_of(root)
        (musicxml if format == "musicxml" else mei).check(root, where)
        return content
    content = text.decode(data, where)
    if format == "kern":
        kern.check(content, where)
        return content
    content = abc.tune(content, tune, where)
    abc.check(content, where)
    return content
