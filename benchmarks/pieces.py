"""The figures on pieces and positions that docs/retrieval.md has, measured and put into the page.

    python benchmarks/pieces.py MODEL DATASET --split CSV:COLUMN:PART [--distractors DATASET …]
                                --index INDEX [--report FOLDER] [--docs docs/retrieval.md]

One after the other: piece identification among the pieces of the split, with their recordings as they
are and at other speeds; the same among distractors too; and positions. It is what `msmd eval --task
pieces` and `--task position` say, with the embeddings of INDEX, which is made if it is not there.
Without --docs the figures are printed.
"""

import argparse
import re
import time
from pathlib import Path

import msmdtools
from msmdtools.evaluation import collection, pieces, pieces_report, selection
from msmdtools.evaluation.speeds import SPEEDS
from msmdtools.evaluation.tables import pipes
from msmdtools.models.model import load_model

BEGIN, END = "<!-- figures of benchmarks/pieces.py -->", "<!-- end of figures -->"


def filled(page: str, figures: str) -> str:
    """A page with other figures between the two marks."""
    marked = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)
    if len(marked.findall(page)) != 1:
        raise SystemExit(f"the page must have {BEGIN} and {END} once")
    return marked.sub(lambda _: f"{BEGIN}\n\n{figures.strip()}\n\n{END}", page)


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
    model, dataset = load_model(given.model), msmdtools.open(given.dataset)
    selected = selection.select(dataset, given.split)
    distractors = [msmdtools.open(other) for other in given.distractors]
    parts = [
        ("pieces", "Which piece", [], given.tempi),
        ("pieces", "Which piece, among distractors", distractors, ()),
        ("position", "Where in the piece", [], given.tempi),
    ]
    blocks = []
    for task, heading, others, speeds in parts:
        if heading.endswith("distractors") and not others:
            continue
        begin = time.perf_counter()
        gathered = collection.gather(
            model, given.model, dataset, selected, distractors=others, index=given.index
        )
        embedded = time.perf_counter()
        found, queries = pieces.evaluate(task, model, gathered, at=speeds, draws=given.excerpts)
        end = time.perf_counter()
        about = (model, gathered, others, found)
        if given.report:
            name = f"{task}-distractors" if others else task
            pieces_report.write(given.report / name, *about, queries)
        values = pieces_report.to_json(*about)
        played = ", ".join(values["performances"])
        blocks += [
            f"### {heading}",
            f"`{values['model']}`, {values['pieces']} pieces as {played}, among "
            f"{values['candidates']}.",
        ]
        blocks += ["\n".join(pipes(table)) for table in pieces_report.tables(found)]
        blocks.append(
            f"Embedding what the index lacked took {embedded - begin:.0f} s, the rest "
            f"{end - embedded:.0f} s."
        )
    figures = "\n\n".join(blocks)
    if given.docs:
        given.docs.write_text(filled(given.docs.read_text("utf-8"), figures), "utf-8")
    else:
        print(figures)


if __name__ == "__main__":
    main()
