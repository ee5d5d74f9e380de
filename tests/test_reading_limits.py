"""What is read of files from outside: limits of every kind, and what a bad file costs an index."""

import json
import os
import signal
import struct
import subprocess
import sys
import time
import zlib
from pathlib import Path
from types import SimpleNamespace

import mido
import numpy as np
import pytest
import soundfile
from click.testing import CliRunner
from PIL import Image
from test_retrieval import FRAMES, Fake
from test_retrieval_pages import page

from msmdtools.cli import main
from msmdtools.errors import MsmdError
from msmdtools.inputs import apart, audio, limits, midi, pages, pictures
from msmdtools.inputs.limits import LIMITS, Limits


class Wide(Fake):
    config = SimpleNamespace(sheet_shape=(160, 200), frames=FRAMES)


def write_pdf(path: Path, *sizes: tuple[float, float]) -> Path:
    """A PDF of empty pages of these sizes, in points."""
    objects = ["<< /Type /Catalog /Pages 2 0 R >>"]
    kids = " ".join(f"{3 + i} 0 R" for i in range(len(sizes)))
    objects.append(f"<< /Type /Pages /Kids [{kids}] /Count {len(sizes)} >>")
    objects += [f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {w} {h}] >>" for w, h in sizes]
    content = "%PDF-1.4\n"
    places = []
    for number, text in enumerate(objects, 1):
        places.append(len(content))
        content += f"{number} 0 obj\n{text}\nendobj\n"
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    size = len(objects) + 1
    end = f"trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{len(content)}\n%%EOF\n"
    path.write_text(f"{content}xref\n0 {size}\n0000000000 65535 f \n{table}{end}")
    return path


def write_large_png(path: Path, width: int, height: int) -> Path:
    """A PNG whose head says that it is this large; there is no picture in it."""
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    parts = [struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head))]
    parts.append(struct.pack(">I", 0) + b"IDAT" + struct.pack(">I", zlib.crc32(b"IDAT")))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))
    return path


def write_long_wav(path: Path) -> Path:
    """A second of a tone, whose head says that it is hours."""
    soundfile.write(path, 0.3 * np.sin(np.arange(22_050) / 9), 22_050, "PCM_16")
    content = bytearray(path.read_bytes())
    at = content.index(b"data") + 4
    content[at : at + 4] = struct.pack("<I", 2**32 - 2)
    path.write_bytes(content)
    return path


def test_pages_with_too_many_pixels_are_refused_by_their_size(tmp_path):
    few = Limits(pixels=10_000_000)
    for file, message in (
        (write_large_png(tmp_path / "a.png", 60_000, 60_000), r"picture 1 has 60,000 × 60,000 p"),
        (write_pdf(tmp_path / "b.pdf", (595, 842), (1, 14_400)), r"page 2 has 1,670 × 24,048,000"),
        (
            write_large_png(tmp_path / "c.png", 10, 9_000),
            r"10 × 9,000 pixels, 1,670 × 1,",
        ),
    ):
        pattern = rf"{message}.*; the limit is 10,000,000\. .* with --limit pixels=NUMBER$"
        with pytest.raises(MsmdError, match=pattern):
            pages.read_sheet(file, limits=few)


def test_too_many_pages(tmp_path):
    many = write_pdf(tmp_path / "a.pdf", *[(100, 100)] * 4)
    with pytest.raises(MsmdError, match=r"a\.pdf: it has 4 pages; the limit is 3\. .*pages=NUM"):
        list(pictures.read_pictures(many, limits=Limits(pages=3)))
    frames = [Image.new("1", (20, 20)) for _ in range(4)]
    frames[0].save(tmp_path / "a.tiff", save_all=True, append_images=frames[1:])
    with pytest.raises(MsmdError, match=r"a\.tiff: it has too many pages; the limit is 3\."):
        list(pictures.read_pictures(tmp_path / "a.tiff", limits=Limits(pages=3)))
    assert len(list(pictures.read_pictures(tmp_path / "a.tiff", limits=Limits(pages=4)))) == 4


def test_a_length_that_the_header_invents_is_not_read(tmp_path):
    found = audio.read(write_long_wav(tmp_path / "a.wav"))
    assert len(found) == 22_050
    soundfile.write(tmp_path / "b.wav", 0.3 * np.sin(np.arange(70_000) / 9), 22_050)
    with pytest.raises(
        MsmdError, match=r"b\.wav: the recording has too many seconds; the limit is 3"
    ):
        audio.read_spectrogram(tmp_path / "b.wav", Limits(seconds=3))
    content = bytearray((tmp_path / "b.wav").read_bytes())
    content[24:28] = struct.pack("<I", 2_000_000_000)
    (tmp_path / "c.wav").write_bytes(content)
    with pytest.raises(MsmdError, match=r"has 2,000,000,000 samples a second; 1,000 to 1,000,000"):
        audio.read(tmp_path / "c.wav")


def test_a_midi_file_of_years_is_not_played(tmp_path):
    track = mido.MidiTrack([mido.Message("note_on", note=60, velocity=60)])
    track.append(mido.Message("note_off", note=60, time=2**27))
    mido.MidiFile(tracks=[track], ticks_per_beat=24).save(tmp_path / "a.mid")
    with pytest.raises(
        MsmdError, match=r"a\.mid: the music has too many seconds; the limit is 21,600"
    ):
        midi.read_spectrogram(tmp_path / "a.mid")


def hang(path, *_):
    time.sleep(60)


def crash(path, *_):
    os.kill(os.getpid(), signal.SIGSEGV)


def swallow(path, *_):
    return len(np.ones(1_000_000_000, np.uint8))


def stumble(path, *_):
    raise ZeroDivisionError("by nothing")


def work(path, *_):
    return path


def test_whatever_a_reader_does_is_said_of_its_file():
    for function, message in (
        (
            hang,
            r"^a: reading it takes too many seconds; the limit is 1\. .*--limit time=NUMBER$",
        ),
        (crash, r"^a: it cannot be read: its reader was ended by SIGSEGV$"),
        (swallow, r"^a: reading it takes too many MB of memory; the limit is 200\. "),
        (stumble, r"^a: it cannot be read, and may be damaged \(ZeroDivisionError: by nothing\)$"),
    ):
        few = Limits(time=1 if function is hang else 60, memory=200)
        with pytest.raises(MsmdError, match=message):
            apart.read(function, "a", limits=few)
    assert apart.read(work, "a") == "a"  # and the next file is read
    apart.close()
    assert apart.read(work, "b") == "b"


def size(path, limits):
    return Path(path).stat().st_size


def test_a_path_is_relative_to_the_folder_that_one_is_in(tmp_path, monkeypatch):
    for content in ("a", "bb"):
        folder = tmp_path / content
        folder.mkdir()
        (folder / "file").write_text(content)
        monkeypatch.chdir(folder)  # the worker of the first file reads the second one too
        assert apart.read(size, "file") == len(content)


def test_a_script_needs_no_guard_around_what_it_does(tmp_path):
    soundfile.write(tmp_path / "a.wav", 0.3 * np.sin(np.arange(30_000) / 9), 22_050)
    script = tmp_path / "script.py"
    script.write_text(
        "from msmdtools.search import queries\nprint(queries.of_file('a.wav').sound.shape)\n"
    )
    done = subprocess.run(
        [sys.executable, script], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("(92, 28)\n", "")


def test_limits_are_told_by_name():
    assert limits.parse([]) == LIMITS
    assert limits.parse(["pages=2000", "seconds=1_000"]) == Limits(pages=2000, seconds=1000)
    for text in ("page=3", "pages", "pages=0", "pages=x"):
        with pytest.raises(MsmdError, match=rf"^'{text}' is not a limit; give pixels, pages, seco"):
            limits.parse([text])


def test_a_bad_file_costs_an_index_its_own_row(tmp_path, monkeypatch):
    plain = tmp_path / "plain"
    plain.mkdir()
    Image.fromarray(page()).save(plain / "good.png")
    write_large_png(plain / "large.png", 60_000, 60_000)
    write_pdf(plain / "tall.pdf", (1, 14_400))
    write_long_wav(plain / "long.wav")
    soundfile.write(plain / "slow.wav", 0.3 * np.sin(np.arange(90_000) / 9), 22_050)
    (tmp_path / "w.safetensors").write_bytes(b"w")
    monkeypatch.setattr("msmdtools.models.model.load_model", lambda *_: Wide())
    arguments = ["index", plain, "--out", tmp_path / "i", "--model", tmp_path / "w.safetensors"]
    asked = [*map(str, arguments), "--limit", "seconds=4", "--json"]
    result = CliRunner().invoke(main, asked)
    assert result.exit_code == 3, result.output
    change = json.loads(result.stdout)
    assert change["added"] == 2
    assert [
        (piece, message.split("; the limit")[0].split(": ", 1)[1])
        for piece, _, message in change["failed"]
    ] == [
        ("large", "picture 1 has 60,000 × 60,000 pixels"),
        ("slow", "the recording has too many seconds"),
        ("tall", "page 1 has 1,670 × 24,048,000 pixels"),
    ]
    result = CliRunner().invoke(main, [*asked[:-2], "page=3"])
    assert result.exit_code == 2
    assert "'page=3' is not a limit; give pixels, pages, seconds, time or memory" in result.output


def test_pictures_are_in_memory_without_loss():
    from msmdtools.inputs.stored import Stored

    drawn = [page(), page(height=300, tops=(60,))]
    kept = Stored(drawn)
    assert [kept.shape(i) for i in (0, 1)] == [(700, 835), (300, 835)]
    assert all(np.array_equal(a, b) for a, b in zip(kept, drawn, strict=True))
    assert np.array_equal(kept[-1], drawn[1])
    assert len(kept[:1]) == 1
    with pytest.raises(IndexError):
        kept[2]
