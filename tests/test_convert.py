"""convert-ly where it gives up or crashes: the other rules and the other files are still done."""

import textwrap
from pathlib import Path

import pytest

from msmdtools.engrave import convert, find_engines

NEWEST = find_engines()[0].version

# The first makes convert-ly 2.25 crash (rule 2.5.2), the second makes it give up (rule 2.17.15).
CRASHES = """\
    \\version "2.4.0"
    \\header { title = \\markup { "a" { \\bold b } } }
    \\score { { c'4 } \\paper { linewidth = 10.0\\cm } }
"""
GIVES_UP = """\
    \\version "2.10.0"
    #(ly:set-option 'old-relative)
    melody = { \\times 2/3 { c'8 d' e' } \\oldaddlyrics c }
    \\score { \\melody }
"""


@pytest.mark.parametrize(
    ("text", "old", "new"),
    [(CRASHES, "linewidth", "line-width"), (GIVES_UP, r"\times 2/3", r"\tuplet 3/2")],
)
def test_rules_after_one_that_fails_are_applied(
    tmp_path: Path, text: str, old: str, new: str
) -> None:
    file = tmp_path / "a.ly"
    file.write_text(textwrap.dedent(text))
    assert convert([file]) == {file: ""}
    converted = file.read_text()
    assert f'\\version "{NEWEST}"' in converted
    assert old not in converted
    assert new in converted


def test_files_after_a_crash_are_converted(tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("a.ly", "b.ly", "c.ly")]
    for file in files:
        file.write_text(textwrap.dedent(CRASHES if file.name == "b.ly" else GIVES_UP))
    convert(files)
    assert all(f'\\version "{NEWEST}"' in file.read_text() for file in files)
    assert sorted(tmp_path.iterdir()) == files
