#!/usr/bin/env bash
# A metronome mark in dotted notes is played too slowly by Verovio: 60 dotted quarters a minute are 90 quarters, but
# its MIDI file says 80. It counts a dotted quarter as 4/3 of a quarter, and a dotted half as 8/3. A mark in undotted
# notes is right, and so is one that comes with MusicXML's <sound tempo>.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check verovio==6.4.1 mido==1.3.3
cat > look.py <<'PY'
import base64
import io

import mido
import verovio

SCORE = """<?xml version="1.0" encoding="UTF-8"?>
<score-partwise version="4.0">
  <part-list><score-part id="P1"><part-name>Flute</part-name></score-part></part-list>
  <part id="P1"><measure number="1">
    <attributes><divisions>2</divisions><key><fifths>0</fifths></key>
      <time><beats>6</beats><beat-type>8</beat-type></time><clef><sign>G</sign><line>2</line></clef></attributes>
    <direction placement="above">
      <direction-type><metronome><beat-unit>UNIT</beat-unit>DOT<per-minute>60</per-minute></metronome></direction-type>
    SOUND</direction>
    <note><pitch><step>C</step><octave>5</octave></pitch><duration>6</duration><voice>1</voice><type>half</type><dot/>
    </note>
  </measure></part>
</score-partwise>"""


def quarters(unit, dotted, sound=""):
    dot = "<beat-unit-dot/>" if dotted else ""
    toolkit = verovio.toolkit()
    toolkit.loadData(SCORE.replace("UNIT", unit).replace("DOT", dot).replace("SOUND", sound))
    file = mido.MidiFile(file=io.BytesIO(base64.b64decode(toolkit.renderToMIDI())))
    (tempo,) = (m.tempo for m in mido.merge_tracks(file.tracks) if m.type == "set_tempo")
    return round(mido.tempo2bpm(tempo), 1)


print("Verovio", verovio.toolkit().getVersion())
seen = {
    "quarter = 60": (60, quarters("quarter", False)),
    "dotted quarter = 60": (90, quarters("quarter", True)),
    "dotted half = 60": (180, quarters("half", True)),
    "dotted quarter = 60, and <sound tempo>": (90, quarters("quarter", True, '<sound tempo="90"/>')),
}
for mark, (expected, found) in seen.items():
    print(f"{mark}: expected {expected} quarters a minute, seen {found}")
raise SystemExit(0 if [found for _, found in seen.values()] == [60, 80, 160, 90] else 1)
PY
venv/bin/python look.py
