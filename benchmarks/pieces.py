"""The figures on pieces and positions in docs/experiments/piece-identification.md.

    python benchmarks/pieces.py MODEL DATASET --split CSV:COLUMN:PART [--distractors DATASET …]
                                --index INDEX [--report FOLDER] [--docs docs/experiments/piece-identification.md]

Piece identification and position among the pieces of the split, with their recordings as they are and
at other speeds; then piece identification among distractors too. It is what
`msmd eval pieces` and `msmd eval position` report, with the embeddings of INDEX, which is made if it is not there.
Without --docs the figures are printed.
"""

import argparse
import re
import time
from pathlib import Path

import msmdtools
from msmdtools.base.text_table import pipes
from msmdtools.evaluation.pieces import collection, report
from msmdtools.evaluation.pieces.speeds import SPEEDS
from msmdtools.evaluation.pieces.tasks import evaluate_pieces
from msmdtools.models.model import load_model
from msmdtools.splits import selection

BEGIN, END = "<!-- figures of benchmarks/pieces.py -->", "<!-- end of figures -->"


def filled(page: str, figures: str, begin: str = BEGIN, end: str = END) -> str:
    """A page with other figures between the two marks."""
    marked = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    if len(marked.findall(page)) != 1:
        raise SystemExit(f"the page must have {begin} and {end} once")
    return marked.sub(lambda _: f"{begin}\n\n{figures.strip()}\n\n{end}", page)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model")
    parser.add_argument("dataset")
    parser.add_argument("--split")
    parser.add_argument("--distractors", action="append", default=[])
    parser.add_argument("--index", type=Path, required=True)
    parser.add_argument("--report", type=Path)
    parser.add_argument("--docs", type=Path)
    parser.add_argument("--tempi", type=float, nargs="*", default=SPEEDS)
    parser.add_argument("--excerpts", type=int, default=20)
    given = parser.parse_args()
    if given.docs:
        filled(given.docs.read_text("utf-8"), "")  # before an hour of measuring
    model, dataset = load_model(given.model), msmdtools.open(given.dataset)
    selected = selection.select(dataset, given.split)
    distractors = [msmdtools.open(other) for other in given.distractors]
    parts = [("pieces", [], ["pieces", "position"], given.tempi)]
    if distractors:
        parts.append(("pieces-distractors", distractors, ["pieces"], ()))
    blocks = []
    for name, others, tasks, speeds in parts:
        begin = time.perf_counter()
        gathered = collection.gather(
            model, given.model, dataset, selected, distractors=others, index=given.index
        )
        embedded = time.perf_counter()
        found, queries = evaluate_pieces(tasks, model, gathered, tempi=speeds, draws=given.excerpts)
        end = time.perf_counter()
        values = report.to_json(model, gathered, others, [])
        played = ", ".join(values["performances"])
        blocks += [
            f"### Among {values['candidates']} pieces",
            f"`{values['model']}`; {values['pieces']} pieces are the queries, performed as {played}. Embedding "
            f"what the index lacked took {embedded - begin:.0f} s, everything else {end - embedded:.0f} s.",
        ]
        for task, figures in found.items():
            blocks += ["\n".join(pipes(table)) for table in report.tables(figures)]
            if given.report:
                folder = given.report / (task if task == "position" else name)
                report.write(folder, model, gathered, others, figures, queries)
    text = "\n\n".join(blocks)
    if given.docs:
        given.docs.write_text(filled(given.docs.read_text("utf-8"), text), "utf-8")
    else:
        print(text)


if __name__ == "__main__":
    main()
