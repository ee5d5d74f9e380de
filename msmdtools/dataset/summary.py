"""What came of a build, in numbers that add up."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class BuildSummary:
    """What one build did, and what the dataset holds now.

    Attributes:
        selected: pieces of the manifest that were asked for.
        attempted: those that this build attempted; the others were there already.
        failed: those of the selected whose last attempt failed.
        totals: of the whole dataset, as in dataset.json.
    """

    dataset: Path
    selected: int
    attempted: int
    failed: int
    totals: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """The same as plain JSON values."""
        return {
            "dataset": str(self.dataset),
            "selected": self.selected,
            "attempted": self.attempted,
            "failed": self.failed,
            "totals": dict(self.totals),
        }


def format_summary(summary: BuildSummary) -> str:
    """The summary as text for a terminal: the totals, and what this build did."""
    there = summary.selected - summary.attempted
    last = f"This build attempted {_count(summary.attempted, 'piece')}"
    last += f"; {there:,} were there already." if there else "."
    if summary.failed:
        last += f" {summary.failed:,} failed: pieces.parquet says why; --retry-failed tries again."
    return "\n".join([*totals_table(summary.totals), "", last])


def totals_table(totals: Mapping[str, Any]) -> list[str]:
    """The totals of a dataset as aligned lines, parts under their sum."""
    rows: list[tuple[int, str, str]] = [
        (0, "pieces attempted", f"{totals['attempted']:,}"),
        (1, "ok", _share(totals["ok"], totals["attempted"])),
        (1, "failed", _share(totals["failed"], totals["attempted"])),
        *_reasons(totals["failed_by_reason"]),
        (0, "pages", f"{totals['pages']:,}"),
        (0, "systems", f"{totals['systems']:,}"),
        (0, "note heads", f"{totals['noteheads']:,}"),
        (1, "played", _share(totals["played"], totals["noteheads"])),
        (1, "tied", _share(totals["tied"], totals["noteheads"])),
        (1, "silent", _share(totals["silent"], totals["noteheads"])),
        *_reasons(totals["silent_by_reason"]),
        (0, "performances", f"{totals['performances']:,}"),
        (0, "note events", f"{totals['events']:,}"),
        (1, "with a head", _share(totals["events_with_head"], totals["events"])),
        (1, "without", _share(totals["events_without_head"], totals["events"])),
        *_reasons(totals["events_without_head_by_reason"]),
        (0, "audio", f"{totals['audio_s'] / 3600:,.2f} h"),
        (0, "pictures and sound", f"{totals['bytes'] / 1e6:,.1f} MB"),
    ]
    return [f"{'  ' * depth + name:<32}{value:>12}" for depth, name, value in rows]


def _reasons(counts: Mapping[str, int]) -> list[tuple[int, str, str]]:
    return [(2, reason or "unexplained", f"{count:,}") for reason, count in counts.items()]


def _share(part: int, whole: int) -> str:
    return f"{part:,}" if not whole else f"{part:,} {100 * part / whole:6.2f} %"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
