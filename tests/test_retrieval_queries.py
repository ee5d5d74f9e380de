"""Queries by MIDI file, picture and recording; nearest windows by FAISS; the figure of a search."""

from types import SimpleNamespace

import mido
import numpy as np
import pytest
import soundfile
import synthetic_dataset
from PIL import Image
from test_retrieval import FRAMES, Fake
from test_retrieval_pages import page

import msmdtools
from msmdtools.errors import MsmdError
from msmdtools.inputs import audio, midi
from msmdtools.perform import timing
from msmdtools.performance import PerformanceSpec
from msmdtools.search import index, neighbours, queries, sources, update
from msmdtools.search.figure import search_figure
from msmdtools.search.search import ranked, search


class Wide(Fake):
    config = SimpleNamespace(sheet_shape=(160, 200), frames=FRAMES)


def write_midi(path, resolution=96, kind=0, channel=2):
    track = mido.MidiTrack()
    track.append(mido.MetaMessage("set_tempo", tempo=400_000))
    track.append(mido.Message("note_on", channel=9, note=35, velocity=90))
    track.append(mido.Message("note_on", channel=channel, note=60, velocity=70))
    track.append(mido.Message("note_on", channel=channel, note=60, velocity=0, time=resolution))
    track.append(mido.Message("control_change", channel=channel, control=64, value=127))
    track.append(mido.Message("note_on", channel=channel, note=64, velocity=80))
    track.append(mido.MetaMessage("end_of_track", time=2 * resolution))
    mido.MidiFile(type=kind, ticks_per_beat=resolution, tracks=[track]).save(path)
    return path


def test_midi_of_any_resolution(tmp_path):
    music = midi.read_music(write_midi(tmp_path / "a.mid"))
    assert [(n.onset_tick, n.offset_tick, n.pitch, n.velocity) for n in music.notes] == [
        (0, 384, 60, 70),
        (384, 3 * 384, 64, 80),
    ]
    assert [(t.tick, t.us_per_quarter) for t in music.tempi] == [(0, 400_000)]
    assert [(p.tick, p.value) for p in music.pedals] == [(384, 127)]


def test_midi_that_cannot_be_played(tmp_path):
    with pytest.raises(MsmdError, match=r"none\.mid: no such file$"):
        midi.read_music(tmp_path / "none.mid")
    (tmp_path / "a.mid").write_bytes(b"MThd")
    with pytest.raises(MsmdError, match=r"a\.mid: not a MIDI file that can be read \("):
        midi.read_music(tmp_path / "a.mid")
    write_midi(tmp_path / "b.mid", channel=9)
    with pytest.raises(MsmdError, match=r"b\.mid: the MIDI file has no notes \(drums do not count"):
        midi.read_music(tmp_path / "b.mid")
    write_midi(tmp_path / "c.mid", kind=2)
    with pytest.raises(MsmdError, match=r"c\.mid: a MIDI file of SMPTE time or of type 2, which"):
        midi.read_music(tmp_path / "c.mid")


def odd(content, seed):
    """A file with some bytes changed, removed or added, or cut off."""
    draw = np.random.default_rng(seed)
    found = bytearray(content)
    for _ in range(draw.integers(1, 4)):
        place, what = int(draw.integers(len(found))), draw.integers(10)
        if what < 6:
            found[place] = int(draw.integers(256))
        elif what < 8:
            del found[place : place + int(draw.integers(1, 5))]
        elif what < 9:
            found[place:place] = draw.bytes(int(draw.integers(1, 6)))
        else:
            found = found[: max(place, 1)]
    return bytes(found)


def test_odd_midi_files_are_played_or_refused_with_a_reason(tmp_path):
    track = mido.MidiFile(write_midi(tmp_path / "a.mid")).tracks[0]
    track[:0] = [
        mido.MetaMessage("key_signature", key="Eb"),
        mido.MetaMessage("time_signature"),
        mido.MetaMessage("smpte_offset"),
        mido.Message("sysex", data=[1, 2, 3]),
        mido.Message("pitchwheel", channel=2, pitch=300),
    ]
    mido.MidiFile(ticks_per_beat=96, tracks=[track]).save(tmp_path / "a.mid")
    whole, played, refused = (tmp_path / "a.mid").read_bytes(), 0, set()
    for seed in range(1500):
        (tmp_path / "odd.mid").write_bytes(odd(whole, seed))
        try:
            music = midi.read_music(tmp_path / "odd.mid")
            assert timing.events(music, PerformanceSpec(1.0, "none"))
            played += 1
        except MsmdError as error:
            refused.add(str(error).partition("odd.mid: ")[2][:30])
    assert played > 100
    assert refused >= {"not a MIDI file that can be re", "the MIDI file has no notes (dr"}


def test_midi_with_times_beyond_all_music(tmp_path):
    ticks = [mido.Message("note_on", note=60, velocity=9, time=2**28 - 1) for _ in range(9)]
    mido.MidiFile(ticks_per_beat=1, tracks=[mido.MidiTrack(ticks)]).save(tmp_path / "a.mid")
    with pytest.raises(MsmdError, match="impossibly late times"):
        midi.read_music(tmp_path / "a.mid")


def test_a_format_that_only_ffmpeg_reads(tmp_path, monkeypatch):
    program = tmp_path / "ffmpeg"
    (tmp_path / "a.m4a").write_bytes(b"....ftypM4A")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MsmdError, match=r"a\.m4a: not a recording that libsndfile can .* ffmpeg,"):
        audio.read(tmp_path / "a.m4a")
    tone = (np.sin(np.arange(22_050) / 9) / 2).astype("<f4")
    tone.tofile(tmp_path / "tone")
    program.write_text(f"#!/bin/sh\n/bin/cat {tmp_path / 'tone'}\n")
    program.chmod(0o755)
    assert np.array_equal(audio.read(tmp_path / "a.m4a"), np.round(tone * 32767).astype(np.int16))
    program.write_text("#!/bin/sh\necho 'moov atom not found' >&2\nexit 1\n")
    with pytest.raises(MsmdError, match=r"that libsndfile or ffmpeg can read \(moov atom not foun"):
        audio.read(tmp_path / "a.m4a")


def test_queries_that_ask_for_what_is_not_there(tmp_path):
    Image.fromarray(page()).save(tmp_path / "page.png")
    soundfile.write(tmp_path / "short.wav", np.sin(np.arange(11_025) / 9), 22_050)
    for arguments, message in (
        (("page.png", 2.0), r"page\.png: a sheet has pages, not seconds; leave out --start and"),
        (("page.png", 0.0, None, 2), r"page\.png: no page 2; it has 1$"),
        (("short.wav", 0.0, None, 1), r"short\.wav: a recording has no pages; leave out --page$"),
        (("short.wav",), r"^0\.5 s is too short to search with; give 1 s or more$"),
        (("none.wav",), r"none\.wav: no such file$"),
    ):
        with pytest.raises(MsmdError, match=message):
            queries.of_file(tmp_path / arguments[0], *arguments[1:])


@pytest.fixture
def folder(tmp_path):
    """The index of a plain folder: a picture, a recording, a picture without staves."""
    plain = tmp_path / "plain"
    plain.mkdir()
    Image.fromarray(page()).save(plain / "page.png")
    Image.fromarray(np.full((90, 90), 255, np.uint8)).save(plain / "blank.png")
    soundfile.write(plain / "page.flac", np.sin(np.arange(66_150) / 20), 22_050)
    (tmp_path / "w.safetensors").write_bytes(b"w")
    items = sources.items(plain)
    change = update.update(tmp_path / "index", items, Wide(), tmp_path / "w.safetensors")
    assert [(p, m.split(": ")[1].split(";")[0]) for p, _, m in change.failed] == [
        ("blank", "no staves found")
    ]
    return SimpleNamespace(plain=plain, index=index.open_index(tmp_path / "index"))


def test_a_plain_folder_is_indexed_searched_and_drawn(folder):
    opened, model = folder.index, Wide()
    assert opened.pieces == ["page"]
    for name, side in (("page.flac", "page"), ("page.png", "second")):
        asked = queries.of_file(folder.plain / name)
        matches = search(opened, asked.embed(model, opened.description))
        assert [m.piece for m in matches] == ["page"]
        assert side in matches[0].path[0]
        drawn = search_figure(opened, asked, matches)
        assert drawn.dtype == np.uint8
        assert (drawn != 255).any()
        assert len(np.unique(drawn.reshape(-1, 3), axis=0)) > 50  # colours of the path
    (folder.plain / "page.flac").unlink()
    with pytest.raises(
        MsmdError, match=r"^page cannot be drawn: it was indexed from .*no longer exists$"
    ):
        search_figure(opened, asked, matches)


def test_the_bound_orders_entries():
    similarities = np.array([[0.9, 0.5, 0.2], [0.8, 0.6, 0.4]])
    ids = np.array([[7, 3, 3], [3, 7, -1]])
    # Over the floors 0.2 and 0.6: entry 7 gains 0.7, entry 3 gains 0.3 and 0.2.
    assert list(neighbours.best(similarities, ids)) == [7, 3]


def test_large_indexes_use_faiss(tmp_path, monkeypatch):
    """With everything a candidate the answers are the exact ones, before and after changes."""
    faiss = pytest.importorskip("faiss")
    monkeypatch.setattr(neighbours, "EXACT_UP_TO", 40)
    monkeypatch.setattr(neighbours, "clusters", lambda windows: 2)
    dataset = msmdtools.open(synthetic_dataset.make(tmp_path / "dataset"))
    weights, model, out = tmp_path / "w.safetensors", Fake(), tmp_path / "index"
    model.config = SimpleNamespace(sheet_shape=(80, 40), frames=FRAMES)
    weights.write_bytes(b"w")
    items = sources.items(dataset.path)

    def check(pieces):
        opened = index.open_index(out)
        there = opened.description.neighbours["audio"]
        made = neighbours.load(out / there["file"])
        assert made.ntotal == there["windows"] >= opened.count("audio")
        asked = queries.of_piece(dataset[pieces[0]], "sheet").embed(model, opened.description)
        found = search(opened, asked)
        assert found == ranked(opened.audio, asked)
        assert sorted(m.piece for m in found) == sorted(pieces)
        (file,) = out.glob("audio-*.faiss")
        return file, made.ntotal / opened.count("audio")

    first, second = synthetic_dataset.PIECES
    only = [item for item in items if item.piece == first]
    change = update.update(out, only, model, weights, audio_stride=0.25)
    assert ("audio", "FAISS, 2 clusters") in [(s, how) for s, _, how in change.sides]
    check([first])
    update.update(out, items, model, weights)
    before, ratio = check([first, second])
    assert ratio == 1
    # What was removed stays in the file, unless it is much.
    monkeypatch.setattr(neighbours, "REMOVED", 0.9)
    update.update(out, [], model, weights, remove=[first])
    file, ratio = check([second])
    assert file == before and ratio > 1
    update.update(out, items, model, weights)
    check([first, second])
    monkeypatch.setattr(neighbours, "REMOVED", 0.25)
    update.update(out, [], model, weights, remove=[first])
    file, ratio = check([second])
    assert ratio == 1
    before = index.open_index(out)
    file.unlink()  # as a change by another process does
    asked = queries.of_piece(dataset[first], "sheet").embed(model, before.description)
    assert search(before, asked) == ranked(before.audio, asked)
    file.write_bytes(b"IwFl")
    opened = index.open_index(out)
    asked = queries.of_piece(dataset[first], "sheet").embed(model, opened.description)
    with pytest.raises(MsmdError, match=r"\.faiss is damaged .* make it again$"):
        search(opened, asked)
    faiss.write_index(faiss.IndexFlatIP(64), str(file))
    with pytest.raises(MsmdError, match=r"damaged \(it is a FAISS file of another kind\)"):
        search(index.open_index(out), asked)
    file.unlink()
    with pytest.raises(MsmdError, match=r"\.faiss is missing; remove"):
        search(opened, asked)
