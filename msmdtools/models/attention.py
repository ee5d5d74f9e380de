"""Soft attention over the frames of a spectrogram (Balke et al., ISMIR 2019).

A network of its own looks at the spectrogram (n, 1, 92, frames) and gives one number per frame: the
stages of the vgg tower, a convolution of 1 x 1 to as many channels as there are frames, the mean over
the map. A softmax over the frames makes them a distribution a, and the audio tower sees the
spectrogram multiplied by frames · a: where the attention is even, nothing changes.
"""

from torch import Tensor, nn

from msmdtools.models.options import Soft
from msmdtools.models.towers import vgg_stages


class SoftAttention(nn.Module):
    """Distribution over the frames of a spectrogram; see the module."""

    def __init__(self, options: Soft, frames: int) -> None:
        super().__init__()
        self.stages = vgg_stages(options.width)
        self.scores = nn.Conv2d(4 * options.width, frames, 1)
        nn.init.kaiming_uniform_(self.scores.weight, nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        """Weights (n, frames), each row summing to 1, for spectrograms (n, 1, 92, frames)."""
        # The mean and the convolution of 1 x 1 are linear: in this order there is far less to do.
        pooled = self.stages(x).mean((2, 3), keepdim=True)
        scores: Tensor = self.scores(pooled)
        return scores.flatten(1).float().softmax(1)


def attend(x: Tensor, weights: Tensor) -> Tensor:
    """Spectrograms (n, 1, 92, frames) weighted by frames times the weights (n, frames)."""
    return x * (weights * weights.shape[1])[:, None, None, :]
