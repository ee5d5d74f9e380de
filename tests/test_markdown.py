"""What comes from sources is read in Markdown as it stands."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from msmdtools.base.markdown import code, plain, with_section
from msmdtools.base.text_table import pipes, title
from msmdtools.build.card import card
from msmdtools.dataset.records import Record
from msmdtools.errors import MsmdError
from msmdtools.evaluation import folder
from msmdtools.splits.duplicates import Pair
from msmdtools.splits.report import duplicates_table

HOSTILE = "a|b <img src=x onerror=alert(1)>\n\n# [c](http://d) `e` *f* _g_ \\ & ~h~ \x1b[31m"


def test_texts_are_shown_as_they_are() -> None:
    assert plain("Études, op. 25 no. 1 (1836) – 90%") == "Études, op. 25 no. 1 (1836) – 90%"
    assert plain("a_b") == "a\\_b"
    assert plain(HOSTILE) == (
        "a&#124;b &lt;img src=x onerror=alert(1)&gt; \\# \\[c\\](http://d) \\`e\\` \\*f\\* \\_g\\_ "
        "\\\\ &amp; \\~h\\~ \\[31m"
    )
    assert [code(text) for text in ("x", "a`b", "``", "a\nb")] == [
        "`x`",
        "`` a`b ``",
        "``` `` ```",
        "`a b`",
    ]


def test_tables_keep_their_columns() -> None:
    lines = pipes([["composer", "R@1"], [HOSTILE, " 1.00"]])
    assert [line.count("|") for line in lines] == [3, 3, 3]
    assert not any("<" in line or "\n" in line for line in lines)
    assert title("m|n", "x\n<b>") == ["# m&#124;n", "", "x  \n&lt;b&gt;", ""]
    row = duplicates_table([Pair("p|q", "`r`", 0.5)], {"p|q": "train", "`r`": "test"})[-1]
    assert row == "| 0.500 | train | `p\\|q` | test | `` `r` `` |"


def test_a_licence_from_a_source_is_no_markup_in_the_card() -> None:
    counts = (
        "attempted ok failed pages systems noteheads played tied silent performances events "
        "events_with_head events_without_head bytes performed_s audio_s"
    )
    reasons = ("failed_by_reason", "silent_by_reason", "events_without_head_by_reason")
    totals: Mapping[str, Any] = dict.fromkeys(counts.split(), 1) | {name: {} for name in reasons}
    font = {"file": HOSTILE, "sha256": "0", "licence": HOSTILE}
    description = {
        "msmdtools": "0",
        "options": {"performances": [], "width": 1, "repeats": "written", "keep_audio": False},
        "tools": {"engines": ["2"], "fluidsynth": "2"},
        "soundfonts": {HOSTILE: font},
        "sources": [{"manifest": HOSTILE + ".csv", "manifest_sha256": "0", "commit": HOSTILE}],
        "sandbox": True,
        "totals": totals,
    }
    row = {"piece": "p", "status": "ok", "licence": HOSTILE, "correction": ""}
    text = card(description, {"p": Record(row)})
    assert "<img" not in text.replace("`` a|b <img", "")  # in code it is no markup
    assert not any(line.startswith("# [") for line in text.splitlines())
    assert f"| {plain(HOSTILE)} | 1 | 100.0 % |" in text
    assert "\x1b" not in text


def test_a_report_goes_only_where_nothing_else_is(
    tmp_path: Path, killed_while_writing: Callable[..., set[Path]]
) -> None:
    folder.check(tmp_path / "new")
    folder.check(tmp_path)
    for name in ("results.md", "answers-audio-to-sheet.png"):
        (tmp_path / name).touch()
    assert len(killed_while_writing(tmp_path / "results.json")) == 1
    folder.check(tmp_path)
    assert len(list(tmp_path.iterdir())) == 2  # what was left is removed
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(MsmdError, match=r"not the folder of a report, .* \(it has thesis\.tex\)"):
        folder.check(tmp_path)
    with pytest.raises(MsmdError, match="is a file"):
        folder.check(tmp_path / "thesis.tex")


def test_a_section_of_a_page_is_made_anew() -> None:
    page = (
        "before\n\n<!-- a: made by x -->\n\nold\n\n<!-- end of a -->\n\nbetween\n\n"
        "<!-- b: made by x -->\n<!-- end of b -->\n"
    )
    made = with_section(page, "a", "\\1 new")
    assert made == page.replace("old", "\\1 new")
    assert with_section(made, "b", "c").endswith(
        "between\n\n<!-- b: made by x -->\n\nc\n\n<!-- end of b -->\n"
    )
    assert with_section(page, "c", "new") == page
