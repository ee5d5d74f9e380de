"""Build a dataset from a manifest: select the pieces to build, build them, and write the tables at the end."""

import fnmatch
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msmdtools.base.damage import no_folder
from msmdtools.base.failures import Failure
from msmdtools.base.files import explained
from msmdtools.base.lock import locked
from msmdtools.base.progress import Progress, silent
from msmdtools.base.quantities import first_few, how_many
from msmdtools.build import additions, finishing, provenance, store
from msmdtools.build.looks import with_looks
from msmdtools.build.lost_files import lost_files, warnings_of
from msmdtools.build.options import BuildOptions, without_effect
from msmdtools.build.rows import header_fields
from msmdtools.build.summary import BuildSummary
from msmdtools.dataset import records
from msmdtools.dataset.records import Record
from msmdtools.dataset.tables import CARD, DESCRIPTION, TABLES
from msmdtools.engrave import (
    Engine,
    Limits,
    cache_folder,
    find_engines,
    find_musescore,
    sandbox_available,
)
from msmdtools.engrave.lilypond.engraving import KILLED
from msmdtools.errors import ManifestError
from msmdtools.performance import PerformanceSpec
from msmdtools.piece import LILYPOND, Piece
from msmdtools.sources.manifest import read_manifest

if TYPE_CHECKING:  # loads numpy, Arrow, FluidSynth: not for a build that has nothing to do
    from msmdtools.build.run import BuildRun
    from msmdtools.build.schedule import Steps
    from msmdtools.build.task import Settings

_log = logging.getLogger(__name__)


def build(
    manifest: Path | Sequence[Piece],
    root: Path,
    out: Path,
    options: BuildOptions | None = None,
    *,
    progress: Progress = silent,
    warn: Callable[[str], None] = _log.warning,
    steps: "Steps | None" = None,
) -> BuildSummary:
    """Build the pieces of a manifest into a dataset folder, or go on with an interrupted build.

    Pieces that are there already, from the same sources, are left as they are; pieces of other
    manifests stay. Performances and audio that the dataset does not have yet are added to all of
    its pieces, and those that it has stay (see `msmdtools.build.additions`). A piece that fails
    becomes a row of the pieces table and stops nothing.

    Args:
        manifest: the list of pieces: a file, or the pieces themselves.
        root: the source tree that the manifest's paths are relative to. Never written to.
        out: the dataset folder; it is made if it is missing.
        options: the options; None: the default ones.
        progress: called with the number of pieces done, and how many have failed.
        warn: called with a message about a problem that does not stop the build.
        steps: the functions that the workers call, for tests.

    Returns:
        The numbers of pieces built and failed, and the totals of the dataset.

    Raises:
        ManifestError: the manifest or the source tree cannot be read, or no piece is selected.
        ToolError, SoundfontError: a tool or font is missing.
        DatasetError: the folder is in use, was made with other options or tools, cannot be written to, or
            its disk is full. The pieces that are finished stay; the same command goes on.
    """
    earlier = records.read_description(out) if out.is_dir() else None
    options = provenance.resolve_soundfonts(options or BuildOptions(), earlier)
    pieces = with_looks(select(manifest, root, options.pieces), options.looks, options.seed)
    for message in without_effect(options, {piece.format for piece in pieces}):
        warn(message)
    if earlier is None:  # before a folder is made
        check_root(pieces, manifest, root)
    engines = find_engines(options.engine, options.lilypond)
    options = replace(options, musescore=find_musescore(options.musescore))
    identity = provenance.identity(options, engines)
    sandbox = options.sandbox and sandbox_available()
    try:
        with locked(out, (DESCRIPTION,), "a dataset", "build") as work:
            description = records.read_description(out)
            attempted = records.read_records(out)
            if description is not None and attempted:
                provenance.check_identity(out, description, identity)
                identity = additions.united(description, identity, attempted.values())
            else:
                # "sandbox" stays true as long as every build of the dataset uses one.
                description = {"sources": [], "sandbox": True}
            incomplete = lost_files(out, filter(additions.is_current, attempted.values()))
            for message in warnings_of(incomplete, [piece.piece for piece in pieces]):
                warn(message)
            to_build = [
                piece
                for piece in pieces
                if piece.piece in incomplete
                or _must_build(piece, attempted.get(piece.piece), options.retry_failed)
            ]
            check_root(to_build, manifest, root)
            renewed = _renewed(pieces, attempted)
            attempted |= {record.piece: record for record in renewed}
            options = replace(options, keep_audio=identity["options"]["keep_audio"])
            specs = additions.specs(identity, options.performances())
            untouched = [
                attempted[p] for p in sorted(attempted.keys() - {piece.piece for piece in to_build})
            ]
            intact = [record for record in untouched if record.piece not in incomplete]
            extensions = additions.missing_performances(intact, specs, options.keep_audio)
            if not (to_build or renewed or extensions) and _is_complete(
                out, description, attempted
            ):
                return _summary(out, pieces, attempted, description)
            _warn_of_changes(to_build, attempted, options, sandbox, warn)
            needed = specs if to_build else [spec for _, missing in extensions for spec in missing]
            additions.check_soundfonts(identity, needed, options.performances())
            description = _description(description, identity, options, manifest, root, sandbox)
            finishing.write_description(out, description, work)
            store.mend_log(out)
            for record in renewed:
                store.rewrite(out, record, work)
            lacking: list[str] = []
            if to_build or extensions:
                run = _run(out, work, options, len(to_build) + len(extensions), progress, steps)
                cache, problem = cache_folder(engines, work.absolute() / "fonts")
                if to_build and problem:
                    warn(
                        f"{problem}: the list of fonts is made for this build alone. To keep it, "
                        "set XDG_CACHE_HOME to a folder that you may write to."
                    )
                run.make(to_build, _settings(root, engines, specs, options, sandbox, cache))
                run.add(extensions, options.keep_audio)
                lacking = run.lacking
            summary = _finish(out, work, description, pieces)
            return replace(
                summary,
                attempted=len(to_build),
                added=len(extensions),
                lacking=tuple(sorted(lacking)),
            )
    except OSError as error:
        raise explained(error, out, "pieces") from error


def select(manifest: Path | Sequence[Piece], root: Path, pattern: str = "*") -> list[Piece]:
    """Select the pieces of a manifest whose id matches a glob.

    Args:
        manifest: the list of pieces: a file, or the pieces themselves.
        root: the source tree.
        pattern: the glob.

    Returns:
        The pieces, in the order of the manifest.

    Raises:
        ManifestError: the manifest or the source tree is not there, or no piece matches.
    """
    pieces = read_manifest(manifest) if isinstance(manifest, Path) else list(manifest)
    if not root.is_dir():
        raise ManifestError(
            f"{root}: {no_folder(root)}. Give the source tree of {manifest} with --root."
        )
    selected = [piece for piece in pieces if fnmatch.fnmatchcase(piece.piece, pattern)]
    if not selected:
        example = f"; there is, for example, {pieces[0].piece}" if pieces else ""
        where = manifest if isinstance(manifest, Path) else root
        raise ManifestError(f"{where}: no piece matches {pattern!r}{example}.")
    return selected


def check_root(pieces: Sequence[Piece], manifest: Path | Sequence[Piece], root: Path) -> None:
    """Refuse a tree that has none of the pieces' sources: another tree, or a folder above or below the root.

    Args:
        pieces: the pieces to build.
        manifest: the manifest that lists them, for the message.
        root: the folder given as the source tree.

    Raises:
        ManifestError: the message names a source, and the right folder where it is near.
    """
    found = any((root / piece.path).is_file() for piece in pieces)
    if found or not pieces or not isinstance(manifest, Path):
        return
    source = pieces[0].path
    near = [root.absolute().parent, *(p for p in sorted(root.iterdir()) if p.is_dir())]
    right = next((folder for folder in near if (folder / source).is_file()), None)
    cure = f"Give --root {right}" if right else f"Give the source tree of {manifest} with --root"
    sources = (
        f"any of the {len(pieces)} sources to build, such as" if len(pieces) > 1 else "the source"
    )
    raise ManifestError(f"{root} does not have {sources} {source}. {cure}.")


def _must_build(piece: Piece, record: Record | None, retry_failed: bool) -> bool:
    if record is None or _has_changed(piece, record) or not additions.is_current(record):
        return True
    # An engraver that was killed from outside says nothing about the piece.
    return not record.ok and (retry_failed or record.row["reason"] == KILLED)


def _has_changed(piece: Piece, record: Record) -> bool:
    before = {"format": LILYPOND, "tune": "", "look": ""} | dict(record.row)
    fields = header_fields(piece)
    keys = ("path", "sha256", "files_sha256", "format", "tune", "look")
    return any(before[key] != fields[key] for key in keys)


def _renewed(pieces: Sequence[Piece], attempted: Mapping[str, Record]) -> list[Record]:
    """New records of pieces whose sources are the same but whose columns in the manifest have changed."""
    renewed = []
    for piece in pieces:
        record = attempted.get(piece.piece)
        if record is not None and not _has_changed(piece, record):
            row = {**record.row, **header_fields(piece)}
            if row != record.row:
                renewed.append(Record(row, record.files))
    return renewed


def _is_complete(
    out: Path, description: Mapping[str, Any], attempted: Mapping[str, Record]
) -> bool:
    return (
        description.get("state") == "complete"
        and description["totals"]["attempted"] == len(attempted)
        and all((out / f"{table.name}.parquet").is_file() for table in TABLES)
        and (out / CARD).is_file()
    )


def _warn_of_changes(
    to_build: Sequence[Piece],
    attempted: Mapping[str, Record],
    options: BuildOptions,
    sandbox: bool,
    warn: Callable[[str], None],
) -> None:
    outdated = [
        p for p in to_build if p.piece in attempted and not additions.is_current(attempted[p.piece])
    ]
    if outdated:
        warn(
            f"{how_many(len(outdated), 'piece')} will be engraved again: an earlier version of msmdtools, "
            "which built them, did not record all that this one does"
        )
    changed = [
        p.piece for p in to_build if p.piece in attempted and _has_changed(p, attempted[p.piece])
    ]
    if changed:
        warn(
            f"{how_many(len(changed), 'piece')} will be built again, since the source has changed: "
            f"{first_few(changed, 5)}"
        )
    if to_build and not sandbox:
        state = "is not available (install bubblewrap)" if options.sandbox else "is switched off"
        warn(
            f"The sandbox {state}: LilyPond runs any code that is in the sources, with your rights. "
            "Build only sources that you trust."
        )


def _description(
    earlier: Mapping[str, Any],
    identity: Mapping[str, Any],
    options: BuildOptions,
    manifest: Path | Sequence[Piece],
    root: Path,
    sandbox: bool,
) -> dict[str, Any]:
    sources = list(earlier["sources"])
    if (source := provenance.source(manifest, root, options)) not in sources:
        sources.append(source)
    people = {provenance.PEOPLE: earlier[provenance.PEOPLE]} if provenance.PEOPLE in earlier else {}
    return {
        **identity,
        **people,
        "limits": {"timeout_s": options.timeout_s, "memory_bytes": options.memory_bytes},
        "sandbox": earlier["sandbox"] and sandbox,
        "sources": sources,
        "state": "building",
        "totals": None,
    }


def _run(
    out: Path,
    work: Path,
    options: BuildOptions,
    total: int,
    progress: Progress,
    steps: "Steps | None",
) -> "BuildRun":
    from msmdtools.build.run import BuildRun
    from msmdtools.build.schedule import Steps

    return BuildRun(out, work, options.workers, total, progress, steps or Steps())


def _settings(
    root: Path,
    engines: tuple[Engine, ...],
    specs: tuple[PerformanceSpec, ...],
    options: BuildOptions,
    sandbox: bool,
    cache: Path,
) -> "Settings":
    from msmdtools.build.task import Settings

    return Settings(
        root=root.absolute(),
        engines=engines,
        performances=specs,
        width=options.width,
        repeats=options.repeats,
        transpose=options.transpose,
        upgrade=options.upgrade == "auto",
        keep_audio=options.keep_audio,
        limits=Limits(timeout_s=options.timeout_s, memory_bytes=options.memory_bytes),
        sandbox=sandbox,
        cache=cache,
        look=options.look,
        midi_timing=options.midi_timing,
        parts=options.parts,
        musescore=options.musescore,
    )


def _finish(
    out: Path, work: Path, description: dict[str, Any], pieces: Sequence[Piece]
) -> BuildSummary:
    complete, attempted = finishing.finish(out, work, description)
    return _summary(out, pieces, attempted, complete)


def _summary(
    out: Path,
    pieces: Sequence[Piece],
    attempted: Mapping[str, Record],
    description: Mapping[str, Any],
) -> BuildSummary:
    rows = [attempted[piece.piece].row for piece in pieces if not attempted[piece.piece].ok]
    failures = tuple(
        Failure(row["piece"], f"{row['stage']}, {row['reason']}", row["message"]) for row in rows
    )
    return BuildSummary(out, len(pieces), 0, failures, description["totals"])
