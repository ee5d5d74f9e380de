#!/usr/bin/env bash
# With showFirstLength LilyPond prints the beginning of a piece; its MIDI file has one more note, the first
# one that is not printed, and in front of it a key that is held for minutes: the file of a four-second excerpt
# lasts a quarter of an hour.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet lilypond==2.25.12 mido==1.3.3
cat > first.ly <<'LY'
\version "2.24.0"
showFirstLength = R1
\score { { \tempo 4 = 60 c'4 d' e' f' g'1 a' b' } \layout { } \midi { } }
LY
venv/bin/python - <<'PY'
import subprocess

import lilypond
import mido

program = str(lilypond.executable())
print(subprocess.run([program, "--version"], capture_output=True, text=True).stdout.splitlines()[0])
subprocess.run([program, "--loglevel=NONE", "-dno-print-pages", "first.ly"], check=True)
midi = mido.MidiFile("first.midi")
struck = [m.note for m in mido.merge_tracks(midi.tracks) if m.type == "note_on" and m.velocity]
print("The first bar, c' d' e' f' at 60 quarters a minute, is printed.")
print("expected keys and seconds: [60, 62, 64, 65] 4.0")
print("in the MIDI file:         ", struck, round(midi.length, 1))
raise SystemExit(0 if struck == [60, 62, 64, 65, 67] and midi.length > 600 else 1)
PY
