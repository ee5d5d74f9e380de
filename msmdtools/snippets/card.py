"""Write the card of a folder of snippets: a README with the front matter that dataset hubs read."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from msmdtools.base.markdown import code, plain
from msmdtools.base.text_table import Table, pipes
from msmdtools.build.card import CITATION, hub_licences, hub_size
from msmdtools.paper.staff_height import SAME
from msmdtools.paper.width import NOMINAL_WIDTH
from msmdtools.snippet import SNIPPETS
from msmdtools.splits.duplicates import Pair
from msmdtools.splits.report import duplicates_table
from msmdtools.splits.splits import SPLITS

_SHOWN = 50


def card(description: Mapping[str, Any]) -> str:
    """Write the text of README.md from the content of snippets.json."""
    totals, plan = description["totals"], description["plan"]
    windows = plan["windows"]
    rows, columns = windows["rows"], windows["columns"]
    return "\n".join(
        [
            *_front_matter(description),
            "",
            "# Snippets of sheet music and audio",
            "",
            f"Pairs of a sheet picture ({rows} × {columns} pixels of {_pages(windows)}, and "
            f"{windows['margin_rows']} more on each side) and "
            f"a spectrogram ({windows['context_s']:g} s, {windows['frames']} frames, and "
            f"{windows['margin_frames']} more at either end), both centred on the same onset.",
            "",
            *pipes(_sizes(totals["splits"])),
            "",
            *_dropped(totals),
            "",
            "## Reading",
            "",
            "Parquet with zstd: pandas, polars, DuckDB and `datasets` read it; `datasets` gives "
            "images and arrays. The sizes are in the schema's metadata under `msmdtools`.",
            "",
            *pipes(
                [
                    ["column", "unit", "meaning"],
                    *([f"`{c.name}`", c.unit, c.meaning] for c in SNIPPETS.columns),
                ],
                left=range(3),
                markup=True,
            ),
            "",
            "## Splits",
            "",
            f"By {_split_name(plan)}. Performances of each split:",
            "",
            *(
                f"- {split}: {plain(', '.join(plan['performances'][split]) or 'none')}"
                for split in SPLITS
            ),
            "",
            "`split.csv` has the piece, work and split of all, and can be given to `--split` again.",
            "",
            *_divided(plan),
            "",
            *_near_duplicates(plan),
            "",
            "## Licences",
            "",
            "Each row has the licence of its piece's edition (column `licence`); pictures and "
            "sound made from it are under the same terms.",
            "",
            *pipes([["licence", "snippets", "share"], *_licences(description)]),
            "",
            "## Limits",
            "",
            "- The scores are engraved by one program in one style, and the audio is synthesized.",
            "- Spectrograms are rounded to multiples of 2⁻¹²: values from 0.25 on are those of the "
            "dataset, smaller ones differ by 0.00012 at most.",
            *_limits(plan),
            *(f"- {sentence}" for sentence in left_out(description)),
            "",
            "## How it was made",
            "",
            f"With msmdtools {plan['msmdtools']}, `msmd snippets`; all options, counts by piece "
            f"and checksums are in `snippets.json`. Dataset: sha256 "
            f"{description['dataset']['sha256']}. {_sized(windows)}",
            "",
            "## Citation",
            "",
            *CITATION,
            "",
        ]
    )


def _pages(windows: Mapping[str, Any]) -> str:
    """Which pages the sizes in pixels are of."""
    if (height := windows.get("staff_height")) is None:
        return f"a page {windows['page_width']} px wide"
    return f"a page whose staves are {height:g} px high"


def _sized(windows: Mapping[str, Any]) -> str:
    """How large the pages were that windows were cut from."""
    if windows.get("staff_height") is None:
        return (
            f"Window sizes are for pages {NOMINAL_WIDTH} px wide, scaled to the page width, whatever the size "
            "of the staves."
        )
    return (
        f"Pages were resized to staves of that height where theirs differed from it by more than {SAME:.0%}; "
        "columns `x` and `y` are pixels of the page as it is in the dataset."
    )


def _sizes(splits: Mapping[str, Mapping[str, int]]) -> Table:
    """What is in each split."""
    return [
        ["split", "pieces", "onsets", "snippets", "shards", "MB"],
        *(
            [
                split,
                *(f"{row[name]:,}" for name in ("pieces", "onsets", "snippets", "shards")),
                f"{row['bytes'] / 1e6:,.1f}",
            ]
            for split, row in splits.items()
        ),
    ]


def _front_matter(description: Mapping[str, Any]) -> list[str]:
    splits = description["totals"]["splits"]
    files = [
        line
        for split in SPLITS
        if splits[split]["shards"]
        for line in (
            f"  - split: {'validation' if split == 'valid' else split}",
            f"    path: data/{split}-*",
        )
    ]
    return [
        "---",
        "pretty_name: Snippets of sheet music and audio",
        "license:",
        *(f"- {licence}" for licence in hub_licences(_rows_by_licence(description))),
        "tags:",
        *(f"- {tag}" for tag in ("music", "sheet-music", "audio", "retrieval", "msmd")),
        "size_categories:",
        f"- {hub_size(sum(row['snippets'] for row in splits.values()))}",
        "configs:",
        "- config_name: default",
        "  data_files:",
        *files,
        "---",
    ]


def _dropped(totals: Mapping[str, Any]) -> list[str]:
    dropped = totals["dropped"]
    if not dropped:
        return ["Every onset has a snippet for each performance of its split."]
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in dropped.items())
    return [f"Onsets without a snippet: {sum(dropped.values()):,} ({reasons})."]


def left_out(description: Mapping[str, Any]) -> list[str]:
    """What was left out of recordings that a model aligned: a sentence, or none."""
    if not (count := description["totals"].get("unsure", 0)):
        return []
    least = description["plan"]["min_confidence"]
    return [
        f"Onsets of recordings below confidence {least:g} (that the time is right to half a second), left out: "
        f"{count:,}."
    ]


def _split_name(plan: Mapping[str, Any]) -> str:
    by = plan["split_by"]
    if isinstance(by, str):
        return code(by)
    fractions = ", ".join(map(str, by["fractions"]))
    return f"work, stratified by composer: fractions {fractions}, seed {by['seed']}"


def _divided(plan: Mapping[str, Any]) -> list[str]:
    """The works with pieces in more than one split."""
    split, work_of = plan["split"], plan["works"]
    counts: dict[str, Counter[str]] = {}
    for piece in split.keys() - set(plan["leaks"]):
        counts.setdefault(work_of[piece], Counter())[split[piece]] += 1
    divided = {work: parts for work, parts in sorted(counts.items()) if len(parts) > 1}
    if not divided:
        return ["No work has pieces in more than one split."]
    return [
        "Works with pieces in more than one split:",
        "",
        *pipes(
            [
                ["work", *SPLITS],
                *(
                    [work, *(str(parts[name]) for name in SPLITS)]
                    for work, parts in divided.items()
                ),
            ]
        ),
    ]


def _near_duplicates(plan: Mapping[str, Any]) -> list[str]:
    pairs, split = plan["near_duplicates"], plan["split"]
    if not pairs:
        return ["No two pieces of different splits share a tenth of their music."]
    lines = [
        "Pieces of different splits that share music (1.0: all of the smaller one):",
        "",
        *duplicates_table([Pair(*pair) for pair in pairs[:_SHOWN]], split),
    ]
    if len(pairs) > _SHOWN:
        lines += ["", f"and {len(pairs) - _SHOWN} more in `snippets.json`."]
    return lines


def _limits(plan: Mapping[str, Any]) -> list[str]:
    lines = []
    if set(plan["performances"]["train"]) & set(plan["performances"]["test"]):
        lines.append("- The soundfont of the tests is heard in training.")
    if plan["windows"]["onsets"] != "all":
        lines.append(f"- Not all onsets: {plan['windows']['onsets']}.")
    if plan["leaks"]:
        lines.append(
            f"- {len(plan['leaks'])} training pieces were left out as near-duplicates: "
            + plain(", ".join(plan["leaks"]))
        )
    return lines


def _rows_by_licence(description: Mapping[str, Any]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for row in description["pieces"]:
        counts[row["licence"]] += row["rows"]
    return counts


def _licences(description: Mapping[str, Any]) -> Table:
    counts = _rows_by_licence(description)
    total = sum(counts.values())
    return [
        [licence, f"{count:,}", f"{100 * count / total:.1f} %"]
        for licence, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    ]
