#!/usr/bin/env bash
# Verovio 6.4.1 joins the ties of a chord of unpitched notes crosswise.
#
# In MusicXML a bass drum and a snare drum, each tied to the same drum in the next bar, become two ties from the one
# drum to the other. With pitched notes in the same places of the staff, each tie is where it belongs. Whoever follows
# the ties loses an onset of one drum, or hears the other.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check verovio==6.4.1
cat > "$folder/look.py" <<'PY'
import re
import sys
from importlib.metadata import version

import verovio

PLACES = {"bass": ("F", 4), "snare": ("C", 5)}


def note(name, bar, tie, pitched, chord):
    step, octave = PLACES[name]
    what, prefix = ("pitch", "") if pitched else ("unpitched", "display-")
    return (
        f'<note id="{name}-{bar}">{"<chord/>" if chord else ""}'
        f"<{what}><{prefix}step>{step}</{prefix}step><{prefix}octave>{octave}</{prefix}octave></{what}>"
        f'<duration>4</duration><tie type="{tie}"/><voice>1</voice><type>whole</type>'
        f'<notations><tied type="{tie}"/></notations></note>'
    )


def ties(pitched):
    sign = "<sign>G</sign><line>2</line>" if pitched else "<sign>percussion</sign>"
    bars = [
        note("bass", bar, tie, pitched, False) + note("snare", bar, tie, pitched, True)
        for bar, tie in ((1, "start"), (2, "stop"))
    ]
    toolkit = verovio.toolkit()
    toolkit.loadData(
        '<score-partwise version="4.0"><part-list><score-part id="P1"><part-name>Drums</part-name></score-part>'
        '</part-list><part id="P1"><measure number="1"><attributes><divisions>1</divisions><time><beats>4</beats>'
        f"<beat-type>4</beat-type></time><clef>{sign}</clef></attributes>{bars[0]}</measure>"
        f'<measure number="2">{bars[1]}</measure></part></score-partwise>'
    )
    found = re.findall(r'<tie [^>]*startid="#([^"]*)" endid="#([^"]*)"', toolkit.getMEI())
    return sorted(f"{start} to {end}" for start, end in found)


print("verovio", version("verovio"))
expected = ["bass-1 to bass-2", "snare-1 to snare-2"]
drums, notes = ties(False), ties(True)
print("unpitched: expected", expected, "seen", drums)
print("pitched:   expected", expected, "seen", notes)
sys.exit(not (drums == ["bass-1 to snare-2", "snare-1 to bass-2"] and notes == expected))
PY
"$folder/venv/bin/python" "$folder/look.py"
