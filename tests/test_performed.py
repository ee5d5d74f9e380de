"""Performances by people: read, linked with the written notes, sounded, and kept in a dataset."""

import json
import shutil
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import mido
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from played_files import Note, match, match_note, nasap, parangonada, write_midi
from small_scores import musicxml, note

from msmdtools.build import human
from msmdtools.build import perform as perform_room
from msmdtools.build.perform_options import PerformOptions
from msmdtools.cli import main
from msmdtools.dataset import performed_checks, reader
from msmdtools.errors import ManifestError, PieceError, ToolError
from msmdtools.perform import perform_played
from msmdtools.perform.played import PedalMove, Played, PlayedNote, read_played
from msmdtools.performance import PerformanceSpec
from msmdtools.performed import parangonar
from msmdtools.performed.alignment import locate
from msmdtools.performed.listing import listed, safe_name
from msmdtools.performed.way import Stretch, way

START = '<barline location="left"><repeat direction="forward"/></barline>'
END = '<barline location="right"><repeat direction="backward"/></barline>'
# Bars 1 and 2 are repeated: C D E F | G+B, E | and then C.
SONG = musicxml(
    [
        START + "".join(note(p, 4, id=f"n{i}") for i, p in enumerate(("C4", "D4", "E4", "F4"), 1)),
        note("G4", 8, id="n5") + note("B4", 8, id="n6", chord=True) + note("E4", 8, id="n7") + END,
        note("C5", 16, id="n8"),
    ]
)
OTHER = musicxml(["".join(note(p, 4) for p in ("F#4", "G#4", "A#4", "C#5"))] * 3)

# Played with the repeat: D is left out the first time, a wrong B flat is struck, and chords are spread.
C1, E1, F1 = (0.5, 0.9, 60, 70), (1.5, 1.9, 64, 71), (2.0, 2.4, 65, 72)
WRONG = (2.2, 2.3, 70, 30)
G1, B1, E1B = (2.5, 3.4, 67, 80), (2.54, 3.4, 71, 81), (3.5, 3.9, 64, 60)
C2, D2, E2, F2 = (4.5, 4.9, 60, 70), (5.0, 5.4, 62, 70), (5.5, 5.9, 64, 70), (6.0, 6.4, 65, 70)
B2, G2, E2B = (6.5, 7.4, 71, 80), (6.56, 7.4, 67, 81), (7.5, 7.9, 64, 60)
LAST = (8.5, 9.5, 72, 90)
PLAYED: tuple[Note, ...] = (
    *(C1, E1, F1, WRONG, G1, B1, E1B, C2, D2, E2, F2, B2, G2, E2B, LAST),
)  # fmt: skip
ROWS: list[tuple[str, Note | None]] = [
    ("n1-1", C1),
    ("n2-1", None),
    ("n3-1", E1),
    ("n4-1", F1),
    ("insertion", WRONG),
    ("n5-1", G1),
    ("n6-1", B1),
    ("n7-1", E1B),
    ("n1-2", C2),
    ("n2-2", D2),
    ("n3-2", E2),
    ("n4-2", F2),
    ("n5-2", G2),
    ("n6-2", B2),
    ("n7-2", E2B),
    ("n8-1", LAST),
]
NAME = "played_TimGM6mb-000"
# The links of PLAYED and of what was left out: link, note, pass.
LINKS = [
    ("match", 0, 1),
    ("match", 2, 1),
    ("match", 3, 1),
    ("insertion", -1, 0),
    ("match", 4, 1),
    ("match", 5, 1),
    ("match", 6, 1),
    ("match", 0, 2),
    ("match", 1, 2),
    ("match", 2, 2),
    ("match", 3, 2),
    ("match", 5, 2),
    ("match", 4, 2),
    ("match", 6, 2),
    ("match", 7, 1),
    ("deletion", 1, 1),
]


def msmd(*arguments: object, code: int = 0) -> str:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    return result.output


@pytest.fixture(scope="module")
def built(soundfont: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of two songs, played as written."""
    return build(tmp_path_factory.mktemp("built"))


@pytest.fixture
def dataset(built: Path, tmp_path: Path) -> Path:
    """A copy of it, to add performances to."""
    return Path(shutil.copytree(built, tmp_path / "dataset"))


def build(folder: Path, *options: str) -> Path:
    tree = folder / "tree"
    tree.mkdir()
    (tree / "song.musicxml").write_text(SONG, "utf-8")
    (tree / "other.musicxml").write_text(OTHER, "utf-8")
    fonts = ("--soundfonts", "TimGM6mb", "--jobs", "1")
    msmd("build", tree, "--out", folder / "out", *fonts, *options)
    return folder / "out"


def listing(folder: Path, *rows: str, columns: str = "piece,file,alignment") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "performances.csv"
    path.write_text("\n".join([columns, *rows]) + "\n", "utf-8")
    return path


def add(dataset: Path, source: Path, *, code: int = 0) -> dict[str, Any]:
    output = msmd("perform", dataset, "--from", source, "--jobs", "1", "-q", "--json", code=code)
    return dict(json.loads(output))


def played_song(folder: Path) -> Path:
    """A list of one performance of the song, with an alignment of (n)ASAP."""
    write_midi(folder / "played.mid", PLAYED, [(0.4, 64, 127), (9.4, 64, 0), (0.0, 67, 100)])
    nasap(folder / "played.tsv", ROWS)
    return listing(folder, "song,played.mid,played.tsv")


def rows_of(
    dataset: Path, table: str, piece: str = "song", performance: str = NAME
) -> pd.DataFrame:
    frame = pd.read_parquet(dataset / f"{table}.parquet")
    chosen = (frame["piece"] == piece) & (frame["performance"] == performance)
    return frame[chosen].reset_index(drop=True)


def links_of(dataset: Path, performance: str = NAME) -> list[tuple[str, int, int]]:
    events = rows_of(dataset, "events", performance=performance)
    columns = (events[name].tolist() for name in ("link", "note", "pass"))
    return list(zip(*columns, strict=True))


def test_every_performed_and_every_written_note_has_a_row(dataset: Path, tmp_path: Path) -> None:
    summary = add(dataset, played_song(tmp_path / "list"))
    assert (summary["listed"], len(summary["added"]), summary["failed"]) == (1, 1, 0)
    assert links_of(dataset) == LINKS
    events = rows_of(dataset, "events")
    heard = events[events["link"] != "deletion"]
    for column, index in (("onset_s", 0), ("offset_s", 1), ("pitch", 2), ("velocity", 3)):
        assert heard[column].tolist() == [played[index] for played in PLAYED], column
    left_out = events[events["link"] == "deletion"].iloc[0]
    assert np.isnan(left_out[["onset_s", "offset_s"]].astype(float)).all()
    assert (left_out["pitch"], left_out["velocity"], left_out["source"]) == (62, 0, "#n2")
    assert heard["source"].tolist()[:4] == ["#n1", "#n3", "#n4", ""]
    assert heard["reason"].tolist()[:4] == ["", "", "", "insertion"]
    assert heard["heads"].tolist()[:4] == [1, 1, 1, 0]
    assert heard["part"].tolist()[:4] == [0, 0, 0, -1]
    row = rows_of(dataset, "performances").iloc[0]
    counts = ("matched", "insertions", "ornaments", "deletions")
    assert [row[name] for name in counts] == [14, 1, 0, 1]
    assert (row["kind"], row["alignment"], row["aligned_by"]) == ("performed", "matched", "nasap")
    assert (row["source"], row["velocity"], row["tempo"]) == ("played.mid", "source", 1.0)
    card = (dataset / "README.md").read_text("utf-8")
    assert "Some performances were played by people, and sounded with TimGM6mb" in card
    attempt = rows_of(dataset, "attempts").iloc[0]
    assert (attempt["status"], attempt["played_share"]) == ("ok", pytest.approx(14 / 15))
    assert attempt["written_share"] == pytest.approx(14 / 15)


def test_the_synthetic_performances_and_all_other_tables_stay(
    dataset: Path, tmp_path: Path
) -> None:
    before = {
        name: pd.read_parquet(dataset / f"{name}.parquet") for name in ("events", "noteheads")
    }
    add(dataset, played_song(tmp_path / "list"))
    events = pd.read_parquet(dataset / "events.parquet")
    kept = events[events["performance"] != NAME].reset_index(drop=True)
    pd.testing.assert_frame_equal(kept, before["events"])
    assert (before["events"]["note"] == before["events"]["event"]).all()
    assert set(before["events"]["link"]) == {"exact"}
    assert set(before["events"]["pass"]) == {1}
    after = pd.read_parquet(dataset / "noteheads.parquet")
    pd.testing.assert_frame_equal(after, before["noteheads"])


def test_the_dataset_is_valid_and_a_fault_is_found(dataset: Path, tmp_path: Path) -> None:
    add(dataset, played_song(tmp_path / "list"))
    assert "all well" in msmd("validate", dataset, "-q")
    piece = reader.open(dataset)["song"]
    tables = {
        name: piece.dataset.table(name, "song").to_pandas() for name in ("events", "performances")
    }

    def found(change: Callable[[pd.DataFrame], None]) -> set[str]:
        events = tables["events"].copy()
        change(events)
        changed = {**tables, "events": events}
        return {f.what for f in performed_checks.check_performed("song", changed, {NAME: 10.5})}

    human_rows = np.flatnonzero(tables["events"]["performance"] == NAME)

    def set_value(row: int, column: str, value: object) -> Callable[[pd.DataFrame], None]:
        def change(events: pd.DataFrame) -> None:
            events.loc[human_rows[row], column] = value

        return change

    assert found(lambda events: None) == set()
    assert found(set_value(0, "link", "insertion")) == {
        "matched: 14 in the performances table, 13 found",
        "insertions: 1 in the performances table, 2 found",
        "an insertion has a note",
    }
    assert found(set_value(0, "note", 1)) == {
        "its written note has another event in the same pass",
    }
    assert found(set_value(2, "onset_s", 0.0)) == {"starts before the event before it"}
    assert found(set_value(15, "onset_s", 9.0)) == {"a deletion has a time"}
    assert found(set_value(14, "note", 6)) == {
        "its written note has another event in the same pass",
        "no event for note 7",
    }
    assert found(set_value(14, "velocity", 0)) == {"velocity is not within 1 to 127"}


def test_a_match_file_holds_the_performance_itself(dataset: Path, tmp_path: Path) -> None:
    lines = []
    for number, (identity, performed) in enumerate(ROWS):
        score = f"snote({identity},[C,n],4,1:1,0,1/4,0.0000,1.0000,[v1,staff1])"
        if identity == "insertion" and performed:
            lines.append(f"insertion-{match_note(number, performed)}")
        elif performed:
            lines.append(f"{score}-{match_note(number, performed)}")
        else:
            lines.append(f"{score}-deletion.")
    lines += ["sustain(400,127).", "sustain(9400,0).", "soft(0,100)."]
    folder = tmp_path / "matched"
    folder.mkdir()
    match(folder / "played.match", lines)
    assert add(dataset, folder)["failed"] == 0
    assert links_of(dataset) == LINKS
    row = rows_of(dataset, "performances").iloc[0]
    assert (row["aligned_by"], row["source"]) == ("match", "played.match")
    file = mido.MidiFile(dataset / "pieces/song/performances" / NAME / "performance.mid")
    moves, now = [], 0.0
    for message in file:
        now += message.time
        if message.type == "control_change":
            moves.append((round(now, 4), message.control, message.value))
    assert moves == [(0.0, 67, 100), (0.4, 64, 127), (9.4, 64, 0)]


def test_ornaments_of_a_match_file_belong_to_their_note(dataset: Path, tmp_path: Path) -> None:
    trill: tuple[Note, ...] = ((0.5, 0.6, 60, 70), (0.6, 0.7, 62, 70), (0.7, 0.8, 60, 70))
    lines = [
        f"snote(n1,[C,n],4,1:1,0,1/4,0.0000,1.0000,[v1,staff1,trill])-{match_note(0, trill[0])}",
        f"ornament(n1,[trill])-{match_note(1, trill[1])}",
        f"ornament(n1,[trill])-{match_note(2, trill[2])}",
    ]
    (tmp_path / "m").mkdir()
    match(tmp_path / "m" / "played.match", lines)
    add(dataset, tmp_path / "m")
    deletions = [("deletion", number, 1) for number in range(1, 8)]
    assert links_of(dataset) == [
        ("match", 0, 1),
        ("ornament", 0, 1),
        ("ornament", 0, 1),
        *deletions,
    ]
    assert "all well" in msmd("validate", dataset, "-q")


def test_notes_are_found_by_bar_and_beat_where_ids_do_not_fit(
    dataset: Path, tmp_path: Path
) -> None:
    steps = (("C", 4), ("D", 4), ("E", 4), ("F", 4))
    lines = [
        f"snote(x{beat}-1,[{step},n],{octave},1:{beat},0,1/4,0.0,1.0,[v1])-"
        + match_note(beat, (beat * 0.5, beat * 0.5 + 0.4, 58 + 2 * beat - (beat == 4), 64))
        for beat, (step, octave) in enumerate(steps, 1)
    ]
    # The second half of bar 2, in parts of a whole note from its first beat.
    lines.append(
        "snote(x9-1,[E,n],4,2:1,1/2,1/2,6.0,8.0,[v1])-" + match_note(9, (3.5, 4.0, 64, 64))
    )
    match(tmp_path / "m.match", lines)
    add(dataset, listing(tmp_path, "song,m.match"))
    found = links_of(dataset, "m_TimGM6mb-000")
    assert found[:5] == [("match", note, 1) for note in (0, 1, 2, 3, 6)]
    assert found[5:] == [("deletion", note, 1) for note in (4, 5, 7)]


def test_a_parangonada_folder_is_read(dataset: Path, tmp_path: Path) -> None:
    rows = [("" if identity == "insertion" else identity, note) for identity, note in ROWS]
    parangonada(tmp_path / "list" / "played", rows)
    add(dataset, listing(tmp_path / "list", "song,played"))
    assert links_of(dataset) == LINKS
    assert rows_of(dataset, "performances").iloc[0]["aligned_by"] == "parangonada"
    # With a MIDI file it is the alignment alone.
    write_midi(tmp_path / "list" / "own.mid", PLAYED)
    add(dataset, listing(tmp_path / "list", "song,own.mid,played"))
    assert links_of(dataset, "own_TimGM6mb-000") == LINKS


def test_passes_are_notes_of_their_own_where_repeats_are_unfolded(
    soundfont: Path, tmp_path: Path
) -> None:
    dataset = build(tmp_path, "--repeats", "unfolded")
    add(dataset, played_song(tmp_path / "list"))
    again = [(link, note + 7 if turn == 2 else note, turn) for link, note, turn in LINKS]
    expected = [
        (k, 14, 1) if (note, turn) == (7, 1) else (k, note, turn) for k, note, turn in again
    ]
    assert sorted(links_of(dataset)) == sorted(expected)
    assert "all well" in msmd("validate", dataset, "-q")
    piece = reader.open(dataset)["song"]
    assert [passage.system for passage in piece.passages(NAME)] == [1, 1]


def test_what_the_source_hides_is_an_ornament(dataset: Path, tmp_path: Path) -> None:
    twice = (0.6, 0.7, 60, 50)
    hidden = (0.8, 0.9, 61, 50)
    rows = [("n1-1", C1), ("n1-1", twice), ("n99-1", hidden), ("n98-1", None), *ROWS[1:]]
    write_midi(tmp_path / "played.mid", sorted([*PLAYED, twice, hidden]))
    nasap(tmp_path / "played.tsv", rows)
    add(dataset, listing(tmp_path, "song,played.mid,played.tsv"))
    events = rows_of(dataset, "events")
    columns = ["link", "note", "pass", "source", "heads", "reason"]
    first = events[columns].head(3).to_numpy().tolist()
    assert first == [
        ["match", 0, 1, "#n1", 1, ""],
        ["ornament", 0, 1, "#n1", 0, "ornament"],
        ["ornament", -1, 1, "#n99", 0, "ornament"],
    ]
    assert rows_of(dataset, "attempts").iloc[0]["unwritten"] == 1
    assert "all well" in msmd("validate", dataset, "-q")


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ("nothing,played.mid,played.tsv", ("list", "no-such-piece")),
        ("song,absent.mid,played.tsv", ("read", "missing-file")),
        ("song,played.mid,absent.tsv", ("read", "missing-file")),
        ("song,empty.mid,played.tsv", ("read", "no-notes")),
        ("song,text.mid,played.tsv", ("read", "unreadable")),
        ("song,played.mid,late.tsv", ("align", "alignment-of-another-performance")),
        ("song,played.mid,foreign.tsv", ("align", "alignment-of-another-score")),
        ("song,played.mid,shifted.tsv", ("align", "alignment-of-another-score")),
        ("other,played.mid,played.tsv", ("align", "alignment-of-another-score")),
        ("song,played.mid,few.tsv", ("align", "too-few-matches")),
        ("song,played.mid,text.mid", ("read", "unknown-format")),
        ("song,played.mid,old.match", ("align", "unknown-format")),
    ],
)
def test_bad_input_is_a_row_with_the_reason_and_others_go_on(
    dataset: Path, tmp_path: Path, rows: str, expected: tuple[str, str]
) -> None:
    folder = tmp_path / "list"
    played_song(folder)
    write_midi(folder / "empty.mid", [])
    (folder / "text.mid").write_text("no MIDI", "utf-8")
    late = [(name, p and (p[0] + 0.2, *p[1:])) for name, p in ROWS]
    nasap(folder / "late.tsv", late)
    nasap(folder / "foreign.tsv", [(f"x{name}", p) for name, p in ROWS])
    names = [name for name, p in ROWS if p is not None]
    nasap(folder / "shifted.tsv", list(zip(names[3:] + names[:3], PLAYED, strict=True)))
    nasap(folder / "few.tsv", [("n1-1", C1), *(("insertion", p) for p in PLAYED[1:])])
    (folder / "old.match").write_text("info(matchFileVersion,5.0).\n", "utf-8")
    source = listing(
        folder,
        "song,played.mid,played.tsv,good",
        f"{rows},bad",
        columns="piece,file,alignment,name",
    )
    summary = add(dataset, source, code=3)
    assert [row["performance"] for row in summary["added"]] == ["good_TimGM6mb-000"]
    assert [failure["reason"] for failure in summary["failures"]] == [", ".join(expected)]
    piece = rows.split(",", maxsplit=1)[0]
    failed = rows_of(dataset, "attempts", piece, "bad_TimGM6mb-000").iloc[0]
    assert (failed["status"], failed["stage"], failed["reason"]) == ("failed", *expected)
    assert failed["message"]
    assert not (dataset / "pieces" / piece / "performances" / "bad_TimGM6mb-000").exists()
    assert "all well" in msmd("validate", dataset, "-q")
    # The same command again does nothing, and says the same.
    before = (dataset / "dataset.json").read_bytes()
    again = add(dataset, source, code=3)
    assert (again["there"], again["added"], again["failures"]) == (1, [], summary["failures"])
    assert (dataset / "dataset.json").read_bytes() == before


def test_half_a_performance_is_taken_and_what_is_missing_said(
    dataset: Path, tmp_path: Path
) -> None:
    write_midi(tmp_path / "half.mid", PLAYED[:3])
    nasap(tmp_path / "half.tsv", [("n1-1", C1), ("n3-1", E1), ("n4-1", F1)])
    source = listing(tmp_path, "song,half.mid,half.tsv")
    output = msmd("perform", dataset, "--from", source, "-q")
    assert "song, half_TimGM6mb-000: 38% of the written notes were played" in output
    row = rows_of(dataset, "performances", performance="half_TimGM6mb-000").iloc[0]
    assert (row["matched"], row["deletions"], row["insertions"]) == (3, 5, 0)


def files_of(folder: Path) -> dict[str, bytes]:
    paths = (p for p in folder.rglob("*") if p.is_file() and p.name not in ("build.jsonl", ".lock"))
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(paths)}


def test_a_stopped_command_goes_on_and_ends_with_the_same_bytes(
    dataset: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "list"
    played_song(folder)
    keys = (66, 68, 70, 73) * 3
    other = [(0.5 * k + 0.5, 0.5 * k + 0.9, key, 64) for k, key in enumerate(keys)]
    write_midi(folder / "other.mid", other)
    places = [f"part[@id='P1']/measure[{k // 4 + 1}]/note[{k % 4 + 1}]" for k in range(12)]
    assert reader.open(dataset)["other"].noteheads["source"].tolist() == places
    # The other score has no ids: they are found by bar and beat.
    steps = ("F,#", "G,#", "A,#", "C,#")
    match(
        folder / "other.match",
        [
            f"snote(n{k}-1,[{steps[k % 4]}],{4 + (k % 4 == 3)},{k // 4 + 1}:{k % 4 + 1},"
            f"0,1/4,0.0,1.0,[v1])-{match_note(k, played)}"
            for k, played in enumerate(other)
        ],
    )
    source = listing(folder, "song,played.mid,played.tsv", "other,other.mid,other.match")
    whole = Path(shutil.copytree(dataset, tmp_path / "whole"))
    add(whole, source)
    options = PerformOptions(jobs=1)
    with pytest.raises(KeyboardInterrupt):
        perform_room.add_performances(dataset, [source], options, progress=_stops_after_one)
    assert json.loads((dataset / "dataset.json").read_text())["state"] == "performing"
    assert len(reader.open(dataset)["song"].performances) == 1  # the tables are as before
    summary = add(dataset, source)
    assert (len(summary["added"]), summary["there"]) == (1, 1)
    first, second = files_of(whole), files_of(dataset)
    # What was added, and when, is told by the attempts of each command; all else is the same.
    assert {k for k in first if first[k] != second.get(k)} <= {"attempts.parquet"}
    assert first.keys() == second.keys()


def _stops_after_one(what: str, done: int, total: int, note: str = "") -> None:
    if done == 1:
        raise KeyboardInterrupt


def test_a_changed_file_is_performed_again(dataset: Path, tmp_path: Path) -> None:
    source = played_song(tmp_path / "list")
    add(dataset, source)
    write_midi(tmp_path / "list" / "played.mid", [*PLAYED, (10.0, 10.5, 72, 50)])
    assert len(add(dataset, source)["added"]) == 1
    assert rows_of(dataset, "performances").iloc[0]["insertions"] == 2
    assert "all well" in msmd("validate", dataset, "-q")


def test_a_build_that_adds_performances_keeps_those_of_people(
    built: Path, dataset: Path, tmp_path: Path
) -> None:
    add(dataset, played_song(tmp_path / "list"))
    tree = built.parent / "tree"
    fonts = ("--soundfonts", "TimGM6mb", "--tempi", "1.0,2.0", "--jobs", "1")
    msmd("build", tree, "--out", dataset, *fonts, "-q")
    assert links_of(dataset) == LINKS
    assert rows_of(dataset, "attempts")["status"].tolist() == ["ok"]
    names = sorted(reader.open(dataset)["song"].performances.index)
    assert names == ["TimGM6mb-000_x1.00", "TimGM6mb-000_x2.00", NAME]
    assert "all well" in msmd("validate", dataset, "-q")


def test_places_on_paper_follow_the_performance(dataset: Path, tmp_path: Path) -> None:
    add(dataset, played_song(tmp_path / "list"))
    piece = reader.open(dataset)["song"]
    heads = piece.noteheads.assign(x=(piece.noteheads["x0"] + piece.noteheads["x1"]) / 2)
    x = dict(zip(heads["event"], heads["x"], strict=True))
    assert piece.performance_name() == "TimGM6mb-000_x1.00"
    passages = piece.passages(NAME)
    assert len(passages) == 2
    # The chord has one time, that of its earlier note, and the D that was left out no place of its own.
    assert passages[0].times.tolist() == [0.5, 1.5, 2.0, 2.5, 3.5, 4.5]
    assert passages[1].times.tolist() == [4.5, 5.0, 5.5, 6.0, 6.5, 7.5, 8.5, 9.5]
    chord = (x[4] + x[5]) / 2
    assert passages[1].xs.tolist()[:-1] == pytest.approx(
        [x[0], x[1], x[2], x[3], chord, x[6], x[7]]
    )
    assert piece.position(NAME, 6.5).x == pytest.approx(chord)
    page, y = piece.position(NAME, 2.0).page, piece.position(NAME, 2.0).y
    assert piece.times(NAME, page, x[3], y) == pytest.approx([2.0, 6.0])
    assert piece.started(NAME).to_numpy().tolist() == sorted(
        [int(heads["notehead"][heads["event"] == note].iloc[0]), event]
        for event, (link, note, _) in enumerate(LINKS)
        if link == "match"
    )
    sounds = piece.sounds(NAME)
    assert sounds[1].tolist() == [5.0, 5.4, 8.0]  # the first time that it is played
    assert [len(piece.events(NAME)), len(piece.deletions(NAME))] == [15, 1]


def test_snippets_are_cut_at_what_was_played(dataset: Path, tmp_path: Path) -> None:
    add(dataset, played_song(tmp_path / "list"))
    out = tmp_path / "snippets"
    split = tmp_path / "split.csv"
    split.write_text("piece,part\nsong,train\nother,test\n", "utf-8")
    msmd("snippets", dataset, "--out", out, "--split", f"{split}:part", "--jobs", "1", "-q")
    columns = ["piece", "performance", "onset", "second", "pitches", "x", "sheet"]
    shards = sorted((out / "data").glob("*.parquet"))
    rows = pd.concat(pd.read_parquet(path, columns=columns) for path in shards)
    played = rows[rows["performance"] == NAME].sort_values("second")
    assert set(played["piece"]) == {"song"}
    assert played["second"].tolist() == [0.5, 1.5, 2.0, 2.5, 3.5, 4.5, 5.0, 5.5, 6.0, 6.5, 7.5, 8.5]
    # Seven written onsets: the second time, their numbers go on.
    assert played["onset"].tolist() == [0, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12, 6]
    assert played["pitches"].map(list).tolist()[3] == [67, 71]
    synthetic = rows[(rows["piece"] == "song") & (rows["performance"] != NAME)].set_index("onset")
    for onset, x, sheet in zip(played["onset"], played["x"], played["sheet"], strict=True):
        assert x == synthetic.at[onset % 7, "x"]
        assert sheet["bytes"] == synthetic.at[onset % 7, "sheet"]["bytes"]
    assert "all well" in msmd("validate", out, "-q")


def test_exports_leave_out_what_was_not_played(dataset: Path, tmp_path: Path) -> None:
    write_midi(tmp_path / "half.mid", PLAYED[:3])
    nasap(tmp_path / "half.tsv", [("n1-1", C1), ("n3-1", E1), ("n4-1", F1)])
    add(dataset, listing(tmp_path, "song,half.mid,half.tsv"))
    name = "half_TimGM6mb-000"
    for form in ("mung", "msmd"):
        msmd("export", dataset, "--format", form, "--out", tmp_path / form, "-q")
    from mung.io import read_nodes_from_file

    graph = read_nodes_from_file(str(tmp_path / "mung/mung/song-01.xml"))
    heads = [node for node in graph if node.class_name.startswith("notehead")]
    played = {n.data["events"][0]: n.data.get(f"{name}_onset_seconds") for n in heads}
    assert played == {0: 0.5, 1: None, 2: 1.5, 3: 2.0, 4: None, 5: None, 6: None, 7: None}
    notes = np.load(next((tmp_path / "msmd").rglob(f"*{name}_notes.npy")))
    assert notes[:, 0].tolist() == [0.5, 1.5, 2.0]


def test_a_page_is_drawn_and_the_sound_can_be_rendered_again(dataset: Path, tmp_path: Path) -> None:
    from msmdtools.evaluation.rendering import Rendition, whole

    add(dataset, played_song(tmp_path / "list"))
    picture = tmp_path / "page.png"
    msmd("show", "page", dataset, "song", "--performance", NAME, "--out", picture)
    assert picture.stat().st_size > 10_000
    piece = reader.open(dataset)["song"]
    again = whole(Rendition(dataset, "song", NAME))
    np.testing.assert_array_equal(again, piece.spectrogram(NAME))


def test_tempi_of_any_track_hold(tmp_path: Path) -> None:
    path = write_midi(tmp_path / "t.mid", [(0.5, 1.5, 60, 64), (3.0, 3.5, 62, 65)], tempo_at=1.0)
    notes = read_played(path).notes
    assert notes == (PlayedNote(0.5, 1.5, 60, 64, 1, 0), PlayedNote(3.0, 3.5, 62, 65, 1, 0))


def test_pedals_and_velocities_are_heard(soundfont: Path, tmp_path: Path) -> None:
    spec = PerformanceSpec(1.0, "TimGM6mb", 0, None)
    notes = [PlayedNote(0.5, 0.6, 60, 90)]

    def energy(name: str, played: Played, start: float, end: float) -> float:
        perform_played(played, spec, tmp_path / name)
        bands = np.load(tmp_path / name / "spectrogram.npy").astype(float)
        return float(bands[:, int(start * 20) : int(end * 20)].sum())

    end = [PedalMove(2.0, 64, 0)]
    dry = energy("dry", Played.of(notes, end), 1.2, 1.8)
    held = energy("held", Played.of(notes, [PedalMove(0.0, 64, 127), *end]), 1.2, 1.8)
    caught = energy(
        "caught", Played.of(notes, [PedalMove(0.55, 66, 127), PedalMove(2.0, 66, 0)]), 1.2, 1.8
    )
    assert held > 10 * dry
    assert caught > 10 * dry
    loud = energy("loud", Played.of([PlayedNote(0.5, 1.0, 60, 120)], []), 0.5, 1.0)
    quiet = energy("quiet", Played.of([PlayedNote(0.5, 1.0, 60, 30)], []), 0.5, 1.0)
    assert loud > 2 * quiet


def test_a_key_struck_again_ends_its_earlier_note() -> None:
    from msmdtools.perform.played import plan_of

    played = Played.of(
        [PlayedNote(0.0, 2.0, 60, 50), PlayedNote(1.0, 1.5, 60, 60), PlayedNote(1.0, 1.7, 60, 70)],
        [],
    )
    actions = plan_of(played, PerformanceSpec(1.0, "TimGM6mb", 0, None)).actions
    assert [(a.tick, a.kind, a.value) for a in actions] == [
        (0, 3, 50),
        (10_000, 0, 0),
        (10_000, 3, 70),
        (17_000, 0, 0),
    ]


def test_the_way_goes_back_for_repeats_and_skips_first_endings() -> None:
    chords = [frozenset({pitch}) for pitch in range(20, 100)]
    bars = np.arange(80) % 4 == 0
    pitches = list(range(20, 100))
    assert way(chords, bars, pitches) == [Stretch(0, 79)]
    # Bars 0 to 11, again without the last five of them, and on.
    repeated = [*pitches[:48], *pitches[:28], *pitches[48:]]
    assert way(chords, bars, repeated) == [Stretch(0, 47), Stretch(0, 27), Stretch(48, 79)]
    # A wrong note and one that is left out are no leap.
    wrong = [*pitches[:7], 110, *pitches[8:12], *pitches[13:]]
    assert way(chords, bars, wrong) == [Stretch(0, 79)]
    # Half of it is half of the way, to the end of its bar.
    assert way(chords, bars, pitches[:38]) == [Stretch(0, 39)]
    assert way(chords, bars, pitches[40:]) == [Stretch(40, 79)]


def test_without_an_alignment_parangonar_is_needed(
    monkeypatch: pytest.MonkeyPatch, dataset: Path, tmp_path: Path
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "parangonar", None)
    with pytest.raises(ToolError, match=r'pip install "msmdtools\[match\]"'):
        parangonar._matcher()


def test_parangonar_aligns_what_has_no_alignment(dataset: Path, tmp_path: Path) -> None:
    if find_spec("parangonar") is None:  # imported as it is, it may want a network
        pytest.skip("parangonar is not installed")
    write_midi(
        tmp_path / "played.mid", PLAYED[7:]
    )  # without the repeat, which is too short to be found
    add(dataset, listing(tmp_path, "song,played.mid,"))
    assert links_of(dataset) == [("match", note, 1) for note in (0, 1, 2, 3, 5, 4, 6, 7)]
    assert rows_of(dataset, "performances").iloc[0]["aligned_by"] == "parangonar"


def test_notes_of_an_alignment_are_found_in_order() -> None:
    played = Played.of([PlayedNote(1.0, 2.0, 60, 64), PlayedNote(1.002, 2.0, 60, 64)], [])
    assert locate(played, [(1.002, 60), (1.0, 60)], "a.tsv") == [1, 0]
    with pytest.raises(
        PieceError, match=r"1 of the 1 performed notes of a\.tsv are not in the perf"
    ):
        locate(played, [(1.01, 60)], "a.tsv")


def test_lists_and_names(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x.mid").touch()
    (tmp_path / "b.mid").touch()
    path = listing(
        tmp_path,
        "a,Bach,x.mid,x.tsv,beats.txt",
        "a,Bach,b.mid,,",
        "a,Bach,sub/x.mid,,",
        "a,Bach,x.mid,x.tsv,beats.txt",
        columns="piece,composer,performance,alignment,beats",
    )
    found = [(r.name, r.file, r.alignment) for r in listed(path)]
    assert found == [
        ("x", tmp_path / "a" / "x.mid", tmp_path / "x.tsv"),
        ("b", tmp_path / "b.mid", None),
        ("x-2", tmp_path / "sub" / "x.mid", None),
    ]
    assert safe_name("../Ré: Op. 1/№ 3?") == "R_Op._1_3"
    assert safe_name("…") == "performance"
    assert human.name_of("a", PerformanceSpec(1.0, "/fonts/My.sf2", 4, None)) == "a_My-004"


def test_the_repository_of_asap_lists_its_performances(tmp_path):
    folder = tmp_path / "Bach" / "Fugue"
    folder.mkdir(parents=True)
    (folder / "Shi05M.mid").write_bytes(b"")
    (folder / "Lee01M.mid").write_bytes(b"")
    (tmp_path / "metadata.csv").write_text(
        "composer,xml_score,midi_performance,note_alignments\n"
        "Bach,Bach/Fugue/xml_score.musicxml,Bach/Fugue/Shi05M.mid,Bach/Fugue/Shi05M/note_alignment.tsv\n"
        "Bach,Bach/Fugue/xml_score.musicxml,Bach/Fugue/Lee01M.mid,\n"
        "Bach,Bach/Fugue/xml_score.musicxml,Bach/Fugue/Gone01M.mid,\n"
    )
    first, second = listed(tmp_path)
    assert (first.piece, first.file) == (
        "Bach/Fugue/xml_score.musicxml",
        folder / "Shi05M.mid",
    )
    assert first.alignment == folder / "Shi05M" / "note_alignment.tsv"
    assert (first.name, first.licence) == ("Shi05M", "CC-BY-NC-SA-4.0")
    assert (second.file, second.alignment) == (folder / "Lee01M.mid", None)


def test_another_metadata_is_refused(tmp_path):
    (tmp_path / "metadata.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ManifestError, match=r"is not the list of \(n\)ASAP"):
        listed(tmp_path)
