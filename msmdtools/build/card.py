"""The dataset card: a README with the front matter that dataset hubs read."""

import shlex
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from msmdtools.base.markdown import code, one_line, plain
from msmdtools.base.quantities import how_many
from msmdtools.base.text_table import pipes
from msmdtools.build.options import LOOK
from msmdtools.build.provenance import PEOPLE, performances
from msmdtools.build.summary import totals_table
from msmdtools.dataset.records import Record
from msmdtools.dataset.tables import TABLES

# SPDX identifiers, in lower case, that dataset hubs know; for them all else is "other".
_HUB_LICENCES = {
    "cc0-1.0",
    *(f"cc-by-{v}" for v in ("2.0", "2.5", "3.0", "4.0")),
    *(f"cc-by-sa-{v}" for v in ("3.0", "4.0")),
    *(f"cc-by-nc-{v}" for v in ("2.0", "3.0", "4.0")),
    *(f"cc-by-nc-sa-{v}" for v in ("2.0", "3.0", "4.0")),
    "cc-by-nd-4.0",
    "cc-by-nc-nd-3.0",
    "cc-by-nc-nd-4.0",
    "unknown",
}
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))

CITATION = (
    "The idea, the original dataset, and the piece selection of its splits:",
    "",
    "> Matthias Dorfer, Jan Hajič jr., Andreas Arzt, Harald Frostel, Gerhard Widmer: "
    "Learning Audio–Sheet Music Correspondences for Cross-Modal Retrieval and Piece "
    "Identification. "
    "Transactions of the International Society for Music Information Retrieval 1(1), 2018, "
    "pp. 22–33, doi:10.5334/tismir.12.",
    "",
    "Please name msmdtools with its version, and the editors of the sources.",
)


def card(description: Mapping[str, Any], records: Mapping[str, Record]) -> str:
    """The text of README.md for a finished dataset.

    Args:
        description: the content of dataset.json, with totals.
        records: the records of all pieces attempted, by id.
    """
    ok = [record for record in records.values() if record.ok]
    licences = Counter(str(record.row["licence"]) for record in ok)
    return "\n".join(
        [
            *_front_matter(description, licences),
            "",
            "# Sheet music and audio, aligned note by note",
            "",
            "Page images of engraved scores, and performances of the same music. For every note "
            "head in every picture the tables have the note event and the second at which it "
            "sounds, or the reason why it does not sound.",
            "",
            "```text",
            *totals_table(description["totals"]),
            "```",
            "",
            "## Contents",
            "",
            *(f"- `{table.name}.parquet`: {table.meaning}" for table in TABLES),
            "- `pieces/<piece>/`: `score.pdf`, `page-01.png`, …, and in "
            "`performances/<performance>/` `performance.mid`, `spectrogram.npy`"
            + (", `audio.flac`" if description["options"]["keep_audio"] else "")
            + "; in `tables/` the piece's own rows.",
            "- `dataset.json`: options, versions, soundfonts, synthesizer settings, totals.",
            "",
            "Boxes are in pixels of the page image, origin top left; times are in seconds from the "
            "start of the audio; score time is in quarter notes; tempo is speed (2.0 is twice as "
            "fast as written). Columns carry their units and meanings in the Parquet files.",
            "",
            "## Licences",
            "",
            "Each piece has the licence of its edition (column `licence` of `pieces.parquet`); "
            "pictures and sound made from it are under the same terms.",
            "",
            *pipes(
                [
                    ["licence", "pieces", "share"],
                    *(
                        [licence, f"{count:,}", f"{100 * count / len(ok):.1f} %"]
                        for licence, count in sorted(licences.items(), key=lambda i: (-i[1], i[0]))
                    ),
                ]
            ),
            "",
            *(_imported(description) if "imported" in description else _built(description)),
            "",
            "## Limits",
            "",
            *_limits(description, ok),
            "",
            "## Citation",
            "",
            *CITATION,
            "",
        ]
    )


def _built(description: Mapping[str, Any]) -> list[str]:
    """The sections on the sources of a dataset and on how it was made."""
    return [
        "## Sources",
        "",
        *_sources(description),
        "",
        "## How it was made",
        "",
        f"With msmdtools {description['msmdtools']}:",
        "",
        "```sh",
        *(line for source in description["sources"] for line in commands(description, source)),
        "```",
        "",
        *_tools(description),
    ]


def _imported(description: Mapping[str, Any]) -> list[str]:
    """The section on how a dataset was made of another one."""
    folder = shlex.quote(one_line(description["imported"]["folder"]))
    return [
        "## How it was made",
        "",
        f"With msmdtools {description['msmdtools']}, from the folders of MSMD:",
        "",
        "```sh",
        f"msmd import-msmd {folder} --out DATASET",
        "```",
        "",
        "Which head is which event was annotated there; pages, spectrograms and MIDI files are theirs.",
    ]


def commands(description: Mapping[str, Any], source: Mapping[str, Any]) -> list[str]:
    """The commands that build the same dataset again: one for all soundfonts at the same tempi.

    Args:
        description: the content of dataset.json.
        source: one of its sources.

    Returns:
        A line for each.
    """
    options = description["options"]
    settings = f"--width {options['width']} --repeats {options['repeats']}"
    if "transpose" in options:
        settings += f" --transpose={options['transpose']}"
    if options["keep_audio"]:
        settings += " --keep-audio"
    if "parts" in options:
        settings += f" --parts {shlex.quote(one_line(','.join(options['parts'])))}"
    for name in ("midi_timing", "upgrade", *LOOK):
        if name in options:
            settings += f" --{name.replace('_', '-')} {shlex.quote(one_line(str(options[name])))}"
    if "looks" in source:
        settings += f" --looks {source['looks']} --seed {source['seed']}"
    manifest = source["manifest"]
    tempi: dict[tuple[str, str, Any], list[float]] = {}
    for p in performances(description):
        source = p["program"] == "source"
        font = p["soundfont"] if source else f"{p['soundfont']}:{p['program']}"
        instruments = " --instruments source" if source else ""
        tempi.setdefault((font, instruments, p["velocity"]), []).append(p["tempo"])
    fonts: dict[tuple[Any, ...], list[str]] = {}
    for (font, instruments, velocity), speeds in tempi.items():
        fonts.setdefault((velocity, instruments, *sorted(speeds)), []).append(font)
    named = f"--manifest {shlex.quote(one_line(manifest))} --root TREE" if manifest else "SOURCE…"
    return [
        f"msmd build {named} --out DATASET "
        f"--tempi {','.join(map(str, speeds))} --soundfonts {shlex.quote(','.join(names))} "
        f"--velocity {velocity}{instruments} {settings}"
        for (velocity, instruments, *speeds), names in fonts.items()
    ]


def hub_licences(licences: Iterable[str]) -> list[str]:
    """The names that dataset hubs have for SPDX identifiers, sorted; "other" for all else."""
    names = {name.lower() for name in licences}
    return sorted({n if n in _HUB_LICENCES else "other" for n in names}) or ["unknown"]


def hub_size(count: int) -> str:
    """The size class of dataset hubs for a number of rows."""
    return next((name for limit, name in _SIZES if count < limit), "1M<n<10M")


def _front_matter(description: Mapping[str, Any], licences: Counter[str]) -> list[str]:
    return [
        "---",
        "pretty_name: Sheet music and audio, aligned note by note",
        "license:",
        *(f"- {name}" for name in hub_licences(licences)),
        "tags:",
        *(f"- {tag}" for tag in ("music", "sheet-music", "audio", "alignment", "msmd")),
        "size_categories:",
        f"- {hub_size(description['totals']['noteheads'])}",
        "configs:",
        *(
            line
            for table in TABLES
            for line in (f"- config_name: {table.name}", f"  data_files: {table.name}.parquet")
        ),
        "---",
    ]


def _sources(description: Mapping[str, Any]) -> list[str]:
    lines = []
    for source in description["sources"]:
        name, sha256 = source["manifest"], source["manifest_sha256"]
        listed = (
            f"{code(name)} (sha256 {sha256})" if name else f"files (sha256 of their list {sha256})"
        )
        commit = f"at commit {plain(source['commit'])}" if source["commit"] else "of unknown commit"
        lines.append(f"- {listed}, source tree {commit}")
    return lines


def _tools(description: Mapping[str, Any]) -> list[str]:
    tools = description["tools"]
    verovio = f", Verovio {tools['verovio']}" if "verovio" in tools else ""
    return [
        f"- LilyPond {', then '.join(tools['engines'])}{verovio}, FluidSynth {tools['fluidsynth']}",
        *(
            f"- soundfont {plain(name)}: {code(font['file'])}, sha256 {font['sha256']}, "
            f"licence {plain(font['licence'])}"
            for name, font in description["soundfonts"].items()
        ),
        "- all other versions and settings: `dataset.json`",
    ]


def _limits(description: Mapping[str, Any], ok: list[Record]) -> list[str]:
    totals = description["totals"]
    lines = [
        "- The scores are engraved by one program in one style, and the audio is synthesized: "
        "neither scans nor recordings are in it.",
        "- The sources were typed in by volunteers. What they wrote is what is seen and heard.",
    ]
    if description["options"]["repeats"] == "written":
        lines.append("- Repeats are not played: each page sounds once, from left to right.")
    elif contradictory := sum(bool(record.row["repeats_reason"]) for record in ok):
        are = "pieces are" if contradictory > 1 else "piece is"
        lines.append(
            f"- {contradictory:,} {are} played as written, without repeats (column `repeats_reason`)."
        )
    if semitones := description["options"].get("transpose", 0):
        direction = "higher" if semitones > 0 else "lower"
        lines.append(
            f"- Every piece is engraved and played {how_many(abs(semitones), 'semitone')} {direction} "
            "than in its source."
        )
    velocities = {p["velocity"] for p in performances(description)}
    people = sorted(description.get(PEOPLE, {}).get("soundfonts", {}))
    if people:
        lines.append(
            "- Some performances were played by people, and sounded with "
            f"{plain(', '.join(people))} (column `kind`). Their notes are matched with "
            "the written ones, and not all of these were played (column `link`). "
            "They have licences of their own (`performances.parquet`)."
        )
    elif "source" not in velocities:
        names = " or ".join(map(str, sorted(velocities)))
        lines.append(f"- Every note has the MIDI velocity {names}: there are no dynamics.")
    if corrected := sum(bool(record.row["correction"]) for record in ok):
        lines.append(
            f"- Corrections were applied to {how_many(corrected, 'source')} (column `correction`)."
        )
    if totals["failed"]:
        lines.append(
            f"- {totals['failed']:,} of {how_many(totals['attempted'], 'piece')} could not be made; "
            "`pieces.parquet` says why."
        )
    if not description["sandbox"]:
        lines.append("- At least a part was built without a sandbox around the engraver.")
    return lines
