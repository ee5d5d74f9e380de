"""Make a dataset of the folders of the original MSMD, or of those that `msmd export` writes.

Of each piece one score is read, the first by name, and all performances that have the notes of the first one; see
`msmdtools.export.msmd_score` for what becomes of heads and links. Performances get the alignment `annotated`.
Spectrograms and MIDI files are taken as they are: which soundfont made the sound is known by its name alone.
"""

import fnmatch
import json
import logging
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from msmdtools.base import failures, seal
from msmdtools.base.damage import no_folder
from msmdtools.base.failures import Failure
from msmdtools.base.files import file_sha256, json_bytes, write_atomically
from msmdtools.base.progress import Progress, silent
from msmdtools.build import parts, store
from msmdtools.build.card import card
from msmdtools.build.rows import failed_row
from msmdtools.build.summary import totals_table
from msmdtools.build.upgrade import NOT_UPGRADED
from msmdtools.build.worker import write_piece
from msmdtools.dataset import records
from msmdtools.dataset.records import Record
from msmdtools.dataset.tables import CARD, DESCRIPTION, FORMAT
from msmdtools.errors import ManifestError, PieceError
from msmdtools.export import msmd_score
from msmdtools.export.folder import check_new, new_folder
from msmdtools.export.msmd_files import Recording, Sheet, read_recording, read_sheet
from msmdtools.features.spectrogram import FRAMES_PER_SECOND, SAMPLE_RATE
from msmdtools.performance import ANNOTATED, Performance, PerformanceSpec
from msmdtools.piece import Piece
from msmdtools.score import Score
from msmdtools.version import __version__

ENGINE = "MSMD"
"""What stands for the engraver."""
# A line of meta.yml whose value is a text.
_TEXT = re.compile(r"(\w+): *(?:\"((?:[^\"\\]|\\.)*)\"|'([^']*)'|([^\"'{\[&*!|>%@`].*?)) *")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Imported:
    """The result of an import.

    Attributes:
        dataset: the dataset folder.
        failures: the pieces that could not be read, with the reasons.
        left_out: names of performances that could not be taken, with the reasons.
        totals: totals of the dataset, as in dataset.json.
    """

    dataset: Path
    failures: tuple[Failure, ...]
    left_out: tuple[str, ...]
    totals: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """The result as plain values."""
        return {
            "dataset": str(self.dataset),
            "failures": [asdict(failure) for failure in self.failures],
            "left_out": list(self.left_out),
            "totals": dict(self.totals),
        }

    def to_text(self) -> str:
        """The result for people."""
        lines = totals_table(self.totals)
        if self.failures:
            lines += ["", "Pieces that could not be read:", *failures.lines(self.failures)]
        if self.left_out:
            lines += ["", "Performances left out:", *(f"  {line}" for line in self.left_out)]
        return "\n".join(lines)


def import_msmd(
    folder: Path,
    out: Path,
    *,
    pieces: str = "*",
    progress: Progress = silent,
    warn: Callable[[str], None] = _log.warning,
) -> Imported:
    """Make a dataset of folders of MSMD.

    Args:
        folder: the folder that has a folder for each piece; only read.
        out: the dataset folder to make; it gets its name once it is whole.
        pieces: a glob; only pieces whose folder's name matches are read.
        progress: called after each piece.
        warn: called with a message about a performance that is left out.

    Returns:
        What the dataset holds, and what could not be read.

    Raises:
        DatasetError: `out` is not a new or empty folder, or cannot be written.
        ManifestError: there are no pieces in `folder`, none matches, or none can be read.
    """
    check_new(out)
    names = _pieces(folder, pieces)
    left_out: list[str] = []
    specs: dict[str, PerformanceSpec] = {}
    with new_folder(out) as dataset:
        work = dataset / ".work"
        for done, name in enumerate(names, start=1):
            work.mkdir()
            try:
                record, performed, lost = _read(folder / name, work)
                specs |= {performance.spec.name: performance.spec for performance in performed}
                left_out += lost
                store.commit(dataset, name, work / "result")
            except PieceError as error:
                row = failed_row(_piece(folder / name), error.stage, error.reason, str(error))
                record = Record(row)
                store.commit_failure(dataset, record, work)
            shutil.rmtree(work)
            _log.info("%s: %s", name, record.row["status"])
            progress("pieces", done, len(names))
        for line in left_out:
            warn(line)
        found = records.read_records(dataset)
        if not any(record.ok for record in found.values()):
            reasons = failures.lines(_failures(found))
            raise ManifestError("\n".join([f"{folder}: no piece can be read:", *reasons]))
        description = _description(dataset, folder, specs)
        totals = _finish(dataset, description, found)
    return Imported(out, _failures(found), tuple(left_out), totals)


def _pieces(folder: Path, pattern: str) -> list[str]:
    """The names of the folders of pieces."""
    if not folder.is_dir():
        raise ManifestError(f"{folder}: {no_folder(folder)}. Give the folder of MSMD's pieces.")
    names = sorted(path.name for path in folder.glob("[!.]*") if (path / "scores").is_dir())
    if not names:
        raise ManifestError(
            f"{folder}: none of its folders has a folder `scores`. Give the folder of MSMD's pieces."
        )
    if selected := [name for name in names if fnmatch.fnmatchcase(name, pattern)]:
        return selected
    raise ManifestError(f"{folder}: none of its {len(names)} pieces matches {pattern!r}.")


def _read(folder: Path, work: Path) -> tuple[Record, list[Performance], list[str]]:
    """Read one piece, and write its folder `work / result`.

    Returns:
        Its record, its performances, and messages about those that are left out.
    """
    sheet = read_sheet(folder)
    recordings, left_out = _recordings(folder)
    reference = min(recordings, key=lambda recording: abs(recording.spec.tempo - 1))
    music = msmd_score.music_of(reference)
    rows = {reference.name: msmd_score.events_of_rows(music, reference)}
    for recording in recordings:
        if recording is not reference:
            try:
                rows[recording.name] = msmd_score.events_of_rows(music, recording)
            except PieceError as error:
                left_out.append(f"{folder.name}: {error}")
    heads = msmd_score.heads_of(sheet, music, msmd_score.Links(rows))
    music = msmd_score.with_heads(music, heads)
    result = work / "result"
    result.mkdir()
    performances: dict[str, Performance] = {}
    for recording in recordings:
        if recording.name not in rows:
            continue
        if recording.spec.name in performances:
            left_out.append(
                f"{folder.name}: {recording.name}: there is another {recording.spec.name}"
            )
            continue
        place = result / "performances" / recording.spec.name
        performances[recording.spec.name] = _perform(recording, rows[recording.name], place)
    score = Score(
        pages=msmd_score.copy_pages(sheet, work),
        pdf=_pdf(sheet, work),
        staves=tuple(msmd_score.staves_of(sheet)),
        noteheads=tuple(heads),
        music=music,
        engine=ENGINE,
        warnings=(),
    )
    in_order = [performances[name] for name in sorted(performances)]
    record = write_piece(_piece(folder), score, in_order, (NOT_UPGRADED, ""), result)
    return record, in_order, left_out


def _recordings(folder: Path) -> tuple[list[Recording], list[str]]:
    """The performances of a piece that can be read, and messages about the others."""
    recordings, left_out = [], []
    for path in sorted((folder / "performances").glob("[!.]*")):
        try:
            recordings.append(read_recording(path))
        except PieceError as error:
            left_out.append(f"{folder.name}: {error}")
    if not recordings:
        message = left_out[0] if left_out else f"{folder / 'performances'} has no performance"
        raise PieceError("source", "no-performance", message)
    return recordings, left_out


def _perform(recording: Recording, events: Any, folder: Path) -> Performance:
    """Write the files of a performance."""
    folder.mkdir(parents=True)
    midi, bands = folder / "performance.mid", folder / "spectrogram.npy"
    shutil.copyfile(recording.midi, midi)
    np.save(bands, recording.spectrogram)
    frames = recording.spectrogram.shape[1]
    return Performance(
        spec=recording.spec,
        soundfont_sha256="",
        events=msmd_score.note_events(recording, events),
        # The longest that makes as many frames.
        duration_s=frames * SAMPLE_RATE // FRAMES_PER_SECOND / SAMPLE_RATE,
        frames=frames,
        midi_sha256=file_sha256(midi),
        spectrogram_sha256=file_sha256(bands),
        audio_sha256="",
        audio_gain=0,
        alignment=ANNOTATED,
    )


def _pdf(sheet: Sheet, work: Path) -> Path:
    """A copy of the sheet's PDF, or one that is made of its pages."""
    from PIL import Image

    pdf = work / "score.pdf"
    if sheet.pdf is not None:
        shutil.copyfile(sheet.pdf, pdf)
        return pdf
    first, *others = (Image.open(path).convert("L") for path in sheet.images)
    first.save(pdf, save_all=True, append_images=others)
    return pdf


def _piece(folder: Path) -> Piece:
    """The piece of a folder, with the texts of its meta.yml."""
    texts = dict(_meta(folder / "meta.yml"))
    return Piece(
        piece=folder.name,
        path=texts.get("path", ""),
        sha256="",
        title=texts.get("title", ""),
        composer=texts.get("composer", folder.name.partition("__")[0]),
        opus=texts.get("opus", ""),
        instrument="",
        instruments=(),
        style=texts.get("style", ""),
        date=texts.get("date", ""),
        licence=texts.get("licence", "unknown"),
        licence_text=texts.get("licence_text", ""),
        edition="",
        lilypond="",
        include_path=(),
        files=(),
        files_sha256="",
    )


def _meta(path: Path) -> Iterator[tuple[str, str]]:
    """The texts of a meta.yml by key; what is nested is passed over."""
    if path.is_file():
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            if match := _TEXT.fullmatch(line):
                key, double, single, plain = match.groups()
                yield (
                    key,
                    json.loads(f'"{double}"') if double is not None else single or plain or "",
                )


def _failures(found: Mapping[str, Record]) -> tuple[Failure, ...]:
    rows = [record.row for record in found.values() if not record.ok]
    return tuple(
        Failure(row["piece"], f"{row['stage']}, {row['reason']}", row["message"]) for row in rows
    )


def _description(
    dataset: Path, folder: Path, specs: Mapping[str, PerformanceSpec]
) -> dict[str, Any]:
    """The content of dataset.json, without totals."""
    from PIL import Image

    widths: Counter[int] = Counter()
    for page in sorted((dataset / "pieces").glob("*/page-01.png")):
        with Image.open(page) as image:
            widths[image.width] += 1
    return {
        "format": FORMAT,
        "msmdtools": __version__,
        "options": {
            "performances": [specs[name].to_json() for name in sorted(specs)],
            "width": widths.most_common(1)[0][0],
            "keep_audio": False,
            "repeats": "written",
        },
        "imported": {"format": "msmd", "folder": folder.absolute().name},
        "tools": {"engines": [ENGINE]},
        "soundfonts": {},
        "synthesizer": {},
        "limits": {},
        "sandbox": True,
        "sources": [],
        "state": "complete",
    }


def _finish(
    dataset: Path, description: Mapping[str, Any], found: Mapping[str, Record]
) -> dict[str, Any]:
    """Write the tables, the card, and last the description of a dataset whose pieces are in place."""
    work = dataset / ".work"
    work.mkdir()
    totals = parts.write_tables(dataset, found, work)
    description = {**description, "totals": totals}
    write_atomically(dataset / CARD, card(description, found).encode(), work)
    write_atomically(dataset / DESCRIPTION, json_bytes(seal.sealed(description)), work)
    shutil.rmtree(work)
    return totals
