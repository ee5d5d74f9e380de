#!/usr/bin/env bash
# In LilyPond's MIDI file a grace note takes 9/40 of its written length from the note before it. Where that
# note is shorter, all that follows in this staff is delayed, to the end of the piece; other staves are not.
# The hands come apart, and once more at each such grace note. Print and score time are not concerned.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet lilypond==2.25.12 mido==1.3.3
cat > grace.ly <<'LY'
\version "2.24.0"
upper = \repeat unfold 8 { c''4 d''8 e''16 f''32 g''64 \acciaccatura b'8 a''64 }
lower = \repeat unfold 8 { c'4 d'4 }
\score { << \new Staff { \upper c''1 } \new Staff { \lower c'1 } >> \layout { } \midi { } }
LY
venv/bin/python - <<'PY'
import subprocess

import lilypond
import mido

program = str(lilypond.executable())
print(subprocess.run([program, "--version"], capture_output=True, text=True).stdout.splitlines()[0])
subprocess.run([program, "--loglevel=NONE", "-dno-print-pages", "grace.ly"], check=True)
last = []
for track in mido.MidiFile("grace.midi").tracks:
    now, onset = 0, None
    for message in track:
        now += message.time
        if message.type == "note_on" and message.velocity:
            onset = now
    if onset is not None:
        last.append(onset)
print("The two staves end with a whole note struck together, at tick 6144.")
print("expected onsets: [6144, 6144]")
print("seen in MIDI:   ", last)
raise SystemExit(0 if last[1] == 6144 and last[0] > 6144 + 100 else 1)
PY
