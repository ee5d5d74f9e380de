"""A dataset's music is played again as it was: with its velocities, its drums, its tempo."""

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from msmdtools.cli import main
from msmdtools.dataset import reader
from msmdtools.evaluation.rendering import Rendition, whole
from msmdtools.features import spectrogram
from msmdtools.inputs import recordings

LOUD_AND_SOFT = r"""
\version "2.24.0"
\header { composer = "Anon" instrument = "Piano" license = "Public Domain" }
\score {
  <<
    \new Staff { c'4\ff e'\pp g'\ff c''\pp }
    \new DrumStaff \drummode { bd4\ff sn\pp bd hh }
  >>
  \layout { }
  \midi { \tempo 4 = 90 }
}
"""


@pytest.mark.usefixtures("soundfont")
def test_velocities_and_drums_are_heard_again(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "piece.ly").write_text(LOUD_AND_SOFT)
    commands = (
        f"ingest {tmp_path}/tree --out {tmp_path}/pieces.csv",
        f"build --manifest {tmp_path}/pieces.csv --root {tmp_path}/tree --out {tmp_path}/ds --jobs 1"
        " --soundfonts TimGM6mb:6 --velocity source --tempi 1.0,1.25",
    )
    for command in commands:
        result = CliRunner().invoke(main, command.split())
        assert result.exit_code == 0, result.output
    piece = next(iter(reader.open(tmp_path / "ds").values()))
    assert any(note.drum for note in piece.music.notes)
    for name in piece.performances.index:
        assert len(set(piece.events(name)["velocity"])) > 1
        sound = np.concatenate(list(recordings.of_performance(piece, name).sound()))
        np.testing.assert_array_equal(spectrogram(sound), piece.spectrogram(name))
        again = whole(Rendition(tmp_path / "ds", piece.piece, name))
        np.testing.assert_array_equal(again, piece.spectrogram(name))
