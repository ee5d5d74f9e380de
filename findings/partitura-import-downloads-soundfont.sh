#!/usr/bin/env bash
# partitura (1.9.0), imported where pyfluidsynth is installed, fetches a soundfont over FTP into its own package folder.
# Without a network the import fails, although no synthesizer is wanted; parangonar imports partitura and fails with it.
# Where the module fluidsynth cannot be imported, nothing is fetched.
# Read by: whoever imports partitura or parangonar beside FluidSynth.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check partitura==1.9.0
cat > look.py <<'PY'
import sys
import types
import urllib.request
from importlib.metadata import version

fetched = []
original = urllib.request.urlopen


def without_network(url, *arguments, **options):
    if str(url).startswith("file:"):
        return original(url, *arguments, **options)
    fetched.append(url)
    raise OSError("no network")


urllib.request.urlopen = without_network
# As pyfluidsynth, a module with a class Synth; or none.
beside = sys.argv[1] == "beside"
sys.modules["fluidsynth"] = types.SimpleNamespace(Synth=object) if beside else None
try:
    import partitura  # noqa: F401

    outcome = "imported"
except OSError as error:
    outcome = str(error)
print("partitura", version("partitura"), sys.argv[1], "FluidSynth")
print("  expected imported, nothing fetched")
print("  seen    ", outcome, fetched)
raise SystemExit(0 if (outcome == "no network") == beside == bool(fetched) else 1)
PY
venv/bin/python look.py beside
venv/bin/python look.py without
