"""Measure retrieval on the validation split while a model is trained."""

import numpy as np
import torch
from numpy.typing import NDArray

from msmdtools.loading.batch import Batch
from msmdtools.loading.pairs import Pairs
from msmdtools.metrics.ranks import ranks_of_pairs, retrieval_metrics
from msmdtools.models.config import Config
from msmdtools.models.network import TwoTower
from msmdtools.snippets.reader import Snippets

_BATCH = 256


class Validation:
    """Retrieval among the same pairs each time: one performance of each onset, evenly spaced over the split.

    Args:
        snippets: the folder of snippets.
        config: the model, whose windows the pairs have.
        most: largest number of pairs.
        split: name of the split.

    Attributes:
        candidates: number of pairs.

    Raises:
        DatasetError: there is no such split, or its context is shorter than the model's.
    """

    def __init__(self, snippets: Snippets, config: Config, most: int, split: str = "valid") -> None:
        pairs = Pairs(
            snippets, split, context_s=config.context_s, window=config.sheet_shape, columns=()
        )
        rows = pairs.split.index.one_performance(0, 0)
        kept = rows[np.linspace(0, len(rows) - 1, min(most, len(rows))).astype(np.int64)]
        batches = range(0, len(kept), _BATCH)
        # Kept in memory: reading them again takes longer than embedding them.
        self._batches = [pairs.batch(kept[k : k + _BATCH]) for k in batches]
        self.candidates = len(kept)

    def __call__(self, network: TwoTower) -> dict[str, dict[str, float]]:
        """Measure the metrics of a network, by direction and name."""
        return embedded_retrieval(network, self._batches)


def embedded_retrieval(network: TwoTower, batches: list[Batch]) -> dict[str, dict[str, float]]:
    """Measure the metrics of both directions among all pairs of these batches.

    The network is in evaluation mode meanwhile.

    Returns:
        For each direction the metrics by name.
    """
    training, device = network.training, next(network.parameters()).device
    network.eval()
    sheets: list[NDArray[np.float32]] = []
    sounds: list[NDArray[np.float32]] = []
    with torch.inference_mode():
        for batch in batches:
            sheet = network.embed_sheet(torch.from_numpy(batch.sheets).to(device))
            sound = network.embed_audio(torch.from_numpy(batch.spectrograms).to(device))
            sheets.append(sheet.float().cpu().numpy())
            sounds.append(sound.float().cpu().numpy())
    network.train(training)
    u, v = np.concatenate(sheets), np.concatenate(sounds)
    return {
        "audio-to-sheet": retrieval_metrics(ranks_of_pairs(v, u)).to_json(),
        "sheet-to-audio": retrieval_metrics(ranks_of_pairs(u, v)).to_json(),
    }
