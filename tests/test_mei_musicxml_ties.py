"""Ties that Verovio loses or crosses lead where MusicXML says: those of percussion, alone and in chords."""

from pathlib import Path

import pytest
import verovio
from lxml import etree
from mei_texts import accounted

from msmdtools.engrave.verovio import engrave
from msmdtools.match import match_encoding
from msmdtools.mei.musicxml import mend
from msmdtools.mei.reading import read

DRUMS = {"bass": ("F", 4, 36), "snare": ("C", 5, 39), "hat": ("G", 5, 43)}
TYPES = {1: "quarter", 2: "half", 4: "whole"}


def drum(name: str, bar: str, duration: int, ties: str = "", *, chord: bool = False) -> str:
    """A note such as drum("bass", "1", 4, "start stop"); its id is "bass1"."""
    step, octave, _ = DRUMS[name]
    tied = "".join(f'<tied type="{tie}"/>' for tie in ties.split())
    return (
        f'<note id="{name}{bar}">{"<chord/>" * chord}<unpitched><display-step>{step}</display-step>'
        f"<display-octave>{octave}</display-octave></unpitched><duration>{duration}</duration>"
        f'<instrument id="{name}"/><voice>1</voice><type>{TYPES[duration]}</type>'
        f"<notations>{tied}</notations></note>"
    )


def chord(bar: str, duration: int, **ties: str) -> str:
    """A chord of drums with the ties of each, such as chord("1", 4, bass="start", snare="")."""
    return "".join(
        drum(name, bar, duration, ends, chord=k > 0) for k, (name, ends) in enumerate(ties.items())
    )


def document(*bars: str) -> str:
    names = "".join(
        f'<score-instrument id="{name}"><instrument-name>{name}</instrument-name></score-instrument>'
        for name in DRUMS
    )
    sounds = "".join(
        f'<midi-instrument id="{name}"><midi-channel>10</midi-channel>'
        f"<midi-unpitched>{number}</midi-unpitched></midi-instrument>"
        for name, (_, _, number) in DRUMS.items()
    )
    head = (
        "<attributes><divisions>1</divisions><time><beats>4</beats><beat-type>4</beat-type></time>"
        "<clef><sign>percussion</sign></clef></attributes>"
    )
    inside = "".join(
        f'<measure number="{i}">{head * (i == 1)}{bar}</measure>' for i, bar in enumerate(bars, 1)
    )
    return (
        '<score-partwise version="4.0"><part-list><score-part id="P1"><part-name>Drums</part-name>'
        f'{names}{sounds}</score-part></part-list><part id="P1">{inside}</part></score-partwise>'
    )


ALONE = drum("snare", "1", 4, "start"), drum("snare", "2", 4, "stop")
ALL = chord("1", 4, bass="start", snare="start"), chord("2", 4, bass="stop", snare="stop")
LOWER = chord("1", 4, bass="start", snare=""), chord("2", 4, bass="stop", snare="")
UPPER = chord("1", 4, bass="", snare="start"), chord("2", 4, bass="", snare="stop")
CHAIN = (
    chord("1", 4, bass="start", snare="start", hat="start"),
    chord("2", 4, bass="stop start", snare="stop start", hat="stop start"),
    chord("3", 4, bass="stop", snare="stop", hat="stop"),
)
TURNS = (
    chord("1", 4, bass="", snare="start", hat="start"),
    chord("2", 4, bass="start", snare="stop", hat="stop"),
    chord("3", 4, bass="stop", snare="", hat=""),
)
NOWHERE = chord("1", 4, bass="start", snare="start"), chord("2", 4, bass="", snare="stop")
LATER = chord("1", 2, bass="start", snare="") + drum("hat", "2", 2), drum("bass", "3", 4, "stop")


@pytest.mark.parametrize(
    ("bars", "tied"),
    [
        (ALONE, {"snare2": "snare1"}),
        (ALL, {"bass2": "bass1", "snare2": "snare1"}),
        (LOWER, {"bass2": "bass1"}),
        (UPPER, {"snare2": "snare1"}),
        (CHAIN, {f"{name}{bar}": f"{name}{bar - 1}" for bar in (2, 3) for name in DRUMS}),
        (TURNS, {"snare2": "snare1", "hat2": "hat1", "bass3": "bass2"}),
        (NOWHERE, {"snare2": "snare1"}),
        (LATER, {}),  # it begins after the first one has ended
    ],
    ids=["alone", "all", "lower", "upper", "chain", "turns", "nowhere", "later"],
)
def test_ties_of_percussion_join_the_same_drum(bars: tuple[str, ...], tied: dict[str, str]) -> None:
    root = etree.fromstring(document(*bars))
    mended = mend(root)
    verovio.enableLog(verovio.LOG_OFF)
    toolkit = verovio.toolkit()
    assert toolkit.loadData(etree.tostring(root, encoding="unicode"))
    written = read(toolkit.getMEI({"scoreBased": True}), ties=mended.ties)  # type: ignore[arg-type]
    accounted(written)
    assert {n.id: n.tied_to for n in written.notes if n.tied_to} == tied
    assert len(written.strikes) == len(written.notes) - len(tied)


def test_heads_of_a_tied_drum_chord_are_tied(tmp_path: Path) -> None:
    score = match_encoding(engrave(document(*ALL), "musicxml", tmp_path))
    assert [(h.source, h.pitch, h.role, h.events, h.tied_to) for h in score.noteheads] == [
        ("#bass1", 35, "played", (0,), -1),
        ("#snare1", 38, "played", (1,), -1),
        ("#bass2", 35, "tied", (0,), 0),
        ("#snare2", 38, "tied", (1,), 1),
    ]
