#!/usr/bin/env bash
# Two rests of ABC take no time in music21: Z, which lasts one bar or as many as the number behind it says, and x, an
# invisible rest. Both are left out without a word, and all that follows comes too early: a voice that begins with Z4
# is four bars ahead of the others. The ordinary rest z is right.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check music21==10.5.1
cat > look.py <<'PY'
from importlib.metadata import version

from music21 import converter


def onsets(music):
    score = converter.parse(f"X:1\nT:Rests\nM:4/4\nL:1/4\nK:C\n{music}\n", format="abc")
    return [float(note.offset) for note in score.flatten().notes]


print("music21", version("music21"))
expected = {
    "C4 | z4 | z4 | D4 |]": [0, 12],
    "C4 | Z2 | D4 |]": [0, 12],
    "C4 | Z | D4 |]": [0, 8],
    "C x2 D |]": [0, 3],
}
seen = {tune: onsets(tune) for tune in expected}
for tune, onset in expected.items():
    print(f"{tune:20} onsets in quarters: expected {onset}, seen {seen[tune]}")
raise SystemExit(0 if list(seen.values()) == [[0, 12], [0, 4], [0, 4], [0, 1]] else 1)
PY
venv/bin/python look.py
