"""The bundled pieces: each is complete, in the public domain, and engraves without a warning.

Between them they cover what the tests of the other rooms rely on.
"""

import re
import subprocess
from pathlib import Path

import pytest

from msmdtools.base import resources

FILES = sorted(resources.pieces().rglob("*.ly"))
HEADER_FIELDS = (
    "title",
    "composer",
    "mutopiatitle",
    "mutopiacomposer",
    "mutopiainstrument",
    "date",
    "source",
    "style",
    "license",
    "maintainer",
)

# What must occur in at least one of the pieces, and a pattern that shows it.
COVERAGE = {
    "chords": r"<[a-g][^<>|]* [^<>|]*>[1248]",
    "tie of some notes of a chord": r"<[^<>]*[a-g][',]*~ [^<>]*>",
    "tie over a bar line": r"~ \| ",
    "tie to a bare duration": r"~ [1248]\.? ",
    "grace": r"\\grace",
    "acciaccatura": r"\\acciaccatura",
    "appoggiatura": r"\\appoggiatura",
    "after-grace": r"\\afterGrace",
    "grace before the first note": r"\\tempo [^\n]*\n\s*\\(grace|acciaccatura)",
    "slurred grace notes": r"\\grace \{[^}]*\( [^}]*\) \}",
    "cross-staff voice": r"\\change Staff",
    "pickup": r"\\partial",
    "repeat": r"\\repeat volta",
    "alternatives": r"\\alternative",
    "unfolded repeat": r"\\repeat unfold",
    "chord repetition": r" q[1248 ]",
    "transposition": r"\\transpose",
    "tremolo of one": r":32",
    "tremolo of two": r"\\repeat tremolo",
    "percent repeat": r"\\repeat percent",
    "key": r"\\key",
    "key changed in the middle": r"\\key c \\minor[\s\S]*\\key c \\major",
    "metre changed in the middle": r"\\time 2/4[\s\S]*\\time 3/4",
    "tempo changed in the middle": r"\\tempo \"Presto\"[\s\S]*\\tempo \"Largo\"",
    "several scores": r"\\score[\s\S]*\\score[\s\S]*\\score",
    "score for MIDI only": r"\\score \{\s*\\unfoldRepeats[^{}]*\\midi \{ \}\s*\}",
    "score without MIDI": r"\\score \{\s*\\header [^\n]*\s*\\theme\s*\\layout \{ \}\s*\}",
    "several pages": r"\\pageBreak",
    "page without notes": r"\\book \{[\s\S]*\\markup[\s\S]*\\pageBreak[\s\S]*\\score",
    "two voices on one staff": r"\\\\ \{",
    "voices made by hand": r"\\new Voice \{ \\voiceTwo",
    "two voices that share a head": r"f''4\. d''8\) \} \\new Voice \{ \\voiceTwo a'8 c'' b' d'' \}",
    "two voices whose heads of different duration merge": r"\\mergeDifferentlyHeadedOn",
    "octavation": r"\\ottava 1",
    "hidden notes": r"\\hideNotes",
    "lyrics": r"\\new Lyrics",
    "include": r"\\include \"\.\./",
    "music function": r"define-music-function",
    "note names in another language": r"\\language \"english\"",
    "dynamics": r"\\(pp|p|f|ff)[ (]",
    "hairpin": r"\\<",
    "pedal": r"\\sustainOn",
    "fermata": r"\\fermata",
    "whole-bar rest": r"R1",
    "spacer": r"s2\.",
    "change of clef": r"\\clef bass[\s\S]*\\clef treble",
    "breath": r"\\breathe",
    "trill": r"\\trill",
    "no \\midi block": r"\A(?![\s\S]*\\midi)",
}


def included_with(file: Path) -> str:
    """The source with what it includes put in its place."""
    text = file.read_text(encoding="utf-8")
    return re.sub(r'\\include "(.*?)"', lambda m: included_with(file.parent / m.group(1)), text)


def without_comments(file: Path) -> str:
    return re.sub(r"^ *%.*\n", "", file.read_text(encoding="utf-8"), flags=re.MULTILINE)


def staves(file: Path) -> int:
    return len(re.findall(r"\\new Staff", file.read_text(encoding="utf-8")))


def identifier(file: Path) -> str:
    return "__".join(file.parent.relative_to(resources.pieces()).parts)


def test_there_are_fourteen() -> None:
    assert len(FILES) == 14


@pytest.mark.parametrize("file", FILES, ids=identifier)
def test_piece_lies_as_in_mutopia(file: Path) -> None:
    composer, *_, name = file.parent.relative_to(resources.pieces()).parts
    assert file.stem == name
    assert f'mutopiacomposer = "{composer}"' in included_with(file)


@pytest.mark.parametrize("file", FILES, ids=identifier)
def test_piece_says_what_it_covers_and_whose_it_is(file: Path) -> None:
    text = included_with(file)
    assert file.read_text(encoding="utf-8").startswith("% Covers: ")
    assert '\\version "2.24.0"' in text
    header = dict(re.findall(r'^  (\w+) = "(.+)"$', text, re.MULTILINE))
    assert [field for field in HEADER_FIELDS if field not in header] == []
    assert header["license"] == "Public Domain"
    assert header["maintainer"] == "msmdtools"


@pytest.mark.parametrize("what", COVERAGE)
def test_coverage(what: str) -> None:
    pattern = re.compile(COVERAGE[what])
    assert any(pattern.search(without_comments(file)) for file in FILES)


def test_one_two_and_three_staves() -> None:
    counts = {identifier(file): staves(file) for file in FILES}
    assert counts["Traditional__greensleeves"] == 1
    assert counts["ChopinFF__O28__prelude-7"] == 2
    assert counts["Traditional__frere-jacques"] == 3


@pytest.fixture(scope="module")
def engraved(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """All pieces set by one run of LilyPond: the folder of the PDFs, and what it had to say."""
    import lilypond

    folder = tmp_path_factory.mktemp("pieces")
    answer = subprocess.run(
        [lilypond.executable(), "-l", "WARN", "--pdf", *FILES],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    return folder, answer.stderr


def test_engraves_without_a_warning(engraved: tuple[Path, str]) -> None:
    assert engraved[1] == ""


@pytest.mark.parametrize(
    ("name", "pages"),
    [("prelude-in-c", 3), ("mountain-king", 2), ("ah-vous-dirai-je", 2), ("greensleeves", 1)],
)
def test_number_of_pages(name: str, pages: int, engraved: tuple[Path, str]) -> None:
    import pypdfium2

    with pypdfium2.PdfDocument(engraved[0] / f"{name}.pdf") as document:
        assert len(document) == pages


@pytest.mark.parametrize(
    ("name", "pitches"),
    [
        ("BeethovenLv/WoO59/fur-elise/fur-elise", [76, 75, 76, 75, 76, 71, 74, 72]),
        ("Traditional/greensleeves/greensleeves", [69, 72, 74, 76, 77, 76, 74, 71]),
        ("ChopinFF/O28/prelude-7/prelude-7", [64, 73, 74]),
        ("MozartWA/KV331/rondo-alla-turca/rondo-alla-turca", [71, 69, 68, 69, 72]),
    ],
)
def test_begins_with_the_right_notes(
    name: str, pitches: list[int], engraved: tuple[Path, str]
) -> None:
    import mido

    midi = mido.MidiFile(engraved[0] / f"{Path(name).name}.midi")
    upper = next(t for t in midi.tracks if any(m.type == "note_on" for m in t))
    played = [m.note for m in upper if m.type == "note_on" and m.velocity > 0]
    assert played[: len(pitches)] == pitches


def test_sample_manifest_lists_them_all() -> None:
    import csv
    import hashlib

    with open(resources.manifest("sample"), encoding="utf-8", newline="") as lines:
        listed = {row["path"]: row["sha256"] for row in csv.DictReader(lines)}
    root = resources.pieces()
    assert listed == {
        str(file.relative_to(root)): hashlib.sha256(file.read_bytes()).hexdigest() for file in FILES
    }
