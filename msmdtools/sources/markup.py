"""Parse XML that may be harmful: no entity is replaced, no DTD and no other file is read, memory is bounded."""

import codecs
import re
import xml.parsers.expat
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

from msmdtools.sources.limits import MOST_TAGS, refused
from msmdtools.sources.syntax import BYTE_ORDER_MARKS

if TYPE_CHECKING:
    from lxml import etree

# Codecs of text alone; some of Python's others take quadratic time.
_CODECS = re.compile(
    r"utf-?8|utf-?16(-?[lb]e)?|utf-?32(-?[lb]e)?|(us-)?ascii|iso-?8859-?\d+|latin-?1|(windows-|cp)125\d|macintosh"
    r"|mac-?roman|shift_jis|euc-(jp|kr)|gb(2312|k|18030)|big5|koi8-[ru]",
    re.IGNORECASE,
)
_DECLARATION = re.compile(r"""\s*<\?xml\b[^>]*?(?:encoding\s*=\s*["']([^"']*)["'][^>]*)?\?>""")
# Where an error is, which its line number says, too.
_PLACE = re.compile(r",? line \d+(, column \d+)?")
_XML = '<?xml version="1.0" encoding="UTF-8"?>'
_CHUNK = 1 << 16


class _Root(Exception):
    """The root element, at which the reading of a prolog ends."""


def parse_xml(text: str, where: str) -> "etree._Element":
    """Parse a text of `decode_xml`: no entity is replaced, no DTD and no other file is read.

    Args:
        text: the text.
        where: the name of the file, for messages.

    Returns:
        The root element, without comments and processing instructions.

    Raises:
        PieceError: as `root_element`; "truncated", "not-well-formed", or "too-large" (more elements than a score
            has).
    """
    from lxml import etree

    root_element(text.encode(), where)
    if text.count("<") > MOST_TAGS:
        raise refused(
            "too-large", f"{where}: more than {MOST_TAGS:,} tags. No score of that size is read."
        )
    try:
        return etree.fromstring(text.encode(), etree.XMLParser(**_safely()))
    except etree.XMLSyntaxError as error:
        line = f"line {error.lineno}: " if error.lineno else ""
        what = f"{where}: {line}{_PLACE.sub('', error.msg)}"
        if getattr(error, "code", 0) in _cut_off() or not text.rstrip().endswith(">"):
            raise refused("truncated", f"{what}. The file is cut off: get it again.") from error
        raise refused("not-well-formed", f"{what}. The file is not well-formed XML.") from error


def parse_head(data: bytes, where: str, until: str, times: int) -> "etree._Element":
    """Parse the beginning of XML as far as it is well-formed, for what stands there.

    Args:
        data: XML, or the beginning of it.
        where: the name of the file, for messages.
        until: the local name of an element: what comes after some of them may be missing.
        times: after how many of them.

    Returns:
        The root element, with what was parsed of its content.

    Raises:
        PieceError: as `root_element`; "not-xml" where there is no root element.
    """
    from lxml import etree

    root_element(data, where)
    options = _safely()
    del options["encoding"]
    parser = etree.XMLPullParser(events=("start",), **options)
    root: etree._Element | None = None
    found = 0
    try:
        for begin in range(0, len(data), _CHUNK):
            parser.feed(data[begin : begin + _CHUNK])
            for _, element in cast("Iterator[tuple[str, etree._Element]]", parser.read_events()):
                root = element if root is None else root
                found += local_name(element) == until
            if found >= times:
                break
    except etree.XMLSyntaxError:
        pass  # what is wrong is said when the whole of it is read
    if root is None:
        raise refused("not-xml", f"{where}: the file is not XML.")
    return root


def local_name(element: "etree._Element") -> str:
    """The name of an element without its namespace; "" for what is none, such as a comment."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def _safely() -> dict[str, Any]:
    """The settings of a parser that replaces no entity and reads nothing but what it is given."""
    return {
        "encoding": "utf-8",
        "resolve_entities": False,
        "load_dtd": False,
        "no_network": True,
        "huge_tree": False,
        "remove_comments": True,
        "remove_pis": True,
    }


def _cut_off() -> set[int]:
    from lxml import etree

    types = etree.ErrorTypes
    return {types.ERR_TAG_NOT_FINISHED, types.ERR_DOCUMENT_END, types.ERR_DOCUMENT_EMPTY}


def decode_xml(data: bytes, where: str) -> str:
    """Decode XML by its byte order mark, its declaration, or as UTF-8.

    Args:
        data: the bytes.
        where: the name of the file, for messages.

    Returns:
        The text, with a declaration that says UTF-8.

    Raises:
        PieceError: "empty-file"; "wrong-encoding": an unknown one, or bytes that are not of it.
    """
    if not data.strip():
        raise refused("empty-file", f"{where}: the file is empty.")
    codec, start = "", 0
    for mark, name in BYTE_ORDER_MARKS:
        if data.startswith(mark):
            codec, start = name, len(mark)
            break
    if not codec and data[:4] in (b"<\0?\0", b"\0<\0?"):
        codec = "utf-16-le" if data[0] else "utf-16-be"
    if not codec:
        stated = _DECLARATION.match(data[:_CHUNK].decode("latin-1"))
        codec = (stated and stated[1]) or "utf-8"
        if codec.lower().startswith(("utf-16", "utf16", "utf-32", "utf32")):
            codec = "utf-8"  # the declaration itself is read byte by byte
    try:
        if not _CODECS.fullmatch(codec):
            raise LookupError(f"the encoding {codec!r} is not known")
        text = codecs.decode(data[start:], codec)
    except (LookupError, UnicodeDecodeError) as error:
        what = (
            str(error)
            if isinstance(error, LookupError)
            else f"byte {start + error.start} is not {codec}, the encoding that the file declares or implies"
        )
        raise refused("wrong-encoding", f"{where}: {what}. Save the file as UTF-8.") from error
    return _XML + _DECLARATION.sub("", text, count=1)


def root_element(data: bytes, where: str) -> str:
    """The name of the root element, with its namespace in front of a space; it ends the reading.

    Args:
        data: XML, or the beginning of it.
        where: the name of the file, for messages.

    Returns:
        The name; "" where the data ends before it.

    Raises:
        PieceError: "entities": the prolog declares one; "not-xml".
    """
    parser = xml.parsers.expat.ParserCreate(namespace_separator=" ")
    names: list[str] = []

    def start(name: str, _: object) -> None:
        names.append(name)
        raise _Root

    def entity(name: str, *_: object) -> None:
        raise refused(
            "entities",
            f"{where}: the file declares the entity {name!r}. Entities are refused, as they can read other "
            "files and grow without bound: write the text that it stands for in its place.",
        )

    parser.StartElementHandler = start
    parser.EntityDeclHandler = entity
    try:
        for begin in range(0, len(data), _CHUNK):
            parser.Parse(data[begin : begin + _CHUNK], False)
    except _Root:
        return names[0]
    except xml.parsers.expat.ExpatError as error:
        raise refused("not-xml", f"{where}: the file is not XML: {error}.") from error
    return ""


def text_of(root: "etree._Element") -> str:
    """A document as text, with a declaration that says UTF-8."""
    from lxml import etree

    return f'<?xml version="1.0" encoding="UTF-8"?>\n{etree.tostring(root, encoding="unicode")}'
