"""Shards in a process that has imported `datasets`, where Arrow gives spectrograms its type."""

import json
from pathlib import Path

import datasets
import numpy as np
import pyarrow.parquet as pq
import snippet_shards

from msmdtools.loading.loader import Stream
from msmdtools.snippets.schema import arrow_schema, read_info, storage


def test_datasets_finds_its_own_types_in_the_schema() -> None:
    schema = arrow_schema(snippet_shards.INFO)
    assert read_info(schema) == snippet_shards.INFO
    declared = datasets.Features.from_dict(
        json.loads(schema.metadata[b"huggingface"])["info"]["features"]
    )
    assert isinstance(declared["sheet"], datasets.Image)
    assert declared["spectrogram"] == datasets.Array2D((92, 92), "float16")
    assert set(declared) == set(schema.names)


def test_the_loader_reads_the_spectrograms_all_the_same(tmp_path: Path) -> None:
    folder = snippet_shards.write(tmp_path / "snippets", shards=1)
    shard = next((folder / "data").glob("*.parquet"))
    column = pq.read_table(shard)["spectrogram"]
    assert type(column.type).__name__ == "Array2DExtensionType"
    first = np.array(storage(column)[0].as_py(), np.float16)
    assert first.shape == snippet_shards.INFO.spectrogram_shape
    batch = next(iter(Stream(folder, "train", batch_size=4, context_s=4.2).read(epoch=0)))
    assert batch.spectrograms.shape == (4, 92, 84)
    assert (batch.spectrograms[:, 1, 42] >= 0.2 - 1e-3).all()
