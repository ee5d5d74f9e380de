"""Fetch soundfonts from the addresses that the registry lists."""

import http.client
import os
import shutil
import subprocess
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from msmdtools.base.damage import why
from msmdtools.base.files import replacing
from msmdtools.base.progress import Progress, silent
from msmdtools.errors import SoundfontError
from msmdtools.perform.deb import extract_from_deb
from msmdtools.perform.soundfonts import Soundfont, registry, verify

_CHUNK = 1 << 18
_TIMEOUT_S = 30


def fetch_soundfont(
    name: str,
    folder: Path,
    progress: Progress = silent,
    fonts: dict[str, Soundfont] | None = None,
) -> Path:
    """Download a registered soundfont, and verify its content.

    A file that is there already and has the registered content is kept. A download goes on where an earlier
    one stopped (it lies beside the font as .part). Each address of the registry is tried in turn, and then
    apt, where the system has it.

    Args:
        name: name of the soundfont in the registry.
        folder: where the font goes; it is made if it is missing.
        progress: called with the kilobytes downloaded.
        fonts: a registry to use instead of the package's.

    Returns:
        The soundfont file.

    Raises:
        SoundfontError: the name is unknown, no address answers, or the content is not the registered one.
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
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SoundfontError(f"Cannot put soundfonts into {folder}: {why(error)}.") from error
    failures = []
    for url in font.urls:
        try:
            download = _download(url, folder, progress, f"{name}, kB")
        except OSError as error:
            failures.append(f"{url}: {_reason(error)}")
            continue
        try:
            return _accept(download, font, target)
        except SoundfontError as error:
            failures.append(f"{url}: not the registered font ({error})")
    if shutil.which("apt-get"):
        try:
            return _accept(_download_with_apt(font.package, folder), font, target)
        except (OSError, SoundfontError) as error:
            failures.append(f"apt-get download {font.package}: {error}")
    raise SoundfontError(f"Cannot fetch {name}: {'; '.join(failures) or 'no address'}. {by_hand}")


def _accept(download: Path, font: Soundfont, target: Path) -> Path:
    """Give a download its final name once its content is verified; else delete it."""
    try:
        with replacing(target) as candidate:
            if download.suffix == ".deb" or download.name.endswith(".deb.part"):
                extract_from_deb(download, font.files[0], candidate)
            else:
                os.replace(download, candidate)
            verify(font, candidate)
    finally:
        download.unlink(missing_ok=True)
    return target


def _download_with_apt(package: str, folder: Path) -> Path:
    """Download a Debian package with apt-get, which needs no root for it.

    Raises:
        OSError: apt-get cannot get it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        process = subprocess.run(
            ["apt-get", "download", "--quiet", package],
            cwd=scratch,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        packages = sorted(Path(scratch).glob("*.deb"))
        if not packages:
            messages = process.stderr.strip().splitlines()
            raise OSError(messages[-1] if messages else f"exit code {process.returncode}")
        return packages[0].rename(folder / packages[0].name)


def _download(url: str, folder: Path, progress: Progress, label: str) -> Path:
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
            received = start if resumed else 0
            length = int(answer.headers.get("Content-Length") or 0)
            total = received + length if length else 0
            with part.open("ab" if resumed else "wb") as file:
                while chunk := answer.read(_CHUNK):
                    file.write(chunk)
                    received += len(chunk)
                    progress(label, received // 1000, total // 1000)
    except urllib.error.HTTPError as error:
        if error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE and start:
            return part  # nothing is left to get; the checksum will tell whether it is right
        raise
    except http.client.HTTPException as error:
        raise OSError(f"connection cut short ({error})") from error
    if total and received != total:
        raise OSError(
            f"connection cut short after {received} of {total} bytes; fetch again to go on"
        )
    return part


def _reason(error: OSError) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"HTTP {error.code} {error.reason}"
    if isinstance(error, urllib.error.URLError):
        return f"no connection ({error.reason})"
    return str(error)
