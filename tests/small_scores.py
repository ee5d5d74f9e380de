"""Small scores in MusicXML for tests, written from short texts."""

from collections.abc import Sequence

TYPES = {16: "whole", 8: "half", 4: "quarter", 2: "eighth", 1: "16th"}


def note(pitch: str, sixteenths: int, *, more: str = "", chord: bool = False, id: str = "") -> str:
    """One note, such as note("F#4", 4), or a rest ("r"), with further elements in `more`."""
    if pitch == "r":
        what = "<rest/>"
    else:
        alter = {"#": "<alter>1</alter>", "b": "<alter>-1</alter>"}.get(pitch[1], "")
        what = f"<pitch><step>{pitch[0]}</step>{alter}<octave>{pitch[-1]}</octave></pitch>"
    identity = f' id="{id}"' if id else ""
    beside = "<chord/>" if chord else ""
    dots = {12: (8, 1), 6: (4, 1), 3: (2, 1)}.get(sixteenths, (sixteenths, 0))
    kind = f"<type>{TYPES[dots[0]]}</type>" + "<dot/>" * dots[1]
    return f"<note{identity}>{beside}{what}<duration>{sixteenths}</duration>{kind}{more}</note>"


def musicxml(
    bars: Sequence[str], *, time: str = "4/4", fifths: int = 0, name: str = "Piano", more: str = ""
) -> str:
    """A score of one part with one staff; each bar is a text of notes and other elements."""
    beats, _, beat = time.partition("/")
    attributes = (
        f"<attributes><divisions>4</divisions><key><fifths>{fifths}</fifths></key><time><beats>{beats}</beats>"
        f"<beat-type>{beat}</beat-type></time>{more}<clef><sign>G</sign><line>2</line></clef></attributes>"
    )
    measures = "".join(
        f'<measure number="{i}">{attributes if i == 1 else ""}{bar}</measure>'
        for i, bar in enumerate(bars, 1)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?><score-partwise version="4.0"><part-list>'
        f'<score-part id="P1"><part-name>{name}</part-name></score-part></part-list>'
        f'<part id="P1">{measures}</part></score-partwise>'
    )
