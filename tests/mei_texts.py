"""Small encodings for tests of the written music, and how it is read from them."""

from fractions import Fraction

import verovio

from msmdtools.mei.reading import read
from msmdtools.mei.written import Written, WrittenNote

NAMESPACE = "http://www.music-encoding.org/ns/mei"


def mei(*bars: str, staves: str = "", score: str = "", origin: str = "MusicXML") -> str:
    """An MEI document of bars (elements), with one staff in 4/4 unless `staves` says otherwise."""
    staves = staves or '<staffDef n="1" lines="5"/>'
    said = f"<p>Transcoded from {origin}</p>" if origin else ""
    return f"""<mei xmlns="{NAMESPACE}"><meiHead><encodingDesc><appInfo><application>{said}</application>
    </appInfo></encodingDesc></meiHead><music><body><mdiv><score>
    <scoreDef meter.count="4" meter.unit="4" {score}><staffGrp>{staves}</staffGrp></scoreDef>
    <section>{"".join(bars)}</section></score></mdiv></body></music></mei>"""


def bar(*layers: str, controls: str = "", attributes: str = "", number: int = 1) -> str:
    """A bar with one staff, and the layers given."""
    inside = "".join(f'<layer n="{n}">{layer}</layer>' for n, layer in enumerate(layers, 1))
    return (
        f'<measure xml:id="bar{number}" n="{number}" {attributes}><staff n="1">{inside}</staff>'
        f"{controls}</measure>"
    )


def staves(*layers: str, controls: str = "", attributes: str = "", number: int = 1) -> str:
    """A bar with a layer in each staff."""
    inside = "".join(
        f'<staff n="{n}"><layer n="1">{layer}</layer></staff>' for n, layer in enumerate(layers, 1)
    )
    return f'<measure xml:id="bar{number}" n="{number}" {attributes}>{inside}{controls}</measure>'


def note(name: str, pitch: str = "c4", dur: str = "4", more: str = "", inside: str = "") -> str:
    """A note such as note("a", "c4", "4"), with further attributes and children."""
    value = f'dur="{dur}"' if dur else ""
    step, octave = pitch[0], pitch[1:]
    return f'<note xml:id="{name}" pname="{step}" oct="{octave}" {value} {more}>{inside}</note>'


def from_verovio(text: str, repeats: str = "written") -> Written:
    """The written music of any encoding that Verovio reads."""
    verovio.enableLog(verovio.LOG_OFF)
    toolkit = verovio.toolkit()
    assert toolkit.loadData(text)
    return read(toolkit.getMEI({"scoreBased": True}), repeats=repeats)  # type: ignore[arg-type]


def by_id(written: Written) -> dict[str, WrittenNote]:
    return {n.id: n for n in written.notes}


def sounds(written: Written) -> list[tuple[Fraction, Fraction, int]]:
    """(onset, offset, pitch) of all strikes."""
    return [(s.onset, s.offset, s.pitch) for s in written.strikes]


def heard(written: Written) -> list[tuple[float, float, int]]:
    """The same with floats, for values that floats have exactly."""
    return [(float(a), float(b), p) for a, b, p in sounds(written)]


TWO = '<staffDef n="1" lines="5"/><staffDef n="2" lines="5"/>'


def accounted(written: Written) -> None:
    """Every note starts a strike, continues one, or has a reason; every strike has a note or a reason."""
    for n in written.notes:
        assert bool(n.strikes or n.continues) != bool(n.reason), n
        assert all(n.id in written.strikes[s].ids for s in n.strikes)
        assert bool(n.tied_to) == bool(n.continues)
    for i, strike in enumerate(written.strikes):
        assert strike.ids or strike.reason
        assert 0 <= strike.onset < strike.offset
        for name in strike.ids:
            assert any(i in n.strikes for n in written.notes if n.id == name)
    end = Fraction(0)
    for measure in written.measures:
        assert measure.onset == end
        end += measure.duration
    places = [(s.onset, s.part, s.pitch, s.cents) for s in written.strikes]
    assert places == sorted(places)


def music(*bars: str, **more: str) -> Written:
    written = read(mei(*bars, **more))
    accounted(written)
    return written


TIE = '<tie startid="#{}" endid="#{}"/>'
