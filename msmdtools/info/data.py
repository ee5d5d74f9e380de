"""Describe datasets, snippets, indexes and manifests, from their descriptions and tables."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from msmdtools.base import resources
from msmdtools.base.damage import why
from msmdtools.base.quantities import first_few, how_many
from msmdtools.errors import MsmdError
from msmdtools.info.facts import SHOWN, Facts, counted, megabytes, read_json

_GO_ON = "not finished: the same {command} again goes on where it stopped"
_NOT_COUNTED = "counted when the dataset is finished"


def dataset(path: Path) -> Facts:
    """A dataset: its pieces and their licences, performances, options, size."""
    from msmdtools.build.provenance import performances
    from msmdtools.dataset import reader

    if not (path / "pieces.parquet").is_file():
        return Facts("dataset", path, _GO_ON.format(command="msmd build"), _unfinished(path))
    opened = reader.open(path)
    about, pieces = opened.description, opened.pieces
    options, totals = about.get("options", {}), about.get("totals") or {}
    state = "complete"
    if about.get("state") != "complete":
        state = _GO_ON.format(command="msmd build")
    values = {
        "pieces": f"{len(opened):,}" + _failed(opened.failed),
        "music": _music(totals),
        "performances": (f"{totals['performances']:,}: " if totals else "")
        + first_few((performance["performance"] for performance in performances(about)), SHOWN),
        "options": _options_text(options),
        "composers": counted(pieces["composer"]),
        "licences": counted(pieces["licence"]),
        "formats": counted(filter(None, pieces["format"])),
        "sources": first_few(map(_source, about.get("sources", ())), SHOWN),
        "made by": _made_by(about),
        "size": megabytes(totals["bytes"]) if totals else _NOT_COUNTED,
    }
    return Facts("dataset", path, state, values)


def _music(totals: Mapping[str, Any]) -> str:
    if not totals:
        return _NOT_COUNTED
    names = {"pages": "pages", "systems": "systems"}
    names |= {"noteheads": "note heads", "events": "note events"}
    return ", ".join(f"{totals[key]:,} {name}" for key, name in names.items())


def _unfinished(path: Path) -> dict[str, str]:
    finished = sum(not p.name.startswith(".") for p in _within(path / "pieces"))
    failed = sum(p.suffix == ".json" for p in _within(path / "failed"))
    values = {"pieces": f"{finished:,} so far, {failed:,} failed"}
    if (path / "dataset.json").is_file():
        about = read_json(
            path / "dataset.json", "copy the dataset again, or remove it and build again"
        )
        values |= {"options": _options_text(about.get("options", {})), "made by": _made_by(about)}
    return values


def _within(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []


def _source(source: Mapping[str, str]) -> str:
    return (source["manifest"] or "files named to msmd build") + (
        f" at commit {source['commit'][:12]}" if source["commit"] else ""
    )


def _failed(failed: Any) -> str:
    if not len(failed):
        return ""
    reasons = [f"{stage}, {reason}" for stage, reason in failed[["stage", "reason"]].to_numpy()]
    return f" ({len(failed):,} more failed: {counted(reasons)})"


def _made_by(about: Mapping[str, Any]) -> str:
    if "imported" in about:
        return f"msmdtools {about.get('msmdtools')}, from the folders of MSMD"
    tools = about.get("tools", {})
    lilypond = first_few(tools.get("engines", []), SHOWN)
    programs = [f"msmdtools {about.get('msmdtools')}", f"LilyPond {lilypond}"]
    programs += [f"Verovio {tools['verovio']}"] if "verovio" in tools else []
    return ", ".join([*programs, f"FluidSynth {tools.get('fluidsynth')}"])


def _options_text(options: Mapping[str, Any]) -> str:
    """Options as their names and values."""
    texts = [
        f"{name.replace('_', '-')} {'yes' if value is True else 'no' if value is False else value}"
        for name, value in options.items()
        if not isinstance(value, list | dict)
    ]
    return ", ".join(texts)


def snippets(path: Path) -> Facts:
    """Snippets: their splits, windows, performances, licences."""
    if not (path / "snippets.json").is_file():
        return Facts("snippets", path, _GO_ON.format(command="msmd snippets"), {})
    about = read_json(path / "snippets.json", "export or copy the snippets again")
    try:
        return Facts("snippets", path, "complete", _of_snippets(about))
    except (KeyError, TypeError, AttributeError) as error:
        raise MsmdError(
            f"{path / 'snippets.json'} is damaged ({why(error)}); export or copy the snippets again"
        ) from error


def _pages(windows: Mapping[str, Any]) -> str:
    """Which pages windows are cut from."""
    if (height := windows.get("staff_height")) is None:
        return f"a page {windows['page_width']} px wide"
    return f"pages with staves {height:g} px high"


def _of_snippets(about: Mapping[str, Any]) -> dict[str, str]:
    totals, plan = about["totals"], about["plan"]
    windows = plan["windows"]
    values = {
        name: f"{how_many(row['pieces'], 'piece')}, {how_many(row['snippets'], 'snippet')}, "
        f"{how_many(row['shards'], 'shard')}, "
        f"{megabytes(row['bytes'])}; {first_few(plan['performances'][name], SHOWN)}"
        for name, row in totals["splits"].items()
    }
    return values | {
        "sheet": f"{windows['rows']} x {windows['columns']} px of {_pages(windows)}",
        "audio": f"{windows['context_s']:g} s, {windows['frames']} frames of {windows['bands']} bands",
        "near-duplicates": f"{len(plan['near_duplicates']):,} across splits, "
        f"{how_many(len(plan['leaks']), 'training piece')} left out for them",
        "composers": counted(piece["composer"] for piece in about["pieces"]),
        "licences": counted(piece["licence"] for piece in about["pieces"]),
        "cut from": str(about["dataset"]["path"]),
        "made by": f"msmdtools {plan['msmdtools']}",
    }


def index(path: Path) -> Facts:
    """An index: its model, what it has, and what could not be indexed."""
    from msmdtools.search.index import open_index

    opened = open_index(path)
    about, entries = opened.description, opened.entries
    values = {"pieces": f"{len(opened.pieces):,}"}
    for side, noun in (("sheet", "sheets"), ("audio", "recordings")):
        of_side = entries[entries["side"] == side]
        values[noun] = f"{len(of_side):,}, {how_many(int(of_side['windows'].sum()), 'window')}"
    if len(opened.failed):
        values["failed"] = (
            f"{len(opened.failed):,}: {first_few(sorted(set(opened.failed['piece'])), SHOWN)}"
        )
    return Facts(
        "index",
        path,
        "complete",
        values
        | {
            "model": about.model + (f" ({about.weights})" if about.weights != about.model else ""),
            "strides": f"{about.sheet_stride} px of sheet, {about.audio_stride:g} s of audio",
            "size": megabytes(sum(p.stat().st_size for p in path.iterdir() if p.is_file())),
        },
    )


def manifest(name_or_path: str) -> Facts:
    """A manifest: its pieces, composers, licences and splits."""
    from msmdtools.sources.manifest import read_manifest

    path = resources.named_manifest(name_or_path)
    pieces = read_manifest(path)
    values: dict[str, str] = {
        "pieces": f"{len(pieces):,}",
        "composers": counted(piece.composer for piece in pieces),
        "licences": counted(piece.licence for piece in pieces),
        "instruments": counted(piece.instrument for piece in pieces),
    }
    column: Callable[[str], str] = lambda name: counted(  # noqa: E731
        value for piece in pieces if (value := dict(piece.extra).get(name, ""))
    )
    extra = dict(pieces[0].extra) if pieces else {}
    return Facts("manifest", path, "", values | {name: column(name) for name in extra})
