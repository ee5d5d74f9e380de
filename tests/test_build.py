"""What a build does with pieces that work and pieces that do not, with a fake engraver."""

import hashlib
import json
import shutil
from collections import Counter
from dataclasses import replace

import build_fakes
import pyarrow.parquet as pq
import pytest
from build_fakes import OPTIONS, SOURCES, content

from msmdtools.build import build as building
from msmdtools.build import provenance, schedule, upgrade, worker
from msmdtools.build.build import build
from msmdtools.build.options import BuildOptions
from msmdtools.build.summary import format_summary
from msmdtools.dataset.tables import TABLES
from msmdtools.errors import DatasetError, ManifestError, SoundfontError
from msmdtools.sources.manifest import read_manifest, write_manifest


@pytest.fixture(autouse=True)
def fakes(monkeypatch):
    for module, name, fake in (*build_fakes.IN_BUILD, *build_fakes.IN_WORKER):
        monkeypatch.setattr(module, name, fake)
    monkeypatch.setattr(schedule, "Pool", build_fakes.InlinePool)


def rows(dataset, table):
    return pq.read_table(dataset / f"{table}.parquet").to_pylist()


def test_a_build_has_a_row_for_everything(tmp_path):
    manifest, root = build_fakes.make_tree(tmp_path, SOURCES | {"x": "fail"})
    summary = build(manifest, root, tmp_path / "ds", OPTIONS)
    pieces = {row["piece"]: row for row in rows(tmp_path / "ds", "pieces")}
    assert list(pieces) == ["a", "b", "c", "d", "x"]
    assert [row["status"] for row in pieces.values()] == ["ok"] * 4 + ["failed"]
    assert pieces["b"] | {"sha256": "", "files_sha256": ""} == {
        "piece": "b",
        "status": "ok",
        "repeats": "written",
        "repeats_reason": "",
        "beats": "",
        "parts": 0,
        "measures": 1,
        "stage": "",
        "reason": "",
        "message": "",
        "title": "B",
        "composer": "Anon",
        "opus": "",
        "instrument": "",
        "instruments": "piano",
        "style": "",
        "date": "",
        "licence": "CC0-1.0",
        "licence_text": "",
        "edition": "",
        "lilypond": "",
        "format": "lilypond",
        "path": "b.ly",
        "tune": "",
        "look": "",
        "sha256": "",
        "files_sha256": "",
        "extra": '{"split": "train"}',
        "correction": "",
        "upgraded": "",
        "upgrade_difference": "",
        "engine": "LilyPond 2.99.0",
        "engraver_errors": 0,
        "engraver_error": "",
        "pages": 1,
        "systems": 1,
        "staves": 1,
        "noteheads": 40,
        "played": 38,
        "tied": 1,
        "silent": 1,
        "events": 41,
        "events_without_head": 1,
        "performances": 2,
    }
    assert (pieces["x"]["stage"], pieces["x"]["reason"]) == ("engrave", "syntax-error")
    assert pieces["x"]["message"] == "x.ly:1:2: unexpected nothing"
    heads = [row for row in rows(tmp_path / "ds", "noteheads") if row["piece"] == "c"]
    assert [(h["role"], h["event"], h["tied_to"], h["reason"]) for h in heads] == [
        ("played", 0, -1, ""),
        ("tied", 1, 0, ""),
        ("silent", -1, -1, "cue"),
    ]
    assert [h["onset_fraction"] for h in heads] == ["0", "1/3", "2/3"]
    events = [row for row in rows(tmp_path / "ds", "events") if row["piece"] == "c"]
    assert [(e["performance"], e["event"], e["onset_s"]) for e in events] == [
        *(("Fake-000_x0.50", i, 2.0 * i) for i in range(4)),
        *(("Fake-000_x1.00", i, 1.0 * i) for i in range(4)),
    ]
    assert (summary.selected, summary.attempted, summary.failed) == (5, 5, 1)


def test_tables_are_sorted_and_keys_unique(tmp_path):
    manifest, root = build_fakes.make_tree(tmp_path, SOURCES | {"x": "fail", "C": "ok 4"})
    build(manifest, root, tmp_path / "ds", OPTIONS)
    for table in TABLES:
        found = pq.read_table(tmp_path / "ds" / f"{table.name}.parquet")
        schema = table.arrow_schema()
        assert found.schema.equals(schema)
        assert [field.metadata for field in found.schema] == [field.metadata for field in schema]
        keys = [tuple(row[name] for name in table.key) for row in found.to_pylist()]
        assert keys == sorted(set(keys))


def test_files_have_their_checksums(tmp_path):
    import hashlib

    manifest, root = build_fakes.make_tree(tmp_path, {"a": "ok"})
    build(manifest, root, tmp_path / "ds", OPTIONS)
    folder = tmp_path / "ds" / "pieces" / "a"
    listed = {row["file"]: row for row in rows(tmp_path / "ds", "files")}
    assert set(listed) == {"music.json.gz", "page-01.png"} | {
        f"performances/Fake-000_x{tempo}/{name}"
        for tempo in ("0.50", "1.00")
        for name in ("performance.mid", "spectrogram.npy")
    }
    for name, row in listed.items():
        found = (folder / name).read_bytes()
        assert (row["bytes"], row["sha256"]) == (len(found), hashlib.sha256(found).hexdigest())


def test_the_summary_adds_up(tmp_path):
    sources = SOURCES | {"x": "fail", "y": "fail", "z": "bug"}
    manifest, root = build_fakes.make_tree(tmp_path, sources)
    summary = build(manifest, root, tmp_path / "ds", OPTIONS)
    t = summary.totals
    assert t["attempted"] == t["ok"] + t["failed"] == 7
    assert t["failed_by_reason"] == {"engrave/syntax-error": 2, "engrave/internal-error": 1}
    assert t["noteheads"] == t["played"] + t["tied"] + t["silent"] == 57
    assert t["silent"] == sum(t["silent_by_reason"].values()) == 4
    assert t["events"] == t["events_with_head"] + t["events_without_head"] == 2 * (57 + 4)
    assert t["events_without_head_by_reason"] == {"hidden-head": 8}
    assert t["performances"] == 8
    assert (t["performed_s"], t["audio_s"]) == ((57 + 4) * 3, 0)
    assert t["bytes"] == sum(row["bytes"] for row in rows(tmp_path / "ds", "files"))
    roles = Counter(row["role"] for row in rows(tmp_path / "ds", "noteheads"))
    assert roles == {"played": t["played"], "tied": t["tied"], "silent": t["silent"]}
    text = format_summary(summary)
    assert "pieces attempted                               7" in text
    assert "\n3 pieces failed:\n     2  engrave, syntax-error\n        x: " in text
    assert "\n     1  engrave, internal-error\n        z: " in text
    assert [f["name"] for f in summary.to_json()["failures"]] == ["x", "y", "z"]
    assert json.loads((tmp_path / "ds" / "dataset.json").read_text())["totals"] == t


@pytest.mark.parametrize("jobs", [1, 3])
def test_equal_builds_are_equal_byte_for_byte(tmp_path, jobs):
    manifest, root = build_fakes.make_tree(tmp_path, SOURCES | {"x": "fail"})
    build(manifest, root, tmp_path / "one", OPTIONS)
    again = BuildOptions(soundfonts=OPTIONS.soundfonts, tempi=OPTIONS.tempi, jobs=jobs)
    build(manifest, root, tmp_path / "two", again)
    assert content(tmp_path / "one") == content(tmp_path / "two")


def test_a_finished_build_does_nothing(tmp_path, monkeypatch):
    manifest, root = build_fakes.make_tree(tmp_path, SOURCES | {"x": "fail"})
    first = build(manifest, root, tmp_path / "ds", OPTIONS)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "ds").glob("[!.]*")}
    monkeypatch.setattr(worker, "make_piece", None)
    second = build(manifest, root, tmp_path / "ds", OPTIONS)
    assert (second.attempted, second.failed, second.totals) == (0, 1, first.totals)
    assert before == {path: path.stat().st_mtime_ns for path in (tmp_path / "ds").glob("[!.]*")}


def test_killed_at_any_moment_the_build_goes_on(tmp_path, monkeypatch):
    """Stop before each change of a name on the disk in turn; compare with a build left alone."""
    manifest, root = build_fakes.make_tree(tmp_path, {"a": "ok", "b": "fail", "c": "ok 2"})
    build(manifest, root, tmp_path / "whole", OPTIONS)
    whole = content(tmp_path / "whole")

    for stop in range(1, 100):
        out = tmp_path / f"stopped-{stop}"
        with build_fakes.killed_at_rename(stop) as killed:
            build(manifest, root, out, OPTIONS)
        if not killed:
            break
        for folder in (out / "pieces").glob("*"):  # whole or not there
            assert content(folder) == content(tmp_path / "whole" / "pieces" / folder.name)
        build(manifest, root, out, OPTIONS)
        assert content(out) == whole
        shutil.rmtree(out)
    assert stop > 12  # three pieces, six tables, card, description twice


def test_other_options_are_refused_by_name(tmp_path):
    manifest, root = build_fakes.make_tree(tmp_path, {"a": "ok"})
    build(manifest, root, tmp_path / "ds", OPTIONS)
    before = content(tmp_path / "ds")
    with pytest.raises(DatasetError) as caught:
        build(manifest, root, tmp_path / "ds", BuildOptions(soundfonts=(("Fake", 1),), width=900))
    assert str(caught.value) == (
        f"{tmp_path / 'ds'} was made with other options or tools, and all pieces of a dataset must be "
        "made alike:\n"
        "  --width: 835 in the dataset, 900 now\n"
        "Pieces, tempi, soundfonts, velocities, instruments and audio can be added to a dataset, but "
        "nothing else can be changed.\nGive another folder with --out, or remove this one."
    )
    assert content(tmp_path / "ds") == before


def test_another_engine_or_font_is_refused(tmp_path, monkeypatch):
    manifest, root = build_fakes.make_tree(tmp_path, {"a": "ok"})
    build(manifest, root, tmp_path / "ds", OPTIONS)
    changed = build_fakes.fake_identity(OPTIONS, (build_fakes.ENGINE,))
    changed["tools"]["engines"] = ["2.98.0"]
    changed["soundfonts"]["Fake"]["sha256"] = "0" * 64
    monkeypatch.setattr(provenance, "identity", lambda *_: changed)
    with pytest.raises(DatasetError) as caught:
        build(manifest, root, tmp_path / "ds", OPTIONS)
    assert "  LilyPond: 2.99.0 in the dataset, 2.98.0 now\n" in str(caught.value)
    assert f"  sha256 of Fake: {'f' * 64} in the dataset, {'0' * 64} now\n" in str(caught.value)


def test_a_changed_source_is_built_again_and_said(tmp_path):
    manifest, root = build_fakes.make_tree(tmp_path, SOURCES)
    build(manifest, root, tmp_path / "ds", OPTIONS)
    build_fakes.make_tree(tmp_path, SOURCES | {"b": "ok 7"})
    said = []
    summary = build(manifest, root, tmp_path / "ds", OPTIONS, warn=said.append)
    assert said == ["1 piece will be built again, since the source has changed: b"]
    assert (summary.attempted, summary.totals["noteheads"]) == (1, 5 + 7 + 3 + 9)
    build(manifest, root, tmp_path / "fresh", OPTIONS)
    changing = {"dataset.json", "README.md"}  # these name both manifests
    assert {k: v for k, v in content(tmp_path / "ds").items() if k not in changing} == {
        k: v for k, v in content(tmp_path / "fresh").items() if k not in changing
    }


def test_a_changed_source_that_fails_takes_the_old_piece_away(tmp_path):
    manifest, root = build_fakes.make_tree(tmp_path, {"a": "ok", "b": "ok"})
    build(manifest, root, tmp_path / "ds", OPTIONS)
    build_fakes.make_tree(tmp_path, {"a": "ok", "b": "fail"})
    summary = build(manifest, root, tmp_path / "ds", OPTIONS)
    assert (summary.failed, summary.totals["ok"]) == (1, 1)
    assert not (tmp_path / "ds" / "pieces" / "b").exists()
    build_fakes.make_tree(tmp_path, {"a": "ok", "b": "ok 6"})
    assert build(manifest, root, tmp_path / "ds", OPTIONS).totals["ok"] == 2
    assert not list((tmp_path / "ds" / "failed").glob("*"))


def test_a_changed_header_changes_rows_and_makes_nothing_again(tmp_path, monkeypatch):
    manifest, root = build_fakes.make_tree(tmp_path, {"a": "ok", "x": "fail"})
    build(manifest, root, tmp_path / "ds", OPTIONS)
    build_fakes.make_tree(tmp_path, {"a": "ok", "x": "fail"}, composer="Nemo")
    summary = build(manifest, root, tmp_path / "ds", OPTIONS)
    assert summary.attempted == 0
    assert [row["composer"] for row in rows(tmp_path / "ds", "pieces")] == ["Nemo", "Nemo"]
    assert rows(tmp_path / "ds", "pieces")[0]["noteheads"] == 5


def test_pieces_of_two_manifests_are_united(tmp_path):
    first, root = build_fakes.make_tree(tmp_path, {"a": "ok", "b": "ok"}, "first.csv")
    second, root = build_fakes.make_tree(tmp_path, {"b": "ok", "c": "ok"}, "second.csv")
    build(first, root, tmp_path / "ds", OPTIONS)
    summary = build(second, root, tmp_path / "ds", OPTIONS)
    assert (summary.selected, summary.attempted, summary.totals["ok"]) == (2, 1, 3)
    description = json.loads((tmp_path / "ds" / "dataset.json").read_text())
    assert [source["manifest"] for source in description["sources"]] == ["first.csv", "second.csv"]


def test_failed_pieces_are_tried_again_only_when_asked_for(tmp_path, monkeypatch):
    manifest, root = build_fakes.make_tree(tmp_path, {"a": "ok", "x": "fail", "y": "bug"})
    build(manifest, root, tmp_path / "ds", OPTIONS)
    engrave = build_fakes.fake_engrave
    mended = {"x": "ok 4"}

    def mending(source, folder, **named):
        source.write_text(mended.get(source.stem, source.read_text()))
        return engrave(source, folder, **named)

    monkeypatch.setattr(worker.engrave, "engrave", mending)
    assert build(manifest, root, tmp_path / "ds", OPTIONS).attempted == 0
    retry = BuildOptions(soundfonts=OPTIONS.soundfonts, tempi=OPTIONS.tempi, retry_failed=True)
    summary = build(manifest, root, tmp_path / "ds", retry)
    assert (summary.attempted, summary.failed, summary.totals["ok"]) == (2, 1, 2)


def test_missing_and_changed_sources_fail_alone(tmp_path):
    manifest, root = build_fakes.make_tree(tmp_path, SOURCES)
    (root / "a.ly").unlink()
    (root / "b.ly").write_text("ok 41")
    build(manifest, root, tmp_path / "ds", OPTIONS)
    found = {row["piece"]: row for row in rows(tmp_path / "ds", "pieces")}
    assert [found[p]["stage"] for p in "abcd"] == ["source", "source", "", ""]
    assert [found[p]["reason"] for p in "ab"] == ["missing-source", "sha256-mismatch"]
    assert found["a"]["message"].startswith("a.ly: No such file or directory.")
    assert str(tmp_path) not in found["a"]["message"] + found["b"]["message"]


def test_a_fault_of_the_program_is_a_row_with_its_traceback_in_the_log(tmp_path):
    manifest, root = build_fakes.make_tree(tmp_path, {"a": "ok", "y": "bug"})
    build(manifest, root, tmp_path / "ds", OPTIONS)
    row = rows(tmp_path / "ds", "pieces")[1]
    assert (row["stage"], row["reason"]) == ("engrave", "internal-error")
    assert row["message"] == "KeyError: 'nobody thought of this'"
    log = [json.loads(line) for line in (tmp_path / "ds" / "build.jsonl").open()]
    assert {entry["piece"]: entry["status"] for entry in log} == {"a": "ok", "y": "failed"}
    entry = next(entry for entry in log if entry["piece"] == "y")
    assert "build_fakes.py" in entry["log"]
    assert set(log[0]["seconds"]) >= {"source", "convert", "engrave"}


def test_no_sources_no_match(tmp_path):
    manifest, root = build_fakes.make_tree(tmp_path, {"a": "ok"})
    with pytest.raises(ManifestError, match=r"nowhere: no such folder\. Give the source tree of"):
        build(manifest, tmp_path / "nowhere", tmp_path / "ds", OPTIONS)
    with pytest.raises(ManifestError, match=r"no piece matches 'z\*'; there is, for example, a"):
        build(manifest, root, tmp_path / "ds", BuildOptions(pieces="z*"))
    assert not (tmp_path / "ds").exists()


def test_only_lilypond_sources_are_upgraded(tmp_path, monkeypatch):
    manifest, root = build_fakes.make_tree(tmp_path, {"a": "ok", "b": "ok"})
    pieces = read_manifest(manifest)
    write_manifest([pieces[0], replace(pieces[1], format="kern")], manifest)
    converted = []
    monkeypatch.setattr(
        "msmdtools.engrave.convert", lambda files, _: dict.fromkeys(converted.extend(files) or ())
    )
    build(manifest, root, tmp_path / "ds", OPTIONS)
    assert [path.name for path in converted] == ["a.ly"]
    assert [row["format"] for row in rows(tmp_path / "ds", "pieces")] == ["lilypond", "kern"]
    write_manifest(pieces, manifest)
    summary = build(manifest, root, tmp_path / "ds", OPTIONS)
    assert summary.attempted == 1, "another format is another source"


def test_a_glob_selects(tmp_path):
    manifest, root = build_fakes.make_tree(tmp_path, SOURCES)
    options = BuildOptions(soundfonts=OPTIONS.soundfonts, tempi=OPTIONS.tempi, pieces="[ab]")
    assert build(manifest, root, tmp_path / "ds", options).totals["attempted"] == 2
    assert build(manifest, root, tmp_path / "ds", OPTIONS).attempted == 2


def test_one_warning_without_a_sandbox(tmp_path, monkeypatch):
    manifest, root = build_fakes.make_tree(tmp_path, SOURCES)
    monkeypatch.setattr(building, "sandbox_available", lambda: False)
    said = []
    build(manifest, root, tmp_path / "ds", OPTIONS, warn=said.append)
    assert len(said) == 1
    assert said[0].startswith("The sandbox is not available (install bubblewrap)")
    assert json.loads((tmp_path / "ds" / "dataset.json").read_text())["sandbox"] is False


def test_a_correction_is_applied_to_the_copy_and_recorded(tmp_path, monkeypatch):
    manifest, root = build_fakes.make_tree(tmp_path, {"a": "ok", "x": "fail"})

    def mend(folder, versions):
        if versions != {"x.ly": ""}:
            return ""
        (folder / "x.ly").write_text("ok 4")
        return "x.ly: said fail"

    monkeypatch.setattr(upgrade, "correct", mend)
    summary = build(manifest, root, tmp_path / "ds", OPTIONS)
    assert [row["correction"] for row in rows(tmp_path / "ds", "pieces")] == ["", "x.ly: said fail"]
    assert (summary.failed, (root / "x.ly").read_text()) == (0, "fail")


def test_a_tree_without_any_of_the_sources_is_refused_before_anything_is_made(tmp_path):
    manifest, root = build_fakes.make_tree(tmp_path, SOURCES)
    (tmp_path / "other").mkdir()
    first = sorted(SOURCES)[0]
    start = f"does not have any of the {len(SOURCES)} sources to build, such as {first}.ly."
    for wrong, cure in (
        (tmp_path, f"Give --root {root}."),
        (tmp_path / "other", f"Give the source tree of {manifest} with --root."),
    ):
        with pytest.raises(ManifestError) as caught:
            build(manifest, wrong, tmp_path / "ds", OPTIONS)
        assert str(caught.value) == f"{wrong} {start} {cure}"
    assert not (tmp_path / "ds").exists()
    build(manifest, root, tmp_path / "ds", OPTIONS)
    shutil.rmtree(root)
    root.mkdir()
    assert build(manifest, root, tmp_path / "ds", OPTIONS).attempted == 0  # nothing is to be read


def test_a_font_that_vanishes_stops_the_build(tmp_path, monkeypatch):
    manifest, root = build_fakes.make_tree(tmp_path, SOURCES)

    def vanished(*_, **__):
        raise SoundfontError("fake.sf2: no such file")

    with monkeypatch.context() as patch:
        patch.setattr(worker.perform, "perform", vanished)
        with pytest.raises(SoundfontError, match=r"fake\.sf2: no such file"):
            build(manifest, root, tmp_path / "ds", OPTIONS)
    assert build(manifest, root, tmp_path / "ds", OPTIONS).totals["ok"] == 4


def test_progress_counts_every_piece(tmp_path):
    manifest, root = build_fakes.make_tree(tmp_path, {"a": "ok 10", "b": "ok  5", "x": "fail"})
    seen = []
    build(manifest, root, tmp_path / "ds", OPTIONS, progress=lambda *state: seen.append(state))
    assert seen == [("pieces", done, 3, "") for done in range(3)] + [("pieces", 3, 3, "1 failed")]


def test_the_card_can_be_read_by_hubs(tmp_path):
    manifest, root = build_fakes.make_tree(tmp_path, SOURCES | {"x": "fail"})
    build(manifest, root, tmp_path / "ds", OPTIONS)
    _, front, text = (tmp_path / "ds" / "README.md").read_text().split("---\n", 2)
    assert "license:\n- cc0-1.0\n" in front
    assert "size_categories:\n- n<1K\n" in front
    assert "| CC0-1.0 | 4 | 100.0 % |" in text
    assert "- 1 of 5 pieces could not be made" in text
    assert "--tempi 0.5,1.0 --soundfonts Fake:0" in text


def test_the_card_of_files_that_no_manifest_lists(tmp_path):
    manifest, root = build_fakes.make_tree(tmp_path, {"a": "ok"})
    build(read_manifest(manifest), root, tmp_path / "ds", OPTIONS)
    text = (tmp_path / "ds" / "README.md").read_text(encoding="utf-8")
    digest = hashlib.sha256(manifest.read_bytes()).hexdigest()
    assert f"- files (sha256 of their list {digest}), source tree of unknown commit" in text
    assert "\nmsmd build SOURCE… --out DATASET --tempi 0.5,1.0 " in text
    build(read_manifest(manifest), root, tmp_path / "ds", OPTIONS)
    description = json.loads((tmp_path / "ds" / "dataset.json").read_text())
    assert len(description["sources"]) == 1


def test_the_source_commit_is_found(tmp_path):
    root = tmp_path / "clone" / "ftp"
    root.mkdir(parents=True)
    assert provenance.source_commit(root) == ""
    (root.parent / "SOURCE_COMMIT").write_text("abc123\n")
    assert provenance.source_commit(root) == "abc123"
