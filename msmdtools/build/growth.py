"""What is added to the pieces of a dataset: performances, and the audio of those that are there.

A dataset keeps what it has: every piece has every performance that was ever asked for, and audio
with each once it was. A piece gets what it lacks from its written music (see
`msmdtools.dataset.written`) and not from its source; it is then the same, byte for byte, as if all
had been asked for at once. Its new files are moved to their places first and its record last:
whatever kills a build, the record names only what is there as a whole, and the same command goes
on.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from msmdtools.build import provenance
from msmdtools.dataset.records import Record
from msmdtools.dataset.tables import PIECES
from msmdtools.dataset.written import MUSIC_FILE
from msmdtools.errors import DatasetError
from msmdtools.performance import PerformanceSpec

PERFORMANCES_FOLDER = "performances"
AUDIO, SPECTROGRAM = "audio.flac", "spectrogram.npy"


def performed(record: Record, file: str = SPECTROGRAM) -> set[str]:
    """The names of the performances that a piece has, or that have a certain file."""
    parts = (str(row["file"]).split("/") for row in record.files)
    return {p[1] for p in parts if len(p) == 3 and p[0] == PERFORMANCES_FOLDER and p[2] == file}


def is_current(record: Record) -> bool:
    """Whether a piece is as this version makes it: with its written music and all columns."""
    if set(record.row) != set(PIECES.names):
        return False
    return not record.ok or any(row["file"] == MUSIC_FILE for row in record.files)


def held(description: Mapping[str, Any], records: Iterable[Record]) -> dict[str, Any]:
    """A description that names, of performances, soundfonts and audio, what pieces really have.

    An addition that no piece could be given leaves no trace. Without any piece it stays as it is.
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
    old: Mapping[str, Any], new: Mapping[str, Any], records: Iterable[Record]
) -> dict[str, Any]:
    """The identity of a dataset that keeps what it has and gets what a build adds.

    Args:
        old: the description of the dataset.
        new: the identity of the build, which does not contradict it.
        records: of the dataset's pieces.
    """
    there = held(old, records)
    performances = {
        p["performance"]: p
        for p in (*there["options"]["performances"], *new["options"]["performances"])
    }
    soundfonts = {**there["soundfonts"], **new["soundfonts"]}
    options = {
        **new["options"],
        "performances": [performances[name] for name in sorted(performances)],
        "keep_audio": there["options"]["keep_audio"] or new["options"]["keep_audio"],
    }
    ordered = {name: soundfonts[name] for name in sorted(soundfonts)}
    return {**new, "options": options, "soundfonts": ordered}


def specs(
    made_with: Mapping[str, Any], given: Sequence[PerformanceSpec]
) -> tuple[PerformanceSpec, ...]:
    """All performances of a dataset, with soundfonts that can be found.

    Args:
        made_with: the identity of the dataset.
        given: those that the build asks for, whose fonts may be paths.
    """
    paths = {Path(spec.soundfont).name: spec.soundfont for spec in given}
    wanted = map(PerformanceSpec.from_json, made_with["options"]["performances"])
    return tuple(
        PerformanceSpec(
            spec.tempo, paths.get(spec.soundfont, spec.soundfont), spec.program, spec.velocity
        )
        for spec in wanted
    )


def check_soundfonts(
    made_with: Mapping[str, Any],
    needed: Iterable[PerformanceSpec],
    given: Sequence[PerformanceSpec],
) -> None:
    """See that soundfonts which a build needs, though it was not given them, are there as ever.

    Raises:
        SoundfontError: a font of the registry is missing.
        DatasetError: a font that was given by its path is missing or has changed; with the cure.
    """
    from msmdtools.perform.soundfonts import find_soundfont, registry, soundfont_sha256

    known = {spec.soundfont for spec in given}
    for name in sorted({spec.soundfont for spec in needed} - known):
        if name not in registry():
            raise DatasetError(
                f"every piece is to have every performance of the dataset, and some of them are "
                f"played with the file {name}: name it as well, --soundfonts FOLDER/{name}"
            )
        if soundfont_sha256(find_soundfont(name)) != made_with["soundfonts"][name]["sha256"]:
            raise DatasetError(f"soundfont {name} is not the one that the dataset was played with")


def require_current(dataset: Path, records: Mapping[str, Record]) -> None:
    """See that all pieces are as this version makes them.

    Raises:
        DatasetError: some are not, as they are not in the manifest that was built.
    """
    old = [record.piece for record in records.values() if not is_current(record)]
    if old:
        names = ", ".join(old[:5]) + (", …" if len(old) > 5 else "")
        raise DatasetError(
            f"{dataset}: {len(old)} pieces are of an earlier version, and not among those that "
            f"were asked for ({names}): build with their manifest too, then the tables are made"
        )


def lacking(
    record: Record, wanted: Sequence[PerformanceSpec], keep_audio: bool
) -> tuple[PerformanceSpec, ...]:
    """The performances that a piece lacks, or of which it lacks the audio."""
    if not (record.ok and is_current(record)):
        return ()
    there = performed(record, AUDIO if keep_audio else SPECTROGRAM) & performed(record)
    return tuple(spec for spec in wanted if spec.name not in there)


def additions(
    records: Iterable[Record], wanted: Sequence[PerformanceSpec], keep_audio: bool
) -> list[tuple[Record, tuple[PerformanceSpec, ...]]]:
    """The pieces that lack something, with the performances that are to be made for each."""
    found = ((record, lacking(record, wanted, keep_audio)) for record in records)
    return [(record, specs) for record, specs in found if specs]
