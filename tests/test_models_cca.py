"""The CCA layer against a reference, and where its gradients are hard."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from msmdtools.models.cca import CcaLayer, _InverseSqrt, _Svd, projections  # noqa: E402


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def features(n=200, k=6, shared=4, seed=0):
    """Two sides of which `shared` dimensions are correlated, more and more."""
    rng = np.random.default_rng(seed)
    common = rng.normal(size=(n, shared))
    noise = np.linspace(0.1, 2, shared)
    sides = []
    for _ in range(2):
        own = np.concatenate(
            [common + noise * rng.normal(size=(n, shared)), rng.normal(size=(n, k - shared))], 1
        )
        sides.append(torch.from_numpy(own @ rng.normal(size=(k, k)) + rng.normal(size=k)))
    return sides


def reference_correlations(a, b):
    """Canonical correlations by QR and SVD (Björck and Golub 1973), without regularisation."""
    bases = [np.linalg.qr(x.numpy() - x.numpy().mean(0))[0] for x in (a, b)]
    return np.linalg.svd(bases[0].T @ bases[1])[1]


def test_correlations_are_those_of_a_reference():
    a, b = features()
    layer = CcaLayer(6, 4, 1e-12, 0.1)
    u, v = layer(a, b)
    expected = reference_correlations(a, b)[:4]
    got = [np.corrcoef(u[:, i].numpy(), v[:, i].numpy())[0, 1] for i in range(4)]
    np.testing.assert_allclose(got, expected, atol=1e-8)
    # White, and nothing correlated across dimensions.
    np.testing.assert_allclose(np.cov(u.numpy().T), np.eye(4), atol=1e-8)
    cross = (u - u.mean(0)).T @ (v - v.mean(0)) / (len(u) - 1)
    np.testing.assert_allclose(cross.numpy(), np.diag(expected), atol=1e-8)


def test_regularised_projections_are_those_of_numpy():
    a, b = features()
    layer = CcaLayer(6, 6, 1e-3, 0.1)
    u, _ = layer(a, b)
    x, y = a.numpy() - a.numpy().mean(0), b.numpy() - b.numpy().mean(0)
    s11, s22 = (z.T @ z / (len(z) - 1) + 1e-3 * np.eye(6) for z in (x, y))
    roots = []
    for s in (s11, s22):
        d, q = np.linalg.eigh(s)
        roots.append(q / np.sqrt(d) @ q.T)
    e = np.linalg.svd(roots[0] @ (x.T @ y / (len(x) - 1)) @ roots[1])[0]
    expected = x @ roots[0] @ e
    signs = np.sign((expected * u.numpy()).sum(0))
    np.testing.assert_allclose(u.numpy(), expected * signs, atol=1e-9)


def test_gradients_of_the_parts():
    m = torch.randn(5, 5, dtype=torch.float64)
    spd = (m @ m.T + torch.eye(5)).requires_grad_()
    assert torch.autograd.gradcheck(lambda s: _InverseSqrt.apply((s + s.T) / 2), spd)
    t = (torch.randn(4, 4, dtype=torch.float64) / 2).requires_grad_()
    assert torch.autograd.gradcheck(_Svd.apply, t)


@pytest.mark.parametrize("dim", [5, 3])
def test_gradient_of_the_layer(dim):
    a, b = (x[:, :5].clone().requires_grad_() for x in features(n=12))

    def cosines(a, b):
        layer = CcaLayer(5, dim, 1e-3, 0.1)
        u, v = layer(a, b)
        unit = torch.nn.functional.normalize
        return unit(u) @ unit(v).T

    assert torch.autograd.gradcheck(cosines, (a, b), atol=1e-4, rtol=1e-3)


def test_inverse_root_where_eigenvalues_are_equal():
    s = torch.eye(4, dtype=torch.float64).mul(0.25).requires_grad_()
    assert torch.autograd.gradcheck(lambda s: _InverseSqrt.apply((s + s.T) / 2), s)


def test_exact_gradient_where_correlations_are_equal():
    # E Fᵀ is what cosines depend on: smooth although E and F are not.
    t = torch.eye(3, dtype=torch.float64).mul(0.5).requires_grad_()

    def polar(t):
        left, _, right = _Svd.apply(t)
        return left @ right.T

    assert torch.autograd.gradcheck(polar, t, atol=1e-6)


@pytest.mark.parametrize("case", ["few pairs", "constant", "equal features", "same sides", "huge"])
@pytest.mark.parametrize("dim", [8, 4])
def test_degenerate_batches_have_finite_gradients(case, dim):
    a, b = torch.randn(40, 8), torch.randn(40, 8)
    if case == "few pairs":
        a, b = a[:3], b[:3]
    elif case == "constant":
        a = torch.ones_like(a)
    elif case == "equal features":
        a = a[:, :1].expand(-1, 8).clone()
    elif case == "same sides":
        b = a.clone()
    else:
        a = a * 1e8
    a.requires_grad_(), b.requires_grad_()
    u, v = CcaLayer(8, dim, 1e-3, 0.1)(a, b)
    unit = torch.nn.functional.normalize
    (unit(u) * unit(v).roll(1, 0)).sum().backward()
    for x in (u, v, a.grad, b.grad):
        assert torch.isfinite(x).all()


def test_singular_covariance_without_much_regularisation():
    a, b = torch.randn(5, 8, dtype=torch.float64), torch.randn(5, 8, dtype=torch.float64)
    a.requires_grad_()
    u, v = CcaLayer(8, 8, 1e-9, 0.1)(a, b)
    (u @ v.T).sum().backward()
    assert torch.isfinite(u).all() and torch.isfinite(a.grad).all()


def test_projections_have_equal_sides_for_equal_features():
    s = torch.diag(torch.tensor([3.0, 2, 1], dtype=torch.float64))
    a, b, c = projections(s, s, s, 3)
    torch.testing.assert_close(a, b)
    torch.testing.assert_close(c, torch.ones(3, dtype=torch.float64))


def test_refit_is_the_statistics_of_all_pairs():
    a, b = features(n=100)
    layer = CcaLayer(6, 4, 1e-3, 0.1)
    expected = [x.detach() for x in layer(a, b)]
    layer.refit([(torch.zeros(7, 6), torch.ones(7, 6))])  # something else meanwhile
    assert layer.refit(zip(a.split(33), b.split(33), strict=True)) == 100
    layer.eval()
    for got, want in zip(layer(a, b), expected, strict=True):
        torch.testing.assert_close(got, want)


def test_running_statistics_approach_those_of_the_features():
    a, b = features(n=4000)
    layer = CcaLayer(6, 4, 1e-3, 0.02)
    for x, y in zip(a.split(100), b.split(100), strict=True):
        layer(x, y)
    running = layer.eval().correlations()
    np.testing.assert_allclose(running.numpy(), reference_correlations(a, b)[:4], atol=0.03)


def test_stored_projections_follow_their_statistics():
    a, b = features()
    layer = CcaLayer(6, 4, 1e-3, 0.1).eval()
    before = layer.project(a, 0)
    assert torch.equal(before, layer.project(a, 0))
    other = CcaLayer(6, 4, 1e-3, 0.1)
    other(a, b)
    layer.load_state_dict(other.state_dict())
    torch.testing.assert_close(layer.project(a, 0), other.eval().project(a, 0))
    assert not torch.allclose(before, layer.project(a, 0))
