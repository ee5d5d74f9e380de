"""Find the LilyPond programs to engrave with, and update old sources to their version with convert-ly."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from msmdtools.errors import ToolError
from msmdtools.sources.versions import parse_version, stated_version

MINIMUM_VERSION = (2, 24)
_MUSIC_LENGTH_SINCE = (2, 25, 3)
_MUSIC_LENGTH = re.compile(rb"\\musicLength (\d+)(\.)?(?:\*(\d+)(?:/(\d+))?)?")


@dataclass(frozen=True, slots=True)
class Engine:
    """A LilyPond program.

    Attributes:
        path: the executable.
        version: such as "2.25.12".
    """

    path: Path
    version: str

    @property
    def name(self) -> str:
        """Name and version, such as "LilyPond 2.25.12"."""
        return f"LilyPond {self.version}"


def find_engines(extra: Path | None = None, replacement: Path | None = None) -> tuple[Engine, ...]:
    """The engines to try for each piece, in this order: the `lilypond` package's, `extra`, the one on PATH.

    Args:
        extra: a LilyPond to try on pieces on which the first one crashes.
        replacement: a LilyPond to use instead of the package's and the one on PATH.

    Raises:
        ToolError: there is none of version 2.24 or later, or `extra` or `replacement` is not one.
    """
    candidates = (
        [replacement, extra] if replacement else [_packaged_lilypond(), extra, _lilypond_on_path()]
    )
    engines: list[Engine] = []
    for path in candidates:
        if path is None or any(path.resolve() == engine.path for engine in engines):
            continue
        version = lilypond_version(path)
        if version is not None and tuple(map(int, version.split(".")[:2])) >= MINIMUM_VERSION:
            engines.append(Engine(path.resolve(), version))
        elif path in (extra, replacement):
            raise ToolError(
                f"{path} is not a LilyPond of version 2.24 or later "
                f"({version or 'it does not answer --version'}). Name another one, or leave "
                f"{'--engine' if path == extra else '--lilypond'} out to use the one that came with msmdtools."
            )
    if not engines:
        raise ToolError("There is no LilyPond. Install it with: pip install lilypond==2.25.12")
    return tuple(engines)


def _packaged_lilypond() -> Path | None:
    try:
        import lilypond
    except ImportError:
        return None
    path = Path(str(lilypond.executable()))
    return path if path.is_file() else None


def _lilypond_on_path() -> Path | None:
    path = shutil.which("lilypond")
    return Path(path) if path else None


def lilypond_version(path: Path) -> str | None:
    """The version that a program reports ("2.25.12"), or None if it does not run or is not LilyPond."""
    try:
        answer = subprocess.run(
            [path, "--version"], capture_output=True, text=True, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.match(r"GNU LilyPond (\d+\.\d+\.\d+)", answer.stdout)
    return match.group(1) if match else None


def convert(files: Sequence[Path], engine: Engine | None = None) -> dict[Path, str]:
    """Bring source files up to the engine's version, in place, by convert-ly.

    The files are overwritten, so give copies. A file without \\version keeps its syntax. An error in one
    file does not stop the others, nor one in a rule the rules after it. Moments stay Scheme:
    convert-ly would write #(ly:make-moment 1/4) as \\musicLength 4, which changes the length of the notes
    after it.

    Returns:
        For each file, the messages of convert-ly about it ("" for none).
    """
    engine = engine or find_engines()[0]
    messages = dict.fromkeys(files, "")
    program = engine.path.with_name("convert-ly")
    for file in files:
        to_utf8(file)
    if not program.is_file() or not files:
        return messages
    before_music_length = {file for file in files if _is_before(file, _MUSIC_LENGTH_SINCE)}
    todo = {str(file.absolute()): file for file in files}
    while todo:
        parts = re.split(
            r"^convert-ly: Processing `(.+?)'\.\.\.", _convert_ly(program, todo), flags=re.M
        )
        for place, output in zip(parts[1::2], parts[2::2], strict=True):
            file = todo.pop(place)
            stopped = _rules(output) and re.search(r"error: |Traceback", output)
            text = _convert_alone(program, place) if stopped else output
            file.with_name(file.name + "~").unlink(missing_ok=True)
            if file in before_music_length:
                _restore_moments(file)
            lines = [s for s in text.splitlines() if place in s and "Processing `" not in s]
            messages[file] = "\n".join(lines).replace(place, file.name)
        if len(parts) == 1:
            raise ToolError(f"{program} does not work: {parts[0].strip() or 'it prints nothing'}")
    return messages


def _convert_alone(program: Path, place: str) -> str:
    """Convert a file on which a rule of convert-ly fails or crashes: skip this rule, apply those after it.

    By itself, convert-ly stops at a rule that fails, and leaves the file as it was when one crashes.
    """
    output = ""
    start: list[str] = []
    while True:
        text = _convert_ly(program, [place], *start)
        output += text
        rules = _rules(text)
        if not rules or not re.search(r"error: |Traceback", text):
            return output
        if "Traceback" in text and len(rules) > 1:
            _convert_ly(program, [place], *start, f"--to={rules[-2]}")
        start = [f"--from={rules[-1]}"]


def _rules(text: str) -> list[str]:
    """The versions of the rules that were begun; if one failed, it is the last of them."""
    return re.findall(r"\b(\d+\.\d+\.\d+), ", text.partition("Applying conversion:")[2])


def _convert_ly(program: Path, places: Iterable[str], *options: str) -> str:
    """Run convert-ly, and return its output. Places are absolute, as a name with a dash would be an option."""
    answer = subprocess.run(
        [program, "--edit", *options, *places],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
        env={**os.environ, "LC_ALL": "C.UTF-8", "PYTHONIOENCODING": "utf-8"},
    )
    return answer.stdout


def _restore_moments(file: Path) -> None:
    """Undo the change that rule 2.25.3 of convert-ly made in a file."""
    text = file.read_bytes()
    if b"\\musicLength" in text:
        file.write_bytes(_MUSIC_LENGTH.sub(_moment, text))


def _is_before(file: Path, since: tuple[int, ...]) -> bool:
    """Whether a file was written for a version before `since`."""
    version = parse_version(stated_version(file.read_text(encoding="utf-8", errors="replace")))
    return version is not None and version < since


def _moment(match: re.Match[bytes]) -> bytes:
    number, dot, factor, divisor = match.groups()
    numerator, denominator = int(factor or 1), int(number) * int(divisor or 1)
    if dot:
        numerator, denominator = 3 * numerator, 2 * denominator
    return b"#(ly:make-moment %d/%d)" % (numerator, denominator)


def to_utf8(file: Path) -> None:
    """Rewrite a source in another encoding as UTF-8: LilyPond and convert-ly read nothing else."""
    raw = file.read_bytes()
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = raw.decode("utf-16")
    else:
        try:
            raw.decode("utf-8")
        except UnicodeDecodeError:
            text = raw.decode("cp1252", errors="replace")
        else:
            return
    file.write_text(text, encoding="utf-8", newline="")
