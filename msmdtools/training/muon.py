"""The optimiser Muon, which orthogonalises its steps, for the weights of convolutions and linear layers.

Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks". Each weight is taken as a
matrix (outputs, inputs x kernel); its momentum (Nesterov) is replaced by the nearest orthogonal matrix,
computed by five steps of a Newton-Schulz iteration, so that all directions of a step are equally large.
`torch.optim.Muon` does the same for matrices, and does not take convolutions.
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
        parameters: the weights.
        lr: length of a step, in units of the orthogonal matrix: 0.02 is usual.
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
    def step(self, closure: Any = None) -> Any:
        """Take one step along the gradients. The closure must be None, and nothing is returned."""
        assert closure is None
        for group in self.param_groups:
            parameters = [p for p in group["params"] if p.grad is not None]
            if not parameters:
                continue
            gradients = [p.grad for p in parameters]
            momenta = [self._momentum(p) for p in parameters]
            torch._foreach_lerp_(momenta, gradients, 1 - group["momentum"])
            ahead = torch._foreach_lerp(gradients, momenta, group["momentum"])
            torch._foreach_mul_(parameters, 1 - group["lr"] * group["weight_decay"])
            # Matrices of one size together: otherwise a GPU gets thousands of small products.
            alike: dict[torch.Size, list[int]] = {}
            steps = [_matrix(values, p) for values, p in zip(ahead, parameters, strict=True)]
            for number, matrix in enumerate(steps):
                alike.setdefault(matrix.shape, []).append(number)
            for (rows, columns), numbers in alike.items():
                updates = orthogonalise(torch.stack([steps[n] for n in numbers]))
                # Wide and tall matrices move their outputs by the same amount.
                rate = group["lr"] * max(1.0, rows / columns) ** 0.5
                for number, update in zip(numbers, updates, strict=True):
                    _matrix(parameters[number], parameters[number]).add_(update, alpha=-rate)

    def _momentum(self, p: Tensor) -> Tensor:
        state = self.state[p]
        if not state:
            state["momentum"] = torch.zeros_like(p)
        momentum: Tensor = state["momentum"]
        return momentum


def _matrix(values: Tensor, weight: Tensor) -> Tensor:
    """A weight's values as a matrix (outputs, inputs x kernel), in the order in which the weight is stored.

    For the weight itself the matrix is a view.
    """
    if weight.ndim == 4 and weight.is_contiguous(memory_format=torch.channels_last):
        values = values.permute(0, 2, 3, 1)
    return values.flatten(1)


def orthogonalise(matrices: Tensor) -> Tensor:
    """Approximate the nearest orthogonal matrices: singular values become 0.7 to 1.2.

    Each step of the iteration multiplies by a polynomial of x xᵀ, and these polynomials commute: so they
    are multiplied with each other, which are small matrices, and with x once.

    Args:
        matrices: (..., rows, columns).
    """
    tall = matrices.shape[-2] > matrices.shape[-1]
    x = matrices.mT if tall else matrices
    x = x / (torch.linalg.matrix_norm(x, keepdim=True) + 1e-7)
    gram = x @ x.mT
    product: Tensor | None = None
    for step in range(_STEPS):
        factor = _B * gram + _C * (gram @ gram)
        factor.diagonal(dim1=-2, dim2=-1).add_(_A)
        product = factor if product is None else factor @ product
        if step < _STEPS - 1:
            gram = factor @ gram @ factor
    assert product is not None
    nearest: Tensor = product @ x
    return nearest.mT if tall else nearest
