"""The objective of training: the loss of a network's embeddings over a batch, or the batches of all processes.

In distributed training each process embeds its own pairs, and the embeddings of all processes are each
other's negatives. Every process then calculates the whole loss. The gradient of a gathered embedding
is the sum of the gradients of all (equal) losses, which the average over the processes turns into the
gradient of one loss: as if one process had all pairs. Batch normalisation and CCA keep the statistics
of each process's own pairs.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from msmdtools.errors import MsmdError
from msmdtools.models import bundle, losses
from msmdtools.models.config import Config
from msmdtools.models.model import find
from msmdtools.models.network import TwoTower

# Factor of a projection's weights when it gets more columns; see `begin_with`.
_SHRINK = 0.2

# Joins the tensors of all processes along the first axis; with or without their gradients.
Gather = Callable[[Tensor, bool], Tensor]


class Objective(nn.Module):
    """A network with its loss, whose temperature is learned with the network.

    Args:
        config: the model.

    Attributes:
        network: the network.
        loss: the loss.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.network = TwoTower(config)
        self.loss = losses.make(config.loss)

    def forward(
        self,
        sheets: Tensor,
        spectrograms: Tensor,
        music: Tensor | None = None,
        gather: Gather | None = None,
    ) -> Tensor:
        """Compute the loss of pairs.

        Args:
            sheets: uint8 (pairs, rows, columns).
            spectrograms: (pairs, 92, frames).
            music: int64 (pairs, keys): pairs with any key in common are the same music, and no
                negatives of each other. None if all others are negatives.
            gather: collects the embeddings of all processes; None for one process.

        Returns:
            A scalar.
        """
        u, v = self.network(sheets, spectrograms)
        if gather is not None:
            both = gather(torch.stack([u, v], 1), True)
            u, v = both[:, 0], both[:, 1]
            music = None if music is None else gather(music, False)
        loss: Tensor = self.loss(u, v, None if music is None else same(music))
        return loss


def same(music: Tensor) -> Tensor:
    """Mark pairs of the same music: bool (pairs, pairs), False on the diagonal.

    Args:
        music: int64 (pairs, keys); see `Objective.forward`.
    """
    shared = (music[:, None] == music[None, :]).any(2)
    return shared & ~torch.eye(len(music), dtype=torch.bool, device=music.device)


def begin_with(network: TwoTower, where: str) -> list[str]:
    """Load the weights of a trained model, named as `load_model` takes it, into a network.

    A projection of a longer or shorter context, whose map has more or fewer columns, gets the weights of
    the columns in the middle, and zeros beside them. Other layers whose size differs stay as they are.

    With more columns a linear projection is multiplied by a fifth. Embeddings are normalised, so they do not
    change; but weights grow in training, and the larger they are, the less a step changes them (van Laarhoven,
    "L2 regularization versus batch and weight normalization", 2017): columns that begin at zero would matter
    little for a long time.

    Returns:
        The names of the weights that stayed.

    Raises:
        MsmdError: there are no such weights, or the model has other layers.
    """
    other, config, _ = bundle.load(find(where))
    state, mine = other.state_dict(), network.state_dict()
    if state.keys() != mine.keys():
        raise MsmdError(
            f"--init {where}: the network of {config.name} has other layers than that of "
            f"{network.config.name}; leave --init out, or choose weights of the same network"
        )
    for side in ("sheet", "audio"):
        name = f"{side}_linear.weight"
        old, new = (getattr(getattr(n, f"{side}_tower"), "map", None) for n in (other, network))
        if name in state and old and new and old[:2] == new[:2]:
            state[name] = _columns(state[name], old, new[2])
            if new[2] > old[2] and network.cca is None:
                state[name] = state[name] * _SHRINK
                state[f"{side}_linear.bias"] = state[f"{side}_linear.bias"] * _SHRINK
    differ = [name for name, value in mine.items() if state[name].shape != value.shape]
    network.load_state_dict({**state, **{name: mine[name] for name in differ}})
    return differ


def _columns(weight: Tensor, map_: tuple[int, int, int], columns: int) -> Tensor:
    """Fit weights (outputs, features) of a map (channels, rows, columns) to another number of columns."""
    weight = weight.unflatten(1, map_)
    more = columns - map_[2]
    if more < 0:
        first = (1 - more) // 2
        weight = weight[..., first : first + columns]
    elif more:
        weight = nn.functional.pad(weight, (more // 2, more - more // 2))
    return weight.flatten(1)
