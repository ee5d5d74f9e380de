"""Find the performances, and the audio of existing ones, that are to be added to the pieces of a dataset.

A dataset keeps what it has: each piece has all performances of all builds, and audio with each of them once
a build has asked for audio. A piece gets what it lacks from its written music (see
`msmdtools.dataset.music_file`) and not from its source; it is then the same, byte for byte, as if one build
had made it all. Its new files are moved to their places first and its record last: whenever a build is
killed, the record names only files that are there as a whole, and the same command goes on.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from msmdtools.base.quantities import first_few, how_many
from msmdtools.build import provenance
from msmdtools.dataset.music_file import MUSIC_FILE
from msmdtools.dataset.records import Record
from msmdtools.dataset.tables import PIECES
from msmdtools.errors import DatasetError
from msmdtools.performance import PerformanceSpec

PERFORMANCES_FOLDER = "performances"
AUDIO, SPECTROGRAM = "audio.flac", "spectrogram.npy"


def performed(record: Record, file: str = SPECTROGRAM) -> set[str]:
    """The names of those performances of a piece that have a file of this name."""
    parts = (str(row["file"]).split("/") for row in record.files)
    return {p[1] for p in parts if len(p) == 3 and p[0] == PERFORMANCES_FOLDER and p[2] == file}


def is_current(record: Record) -> bool:
    """Whether a piece is as this version builds it: with its written music and all tables and columns."""
    if set(record.row) != set(PIECES.names):
        return False
    return not record.ok or any(row["file"] == MUSIC_FILE for row in record.files)


def as_built(description: Mapping[str, Any], records: Iterable[Record]) -> dict[str, Any]:
    """The description of a dataset, with only those performances, soundfonts and audio that pieces have.

    An addition that failed for every piece leaves no trace. If the dataset has no pieces, the description
    stays as it is.
    """
    ok = [record for record in records if record.ok]
    names = set().union(*(performed(record) for record in ok))
    performances = [
        p for p in provenance.performances(description) if not ok or p["performance"] in names
    ]
    audio = description["options"]["keep_audio"]
    if ok:
        audio = any(performed(record, AUDIO) for record in ok)
    fonts = {p["soundfont"] for p in performances}
    return {
        **description,
        "options": {
            **description["options"],
            "performances": performances,
            "keep_audio": audio,
        },
        "soundfonts": {n: font for n, font in description["soundfonts"].items() if n in fonts},
    }


def united(
    description: Mapping[str, Any], identity: Mapping[str, Any], records: Iterable[Record]
) -> dict[str, Any]:
    """Join the identities of a dataset and of a build that adds to it.

    Args:
        description: the description of the dataset.
        identity: the identity of the build, which does not contradict it.
        records: the records of the dataset's pieces.

    Returns:
        The identity of the build, with the performances, soundfonts and audio of both.
    """
    actual = as_built(description, records)
    performances = {
        p["performance"]: p
        for p in (*actual["options"]["performances"], *identity["options"]["performances"])
    }
    soundfonts = {**actual["soundfonts"], **identity["soundfonts"]}
    options = {
        **identity["options"],
        "performances": [performances[name] for name in sorted(performances)],
        "keep_audio": actual["options"]["keep_audio"] or identity["options"]["keep_audio"],
    }
    ordered = {name: soundfonts[name] for name in sorted(soundfonts)}
    return {**identity, "options": options, "soundfonts": ordered}


def specs(
    identity: Mapping[str, Any], requested: Sequence[PerformanceSpec]
) -> tuple[PerformanceSpec, ...]:
    """All performances of a dataset, with soundfonts that can be found.

    Args:
        identity: the identity of the dataset.
        requested: the performances of this build, whose fonts may be paths.
    """
    paths = {Path(spec.soundfont).name: spec.soundfont for spec in requested}
    recorded = map(PerformanceSpec.from_json, identity["options"]["performances"])
    return tuple(
        PerformanceSpec(
            spec.tempo, paths.get(spec.soundfont, spec.soundfont), spec.program, spec.velocity
        )
        for spec in recorded
    )


def check_soundfonts(
    identity: Mapping[str, Any],
    needed: Iterable[PerformanceSpec],
    requested: Sequence[PerformanceSpec],
) -> None:
    """Check that the soundfonts which a build needs but was not given are there, and the same as before.

    Args:
        identity: the identity of the dataset.
        needed: the performances to be made.
        requested: the performances of this build, whose fonts are checked elsewhere.

    Raises:
        SoundfontError: a font of the registry is missing.
        DatasetError: a font that an earlier build was given by its path is not given now, or a font has
            changed; the message says what to do.
    """
    from msmdtools.perform.soundfonts import find_soundfont, registry, soundfont_sha256

    requested_fonts = {spec.soundfont for spec in requested}
    for name in sorted({spec.soundfont for spec in needed} - requested_fonts):
        if name not in registry():
            raise DatasetError(
                f"each piece gets all performances of the dataset, and some of them are played with the "
                f"file {name}: name it, too, with --soundfonts FOLDER/{name}"
            )
        if soundfont_sha256(find_soundfont(name)) != identity["soundfonts"][name]["sha256"]:
            raise DatasetError(
                f"soundfont {name} is not the file that the dataset was played with (its sha256 differs): "
                "restore that file, or build into another folder with --out"
            )


def require_current(dataset: Path, records: Mapping[str, Record]) -> None:
    """Check that all pieces are as this version builds them.

    Raises:
        DatasetError: some are not, and are missing from the manifest of this build.
    """
    outdated = [record.piece for record in records.values() if not is_current(record)]
    if outdated:
        raise DatasetError(
            f"{dataset} has {how_many(len(outdated), 'piece')} from an earlier version of msmdtools that this "
            f"build leaves out: {first_few(outdated, 5)}. Its tables can be written when all pieces are up "
            "to date, so build these with their own manifest, too."
        )


def lacking(
    record: Record, performances: Sequence[PerformanceSpec], keep_audio: bool
) -> tuple[PerformanceSpec, ...]:
    """The performances that a piece lacks, or whose audio it lacks.

    Args:
        record: the record of the piece.
        performances: all performances of the dataset.
        keep_audio: whether each is to have audio.

    Returns:
        The performances to make; none for a piece that failed or is built again anyway.
    """
    if not (record.ok and is_current(record)):
        return ()
    finished = performed(record, AUDIO if keep_audio else SPECTROGRAM) & performed(record)
    return tuple(spec for spec in performances if spec.name not in finished)


def missing_performances(
    records: Iterable[Record], performances: Sequence[PerformanceSpec], keep_audio: bool
) -> list[tuple[Record, tuple[PerformanceSpec, ...]]]:
    """The pieces that lack performances or audio, with the performances to make for each.

    Args:
        records: the records of the pieces.
        performances: all performances of the dataset.
        keep_audio: whether each is to have audio.

    Returns:
        (record, performances to make) of each piece that lacks any.
    """
    pairs = ((record, lacking(record, performances, keep_audio)) for record in records)
    return [(record, specs) for record, specs in pairs if specs]
