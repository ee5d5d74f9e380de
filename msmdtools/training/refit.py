"""Fit a trained model's CCA projections to many training pairs at once.

Dorfer et al. (TISMIR 2018) do this with 25,000 pairs at the end of training: the statistics of one
batch, or their running mean, are a poor estimate of the covariances.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from torch import Tensor

from msmdtools.models import bundle
from msmdtools.training.batches import Source
from msmdtools.training.data import Validator

Metrics = dict[str, dict[str, float]]


def refit(
    weights: Path,
    source: Source,
    epoch: int,
    count: int,
    validation: Validator,
    to_device: Callable[[Any], Any],
) -> Metrics:
    """Fit the projections of the weights in a file, write the weights again, and validate them.

    Args:
        weights: the file.
        source: of the pairs.
        epoch: the pairs are the first of this epoch.
        count: number of pairs.
        validation: measures the metrics.
        to_device: moves tensors and modules to the device that calculates.

    Returns:
        The metrics of the validation, by direction and name.
    """
    network, config, made = bundle.load(weights)
    network = to_device(network)

    def pairs() -> Iterator[tuple[Tensor, Tensor]]:
        taken = 0
        batches = source.read(epoch, 0)
        try:
            while taken < count:
                batch = next(batches)
                windows = batch.sheets[: count - taken], batch.spectrograms[: count - taken]
                taken += len(windows[0])
                yield to_device(windows)
        finally:
            getattr(batches, "close", lambda: None)()

    fitted = network.refit_cca(pairs())
    valid = validation(network)
    made = {**made, "refit_cca": fitted, "validation": valid}
    bundle.save(weights, network, config, made)
    return valid
