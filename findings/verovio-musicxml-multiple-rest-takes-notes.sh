#!/usr/bin/env bash
# A multi-bar rest in one part of a MusicXML score makes Verovio leave out what the other parts play in its bars: they
# are replaced by multi-bar rests, too, in the picture and in the MIDI file, without a warning.
# And a tie that leads from one voice into another one of its bar that is written down earlier (which MusicXML allows:
# its ends are found by pitch and time) loses its end: both notes are struck.
# Read by: whoever engraves or plays MusicXML (scores of several instruments; piano music in voices) with Verovio.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet verovio==6.4.1
venv/bin/python - <<'PY'
import re
import sys

import verovio

verovio.enableLog(verovio.LOG_WARNING)
TIME = "<attributes><divisions>2</divisions><time><beats>4</beats><beat-type>4</beat-type></time></attributes>"
MANY = "<attributes><measure-style><multiple-rest>2</multiple-rest></measure-style></attributes>"
REST = '<note><rest measure="yes"/><duration>8</duration></note>'


def note(name, duration=8, voice=1, tie=""):
    kind = {4: "half", 8: "whole"}[duration]
    ties = "".join(f'<tie type="{t}"/>' for t in tie.split())
    tied = "".join(f'<tied type="{t}"/>' for t in tie.split())
    return (
        f'<note id="{name}"><pitch><step>C</step><octave>5</octave></pitch><duration>{duration}</duration>{ties}'
        f"<voice>{voice}</voice><type>{kind}</type><notations>{tied}</notations></note>"
    )


def mei(*parts):
    names = "".join(f'<score-part id="P{i}"><part-name/></score-part>' for i in range(len(parts)))
    music = ""
    for i, bars in enumerate(parts):
        inside = "".join(f'<measure number="{k}">{TIME * (k == 1)}{b}</measure>' for k, b in enumerate(bars, 1))
        music += f'<part id="P{i}">{inside}</part>'
    toolkit = verovio.toolkit()
    toolkit.loadData(f'<score-partwise version="4.0"><part-list>{names}</part-list>{music}</score-partwise>')
    return toolkit.getMEI({"scoreBased": True})


print("Verovio", verovio.toolkit().getVersion())
text = mei([note("a"), MANY + REST, REST, note("b")], [note(f"p{k}") for k in range(4)])
seen = re.findall(r'<note xml:id="(\w+)"', text)
print("Expected: six notes, a p0 p1 p2 p3 b in some order.")
print("Seen:", *seen)
lost = {"p1", "p2"} & set(seen) == set()

rest = "<note><rest/><duration>4</duration><voice>{}</voice><type>half</type></note>"
back = "<backup><duration>8</duration></backup>"
crossing = rest.format(1) + note("second", 4, 1, "stop") + back + note("first", 4, 2, "start") + rest.format(2)
text = mei([crossing, note("x"), note("third", 8, 1, "start"), note("fourth", 8, 1, "stop")])
ties = re.findall(r'<tie [^>]*startid="#(\w+)"(?: endid="#(\w+)")?', text)
print("Expected: ties from first to second, and from third to fourth.")
print("Seen:", ties)
sys.exit(0 if lost and ("first", "second") not in ties else 1)
PY
