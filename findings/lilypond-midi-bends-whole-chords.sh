#!/usr/bin/env bash
# LilyPond's MIDI file detunes every note of a chord that contains one quarter tone: the bend is sent to the
# whole channel. The print shows one altered note.
# Read by: whoever takes pitches of microtonal music, or its sound, from LilyPond's MIDI output.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet lilypond==2.25.12 mido==1.3.3
cat > chord.ly <<'LY'
\version "2.24.0"
\score { \new Staff { <cih' e' g'>1 } \layout { } \midi { } }
LY
venv/bin/python - <<'PY'
import subprocess

import lilypond
import mido

program = str(lilypond.executable())
print(subprocess.run([program, "--version"], capture_output=True, text=True).stdout.splitlines()[0])
subprocess.run([program, "--loglevel=ERROR", "-dno-print-pages", "chord.ly"], check=True)
bend, sounding = {}, []
for message in mido.merge_tracks(mido.MidiFile("chord.midi").tracks):
    if message.type == "pitchwheel":
        bend[message.channel] = message.pitch
    elif message.type == "note_on" and message.velocity:
        sounding.append(message.note + bend.get(message.channel, 0) * 2 / 8192)
print("<cih' e' g'> is printed with one quarter tone.")
print("expected pitches: [60.5, 64.0, 67.0]")
print("heard in MIDI:   ", sorted(sounding))
raise SystemExit(0 if sorted(sounding) == [60.5, 64.5, 67.5] else 1)
PY
