"""A model that trains in seconds, snippets for it, and how two runs are compared."""

from pathlib import Path

import snippet_shards

ROWS, COLUMNS = 24, 40
TOWER = {"kind": "residual", "unshuffle": 2, "stem": 4, "widths": [8], "blocks": [1], "head": 4}


def content(projection: dict | None = None, **training) -> dict:
    """A configuration as a mapping; 2 pieces x 8 onsets in a batch."""
    return {
        "name": "tiny",
        "context_s": 2.1,
        "sheet": {"rows": ROWS, "columns": COLUMNS, "scale": 1},
        "sheet_tower": {**TOWER, "dropout": 0.1},
        "audio_tower": TOWER,
        "projection": projection or {"kind": "linear", "dim": 16},
        "loss": {"kind": "infonce"},
        "training": {"batch_size": 16, "onsets_per_piece": 8, "precision": "32", **training},
        "augment": {"sheet": {"shift_px": 2, "scale": 0.05}, "audio": {"gain_db": 3}},
    }


def config(projection: dict | None = None, **training):
    from msmdtools.models import config as configs

    return configs.from_mapping(content(projection, **training))


def snippets(folder: Path, licence: str = "CC0-1.0") -> Path:
    """4 pieces x 24 onsets x 2 performances to train on, 3 x 10 to validate on."""
    snippet_shards.write(folder, onsets=24, shards=2, licence=licence)
    return snippet_shards.write(folder, pieces=3, onsets=10, performances=1, split="valid")


def weights(run: Path) -> dict:
    """The best weights of a run, by name."""
    from safetensors.torch import load_file

    return load_file(run / "weights.safetensors")


def state(run: Path, name: str = "last.pt") -> dict:
    """A checkpoint of a run."""
    import io

    import torch

    data = (run / "checkpoints" / name).read_bytes()[32:]
    return torch.load(io.BytesIO(data), weights_only=True)


def equal(one, other) -> bool:
    """Whether two checkpoints, or parts of them, are the same bit by bit."""
    import torch

    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(equal(one[k], other[k]) for k in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(equal, one, other))
    return one == other
