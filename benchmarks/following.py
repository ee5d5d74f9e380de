"""The figures on alignment and score following in docs/experiments/alignment.md.

    python benchmarks/following.py MODEL DATASET --split CSV:COLUMN:PART
                                   [--report FOLDER] [--docs docs/experiments/alignment.md]

What `msmd eval alignment` and `msmd eval following` say, at the speed of the dataset and at others,
and how long it takes. Without --docs the figures are printed.
"""

import argparse
import time
from pathlib import Path

from pieces import filled

import msmdtools
from msmdtools.base.text_table import pipes
from msmdtools.evaluation.following import report
from msmdtools.evaluation.following.accuracy import evaluate_following
from msmdtools.evaluation.pieces.speeds import SPEEDS
from msmdtools.models.model import load_model
from msmdtools.splits import selection

BEGIN, END = "<!-- figures of benchmarks/following.py -->", "<!-- end of figures -->"
HEADINGS = {"alignment": "Alignment", "following": "Score following"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model")
    parser.add_argument("dataset")
    parser.add_argument("--split")
    parser.add_argument("--report", type=Path)
    parser.add_argument("--docs", type=Path)
    parser.add_argument("--tempi", type=float, nargs="*", default=SPEEDS)
    given = parser.parse_args()
    model, dataset = load_model(given.model), msmdtools.open(given.dataset)
    selected = selection.select(dataset, given.split)
    blocks = []
    for task, heading in HEADINGS.items():
        begin = time.perf_counter()
        followed = evaluate_following(model, dataset, selected.performances, task, given.tempi)
        taken = time.perf_counter() - begin
        heard = sum(float(one.onset[-1]) for one in followed)
        summary = report.summed_up(model, dataset, task, followed)
        if given.report:
            report.write(given.report / task, summary)
        played = ", ".join(sorted({one.performance for one in followed}))
        blocks += [
            f"### {heading}",
            f"`{summary.model}`, {len(summary.pieces)} pieces as {played}, "
            f"{summary.method.onsets:,} onsets; in percent of them.",
            "\n".join(pipes(report.table(summary))),
            f"It took {taken:.0f} s for {heard / 60:.0f} minutes of music, all speeds together.",
        ]
    figures = "\n\n".join(blocks)
    if given.docs:
        page = filled(given.docs.read_text("utf-8"), figures, BEGIN, END)
        given.docs.write_text(page, "utf-8")
    else:
        print(figures)


if __name__ == "__main__":
    main()
