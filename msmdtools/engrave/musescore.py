"""Convert a file of MuseScore's own to MusicXML with MuseScore's program, where that is installed."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

from msmdtools.engrave.outputs import Untrusted, take_over
from msmdtools.engrave.sandbox import Limits, run_limited
from msmdtools.errors import PieceError, ToolError

PROGRAMS = (
    *("mscore", "musescore", "mscore4portable", "musescore4", "MuseScore4", "mscore4", "mscore-4"),
    *("musescore3", "mscore3", "MuseScore3", "musescore-portable"),
)
"""Names that MuseScore's program has on the PATH, by platform and version."""

_CONVERTED = "score.musicxml"
_MOST_BYTES = 128 << 20
# Its libraries reserve much more memory than they use.
_ADDRESS_BYTES = 16 << 30
_CURE = (
    "install MuseScore (musescore.org; on Debian and Ubuntu: apt-get install musescore3) and build again with "
    "--retry-failed, name its program with --musescore, or save the score as MusicXML"
)


def find_musescore(given: Path | None = None) -> Path | None:
    """The program of MuseScore: the given one, or else the first of `PROGRAMS` on the PATH; None for none.

    Raises:
        ToolError: the given one is no program.
    """
    if given is not None:
        found = shutil.which(given.expanduser())
        if found is None:
            raise ToolError(
                f"--musescore {given}: there is no such program. Name MuseScore's, such as /usr/bin/mscore."
            )
        return Path(found).absolute()
    found = next(filter(None, map(shutil.which, PROGRAMS)), None)
    return Path(found).absolute() if found else None


def convert_musescore(
    source: Path, folder: Path, *, program: Path | None, limits: Limits, sandbox: bool
) -> Path:
    """Convert a score to MusicXML.

    Args:
        source: a .mscz or .mscx file.
        folder: gets two folders: of the program, and of the result.
        program: MuseScore's program; None where there is none.
        limits: of its run; memory is that in use, not what is reserved.
        sandbox: whether to run it inside bubblewrap.

    Returns:
        The MusicXML file.

    Raises:
        PieceError: stage "source", reason "no-musescore", "conversion-failed", "timeout", "out-of-memory",
            "output-limit" or "process-limit".
    """
    if program is None:
        raise PieceError(
            "source", "no-musescore", f"{source}: only MuseScore can read its own files: {_CURE}."
        )
    work, result = folder / "musescore", folder / "musicxml"
    work.mkdir()
    result.mkdir()
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(work),
        "TMPDIR": str(work),
        "XDG_RUNTIME_DIR": str(work),
        "LANG": "C.UTF-8",
        "QT_QPA_PLATFORM": "offscreen",  # it has no screen here
    }
    outcome = run_limited(
        [program, "-o", work / _CONVERTED, source],
        work,
        readable=[source, _installed(program, source)],
        environment=environment,
        limits=replace(limits, memory_bytes=max(limits.memory_bytes, _ADDRESS_BYTES)),
        sandbox=sandbox,
    )
    if outcome.stopped:
        raise PieceError(
            "source",
            outcome.stopped,
            f"{source}: MuseScore exceeded a limit ({outcome.stopped}) while it converted the score.",
            outcome.log,
        )
    try:
        return take_over(_CONVERTED, work, result, _MOST_BYTES)
    except (OSError, Untrusted) as error:
        last = next(
            (line for line in reversed(outcome.log.splitlines()) if line.strip()), "no message"
        )
        raise PieceError(
            "source",
            "conversion-failed",
            f"{source}: MuseScore ({program}) wrote no MusicXML (exit code {outcome.returncode}; {last.strip()}). "
            "Open the score in MuseScore and save it as MusicXML.",
            outcome.log,
        ) from error


def _installed(program: Path, source: Path) -> Path:
    """The folder that a program was installed in with its libraries: that above bin/, or its own.

    It is the program alone where that folder has other things, too: the user's home, or the source.
    """
    real = Path(os.path.realpath(program))
    private = (Path.home(), source)
    folders = [real.parent.parent, real.parent] if real.parent.name == "bin" else [real.parent]
    fit = (f for f in folders if not any(place.is_relative_to(f) for place in private))
    return next(fit, real)
