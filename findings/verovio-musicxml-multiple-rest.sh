#!/usr/bin/env bash
# MusicXML says in each part how its bars are printed: a part that rests for two bars may have one sign for both
# (multiple-rest) while another part plays. Verovio gives the sign to all parts and drops the notes of the others,
# from the picture, from MEI and from MIDI, without a warning.
# Read by: whoever engraves or converts scores whose parts were written as parts.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check verovio==6.4.1
cat > look.py <<'PY'
import re

import verovio

REST = '<note><rest measure="yes"/><duration>4</duration><voice>1</voice></note>'
STYLE = "<measure-style><multiple-rest>2</multiple-rest></measure-style>"


def note(step):
    return (
        f"<note><pitch><step>{step}</step><octave>5</octave></pitch>"
        "<duration>4</duration><voice>1</voice><type>whole</type></note>"
    )


def part(name, style, bars):
    attributes = (
        "<attributes><divisions>1</divisions><key><fifths>0</fifths></key>"
        "<time><beats>4</beats><beat-type>4</beat-type></time>"
        f"<clef><sign>G</sign><line>2</line></clef>{style}</attributes>"
    )
    measures = "".join(
        f'<measure number="{number}">{attributes if number == 1 else ""}{bar}</measure>'
        for number, bar in enumerate(bars, 1)
    )
    return f'<part id="{name}">{measures}</part>'


def written(style):
    score = (
        '<?xml version="1.0" encoding="UTF-8"?><score-partwise version="4.0"><part-list>'
        '<score-part id="P1"><part-name>Flute</part-name></score-part>'
        '<score-part id="P2"><part-name>Oboe</part-name></score-part></part-list>'
        + part("P1", style, [REST, REST, note("C")])
        + part("P2", "", [note("D"), note("E"), note("F")])
        + "</score-partwise>"
    )
    toolkit = verovio.toolkit()
    loaded = toolkit.loadData(score)
    return loaded, "".join(sorted(re.findall(r'pname="(.)"', toolkit.getMEI())))


print("Verovio", verovio.toolkit().getVersion())
plain, styled = written(""), written(STYLE)
print("loaded, and notes, if the flute's two bars have a rest each:", plain)
print("the same, printed as one rest: expected", plain, "seen", styled)
raise SystemExit(0 if plain == (True, "cdef") and styled == (True, "cf") else 1)
PY
venv/bin/python look.py
