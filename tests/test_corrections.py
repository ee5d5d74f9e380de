"""Corrections of sources, and the rules for old syntax that convert-ly leaves alone."""

import re
from pathlib import Path

import pytest

from msmdtools.errors import PieceError
from msmdtools.sources import corrections as module
from msmdtools.sources.corrections import Correction, correct, corrections, rules


def apply(text: str, tmp_path: Path, file: str = "a.ly", version: str = "2.10.0") -> str:
    (tmp_path / file).write_text(text, encoding="utf-8")
    correct(tmp_path, {file: version})
    return (tmp_path / file).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (
            '\\context Voice = "rechts"\n  % upper\n\n  \\override Beam.damping = #1\n c4',
            '\\context Voice = "rechts" <>\n  % upper\n\n  \\override Beam.damping = #1\n c4',
        ),
        ("\\new Voice \\set Staff.x = #1", "\\new Voice <> \\set Staff.x = #1"),
        ("s8-\\deprecateddim s\\<^\\deprecatedendcresc", "s8-\\dim s\\<^\\endcresc"),
        ("\\ottava #1<c e> \\ottava #-1\\tuplet", "\\ottava #1 <c e> \\ottava #-1 \\tuplet"),
        ("{ \\ottava #1|\nc \\ottava #0}", "{ \\ottava #1 |\nc \\ottava #0 }"),
        ("  #(ly:set-option 'old-relative)", "  #(old-relative)"),
        ("#(set-global-staff-size #'size)", "#(set-global-staff-size size)"),
        (
            '\\overrideProperty #"Score.NonMusicalPaperColumn" #\'line-break-system-details',
            "\\overrideProperty Score.NonMusicalPaperColumn.line-break-system-details",
        ),
        ('#(warn (_ "no"))', '#(warn (ly:gettext "no"))'),
        (
            "#(markup #:chapter-title (string-upper-case title))",
            "#(make-chapter-title-markup (string-upper-case title))",
        ),
        ('\\epsfile #X #50 #"./a/b.eps" \\medium "a"', '\\null \\normal-weight "a"'),
        (
            '\\epsfile #X #6 #(format #f "a" (name)) #(markup #:epsfile X 6 "a")',
            "\\null #(markup #:null)",
        ),
        ("f8 g -| e8-| |", "f8 g -! e8-! |"),
        (
            "#(markup #:piece-title-with-number (number) title)",
            "#(make-piece-title-with-number-markup (number) title)",
        ),
        (
            "\\tweak control-points #shape-curve #item #}",
            "\\propertyTweak control-points #shape-curve #item #}",
        ),
    ],
)
def test_rules_translate_old_syntax(old: str, new: str, tmp_path: Path) -> None:
    assert apply(old, tmp_path) == new
    assert apply(new, tmp_path) == new  # what a rule writes, no rule changes


@pytest.mark.parametrize(
    "text",
    [
        '\\context Voice = "one" { \\override Beam.damping = #1 c4 }',
        '\\context Voice = "one" \\relative c { \\set Staff.x = #1 }',
        "\\new Staff << \\set Staff.x = #1 \\music >>",
        "c4 \\deprecateddim d \\ottava #1 e",
        "%% #(ly:set-option 'old-relative)",
        "#(set-global-staff-size 18)",
        "<e g>_\\dim",
        "%---| a -- | %-|",
    ],
)
def test_rules_leave_the_rest_alone(text: str, tmp_path: Path) -> None:
    assert apply(text, tmp_path) == text


IN_EVERY_KIND = """\
\\header { title = "a-|b" piece = \\markup \\italic { c-| } }
% d-| %{ e-| %}
words = \\lyricmode { la-| lo-| }
{ NOTE^"f-|" g'^\\markup { g-| } \\bar ".|:-||" h'_\\markup h-| }
\\addlyrics { i-| } \\new Lyrics \\lyricsto "a" { j-| }
\\layout { \\context { \\Staff instrumentName = "k-|" } }
#(define sign "l-|") % m-|
"""


def test_a_rule_for_music_reaches_music_alone(tmp_path: Path) -> None:
    old, new = (IN_EVERY_KIND.replace("NOTE", note) for note in ("c'-|", "c'-!"))
    assert apply(old, tmp_path) == new


@pytest.mark.parametrize("version", ["2.17.25", "2.18.2", "2.24.0", ""])
def test_files_that_are_new_enough_or_say_nothing_are_left_alone(
    version: str, tmp_path: Path
) -> None:
    assert apply("{ c'-| }", tmp_path, version=version) == "{ c'-| }"


def test_a_setting_in_a_definition_is_none_in_music(tmp_path: Path) -> None:
    text = "\\layout { \\context Staff\n \\override BarLine.color = #red }"
    assert apply(text, tmp_path) == text


def test_rules_for_scheme_reach_files_of_scheme(tmp_path: Path) -> None:
    text = '(warn (_ "x (_ ")) ; (_ "'
    assert apply(text, tmp_path, "a.scm") == '(warn (ly:gettext "x (_ ")) ; (_ "'


def test_reasons_name_the_files_once_for_each_rule(tmp_path: Path) -> None:
    for name in ("a.ly", "b.ily"):
        (tmp_path / name).write_text("\\ottava #1<c>", encoding="utf-8")
    (tmp_path / "c.ly").write_text("{ c }", encoding="utf-8")
    reason = next(rule.reason for rule in rules() if "ottava" in rule.pattern.pattern)
    assert (
        correct(tmp_path, dict.fromkeys(["a.ly", "b.ily", "c.ly"], "2.8.0"))
        == f"a.ly, b.ily: {reason}"
    )


def test_bytes_that_are_not_utf_8_are_kept(tmp_path: Path) -> None:
    file = tmp_path / "a.ly"
    file.write_bytes(b'\\ottava #1<c> % caf\xe9\r\n"')
    correct(tmp_path, {"a.ly": "2.8.0"})
    assert file.read_bytes() == b'\\ottava #1 <c> % caf\xe9\r\n"'


def test_a_correction_must_match(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = Correction("x/a.ly", "because", ((r"^bad$", "good"),))
    monkeypatch.setattr(module, "corrections", lambda: {"x/a.ly": entry})
    (tmp_path / "x").mkdir()
    assert apply("a\nbad\nb\n", tmp_path, "x/a.ly") == "a\ngood\nb\n"
    with pytest.raises(PieceError, match=r"x/a\.ly: nothing matches '\^bad\$'") as caught:
        apply("a\nb\n", tmp_path, "x/a.ly")
    assert (caught.value.stage, caught.value.reason) == ("source", "correction-misses")


def test_no_correction_of_the_package_reaches_beyond_its_tree() -> None:
    assert corrections()
    for file, entry in corrections().items():
        assert not file.startswith("/")
        assert ".." not in Path(file).parts
        assert entry.reason
        assert all(re.compile(old) for old, _ in entry.replace)


def test_corrections_match_the_snapshot(mutopia: Path) -> None:
    assert [file for file in corrections() if not (mutopia / file).is_file()] == []
