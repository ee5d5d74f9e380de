"""Fixtures for many test files: where sources and tools lie, or why a test is skipped."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

# No test is timed: a busy machine is not a failure.
settings.register_profile("msmdtools", deadline=None)
settings.load_profile("msmdtools")

REPOSITORY = Path(__file__).resolve().parent.parent
SHARED = REPOSITORY.parent / "shared"


@pytest.fixture(scope="session")
def repository() -> Path:
    """The top of the checkout."""
    return REPOSITORY


@pytest.fixture(scope="session")
def killed_while_writing() -> Callable[..., set[Path]]:
    """Kills a process that is about to give files their names; gives what it leaves beside them."""
    program = (
        "import os, sys, pathlib\n"
        "from msmdtools.base.files import replacing\n"
        "for path in map(pathlib.Path, sys.argv[1:]):\n"
        "    writing = replacing(path)\n"
        "    writing.__enter__().write_text('half')\n"
        "    globals()[str(path)] = writing\n"
        "os.kill(os.getpid(), 9)\n"
    )

    def left(*paths: Path) -> set[Path]:
        before = {file for path in paths for file in path.parent.iterdir()}
        done = subprocess.run([sys.executable, "-c", program, *paths], check=False)
        assert done.returncode == -9
        return {file for path in paths for file in path.parent.iterdir()} - before

    return left


@pytest.fixture(scope="session")
def mutopia() -> Path:
    """The root of a copy of the Mutopia Project's source tree (its `ftp` folder)."""
    root = Path(os.environ.get("MSMD_MUTOPIA", SHARED / "mutopia" / "ftp"))
    if not (root / "BachJS").is_dir():
        pytest.skip(
            f"no Mutopia tree at {root}: run `msmd fetch mutopia`, "
            "and set MSMD_MUTOPIA to its ftp folder"
        )
    return root


@pytest.fixture(scope="session")
def splits() -> Path:
    """The official splits of MSMD v1.1, one row per piece."""
    path = SHARED / "msmd" / "splits.csv"
    if not path.is_file():
        pytest.skip(f"no table of the official splits at {path}")
    return path


@pytest.fixture(scope="session")
def sample_root() -> Path:
    """The bundled pieces."""
    from msmdtools.base import resources

    return resources.pieces()


@pytest.fixture(scope="session")
def soundfont() -> Path:
    """The file of TimGM6mb, a small soundfont."""
    from msmdtools.errors import SoundfontError
    from msmdtools.perform.soundfonts import find_soundfont

    try:
        return find_soundfont("TimGM6mb")
    except SoundfontError as error:
        pytest.skip(f"no TimGM6mb soundfont (run `make system`): {error}")


@pytest.fixture(scope="session")
def sandbox() -> str:
    """The path of a bubblewrap that works here."""
    bwrap = shutil.which("bwrap")
    if bwrap is None:
        pytest.skip("no bwrap on PATH: run `make system`")
    trial = [bwrap, "--ro-bind", "/", "/", "--unshare-all", "true"]
    if subprocess.run(trial, capture_output=True, check=False).returncode != 0:
        pytest.skip("bwrap is installed, but may not create namespaces here")
    return bwrap


@pytest.fixture(scope="session")
def docs_folder(
    soundfont: Path, sample_root: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The folder of docs_folder.py, made once; a test works in a copy."""
    import docs_folder

    folder = tmp_path_factory.mktemp("docs")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        docs_folder.prepare(sample_root)
    return folder


@pytest.fixture(scope="session")
def docs_folder_with_model(docs_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with a trained model and an index."""
    from docs_folder import copy, prepare_model

    folder = copy(docs_folder, tmp_path_factory.mktemp("models"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        prepare_model()
    return folder
