#!/usr/bin/env bash
# A tune in C that Verovio reads from ABC sounds in the key of the tune that was read before it in the same process,
# although each has a toolkit of its own: ABC's K:C has no accidentals, and what the last key left behind still holds.
# The MEI of the tune has the right letters and signature, and the accidentals of that other key (accid.ges), as
# MIDI file and timemap have.
# Read by: whoever converts a folder of ABC files in one process.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check verovio==6.4.1 mido==1.3.3
cat > look.py <<'PY'
import base64
import io
import re

import mido
import verovio


def keys(tonic):
    toolkit = verovio.toolkit()
    toolkit.loadData(f"X:1\nT:Scale\nM:4/4\nL:1/4\nK:{tonic}\nCDEF|]\n")
    file = mido.MidiFile(file=io.BytesIO(base64.b64decode(toolkit.renderToMIDI())))
    written = "".join(re.findall(r'<note [^>]*pname="(.)"', toolkit.getMEI()))
    return written, [m.note for m in mido.merge_tracks(file.tracks) if m.type == "note_on" and m.velocity]


print("Verovio", verovio.toolkit().getVersion())
first, other, again = keys("C"), keys("D"), keys("C")
print("CDEF in C, read first:    expected [60, 62, 64, 65], seen", first)
print("CDEF in D:                expected [61, 62, 64, 66], seen", other)
print("CDEF in C, read after it: expected [60, 62, 64, 65], seen", again)
right = first == ("cdef", [60, 62, 64, 65]) and other == ("cdef", [61, 62, 64, 66])
raise SystemExit(0 if right and again == ("cdef", [61, 62, 64, 66]) else 1)
PY
venv/bin/python look.py
