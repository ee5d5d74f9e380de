"""Small scores in every encoding, for tests."""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

CONTAINER = "META-INF/container.xml"


def note(step: str = "C", duration: object = 4, more: str = "") -> str:
    return (
        f"<note><pitch><step>{step}</step><octave>4</octave></pitch><duration>{duration}</duration>"
        f"<type>whole</type>{more}</note>"
    )


def bar(number: int = 1, content: str = "", clef: str = "G", divisions: object = 1) -> str:
    attributes = (
        f"<attributes><divisions>{divisions}</divisions><time><beats>4</beats><beat-type>4</beat-type></time>"
        f"<clef><sign>{clef}</sign><line>2</line></clef></attributes>"
        if number == 1
        else ""
    )
    return f'<measure number="{number}">{attributes}{content or note()}</measure>'


def musicxml(
    parts: Mapping[str, str] | None = None, head: str = "", root: str = "score-partwise"
) -> str:
    """A score with the bars of each part by its name."""
    parts = {"Piano": bar()} if parts is None else parts
    listed = "".join(
        f'<score-part id="P{n}"><part-name>{name}</part-name></score-part>'
        for n, name in enumerate(parts, start=1)
    )
    bars = "".join(
        f'<part id="P{n}">{text}</part>' for n, text in enumerate(parts.values(), start=1)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 4.0 Partwise//EN" '
        '"http://www.musicxml.org/dtds/partwise.dtd">\n'
        f'<{root} version="4.0">{head}<part-list>{listed}</part-list>{bars}</{root}>'
    )


def mxl(text: str | bytes, container: str | None = "", name: str = "score.xml") -> bytes:
    """An archive: with a list of contents that names the score, one that is given, or without (None)."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        if container is not None:
            standard = (
                f'<container><rootfiles><rootfile full-path="{name}"/></rootfiles></container>'
            )
            archive.writestr(CONTAINER, container or standard)
        archive.writestr(name, text)
    return data.getvalue()


def mei(shape: str = "G", duration: str = "1", head: str = "") -> str:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<mei xmlns="http://www.music-encoding.org/ns/mei" meiversion="5.0">'
        f'<meiHead>{head}</meiHead><music><body><mdiv><score><scoreDef meter.count="4" meter.unit="4"><staffGrp>'
        f'<staffDef n="1" lines="5" clef.shape="{shape}" clef.line="2"><label>Violin</label></staffDef></staffGrp>'
        '</scoreDef><section><measure n="1"><staff n="1"><layer n="1">'
        f'<note xml:id="n1" pname="c" oct="4" dur="{duration}"/></layer></staff></measure></section></score>'
        "</mdiv></body></music></mei>"
    )


KERN = """\
!!!COM: Bach, Johann Sebastian
!!!OTL: Menuet f&uuml;r Klavier
!!!SCT: BWV Anh. 114
!!!YEC: Released under CC0 1.0
**kern\t**kern
*Ipiano\t*Ipiano
*clefF4\t*clefG2
*M3/4\t*M3/4
=1\t=1
*\t*^
2C\t4e\t4g
.\t4d\t4f
4D\t4c\t4e
*\t*v\t*v
==\t==
*-\t*-
!!!EED: Somebody
"""

ABC = """\
% Tunes. Public domain.
M:3/4
Z:Someone, public domain

A text about them.

X:7
T:La belle \\'etude % a comment
C:Trad. & others
R:jig
L:1/8
K:G clef=treble
GAB c2d|e6|

Another text.

X:8
T:Second
K:
CDE|
"""


def midi(tracks: list[bytes], kind: int = 1, division: int = 480) -> bytes:
    """A MIDI file of the events of its tracks."""
    head = b"MThd" + (6).to_bytes(4) + kind.to_bytes(2) + len(tracks).to_bytes(2)
    return (
        head
        + division.to_bytes(2)
        + b"".join(b"MTrk" + len(events).to_bytes(4) + events for events in tracks)
    )


def meta(kind: int, text: bytes) -> bytes:
    return b"\x00\xff" + bytes([kind, len(text)]) + text


NOTE = b"\x00\x90\x3c\x40\x83\x60\x80\x3c\x40"
END = b"\x00\xff\x2f\x00"

GOOD = {
    "a.musicxml": musicxml(),
    "a.xml": musicxml(),
    "b.mei": mei(),
    "c.krn": KERN,
    "d.abc": ABC,
}


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path
