#!/bin/sh
# convert-ly rewrites #(ly:make-moment 1/4) as \musicLength 4. As a duration that LilyPond's parser reads, it also
# becomes the length of the following notes that have none of their own: an upgrade that is to change nothing
# doubles the music below. Neither convert-ly nor LilyPond says a word. The source needs no upgrade: the same LilyPond
# reads it as it stands.
#
# Expected: the MIDI files of the source and of the upgraded source have the same length, 6 quarter notes.
# Exits with 1 when that is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip --quiet install lilypond==2.25.12 mido==1.3.3
bin=$(env/bin/python -c 'import lilypond; print(lilypond.executable().parent)')
"$bin/lilypond" --version | head -1
cat > before.ly <<'LY'
\version "2.24.0"
\score {
  \fixed c' {
    \time 2/4 c16 d e f g a b c'
    \set Timing.baseMoment = #(ly:make-moment 1/4)
    c' b a g f e d c
    c2
  }
  \midi { }
}
LY
"$bin/convert-ly" before.ly > after.ly 2> convert.log
diff before.ly after.ly || true
for name in before after; do
  "$bin/lilypond" --loglevel=WARN "$name.ly"
done
env/bin/python - <<'PY'
import sys
from pathlib import Path

import mido

quarters = {}
for name in ("before", "after"):
    (path,) = (p for p in Path(".").iterdir() if p.stem == name and p.suffix in (".mid", ".midi"))
    file = mido.MidiFile(path)
    quarters[name] = max(sum(m.time for m in track) for track in file.tracks) / file.ticks_per_beat
print(f"expected: 6 quarters before and after the upgrade; seen: {quarters}")
sys.exit(0 if quarters["before"] == 6 and quarters["after"] == 12 else 1)
PY
