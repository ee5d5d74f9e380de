"""Fetch a collection at one commit, with git."""

import logging
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msmdtools.base.files import write_atomically
from msmdtools.base.lock import held
from msmdtools.errors import ManifestError, ToolError
from msmdtools.sources.repositories import SOURCE_COLLECTION, Repository

SOURCE_COMMIT = "SOURCE_COMMIT"
"""File in a fetched tree that names the commit it was made from; the next fetch keeps to it."""

# In .git, where it is no file of the tree.
_LOCK = "msmd-fetch"
# How long to wait for the git of a fetch that was killed.
_PATIENCE_S = 120.0
_SHA1 = re.compile(r"[0-9a-f]{40}\Z")
_NO_NETWORK = (
    "could not resolve",
    "couldn't connect",
    "failed to connect",
    "unable to access",
    "timed out",
    "network is unreachable",
)

log = logging.getLogger(__name__)


def fetch(
    repository: Repository, folder: Path, commit: str | None = None, url: str | None = None
) -> str:
    """Clone one commit of a collection, without its history, into `folder`.

    A fetch that was interrupted or killed goes on where it stopped, and a finished one only checks the
    commit.

    Args:
        repository: the collection.
        folder: the folder of the clone; it is made if it is missing.
        commit: a full sha or the name of a branch; None: the commit that `folder`/SOURCE_COMMIT
            names from an earlier fetch, else that of `repository` (of another `url`, the newest).
        url: address to clone from, or the path of a clone on this machine; None for the repository's own address.

    Returns:
        The sha of the commit, which is also written to `folder`/SOURCE_COMMIT, as the name of the collection is
        to `folder`/SOURCE_COLLECTION.

    Raises:
        ToolError: git is missing, or it fails (no network, no such commit).
        ManifestError: `folder` is in use for something else, another collection or another fetch, or its tree
            was changed.
    """
    if shutil.which("git") is None:
        raise ToolError("git is missing. On Debian and Ubuntu: apt install git")
    if url is not None and Path(url).exists():
        url = Path(url).absolute().as_uri()
    record = folder / SOURCE_COMMIT
    if commit is None:
        default = repository.commit if url in (None, repository.url) else "HEAD"
        commit = record.read_text(encoding="ascii").strip() if record.is_file() else default
    if folder.exists() and any(folder.iterdir()) and not (folder / ".git").is_dir():
        raise ManifestError(
            f"{folder} holds other files and no clone. Name another folder with --out."
        )
    mark = folder / SOURCE_COLLECTION
    if mark.is_file() and (other := mark.read_text(encoding="utf-8").strip()) != repository.name:
        raise ManifestError(
            f"{folder} holds the collection {other}. Name another folder with --out."
        )
    (folder / ".git").mkdir(parents=True, exist_ok=True)
    with _alone(folder):
        fetched = _fetch(folder, commit, url or repository.url)
        _record(mark, repository.name)
        _record(record, fetched)
        return fetched


def _fetch(folder: Path, commit: str, url: str) -> str:
    if _SHA1.match(commit) and _head(folder) == commit:
        _check_clean(folder)
        return commit
    _git(folder, "init", "--quiet")  # this also mends an interrupted one
    _git(folder, "config", "core.autocrlf", "false")
    _git(folder, "config", "advice.detachedHead", "false")
    log.info("fetching %s of %s", commit, url)
    _git(folder, "fetch", "--quiet", "--depth", "1", "--no-tags", url, commit, url=url)
    fetched = _git(folder, "rev-parse", "FETCH_HEAD^{commit}")
    if _SHA1.match(commit) and fetched != commit:
        raise ToolError(
            f"{url} sent commit {fetched} instead of {commit}. Check the address, and fetch again."
        )
    # --force restores files that an interrupted checkout left half-written.
    _git(folder, "checkout", "--quiet", "--force", "--detach", fetched)
    if _head(folder) != fetched:
        raise ToolError(f"{folder} is not at commit {fetched} after git checkout. Fetch again.")
    _check_clean(folder)
    return fetched


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold a lock on a clone, and remove the locks of git that a killed fetch has left behind.

    Git inherits the lock: it is free when the last git of a killed fetch has ended too, which is waited for.

    Raises:
        DatasetError: another fetch is at work.
    """
    git = folder / ".git"
    with held(git, "msmd fetch", name=_LOCK, inherited=True, patience_s=_PATIENCE_S) as killed:
        if killed:
            for leftover in [*git.rglob("*.lock"), *(git / "objects").rglob("tmp_*")]:
                leftover.unlink(missing_ok=True)
        yield


def _head(folder: Path) -> str:
    """The commit that a finished checkout in `folder` is at, else ""."""
    if not (folder / ".git").is_dir() or (folder / ".git" / "index.lock").exists():
        return ""
    process = subprocess.run(
        ["git", "-C", str(folder), "rev-parse", "--verify", "--quiet", "HEAD"],
        capture_output=True,
        text=True,
        check=False,
        env=_environment(folder),
    )
    return process.stdout.strip() if process.returncode == 0 else ""


def _check_clean(folder: Path) -> None:
    changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
    if changed:
        file = changed.splitlines()[0].split(maxsplit=1)[1]
        raise ManifestError(
            f"{folder}: {file} differs from the commit. Put it back with:"
            f" git -C {folder} checkout --force HEAD"
        )


def _record(path: Path, text: str) -> None:
    write_atomically(path, f"{text}\n".encode("ascii"), path.parent / ".git")


def _environment(folder: Path) -> dict[str, str]:
    """The environment for git: never prompt for a name and password, since a repository that wants
    them is the wrong one, and never take a repository around the folder for the one in it."""
    settings = {"GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    return {**os.environ, **settings, "GIT_CEILING_DIRECTORIES": str(folder.absolute().parent)}


def _git(folder: Path, *arguments: str, url: str = "") -> str:
    lock = folder / ".git" / "index.lock"
    process = subprocess.run(
        # Nothing may go on in the background and hold the lock.
        ["git", "-C", str(folder), "-c", "gc.auto=0", "-c", "maintenance.auto=false", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=_environment(folder),
        stdin=subprocess.DEVNULL,
        close_fds=False,  # the lock; Python's other files are not inherited
    )
    if process.returncode == 0:
        return process.stdout.strip()
    messages = process.stderr.strip().splitlines()
    reason = messages[-1] if messages else f"exit code {process.returncode}"
    if lock.exists():
        reason = f"an interrupted run left {lock}; if no git is at work there, delete it"
    elif url and any(phrase in process.stderr.lower() for phrase in _NO_NETWORK):
        reason += (
            f". Without network: clone {url} on another machine, bring the folder here, and give"
            " it to msmd fetch with --url"
        )
    raise ToolError(f"git {arguments[0]} in {folder} failed: {reason}")
