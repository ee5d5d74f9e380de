"""What becomes of the scores of a collection: engraved, matched, and every head and note accounted for.

    python benchmarks/corpora.py MANIFEST ROOT --out RESULTS.jsonl [--every N]
                                 [--repeats written|unfolded] [--jobs N]

Takes every N-th piece of a manifest that `msmd ingest` has made (those that Verovio engraves), makes its score as
a build does, without performances, and writes one line a piece; a run that was stopped goes on. Then it prints
how many are made, failures by reason, heads by role and reason, and notes without a head by reason.
"""

import argparse
import json
import os
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from msmdtools.base.pool import Call, Pool, Raised, Returned
from msmdtools.engrave import verovio
from msmdtools.engrave.verovio import INPUTS
from msmdtools.errors import PieceError
from msmdtools.match import match_encoding
from msmdtools.piece import Piece
from msmdtools.sources.encoding import read_encoding
from msmdtools.sources.manifest import read_manifest

TIMEOUT_S = 300.0


def attempt(argument: tuple[Piece, Path, str]) -> dict[str, Any]:
    """One line of the results."""
    piece, root, repeats = argument
    start = sum(os.times()[:2])
    row: dict[str, Any] = {"piece": piece.piece, "format": piece.format}
    try:
        with tempfile.TemporaryDirectory() as folder:
            text = read_encoding(root / piece.path, piece.format, piece.tune)
            engraving = verovio.engrave(text, piece.format, Path(folder), repeats=repeats)
            score = match_encoding(engraving)
    except PieceError as error:
        return row | {"failed": f"{error.stage}/{error.reason}", "message": str(error)[:300]}
    heads = Counter(f"{head.role}:{head.reason}".rstrip(":") for head in score.noteheads)
    notes = Counter(note.reason for note in score.music.notes if not note.heads)
    return row | {
        "pages": len(score.pages),
        "heads": dict(heads),
        "notes": len(score.music.notes),
        "without": dict(notes),
        "measures": len(score.measures),
        "repeats": score.repeats,
        "repeats_reason": score.repeats_reason,
        "cpu_s": round(sum(os.times()[:2]) - start, 3),
    }


def report(rows: list[dict[str, Any]]) -> None:
    """Print the sums."""
    made = [row for row in rows if "failed" not in row]
    print(f"{len(made)} of {len(rows)} pieces ({100 * len(made) / len(rows):.2f} %)")
    for reason, count in Counter(row["failed"] for row in rows if "failed" in row).most_common():
        print(f"  failed {count}: {reason}")
    heads: Counter[str] = sum((Counter(row["heads"]) for row in made), Counter())
    without: Counter[str] = sum((Counter(row["without"]) for row in made), Counter())
    total = heads.total()
    print(f"{sum(row['pages'] for row in made)} pages, {total} heads")
    for role, count in heads.most_common():
        print(f"  {role}: {count} ({100 * count / total:.3f} %)")
    print(f"{sum(row['notes'] for row in made)} notes; without a head: {without.total()}")
    for reason, count in without.most_common():
        print(f"  {reason}: {count}")
    seconds = sum(row["cpu_s"] for row in made)
    print(f"{1000 * seconds / total:.3f} s of processor time for 1,000 heads")


def main() -> None:
    """Attempt the pieces that are not in the results yet, and report."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("manifest", type=Path)
    parser.add_argument("root", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--repeats", default="written")
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args()
    lines = options.out.read_text("utf-8").splitlines() if options.out.is_file() else []
    rows = [json.loads(line) for line in lines]
    known = {row["piece"] for row in rows}
    listed = [p for p in read_manifest(options.manifest) if p.format in INPUTS][:: options.every]
    with Pool(options.jobs) as pool, options.out.open("a", encoding="utf-8") as file:
        for piece in listed:
            if piece.piece not in known:
                pool.submit(Call(attempt, (piece, options.root, options.repeats), TIMEOUT_S))
        for result in pool.results():
            piece, *_ = result.call.argument
            row = {"piece": piece.piece, "format": piece.format}
            if isinstance(result, Returned):
                row = result.value
            elif isinstance(result, Raised):
                row |= {"failed": "internal-error", "message": result.trace[-300:]}
            else:
                row |= {"failed": "worker/" + ("timeout" if result.timed_out else "killed")}
            rows.append(row)
            file.write(json.dumps(row) + "\n")
            file.flush()
    report(rows)


if __name__ == "__main__":
    main()
