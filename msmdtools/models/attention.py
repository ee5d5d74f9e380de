"""Soft attention over the frames of a spectrogram (Balke et al., ISMIR 2019).

A separate network takes the spectrogram (n, 1, 92, frames) and computes one number per frame: the
stages of the vgg tower, a convolution of 1 x 1 with as many output channels as there are frames, and the
mean over the map. A softmax over the frames turns them into a distribution a, and the audio tower gets
the spectrogram multiplied by frames · a: even attention changes nothing.
"""

from torch import Tensor, nn

from msmdtools.models.options import Soft
from msmdtools.models.towers import vgg_stages


class SoftAttention(nn.Module):
    """Distribution over the frames of a spectrogram; see the module.

    Args:
        options: width of the network.
        frames: frames of the spectrogram.
    """

    def __init__(self, options: Soft, frames: int) -> None:
        super().__init__()
        self.stages = vgg_stages(options.width)
        self.scores = nn.Conv2d(4 * options.width, frames, 1)
        nn.init.kaiming_uniform_(self.scores.weight, nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        """Compute the weights (n, frames), each row summing to 1, of spectrograms (n, 1, 92, frames)."""
        # The mean and the convolution of 1 x 1 are linear: in this order there is far less to do.
        pooled = self.stages(x).mean((2, 3), keepdim=True)
        scores: Tensor = self.scores(pooled)
        return scores.flatten(1).float().softmax(1)


def attend(x: Tensor, weights: Tensor) -> Tensor:
    """Weight spectrograms (n, 1, 92, frames) by frames times the weights (n, frames)."""
    return x * (weights * weights.shape[1])[:, None, None, :]
