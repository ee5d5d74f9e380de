"""From a dataset to what a model eats: paired windows of sheet and audio in Parquet shards."""
