"""Small scores that recordings are of, and what marks say of them."""

from pathlib import Path

from click.testing import CliRunner
from small_scores import musicxml, note

from msmdtools.cli import main
from msmdtools.dataset import reader
from msmdtools.performed import reading_marks
from msmdtools.performed.marks import Bars
from msmdtools.performed.playing import Playing, playing
from msmdtools.performed.score_time import ScoreTime

START = '<barline location="left"><repeat direction="forward"/></barline>'
END = '<barline location="right"><repeat direction="backward"/></barline>'
# Bars 1 and 2 are repeated: C D E F | G+B, E | and then C.
SONG = musicxml(
    [
        START + "".join(note(p, 4) for p in ("C4", "D4", "E4", "F4")),
        note("G4", 8) + note("B4", 8, chord=True) + note("E4", 8) + END,
        note("C5", 16),
    ]
)
SCALE = musicxml([note(p, 16) for p in ("C4", "D4", "E4", "F4", "G4", "A4", "B4", "C5")])
UPBEAT = musicxml([note("G4", 4), note("C5", 16), note("G4", 16)])
RESTS = musicxml([note("r", 4) + note("F4", 4) * 2, note("C5", 12), note("C5", 12)], time="3/4")
WALTZ = musicxml(["".join(note(p, 4) for p in ("F4", "A4", "C5"))] * 4, time="3/4")
SECONDS = 12.0
# The way 1 2 1 2 3, with a second for a quarter the first time, and half of one the second time.
MARKS = "second,bar\n1.0,1\n5.0,2\n6.5,1\n8.5,2\n10.0,3\n"


def msmd(*arguments: object, code: int = 0) -> str:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    return result.output


def build(folder: Path, *options: str, **sources: str) -> Path:
    tree = folder / "tree"
    tree.mkdir()
    for name, text in sources.items():
        (tree / f"{name}.musicxml").write_text(text, "utf-8")
    fonts = ("--soundfonts", "TimGM6mb", "--jobs", "1")
    msmd("build", tree, "--out", folder / "out", *fonts, *options)
    return folder / "out"


def played(
    built: Path, piece: str, marks: str, folder: Path, *, name: str = "marks.csv"
) -> tuple[str, Playing]:
    """What marks say that a recording of twelve seconds plays, and their format."""
    (folder / name).write_text(marks, "utf-8")
    opened = reader.open(built)[piece]
    of_piece, score = Bars.of(opened), ScoreTime.of(opened)
    by, anchors = reading_marks.read(folder / name, of_piece, score.order(of_piece))
    return by, playing(anchors, of_piece, score, SECONDS)
