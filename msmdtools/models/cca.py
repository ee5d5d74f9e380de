"""A layer that projects the features of sheet and audio onto their canonical correlations.

Method: M. Dorfer et al., "End-to-end cross-modality retrieval with CCA projections and pairwise
ranking loss", IJMIR 7 (2018), section 3. With centred features H1 (n, k) and H2 (n, k) of the two
sides,

    S11 = H1ᵀ H1 / (n - 1) + r I      S22 = H2ᵀ H2 / (n - 1) + r I      S12 = H1ᵀ H2 / (n - 1)
    T = S11^(-1/2) S12 S22^(-1/2) = E diag(c) Fᵀ

the canonical correlations are the singular values c of T, and the projections H1 S11^(-1/2) E and H2
S22^(-1/2) F, of which the first `dim` columns are the most correlated. In training they come from the
batch and the gradient flows through the whole calculation; for inference they come from running or
refitted statistics. Everything is calculated in 64 bits.

The gradients stay finite where those of the textbook do not:

- The inverse square root of a symmetric matrix is a smooth function of it, even if eigenvalues are
  equal: its derivative is written with divided differences (Daleckii and Krein), which have no gaps of
  eigenvalues in a denominator.
- The gradient of a singular value decomposition has the gaps c_k - c_j in a denominator. They belong
  to rotations of E and F together, which cosines do not see when all dimensions are kept; numerically
  that is 0 / 0. Written apart from the sums c_k + c_j, each with 1 / x replaced by x / (x² + ε²), it
  is exact where it exists and finite elsewhere.

The paper takes E and F from two eigendecompositions, of T Tᵀ and Tᵀ T, with a constant rT on their
diagonals, and then matches the signs. The constant moves eigenvalues and no eigenvectors, and one
singular value decomposition has the signs right, so neither is needed.
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

# Gaps of correlations below this count as none; the gradient's factor is at most half its inverse.
_GAP = 1e-5


class _InverseSqrt(torch.autograd.Function):
    """S^(-1/2) of a symmetric positive definite matrix."""

    @staticmethod
    def forward(ctx: Any, matrix: Tensor) -> Tensor:
        values, vectors = torch.linalg.eigh(matrix)
        # Rounding can make an eigenvalue that is not above the regulariser, or not above 0.
        floor = values[-1].abs() * torch.finfo(values.dtype).eps * len(values)
        roots = values.clamp(min=floor).clamp(min=torch.finfo(values.dtype).tiny).sqrt()
        ctx.save_for_backward(roots, vectors)
        root: Tensor = (vectors / roots) @ vectors.T
        return root

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        roots, vectors = ctx.saved_tensors
        # (f(a) - f(b)) / (a - b) of f(x) = 1 / sqrt(x), with the difference of the roots cancelled.
        differences = -1 / (roots[:, None] * roots * (roots[:, None] + roots))
        inner = vectors.T @ ((gradient + gradient.T) / 2) @ vectors
        derivative: Tensor = vectors @ (differences * inner) @ vectors.T
        return derivative


class _Svd(torch.autograd.Function):
    """Singular value decomposition of a square matrix: E, c (descending), F with T = E diag(c) Fᵀ."""

    @staticmethod
    def forward(ctx: Any, matrix: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        left, values, right = torch.linalg.svd(matrix)
        # Signs and the order of equal values are free; the largest entry of each column of E positive.
        largest = left.gather(0, left.abs().argmax(0, keepdim=True))
        signs = torch.where(largest < 0, -1.0, 1.0).to(left)
        left, right = left * signs, right.T * signs
        ctx.save_for_backward(left, values, right)
        return left, values, right

    @staticmethod
    def backward(ctx: Any, d_left: Tensor, d_values: Tensor, d_right: Tensor) -> Tensor:
        left, values, right = ctx.saved_tensors
        p, q = left.T @ d_left, right.T @ d_right
        p, q = p - p.T, q - q.T
        apart = _inverse(values - values[:, None])
        together = _inverse(values + values[:, None])
        inner = ((p + q) * apart + (p - q) * together) / 2
        inner = inner + torch.diag(d_values)
        derivative: Tensor = left @ inner @ right.T
        return derivative


_inverse_sqrt: Callable[[Tensor], Tensor] = _InverseSqrt.apply
_svd: Callable[[Tensor], tuple[Tensor, Tensor, Tensor]] = _Svd.apply


def _inverse(x: Tensor) -> Tensor:
    return x / (x * x + _GAP * _GAP)


def projections(s11: Tensor, s22: Tensor, s12: Tensor, dim: int) -> tuple[Tensor, Tensor, Tensor]:
    """Compute the projections of both sides and their correlations, the highest first.

    Args:
        s11, s22: covariances of each side (k, k), regularised.
        s12: their cross-covariance (k, k).
        dim: number of dimensions to keep.

    Returns:
        The projections of both sides, (k, dim) each, and their correlations (dim,).
    """
    device = s11.device
    # A processor decomposes matrices of this size sooner than a GPU.
    s11, s22, s12 = torch.stack([s11, s22, s12]).cpu().unbind()
    root1, root2 = _inverse_sqrt(s11), _inverse_sqrt(s22)
    left, values, right = _svd(root1 @ s12 @ root2)
    kept = root1 @ left[:, :dim], root2 @ right[:, :dim], values[:dim]
    return kept[0].to(device), kept[1].to(device), kept[2].to(device)


class CcaLayer(nn.Module):
    """Projects features of two sides onto their canonical correlations; see the module.

    In training mode `forward` uses the batch's statistics and updates the running ones; in evaluation
    mode both `forward` and `project` use the stored ones: running, or those of `refit`.

    Args:
        latent: features of each side.
        dim: dimensions to keep.
        regularise: r, which is added to the covariances' diagonals.
        momentum: weight of a new batch in the running statistics.

    Attributes:
        mean1, mean2: stored means of the features of both sides, (latent,).
        covariance1, covariance2: their stored covariances, (latent, latent).
        cross_covariance: stored cross-covariance of both sides, (latent, latent).
        batches: number of batches in the running statistics, ().
    """

    mean1: Tensor
    mean2: Tensor
    covariance1: Tensor
    covariance2: Tensor
    cross_covariance: Tensor
    batches: Tensor

    def __init__(self, latent: int, dim: int, regularise: float, momentum: float) -> None:
        super().__init__()
        self.dim, self.regularise, self.momentum = dim, regularise, momentum
        for side in "12":
            zeros = torch.zeros(latent, dtype=torch.float64)
            self.register_buffer(f"mean{side}", zeros)
            self.register_buffer(f"covariance{side}", torch.eye(latent, dtype=torch.float64))
        self.register_buffer("cross_covariance", torch.eye(latent, dtype=torch.float64))
        self.register_buffer("batches", torch.zeros((), dtype=torch.int64))
        self._solved: tuple[Any, tuple[Tensor, Tensor]] | None = None

    def forward(self, h1: Tensor, h2: Tensor) -> tuple[Tensor, Tensor]:
        """Project pairs of features (n, latent): projections (n, dim), in 64 bits."""
        if not self.training:
            return self.project(h1, 0), self.project(h2, 1)
        with torch.autocast(h1.device.type, enabled=False):
            moments = _moments(h1.double(), h2.double())
            self._update(moments)
            mean1, mean2, s11, s22, s12 = moments
            a, b, _ = projections(self._regular(s11), self._regular(s22), s12, self.dim)
            return (h1.double() - mean1) @ a, (h2.double() - mean2) @ b

    def project(self, h: Tensor, side: int) -> Tensor:
        """Project the features (n, latent) of one side (0 or 1) with stored statistics: (n, dim)."""
        mean = (self.mean1, self.mean2)[side]
        with torch.autocast(h.device.type, enabled=False):
            return (h.double() - mean) @ self._stored()[side]

    def correlations(self) -> Tensor:
        """The canonical correlations (dim,) of the stored statistics, the highest first."""
        s11, s22 = self._regular(self.covariance1), self._regular(self.covariance2)
        return projections(s11, s22, self.cross_covariance, self.dim)[2]

    @torch.no_grad()
    def refit(self, batches: Iterable[tuple[Tensor, Tensor]]) -> int:
        """Replace the stored statistics by those of all features in `batches`.

        Args:
            batches: features (n, latent) of both sides.

        Returns:
            The number of pairs.
        """
        count, total = 0, None
        for h1, h2 in batches:
            new = _moments(h1.double(), h2.double(), unbiased=False)
            total = new if total is None else _merged(total, count, new, len(h1))
            count += len(h1)
        if total is None or count < 2:
            return count
        stored = (self.mean1, self.mean2, self.covariance1, self.covariance2, self.cross_covariance)
        for k, (buffer, value) in enumerate(zip(stored, total, strict=True)):
            buffer.copy_(value if k < 2 else value * (count / (count - 1)))
        self.batches.fill_(1)
        return count

    @torch.no_grad()
    def _update(self, moments: tuple[Tensor, ...]) -> None:
        # The first batches count equally, so that the initial values soon vanish.
        self.batches += 1
        weight = (1 / self.batches.double()).clamp(min=self.momentum)
        stored = (self.mean1, self.mean2, self.covariance1, self.covariance2, self.cross_covariance)
        for buffer, value in zip(stored, moments, strict=True):
            buffer.lerp_(value, weight)

    def _regular(self, covariance: Tensor) -> Tensor:
        eye = torch.eye(len(covariance), dtype=covariance.dtype, device=covariance.device)
        return covariance + self.regularise * eye

    def _stored(self) -> tuple[Tensor, Tensor]:
        """The projections of the stored statistics, calculated anew when those have changed."""
        buffers = (self.covariance1, self.covariance2, self.cross_covariance)
        state = tuple((b.data_ptr(), b._version) for b in buffers)
        if self._solved is None or self._solved[0] != state:
            with torch.no_grad():
                s11, s22 = self._regular(buffers[0]), self._regular(buffers[1])
                a, b, _ = projections(s11, s22, buffers[2], self.dim)
            self._solved = state, (a, b)
        return self._solved[1]


def _moments(h1: Tensor, h2: Tensor, unbiased: bool = True) -> tuple[Tensor, ...]:
    """Means of both sides, their covariances and their cross-covariance."""
    mean1, mean2 = h1.mean(0), h2.mean(0)
    a, b = h1 - mean1, h2 - mean2
    count = max(len(h1) - unbiased, 1)
    return mean1, mean2, a.T @ a / count, b.T @ b / count, a.T @ b / count


def _merged(
    first: tuple[Tensor, ...], n: int, second: tuple[Tensor, ...], m: int
) -> tuple[Tensor, ...]:
    """Merge moments (not unbiased) of n and m pairs (Chan, Golub and LeVeque 1979)."""
    share = m / (n + m)
    d1, d2 = second[0] - first[0], second[1] - first[1]
    between = (torch.outer(d1, d1), torch.outer(d2, d2), torch.outer(d1, d2))
    means = (first[0] + share * d1, first[1] + share * d2)
    within = (
        torch.lerp(a, b, share) + share * (1 - share) * c
        for a, b, c in zip(first[2:], second[2:], between, strict=True)
    )
    return *means, *within
