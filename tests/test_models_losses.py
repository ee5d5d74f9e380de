"""The losses, against values calculated by hand."""

import math

import pytest

torch = pytest.importorskip("torch")

from msmdtools.models import losses  # noqa: E402
from msmdtools.models.options import InfoNce, Ranking, Triplet  # noqa: E402

# Cosines of sheets (rows) and audio (columns): as embeddings, rows of S against the unit matrix.
S = torch.tensor([[0.5, 0.25, -0.5], [0.75, 0.5, 0.0], [0.0, 0.125, 1.0]])
EYE = torch.eye(3)


def loss_of(options, same=None, s=S):
    return losses.make(options)(s, torch.eye(len(s)), same)


def same(*pairs):
    matrix = torch.eye(3, dtype=torch.bool)  # the diagonal must not matter
    for pair in pairs:
        matrix[pair] = True
    return matrix


def test_ranking_of_sheets():
    # Margin 0.5; rows: 0.25, 0 | 0.75, 0 | 0, 0.
    assert loss_of(Ranking(0.5, "sheet")).item() == pytest.approx((0.25 + 0.75) / 6)


def test_ranking_of_audio():
    # Columns: 0.75, 0 | 0.25, 0.125 | 0, 0.
    assert loss_of(Ranking(0.5, "audio")).item() == pytest.approx((0.75 + 0.25 + 0.125) / 6)


def test_ranking_of_both_is_their_mean():
    assert loss_of(Ranking(0.5)).item() == pytest.approx((1.0 + 1.125) / 12)


def test_ranking_leaves_out_the_same_music():
    # Without (1, 0), of 0.75 in either direction, five negatives are left.
    assert loss_of(Ranking(0.5), same((1, 0))).item() == pytest.approx((0.25 + 0.375) / 10)
    everything = torch.ones(3, 3, dtype=torch.bool)
    assert loss_of(Ranking(0.5), everything).item() == 0


def test_triplet_of_the_hardest():
    # Rows: 0.25, 0.75, 0.125 against 0.5, 0.5, 1: margin 0.5 gives 0.25, 0.75, 0.
    # Columns: 0.75, 0.25, 0 against the same: 0.75, 0.25, 0.
    expected = ((0.25 + 0.75) / 3 + (0.75 + 0.25) / 3) / 2
    assert loss_of(Triplet(0.5, "hardest")).item() == pytest.approx(expected)


def test_triplet_of_the_semi_hard():
    # Rows: 0.25; of 0.75 and 0.0 only 0.0 is below 0.5; 0.125. Columns: 0.0; 0.25; 0.0.
    expected = ((0.25 + 0 + 0) / 3 + (0 + 0.25 + 0) / 3) / 2
    assert loss_of(Triplet(0.5, "semi-hard")).item() == pytest.approx(expected)


def test_triplet_with_no_semi_hard_negative_takes_the_easiest():
    s = torch.tensor([[0.1, 0.75, 0.5], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    # Row 0: both are above 0.1, so the easier, 0.5, counts: 0.2 + 0.5 - 0.1.
    # Column 0: 0.2 + 0.0 - 0.1. The others are 0.
    assert loss_of(Triplet(0.2), s=s).item() == pytest.approx((0.6 + 0.1) / 3 / 2)


def test_triplet_leaves_out_the_same_music():
    got = loss_of(Triplet(0.5, "hardest"), same((1, 0)))
    # Row 1 is left with 0.0 (0); column 0 with 0.0 (0).
    assert got.item() == pytest.approx((0.25 / 3 + 0.25 / 3) / 2)
    assert loss_of(Triplet(0.5), torch.ones(3, 3, dtype=torch.bool)).item() == 0


def entropy(values, right):
    return math.log(sum(math.exp(v) for v in values)) - values[right]


def test_infonce():
    rows = [[2 * v for v in row] for row in S.tolist()]
    columns = [list(column) for column in zip(*rows, strict=True)]
    expected = sum(entropy(rows[i], i) + entropy(columns[i], i) for i in range(3)) / 6
    assert loss_of(InfoNce(temperature=0.5)).item() == pytest.approx(expected, abs=1e-6)


def test_infonce_leaves_out_the_same_music():
    rows = [[0.5, 0.25, -0.5], [0.5, 0.0], [0.0, 0.125, 1.0]]
    columns = [[0.5, 0.0], [0.25, 0.5, 0.125], [-0.5, 0.0, 1.0]]
    expected = entropy(rows[0], 0) + entropy(rows[1], 0) + entropy(rows[2], 2)
    expected += entropy(columns[0], 0) + entropy(columns[1], 1) + entropy(columns[2], 2)
    got = loss_of(InfoNce(temperature=1.0), same((1, 0)))
    assert got.item() == pytest.approx(expected / 6, abs=1e-6)


def test_infonce_with_smoothing_shares_among_those_that_are_left():
    smooth = InfoNce(temperature=1.0, smoothing=0.3)
    whole = torch.nn.functional.cross_entropy
    targets = torch.arange(3)
    plain = (whole(S, targets, label_smoothing=0.3) + whole(S.T, targets, label_smoothing=0.3)) / 2
    assert loss_of(smooth).item() == pytest.approx(plain.item(), abs=1e-6)
    got = loss_of(smooth, same((1, 0)))
    row = torch.tensor([[0.5, 0.0]])  # what row 1 and column 0 are left with
    expected = 2 * whole(row, torch.tensor([0]), label_smoothing=0.3)
    for values, right in ((S[0], 0), (S[2], 2), (S[:, 1], 1), (S[:, 2], 2)):
        expected += whole(values[None], torch.tensor([right]), label_smoothing=0.3)
    assert got.item() == pytest.approx(expected.item() / 6, abs=1e-6)


def test_temperature_is_learned_between_its_limits():
    loss = losses.make(InfoNce(temperature=0.07, lowest=0.05, highest=0.5))
    assert loss.temperature == pytest.approx(0.07)
    optimiser = torch.optim.SGD(loss.parameters(), lr=1e6)
    loss(EYE, EYE).backward()  # all right: the colder the better
    optimiser.step()
    optimiser.zero_grad()
    assert loss.temperature == pytest.approx(0.05)
    loss(EYE.flip(0), EYE).backward()  # mostly wrong: it comes back at once
    assert loss.log_scale.item() == pytest.approx(-math.log(0.05))
    assert loss.log_scale.grad.item() > 0
    fixed = losses.make(InfoNce(learned=False))
    assert not any(p.requires_grad for p in fixed.parameters())


@pytest.mark.parametrize("options", [Ranking(), Triplet(), Triplet(0.2, "hardest"), InfoNce()])
def test_no_negatives_no_nan_and_32_bits(options):
    u = torch.nn.functional.normalize(torch.randn(4, 8), dim=1).bfloat16().requires_grad_()
    loss = losses.make(options)
    for mask in (None, torch.ones(4, 4, dtype=torch.bool)):
        with torch.autocast("cpu", torch.bfloat16):
            value = loss(u, u.detach(), mask)
        assert value.dtype == torch.float32 and torch.isfinite(value)
        value.backward()
        assert torch.isfinite(u.grad).all()


@pytest.mark.parametrize("options", [Ranking(), Triplet(), Triplet(0.2, "hardest"), InfoNce()])
def test_order_of_the_pairs_does_not_matter(options):
    torch.manual_seed(1)
    u, v = (torch.nn.functional.normalize(torch.randn(9, 5), dim=1) for _ in range(2))
    mask = torch.rand(9, 9) < 0.2
    order = torch.randperm(9)
    loss = losses.make(options)
    torch.testing.assert_close(
        loss(u, v, mask), loss(u[order], v[order], mask[order][:, order]), rtol=1e-5, atol=1e-6
    )
