"""Each loss and projection learns a correspondence that can be learned, and keeps it in inference."""

import pytest

torch = pytest.importorskip("torch")

from msmdtools.models import config, losses  # noqa: E402
from msmdtools.models.network import TwoTower  # noqa: E402

ROWS, COLUMNS, FRAMES = 24, 40, 16
TOWER = {
    "kind": "residual",
    "stem": 8,
    "widths": [8, 16],
    "blocks": [1, 1],
    "head": 4,
    "stem_kernel": 5,
}


def pairs(n, generator):
    """Blots at three of ten columns of the sheet, and sound in the bands that belong to them."""
    columns = torch.rand(n, 10, generator=generator).topk(3).indices
    chosen = torch.zeros(n, 10).scatter_(1, columns, 1.0)
    rows = torch.randint(0, 3, (n, 10), generator=generator)
    ink = torch.nn.functional.one_hot(rows, 3).float() * chosen[:, :, None]  # (n, column, row)
    ink = ink.transpose(1, 2).repeat_interleave(8, 1).repeat_interleave(4, 2)
    sheets = (255 * (1 - ink)).to(torch.uint8)
    sounds = torch.rand(n, 92, FRAMES, generator=generator) * 0.2
    sounds[:, :90] += chosen.repeat_interleave(9, 1)[:, :, None]
    return sheets, sounds.half(), chosen


@pytest.mark.parametrize(
    ("projection", "loss", "attention"),
    [
        ({"kind": "linear", "dim": 16}, {"kind": "infonce"}, None),
        ({"kind": "cca", "dim": 8, "latent": 8}, {"kind": "ranking"}, None),
        ({"kind": "linear", "dim": 16}, {"kind": "triplet"}, {"kind": "soft", "width": 2}),
    ],
    ids=["infonce", "cca-ranking", "triplet-attention"],
)
def test_learns(projection, loss, attention):
    torch.manual_seed(0)
    content = {
        "name": "learner",
        "context_s": FRAMES / 20,
        "sheet": {"rows": ROWS, "columns": COLUMNS},
        "sheet_tower": TOWER,
        "audio_tower": TOWER,
        "projection": projection,
        "loss": loss,
        **({"attention": attention} if attention else {}),
    }
    c = config.from_mapping(content)
    network, criterion = TwoTower(c), losses.make(c.loss)
    learned = [*network.parameters(), *criterion.parameters()]
    optimiser = torch.optim.AdamW(learned, 5e-3)
    generator = torch.Generator().manual_seed(1)
    for _ in range(25):
        sheets, sounds, chosen = pairs(48, generator)
        # Of 120 sets of columns some are twice in a batch: the same music.
        same = chosen @ chosen.T > 2.5
        criterion(*network(sheets, sounds), same).backward()
        optimiser.step()
        optimiser.zero_grad()
    network.eval()
    sheets, sounds, chosen = pairs(100, generator)
    with torch.no_grad():
        found = (network.embed_audio(sounds) @ network.embed_sheet(sheets).T).argmax(1)
    right = (chosen[found] == chosen).all(1).float().mean().item()
    assert right > 0.3  # by chance about 0.02
