"""Reading LilyPond sources: tokens, includes, headers, licences, instruments, ids."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msmdtools.sources.ensemble import instruments_of
from msmdtools.sources.expansion import expand
from msmdtools.sources.header import Header
from msmdtools.sources.ids import piece_ids
from msmdtools.sources.ingest import edition_of, ingest, main_files
from msmdtools.sources.instruments import is_solo_keyboard, normalize_instruments
from msmdtools.sources.licence import spdx
from msmdtools.sources.outline import outline
from msmdtools.sources.syntax import decode, tokenize
from msmdtools.sources.tree import SourceTree


def header(text: str) -> Header:
    found = expand("a.ly", lambda path: outline(text), lambda *_: None)
    return Header(found.fields, found.variables)


def makes_score(text: str) -> bool:
    return expand("a.ly", lambda path: outline(text), lambda *_: None).scores


def tree(root: Path, **files: str) -> SourceTree:
    for name, text in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return SourceTree(root)


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1"]
)
def test_decode_finds_the_encoding(encoding):
    text = '\\header { title = "Prélude à l\'été, op. 28" composer = "Frédéric" }\n' * 3
    assert decode(text.encode(encoding)) == text


@given(st.text())
def test_any_text_can_be_tokenized(text):
    for token in tokenize(text):
        assert token.kind in {"string", "command", "scheme", "sign", "run"}


@given(st.text(alphabet='abc"\\ %{}#\n=').map(lambda s: s.replace("\r", "")))
def test_a_quoted_string_is_one_token_whatever_is_in_it(text):
    quoted = '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    (token,) = tokenize(quoted)
    assert (token.kind, token.text) == ("string", text)


@pytest.mark.parametrize(
    ("source", "title"),
    [
        ('\\header { title = "A" }', "A"),
        ('\\header { title = #"A" }', "A"),
        ('\\header{title="A \\"b\\" c\\\\d"}', 'A "b" c\\d'),
        ('name = "A"\n\\header { title = \\name }', "A"),
        ('name = "A"\n\\header { title = #name }', "A"),
        ('#(define name "A")\n\\header { title = \\name }', "A"),
        ('no = "2"\n\\header { title = "Op. " + \\no }', "Op. 2"),
        ('\\header { title = \\markup { \\bold "A" \\italic b } }', "A b"),
        ('\\header { title = \\markup \\bold "A" composer = "B" }', "A"),
        ('\\header { title = \\markup { \\with-url #"http://x.org" A , b } }', "A, b"),
        ('\\header { title = \\markup { \\override #\'(x . "y") \\fontsize #3 A } }', "A"),
        ('\\header { opus = "1" title = \\markup { No. \\fromproperty #\'header:opus } }', "No. 1"),
        ('\\header { title = \\markup { B \\flat "&#233;" \\char ##x00A9 } }', "B ♭ é ©"),
        ("\\header { title = Suite\n composer = Bach }", "Suite"),
        ('% \\header { title = "no" }\n\\header { title = "A" % title = "no"\n }', "A"),
        ('%{ \\header { title = "no" } %}\\header { title = "A" }', "A"),
        ('\\header { title = "A" }\n\\header { title = "B" }', "B"),
        ('\\score { c \\header { title = "no" } }\n\\header { title = "A" }', "A"),
        ('\\book { \\header { title = "A" } \\bookpart { \\header { title = "no" } } }', "A"),
        ('\\score { c \\header { title = "A" } } \\score { c \\header { title = "no" } }', "A"),
        ("\\header { title = ##f }", ""),
        ("\\header { title = \\title }", ""),
        ('\\header { title = "never closed', "never closed"),
    ],
)
def test_the_title_wherever_it_stands(source, title):
    assert header(source).text("title") == title


@pytest.mark.parametrize(
    "source",
    [
        "\\score { c }",
        "\\score { { c } \\layout { } \\midi { } }",
        "{ c }",
        "\\relative c' { c }",
        "\\new Staff { c }",
        "<< { c } { e } >>",
        "\\book { \\score { c } }",
        "\\bookpart { { c } }",
        "x = { c }\n\\new Staff \\x",
        "x = \\transpose c d \\y\n\\new Staff \\x",
        'x = \\new Voice = "a" { c }\n<< \\x >>',
        "x = { c }\n{ \\x d }",
        "x = \\relative { c }\n{ \\x d }",
        "x = << { c } >>\n\\paper { }\n\\x",
        "x = { c }\ny = \\x\n\\paper { }\n\\y",
        "x = { c }\n\\removeWithTag #'a \\x",
        "x = { c }\n\\book { \\x }",
        "x = \\bookpart { \\relative { c } }\n\\book { \\x }",
        "x = \\layout { }\n\\score { { c } \\x \\midi { } }",
        'SopranoMusic = { c }\n\\include "satb.ly"',
    ],
)
def test_music_that_stands_alone_makes_a_score(source):
    assert makes_score(source)


@pytest.mark.parametrize(
    "source",
    [
        "",
        '\\version "2.24.0" \\header { title = "A" } \\paper { indent = 0 } \\layout { }',
        "x = { c }",
        "x = \\relative c' { c }\ny = << { c } { e } >>",
        'x = \\new Staff \\with { a = "b" } { c }',
        'x = \\context Voice = "a" { c }',
        "x = \\repeat volta 2 { c } \\alternative { { d } { e } }",
        "x = \\partCombine { c } { d }",
        "x = \\new Staff \\with { } { c }",
        "x = { c }\ny = \\keepWithTag #'a \\x",
        'x = { c }\n\\addQuote "x" \\x',
        "x = { c }\n\\void \\displayLilyMusic \\x",
        "x = \\lyricmode { la }\n\\x",
        "x = \\paper { }\n\\score { { c } \\x \\midi { } }",
        "% \\score { c }",
        "\\score { { c } \\midi { } }",
        "%{ \\score { c } %}",
        'x = "\\score { c }"',
        "f = #(define-music-function (m) (ly:music?) #{ << { $m } >> #})",
        "\\markup { text }",
    ],
)
def test_definitions_make_no_score(source):
    assert not makes_score(source)


def test_includes_up_the_tree_in_cycles_by_variables_and_in_comments(tmp_path):
    source = tree(
        tmp_path,
        **{
            "C__P__P-lys__main.ly": '\\include "sub/a.ily" \\include "../../common.ily"\n'
            '% \\include "no.ily"\n%{ \\include "no.ily" %}\n'
            'm = "b"\n\\include #(string-append m ".ily")\nn = "c"\n'
            'k = \\n + ".ily"\n\\include \\k\n\\include "english.ly"\n\\score { c }',
            "C__P__P-lys__sub__a.ily": '\\include "a2.ily" \\include "b.ily"',
            "C__P__P-lys__sub__a2.ily": '\\include "a.ily"',
            "C__P__P-lys__b.ily": "x = { c }",
            "C__P__P-lys__c.ily": "y = { c }",
            "C__P__P-lys__no.ily": "",
            "C__common.ily": '\\include "P-lys-setup.ily"',
            "P-lys-setup.ily": '\\header { title = "A" }',
        },
    )
    found = source.expansion("C/P/P-lys/main.ly")
    assert sorted(found.files) == [
        "C/P/P-lys/b.ily",
        "C/P/P-lys/c.ily",
        "C/P/P-lys/sub/a.ily",
        "C/P/P-lys/sub/a2.ily",
        "C/common.ily",
        "P-lys-setup.ily",
    ]
    assert found.missing == ["english.ly"]
    # b.ily is included from sub/ but lies beside the main file; the setup lies further up.
    assert sorted(found.include_path) == ["", "C/P/P-lys"]
    assert not found.dynamic


def test_a_file_included_as_a_value_is_part_of_the_piece_and_makes_no_score():
    events = outline(
        '\\include "one.ily"\nvoiceOne = \\include "voice.ily"\n\\new Staff \\voiceOne'
    )
    assert [(e.kind, e.scope, e.value[0].text) for e in events if e.kind == "include"] == [
        ("include", "top", "one.ily"),
        ("include", "other", "voice.ily"),
    ]
    assert [e.kind for e in events] == ["include", "assign", "define", "include", "score"]


def test_an_include_that_only_running_the_piece_resolves_is_dynamic(tmp_path):
    source = tree(tmp_path, **{"a.ly": "\\include \\unknown"})
    assert source.expansion("a.ly").dynamic


def test_a_header_field_inside_an_included_file(tmp_path):
    source = tree(
        tmp_path,
        **{"a.ly": '\\header { \\include "f.ily" }', "f.ily": 'title = "A" % no\ncomposer = "B"'},
    )
    found = source.expansion("a.ly")
    assert Header(found.fields, found.variables).text("title") == "A"


def test_tops_of_an_edition_are_pieces_and_what_they_include_is_not(tmp_path):
    source = tree(
        tmp_path,
        **{
            "C__P__P-lys__score.ly": '\\include "one.ly" \\include "notes.ily"',
            "C__P__P-lys__one.ly": "\\score { c }",
            "C__P__P-lys__violin.ly": '\\include "notes.ily" \\new Staff { \\violin }',
            "C__P__P-lys__notes.ily": "violin = { c }",
            "C__P__P-lys__defs.ly": "x = { c }",
            "C__P__P-lys__header.ly": '\\header { title = "A" }',
            "C__all.ly": '\\include "P/P-lys/score.ly"',
            "C__Q__ping.ly": '\\include "pong.ly" { c }',
            "C__Q__pong.ly": '\\include "ping.ly" { c }',
        },
    )
    assert main_files(source) == [
        "C/P/P-lys/score.ly",
        "C/P/P-lys/violin.ly",
        "C/Q/ping.ly",
        "C/Q/pong.ly",
        "C/all.ly",
    ]


def test_symbolic_links_are_not_part_of_the_tree(tmp_path):
    (tmp_path / "out.ly").write_text("{ c }")
    root = tmp_path / "tree"
    root.mkdir()
    (root / "a.ly").write_text("{ c }")
    (root / "b.ly").symlink_to(tmp_path / "out.ly")
    (root / "loop").symlink_to(root)
    assert SourceTree(root).paths == ["a.ly"]


@pytest.mark.parametrize(
    ("path", "edition"),
    [
        ("BachJS/BWV814/suite/suite-lys/parts/a.ly", "BachJS/BWV814/suite"),
        ("BachJS/BWV846/prelude/prelude.ly", "BachJS/BWV846/prelude"),
        ("a.ly", "a"),
    ],
)
def test_edition(path, edition):
    assert edition_of(path) == edition


def test_piece_ids_are_those_of_msmd_and_unique():
    paths = {
        "BachJS/BWV1006a/bwv-1006a_1/bwv-1006a_1.ly": "BachJS__BWV1006a__bwv-1006a_1",
        "BachJS/BWV814/s/s-lys/parts/gavotte.ly": "BachJS__BWV814__gavotte",
        "BartokB/dance_1/dance_1.ly": "BartokB__dance_1__dance_1",
        "V/O3/n1/n1-lys/score.ly": "V__O3__n1__score",
        "V/O3/n2/n2-lys/Score.ly": "V__O3__n2__Score",
        "X/a b/ü/.h.ly": "X__a_b__h",
        "top.ly": "top",
    }
    assert piece_ids(paths) == paths


@given(st.lists(st.text(alphabet="aAbB-lys/._ é", min_size=1), unique=True))
def test_piece_ids_are_unique_folder_names_for_any_paths(names):
    ids = piece_ids([f"{name}.ly" for name in names])
    folded = [one.casefold() for one in ids.values()]
    assert len(set(folded)) == len(names)
    for one in ids.values():
        assert "/" not in one
        assert not one.startswith((".", "-"))
        assert one.isascii()


@pytest.mark.parametrize(
    ("text", "identifier"),
    [
        ("Public Domain", "CC-PDDC"),
        ("Domaine public - Public Domain", "CC-PDDC"),
        ("placed in the public domain by the typesetter", "CC-PDDC"),
        ("Creative Commons Attribution 3.0", "CC-BY-3.0"),
        ("Creative Commons Attribution-ShareAlike 3.0 (Unported)", "CC-BY-SA-3.0"),
        ("Creative Commons Attribution ShareAlike 4.0 International License", "CC-BY-SA-4.0"),
        ("Creative Commons BY-SA 2.5", "CC-BY-SA-2.5"),
        ("© 2010. Creative Commons Share-Alike 4.0", "CC-BY-SA-4.0"),
        ("see http://creativecommons.org/licenses/by-nc-sa/2.0/", "CC-BY-NC-SA-2.0"),
        ("https://creativecommons.org/publicdomain/zero/1.0/", "CC0-1.0"),
        ("CC0", "CC0-1.0"),
        ("http://creativecommons.org/licenses/publicdomain", "CC-PDDC"),
        ("cc-by-sa", "unknown"),
        ("Creative Commons Attribution 7.0", "unknown"),
        ("GNU GPL version 3 or later", "GPL-3.0-or-later"),
        ("All rights reserved", "unknown"),
        ("", "unknown"),
    ],
)
def test_spdx(text, identifier):
    assert spdx(text) == identifier


@pytest.mark.parametrize(
    ("text", "terms", "keyboard"),
    [
        ("Piano", ("piano",), True),
        ("Pianoforte solo", ("piano",), True),
        ("Klavier", ("piano",), True),
        ("Clavecin", ("harpsichord",), True),
        ("Harpsichord,Clavichord", ("harpsichord", "clavichord"), True),
        ("Piano, Pianoforte, Harpsichord", ("piano", "harpsichord"), True),
        ("Clavier", ("keyboard",), True),
        ("Piano Duet", ("piano duet",), False),
        ("Piano four hands", ("piano duet",), False),
        ("2 Pianos", ("two pianos",), False),
        ("Voice and Piano", ("voice", "piano"), False),
        ("Piano, Violin", ("piano", "violin"), False),
        ("Harpsichord, Organ, Piano", ("harpsichord", "organ", "piano"), False),
        ("Organ", ("organ",), False),
        ("Violons, Flûtes", ("violin", "flute"), False),
        ("2 Mandolins, Bass", ("mandolin", "bass"), False),
        ("Glass harmonica", ("glass harmonica",), False),
        ("", (), False),
    ],
)
def test_instruments(text, terms, keyboard):
    assert normalize_instruments(text) == terms
    assert is_solo_keyboard(terms) is keyboard


@pytest.mark.parametrize(
    ("source", "instruments"),
    [
        ("\\new PianoStaff << \\new Staff { c } \\new Staff { c } >>", ("keyboard",)),
        ("\\new GrandStaff << \\new Staff { c } \\new Staff { c } >>", ("keyboard",)),
        ("<< \\new Staff { c } \\new Staff { \\clef bass c } >>", ("keyboard",)),
        ('<< \\new Staff { c } \\new Staff { \\clef "bass_8" c } >>', ("keyboard",)),
        ("<< \\new Staff { c } \\new Staff { c } >>", ()),
        ("\\new Staff { \\clef bass c }", ()),
        ("{ c }", ()),
        ("\\new PianoStaff << \\new Staff { c } >> \\new Lyrics { la }", ("voice", "keyboard")),
        (
            "\\new Staff { c } \\new Staff { \\clef bass c } \\addlyrics { la }",
            ("voice", "keyboard"),
        ),
        ("\\new PianoStaff { c } " + "\\new Staff { c } " * 4, ()),
        ('\\new Staff \\with { instrumentName = "Violin I" } { c }', ("violin",)),
        ('\\set Staff.midiInstrument = #"acoustic grand"', ("piano",)),
        ('\\set Staff.midiInstrument = "church organ"', ("organ",)),
        ('\\new PianoStaff \\with { instrumentName = "RH" } { c }', ("keyboard",)),
        ("\\new DrumStaff { c }", ("percussion",)),
        ('% \\new PianoStaff\n x = "\\\\new PianoStaff"', ()),
    ],
)
def test_staves_tell_what_a_score_is_for(source, instruments):
    assert instruments_of([tokenize(source)]) == instruments


def test_a_movement_in_a_folder_below_is_a_part_of_the_file_that_includes_it(tmp_path):
    source = tree(
        tmp_path,
        **{
            "suite.ly": '\\include "parts/one.ly" \\include "parts/two.ly"',
            "parts__one.ly": "{ c }",
            "parts__two.ly": "{ d }",
            "other__three.ly": '\\include "../parts/one.ly"',
        },
    )
    assert main_files(source) == ["other/three.ly", "suite.ly"]


def test_a_file_that_scheme_chooses_is_found_and_a_folder_only_where_names_are_made(tmp_path):
    base = 'part = #(if (defined? (quote x)) "../inc/long.ily" "../inc/short.ily")\n'
    source = tree(
        tmp_path,
        **{
            "songs__chosen.ly": '\\include "../inc/base.ily" { \\tune }',
            "songs__made.ly": '\\include "../inc/made.ily" { \\tune }',
            "inc__base.ily": base + "\\include \\part",
            "inc__made.ily": 'part = #(format #f "../inc/~a.ily" kind)\n\\include \\part',
            "inc__long.ily": "tune = { c }",
            "inc__short.ily": "tune = { d }",
        },
    )
    chosen, made = (source.expansion(f"songs/{name}.ly") for name in ("chosen", "made"))
    assert (chosen.files, chosen.dynamic) == (
        ["inc/base.ily", "inc/long.ily", "inc/short.ily"],
        [],
    )
    assert made.dynamic == ["inc/made.ily"]
    pieces = {piece.piece: piece for piece in ingest(tmp_path, ["all"])}
    assert pieces["songs__made"].files == ("songs/", "inc/")
