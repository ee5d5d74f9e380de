#!/usr/bin/env bash
# ABC writes the length of a chord inside its brackets, behind them, or both: [C2E2] and [CE]2 are the same chord.
# Verovio reads the length inside and leaves out the one behind, without a message, so that all later notes of the
# voice come too early (or, after [CE]/, too late). Single notes are right.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check verovio==6.4.1 mido==1.3.3
cat > look.py <<'PY'
import base64
import io

import mido
import verovio


def last_onset(music):
    """When the last note of a tune is struck, in quarters."""
    toolkit = verovio.toolkit()
    toolkit.loadData(f"X:1\nT:Chords\nM:4/4\nL:1/4\nK:G\n{music}|]\n")
    file = mido.MidiFile(file=io.BytesIO(base64.b64decode(toolkit.renderToMIDI())))
    now, struck = 0, []
    for message in mido.merge_tracks(file.tracks):
        now += message.time
        if message.type == "note_on" and message.velocity:
            struck.append(now / file.ticks_per_beat)
    return struck[-1]


print("Verovio", verovio.toolkit().getVersion())
tunes = {"C3 D": (3, 3), "[C3E3] D": (3, 3), "[CE]3 D": (3, 1), "[CE]/ D/ E3": (1, 1.5)}
seen = {tune: last_onset(tune) for tune in tunes}
for tune, (expected, _) in tunes.items():
    print(f"{tune:12} last note at quarter: expected {expected}, seen {seen[tune]}")
raise SystemExit(0 if seen == {tune: now for tune, (_, now) in tunes.items()} else 1)
PY
venv/bin/python look.py
