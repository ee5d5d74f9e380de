"""CPU time of `msmd build` of MusicXML against that of bare Verovio, a bare renderer and bare FluidSynth.

    python benchmarks/build_encodings.py MANIFEST ROOT [--sample N] [--soundfont NAME] [--json FILE]

The build is the whole command with one worker and one performance of each piece: reading and checking sources,
Verovio, page images, written music, audio, spectrograms, tables. Bare is

- one process that loads each file that was built into Verovio, renders all its pages as SVG, and draws the pages
  of the finished `score.pdf` as PNG with PDFium;
- `fluidsynth -ni -r 22050 -F out.wav FONT MIDI` on the MIDI files of the build, one process each.
"""

import argparse
import json
import random
import shutil
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from build import Cost, adopt_orphans, bare_fluidsynth, build, performances, run

from msmdtools.perform import default_soundfont
from msmdtools.sources.encoding import read_encoding
from msmdtools.sources.manifest import read_manifest, write_manifest

BARE = """
import pathlib, sys
import pypdfium2, verovio
verovio.enableLog(verovio.LOG_OFF)
folder = pathlib.Path(sys.argv[1])
for text in sorted(folder.glob("*.txt")):
    toolkit = verovio.toolkit()
    toolkit.setOptions({"inputFrom": "xml", "pageWidth": 2100, "pageHeight": 2970, "scale": 100})
    toolkit.loadData(text.read_text("utf-8"))
    for page in range(toolkit.getPageCount()):
        toolkit.renderToSVG(page + 1)
    for page in pypdfium2.PdfDocument(text.with_suffix(".pdf")):
        page.render(scale=835 / page.get_width(), grayscale=True).to_pil().save(folder / "page.png")
"""


def main() -> None:
    """Measure, and print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("manifest", type=Path)
    parser.add_argument("root", type=Path)
    parser.add_argument("--sample", type=int, default=30)
    parser.add_argument("--soundfont", help="default: the first that is installed")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    if shutil.which("fluidsynth") is None:
        sys.exit("the program fluidsynth is missing: apt install fluidsynth")
    adopt_orphans()
    pieces = [p for p in read_manifest(given.manifest) if p.format == "musicxml"]
    pieces = random.Random(0).sample(pieces, min(given.sample, len(pieces)))
    soundfont = given.soundfont or default_soundfont()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_manifest(pieces, folder / "m.csv")
        ours, log = build(
            folder / "m.csv", given.root.absolute(), folder / "out", "1.0", soundfont, 1
        )
        built = {entry["piece"] for entry in log}
        (folder / "bare").mkdir()
        for piece in pieces:
            if piece.piece in built:
                text = read_encoding(given.root / piece.path, piece.format, piece.tune)
                (folder / "bare" / f"{piece.piece}.txt").write_text(text, "utf-8")
                pdf = folder / "out" / "pieces" / piece.piece / "score.pdf"
                (folder / "bare" / f"{piece.piece}.pdf").write_bytes(pdf.read_bytes())
        costs: dict[str, Cost] = {
            "build": ours,
            "bare verovio and renderer": run([sys.executable, "-c", BARE, folder / "bare"]),
            "bare fluidsynth": bare_fluidsynth(performances(folder / "out"), soundfont, folder),
        }
    for name, cost in costs.items():
        print(f"{name:27}{cost.cpu_s:9.2f} s{cost.memory_mb:8.0f} MB")
    bare = costs["bare verovio and renderer"].cpu_s + costs["bare fluidsynth"].cpu_s
    print(f"{len(built)} of {len(pieces)} pieces; build / bare: {ours.cpu_s / bare:.2f}")
    if given.json:
        plain = {name: asdict(cost) for name, cost in costs.items()}
        given.json.write_text(json.dumps({"pieces": len(built), "costs": plain}, indent=1) + "\n")


if __name__ == "__main__":
    main()
