"""What is fetched from elsewhere: the Mutopia Project, and soundfonts."""

import http.client
import logging
import os
import re
import shutil
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path

from msmdtools.errors import ManifestError, SoundfontError, ToolError
from msmdtools.perform.deb import extract_from_deb
from msmdtools.perform.soundfonts import Soundfont, registry, verify

MUTOPIA_URL = "https://github.com/MutopiaProject/MutopiaProject.git"
SOURCE_COMMIT = "SOURCE_COMMIT"
"""File in a fetched tree that names the commit it was made from; the next fetch keeps to it."""

_SHA1 = re.compile(r"[0-9a-f]{40}\Z")
_CHUNK = 1 << 18
_TIMEOUT_S = 30
_NO_NETWORK = (
    "could not resolve",
    "couldn't connect",
    "failed to connect",
    "unable to access",
    "timed out",
    "network is unreachable",
)

log = logging.getLogger(__name__)


def fetch_mutopia(folder: Path, commit: str | None = None, url: str = MUTOPIA_URL) -> str:
    """Clone one commit of the Mutopia Project, without its history, into `folder`.

    An interrupted fetch goes on where it stopped, and a finished one only checks the commit.

    Args:
        commit: a full sha or the name of a branch; None is the commit that `folder`/SOURCE_COMMIT
            names from an earlier fetch, else the newest.

    Returns:
        The sha of the commit, which is also written to `folder`/SOURCE_COMMIT.

    Raises:
        ToolError: git is missing, or it fails (no network, no such commit).
        ManifestError: `folder` is in use for something else, or its tree was changed.
    """
    if shutil.which("git") is None:
        raise ToolError("git is missing. On Debian and Ubuntu: apt install git")
    record = folder / SOURCE_COMMIT
    if commit is None:
        commit = record.read_text(encoding="ascii").strip() if record.is_file() else "HEAD"
    if folder.exists() and any(folder.iterdir()) and not (folder / ".git").is_dir():
        raise ManifestError(f"{folder} is not empty and no clone. Name another folder with --out.")
    folder.mkdir(parents=True, exist_ok=True)
    if _SHA1.match(commit) and _head(folder) == commit:
        _check_clean(folder)
        _record(record, commit)
        return commit
    if not (folder / ".git").is_dir():
        _git(folder, "init", "--quiet")
    _git(folder, "config", "core.autocrlf", "false")
    _git(folder, "config", "advice.detachedHead", "false")
    log.info("fetching %s of %s", commit, url)
    _git(folder, "fetch", "--quiet", "--depth", "1", "--no-tags", url, commit, url=url)
    fetched = _git(folder, "rev-parse", "FETCH_HEAD^{commit}")
    if _SHA1.match(commit) and fetched != commit:
        raise ToolError(f"Asked {url} for commit {commit}, got {fetched}.")
    # --force puts back what an interrupted checkout left half-written.
    _git(folder, "checkout", "--quiet", "--force", "--detach", fetched)
    if _head(folder) != fetched:
        raise ToolError(f"{folder} is not at commit {fetched} after git checkout. Fetch again.")
    _check_clean(folder)
    _record(record, fetched)
    return fetched


def _head(folder: Path) -> str:
    """The commit that a finished checkout in `folder` is at, else ""."""
    if not (folder / ".git").is_dir() or (folder / ".git" / "index.lock").exists():
        return ""
    done = subprocess.run(
        ["git", "-C", str(folder), "rev-parse", "--verify", "--quiet", "HEAD"],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() if done.returncode == 0 else ""


def _check_clean(folder: Path) -> None:
    changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
    if changed:
        first = changed.splitlines()[0].split(maxsplit=1)[1]
        raise ManifestError(
            f"{folder}: {first} differs from the commit. Put it back with:"
            f" git -C {folder} checkout --force HEAD"
        )


def _record(path: Path, commit: str) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(f"{commit}\n", encoding="ascii")
    os.replace(temporary, path)


def _git(folder: Path, *arguments: str, url: str = "") -> str:
    # Never ask for a name and password: a repository that wants one is the wrong one.
    environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    lock = folder / ".git" / "index.lock"
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode == 0:
        return done.stdout.strip()
    said = done.stderr.strip().splitlines()
    reason = said[-1] if said else f"exit code {done.returncode}"
    if lock.exists():
        reason = f"an interrupted run left {lock}; if no git is at work there, delete it"
    elif url and any(phrase in done.stderr.lower() for phrase in _NO_NETWORK):
        reason += (
            f". Without network: clone {url} on another machine, bring the folder here, and name"
            " its folder ftp as the tree for msmd ingest and as --root for msmd build"
        )
    raise ToolError(f"git {arguments[0]} in {folder} failed: {reason}")


def fetch_soundfont(
    name: str,
    folder: Path,
    progress: Callable[[int, int], None] = lambda done, total: None,
    fonts: dict[str, Soundfont] | None = None,
) -> Path:
    """Put the registered soundfont `name` into `folder`, with its content verified.

    What is there and right is kept. A download goes on where an earlier one stopped (it lies beside
    the font as .part), and each address of the registry is tried in turn.

    Args:
        progress: called with bytes so far and bytes in all (0 where the server does not say).
        fonts: a registry to use instead of the package's.

    Raises:
        SoundfontError: an unknown name, no address that answers, or another content than
            registered.
    """
    fonts = registry() if fonts is None else fonts
    if name not in fonts:
        raise SoundfontError(
            f"Unknown soundfont {name!r}. The registry has: {', '.join(sorted(fonts))}."
        )
    font = fonts[name]
    target = folder / font.files[0]
    if target.is_file():
        verify(font, target)
        return target
    by_hand = (
        f"By hand: apt install {font.package}, or download {' or '.join(font.urls) or 'it'} on"
        f" another machine and put {font.files[0]} into {folder}"
    )
    failures = []
    for url in font.urls:
        try:
            download = _download(url, folder, progress)
        except OSError as error:
            failures.append(f"{url}: {_reason(error)}")
            continue
        # Not under its final name before its content is known to be right.
        candidate = folder / f".{font.files[0]}.unverified"
        try:
            if url.endswith(".deb"):
                extract_from_deb(download, font.files[0], candidate)
            else:
                os.replace(download, candidate)
            verify(font, candidate)
            os.replace(candidate, target)
            return target
        except SoundfontError as error:
            failures.append(f"{url}: not the registered font ({error})")
        finally:
            download.unlink(missing_ok=True)
            candidate.unlink(missing_ok=True)
    raise SoundfontError(f"Cannot fetch {name}: {'; '.join(failures) or 'no address'}. {by_hand}")


def _download(url: str, folder: Path, progress: Callable[[int, int], None]) -> Path:
    """Download to a .part file, from where that ends; return it when it is whole.

    Raises:
        OSError: no connection, an answer other than the file, or a connection cut short.
    """
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{Path(urllib.parse.urlsplit(url).path).name}.part"
    start = part.stat().st_size if part.is_file() else 0
    headers = {"User-Agent": "msmdtools"} | ({"Range": f"bytes={start}-"} if start else {})
    request = urllib.request.Request(url, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:
            resumed = answer.status == http.client.PARTIAL_CONTENT
            done = start if resumed else 0
            length = int(answer.headers.get("Content-Length") or 0)
            total = done + length if length else 0
            with part.open("ab" if resumed else "wb") as file:
                while chunk := answer.read(_CHUNK):
                    file.write(chunk)
                    done += len(chunk)
                    progress(done, total)
    except urllib.error.HTTPError as error:
        if error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE and start:
            return part  # nothing is left to get; the checksum will tell whether it is right
        raise
    except http.client.HTTPException as error:
        raise OSError(f"connection cut short ({error})") from error
    if total and done != total:
        raise OSError(f"connection cut short after {done} of {total} bytes; fetch again to go on")
    return part


def _reason(error: OSError) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"HTTP {error.code} {error.reason}"
    if isinstance(error, urllib.error.URLError):
        return f"no connection ({error.reason})"
    return str(error)
