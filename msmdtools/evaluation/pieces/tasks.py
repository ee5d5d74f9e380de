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

Found = list[Identification | Location]
TASKS: dict[str, Callable[..., Sequence[Identification | Location]]] = {
    "pieces": identification.evaluate,
    "position": location.evaluate,
}
Asked = dict[tuple[str, float], list[Query]]


def evaluate_pieces(
    tasks: Sequence[str],
    model: Model,
    collection: Collection,
    directions: Sequence[str] = DIRECTIONS,
    at: Sequence[float] = (),
    *,
    draws: int = DRAWS,
    seed: int = 0,
    progress: Progress = silent,
) -> tuple[dict[str, Found], Asked]:
    """The figures of tasks by their names, and the queries that they are of, by direction and speed.

    Args:
        tasks: of "pieces" and "position"; both have the same queries.
        at: speeds at which pieces are performed again and measured too.
        draws: excerpts of each length and piece.
        seed: of the excerpts, and of the intervals.

    Raises:
        DatasetError: a file of a dataset is missing or damaged.
        MsmdError: a speed is none, or a piece could not be performed.
    """
    speeds.check(at)
    found: dict[str, Found] = {task: [] for task in tasks}
    asked: Asked = {}

    def measure(of: Collection) -> None:
        options: dict[str, Any] = {"seed": seed, "progress": progress}
        for direction in directions:
            queries = excerpts.queries(model, of, direction, count=draws, **options)
            asked[direction, of.recordings.speed] = queries
            for task in tasks:
                found[task].extend(TASKS[task](queries, of, direction, **options))

    measure(collection)
    others = [speed for speed in at if speed != 1]
    if others:
        # Workers keep their soundfonts from one speed to the next.
        with Pool(min(processors(), len(collection.selection.pieces))) as pool:
            for speed in others:
                measure(speeds.performed(collection, model, speed, pool, progress))
    return found, asked
