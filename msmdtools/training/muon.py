"""Muon: momentum whose steps are orthogonalised, for the weights of convolutions and linear layers.

Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks". Each weight is taken as a
matrix (outputs, inputs x kernel); its momentum (Nesterov) is replaced by the nearest orthogonal matrix,
found by five steps of a Newton-Schulz iteration, so that all directions of a step are equally large.
`torch.optim.Muon` is the same for matrices, and does not take convolutions.
"""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

# A quintic whose iteration brings singular values from (0, 1] to about 1 (0.7 to 1.2) in five steps.
_A, _B, _C = 3.4445, -4.7750, 2.0315
_STEPS = 5


class Muon(torch.optim.Optimizer):
    """Muon for weights of two or more dimensions.

    Args:
        lr: length of a step, of the orthogonal matrix: 0.02 is usual.
        momentum: of the gradient's running mean.
        weight_decay: decoupled, times `lr`.

    Raises:
        ValueError: a parameter has fewer than two dimensions.
    """

    def __init__(
        self,
        parameters: Iterable[Tensor],
        lr: float = 0.02,
        momentum: float = 0.95,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})
        if any(p.ndim < 2 for group in self.param_groups for p in group["params"]):
            raise ValueError("Muon takes weights of two or more dimensions only")

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:
        """One step along the gradients."""
        assert closure is None
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if not state:
                    state["momentum"] = torch.zeros_like(p)
                state["momentum"].lerp_(p.grad, 1 - group["momentum"])
                ahead = p.grad.lerp(state["momentum"], group["momentum"])
                update = orthogonalise(ahead.flatten(1))
                # Wide and tall matrices move their outputs by the same amount.
                update *= max(1.0, update.shape[0] / update.shape[1]) ** 0.5
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.add_(update.view_as(p), alpha=-group["lr"])


def orthogonalise(matrix: Tensor) -> Tensor:
    """About the nearest orthogonal matrix to a matrix: singular values become 0.7 to 1.2.

    Each step of the iteration multiplies by a polynomial of x xᵀ, and these commute: so they are
    multiplied with each other, which are small matrices, and with x once.
    """
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if tall else matrix
    x = x / (x.norm() + 1e-7)
    gram = x @ x.T
    product: Tensor | None = None
    for step in range(_STEPS):
        factor = _B * gram + _C * (gram @ gram)
        factor.diagonal().add_(_A)
        product = factor if product is None else factor @ product
        if step < _STEPS - 1:
            gram = factor @ gram @ factor
    x = product @ x
    return x.T if tall else x
