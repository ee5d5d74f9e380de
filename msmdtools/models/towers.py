"""The towers: networks that compute the features of a window of one side.

A tower takes (n, 1, rows, columns) floats and returns (n, features). `build` makes one from its options.
Maps are kept with the channels last, with which convolutions on processors are fastest.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from msmdtools.errors import MsmdError
from msmdtools.models.options import Residual, Tower, Vgg


def build(options: Tower, shape: tuple[int, int]) -> "VggTower | ResidualTower":
    """Make the tower that options describe, for windows of this shape (rows, columns).

    Its attribute `features` is the number of features that it computes.

    Raises:
        MsmdError: the window is too small for so many stages.
    """
    return TOWERS[type(options)](options, shape)


def channels_last(x: Tensor) -> Tensor:
    """Windows (n, rows, columns) as (n, 1, rows, columns) with the channels last, without a copy.

    With one channel both orders are the same in memory, and PyTorch assumes the channels first.
    """
    return x.unsqueeze(-1).permute(0, 3, 1, 2)


def convolution(before: int, after: int, kernel: int = 3, stride: int = 1) -> nn.Conv2d:
    """Make a convolution without bias that keeps the size (a batch normalisation follows).

    Args:
        before, after: channels of its input and its output.
        kernel: side of the kernel, odd.
        stride: of the convolution; above 1 it divides the size.

    Returns:
        The layer.
    """
    return nn.Conv2d(before, after, kernel, stride, kernel // 2, bias=False)


def vgg_stages(width: int) -> nn.Sequential:
    """Make four stages of two convolutions, each with batch normalisation and ELU, and a maximum of 2 x 2.

    They are the trunk of both towers and of the attention of Dorfer et al. (TISMIR 2018), table 2.
    """
    layers: list[nn.Module] = []
    before = 1
    for after in (width, 2 * width, 4 * width, 4 * width):
        for _ in range(2):
            kernels = convolution(before, after)
            nn.init.kaiming_uniform_(kernels.weight, nonlinearity="relu")
            layers += [kernels, nn.BatchNorm2d(after), nn.ELU(inplace=True)]
            before = after
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers)


class VggTower(nn.Module):
    """The tower of Dorfer et al. (TISMIR 2018); with the dense head that of Balke et al. (ISMIR 2019)."""

    def __init__(self, options: Vgg, shape: tuple[int, int]) -> None:
        super().__init__()
        rows, columns = shape[0] // 16, shape[1] // 16
        if not (rows and columns):
            raise _too_small(shape, 16)
        self.stages = vgg_stages(options.width)
        self.latent = nn.Conv2d(4 * options.width, options.latent, 1, bias=not options.latent_norm)
        nn.init.kaiming_uniform_(self.latent.weight, nonlinearity="relu")
        self.norm = nn.BatchNorm2d(options.latent) if options.latent_norm else nn.Identity()
        self.dropout = nn.Dropout(options.dropout)
        self.dense: nn.Module | None = None
        self.features = options.latent
        if options.head == "dense":
            self.features = options.dense
            self.dense = nn.Linear(options.latent * rows * columns, options.dense)
            nn.init.kaiming_uniform_(self.dense.weight, nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        """Compute the features (n, features) of windows (n, 1, rows, columns)."""
        x = self.norm(self.latent(self.stages(x)))
        features: Tensor = self.dropout(x.mean((2, 3)) if self.dense is None else x.flatten(1))
        if self.dense is not None:
            features = self.dense(features)
        return features


class _Block(nn.Module):
    """Two convolutions and what goes past them (He et al., CVPR 2016; the shortcut of a stride is a
    mean, then a convolution of 1 x 1: He T. et al., CVPR 2019, ResNet-D)."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Sequential(convolution(before, after, 3, stride), nn.BatchNorm2d(after))
        norm = nn.BatchNorm2d(after)
        # The block begins as its shortcut, which makes the first steps of training safe.
        nn.init.zeros_(norm.weight)
        self.second = nn.Sequential(convolution(after, after), norm)
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1 or before != after:
            mean = nn.AvgPool2d(stride, ceil_mode=True) if stride > 1 else nn.Identity()
            project = convolution(before, after, 1)
            self.shortcut = nn.Sequential(mean, project, nn.BatchNorm2d(after))
        self.active = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        y = self.second(self.active(self.first(x)))
        activated: Tensor = self.active(y + self.shortcut(x))
        return activated


class ResidualTower(nn.Module):
    """A strided residual tower whose last map is flattened, so that features keep their positions.

    A stem, then stages of residual blocks. All but the first stage halve the map; that too, if its stride
    is 2.
    """

    def __init__(self, options: Residual, shape: tuple[int, int]) -> None:
        super().__init__()
        self.unshuffle, self.pool = options.unshuffle, options.pool
        if shape[0] % self.unshuffle or shape[1] % self.unshuffle:
            raise MsmdError(
                f"a window of {shape[0]} x {shape[1]} cannot be cut into squares of "
                f"{self.unshuffle}; choose another unshuffle"
            )
        channels = self.unshuffle**2
        # Without a scale and shift to learn, the gradient need not come back through the stem: 6 %
        # of a step.
        self.norm: nn.Module = (
            nn.BatchNorm2d(channels, affine=False) if options.input_norm else nn.Identity()
        )
        self.stem = nn.Sequential(
            convolution(channels, options.stem, options.stem_kernel, options.stem_stride),
            nn.BatchNorm2d(options.stem),
            nn.ReLU(inplace=True),
        )
        sides = [-(-side // self.unshuffle // options.stem_stride) for side in shape]
        before, layers = options.stem, []
        for stage, (width, blocks) in enumerate(zip(options.widths, options.blocks, strict=True)):
            for block in range(blocks):
                first = 2 if stage else options.first_stride
                stride = 1 if block else first
                sides = [-(-side // stride) for side in sides]
                layers.append(_Block(before, width, stride))
                before = width
        self.stages = nn.Sequential(*layers)
        self.head: nn.Module = nn.Identity()
        if options.head:
            self.head = nn.Sequential(
                convolution(before, options.head, 1),
                nn.BatchNorm2d(options.head),
                nn.ReLU(inplace=True),
            )
            before = options.head
        self.dropout = nn.Dropout(options.dropout)
        rows, columns = {"none": sides, "rows": [1, sides[1]], "all": [1, 1]}[options.pool]
        # Shape of the map that is flattened: channels, rows, columns.
        self.map = (before, rows, columns)
        self.features = before * rows * columns

    def forward(self, x: Tensor) -> Tensor:
        """Compute the features (n, features) of windows (n, 1, rows, columns)."""
        x = self.head(self.stages(self.stem(self.norm(_squares(x, self.unshuffle)))))
        if self.pool == "rows":
            x = x.mean(2)
        elif self.pool == "all":
            x = x.mean((2, 3))
        features: Tensor = self.dropout(x.flatten(1))
        return features


def _squares(x: Tensor, side: int) -> Tensor:
    """Squares of pixels as channels: (n, 1, rows, columns) -> (n, side², rows / side, columns / side)."""
    if side == 1:
        return x
    n, _, rows, columns = x.shape
    x = x.reshape(n, rows // side, side, columns // side, side).transpose(2, 3)
    return x.reshape(n, rows // side, columns // side, side * side).permute(0, 3, 1, 2)


def _too_small(shape: tuple[int, int], least: int) -> MsmdError:
    return MsmdError(
        f"a window of {shape[0]} x {shape[1]} is too small for a vgg tower; "
        f"it needs {least} in both directions"
    )


TOWERS: dict[type, Callable[[Any, tuple[int, int]], VggTower | ResidualTower]] = {
    Vgg: VggTower,
    Residual: ResidualTower,
}


def fold(network: nn.Module) -> None:
    """Merge each batch normalisation into the convolution before it, for inference, in place.

    The network must be in evaluation mode, and cannot be trained any longer.
    """
    for part in network.modules():
        if isinstance(part, nn.Sequential):
            for k in range(len(part) - 1):
                first, second = part[k], part[k + 1]
                if isinstance(first, nn.Conv2d) and isinstance(second, nn.BatchNorm2d):
                    part[k] = fuse_conv_bn_eval(first, second)
                    part[k + 1] = nn.Identity()
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # not in its types


def parameters(module: nn.Module) -> int:
    """Count the numbers that a network learns."""
    return sum(p.numel() for p in module.parameters())


def count_products(module: nn.Module, *inputs: Tensor) -> int:
    """Count the multiplications of one forward pass in convolutions and linear layers, for these inputs."""
    total = 0

    def count(layer: Any, _: Any, output: Tensor) -> None:
        nonlocal total
        total += output.numel() * layer.weight[0].numel()

    layers = [m for m in module.modules() if isinstance(m, (nn.Conv2d, nn.Linear))]
    hooks = [layer.register_forward_hook(count) for layer in layers]
    training = module.training
    try:
        with torch.no_grad():
            module.eval()(*inputs)
    finally:
        module.train(training)
        for hook in hooks:
            hook.remove()
    return total
