"""The summary of a build: what it did, and the totals of the dataset."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from msmdtools.base import failures
from msmdtools.base.failures import SHOWN, Failure
from msmdtools.base.quantities import how_many


@dataclass(frozen=True, slots=True)
class BuildSummary:
    """The work of one build, and the totals of the dataset after it.

    Attributes:
        dataset: the dataset folder.
        selected: number of pieces that the build selected from its manifest.
        attempted: number of these that it attempted; the others were there already.
        failures: those of the selected pieces whose last attempt failed, with the reasons.
        totals: totals of the whole dataset, as in dataset.json.
        added: number of existing pieces that were to get further performances, or audio.
        lacking: "piece: reason" for those of them that could not get these, and are as before.
    """

    dataset: Path
    selected: int
    attempted: int
    failures: tuple[Failure, ...]
    totals: Mapping[str, Any]
    added: int = 0
    lacking: tuple[str, ...] = ()

    @property
    def failed(self) -> int:
        """Number of selected pieces that are not in the dataset."""
        return len(self.failures)

    def to_json(self) -> dict[str, Any]:
        """The summary as plain JSON values."""
        return {
            "dataset": str(self.dataset),
            "selected": self.selected,
            "attempted": self.attempted,
            "added": self.added,
            "lacking": list(self.lacking),
            "failed": self.failed,
            "failures": [asdict(failure) for failure in self.failures],
            "totals": dict(self.totals),
        }


def format_summary(summary: BuildSummary) -> str:
    """The summary as text for a terminal: the totals, and what this build did."""
    present = summary.selected - summary.attempted
    sentence = f"This build attempted {how_many(summary.attempted, 'piece')}"
    sentence += (
        f"; {present:,} {'was' if present == 1 else 'were'} there already." if present else "."
    )
    if extended := summary.added - len(summary.lacking):
        sentence += f" {how_many(extended, 'piece')} got what the dataset lacked, without being engraved again."
    lines = [*totals_table(summary.totals), "", sentence]
    if lacking := summary.lacking:
        lines.append(f"{how_many(len(lacking), 'piece')} could not get it and are as before:")
        lines += [f"  {line}" for line in lacking[:SHOWN]]
        lines += ["  …"] if len(lacking) > SHOWN else []
    if summary.failures:
        lines += [
            "",
            f"{how_many(summary.failed, 'piece')} failed:",
            *failures.lines(summary.failures),
            "pieces.parquet has all of them with their reasons; --retry-failed tries them again.",
        ]
    return "\n".join(lines)


def totals_table(totals: Mapping[str, Any]) -> list[str]:
    """The totals of a dataset as aligned lines, parts under their sum."""
    pieces, heads, events = totals["attempted"], totals["noteheads"], totals["events"]
    return [
        _line(0, "pieces attempted", pieces),
        _line(1, "ok", totals["ok"], pieces),
        _line(1, "failed", totals["failed"], pieces),
        *_reasons(totals["failed_by_reason"]),
        _line(0, "pages", totals["pages"]),
        _line(0, "systems", totals["systems"]),
        _line(0, "note heads", heads),
        _line(1, "played", totals["played"], heads),
        _line(1, "tied", totals["tied"], heads),
        _line(1, "silent", totals["silent"], heads),
        *_reasons(totals["silent_by_reason"]),
        _line(0, "performances", totals["performances"]),
        _line(0, "note events", events),
        _line(1, "with a head", totals["events_with_head"], events),
        _line(1, "without", totals["events_without_head"], events),
        *_reasons(totals["events_without_head_by_reason"]),
        f"{'hours performed':<36}{totals['performed_s'] / 3600:>12,.2f}",
        f"{'  kept as audio':<36}{_hours(totals['audio_s']):>12}",
        f"{'megabytes':<36}{totals['bytes'] / 1e6:>12,.2f}",
    ]


def _line(depth: int, name: str, count: int, total: int = 0) -> str:
    """A count beside its name, and its share of `total`."""
    share = f"{100 * count / total:>11.3f} %" if total else ""
    return f"{'  ' * depth + name:<36}{count:>12,}{share}"


def _hours(seconds: float) -> str:
    return f"{seconds / 3600:,.2f}" if seconds else "none"


def _reasons(counts: Mapping[str, int]) -> list[str]:
    return [_line(2, reason or "unexplained", count) for reason, count in counts.items()]
