"""The small network that marks note heads and bar lines on a page, and its weights.

Fully convolutional: from a page with staff lines 7 px apart to two maps at half its size. It was trained on pages
engraved by LilyPond and Verovio and made to look like scans (`benchmarks/marks.py`), never on scans.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from msmdtools.base.files import write_atomically

# What the maps show.
HEAD, BAR_LINE = 0, 1
STRIDE = 2
WEIGHTS = Path(__file__).with_name("marks.safetensors")
_KEY = "msmdtools.marks"
_CHANNELS = 24
# Rows of a page that are looked at together, and how many more are needed above and below them.
_BAND, _REACH = 512, 64


class Marks(nn.Module):
    """Ink (n, 1, height, width) from 0 to 1, to logits (n, 2, height / 2, width / 2) of heads and bar lines."""

    def __init__(self) -> None:
        super().__init__()
        c = _CHANNELS
        layers: list[nn.Module] = [nn.Conv2d(1, c, 5, stride=STRIDE, padding=2), nn.ReLU()]
        for dilation in (1, 2, 4, 2):
            layers += [nn.Conv2d(c, c, 3, padding=dilation, dilation=dilation), nn.ReLU()]
        self.layers = nn.Sequential(*layers, nn.Conv2d(c, 2, 1))

    def forward(self, ink: Tensor) -> Tensor:
        """The logits."""
        found: Tensor = self.layers(ink)
        return found


def save(network: Marks, path: Path, made: dict[str, Any]) -> None:
    """Write the weights in 16 bits, with the record of how they were made."""
    from safetensors.torch import save as serialise

    state = {name: value.half() for name, value in network.state_dict().items()}
    write_atomically(path, serialise(state, {_KEY: json.dumps(made, sort_keys=True)}))


def load(path: Path = WEIGHTS) -> Marks:
    """The network with its weights, ready to use."""
    from safetensors.torch import load_file

    network = Marks()
    network.load_state_dict({name: value.float() for name, value in load_file(path).items()})
    return network.eval()


def probabilities(network: Marks, page: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The maps of a page: float32 (2, height / 2, width / 2), from 0 to 1, rounded up.

    Args:
        network: the network.
        page: uint8 (height, width), 255 is white, staff lines 7 px apart.
    """
    ink = (255 - page).astype(np.float32) / 255
    height = -(-len(ink) // STRIDE)
    bands = []
    with torch.inference_mode():
        for top in range(0, len(ink), _BAND):
            first, last = max(top - _REACH, 0), min(top + _BAND + _REACH, len(ink))
            found = network(torch.from_numpy(ink[first:last])[None, None]).sigmoid()[0].numpy()
            bands.append(found[:, (top - first) // STRIDE :][:, : _BAND // STRIDE])
    return np.concatenate(bands, axis=1)[:, :height]
