#!/usr/bin/env bash
# A key of more than seven accidentals (G sharp major, eight sharps, is printed correctly) goes into LilyPond's MIDI
# file as a key signature of 8, for which MIDI files have no number (they go from -7 to 7). No warning is given,
# and mido reads nothing of the file: its notes are lost with the key.
# Read by: whoever takes notes from LilyPond's MIDI files in Python.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet lilypond==2.25.12 mido==1.3.3
cat > key.ly <<'LY'
\version "2.24.0"
\score { \new Staff { \key gis \major gis'4 bis' dis'' gis'' } \layout { } \midi { } }
LY
venv/bin/python - <<'PY'
import subprocess
import sys
from pathlib import Path

import lilypond
import mido

program = str(lilypond.executable())
print(subprocess.run([program, "--version"], capture_output=True, text=True).stdout.splitlines()[0])
done = subprocess.run([program, "--loglevel=WARN", "-dno-print-pages", "key.ly"], capture_output=True, text=True)
content = Path("key.midi").read_bytes()
at = content.index(b"\xff\x59\x02")
number = int.from_bytes(content[at + 3 : at + 4], "big", signed=True)
print("Expected: a key signature from -7 to 7 in the file, or a warning.")
print(f"Seen: {number}; LilyPond said {done.stderr!r}.")
try:
    mido.MidiFile("key.midi")
    said = ""
except Exception as error:
    said = f"{type(error).__name__}: {error}"
print(f"mido: {said or 'reads it'}")
sys.exit(0 if number == 8 and not done.stderr and said else 1)
PY
