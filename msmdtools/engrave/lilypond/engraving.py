"""Engrave one source: one run of LilyPond gives the pages, the place of every note head, and the MIDI."""

import re
import signal
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from msmdtools.engrave.lilypond.engine import Engine
from msmdtools.engrave.lilypond.fonts import font_cache
from msmdtools.engrave.lilypond.midi import SILENCE, read_midi
from msmdtools.engrave.lilypond.records import Records
from msmdtools.engrave.lilypond.records_file import read_records
from msmdtools.engrave.outputs import Untrusted, take_over
from msmdtools.engrave.pages import merge_pdfs, render_pages
from msmdtools.engrave.sandbox import (
    MOST_DEPTH,
    MOST_FILES,
    MOST_PROCESSES,
    Limits,
    Outcome,
    run_limited,
)
from msmdtools.errors import PieceError
from msmdtools.midi.reading import MidiFile
from msmdtools.paper.width import NOMINAL_WIDTH

KILLED = "killed"
WORTH_ANOTHER_TRY = ("crashed", "out-of-memory", KILLED)
TRIES = 2
# By these a process is ended by others: a user, or the system that is short of memory.
ENDING_SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_TOO_OLD = "program too old"
UNCOLLECTED_BYTES = 2 << 30
# 36,000 notes have 5 MB of records before their pages are drawn, and 0.3 MB of MIDI.
MOST_RECORD_BYTES = 64 << 20
MOST_PDF_BYTES = 256 << 20
MOST_MIDI_BYTES = 4 << 20
SETTINGS = tuple(
    Path(__file__).with_name(f"{name}.ily")
    for name in ("record", "bars", "perform", "tempo", "repeats", "transpose")
)
LEGACY = Path(__file__).with_name("legacy.ily")


@dataclass(frozen=True, slots=True)
class Engraving:
    """One source engraved and performed by LilyPond.

    Attributes:
        pages: PNG files of the pages.
        sizes: (width, height) of each page, in pixels.
        pixels: pixels per point of each page, in x and in y; multiply the boxes in `records` by them.
        pdf: all pages in one file.
        records: the note heads, staves and performed notes.
        midis: a MIDI file for each printed score.
        engine: the LilyPond that was run.
        log: LilyPond's messages, without the names of folders.
        warnings: its errors and warnings, each once.
        repeats: how repeats are to be performed, "written" or "unfolded"; `records` and `midis` have the
            page once from left to right in either case.
    """

    pages: tuple[Path, ...]
    sizes: tuple[tuple[int, int], ...]
    pixels: tuple[tuple[float, float], ...]
    pdf: Path
    records: Records
    midis: tuple[MidiFile, ...]
    engine: Engine
    log: str
    warnings: tuple[str, ...]
    repeats: str = "written"


def engrave(
    source: Path,
    folder: Path,
    *,
    engines: Sequence[Engine],
    width: int = NOMINAL_WIDTH,
    repeats: str = "written",
    transpose: int = 0,
    include: Sequence[Path] = (),
    legacy: bool = False,
    limits: Limits | None = None,
    sandbox: bool = True,
    cache: Path | None = None,
) -> Engraving:
    """Engrave `source` with the first engine that does not crash on it or run out of memory.

    An engraver that is killed from outside is run again.

    Args:
        source: a LilyPond file that convert-ly has updated, inside `folder`.
        folder: holds the source and all files that it includes; output goes to `folder`/engraved-0, -1, ….
        engines: the LilyPonds to try, in order.
        width: width of the page images, in pixels.
        repeats: "written" performs the page once from left to right, "unfolded" as a musician would.
        transpose: semitones by which the music is engraved and performed higher than written.
        include: folders to search for included files, besides the source's own.
        legacy: whether the source may call functions of older versions (`legacy.ily`).
        limits: limits of each run; None: the default ones.
        sandbox: whether to run LilyPond inside bubblewrap.
        cache: folder for fontconfig's cache; None: the user's.

    Returns:
        The pages, and all that LilyPond recorded while it drew and performed them.

    Raises:
        PieceError: stage "engrave", with a reason: timeout, output-limit, out-of-memory, crashed, killed,
            process-limit, syntax-error, scheme-error, missing-include, no-score, no-notes, broken-output.
    """
    limits = limits or Limits()
    # Each run twice, the second time only if the first was killed.
    attempts = [(e, collect, t) for e in engines for collect in (False, True) for t in range(TRIES)]
    killed = 0
    error: PieceError | None = None
    for i, (engine, collect, repetition) in enumerate(attempts):
        if repetition and error is not None and error.reason != KILLED:
            continue
        output = folder / f"engraved-{i}"
        output.mkdir()
        settings = (*SETTINGS, LEGACY) if legacy else SETTINGS
        places = tuple(include)
        job = _Job(
            source,
            folder,
            output,
            engine,
            width,
            repeats,
            transpose,
            places,
            settings,
            collect,
            cache,
        )
        try:
            engraving = _engrave(job, limits, sandbox)
        except PieceError as failure:
            error = failure
            killed += error.reason == KILLED
            if error.reason not in WORTH_ANOTHER_TRY:
                raise
        else:
            retried = (
                (f"LilyPond was killed from outside and run again ({killed})",) if killed else ()
            )
            return replace(engraving, warnings=(*engraving.warnings, *retried))
    assert error is not None, "no engines"
    raise error


@dataclass(frozen=True, slots=True)
class _Job:
    """One run of LilyPond: the source, the engine and the settings.

    `collect` is whether LilyPond collects garbage. Without, it is a third faster and takes twice the
    memory, which is little for nearly all pieces; and it cannot free memory that it still needs, which
    causes most of its crashes.
    """

    source: Path
    folder: Path
    output: Path
    engine: Engine
    width: int
    repeats: str
    transpose: int
    include: tuple[Path, ...]
    settings: tuple[Path, ...]
    collect: bool
    cache: Path | None


def _engrave(job: _Job, limits: Limits, sandbox: bool) -> Engraving:
    source, output, engine = job.source, job.output, job.engine
    home = font_cache(engine, job.cache)
    command = [
        engine.path,
        "--loglevel=WARN",
        "-dbackend=cairo",
        "-dno-point-and-click",
        f"-dinclude-settings={_one_settings_file(job)}",
        *(part for place in (source.parent, *job.include) for part in ("-I", place)),
        "--pdf",
        source,
    ]
    environment = {
        "HOME": str(home),
        "PATH": "/usr/bin:/bin",
        "LC_ALL": "C.UTF-8",
        "MSMD_REPEATS": job.repeats,
        "MSMD_TRANSPOSE": str(job.transpose),
    }
    if not job.collect:
        environment["GC_DONT_GC"] = "1"
        limits = replace(limits, memory_bytes=min(limits.memory_bytes, UNCOLLECTED_BYTES))
    outcome = run_limited(
        command,
        output,
        readable=[engine.path.parent.parent, *job.settings, home, job.folder],
        environment=environment,
        limits=limits,
        sandbox=sandbox,
    )
    log = _readable(outcome.log, source, job.folder, engine)
    if outcome.stopped:
        raise _stopped(outcome, limits, source, log)
    try:
        copies = _take_over(output, Path(tempfile.mkdtemp(dir=job.folder, prefix="copies-")))
        records, pdfs, midis = copies.records, copies.pdfs, copies.midis
        if outcome.returncode < 0 or outcome.returncode >= 128:
            raise ValueError("LilyPond crashed")
        if not records.page_books:
            raise ValueError("nothing was engraved: the source has no score with a layout")
        if not records.drawn:
            raise ValueError("no note head was drawn")
        pages, sizes, pixels = render_pages(pdfs, copies.folder, job.width, len(records.page_books))
    except Untrusted as error:
        raise PieceError("engrave", "broken-output", f"{source.name}: {error}", log) from error
    except (OSError, ValueError) as error:
        raise _explained(outcome, log, source, str(error)) from error
    warnings = tuple(dict.fromkeys(re.findall(r"^.*?(?:error|warning): .*$", log, re.MULTILINE)))
    return Engraving(
        tuple(pages),
        tuple(sizes),
        tuple(pixels),
        merge_pdfs(pdfs, copies.folder / "score.pdf"),
        records,
        midis,
        engine,
        log,
        warnings,
        job.repeats,
    )


@dataclass(frozen=True, slots=True)
class _Outputs:
    """Copies of the files that LilyPond has written, in a folder that it could not write to."""

    folder: Path
    records: Records
    pdfs: tuple[Path, ...]
    midis: tuple[MidiFile, ...]


def _take_over(output: Path, folder: Path) -> _Outputs:
    """Copy the files that LilyPond should have written from `output` to `folder`, and read them.

    Raises:
        Untrusted, ValueError, OSError: a file is not what it must be, cannot be read, or is missing.
    """
    records = read_records(take_over("records.tsv", output, folder, MOST_RECORD_BYTES))
    books = sorted(set(records.page_books))
    pdfs = tuple(
        take_over(f"book-{book + 1}.pdf", output, folder, MOST_PDF_BYTES) for book in books
    )
    midis = [SILENCE] * len(records.starts)
    room = MOST_MIDI_BYTES
    for p in sorted(records.performed):
        path = take_over(f"msmd-{p}.midi", output, folder, room)
        room -= path.stat().st_size
        midis[p] = read_midi(path)
    return _Outputs(folder, records, pdfs, tuple(midis))


def _one_settings_file(job: _Job) -> Path:
    """A file that includes all settings: LilyPond 2.24 reads only one, the last that it is given."""
    path = job.output.with_suffix(".ily")
    path.write_text("".join(f'\\include "{settings}"\n' for settings in job.settings), "utf-8")
    return path


def _readable(log: str, source: Path, folder: Path, engine: Engine) -> str:
    """The log without names of folders and without fontconfig's complaints that it cannot write its cache."""
    text = log.replace(str(source), source.name).replace(str(folder), ".")
    text = text.replace(f"{engine.path.parent.parent}/", "")
    return "\n".join(line for line in text.splitlines() if not line.startswith("Fontconfig "))


def _stopped(outcome: Outcome, limits: Limits, source: Path, log: str) -> PieceError:
    gibibytes = limits.memory_bytes / 2**30
    messages = {
        "timeout": f"LilyPond was stopped after {limits.timeout_s:g} s",
        "output-limit": f"LilyPond had written more than {limits.output_bytes >> 20} MiB, "
        f"{MOST_FILES} files, or folders {MOST_DEPTH} deep",
        "process-limit": f"LilyPond was stopped with more than {MOST_PROCESSES} processes",
        "out-of-memory": f"LilyPond was stopped with more than {gibibytes:.3g} GiB of memory",
    }
    message = f"{source.name}: {messages[outcome.stopped]}"
    return PieceError("engrave", outcome.stopped, message, log)


def _explained(outcome: Outcome, log: str, source: Path, problem: str) -> PieceError:
    """The error that LilyPond's log tells of, else `problem`, with the reason code that fits."""
    errors = re.findall(r"^.*?(?:error|ERROR): .*$", log, re.MULTILINE)
    # The most telling line: the error that stopped LilyPond, the message of Scheme, the first error.
    missing_files = re.findall(r"^.*?error: cannot find file.*$", log, re.MULTILINE)
    too_old = [line for line in errors if _TOO_OLD in line]
    telling = [
        *missing_files,
        *re.findall(r"^fatal error: (?!failed files).*$", log, re.MULTILINE),
        *re.findall(
            r"^(?:Unbound variable|Wrong (?:type|number)|In procedure).*$", log, re.MULTILINE
        ),
        *(line for line in errors if _TOO_OLD not in line),
        *too_old,
    ]
    message = telling[0].strip() if telling else problem
    if too_old:
        version = too_old[0].rpartition("requires: ")[2].rstrip(")")
        message += f" (the source asks for LilyPond {version}: name one with --lilypond)"
    lowered = log.lower()
    code = outcome.returncode
    if re.search(r"out of memory|bad_alloc|memory exhausted|gc warning: failed to expand", lowered):
        reason = "out-of-memory"
    elif "file size limit" in lowered or code in (-25, 153):
        reason = "output-limit"
    elif (number := -code if code < 0 else code - 128) in ENDING_SIGNALS:
        reason = KILLED
        message = (
            f"LilyPond was killed from outside (signal {number}), perhaps as the system is short of"
            " memory; the same build tries it again"
        )
    elif code < 0 or code >= 128:
        reason = "crashed"
        message = f"signal {number}" + (f" after: {message}" if telling else "")
    elif "cannot find file" in lowered:
        reason = "missing-include"
    elif re.search(r"syntax error|unknown escaped string|error: unexpected", lowered):
        reason = "syntax-error"
    elif re.search(r"guile signaled an error|in procedure|unbound variable", lowered):
        reason = "scheme-error"
    elif errors:
        reason = "engraver-error"
    else:
        reason = "no-notes" if "note head" in problem else "no-score"
    return PieceError("engrave", reason, f"{source.name}: {message}", log)
