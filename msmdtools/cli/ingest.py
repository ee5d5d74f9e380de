"""The command `msmd ingest`, which lists the pieces of a tree of scores in a manifest."""

import dataclasses
import json
from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path

import click

from msmdtools.base.quantities import how_many
from msmdtools.base.text_table import aligned
from msmdtools.cli import output
from msmdtools.errors import ManifestError, PieceError
from msmdtools.piece import FORMATS, LILYPOND, Piece

SHOWN = 10


@click.command("ingest")
@click.argument("tree", type=click.Path())
@click.option(
    "--out", "out", type=click.Path(path_type=Path), help="The manifest to write, a CSV file."
)
@click.option(
    "--instrument",
    "instruments",
    multiple=True,
    show_default="keyboard; in a collection such as asap, all",
    metavar="NAME",
    help="List only pieces for this instrument, such as violin; keyboard means all for one player at a "
    "keyboard, and all means every piece. Repeatable.",
)
@click.option(
    "--composer",
    "composers",
    multiple=True,
    metavar="PATTERN",
    help='List only pieces by these composers, such as "Bach*". Repeatable.',
)
@click.option(
    "--licence",
    "licences",
    multiple=True,
    metavar="PATTERN",
    help='List only pieces under these licences (SPDX identifiers), such as "CC-BY-*". Repeatable.',
)
@click.option(
    "--format",
    "formats",
    type=click.Choice(FORMATS),
    multiple=True,
    help="Only scores of this format; repeatable.",
)
@click.option(
    "--list",
    "list_file",
    type=click.Path(path_type=Path),
    help="List only the pieces in this CSV file, which has the columns piece and path. Its other "
    "columns are copied to the manifest.",
)
@click.option("--json", "as_json", is_flag=True, help="Print each row as a line of JSON.")
def command(
    tree: str,
    out: Path | None,
    instruments: tuple[str, ...],
    composers: tuple[str, ...],
    licences: tuple[str, ...],
    formats: tuple[str, ...],
    list_file: Path | None,
    as_json: bool,
) -> None:
    """List the pieces of a TREE of scores in a manifest.

    TREE is a folder with files of LilyPond, MusicXML (.musicxml, .mxl, .xml), MEI (.mei), Humdrum (.krn), ABC
    (.abc), MuseScore (.mscz, .mscx) or MIDI (.mid), such as `ftp` of a clone of the Mutopia Project; or music21,
    the scores that come with the Python package of that name; or a collection that msmd fetch has cloned, of which
    the scores are listed, under the licence of the collection. Each piece gets one row: its file, checksums,
    format, title, composer, parts and licence (an SPDX identifier, or unknown).

    Example: msmd ingest mutopia/ftp --composer "Bach*" --out bach.csv
    """
    from msmdtools.sources import collections, scores
    from msmdtools.sources.ingest import ingest
    from msmdtools.sources.manifest import read_list, write_manifest

    if out is None and not as_json:
        raise click.UsageError(
            "Name the manifest to write with --out, or print the rows with --json."
        )
    listed = read_list(list_file) if list_file else None
    left: list[tuple[Piece, str]] = []
    root = collections.tree(tree)
    unreadable: dict[str, Piece] = {}

    def cannot_read(piece: Piece, error: PieceError) -> None:
        unreadable[piece.piece] = piece
        output.warn(f"{error} (The piece is listed: building it says so, too.)")

    pieces = ingest(
        root,
        instruments,
        composers,
        licences,
        listed,
        lambda *piece: left.append(piece),
        formats=formats or FORMATS,
        unreadable=cannot_read,
    )
    remark = _left_out(left, len(pieces) + len(left))
    if not pieces:
        raise ManifestError(f"Nothing in {tree} fits the selection. {remark}")
    if as_json:
        for piece in pieces:
            row = dataclasses.asdict(piece)
            click.echo(json.dumps(row | dict(row.pop("extra")), ensure_ascii=False))
    if out is not None:
        write_manifest(pieces, out)
        licence_counts = Counter(piece.licence for piece in pieces).most_common()
        counts = ", ".join(f"{name} {count}" for name, count in licence_counts)
        click.echo(
            f"{how_many(len(pieces), 'piece')} {_composers(pieces)} -> {out}\nLicences: {counts}",
            err=as_json,
        )
        if table := _formats(pieces, [piece for piece, _ in left], unreadable):
            click.echo(table, err=as_json)
    if remark:
        click.echo(remark, err=as_json)
    if others := listed is None and scores.unread(root):
        names = ", ".join(f"{count} {suffix}" for suffix, count in sorted(others.items()))
        click.echo(f"Not read: {names}.", err=as_json)


def _composers(pieces: Sequence[Piece]) -> str:
    """By how many composers pieces are, and how many name none."""
    named = {piece.composer for piece in pieces if piece.composer}
    without = sum(not piece.composer for piece in pieces)
    if not named:
        return "without a composer"
    return f"by {how_many(len(named), 'composer')}" + (
        f" ({without:,} name none)" if without else ""
    )


def _formats(pieces: Sequence[Piece], left: Sequence[Piece], unreadable: Collection[str]) -> str:
    """The numbers of pieces by format, as a table; "" where all of them are LilyPond files."""
    listed, left_out = (Counter(piece.format for piece in some) for some in (pieces, left))
    broken = Counter(piece.format for piece in pieces if piece.piece in unreadable)
    there = [name for name in FORMATS if listed[name] or left_out[name]]
    if there == [LILYPOND]:
        return ""
    rows = [["format", "listed", "of these unreadable", "left out"]]
    rows += [[name, str(listed[name]), str(broken[name]), str(left_out[name])] for name in there]
    return aligned(rows)


def _left_out(left: Sequence[tuple[Piece, str]], total: int) -> str:
    """Say how many pieces the selection left out and why, and how to include them; "" for none."""
    if not left:
        return ""
    reasons = Counter(reason for _, reason in left)
    parts = []
    if number := reasons["instrument"]:
        others = Counter(
            ", ".join(piece.instruments) or "none named"
            for piece, reason in left
            if reason == "instrument"
        )
        named = "; ".join(f"{name} {n}" for name, n in others.most_common(SHOWN))
        more = "; …" if len(others) > SHOWN else ""
        parts.append(f"{number:,} by instrument ({named}{more})")
    parts += [f"{reasons[name]} by {name}" for name in ("composer", "licence") if reasons[name]]
    cure = " --instrument all takes all instruments." if reasons["instrument"] else ""
    return f"Left out {len(left):,} of {how_many(total, 'piece')}: {', '.join(parts)}.{cure}"
