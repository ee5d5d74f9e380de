#!/usr/bin/env bash
# A drum staff of MusicXML names the instrument of each note, and for each instrument its General MIDI sound. music21
# plays all notes of the staff with the first one: a bass drum and a snare drum become two bass drums in MIDI, and in
# the MusicXML that it writes the second instrument is gone.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check music21==10.5.1 mido==1.3.3
cat > look.py <<'PY'
import re
from importlib.metadata import version
from pathlib import Path

import mido
from music21 import converter

# midi-unpitched counts from 1: 37 and 39 are the keys 36 (Bass Drum 1) and 38 (Acoustic Snare).
DRUMS = [("P1-I37", "Bass Drum 1", 37, "F", 4), ("P1-I39", "Acoustic Snare", 39, "C", 5)]
names = "".join(
    f'<score-instrument id="{i}"><instrument-name>{name}</instrument-name></score-instrument>'
    for i, name, *_ in DRUMS
)
sounds = "".join(
    f'<midi-instrument id="{i}"><midi-channel>10</midi-channel><midi-program>1</midi-program>'
    f"<midi-unpitched>{sound}</midi-unpitched></midi-instrument>"
    for i, _, sound, *_ in DRUMS
)
notes = "".join(
    f"<note><unpitched><display-step>{step}</display-step><display-octave>{octave}</display-octave></unpitched>"
    f'<duration>1</duration><instrument id="{i}"/><voice>1</voice><type>quarter</type></note>'
    for i, _, _, step, octave in DRUMS
)
Path("drums.musicxml").write_text(
    '<?xml version="1.0" encoding="UTF-8"?><score-partwise version="4.0"><part-list><score-part id="P1">'
    f"<part-name>Drums</part-name>{names}{sounds}</score-part></part-list>"
    '<part id="P1"><measure number="1"><attributes><divisions>1</divisions>'
    "<time><beats>2</beats><beat-type>4</beat-type></time><clef><sign>percussion</sign></clef></attributes>"
    f"{notes}</measure></part></score-partwise>"
)
score = converter.parse("drums.musicxml", forceSource=True)
score.write("midi", "drums.mid")
score.write("musicxml", "again.musicxml")
struck = [
    (m.channel + 1, m.note)
    for m in mido.merge_tracks(mido.MidiFile("drums.mid").tracks)
    if m.type == "note_on" and m.velocity
]
again = re.findall(r"<midi-unpitched>(\d+)<", Path("again.musicxml").read_text())
print("music21", version("music21"))
print("channel and key in MIDI: expected [(10, 36), (10, 38)], seen", struck)
print("midi-unpitched in MusicXML: expected ['37', '39'], seen", again)
raise SystemExit(0 if struck == [(10, 36), (10, 36)] and again == ["37"] else 1)
PY
venv/bin/python look.py
