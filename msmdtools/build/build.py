"""Build a dataset from a manifest: what is to do, doing it, and what is written at the end."""

import fnmatch
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msmdtools.base import seal
from msmdtools.base.damage import no_folder
from msmdtools.base.failures import Failure
from msmdtools.base.files import explained, json_bytes, write_atomically
from msmdtools.base.lock import locked
from msmdtools.base.progress import Progress, silent
from msmdtools.build import growth, provenance, store
from msmdtools.build.lost import lost_files, told
from msmdtools.build.options import BuildOptions
from msmdtools.build.rows import header_fields
from msmdtools.build.summary import BuildSummary
from msmdtools.dataset import records
from msmdtools.dataset.records import Record
from msmdtools.dataset.tables import CARD, DESCRIPTION, TABLES
from msmdtools.engrave import Engine, Limits, cache_folder, find_engines, sandbox_available
from msmdtools.engrave.lilypond import KILLED
from msmdtools.errors import ManifestError
from msmdtools.performance import PerformanceSpec
from msmdtools.piece import Piece
from msmdtools.sources.manifest import read_manifest

if TYPE_CHECKING:  # loads numpy, Arrow, FluidSynth: not for a build that has nothing to do
    from msmdtools.build.making import Making
    from msmdtools.build.schedule import Steps
    from msmdtools.build.worker import Settings

_log = logging.getLogger(__name__)


def build(
    manifest: Path,
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
    its pieces, and those that it has stay (see `msmdtools.build.growth`). A piece that fails
    becomes a row of the pieces table and stops nothing.

    Args:
        manifest: the list of pieces.
        root: the source tree that the manifest's paths are relative to. Never written to.
        out: the dataset folder; made if need be.
        progress: told of the pieces, with how many have failed.
        warn: called with a message about something that is not as it should be, but stops nothing.
        steps: what the workers do, for tests.

    Raises:
        ManifestError: the manifest or the source tree cannot be read, or no piece is selected.
        ToolError, SoundfontError: a tool or font is missing.
        DatasetError: the folder is in use, was made in another way, cannot be written, or its disk
            is full. The pieces that are finished stay; the same command goes on.
    """
    old = records.read_description(out) if out.is_dir() else None
    options = provenance.resolve_soundfonts(options or BuildOptions(), old)
    pieces = select(manifest, root, options.pieces)
    if old is None:
        check_root(pieces, manifest, root)
    engines = find_engines(options.engine, options.lilypond)
    made_with = provenance.identity(options, engines)
    sandbox = options.sandbox and sandbox_available()
    try:
        with locked(out, (DESCRIPTION,), "a dataset", "build") as work:
            description = records.read_description(out)
            known = records.read_records(out)
            if description is not None and known:
                provenance.check_identity(out, description, made_with)
                made_with = growth.united(description, made_with, known.values())
            else:
                description = {"sources": [], "sandbox": True}
            lost = lost_files(out, known.values())
            for message in told(lost, [piece.piece for piece in pieces]):
                warn(message)
            todo = [
                piece
                for piece in pieces
                if piece.piece in lost
                or _is_to_do(piece, known.get(piece.piece), options.retry_failed)
            ]
            check_root(todo, manifest, root)
            renewed = _renewed(pieces, known)
            known |= {record.piece: record for record in renewed}
            options = replace(options, keep_audio=made_with["options"]["keep_audio"])
            specs = growth.specs(made_with, options.performances())
            others = [known[p] for p in sorted(known.keys() - {piece.piece for piece in todo})]
            whole = [record for record in others if record.piece not in lost]
            added = growth.additions(whole, specs, options.keep_audio)
            if not (todo or renewed or added) and _is_complete(out, description, known):
                return _summary(out, pieces, known, description)
            _say_what_is_new(todo, known, options, sandbox, warn)
            needed = specs if todo else [spec for _, lacked in added for spec in lacked]
            growth.check_soundfonts(made_with, needed, options.performances())
            description = _description(description, made_with, options, manifest, root, sandbox)
            _write_json(out, description, work)
            store.mend_log(out)
            for record in renewed:
                store.rewrite(out, record, work)
            lacking: list[str] = []
            if todo or added:
                making = _making(out, work, options, len(todo) + len(added), progress, steps)
                cache, trouble = cache_folder(engines, work.absolute() / "fonts")
                if todo and trouble:
                    warn(
                        f"{trouble}: the list of fonts is made for this build alone. To keep it, "
                        "set XDG_CACHE_HOME to a folder that you may write to."
                    )
                making.make(todo, _settings(root, engines, specs, options, sandbox, cache))
                making.add(added, options.keep_audio)
                lacking = making.lacking
            summary = _finish(out, work, description, pieces)
            return replace(
                summary, attempted=len(todo), added=len(added), lacking=tuple(sorted(lacking))
            )
    except OSError as error:
        raise explained(error, out, "pieces") from error


def select(manifest: Path, root: Path, pattern: str = "*") -> list[Piece]:
    """The pieces of a manifest whose id matches a glob.

    Raises:
        ManifestError: the manifest or the source tree is not there, or no piece matches.
    """
    pieces = read_manifest(manifest)
    if not root.is_dir():
        raise ManifestError(
            f"{root}: {no_folder(root)}. --root names the source tree of {manifest}."
        )
    selected = [piece for piece in pieces if fnmatch.fnmatchcase(piece.piece, pattern)]
    if not selected:
        example = f", such as {pieces[0].piece}" if pieces else ""
        raise ManifestError(
            f"{manifest}: none of its {len(pieces)} pieces matches {pattern!r}{example}."
        )
    return selected


def check_root(pieces: Sequence[Piece], manifest: Path, root: Path) -> None:
    """Refuse a tree that has none of the pieces' sources: it is another one, or a folder above or below.

    Raises:
        ManifestError: the message names a source, and the right folder where it is near.
    """
    if not pieces or any((root / piece.path).is_file() for piece in pieces):
        return
    first = pieces[0].path
    near = [root.absolute().parent, *(p for p in sorted(root.iterdir()) if p.is_dir())]
    right = next((folder for folder in near if (folder / first).is_file()), None)
    cure = f"Give --root {right}" if right else f"--root names the source tree of {manifest}"
    what = (
        f"any of the {len(pieces)} sources to build, such as" if len(pieces) > 1 else "the source"
    )
    raise ManifestError(f"{root} does not have {what} {first}. {cure}.")


def _is_to_do(piece: Piece, record: Record | None, retry_failed: bool) -> bool:
    if record is None or _has_changed(piece, record) or not growth.is_current(record):
        return True
    # An engraver that was killed from outside says nothing about the piece.
    return not record.ok and (retry_failed or record.row["reason"] == KILLED)


def _has_changed(piece: Piece, record: Record) -> bool:
    keys = ("path", "sha256", "files_sha256")
    fields = header_fields(piece)
    return any(record.row[key] != fields[key] for key in keys)


def _renewed(pieces: Sequence[Piece], known: Mapping[str, Record]) -> list[Record]:
    """Records of pieces with the same sources of which the manifest now says something else."""
    renewed = []
    for piece in pieces:
        record = known.get(piece.piece)
        if record is not None and not _has_changed(piece, record):
            row = {**record.row, **header_fields(piece)}
            if row != record.row:
                renewed.append(Record(row, record.files))
    return renewed


def _is_complete(out: Path, description: Mapping[str, Any], known: Mapping[str, Record]) -> bool:
    return (
        description.get("state") == "complete"
        and description["totals"]["attempted"] == len(known)
        and all((out / f"{table.name}.parquet").is_file() for table in TABLES)
        and (out / CARD).is_file()
    )


def _say_what_is_new(
    todo: Sequence[Piece],
    known: Mapping[str, Record],
    options: BuildOptions,
    sandbox: bool,
    warn: Callable[[str], None],
) -> None:
    old = [p for p in todo if p.piece in known and not growth.is_current(known[p.piece])]
    if old:
        warn(
            f"{len(old)} of these pieces were built by an earlier version, which did not keep all of "
            "their written music; they are engraved again"
        )
    changed = [p.piece for p in todo if p.piece in known and _has_changed(p, known[p.piece])]
    if changed:
        names = ", ".join(changed[:5]) + (", …" if len(changed) > 5 else "")
        warn(f"The sources of {len(changed)} built pieces have changed; built again: {names}")
    if todo and not sandbox:
        why = "is not available (install bubblewrap)" if options.sandbox else "is switched off"
        warn(
            f"The sandbox {why}: LilyPond runs whatever code is in the sources, with your rights. "
            "Build only sources that you trust."
        )


def _description(
    old: Mapping[str, Any],
    made_with: Mapping[str, Any],
    options: BuildOptions,
    manifest: Path,
    root: Path,
    sandbox: bool,
) -> dict[str, Any]:
    sources = list(old["sources"])
    if (source := provenance.source(manifest, root)) not in sources:
        sources.append(source)
    return {
        **made_with,
        "limits": {"timeout_s": options.timeout_s, "memory_bytes": options.memory_bytes},
        "sandbox": old["sandbox"] and sandbox,
        "sources": sources,
        "state": "building",
        "totals": None,
    }


def _making(
    out: Path,
    work: Path,
    options: BuildOptions,
    total: int,
    progress: Progress,
    steps: "Steps | None",
) -> "Making":
    from msmdtools.build.making import Making
    from msmdtools.build.schedule import Steps

    return Making(out, work, options.workers, total, progress, steps or Steps())


def _settings(
    root: Path,
    engines: tuple[Engine, ...],
    specs: tuple[PerformanceSpec, ...],
    options: BuildOptions,
    sandbox: bool,
    cache: Path,
) -> "Settings":
    from msmdtools.build.worker import Settings

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
    )


def _finish(
    out: Path, work: Path, description: dict[str, Any], pieces: Sequence[Piece]
) -> BuildSummary:
    from msmdtools.build import parts
    from msmdtools.build.card import card

    known = records.read_records(out)
    growth.require_current(out, known)
    totals = parts.write_tables(out, known, work)
    description = growth.held(description, known.values())
    description |= {"state": "complete", "totals": totals}
    write_atomically(out / CARD, card(description, known).encode(), work, durable=True)
    _write_json(out, description, work)
    return _summary(out, pieces, known, description)


def _summary(
    out: Path,
    pieces: Sequence[Piece],
    known: Mapping[str, Record],
    description: Mapping[str, Any],
) -> BuildSummary:
    rows = [known[piece.piece].row for piece in pieces if not known[piece.piece].ok]
    failures = tuple(
        Failure(row["piece"], f"{row['stage']}, {row['reason']}", row["message"]) for row in rows
    )
    return BuildSummary(out, len(pieces), 0, failures, description["totals"])


def _write_json(out: Path, description: Mapping[str, Any], work: Path) -> None:
    write_atomically(out / DESCRIPTION, json_bytes(seal.sealed(description)), work, durable=True)
