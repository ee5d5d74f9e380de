#!/usr/bin/env bash
# MusicXML gives notes under an octave sign (8va) the octave that sounds. MEI gives them the octave that is written
# (oct) and, where both differ, the one that sounds (oct.ges); Verovio converts one to the other correctly. partitura
# reads the sounding octave of MusicXML and the written one of MEI, so that the same passage is an octave lower.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check verovio==6.4.1 partitura==1.9.0
cat > look.py <<'PY'
import re
import warnings
from importlib.metadata import version
from pathlib import Path

import partitura
import verovio

note = (
    "<note><pitch><step>{}</step><octave>{}</octave></pitch>"
    "<duration>2</duration><voice>1</voice><type>half</type></note>"
)
sign = '<direction><direction-type><octave-shift type="{}" size="8"/></direction-type></direction>'
Path("sign.musicxml").write_text(
    '<?xml version="1.0" encoding="UTF-8"?><score-partwise version="4.0"><part-list>'
    '<score-part id="P1"><part-name>Flute</part-name></score-part></part-list><part id="P1"><measure number="1">'
    "<attributes><divisions>1</divisions><key><fifths>0</fifths></key>"
    "<time><beats>4</beats><beat-type>4</beat-type></time><clef><sign>G</sign><line>2</line></clef></attributes>"
    + sign.format("down") + note.format("C", 6) + note.format("D", 6) + sign.format("stop")
    + '</measure><measure number="2">' + note.format("C", 5) + note.format("D", 5)
    + "</measure></part></score-partwise>"
)
warnings.simplefilter("ignore")
toolkit = verovio.toolkit()
toolkit.loadFile("sign.musicxml")
mei = toolkit.getMEI()
Path("sign.mei").write_text(mei)
octaves = re.findall(r'oct="(\d)" pname="."(?: oct\.ges="(\d)")?', mei)
xml = [int(pitch) for pitch in partitura.load_musicxml("sign.musicxml").note_array()["pitch"]]
via = [int(pitch) for pitch in partitura.load_mei("sign.mei").note_array()["pitch"]]
print("partitura", version("partitura"), "and Verovio", toolkit.getVersion())
print("oct and oct.ges in MEI:", octaves)
print("pitches in MusicXML: expected [84, 86, 72, 74], seen", xml)
print("pitches in MEI:      expected [84, 86, 72, 74], seen", via)
right = octaves == [("5", "6"), ("5", "6"), ("5", ""), ("5", "")] and xml == [84, 86, 72, 74]
raise SystemExit(0 if right and via == [72, 74, 72, 74] else 1)
PY
venv/bin/python look.py
