"""The most memory that a process of `msmd align` takes, for recordings and sheets of several lengths.

    python benchmarks/alignment_memory.py [--lengths 1:1,10:10,60:60] [--model compact-4s]
                                          [--before CHECKOUT]

A length is minutes of sound and pages of sheet. The sound is made up (tones in noise, 44,100 Hz, two
channels), the pages are drawn staves in a PDF: what takes memory and time does not ask what the music is. With
--before, the same is done with the package of another checkout, in turns.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile
from build import Cost, adopt_orphans, run
from PIL import Image

HERE = Path(__file__).resolve().parents[1]
RATE = 44_100


def sound(path: Path, minutes: int) -> None:
    """Write a recording: every second a second of some tone, with noise."""
    random = np.random.default_rng(0)
    time = np.arange(RATE) / RATE
    with soundfile.SoundFile(path, "w", RATE, 2, "PCM_16") as file:
        for _ in range(60 * minutes):
            tone = np.sin(2 * np.pi * 220 * 2 ** (random.integers(24) / 12) * time)
            both = 0.2 * tone[:, np.newaxis] + 0.01 * random.normal(size=(RATE, 2))
            file.write(both)


def sheet(path: Path, pages: int) -> None:
    """Write a PDF of pages with six systems of two staves each."""
    page = np.full((1180, 835), 255, np.uint8)
    for top in range(60, 1080, 180):
        for staff in (0, 70):
            page[top + staff : top + staff + 29 : 7, 60:795] = 0
        for x in (60, 300, 540, 794):
            page[top : top + 99, x] = 0
    first, *others = (Image.fromarray(page) for _ in range(pages))
    first.save(path, save_all=True, append_images=others, resolution=100)


def measure(checkout: Path, model: str, folder: Path) -> Cost:
    """What `msmd align` costs with the package of a checkout."""
    os.environ["PYTHONPATH"] = str(checkout)
    msmd = [sys.executable, "-P", "-c", "from msmdtools.cli import main; main()"]
    files = [folder / "a.wav", folder / "a.pdf", "-o", folder / "a.csv"]
    return run([*msmd, "align", *files, "--model", model, "--device", "cpu"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lengths", default="1:1,10:10,60:60", help="minutes:pages, …")
    parser.add_argument("--model", default="compact-4s")
    parser.add_argument("--before", type=Path, help="a checkout to measure beside this one")
    given = parser.parse_args()
    adopt_orphans()
    checkouts = {"now": HERE} | ({"before": given.before.absolute()} if given.before else {})
    print(f"{given.model}\n{'minutes':>7}{'pages':>7}{'':>9}{'MB':>8}{'CPU s':>9}")
    for length in given.lengths.split(","):
        minutes, pages = map(int, length.split(":"))
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            sound(folder / "a.wav", minutes)
            sheet(folder / "a.pdf", pages)
            for name, checkout in checkouts.items():
                cost = measure(checkout, given.model, folder)
                figures = f"{cost.memory_mb:8.0f}{cost.cpu_s:9.1f}"
                print(f"{minutes:7}{pages:7} {name:8}{figures}", flush=True)


if __name__ == "__main__":
    main()
