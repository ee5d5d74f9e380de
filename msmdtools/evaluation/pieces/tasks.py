"""The tasks on whole pieces, piece identification and position, in both directions and at all speeds."""

from collections.abc import Callable, Sequence
from typing import Any

from msmdtools.base.pool import Pool
from msmdtools.base.processors import processors
from msmdtools.base.progress import Progress, silent
from msmdtools.evaluation.pieces import excerpts, identification, location, speeds
from msmdtools.evaluation.pieces.collection import Collection
from msmdtools.evaluation.pieces.excerpts import DRAWS, Query
from msmdtools.evaluation.pieces.identification import Identification
from msmdtools.evaluation.pieces.location import Location
from msmdtools.evaluation.snippets.retrieval import DIRECTIONS
from msmdtools.models.model import Model

Results = list[Identification | Location]
TASKS: dict[str, Callable[..., Sequence[Identification | Location]]] = {
    "pieces": identification.evaluate,
    "position": location.evaluate,
}
Queries = dict[tuple[str, float], list[Query]]


def evaluate_pieces(
    tasks: Sequence[str],
    model: Model,
    collection: Collection,
    directions: Sequence[str] = DIRECTIONS,
    tempi: Sequence[float] = (),
    *,
    draws: int = DRAWS,
    seed: int = 0,
    progress: Progress = silent,
) -> tuple[dict[str, Results], Queries]:
    """Evaluate a model on piece identification, position, or both.

    Args:
        tasks: "pieces", "position", or both; they share their queries.
        model: the model to evaluate.
        collection: the pieces and the candidates.
        directions: "audio-to-sheet", "sheet-to-audio", or both.
        tempi: further speeds at which the pieces are performed again and evaluated; 1 is that of the dataset.
        draws: number of excerpts of each length and piece.
        seed: seed of the excerpts and of the intervals.
        progress: called with what is counted, how much of it is done, and how much there is.

    Returns:
        The figures of each task by its name, and the queries by direction and speed.

    Raises:
        DatasetError: a file of a dataset is missing or damaged.
        MsmdError: a speed is impossible, or a piece could not be performed.
    """
    speeds.check(tempi)
    results: dict[str, Results] = {task: [] for task in tasks}
    queries_by_kind: Queries = {}

    def measure(pieces_at_speed: Collection) -> None:
        options: dict[str, Any] = {"seed": seed, "progress": progress}
        for direction in directions:
            queries = excerpts.queries(model, pieces_at_speed, direction, count=draws, **options)
            queries_by_kind[direction, pieces_at_speed.recordings.speed] = queries
            for task in tasks:
                results[task].extend(TASKS[task](queries, pieces_at_speed, direction, **options))

    measure(collection)
    others = [speed for speed in tempi if speed != 1]
    if others:
        # Workers keep their soundfonts from one speed to the next.
        with Pool(min(processors(), len(collection.selection.pieces))) as pool:
            for speed in others:
                measure(speeds.performed(collection, model, speed, pool, progress))
    return results, queries_by_kind
