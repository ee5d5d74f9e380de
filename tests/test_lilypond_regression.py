"""LilyPond's own regression tests, note for note against the MIDI files that LilyPond writes for them."""

import os
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import lilypond_midi
import pytest

from msmdtools.base.processors import processors

# How many of them at least have to be the same; the table in docs/validation.md is of version 2.25.12.
LEAST_SAME = 0.98


@pytest.fixture(scope="session")
def regression_tests() -> list[Path]:
    """The sources in `input/regression` of LilyPond's source tree, of the version that is installed."""
    folder = os.environ.get("MSMD_LILYPOND_TESTS", "")
    sources = sorted(Path(folder).glob("*.ly")) if folder else []
    if not sources:
        pytest.skip(
            "no regression tests of LilyPond: set MSMD_LILYPOND_TESTS to the folder input/regression"
            " of the source tree of LilyPond 2.25.12"
        )
    return sources


@pytest.mark.slow
def test_the_notes_are_those_of_lilyponds_own_midi_files(
    regression_tests: list[Path], tmp_path: Path
) -> None:
    midis = lilypond_midi.reference_midis(regression_tests, tmp_path, processors())
    found: dict[str, list[str]] = defaultdict(list)
    with ProcessPoolExecutor(processors()) as pool:
        results = pool.map(lilypond_midi.compared, midis, midis.values())
        for source, result in zip(midis, results, strict=True):
            found[result].append(source.stem)
    print("\n".join(f"| {result} | {len(names)} |" for result, names in sorted(found.items())))
    different = {r: names for r, names in found.items() if r.startswith(lilypond_midi.DIFFERENT)}
    assert not different
    same = len(found[lilypond_midi.SAME]) + len(found[lilypond_midi.ROUNDED])
    compared = len(midis) - len(found["nothing to compare"])
    assert same >= LEAST_SAME * compared
    assert set(found) <= {lilypond_midi.SAME, lilypond_midi.ROUNDED, *lilypond_midi.REASONS}
