"""What Verovio keeps of the repeats and jumps of MusicXML, and in which order its bars are played."""

import re

from mei_texts import by_id, from_verovio, heard

from msmdtools.mei.written import Written


def xml_bar(number: int, inside: str) -> str:
    return f'<measure number="{number}">{inside}</measure>'


def xml_note(step: str, duration: int = 4, more: str = "") -> str:
    kind = {4: "whole", 2: "half", 1: "quarter"}[duration]
    return (
        f'<note id="{step}{duration}"><pitch><step>{step}</step><octave>4</octave></pitch>'
        f"<duration>{duration}</duration><type>{kind}</type>{more}</note>"
    )


def musicxml(*bars: str) -> Written:
    head = (
        "<attributes><divisions>1</divisions><time><beats>4</beats><beat-type>4</beat-type></time>"
        "<clef><sign>G</sign><line>2</line></clef></attributes>"
    )
    inside = "".join(xml_bar(k, head * (k == 1) + b) for k, b in enumerate(bars, 1))
    return from_verovio(
        '<score-partwise version="4.0"><part-list><score-part id="P1"><part-name/></score-part>'
        f'</part-list><part id="P1">{inside}</part></score-partwise>',
        "unfolded",
    )


def xml_repeat(direction: str, more: str = "", location: str = "right") -> str:
    style = "heavy-light" if direction == "forward" else "light-heavy"
    return (
        f'<barline location="{location}"><bar-style>{style}</bar-style>'
        f'<repeat direction="{direction}"{more}/></barline>'
    )


def letters(written: Written) -> str:
    return "".join(re.sub(r"\d", "", s.ids[0]) for s in written.strikes)


def test_musicxml_says_how_often() -> None:
    written = musicxml(
        xml_note("A"),
        xml_repeat("forward", location="left")
        + xml_note("B")
        + xml_repeat("backward", ' times="4"'),
        xml_note("C"),
    )
    assert letters(written) == "ABBBBC"


def test_musicxml_repeats_inside_a_bar_and_two_in_a_row() -> None:
    divided = xml_note("A", 2) + xml_repeat("backward", location="middle") + xml_note("B", 2)
    assert (
        letters(musicxml(divided, xml_note("C") + xml_repeat("backward"), xml_note("D")))
        == "AABCBCD"
    )
    both = [xml_note(s) + xml_repeat("backward") for s in "AB"]
    assert letters(musicxml(*both, xml_note("C"))) == "AABBC"


def test_musicxml_jumps() -> None:
    def sound(attributes: str, text: str) -> str:
        return (
            f"<direction><direction-type><words>{text}</words></direction-type>"
            f"<sound {attributes}/></direction>"
        )

    segno = '<direction><direction-type><segno/></direction-type><sound segno="s"/></direction>'
    coda = '<direction><direction-type><coda/></direction-type><sound coda="c"/></direction>'
    written = musicxml(
        xml_note("A"),
        segno + xml_note("B"),
        xml_note("C") + sound('tocoda="c"', "To Coda"),
        xml_note("D") + sound('dalsegno="s"', "D.S. al Coda"),
        coda + xml_note("E"),
    )
    assert letters(written) == "ABCDBCE"
    fine = musicxml(
        xml_note("A"),
        xml_note("B") + sound('fine="yes"', "Fine"),
        xml_note("C") + sound('dacapo="yes"', "D.C. al Fine"),
    )
    assert letters(fine) == "ABCAB"


def test_musicxml_ties_into_endings() -> None:
    def ending(number: int, kind: str, repeat: str = "") -> str:
        location = "left" if kind == "start" else "right"
        return f'<barline location="{location}"><ending number="{number}" type="{kind}"/>{repeat}</barline>'

    def tie(kind: str) -> str:
        return f'<notations><tied type="{kind}"/></notations>'

    written = musicxml(
        xml_note("A", 4, tie("start")),
        ending(1, "start")
        + xml_note("A", 4, tie("stop")).replace('"A4"', '"first"')
        + ending(1, "stop", '<repeat direction="backward"/>'),
        ending(2, "start")
        + xml_note("A", 4, tie("stop")).replace('"A4"', '"second"')
        + ending(2, "stop"),
    )
    assert heard(written) == [(0, 8, 69), (8, 16, 69)]
    assert by_id(written)["second"].tied_to == "A4"


def test_kern_repeats_and_endings() -> None:
    kern = "**kern\n*clefG2\n*M4/4\n=1\n1c\n=2:|!\n1d\n=3\n1e\n=4:|!\n1f\n==\n*-\n"
    written = from_verovio(kern, "unfolded")
    assert [s.pitch for s in written.strikes] == [60, 60, 62, 64, 62, 64, 65]
