#!/usr/bin/env bash
# In MEI made by Verovio from MusicXML, a quarter sharp is said to sound three quarter tones higher (accid.ges="su",
# a sharp raised) and three quarters sharp to sound one (accid.ges="sd", a sharp lowered): the written sign is right,
# the sounding one is the other's. Flats are right. A reader that trusts the gestural accidental, as MEI asks for
# sounding pitch, is half a tone off.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check verovio==6.4.1
cat > look.py <<'PY'
import re

import verovio

# What a gestural accidental of MEI sounds, in semitones: sharp or flat, a quarter tone up or down.
SOUNDS = {"su": 1.5, "sd": 0.5, "fu": -0.5, "fd": -1.5}
SIGNS = [
    ("0.5", "quarter-sharp"),
    ("1.5", "three-quarters-sharp"),
    ("-0.5", "quarter-flat"),
    ("-1.5", "three-quarters-flat"),
]
notes = "".join(
    f"<note><pitch><step>{step}</step><alter>{alter}</alter><octave>4</octave></pitch><duration>1</duration>"
    f"<voice>1</voice><type>quarter</type><accidental>{sign}</accidental></note>"
    for step, (alter, sign) in zip("CDEF", SIGNS)
)
score = (
    '<?xml version="1.0" encoding="UTF-8"?><score-partwise version="4.0"><part-list>'
    '<score-part id="P1"><part-name>Flute</part-name></score-part></part-list><part id="P1"><measure number="1">'
    "<attributes><divisions>1</divisions><key><fifths>0</fifths></key>"
    "<time><beats>4</beats><beat-type>4</beat-type></time><clef><sign>G</sign><line>2</line></clef></attributes>"
    f"{notes}</measure></part></score-partwise>"
)
toolkit = verovio.toolkit()
toolkit.loadData(score)
print("Verovio", toolkit.getVersion())
seen = []
for (alter, sign), element in zip(SIGNS, re.findall(r"<accid [^>]*>", toolkit.getMEI())):
    written, sounding = (re.search(rf' {name}="(\w+)"', element).group(1) for name in ("accid", r"accid\.ges"))
    seen.append((written, SOUNDS[sounding]))
    print(f'{sign} (accid="{written}"): expected {alter} semitones, seen {SOUNDS[sounding]} (accid.ges="{sounding}")')
raise SystemExit(0 if seen == [("1qs", 1.5), ("3qs", 0.5), ("1qf", -0.5), ("3qf", -1.5)] else 1)
PY
venv/bin/python look.py
