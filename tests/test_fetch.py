"""`msmd fetch`, from a git repository and a web server on this machine."""

import dataclasses
import hashlib
import http.server
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from msmdtools.cli import main
from msmdtools.errors import DatasetError, ManifestError, SoundfontError, ToolError
from msmdtools.perform.fetch import fetch_soundfont
from msmdtools.perform.soundfonts import Soundfont
from msmdtools.sources.fetch import fetch
from msmdtools.sources.repositories import MUTOPIA, REPOSITORIES


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false"]
    command = ["git", "-C", str(folder), *identity, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def origin(tmp_path: Path) -> tuple[str, list[str]]:
    """A repository with two commits: its address and their shas."""
    folder = tmp_path / "origin"
    (folder / "ftp").mkdir(parents=True)
    git(folder, "init", "-q", "-b", "master")
    git(folder, "config", "uploadpack.allowAnySHA1InWant", "true")
    shas = []
    for text in ("one", "two"):
        (folder / "ftp" / "a.ly").write_text(text)
        git(folder, "add", ".")
        git(folder, "commit", "-qm", text)
        shas.append(git(folder, "rev-parse", "HEAD"))
    return folder.as_uri(), shas


@pytest.fixture(autouse=True)
def no_apt(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fetch from the given addresses alone."""
    monkeypatch.setattr("msmdtools.perform.fetch._download_with_apt", _unreachable)


def _unreachable(package: str, folder: Path) -> Path:
    raise OSError("not in this test")


def test_clone_of_the_newest_commit_is_kept_to(origin, tmp_path):
    url, (first, second) = origin
    folder = tmp_path / "mutopia"
    assert fetch(MUTOPIA, folder, url=url) == second
    assert (folder / "SOURCE_COMMIT").read_text() == f"{second}\n"
    assert (folder / "ftp" / "a.ly").read_text() == "two"
    assert git(folder, "rev-list", "--count", "HEAD") == "1"
    (tmp_path / "origin" / "ftp" / "a.ly").write_text("three")
    git(tmp_path / "origin", "commit", "-qam", "three")
    assert fetch(MUTOPIA, folder, url=url) == second
    assert fetch(MUTOPIA, folder, first, url) == first
    assert (folder / "ftp" / "a.ly").read_text() == "one"
    assert fetch(MUTOPIA, folder, url="file:///nowhere") == first  # nothing is left to fetch


def test_an_interrupted_clone_goes_on(origin, tmp_path):
    url, (first, second) = origin
    folder = tmp_path / "mutopia"
    folder.mkdir()
    git(folder, "init", "-q")
    assert fetch(MUTOPIA, folder, first, url) == first
    (folder / "SOURCE_COMMIT").unlink()
    (folder / "ftp" / "a.ly").unlink()
    assert fetch(MUTOPIA, folder, "master", url) == second
    assert (folder / "ftp" / "a.ly").read_text() == "two"


def test_a_changed_tree_and_a_folder_in_use_are_refused(origin, tmp_path):
    url, _ = origin
    folder = tmp_path / "mutopia"
    fetch(MUTOPIA, folder, url=url)
    (folder / "ftp" / "a.ly").write_text("mine")
    with pytest.raises(ManifestError, match=r"ftp/a\.ly differs from the commit"):
        fetch(MUTOPIA, folder, url=url)
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.tex").write_text("")
    with pytest.raises(ManifestError, match="holds other files and no clone"):
        fetch(MUTOPIA, other, url=url)
    assert [path.name for path in other.iterdir()] == ["thesis.tex"]


# Takes the lock as a fetch does, and leaves it to what git would be, which ends when it has no input.
HOLDER = """
import fcntl, os, subprocess, sys
lock = open(sys.argv[1], "w")
fcntl.flock(lock, fcntl.LOCK_EX)
lock.write(f"{os.getpid()}\\n")
lock.flush()
os.set_inheritable(lock.fileno(), True)
subprocess.Popen(["cat"], close_fds=False, stdout=subprocess.DEVNULL)
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def holder(folder: Path) -> Iterator[subprocess.Popen]:
    """A process that holds the lock of a clone, and a child that inherits it while there is input."""
    command = [sys.executable, "-c", HOLDER, str(folder / ".git" / "msmd-fetch")]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    try:
        yield process
    finally:
        process.kill()
        process.stdin.close()
        process.wait()
        process.stdout.close()


def test_a_fetch_waits_for_the_git_of_one_that_was_killed(origin, tmp_path, monkeypatch):
    url, (_, second) = origin
    folder = tmp_path / "mutopia"
    fetch(MUTOPIA, folder, url=url)
    (folder / ".git" / "index.lock").touch()  # left by that git
    with holder(folder) as killed:
        killed.kill()
        killed.wait()

        def sleep(seconds, sleep=time.sleep):
            killed.stdin.close()
            sleep(seconds)

        monkeypatch.setattr("msmdtools.base.lock.time.sleep", sleep)
        assert fetch(MUTOPIA, folder, url=url) == second
    assert not (folder / ".git" / "index.lock").exists()


def test_a_git_that_does_not_end_is_said(origin, tmp_path, monkeypatch):
    url, _ = origin
    folder = tmp_path / "mutopia"
    fetch(MUTOPIA, folder, url=url)
    monkeypatch.setattr("msmdtools.sources.fetch._PATIENCE_S", 0.1)
    with holder(folder) as killed:
        killed.kill()
        killed.wait()
        with pytest.raises(
            DatasetError, match="what a msmd fetch that was killed has started is still at work"
        ):
            fetch(MUTOPIA, folder, url=url)


def test_two_fetches_into_one_folder(origin, tmp_path):
    url, _ = origin
    folder = tmp_path / "mutopia"
    fetch(MUTOPIA, folder, url=url)
    with (
        holder(folder) as other,
        pytest.raises(DatasetError, match=rf"another msmd fetch \(process {other.pid}\)"),
    ):
        fetch(MUTOPIA, folder, url=url)


def test_no_such_commit_no_network_no_git(origin, tmp_path, monkeypatch):
    url, _ = origin
    with pytest.raises(ToolError, match=r"git fetch in .* failed"):
        fetch(MUTOPIA, tmp_path / "a", "0" * 40, url)
    with pytest.raises(ToolError, match=r"Without network: clone https://127\.0\.0\.1:1/x"):
        fetch(MUTOPIA, tmp_path / "b", url="https://127.0.0.1:1/x")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolError, match="git is missing"):
        fetch(MUTOPIA, tmp_path / "c", url=url)


def test_command_mutopia(origin, tmp_path):
    url, (_, second) = origin
    arguments = ["fetch", "mutopia", "--out", str(tmp_path / "m"), "--url", url]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0
    assert result.output == (
        f"Mutopia Project at commit {second} -> {tmp_path / 'm' / 'ftp'}\n"
        "Each file states its own licence.\n"
    )


FONT = b"RIFF\x00\x00\x00\x00sfbk" + bytes(range(256)) * 4000


class Server(http.server.BaseHTTPRequestHandler):
    """Serves FONT at any path but /absent; /short breaks off; /plain knows no ranges."""

    asked: list[tuple[str, str]]

    def do_GET(self) -> None:
        wanted = self.headers.get("Range", "")
        self.asked.append((self.path, wanted))
        if self.path == "/absent/font.sf2":
            self.send_error(404)
            return
        start = int(wanted[6:-1]) if wanted and "plain" not in self.path else 0
        if start >= len(FONT):
            self.send_error(416)
            return
        body = FONT[start:] if "wrong" not in self.path else b"RIFF____sfbkwrong"
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:1000] if "short" in self.path else body)

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    Server.asked = []
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_address[1]}"
        running.shutdown()


def fonts(*urls: str) -> dict[str, Soundfont]:
    font = Soundfont(
        name="Font",
        files=("font.sf2",),
        sha256=hashlib.sha256(FONT).hexdigest(),
        size=len(FONT),
        licence="MIT",
        author="",
        role="train",
        package="a-package",
        urls=urls,
        piano="",
    )
    return {"Font": font}


def test_download_verifies_and_keeps_what_is_right(server, tmp_path):
    seen = []
    found = fetch_soundfont(
        "Font", tmp_path / "f", lambda *p: seen.append(p), fonts(f"{server}/font.sf2")
    )
    assert found == tmp_path / "f" / "font.sf2"
    assert found.read_bytes() == FONT
    assert [path.name for path in found.parent.iterdir()] == ["font.sf2"]
    assert seen[-1] == ("Font, kB", len(FONT) // 1000, len(FONT) // 1000)
    fetch_soundfont("Font", tmp_path / "f", fonts=fonts(f"{server}/font.sf2"))
    assert Server.asked == [("/font.sf2", "")]


@pytest.mark.parametrize("path", ["/font.sf2", "/plain/font.sf2"])
def test_download_goes_on_where_it_stopped(server, tmp_path, path):
    (tmp_path / "font.sf2.part").write_bytes(FONT[:5000])
    found = fetch_soundfont("Font", tmp_path, fonts=fonts(server + path))
    assert found.read_bytes() == FONT
    assert Server.asked == [(path, "bytes=5000-")]


def test_a_whole_part_file_is_taken(server, tmp_path):
    (tmp_path / "font.sf2.part").write_bytes(FONT)
    found = fetch_soundfont("Font", tmp_path, fonts=fonts(f"{server}/font.sf2"))
    assert found.read_bytes() == FONT


def test_a_download_cut_short_is_kept_for_the_next_time(server, tmp_path):
    with pytest.raises(SoundfontError, match=r"1000 of 1024012 bytes; fetch again to go on"):
        fetch_soundfont("Font", tmp_path, fonts=fonts(f"{server}/short/font.sf2"))
    assert (tmp_path / "font.sf2.part").read_bytes() == FONT[:1000]
    fetch_soundfont("Font", tmp_path, fonts=fonts(f"{server}/font.sf2"))
    assert Server.asked[-1] == ("/font.sf2", "bytes=1000-")


def test_wrong_content_never_gets_the_name_and_the_next_address_is_tried(server, tmp_path):
    with pytest.raises(SoundfontError, match="not the registered font"):
        fetch_soundfont("Font", tmp_path, fonts=fonts(f"{server}/wrong/font.sf2"))
    assert list(tmp_path.iterdir()) == []
    urls = [f"{server}/absent/font.sf2", f"{server}/wrong/font.sf2", f"{server}/font.sf2"]
    assert fetch_soundfont("Font", tmp_path, fonts=fonts(*urls)).read_bytes() == FONT
    assert [path for path, _ in Server.asked[1:]] == [url[len(server) :] for url in urls]


def test_no_network_says_what_to_do_by_hand(tmp_path):
    url = "http://127.0.0.1:1/font.sf2"
    with pytest.raises(SoundfontError) as error:
        fetch_soundfont("Font", tmp_path, fonts=fonts(url))
    said = str(error.value)
    assert said.startswith(f"Cannot fetch Font: {url}: no connection (")
    assert "By hand: apt install a-package, or download http://127.0.0.1:1/font.sf2 on" in said
    assert said.endswith(f"put font.sf2 into {tmp_path}")


def test_an_unknown_font_and_another_file_of_that_name(tmp_path):
    with pytest.raises(SoundfontError, match=r"Unknown soundfont 'X'. The registry has: Font\."):
        fetch_soundfont("X", tmp_path, fonts=fonts())
    (tmp_path / "font.sf2").write_bytes(FONT + b"x")
    with pytest.raises(SoundfontError, match="is not the registered Font"):
        fetch_soundfont("Font", tmp_path, fonts=fonts())
    assert (tmp_path / "font.sf2").read_bytes() == FONT + b"x"


def test_command_soundfonts(server, tmp_path, monkeypatch):
    known = {"Font": dataclasses.replace(fonts(f"{server}/font.sf2")["Font"])}
    monkeypatch.setattr("msmdtools.perform.fetch.registry", lambda: known)
    arguments = ["fetch", "soundfonts", "Font", "--out", str(tmp_path)]
    result = CliRunner().invoke(main, arguments)
    assert (result.exit_code, result.output) == (0, f"Font -> {tmp_path / 'font.sf2'}\n")
    result = CliRunner().invoke(main, ["fetch", "soundfonts", "Nope", "--out", str(tmp_path)])
    assert result.exit_code == 1
    assert result.output.startswith("Error: Unknown soundfont 'Nope'")


def test_a_clone_carries_the_name_of_its_collection(origin, tmp_path):
    url, (_, second) = origin
    asap = REPOSITORIES["asap"]
    folder = tmp_path / "asap"
    assert fetch(asap, folder, url=url) == second
    assert (folder / "SOURCE_COLLECTION").read_text() == "asap\n"
    with pytest.raises(ManifestError, match=r"holds the collection asap\. Name another folder"):
        fetch(MUTOPIA, folder, url=url)
    assert git(folder, "rev-parse", "HEAD") == second


def test_a_clone_on_this_machine_is_named_by_its_folder(origin, tmp_path, monkeypatch):
    _, (_, second) = origin
    monkeypatch.chdir(tmp_path)
    assert fetch(MUTOPIA, Path("clone"), url="origin") == second


def test_command_of_a_collection_shows_its_licence(origin, tmp_path):
    url, (_, second) = origin
    arguments = ["fetch", "asap", "--out", str(tmp_path / "a"), "--url", url]
    result = CliRunner().invoke(main, arguments)
    assert result.output == (
        f"(n)ASAP at commit {second} -> {tmp_path / 'a'}\n"
        "Its licence is CC-BY-NC-SA-4.0: it is not for commercial use, nor are weights trained on it.\n"
    )
