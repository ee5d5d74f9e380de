#!/usr/bin/env bash
# In MIDI files that music21 writes, a quarter tone is a pitch bend before its note. Before the first note of a part it
# is followed at once by the bend of 0 with which the part's setting begins, so that this one note sounds a quarter
# tone off. The same pitch later in the part is right.
# Read by: whoever takes sound or pitches of microtonal MusicXML from music21's MIDI files.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check music21==10.5.1 mido==1.3.3
cat > look.py <<'PY'
from importlib.metadata import version
from pathlib import Path

import mido
from music21 import converter

notes = "".join(
    f"<note><pitch><step>{step}</step><alter>{alter}</alter><octave>4</octave></pitch><duration>1</duration>"
    f"<voice>1</voice><type>quarter</type><accidental>{sign}</accidental></note>"
    for step, alter, sign in [
        ("C", "0.5", "quarter-sharp"),
        ("E", "0", "natural"),
        ("C", "0.5", "quarter-sharp"),
        ("E", "-0.5", "quarter-flat"),
    ]
)
Path("tones.musicxml").write_text(
    '<?xml version="1.0" encoding="UTF-8"?><score-partwise version="4.0"><part-list>'
    '<score-part id="P1"><part-name>Flute</part-name></score-part></part-list><part id="P1"><measure number="1">'
    "<attributes><divisions>1</divisions><key><fifths>0</fifths></key>"
    "<time><beats>4</beats><beat-type>4</beat-type></time><clef><sign>G</sign><line>2</line></clef></attributes>"
    f"{notes}</measure></part></score-partwise>"
)
converter.parse("tones.musicxml", forceSource=True).write("midi", "tones.mid")
bend, sounding = {}, []
for message in mido.merge_tracks(mido.MidiFile("tones.mid").tracks):
    if message.type == "pitchwheel":
        bend[message.channel] = message.pitch
    elif message.type == "note_on" and message.velocity:
        sounding.append(message.note + round(bend.get(message.channel, 0) * 2 / 8192, 2))
print("music21", version("music21"))
print("C quarter sharp, E, C quarter sharp, E quarter flat")
print("expected pitches: [60.5, 64.0, 60.5, 63.5]")
print("in the MIDI file:", sounding)
raise SystemExit(0 if sounding == [61, 64, 60.5, 63.5] else 1)
PY
venv/bin/python look.py
