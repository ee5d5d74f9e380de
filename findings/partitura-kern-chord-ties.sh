#!/usr/bin/env bash
# In **kern each note of a chord has its own ties. partitura joins tied single notes, but strikes the notes of a tied
# chord again, without a warning: two onsets that are in no performance.
# Read by: whoever compares partitura's notes with a performance, or with notes of another reader.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check partitura==1.9.0
cat > look.py <<'PY'
import warnings
from importlib.metadata import version
from pathlib import Path

import partitura


def read(name, first, second):
    Path(name).write_text("\n".join(["**kern", "*clefG2", "*M4/4", "=1", first, second, "==", "*-"]) + "\n")
    notes = partitura.load_kern(name).note_array()
    return sorted((float(n["onset_quarter"]), int(n["pitch"]), float(n["duration_quarter"])) for n in notes)


warnings.simplefilter("error")
print("partitura", version("partitura"))
single, chord = read("single.krn", "[2c", "2c]"), read("chord.krn", "[2c [2e", "2c] 2e]")
print("onset, pitch and length of [2c, 2c]:")
print("  expected", [(0.0, 60, 4.0)])
print("  seen    ", single)
print("onset, pitch and length of [2c [2e, 2c] 2e]:")
print("  expected", [(0.0, 60, 4.0), (0.0, 64, 4.0)])
print("  seen    ", chord)
again = [(0, 60, 2), (0, 64, 2), (2, 60, 2), (2, 64, 2)]
raise SystemExit(0 if single == [(0, 60, 4)] and chord == again else 1)
PY
venv/bin/python look.py
